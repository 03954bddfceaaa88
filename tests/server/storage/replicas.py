"""Servers' stores on one real Redis, for the tests."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from server.redis.address import parse
from server.redis.connection import Connection
from server.roomlog.feed import Feed
from server.storage.recorder import LOCAL
from server.storage.replicated import ReplicatedStore
from server.storage.store import Work

Rows = dict[str, list[tuple[Any, ...]]]


class Node:
    """One server's store, with its connection to Redis and its feed."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url
        self.store: ReplicatedStore
        self.connection: Connection

    async def start(self, follow: bool = True) -> Node:
        """Join; with `follow` hear of what others write."""
        self.connection = Connection(parse(self.url))
        self._feed = Feed(self.connection) if follow else None
        try:
            self.store = await ReplicatedStore.join(self.path, self.connection)
        except BaseException:
            await self.connection.close()
            raise
        if self._feed is not None:
            self._feed.start()
            self.store.follow(self._feed)
        return self

    async def stop(self) -> None:
        """As a server does."""
        await self.store.stop()
        if self._feed is not None:
            await self._feed.stop()
        await self.connection.close()
        self.store.close()

    async def put(self, name: str, value: bytes = b"") -> None:
        """Write something."""
        await self.store.run(put(name, value))

    async def names(self) -> list[str]:
        """What was put by anybody, as it is here."""
        return await self.store.run(names)

    async def has(self, name: str) -> bool:
        """Whether this was put, as it is here."""
        return name in await self.names()

    async def rows(self) -> Rows:
        """All that is shared, as it is here."""
        return await self.store.run(rows)


@asynccontextmanager
async def nodes(folder: Path, url: str, count: int = 2, follow: bool = True) -> AsyncIterator[list[Node]]:
    """So many servers, started one after the other."""
    made: list[Node] = []
    try:
        for number in range(count):
            made.append(await Node(folder / f"n{number}" / "podium.db", url).start(follow))
        yield made
    finally:
        for node in made:
            await node.stop()


def put(name: str, value: bytes = b"") -> Work[sqlite3.Cursor]:
    """Put a value under a name."""
    return lambda connection: connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?)", (name, value))


def names(connection: sqlite3.Connection) -> list[str]:
    """What was put."""
    return [row[0] for row in connection.execute("SELECT name FROM keys ORDER BY name")]


def count(connection: sqlite3.Connection) -> int:
    """Count up; the new number."""
    row = connection.execute("SELECT value FROM keys WHERE name = 'count'").fetchone()
    number = int(row[0]) + 1 if row is not None else 1
    connection.execute("INSERT OR REPLACE INTO keys VALUES ('count', ?)", (b"%d" % number,))
    return number


def rows(connection: sqlite3.Connection) -> Rows:
    """All rows of the tables that are shared, with the numbers that SQLite gave them."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {
        table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
        for table in tables
        if table not in LOCAL
    }


async def until(true: Callable[[], Awaitable[bool]], timeout_s: float = 30) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await true():
                return
            await asyncio.sleep(0.02)


async def until_same(*replicas: Node) -> Rows:
    """Wait until all have the same rows; those."""
    found: list[Rows] = []

    async def same() -> bool:
        found[:] = [await node.rows() for node in replicas]
        return all(each == found[0] for each in found)

    await until(same)
    return found[0]
