"""A room's state as bytes, and back: its tables are written as the maps that they are."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, get_args

import msgspec

from protocol import codec
from server.room.state import Room
from server.room.table import Table, table


def plain(value: Any) -> Any:
    """What msgspec cannot write by itself (its `enc_hook`)."""
    if isinstance(value, Table):
        return dict(value.items())
    raise NotImplementedError(f"a state holds no {type(value).__name__}")


def tabled(type_: Any, value: Any) -> Any:
    """What msgspec cannot read by itself (its `dec_hook`)."""
    return table(msgspec.convert(value, GenericAlias(dict, (str, *get_args(type_))), strict=True))


def pack_room(room: Room) -> bytes:
    """The state as msgpack, for the log."""
    return codec.pack(room, plain)


def read_room(data: bytes) -> Room:
    """A state of the log. Raises `BadMessage`."""
    return codec.decode(data, Room, tabled)
