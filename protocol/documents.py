"""The protocol's documents, all made from the definitions: nothing in them is written twice.

`reference()` is for people, `json_schema()` for validators, `asyncapi()` for tools, `jsdoc()` for the browser client's
type checker. `python -m protocol.documents` writes them into the tree; a test holds that they are current.
"""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Callable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from protocol import answers, codec, commands, control, errors, events, names, signals
from protocol.examples import example, members

_ANSWERS = answers.Ok | answers.Refused

# Heading, what is said about the group, its messages. The last two never reach a client.
_GROUPS: tuple[tuple[str, str, Any], ...] = (
    (
        "Commands",
        "What a client says. Each is answered by `ok` or `refused` with the same `id`; the same `id` of the same "
        "client applies once, however often it is sent.",
        commands.ClientMessage,
    ),
    ("Answers", "What every command is answered with.", _ANSWERS),
    ("Results", "What an `ok` may hold as its `result`.", answers.Result),
    (
        "Events",
        "What has happened in the conference, in one order for everybody. `after` is the version before it that the "
        "same reader was told: one whose position is not below it has missed nothing.",
        events.RoomEvent,
    ),
    ("Signals", "What is told beside the events and has no version.", signals.Signal),
    (
        "Control link: server to worker",
        "What a signaling node tells a media worker. Length-prefixed msgpack; clients never see it.",
        control.ServerMessage,
    ),
    ("Control link: worker to server", "What a media worker tells its signaling node.", control.WorkerMessage),
)
_CLIENT_GROUPS = _GROUPS[:-2]
_SERVER_SAYS = events.RoomEvent | signals.Signal | _ANSWERS

_INTRODUCTION = """\
# The messages

Made from the definitions in `protocol/` by `python -m protocol.documents`; do not edit.

A client opens a WebSocket at `/ws` with one of two subprotocols: `{json}` (text frames of JSON) or `{msgpack}`
(binary frames of msgpack). The messages are the same. A frame holds one message, an object whose `type` names it, of
at most {frame} KiB. Fields at their default are left out by the server and may be left out by a client. To a command,
an unknown field or type, a value out of bounds, a key that stands twice or a number that is not finite is an error:
`refused` with the code `bad_message`, and `details.path` names the place. A client passes over fields it does not
know in what the server says. `schema.json` beside this file says the same for validators, `asyncapi.json` for tools.
"""


# --- the definitions, walked --------------------------------------------------------------------------


def _doc(cls: type) -> str:
    return cleandoc(cls.__doc__ or "")


def _info(cls: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return info


def _pieces(type_: inspect.Type) -> Iterator[type]:
    """The parts and enums a type is made of, the outer before the inner; messages only if the type holds them."""
    match type_:
        case inspect.StructType(cls=cls, fields=fields):
            yield cls
            for field in fields:
                yield from _pieces(field.type)
        case inspect.EnumType(cls=cls):
            yield cls
        case inspect.UnionType(types=types):
            for part in types:
                yield from _pieces(part)
        case inspect.DictType(key_type=key, value_type=item):
            yield from _pieces(key)
            yield from _pieces(item)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            yield from _pieces(item)
        case inspect.TupleType(item_types=items):
            for item in items:
                yield from _pieces(item)


def _parts_and_enums(groups: tuple[tuple[str, str, Any], ...]) -> tuple[list[type[names.Part]], list[type[enum.Enum]]]:
    messages = [message for _, _, union in groups for message in members(union)]
    found = dict.fromkeys(piece for message in messages for piece in _pieces(_info(message)))
    parts = [piece for piece in found if issubclass(piece, names.Part)]
    enums = [piece for piece in found if issubclass(piece, enum.Enum)]
    return parts, enums


def _without_none(type_: inspect.Type) -> list[inspect.Type]:
    types = list(type_.types) if isinstance(type_, inspect.UnionType) else [type_]
    return [part for part in types if not isinstance(part, inspect.NoneType)]


# --- the reference, for people ------------------------------------------------------------------------


def reference() -> str:
    """All messages as Markdown: what each is for, its fields with their bounds, an example."""
    introduction = _INTRODUCTION.format(
        json=codec.Encoding.JSON.value, msgpack=codec.Encoding.MSGPACK.value, frame=codec.MAX_FRAME // 1024
    )
    lines = [introduction]
    for heading, text, union in _GROUPS:
        lines += [f"## {heading}", "", text, ""]
        for message in members(union):
            lines += _section(message, f"`{_info(message).tag}`")
    parts, enums = _parts_and_enums(_GROUPS)
    lines += ["## Parts", "", "What messages are made of.", ""]
    for part in parts:
        lines += _section(part, part.__name__)
    lines += ["## Words", "", "Fields that hold one of a few words.", ""]
    for words in enums:
        lines += [f"### {words.__name__}", "", _doc(words), ""]
        if words is errors.Code:
            lines += ["| code | sentence | retry |", "| --- | --- | --- |"]
            lines += [
                f"| `{code}` | {errors.sentence(code)} | {'yes' if errors.retry(code) else 'no'} |"
                for code in errors.Code
            ]
        else:
            lines += [", ".join(f"`{word.value}`" for word in words)]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _section(cls: type[msgspec.Struct], heading: str) -> list[str]:
    info = _info(cls)
    lines = [f"### {heading}", "", _doc(cls), ""]
    if info.fields:
        lines += ["| field | value | absent means |", "| --- | --- | --- |"]
        for field in info.fields:
            lines.append(f"| `{field.encode_name}` | {_in_words(field.type)} | {_absent(field)} |")
        lines.append("")
    if info.tag_field:
        shown = json.dumps(msgspec.to_builtins(example(cls, full=True)), ensure_ascii=False)
        lines += ["```json", shown, "```", ""]
    return lines


def _absent(field: inspect.Field) -> str:
    """What it means when the field is left out."""
    if field.required:
        return "(required)"
    if field.default is None:
        return "nothing"
    default = field.default_factory() if callable(field.default_factory) else field.default
    return f"`{json.dumps(msgspec.to_builtins(default), ensure_ascii=False)}`"


def _in_words(type_: inspect.Type) -> str:
    """A type in words, with its bounds."""
    match type_:
        case inspect.UnionType():
            return " or ".join(_in_words(part) for part in _without_none(type_))
        case inspect.StructType(cls=cls, tag_field=tag_field, tag=tag):
            name = str(tag) if tag_field else cls.__name__
            return f"[{name}](#{name.lower().replace('.', '')})"
        case inspect.EnumType(cls=cls):
            return f"[{cls.__name__}](#{cls.__name__.lower()})"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=least, le=most):
            top = f"{most}" if most != codec.MAX_COUNT else "2⁵³ - 1"
            return "whole number" + (f", {least} to {top}" if least is not None and most is not None else "")
        case inspect.FloatType():
            return "number"
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            bounds = f", {least or 0} to {most} characters" if most is not None else ""
            return f"text{bounds}" + (f", `{pattern.removesuffix(names.END)}$`" if pattern else "")
        case inspect.DictType(key_type=key, value_type=item, max_length=most):
            return f"map of {_in_words(key)} → {_in_words(item)}" + (f", at most {most}" if most is not None else "")
        case (
            inspect.VarTupleType(item_type=item, min_length=least, max_length=most)
            | inspect.ListType(item_type=item, min_length=least, max_length=most)
        ):
            return f"list of {_in_words(item)}" + (f" ({least or 0} to {most} of them)" if most is not None else "")
        case inspect.TupleType(item_types=items):
            return f"list of {len(items)}: " + ", ".join(map(_in_words, items))
        case inspect.AnyType():
            return "anything"
    raise TypeError(f"no words for {type_!r}: add them here")


# --- JSON Schema and AsyncAPI, for machines -------------------------------------------------------------


def _schemas(template: str) -> dict[str, Any]:
    """Name → schema of every message, part and enum that clients meet.

    What a client says is closed (unknown fields are errors); what the server says is open, because a client passes
    over fields of a newer server.
    """
    closed = msgspec.json.schema_components([commands.ClientMessage], ref_template=template)[1]
    every = [commands.ClientMessage, *(union for _, _, union in _CLIENT_GROUPS[1:])]
    schemas = msgspec.json.schema_components(every, ref_template=template)[1]
    for name, schema in schemas.items():
        if name not in closed:
            schema.pop("additionalProperties", None)
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        _plain(schema)
    return dict(sorted(schemas.items()))


def _plain(schema: Any) -> None:
    """Take `discriminator` out: OpenAPI's word, with another form in AsyncAPI and none in JSON Schema."""
    if isinstance(schema, dict):
        schema.pop("discriminator", None)
        for item in schema.values():
            _plain(item)
    elif isinstance(schema, list):
        for item in schema:
            _plain(item)


def _any_of(union: Any, template: str) -> dict[str, Any]:
    return {"anyOf": [{"$ref": template.format(name=message.__name__)} for message in members(union)]}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one frame in either direction; `$defs/ClientMessage` and `$defs/ServerMessage` are the
    two directions alone."""
    template = "#/$defs/{name}"
    definitions = _schemas(template)
    definitions["ClientMessage"] = {"description": "What a client may say."} | _any_of(commands.ClientMessage, template)
    definitions["ServerMessage"] = {"description": "What the server may say."} | _any_of(_SERVER_SAYS, template)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Podium, protocol 1",
        "anyOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": definitions,
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document, from the server's point of view: it receives commands and sends the rest."""
    channel = "#/channels/ws"
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for heading, text, union in _CLIENT_GROUPS:
        if union is answers.Result:
            continue  # always within an `ok`
        for message in members(union):
            summary, _, description = _doc(message).partition("\n\n")
            messages[message.__name__] = {
                "name": _info(message).tag,
                "title": message.__name__,
                "summary": " ".join(summary.split()),
                **({"description": description} if description else {}),
                "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
                "examples": [{"payload": msgspec.json.decode(msgspec.json.encode(example(message, full=True)))}],
            }
        if union is _ANSWERS:
            continue  # the reply to a command
        operations[heading.lower()] = {
            "action": "receive" if union is commands.ClientMessage else "send",
            "channel": {"$ref": channel},
            "summary": text.partition(". ")[0].rstrip(".") + ".",
            "messages": [{"$ref": f"{channel}/messages/{message.__name__}"} for message in members(union)],
        }
        if union is commands.ClientMessage:
            operations[heading.lower()]["reply"] = {
                "channel": {"$ref": channel},
                "messages": [{"$ref": f"{channel}/messages/{message.__name__}"} for message in members(_ANSWERS)],
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Podium",
            "version": "1",
            "description": "Conferences and webinars: commands, events and signals over one WebSocket.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "localhost:8080", "protocol": "ws", "description": "As it starts by default."}},
        "channels": {
            "ws": {
                "address": "/ws",
                "description": f"One frame is one message of at most {codec.MAX_FRAME // 1024} KiB.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "headers": {
                            "type": "object",
                            "required": ["Sec-WebSocket-Protocol"],
                            "properties": {
                                "Sec-WebSocket-Protocol": {
                                    "type": "string",
                                    "enum": [encoding.value for encoding in codec.Encoding],
                                    "description": "The encoding: JSON in text frames or msgpack in binary ones.",
                                }
                            },
                        },
                        "bindingVersion": "0.1.0",
                    }
                },
            }
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": _schemas("#/components/schemas/{name}")},
    }


# --- JSDoc, for the browser client -----------------------------------------------------------------------


def jsdoc() -> str:
    """A JavaScript module of type definitions only: one `@typedef` for each message, part and enum, and the two
    unions `ClientMessage` and `ServerMessage`."""
    blocks = [
        "/**\n * The messages on the wire, for the type checker.\n"
        " * Made from the definitions in `protocol/` by `python -m protocol.documents`; do not edit.\n */"
    ]
    parts, enums = _parts_and_enums(_CLIENT_GROUPS)
    for words in enums:
        values = " | ".join(f"'{word.value}'" for word in words)
        blocks.append(_block([*_doc(words).splitlines(), f"@typedef {{{values}}} {words.__name__}"]))
    messages = [message for _, _, union in _CLIENT_GROUPS for message in members(union)]
    for cls in (*parts, *messages):
        info = _info(cls)
        lines = [*_doc(cls).splitlines(), f"@typedef {{object}} {cls.__name__}"]
        if info.tag_field:
            lines.append(f"@property {{'{info.tag}'}} {info.tag_field}")
        for field in info.fields:
            name = field.encode_name if field.required else f"[{field.encode_name}]"
            lines.append(f"@property {{{_in_js(field.type)}}} {name}")
        blocks.append(_block(lines))
    for name, text, union in (
        ("ClientMessage", "Anything a client may say.", commands.ClientMessage),
        ("ServerMessage", "Anything the server may say.", _SERVER_SAYS),
    ):
        alternatives = [f"  {message.__name__} |" for message in members(union)]
        alternatives[-1] = alternatives[-1].removesuffix(" |")
        blocks.append(_block([text, "@typedef {(", *alternatives, f")}} {name}"]))
    return "\n\n".join([*blocks, "export {};"]) + "\n"


def _block(lines: list[str]) -> str:
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */"])


def _in_js(type_: inspect.Type) -> str:
    match type_:
        case inspect.UnionType():
            return " | ".join(_in_js(part) for part in _without_none(type_))
        case inspect.StructType(cls=cls) | inspect.EnumType(cls=cls):
            return cls.__name__
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType() | inspect.FloatType():
            return "number"
        case inspect.StrType():
            return "string"
        case inspect.DictType(value_type=item):
            return f"Record<string, {_in_js(item)}>"
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"({_in_js(item)})[]" if isinstance(item, inspect.UnionType) else f"{_in_js(item)}[]"
        case inspect.AnyType():
            return "any"
    raise TypeError(f"no JavaScript type for {type_!r}: add it here")


# --- files -------------------------------------------------------------------------------------------------


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


# Path in the tree → what it holds.
DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/messages.md": reference,
    "docs/schema.json": lambda: _json(json_schema()),
    "docs/asyncapi.json": lambda: _json(asyncapi()),
    "server/web/js/types.js": jsdoc,
}


def write(root: Path, documents: dict[str, Callable[[], str]] = DOCUMENTS) -> list[Path]:
    """Write the documents below `root`; returns those that have changed."""
    changed = []
    for name, make in documents.items():
        path, text = root / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for path in write(Path(__file__).resolve().parent.parent):
        sys.stdout.write(f"written: {path}\n")
