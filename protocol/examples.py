"""Examples of every message, made from the definitions: for the reference, and for tests that must miss none.

A value is a word that fits its field's name where we have one, and is checked against the definition like
anything that comes from outside; where a word does not fit, one is made from the bounds alone.
"""

from __future__ import annotations

import re
import types
import typing
from typing import Any

import msgspec
from msgspec import inspect

_WORDS: dict[str, Any] = {
    "addresses": "192.0.2.10",
    "after": 41,
    "bindings": "u_ben/video",
    "by": "u_olga",
    "client": "k3v9q2m7x1",
    "code": "internal",
    "commands": "stage.request",
    "conference": "weekly",
    "count": 120,
    "details": "$.target",
    "device": "f3a9c2d1",
    "emoji": "👏",
    "gone_tracks": "u_ben/video",
    "heights": 360,
    "id": 7,
    "label": "Built-in camera",
    "link": 2,
    "level": 64,
    "limit": 50,
    "message": "This is not possible.",
    "name": "Anna",
    "number": 3,
    "peer": "u_ben",
    "peers": "stage",
    "person": "u_ben",
    "poll": 2,
    "position": 0,
    "reason": "Thank you.",
    "resume": "r_9f2c4e",
    "revision": 2,
    "room": "weekly",
    "rules": "moderator",
    "sdp": "v=0\r\n",
    "spotlight": "u_ben",
    "secret": "a long random text",
    "stage_places": 36,
    "target": "u_ben",
    "text": "Hello, everybody.",
    "time": 1_790_000_000_000,
    "title": "Weekly meeting",
    "to": "stage",
    "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "track": "u_ben/video",
    "tracks": "u_ben/video",
    "udp_port": 40_000,
    "url": "https://example.org/slides",
    "version": 42,
    "worker": "w_1",
}
# The keys of maps, by the field's name.
_KEYS = {
    "bindings": "0",
    "counts": "👏",
    "details": "path",
    "devices": "u_ben",
    "dropped": "rtp",
    "heights": "u_ben/video",
    "peers": "u_ben",
    "positions": "weekly",
    "rules": "stage.grant",
    "sources": "video",
    "tiles": "u_ben",
    "tracks": "0",
    "votes": "3",
}
_PERSON = "u_anna"


def members(union: Any) -> tuple[type[msgspec.Struct], ...]:
    """The message classes of a union, in the order of its definition; nested unions are flattened."""
    if isinstance(union, type):
        return (union,)
    if isinstance(union, types.UnionType) or typing.get_origin(union) is typing.Union:
        return tuple(dict.fromkeys(found for part in typing.get_args(union) for found in members(part)))
    raise TypeError(f"{union!r} is no message and no union of messages")


def example(message: type[msgspec.Struct], *, full: bool) -> msgspec.Struct:
    """A valid message of this class: with every field (`full`), or with the required ones only."""
    found: msgspec.Struct = msgspec.convert(_value(inspect.type_info(message), "", full), message, strict=True)
    return found


def _value(type_: inspect.Type, name: str, full: bool) -> Any:
    """Builtins that convert to `type_`; `name` is the field's."""
    match type_:
        case inspect.StructType(fields=fields, tag_field=tag_field, tag=tag):
            value = {tag_field: tag} if tag_field else {}
            for field in fields:
                if full or field.required:
                    value[field.encode_name] = _value(field.type, field.name, full)
            return value
        case inspect.UnionType(types=types_):
            return _value(next(part for part in types_ if not isinstance(part, inspect.NoneType)), name, full)
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case inspect.BoolType():
            return True
        case inspect.IntType(ge=least, le=most):
            word = _WORDS.get(name)
            fits = isinstance(word, int) and (least is None or word >= least) and (most is None or word <= most)
            return word if fits else least or 1
        case inspect.FloatType():
            return 0.5
        case inspect.StrType():
            return _text(type_, _WORDS.get(name))
        case inspect.DictType(key_type=key, value_type=item):
            text = _KEYS.get(name)
            return {_text(key, text) if isinstance(key, inspect.StrType) else text: _value(item, name, full)}
        case (
            inspect.VarTupleType(item_type=item, min_length=least) | inspect.ListType(item_type=item, min_length=least)
        ):
            return [_value(item, name, full)] * (least or 1)
        case inspect.TupleType(item_types=items):
            return [_value(item, name, full) for item in items]
        case inspect.AnyType():
            return _WORDS.get(name, "anything")
    raise TypeError(f"no example for {type_!r}: add its kind here")


def _text(type_: inspect.StrType, word: Any) -> str:
    least, most = type_.min_length or 0, type_.max_length or 4096
    for text in (word, _PERSON, "weekly", "1"):
        if isinstance(text, str) and least <= len(text) <= most and re.search(type_.pattern or "", text):
            return text
    raise TypeError(f"no text fits {type_!r}: add one here")
