"""Bytes to typed messages and back, in both encodings, with limits.

Msgpack goes through `msgpack.unpackb` with its limits and then `msgspec.convert`; JSON through msgspec's own decoder.
Both end in the same tagged unions, so a message that one encoding refuses the other refuses too.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import msgpack
import msgspec

from protocol import answers, commands, control, signals
from protocol.events import RoomEvent

# protocol.md, "Encodings".
MAX_FRAME = 64 * 1024
# The deepest message we define nests four levels; sixteen leaves room and bounds the recursion.
MAX_DEPTH = 16
# 2**53 - 1, as `names.Count`.
MAX_COUNT = 9_007_199_254_740_991

T = TypeVar("T")


class Encoding(enum.StrEnum):
    """The two encodings, by the name of their WebSocket subprotocol."""

    MSGPACK = "podium.v1.msgpack"
    JSON = "podium.v1.json"


class BadMessage(ValueError):
    """What came in is not a message: `path` names the place, `id` the message when it could be read."""

    def __init__(self, reason: str, path: str = "$", id: int | None = None) -> None:
        super().__init__(reason)
        # Both may quote what came in, which may be a key of 60 KB; they go into an answer and into the log.
        self.reason = reason[:200]
        self.path = path[:200]
        self.id = id


_json = msgspec.json.Encoder()


def _unpack(data: bytes) -> Any:
    return msgpack.unpackb(
        data,
        raw=False,
        strict_map_key=True,
        max_str_len=MAX_FRAME,
        max_bin_len=MAX_FRAME,
        max_array_len=4096,
        max_map_len=4096,
        max_ext_len=0,
        object_pairs_hook=_unique_pairs,
    )


class _Twice(dict[Any, Any]):
    """A map in which a key stood twice: refused by `_fault`, which knows its place."""


def _unique_pairs(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    table = dict(pairs)
    return table if len(table) == len(pairs) else _Twice(table)


def _fault(value: Any, depth: int = 0) -> tuple[str, str] | None:
    """What no message contains and what later code would trip over, as (reason, path below `value`): numbers that
    are not finite, text that has no UTF-8 form (JSON can spell half a surrogate pair), keys that stand twice, deep
    nesting."""
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                return "a text is not valid Unicode", ""
    elif isinstance(value, float):
        if not math.isfinite(value):
            return "a number is not finite", ""
    elif isinstance(value, dict):
        if depth == MAX_DEPTH:
            return "nested too deeply", ""
        if isinstance(value, _Twice):
            return "a key stands twice", ""
        for key, item in value.items():
            if found := _fault(key, depth):
                return found
            if found := _fault(item, depth + 1):
                return found[0], f".{key}{found[1]}"
    elif isinstance(value, list):
        if depth == MAX_DEPTH:
            return "nested too deeply", ""
        for index, item in enumerate(value):
            if found := _fault(item, depth + 1):
                return found[0], f"[{index}]{found[1]}"
    return None


def _id_of(value: Any) -> int | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= MAX_COUNT else None


def _convert(value: Any, type_: Any, hook: Callable[[Any, Any], Any] | None = None) -> Any:
    try:
        return msgspec.convert(value, type_, strict=True, dec_hook=hook)
    except msgspec.ValidationError as error:
        # "… - at `$.path`", or for a key "… - at `key` in `$.path`"
        reason, _, place = str(error).rpartition(" - at `")
        path = place.rstrip("`").rpartition("`")[2] if reason else "$"
        raise BadMessage(reason or str(error), path, _id_of(value)) from None


class Tagged:
    """Values to one of several messages, which `type` tells apart.

    `msgspec.convert` makes a union's plan anew at each call, 170 µs for what a client may say; that of a class is
    kept, and takes one.
    """

    def __init__(self, union: Any) -> None:
        self._union = union
        self._classes = {message.__struct_config__.tag: message for message in get_args(union)}

    def convert(self, value: Any) -> Any:
        """Raises `BadMessage`."""
        tag = value.get("type") if isinstance(value, dict) else None
        message = self._classes.get(tag) if isinstance(tag, str) else None
        # The union says what is wrong with a type that there is not.
        return _convert(value, self._union if message is None else message)


_client = Tagged(commands.ClientMessage)
_server = Tagged(control.ServerMessage)
_worker = Tagged(control.WorkerMessage)
_said = Tagged(answers.Ok | answers.Refused | RoomEvent | signals.Signal)


def decode_client(data: bytes | str, encoding: Encoding) -> commands.ClientMessage:
    """One frame of a client to its message.

    Raises `BadMessage` for anything else: wrong kind of frame, malformed bytes, duplicate keys, unknown types
    and fields, values out of bounds.
    """
    size = len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode(errors="surrogatepass"))
    if size > MAX_FRAME:
        raise BadMessage("larger than 64 KiB")
    if isinstance(data, str) is not (encoding is Encoding.JSON):
        raise BadMessage("text frames are for JSON, binary frames for msgpack")
    try:
        value = json.loads(data, object_pairs_hook=_unique_pairs) if isinstance(data, str) else _unpack(data)
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException, msgspec.DecodeError) as error:
        raise BadMessage(f"not well-formed {'JSON' if encoding is Encoding.JSON else 'msgpack'}: {error}") from None
    if fault := _fault(value):
        raise BadMessage(fault[0], f"${fault[1]}", _id_of(value))
    message: commands.ClientMessage = _client.convert(value)
    return message


def decode_said(data: bytes) -> answers.Ok | answers.Refused | RoomEvent | signals.Signal:
    """One msgpack frame of the server, at a client. Raises `BadMessage`."""
    said: answers.Ok | answers.Refused | RoomEvent | signals.Signal = _said.convert(_unpacked(data))
    return said


def encode(message: msgspec.Struct, encoding: Encoding) -> bytes | str:
    """A message as one frame: text for JSON, bytes for msgpack."""
    if encoding is Encoding.JSON:
        return _json.encode(message).decode()
    return pack(message)


def pack(message: Any, hook: Callable[[Any], Any] | None = None) -> bytes:
    """A message as msgpack; `hook` makes plain values of what msgspec does not know."""
    packed: bytes = msgpack.packb(msgspec.to_builtins(message, enc_hook=hook))
    return packed


def decode(data: bytes, type_: type[T], hook: Callable[[Any, Any], Any] | None = None) -> T:
    """Msgpack of our own making (log, control link) to a value of `type_`; `hook(type, value)` makes what msgspec does
    not know. Raises `BadMessage`."""
    converted: T = _convert(_unpacked(data), type_, hook)
    return converted


def _unpacked(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:  # TypeError: a list as a key
        raise BadMessage(f"not well-formed msgpack: {error}") from None


def decode_server(data: bytes) -> control.ServerMessage:
    """A frame of the control link, at the worker. Raises `BadMessage`."""
    message: control.ServerMessage = _server.convert(_unpacked(data))
    return message


def decode_worker(data: bytes) -> control.WorkerMessage:
    """A frame of the control link, at the server. Raises `BadMessage`."""
    message: control.WorkerMessage = _worker.convert(_unpacked(data))
    return message
