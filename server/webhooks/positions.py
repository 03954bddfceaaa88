"""How far each receiver has been told, of each conference: durable, where the room log is.

The position of a subscription that nobody has set yet is none; where it begins then is the courier's business.
"""

from __future__ import annotations

import sqlite3
from typing import Protocol

import msgspec

from server.redis.connection import Connection, Script
from server.storage.store import Store


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Up to `version` of `epoch` the receiver has everything. `failing`: since when (ms since 1970) what comes next is
    not taken, 0 when it is; `error`: why it was not the last time."""

    epoch: int
    version: int
    failing: int = 0
    error: str = ""


class Positions(Protocol):
    """Every method raises `StoreUnavailable`."""

    async def of(self, webhook: str) -> dict[str, Place]:
        """Where a subscription is, conference by conference."""

    async def find(self, webhook: str, conference: str) -> Place | None:
        """Where it is in one conference."""

    async def move(self, webhook: str, conference: str, former: Place | None, place: Place) -> bool:
        """Move on from a place; false when it is not there any more: it was set, or another node was faster."""

    async def put(self, webhook: str, conference: str, place: Place) -> None:
        """Set it, wherever it was."""

    async def forget(self, webhook: str, conference: str | None = None) -> None:
        """Let go of one, or of all of a subscription."""


class StorePositions:
    """In the server's own file, for one node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, webhook: str) -> dict[str, Place]:
        """See `Positions.of`."""

        def read(connection: sqlite3.Connection) -> dict[str, Place]:
            rows = connection.execute(
                "SELECT conference, epoch, version, failing, error FROM webhook_positions WHERE webhook = ?", (webhook,)
            )
            return {row[0]: _place(row[1:]) for row in rows}

        return await self._store.run(read)

    async def find(self, webhook: str, conference: str) -> Place | None:
        """See `Positions.find`."""
        return await self._store.run(lambda connection: _find(connection, webhook, conference))

    async def move(self, webhook: str, conference: str, former: Place | None, place: Place) -> bool:
        """See `Positions.move`."""

        def write(connection: sqlite3.Connection) -> bool:
            return _find(connection, webhook, conference) == former and _put(connection, webhook, conference, place)

        return await self._store.run(write)

    async def put(self, webhook: str, conference: str, place: Place) -> None:
        """See `Positions.put`."""
        await self._store.run(lambda connection: _put(connection, webhook, conference, place))

    async def forget(self, webhook: str, conference: str | None = None) -> None:
        """See `Positions.forget`."""
        await self._store.run(
            lambda connection: connection.execute(
                "DELETE FROM webhook_positions WHERE webhook = ? AND ? IN ('', conference)", (webhook, conference or "")
            )
        )


def _place(row: tuple[int, int, int, str]) -> Place:
    return Place(epoch=row[0], version=row[1], failing=row[2], error=row[3])


def _find(connection: sqlite3.Connection, webhook: str, conference: str) -> Place | None:
    row = connection.execute(
        "SELECT epoch, version, failing, error FROM webhook_positions WHERE webhook = ? AND conference = ?",
        (webhook, conference),
    ).fetchone()
    return _place(row) if row is not None else None


def _put(connection: sqlite3.Connection, webhook: str, conference: str, place: Place) -> bool:
    """A subscription that was removed meanwhile leaves nothing behind: false then."""
    written = connection.execute(
        "INSERT OR REPLACE INTO webhook_positions SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS"
        " (SELECT 1 FROM webhooks WHERE id = ?)",
        (webhook, conference, place.epoch, place.version, place.failing, place.error, webhook),
    )
    return written.rowcount == 1


_MOVE = Script.of("server.webhooks", "move")


class RedisPositions:
    """In Redis, for all nodes: a hash for each subscription, in which each conference has its place."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, webhook: str) -> dict[str, Place]:
        """See `Positions.of`."""
        found = await self._connection.ask("HGETALL", _key(webhook), repeatable=True)
        return {conference.decode(): _decoded(kept) for conference, kept in found.items()}

    async def find(self, webhook: str, conference: str) -> Place | None:
        """See `Positions.find`."""
        kept = await self._connection.ask("HGET", _key(webhook), conference, repeatable=True)
        return _decoded(kept) if kept is not None else None

    async def move(self, webhook: str, conference: str, former: Place | None, place: Place) -> bool:
        """See `Positions.move`."""
        kept = b"" if former is None else msgspec.json.encode(former)
        arguments = (conference, kept, msgspec.json.encode(place))
        return bool(await self._connection.run(_MOVE, [_key(webhook)], arguments, repeatable=True))

    async def put(self, webhook: str, conference: str, place: Place) -> None:
        """See `Positions.put`."""
        await self._connection.ask("HSET", _key(webhook), conference, msgspec.json.encode(place), repeatable=True)

    async def forget(self, webhook: str, conference: str | None = None) -> None:
        """See `Positions.forget`."""
        if conference is None:
            await self._connection.ask("DEL", _key(webhook), repeatable=True)
        else:
            await self._connection.ask("HDEL", _key(webhook), conference, repeatable=True)


def _key(webhook: str) -> str:
    return f"podium:webhook:{{{webhook}}}"


def _decoded(kept: bytes) -> Place:
    return msgspec.json.decode(kept, type=Place)
