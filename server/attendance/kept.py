"""Where the figures of stays are kept: durable, where the room log is, and as long as the audit record."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from server.attendance.figures import NAMES, SUMS, Figures, Stay
from server.redis.connection import Connection, Script
from server.storage.store import Store

# Stays that are read at once in the store's only thread.
PORTION = 2000
# Stays kept of each conference in Redis, whatever their age: memory, unlike the embedded store's disk, is dear.
MAX_STAYS = 20_000


class Kept(Protocol):
    """Every method raises `StoreUnavailable`."""

    async def add(self, conference: str, stays: Sequence[Stay], now: int, before: int) -> None:
        """Add figures to those of each stay, all or none, and let go of what was written last before `before`; both
        times in ms since 1970. It is not for repeating: added twice it counts twice."""

    async def of(self, conference: str) -> list[Stay]:
        """What is kept of a conference."""

    async def forget(self, conference: str) -> None:
        """Let go of a conference."""


class StoreKept:
    """In the server's own file, for one node."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, conference: str, stays: Sequence[Stay], now: int, before: int) -> None:
        """See `Kept.add`."""
        rows = [(conference, stay.identity, stay.since, now, *_numbers(stay.figures)) for stay in stays]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(_ADD, rows)
            connection.execute("DELETE FROM attendance WHERE written < ?", (before,))

        await self._store.run(write)

    async def of(self, conference: str) -> list[Stay]:
        """See `Kept.of`."""
        found: list[Stay] = []
        after = ("", -1)
        while True:
            rows = await self._store.run(functools.partial(_read, conference, *after))
            found += [_stay(identity, since, numbers) for identity, since, *numbers in rows]
            if len(rows) < PORTION:
                return found
            after = rows[-1][:2]

    async def forget(self, conference: str) -> None:
        """See `Kept.forget`."""
        await self._store.run(
            lambda connection: connection.execute("DELETE FROM attendance WHERE conference = ?", (conference,))
        )


def _read(conference: str, identity: str, since: int, connection: sqlite3.Connection) -> list[Any]:
    """The stays after one."""
    return connection.execute(
        f"SELECT identity, since, {', '.join(NAMES)} FROM attendance"
        " WHERE conference = ? AND (identity, since) > (?, ?) ORDER BY identity, since LIMIT ?",
        (conference, identity, since, PORTION),
    ).fetchall()


_ADD = (
    f"INSERT INTO attendance (conference, identity, since, written, {', '.join(NAMES)})"
    f" VALUES (?, ?, ?, ?, {', '.join('?' for _ in NAMES)}) ON CONFLICT (conference, identity, since) DO UPDATE SET"
    f" written = excluded.written, {', '.join(f'{name} = {name} + excluded.{name}' for name in SUMS)},"
    " worst_loss = max(worst_loss, excluded.worst_loss)"
)

_SCRIPT = Script.of("server.attendance", "add")


class RedisKept:
    """In Redis, for all nodes; both keys share the room's hash tag (server/roomlog/redis.py):

    podium:{ROOM}:attendance            a hash: "identity since" → the figures as numbers with spaces between
    podium:{ROOM}:attendance:written   a sorted set of the same names by when they were written last
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, conference: str, stays: Sequence[Stay], now: int, before: int) -> None:
        """See `Kept.add`."""
        words: list[str | int] = [now, before, MAX_STAYS]
        for stay in stays:
            words += [f"{stay.identity} {stay.since}", " ".join(map(str, _numbers(stay.figures)))]
        await self._connection.run(_SCRIPT, _keys(conference), words)

    async def of(self, conference: str) -> list[Stay]:
        """See `Kept.of`."""
        found = await self._connection.ask("HGETALL", _keys(conference)[0], repeatable=True)
        stays = []
        for name, numbers in found.items():
            identity, _, since = name.decode().rpartition(" ")
            stays.append(_stay(identity, int(since), map(int, numbers.split())))
        return sorted(stays, key=lambda stay: (stay.identity, stay.since))

    async def forget(self, conference: str) -> None:
        """See `Kept.forget`."""
        await self._connection.ask("DEL", *_keys(conference), repeatable=True)


def _keys(conference: str) -> list[str]:
    return [f"podium:{{{conference}}}:attendance", f"podium:{{{conference}}}:attendance:written"]


def _numbers(figures: Figures) -> tuple[int, ...]:
    return tuple(getattr(figures, name) for name in NAMES)


def _stay(identity: str, since: int, numbers: Iterable[int]) -> Stay:
    return Stay(identity=identity, since=since, figures=Figures(**dict(zip(NAMES, numbers, strict=True))))
