"""The room log in the server's own SQLite file: durable, for one node.

Appends that wait at the same time, of whatever rooms, are written in one transaction: the disk is asked once for all
of them, so a busy server pays the price of `synchronous=FULL` per batch and not per command.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from protocol import codec
from server.roomlog.base import Accepted, Appended, AuditEntry, AuditPage, CommandKey, Commit, Conflict, Loaded, Lost
from server.storage.store import Store, StoreUnavailable

# Appends written in one transaction. A transaction of this size takes some milliseconds.
MAX_BATCH = 256
# Appends that may wait; each room has at most one, so more means that the disk has stopped.
MAX_PENDING = 10_000
# Lines of the audit record that are looked at for one page, and let go of at once: some 20 ms for the store's only
# thread, in which nothing else can be committed.
MAX_LOOKED_AT = 20_000
MAX_FORGOTTEN = 5_000


class _Pending(msgspec.Struct, eq=False):
    room: str
    epoch: int
    expected: int
    commit: Commit
    data: bytes
    result: asyncio.Future[Appended | Conflict | Lost]


class EmbeddedLog:
    """`RoomLog` on a `Store`."""

    def __init__(self, store: Store) -> None:
        self.history = 0
        self._store = store
        self._pending: list[_Pending] = []
        self._flushing: asyncio.Task[None] | None = None

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict | Lost:
        """See `RoomLog.append`."""
        if len(self._pending) >= MAX_PENDING:
            raise StoreUnavailable("too many commits are waiting for the disk")
        result: asyncio.Future[Appended | Conflict | Lost] = asyncio.get_running_loop().create_future()
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

    async def commits_after(self, room: str, version: int, limit: int | None = None) -> tuple[Commit, ...]:
        """See `RoomLog.commits_after`."""
        return _readable(await self._store.run(lambda connection: _commits(connection, room, version, limit)))

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        """See `RoomLog.save_snapshot`."""

        history = self.history

        def write(connection: sqlite3.Connection) -> None:
            found = connection.execute("SELECT epoch FROM rooms WHERE id = ?", (room,)).fetchone()
            if found is None or found[0] != epoch:
                return
            connection.execute(
                "INSERT INTO snapshots VALUES (?, ?, ?) ON CONFLICT (room) DO UPDATE"
                " SET version = excluded.version, state = excluded.state WHERE excluded.version > version",
                (room, version, state),
            )
            connection.execute("DELETE FROM commits WHERE room = ? AND version <= ?", (room, version - history))

        await self._store.run(write)

    async def position(self, room: str) -> tuple[int, int] | None:
        """See `RoomLog.position`."""
        return await self._store.run(
            lambda connection: connection.execute("SELECT epoch, version FROM rooms WHERE id = ?", (room,)).fetchone()
        )

    async def seed(
        self,
        room: str,
        former: int,
        epoch: int,
        version: int,
        state: bytes,
        commands: Sequence[tuple[CommandKey, int]] = (),
    ) -> int | Conflict:
        """See `RoomLog.seed`."""

        def write(connection: sqlite3.Connection) -> int | Conflict:
            found = connection.execute("SELECT epoch, version FROM rooms WHERE id = ?", (room,)).fetchone()
            # A room that is not there was let go of: this log does not lose one.
            if found is None:
                return Conflict(0)
            if not (found[0] == former and found[1] < version):
                kept = connection.execute("SELECT version, state FROM snapshots WHERE room = ?", (room,)).fetchone()
                same = found == (epoch, version) and kept == (version, state)
                return epoch if same else Conflict(found[0])
            _forget(connection, room)
            connection.execute("INSERT INTO rooms VALUES (?, ?, ?)", (room, epoch, version))
            connection.execute("INSERT INTO snapshots VALUES (?, ?, ?)", (room, version, state))
            return epoch

        return await self._store.run(write)

    async def forget(self, room: str) -> None:
        """See `RoomLog.forget`."""
        await self._store.run(lambda connection: _forget(connection, room))

    async def ready(self) -> None:
        """See `RoomLog.ready`."""
        await self._store.ready()

    async def rooms(self) -> tuple[str, ...]:
        """See `RoomLog.rooms`."""
        return await self._store.run(
            lambda connection: tuple(row[0] for row in connection.execute("SELECT id FROM rooms ORDER BY id"))
        )

    async def audit(
        self, room: str, *, after: int = 0, limit: int = 100, actor: str = "", command: str = ""
    ) -> AuditPage:
        """See `RoomLog.audit`."""

        def read(connection: sqlite3.Connection) -> AuditPage:
            rows = connection.execute(
                f"SELECT {_AUDIT} FROM (SELECT * FROM audit WHERE room = ? AND number > ? ORDER BY number LIMIT ?)"
                " WHERE ? IN ('', actor) AND ? IN ('', command) ORDER BY number LIMIT ?",
                (room, after, MAX_LOOKED_AT, actor, command, limit + 1),
            ).fetchall()
            if len(rows) > limit:
                return AuditPage(entries=tuple(map(_entry, rows[:limit])), next=rows[limit - 1][0])
            last = connection.execute(
                "SELECT number FROM audit WHERE room = ? AND number > ? ORDER BY number LIMIT 1 OFFSET ?",
                (room, after, MAX_LOOKED_AT - 1),
            ).fetchone()
            return AuditPage(entries=tuple(map(_entry, rows)), next=last[0] if last is not None else None)

        return await self._store.run(read)

    async def note(self, room: str, time: int, node: str, entry: Accepted) -> None:
        """See `RoomLog.note`."""
        await self._store.run(lambda connection: _note(connection, room, time, node, (entry,)))

    async def forget_audit(self, before: int) -> int:
        """See `RoomLog.forget_audit`."""

        def delete(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE time < ? ORDER BY time LIMIT ?)",
                (before, MAX_FORGOTTEN),
            ).rowcount

        return await self._store.run(delete)

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


def _fail(result: asyncio.Future[Appended | Conflict | Lost], error: Exception) -> None:
    if not result.done():
        result.set_exception(error)


def _append(connection: sqlite3.Connection, item: _Pending) -> Appended | Conflict | Lost:
    commit = item.commit
    found = connection.execute("SELECT epoch, version FROM rooms WHERE id = ?", (item.room,)).fetchone()
    if found is None and item.expected:
        return Conflict(0)
    epoch, version = found if found is not None else (item.epoch, 0)
    if epoch == item.epoch and version < item.expected:
        return Lost()
    if (epoch, version) != (item.epoch, item.expected):
        same = connection.execute(
            "SELECT 1 FROM commits WHERE room = ? AND version = ? AND data = ?", (item.room, commit.version, item.data)
        ).fetchone()
        if epoch != item.epoch:
            return Conflict(epoch)
        if same is not None:
            return Appended()
        return Conflict(epoch, _readable(_commits(connection, item.room, item.expected)))
    connection.execute(
        "INSERT INTO rooms VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version",
        (item.room, epoch, commit.version),
    )
    connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (item.room, commit.version, item.data))
    _note(connection, item.room, commit.time, commit.node, commit.accepted)
    return Appended()


def _forget(connection: sqlite3.Connection, room: str) -> None:
    for table, column in (("commits", "room"), ("snapshots", "room"), ("rooms", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (room,))


_AUDIT = "number, time, node, actor, name, command, target, reached, details, events, before, version"


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    named = dict(zip(_AUDIT.split(", "), row, strict=True))
    for column in ("reached", "details", "events"):
        named[column] = msgspec.json.decode(named[column])
    return msgspec.convert(named, AuditEntry)


def _note(connection: sqlite3.Connection, room: str, time: int, node: str, entries: Iterable[Accepted]) -> None:
    connection.executemany(
        f"INSERT INTO audit ({_AUDIT}, room) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                time,
                node,
                one.actor,
                one.name,
                one.command,
                one.target,
                _text(one.reached),
                _text(one.details),
                _text(one.events),
                one.before,
                one.version,
                room,
            )
            for one in entries
        ],
    )


def _commits(connection: sqlite3.Connection, room: str, version: int, limit: int | None = None) -> list[bytes]:
    rows = connection.execute(
        "SELECT data FROM commits WHERE room = ? AND version > ? ORDER BY version LIMIT ?",
        # SQLite takes a negative limit for none.
        (room, version, -1 if limit is None else limit),
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
