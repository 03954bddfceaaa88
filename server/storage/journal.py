"""The log of the directory in Redis: entries, each with the next version, after an image of the whole at some version.

It is kept as a room's commits are, under the same keys and but for appending by the same scripts, as if it were a room
called `directory` (server/roomlog/redis.py), which is no name that a conference can have:

    podium:{directory}:head        epoch, version, version of the image; what it was begun anew from; the last entry
    podium:{directory}:commits     a stream of entries; the id of each is its version
    podium:{directory}:snapshot    the image; the entries up to it are let go of
    podium:{directory}:turn        who writes next, when somebody has lost to the others several times
    podium:{directory}             the channel on which each entry is published by the script that has appended it
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from server.redis.connection import Argument, Connection, Script
from server.redis.trouble import RedisUnavailable, Trouble
from server.roomlog.base import Appended, Lost
from server.roomlog.redis import channel
from server.storage.recorder import Statement

# The name under which a feed follows it.
NAME = "directory"
# Entries kept: without an image for so long, something is wrong, and the next ones are refused.
MAX_ENTRIES = 8192
# Missed entries told to a loser, or read at once; who missed more reads on.
PORTION = 64
# The largest thing written is the workspace's picture of 256 KiB.
MAX_ENTRY = 4 * 1024 * 1024

# How long the others wait for who has a turn, should it have died.
TURN_MS = 500

_APPEND = Script.of("server.storage", "append")
_LOAD, _SNAPSHOT, _SEED = (Script.of("server.roomlog", name) for name in ("load", "snapshot", "seed"))
_KEYS = {name: f"podium:{{{NAME}}}:{name}" for name in ("head", "commits", "snapshot", "turn")}


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One transaction. `id` is random, `previous` the id of the entry before; `schema` counts the migrations of the
    database it was made on, and when that is more than before it, they are part of it. `changes`: rows that it changes,
    None when that is not known."""

    id: bytes
    previous: bytes
    schema: int
    node: str
    statements: tuple[Statement, ...]
    changes: int | None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log is; `image` is the version of its image, `last` the id of the last entry where it is known."""

    epoch: int
    version: int
    image: int
    last: bytes | None = None


class Missed(msgspec.Struct, frozen=True):
    """The log is elsewhere, and nothing was written. `entries` come after the expected version; none when the epoch is
    another, or the entry under that version."""

    epoch: int = 0
    entries: tuple[Entry, ...] = ()


class Wait(msgspec.Struct, frozen=True):
    """It is another server's turn; nothing was written."""


class Kept(msgspec.Struct, frozen=True):
    """All there is: the image, and the entries after it."""

    epoch: int
    image: bytes
    entries: tuple[Entry, ...]


class UnreadableEntry(Exception):
    """An entry that this version of Podium cannot read."""


class Journal:
    """The log. Every method raises `RedisUnavailable`, and those that read entries `UnreadableEntry`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def append(
        self, epoch: int, expected: int, entry: Entry, turn: bool = False
    ) -> Appended | Missed | Lost | Wait:
        """Append if the log is at (`epoch`, `expected`). The same entry again is recognised. `turn`: should the log be
        elsewhere, this server writes next."""
        arguments: list[Argument] = [epoch, expected, expected + 1, packed(entry), channel(NAME)]
        arguments += [MAX_ENTRIES, PORTION, entry.node, TURN_MS if turn else 0, entry.previous.hex(), entry.id.hex()]
        keys = _keys("head", "commits", "snapshot", "turn")
        outcome, *rest = await self._connection.run(_APPEND, keys, arguments, repeatable=True)
        match outcome:
            case b"appended":
                return Appended()
            case b"conflict":
                return Missed(int(rest[0]), _entries(rest[1]))
            case b"wait":
                return Wait()
            case b"lost":
                return Lost()
        raise RedisUnavailable(Trouble.FULL, "no image of the directory could be kept for too long")

    async def head(self) -> Head | None:
        """Where the log is; None when there is none."""
        words = ("HMGET", _KEYS["head"], "epoch", "version", "snapshot", "last")
        epoch, version, image, last = await self._connection.ask(*words, repeatable=True)
        if epoch is None:
            return None
        where, _, id = (last or b"").rpartition(b" ")
        known = bytes.fromhex(id.decode()) if where == epoch + b" " + version else None
        return Head(epoch=int(epoch), version=int(version), image=int(image), last=known)

    async def after(self, version: int) -> tuple[Entry, ...]:
        """The next entries after a version, as far as they are kept; not all at once."""
        words = ("XRANGE", _KEYS["commits"], f"({version}-0", "+", "COUNT", PORTION)
        found = await self._connection.ask(*words, repeatable=True)
        # Whoever is behind the image is not served from the middle.
        if found and int(found[0][0].partition(b"-")[0]) != version + 1:
            return ()
        return _entries(fields[b"c"] for _, fields in found or ())

    async def load(self) -> Kept | None:
        """The image and what came after it; None when there is nothing."""
        found = await self._connection.run(_LOAD, _keys("head", "commits", "snapshot"), (), repeatable=True)
        if not found:
            return None
        if len(found) == 1:
            raise RedisUnavailable(Trouble.TORN)
        epoch, _, image, kept = found
        return Kept(int(epoch), image, _entries(kept))

    async def seed(self, former: int, epoch: int, version: int, image: bytes) -> int | None:
        """Begin anew from the image of who was at `version` of the epoch `former`; the epoch it has now. None when the
        log knows as much, or was begun anew by another who does."""
        keys = _keys("head", "commits", "snapshot")
        words = (former, epoch, version, image, channel(NAME))
        outcome, found = await self._connection.run(_SEED, keys, words, repeatable=True)
        return int(found) if outcome == b"seeded" else None

    async def keep_image(self, epoch: int, version: int, image: bytes) -> None:
        """Keep an image, and let go of the entries up to it. An older one than the kept is ignored."""
        keys = _keys("head", "commits", "snapshot")
        await self._connection.run(_SNAPSHOT, keys, (epoch, version, image, version), repeatable=True)


def packed(entry: Entry) -> bytes:
    """The bytes of an entry."""
    return msgspec.msgpack.encode(entry)


def _keys(*names: str) -> list[str]:
    return [_KEYS[name] for name in names]


def _entries(rows: Iterable[Any]) -> tuple[Entry, ...]:
    try:
        return tuple(msgspec.msgpack.decode(row, type=Entry) for row in rows)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnreadableEntry(str(error)) from None
