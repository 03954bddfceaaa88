"""The room log in SQLite: the shared promises, and that they outlive the process."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from operator import methodcaller
from pathlib import Path

import msgpack
import msgspec
import pytest

from server.roomlog import Appended, EmbeddedLog, embedded
from server.storage.store import Store, StoreUnavailable
from tests.server.roomlog.shared import EPOCH, ROOM, RoomLogTests, audited, commit, whole_record


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

    async def test_a_commit_whose_line_cannot_be_written_is_no_commit(self, store: Store, log: EmbeddedLog) -> None:
        await log.append(ROOM, EPOCH, 0, audited(0, ("u_a", "media.mute")))

        def no_audit(action: int, table: str | None, *_: object) -> int:
            refused = action == sqlite3.SQLITE_INSERT and table == "audit"
            return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

        await store.run(lambda connection: connection.set_authorizer(no_audit))
        with pytest.raises((StoreUnavailable, sqlite3.DatabaseError)):
            await log.append(ROOM, EPOCH, 1, audited(1, ("u_b", "media.mute")))
        await store.run(lambda connection: connection.set_authorizer(None))
        assert [one.version for one in await log.commits_after(ROOM, 0)] == [1]
        assert [one.actor for one in await whole_record(log)] == ["u_a"]

    async def test_a_line_is_never_changed_and_none_of_today_can_go(self, store: Store, log: EmbeddedLog) -> None:
        old = audited(0, ("u_a", "media.mute"))
        now = int(time.time() * 1000)
        fresh = msgspec.structs.replace(audited(1, ("u_b", "media.mute")), time=now)
        await log.append(ROOM, EPOCH, 0, old)
        await log.append(ROOM, EPOCH, 1, fresh)
        for statement in (
            "UPDATE audit SET actor = 'u_c'",
            "DELETE FROM audit WHERE actor = 'u_b'",
            "DELETE FROM audit",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="audit record"):
                await store.run(methodcaller("execute", statement))
        with pytest.raises(sqlite3.IntegrityError):
            await log.forget_audit(now + 1)
        assert [one.actor for one in await whole_record(log)] == ["u_a", "u_b"]
        assert await log.forget_audit(now - 86_400_000) == 1

    async def test_a_rare_line_is_found_though_only_so_many_are_looked_at_for_a_page(
        self, log: EmbeddedLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(embedded, "MAX_LOOKED_AT", 3)
        await log.append(ROOM, EPOCH, 0, audited(0, *[("u_a", "media.mute")] * 7, ("u_b", "media.mute")))
        first = await log.audit(ROOM, actor="u_b")
        assert first.entries == () and first.next is not None
        assert [one.version for one in await whole_record(log, actor="u_b")] == [8]


def _no_writing(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK
