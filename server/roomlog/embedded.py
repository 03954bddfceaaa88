"""The room log in the server's own SQLite file: durable, for one node.

Appends that wait at the same time, of whatever rooms, are written in one transaction: the disk is asked once for all
of them, so a busy server pays the price of `synchronous=FULL` per batch and not per command.
"""

from __future__ import annotations

import asyncio
import sqlite3

import msgspec

from protocol import codec
from server.roomlog.base import Appended, Commit, Conflict, Loaded
from server.store import Store, StoreUnavailable

# Appends written in one transaction. A transaction of this size takes some milliseconds.
MAX_BATCH = 256
# Appends that may wait; each room has at most one, so more means that the disk has stopped.
MAX_PENDING = 10_000


class _Pending(msgspec.Struct, eq=False):
    room: str
    epoch: int
    expected: int
    commit: Commit
    data: bytes
    result: asyncio.Future[Appended | Conflict]


class EmbeddedLog:
    """`RoomLog` on a `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: list[_Pending] = []
        self._flushing: asyncio.Task[None] | None = None

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict:
        """See `RoomLog.append`."""
        if len(self._pending) >= MAX_PENDING:
            raise StoreUnavailable("too many commits are waiting for the disk")
        result: asyncio.Future[Appended | Conflict] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(room, epoch, expected, commit, codec.pack(commit), result))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), name="room log")
        return await result

    async def load(self, room: str) -> Loaded | None:
        """See `RoomLog.load`."""

        def read(connection: sqlite3.Connection) -> tuple[int, tuple[int, bytes] | None, list[bytes]] | None:
            found = connection.execute("SELECT epoch FROM rooms WHERE id = ?", (room,)).fetchone()
            if found is None:
                return None
            snapshot = connection.execute("SELECT version, state FROM snapshots WHERE room = ?", (room,)).fetchone()
            return found[0], snapshot, _commits(connection, room, snapshot[0] if snapshot else 0)

        kept = await self._store.run(read)
        if kept is None:
            return None
        epoch, snapshot, rows = kept
        commits = _readable(rows)
        return Loaded(epoch=epoch, snapshot=snapshot, commits=commits, readable=len(commits) == len(rows))

    async def commits_after(self, room: str, version: int) -> tuple[Commit, ...]:
        """See `RoomLog.commits_after`."""
        return _readable(await self._store.run(lambda connection: _commits(connection, room, version)))

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        """See `RoomLog.save_snapshot`."""

        def write(connection: sqlite3.Connection) -> None:
            found = connection.execute("SELECT epoch FROM rooms WHERE id = ?", (room,)).fetchone()
            if found is None or found[0] != epoch:
                return
            connection.execute(
                "INSERT INTO snapshots VALUES (?, ?, ?) ON CONFLICT (room) DO UPDATE"
                " SET version = excluded.version, state = excluded.state WHERE excluded.version > version",
                (room, version, state),
            )
            connection.execute("DELETE FROM commits WHERE room = ? AND version <= ?", (room, version))

        await self._store.run(write)

    async def rooms(self) -> tuple[str, ...]:
        """See `RoomLog.rooms`."""
        return await self._store.run(
            lambda connection: tuple(row[0] for row in connection.execute("SELECT id FROM rooms ORDER BY id"))
        )

    async def _flush(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending[:MAX_BATCH], self._pending[MAX_BATCH:]
                await self._write(batch)
        finally:
            self._flushing = None
            for left in self._pending:
                _fail(left.result, StoreUnavailable("the room log was stopped"))
            self._pending = []

    async def _write(self, batch: list[_Pending]) -> None:
        try:
            results = await self._store.run(lambda connection: [_append(connection, item) for item in batch])
        except BaseException as error:
            # Whatever went wrong, nobody may be left waiting for ever.
            for item in batch:
                _fail(item.result, error if isinstance(error, Exception) else StoreUnavailable("stopped"))
            if not isinstance(error, Exception):
                raise
            return
        for item, outcome in zip(batch, results, strict=True):
            if not item.result.done():
                item.result.set_result(outcome)


def _fail(result: asyncio.Future[Appended | Conflict], error: Exception) -> None:
    if not result.done():
        result.set_exception(error)


def _append(connection: sqlite3.Connection, item: _Pending) -> Appended | Conflict:
    commit = item.commit
    found = connection.execute("SELECT epoch, version FROM rooms WHERE id = ?", (item.room,)).fetchone()
    epoch, version = found if found is not None else (item.epoch, 0)
    if (epoch, version) != (item.epoch, item.expected):
        same = connection.execute(
            "SELECT 1 FROM commits WHERE room = ? AND version = ? AND data = ?", (item.room, commit.version, item.data)
        ).fetchone()
        if epoch == item.epoch and same is not None:
            return Appended()
        return Conflict(epoch, _readable(_commits(connection, item.room, item.expected)))
    connection.execute(
        "INSERT INTO rooms VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version",
        (item.room, epoch, commit.version),
    )
    connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (item.room, commit.version, item.data))
    return Appended()


def _commits(connection: sqlite3.Connection, room: str, version: int) -> list[bytes]:
    rows = connection.execute(
        "SELECT data FROM commits WHERE room = ? AND version > ? ORDER BY version", (room, version)
    )
    return [row[0] for row in rows]


def _readable(rows: list[bytes]) -> tuple[Commit, ...]:
    commits = []
    for row in rows:
        try:
            commits.append(codec.decode(row, Commit))
        except codec.BadMessage:
            break
    return tuple(commits)
