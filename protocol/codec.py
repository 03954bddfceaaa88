"""Bytes to typed messages and back, in both encodings, with limits.

Msgpack goes through `msgpack.unpackb` with its limits and then `msgspec.convert`; JSON through msgspec's own decoder.
Both end in the same tagged unions, so a message that one encoding refuses the other refuses too.
"""

from __future__ import annotations

import enum
import json
import math
from typing import Any, TypeVar

import msgpack
import msgspec

from protocol import commands, control

# protocol.md, "Encodings".
MAX_FRAME = 64 * 1024
# The deepest message we define nests four levels; sixteen leaves room and bounds the recursion.
MAX_DEPTH = 16

T = TypeVar("T")


class Encoding(enum.StrEnum):
    """The two encodings, by the name of their WebSocket subprotocol."""

    MSGPACK = "podium.v1.msgpack"
    JSON = "podium.v1.json"


class BadMessage(ValueError):
    """What came in is not a message: `path` names the place, `id` the message when it could be read."""

    def __init__(self, reason: str, path: str = "$", id: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.id = id


_json = msgspec.json.Encoder()
_json_decoder = msgspec.json.Decoder()


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


def _unique_pairs(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table


def _check(value: Any, depth: int = 0) -> None:
    """Refuse what no message contains and what later code would trip over: NaN, infinities, deep nesting."""
    if depth > MAX_DEPTH:
        raise BadMessage("nested too deeply")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadMessage("a number is not finite")
    elif isinstance(value, dict):
        for item in value.values():
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _id_of(value: Any) -> int | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _convert(value: Any, type_: Any) -> Any:
    try:
        return msgspec.convert(value, type_, strict=True)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).rpartition(" - at `")
        raise BadMessage(reason or str(error), path.rstrip("`") if reason else "$", _id_of(value)) from None


def decode_client(data: bytes | str, encoding: Encoding) -> commands.ClientMessage:
    """One frame of a client to its message.

    Raises `BadMessage` for anything else: wrong kind of frame, malformed bytes, duplicate keys, unknown types
    and fields, values out of bounds.
    """
    if len(data) > MAX_FRAME:
        raise BadMessage("larger than 64 KiB")
    if isinstance(data, str) is not (encoding is Encoding.JSON):
        raise BadMessage("text frames are for JSON, binary frames for msgpack")
    try:
        if isinstance(data, str):
            value = json.loads(data, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant)
        else:
            value = _unpack(data)
    except BadMessage:
        raise
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException, msgspec.DecodeError) as error:
        raise BadMessage(f"not well-formed {'JSON' if encoding is Encoding.JSON else 'msgpack'}: {error}") from None
    _check(value)
    message: commands.ClientMessage = _convert(value, commands.ClientMessage)
    return message


def _refuse_constant(name: str) -> Any:
    raise BadMessage("a number is not finite")


def encode(message: msgspec.Struct, encoding: Encoding) -> bytes | str:
    """A message as one frame: text for JSON, bytes for msgpack."""
    if encoding is Encoding.JSON:
        return _json.encode(message).decode()
    return pack(message)


def pack(message: Any) -> bytes:
    """A message as msgpack."""
    packed: bytes = msgpack.packb(msgspec.to_builtins(message))
    return packed


def decode(data: bytes, type_: type[T]) -> T:
    """Msgpack of our own making (log, control link) to a value of `type_`. Raises `BadMessage`."""
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=False)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise BadMessage(f"not well-formed msgpack: {error}") from None
    converted: T = _convert(value, type_)
    return converted


def decode_server(data: bytes) -> control.ServerMessage:
    """A frame of the control link, at the worker. Raises `BadMessage`."""
    return decode(data, control.ServerMessage)  # type: ignore[arg-type]


def decode_worker(data: bytes) -> control.WorkerMessage:
    """A frame of the control link, at the server. Raises `BadMessage`."""
    return decode(data, control.WorkerMessage)  # type: ignore[arg-type]
