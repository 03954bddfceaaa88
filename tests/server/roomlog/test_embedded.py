"""The room log in SQLite: the shared promises, and that they outlive the process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest

from server.roomlog import Appended, EmbeddedLog
from server.store import Store, StoreUnavailable
from tests.server.roomlog.shared import EPOCH, ROOM, RoomLogTests, commit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "podium.db")
    yield store
    store.close()


@pytest.fixture
def log(store: Store) -> EmbeddedLog:
    return EmbeddedLog(store)


class TestEmbedded(RoomLogTests):
    """The shared tests on SQLite."""

    async def test_what_was_answered_is_there_after_opening_the_file_again(self, tmp_path: Path) -> None:
        first = Store.open(tmp_path / "other.db")
        assert await EmbeddedLog(first).append(ROOM, EPOCH, 0, commit(0)) == Appended()
        first.close()
        second = Store.open(tmp_path / "other.db")
        loaded = await EmbeddedLog(second).load(ROOM)
        second.close()
        assert loaded is not None and loaded.commits == (commit(0),)

    async def test_appends_that_wait_together_share_a_transaction(self, store: Store, log: EmbeddedLog) -> None:
        began = 0

        def trace(statement: str) -> None:
            nonlocal began
            began += statement.startswith("BEGIN")

        await store.run(lambda connection: connection.set_trace_callback(trace))
        await asyncio.gather(*(log.append(f"room-{number}", EPOCH, 0, commit(0)) for number in range(100)))
        await store.run(lambda connection: connection.set_trace_callback(None))
        assert began <= 4

    async def test_an_append_that_the_disk_refuses_is_unavailable_and_leaves_nothing(
        self, store: Store, log: EmbeddedLog
    ) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        await store.run(lambda connection: connection.set_authorizer(_no_writing))
        with pytest.raises((StoreUnavailable, sqlite3.DatabaseError)):
            await log.append(ROOM, EPOCH, 1, commit(1))
        await store.run(lambda connection: connection.set_authorizer(None))
        assert await log.commits_after(ROOM, 0) == (commit(0),)
        assert await log.append(ROOM, EPOCH, 1, commit(1)) == Appended()

    async def test_after_closing_nobody_waits_for_ever(self, store: Store, log: EmbeddedLog) -> None:
        store.close()
        with pytest.raises(StoreUnavailable):
            await log.append(ROOM, EPOCH, 0, commit(0))

    async def test_a_commit_from_a_newer_version_ends_what_can_be_read(self, store: Store, log: EmbeddedLog) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        unknown = {"version": 2, "after": 1, "time": 1, "node": "n9", "events": [{"type": "poll.opened", "version": 2}]}
        await store.run(
            lambda connection: connection.execute(
                "INSERT INTO commits VALUES (?, ?, ?)", (ROOM, 2, msgpack.packb(unknown))
            )
        )
        loaded = await log.load(ROOM)
        assert loaded is not None
        assert (loaded.commits, loaded.readable) == ((commit(0),), False)


def _no_writing(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK
