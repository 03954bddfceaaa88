"""The room log on a real Redis: the shared promises, and what only a server beside the process can do to it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgpack
import pytest

from protocol import codec
from server.redis.address import parse
from server.redis.connection import Connection
from server.redis.trouble import RedisUnavailable, Trouble
from server.roomlog import Appended, Conflict, Lost
from server.roomlog import redis as roomlog
from server.roomlog.redis import RedisLog
from tests.redis_server import RedisServer
from tests.server.roomlog.shared import EPOCH, ROOM, RoomLogTests, audited, commit, whole_record


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = Connection(parse(url))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def log(connection: Connection) -> RedisLog:
    return RedisLog(connection)


@contextlib.asynccontextmanager
async def log_on(server: RedisServer, *, strict: bool = False) -> AsyncIterator[RedisLog]:
    async with connected(server.strict_url if strict else server.url) as connection:
        yield RedisLog(connection)


def refused(error: pytest.ExceptionInfo[RedisUnavailable]) -> tuple[Trouble, bool]:
    """What was refused, and whether it may have been done."""
    return error.value.trouble, error.value.uncertain


async def until_answered(log: RedisLog) -> None:
    """A server that was thawed on a busy machine needs a moment."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(RedisUnavailable):
                return await log.ready()


class TestRedis(RoomLogTests):
    """The shared tests on Redis."""

    async def test_a_commit_from_a_newer_version_ends_what_can_be_read(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        unknown = {"version": 2, "after": 1, "time": 1, "node": "n9", "events": [{"type": "poll.invented"}]}
        await connection.ask("XADD", f"podium:{{{ROOM}}}:commits", "2-0", "c", msgpack.packb(unknown))
        await connection.ask("HSET", f"podium:{{{ROOM}}}:head", "version", 2)
        loaded = await log.load(ROOM)
        assert loaded is not None and (loaded.commits, loaded.readable) == ((commit(0),), False)

    async def test_a_command_that_the_log_has_is_not_accepted_again_though_its_commit_is_gone(
        self, log: RedisLog
    ) -> None:
        known, new = ("u_a", "client-1", 7), ("u_a", "client-1", 8)
        await log.append(ROOM, EPOCH, 0, commit(0, commands=(known,)))
        await log.append(ROOM, EPOCH, 1, commit(1))
        await log.save_snapshot(ROOM, EPOCH, 2, b"state at 2")
        outcome = await log.append(ROOM, EPOCH, 2, commit(2, commands=(new, known)))
        assert outcome == Conflict(EPOCH, (), ((known, 1),))
        assert await log.append(ROOM, EPOCH, 2, commit(2, commands=(new,))) == Appended()

    async def test_only_so_many_command_ids_are_remembered(
        self, log: RedisLog, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(roomlog, "MAX_COMMANDS", 3)
        for after in range(5):
            await log.append(ROOM, EPOCH, after, commit(after, commands=(("u_a", "client-1", after),)))
        assert await connection.ask("ZCARD", f"podium:{{{ROOM}}}:commands") == 3
        assert isinstance(await log.append(ROOM, EPOCH, 5, commit(5, commands=(("u_a", "client-1", 3),))), Conflict)
        assert await log.append(ROOM, EPOCH, 5, commit(5, commands=(("u_a", "client-1", 0),))) == Appended()

    async def test_a_commit_is_told_to_whoever_listens_in_the_step_that_appends_it(
        self, log: RedisLog, connection: Connection
    ) -> None:
        listener = await connection.listener()
        await listener.subscribe(roomlog.channel(ROOM))
        await listener.get_message(timeout=10)
        await log.append(ROOM, EPOCH, 0, commit(0))
        await log.append(ROOM, EPOCH, 0, commit(0, node="n2"))
        told = await listener.get_message(timeout=10)
        assert told["data"] == f"{EPOCH} 0 1 ".encode() + codec.pack(commit(0))
        assert await listener.get_message(timeout=0.05) is None
        await listener.aclose()

    async def test_only_so_many_missed_commits_are_told_at_once(
        self, log: RedisLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(roomlog, "MAX_MISSED", 2)
        for after in range(4):
            await log.append(ROOM, EPOCH, after, commit(after))
        outcome = await log.append(ROOM, EPOCH, 0, commit(0, node="n2"))
        assert outcome == Conflict(EPOCH, (commit(0), commit(1)))

    async def test_a_room_without_snapshots_does_not_grow_for_ever(
        self, log: RedisLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(roomlog, "MAX_COMMITS", 3)
        for after in range(3):
            await log.append(ROOM, EPOCH, after, commit(after))
        with pytest.raises(RedisUnavailable, match="no snapshot") as error:
            await log.append(ROOM, EPOCH, 3, commit(3))
        assert refused(error) == (Trouble.FULL, False)
        await log.save_snapshot(ROOM, EPOCH, 2, b"state at 2")
        assert await log.append(ROOM, EPOCH, 3, commit(3)) == Appended()

    async def test_a_snapshot_of_the_future_is_refused(self, log: RedisLog) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        await log.save_snapshot(ROOM, EPOCH, 2, b"state at 2")
        loaded = await log.load(ROOM)
        assert loaded is not None and loaded.snapshot is None

    async def test_scripts_that_the_server_has_forgotten_are_sent_again(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await log.append(ROOM, EPOCH, 0, commit(0))
        await connection.ask("SCRIPT", "FLUSH")
        assert await log.append(ROOM, EPOCH, 1, commit(1)) == Appended()

    async def test_the_record_of_a_room_has_a_bound_beside_its_age(
        self, log: RedisLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(roomlog, "MAX_LINES", 100)
        after = 0
        for _ in range(10):
            await log.append(ROOM, EPOCH, after, audited(after, *[("u_a", "media.mute")] * 50))
            after += 50
        lines = await log.audit(ROOM, limit=1000)
        # Whole nodes of the stream go, of a hundred entries each.
        assert 100 <= len(lines.entries) < 300 and lines.entries[-1].version == 500

    async def test_of_a_room_that_was_let_go_of_nothing_is_left_for_ever(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await log.append(ROOM, EPOCH, 0, audited(0, ("u_a", "media.mute")))
        await log.append("kept", EPOCH, 0, audited(0, ("u_a", "media.mute")))
        await log.forget(ROOM)
        assert await log.forget_audit(EPOCH + 1) == 2
        # That it was let go of is remembered for a day; another line of the other room has a number of its own.
        keys = await connection.ask("KEYS", f"podium:{{{ROOM}}}*")
        assert keys == [f"podium:{{{ROOM}}}:head".encode()] and await connection.ask("TTL", keys[0]) > 0
        await log.append("kept", EPOCH, 1, audited(1, ("u_a", "media.mute")))
        assert [line.number for line in (await log.audit("kept")).entries] == [2]

    async def test_a_rare_line_is_found_though_only_so_many_are_looked_at_for_a_page(
        self, log: RedisLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(roomlog, "MAX_LOOKED_AT", 3)
        await log.append(ROOM, EPOCH, 0, audited(0, *[("u_a", "media.mute")] * 7, ("u_b", "media.mute")))
        first = await log.audit(ROOM, actor="u_b")
        assert first.entries == () and first.next is not None
        assert [one.version for one in await whole_record(log, actor="u_b")] == [8]


class TestLost:
    """What Redis had and has no more."""

    async def some(self, log: RedisLog) -> None:
        for after in range(4):
            await log.append(ROOM, EPOCH, after, commit(after))
        await log.save_snapshot(ROOM, EPOCH, 2, b"state at 2")

    async def test_an_empty_server_is_noticed_and_the_room_begun_anew_under_a_later_epoch(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await self.some(log)
        await connection.ask("FLUSHALL")
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Lost()
        assert await log.position(ROOM) is None
        epoch = await log.seed(ROOM, EPOCH, EPOCH + 50, 4, b"state at 4")
        assert epoch == EPOCH + 50
        loaded = await log.load(ROOM)
        assert loaded is not None
        assert (loaded.epoch, loaded.snapshot, loaded.commits) == (EPOCH + 50, (4, b"state at 4"), ())
        # Whoever did not notice is refused, and told by the epoch.
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Conflict(EPOCH + 50)
        assert await log.append(ROOM, EPOCH + 50, 4, commit(4)) == Appended()
        assert await log.rooms() == (ROOM,)

    async def test_seeding_again_after_a_lost_answer_changes_nothing(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await self.some(log)
        await connection.ask("FLUSHALL")
        first = await log.seed(ROOM, EPOCH, EPOCH + 50, 4, b"state at 4")
        assert await log.seed(ROOM, EPOCH, EPOCH + 60, 4, b"state at 4") == first

    async def test_of_two_who_seed_the_one_who_knows_more_wins_in_either_order(
        self, log: RedisLog, connection: Connection
    ) -> None:
        for first, second in ((3, 4), (4, 3)):
            await connection.ask("FLUSHALL")
            await log.seed(ROOM, EPOCH, EPOCH + 50, first, b"state at %d" % first)
            if second > first:
                assert await log.append(ROOM, EPOCH, second, commit(second)) == Lost()
            await log.seed(ROOM, EPOCH, EPOCH + 50, second, b"state at %d" % second)
            loaded = await log.load(ROOM)
            assert loaded is not None and loaded.snapshot == (4, b"state at 4")

    async def test_nobody_seeds_what_others_have_gone_on_with(self, log: RedisLog, connection: Connection) -> None:
        await connection.ask("FLUSHALL")
        epoch = await log.seed(ROOM, EPOCH, EPOCH + 50, 3, b"state at 3")
        assert isinstance(epoch, int)
        await log.append(ROOM, epoch, 3, commit(3))
        assert await log.append(ROOM, EPOCH, 9, commit(9)) == Conflict(epoch)
        assert await log.seed(ROOM, EPOCH, EPOCH + 60, 9, b"state at 9") == Conflict(epoch)

    async def test_a_room_made_anew_by_who_knew_nothing_gives_way_to_who_knows(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await self.some(log)
        await connection.ask("FLUSHALL")
        await log.append(ROOM, EPOCH + 10, 0, commit(0))
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Lost()
        epoch = await log.seed(ROOM, EPOCH, EPOCH + 5, 4, b"state at 4")
        assert epoch == EPOCH + 11

    async def test_a_failover_that_lost_the_last_commits_is_noticed(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await self.some(log)
        await connection.ask("XDEL", f"podium:{{{ROOM}}}:commits", "4-0")
        await connection.ask("HSET", f"podium:{{{ROOM}}}:head", "version", 3)
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Lost()
        assert isinstance(await log.seed(ROOM, EPOCH, EPOCH + 1, 4, b"state at 4"), int)

    async def test_after_a_failover_a_room_goes_on_in_a_later_epoch_though_nothing_seems_lost(
        self, log: RedisLog, connection: Connection
    ) -> None:
        await self.some(log)
        await connection.ask("REPLICAOF", "127.0.0.1", "1")
        await connection.ask("REPLICAOF", "NO", "ONE")
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Lost(perhaps=True)
        assert await log.append(ROOM, EPOCH, 3, commit(3, node="n2")) == Conflict(EPOCH, (commit(3),))
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 3, b"state at 3") == Conflict(EPOCH)
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 4, b"state at 4") == EPOCH + 1
        # Nobody begins it anew a second time; those who read behind have their commits still.
        assert await log.seed(ROOM, EPOCH, EPOCH + 2, 4, b"another's") == Conflict(EPOCH + 1)
        assert await log.commits_after(ROOM, 2) == (commit(2), commit(3))
        assert await log.append(ROOM, EPOCH + 1, 4, commit(4)) == Appended()
        loaded = await log.load(ROOM)
        assert loaded is not None
        assert (loaded.snapshot, loaded.commits) == ((4, b"state at 4"), (commit(4),))

    @pytest.mark.parametrize("part", ["head", "commits", "snapshot"])
    async def test_a_part_that_was_evicted_is_noticed_by_readers_and_writers(
        self, log: RedisLog, connection: Connection, part: str
    ) -> None:
        await self.some(log)
        await connection.ask("DEL", f"podium:{{{ROOM}}}:{part}")
        with pytest.raises(RedisUnavailable, match="noeviction") as error:
            await log.load(ROOM)
        assert refused(error) == (Trouble.TORN, False)
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Lost()
        # Who knows the state heals it; who would make the room anew does not get to.
        if part == "head":
            with pytest.raises(RedisUnavailable):
                await log.append(ROOM, EPOCH + 9, 0, commit(0))
        assert isinstance(await log.seed(ROOM, EPOCH, EPOCH + 1, 4, b"state at 4"), int)
        assert await log.load(ROOM) is not None

    async def test_a_room_that_was_let_go_of_is_not_taken_for_lost(self, log: RedisLog) -> None:
        await self.some(log)
        await log.forget(ROOM)
        assert await log.load(ROOM) is None
        assert await log.append(ROOM, EPOCH, 4, commit(4)) == Conflict(EPOCH)
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 4, b"state at 4") == Conflict(EPOCH)
        assert await log.rooms() == ()


class TestTrouble:
    """Redis away, frozen, read-only, full."""

    async def test_a_frozen_server_is_given_up_after_a_second_and_says_that_it_may_be_done(
        self, redis: RedisServer
    ) -> None:
        async with log_on(redis, strict=True) as log:
            await log.append(ROOM, EPOCH, 0, commit(0))
            redis.freeze()
            began = time.monotonic()
            with pytest.raises(RedisUnavailable) as error:
                await log.append(ROOM, EPOCH, 1, commit(1))
            assert time.monotonic() - began < 3
            assert refused(error) == (Trouble.SILENT, True)
            redis.thaw()
            await until_answered(log)
            # The same again tells.
            assert await log.append(ROOM, EPOCH, 1, commit(1)) == Appended()
            assert await log.commits_after(ROOM, 0) == (commit(0), commit(1))

    async def test_many_who_wait_for_a_frozen_server_all_wait_a_second(self, redis: RedisServer) -> None:
        async with log_on(redis, strict=True) as log:
            await log.append(ROOM, EPOCH, 0, commit(0))
            redis.freeze()
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *(log.append(f"room-{n}", EPOCH, 1, commit(1)) for n in range(60)), return_exceptions=True
            )
            # Not one after the other, and not the minute that the library waits when left to itself.
            assert time.monotonic() - began < 6
            assert {type(outcome) for outcome in outcomes} == {RedisUnavailable}
            # Who never got as far as sending is sure.
            assert {outcome.uncertain for outcome in outcomes} == {True, False}  # type: ignore[union-attr]
            redis.thaw()
            # The answers that came too late are nobody's.
            await until_answered(log)
            for _ in range(40):
                assert await log.position(ROOM) == (EPOCH, 1)
                assert await log.position("room-1") is None

    async def test_a_server_that_is_not_there_has_done_nothing(self, redis: RedisServer) -> None:
        async with log_on(redis) as log:
            redis.stop()
            with pytest.raises(RedisUnavailable) as error:
                await log.load(ROOM)
            assert refused(error) == (Trouble.AWAY, False)

    async def test_a_restart_is_met_without_an_error(self, redis: RedisServer) -> None:
        async with log_on(redis) as log:
            await log.append(ROOM, EPOCH, 0, commit(0))
            redis.stop()
            redis.start()
            assert await log.append(ROOM, EPOCH, 1, commit(1)) == Lost(perhaps=True)
            assert await log.seed(ROOM, EPOCH, EPOCH + 1, 1, b"state at 1") == EPOCH + 1
            assert await log.append(ROOM, EPOCH + 1, 1, commit(1)) == Appended()
            assert await log.commits_after(ROOM, 0) == (commit(0), commit(1))

    async def test_a_commit_whose_answer_was_lost_counts_once(self, redis: RedisServer) -> None:
        async with log_on(redis) as log, connected(redis.url) as other:
            await log.append(ROOM, EPOCH, 0, commit(0))
            # Connections are killed while they are used: of some commands the answer does not come back.
            answers = await asyncio.gather(
                *(log.append(f"room-{n}", EPOCH, 0, commit(0)) for n in range(20)),
                *(other.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") for _ in range(10)),
                return_exceptions=True,
            )
            for n, answer in enumerate(answers[:20]):
                if answer != Appended():
                    assert isinstance(answer, RedisUnavailable), answer
                    assert answer.uncertain or await log.position(f"room-{n}") is None
            for n in range(20):
                assert await log.append(f"room-{n}", EPOCH, 0, commit(0)) == Appended()
                assert len(await log.commits_after(f"room-{n}", 0)) == 1

    async def test_a_full_server_refuses_what_is_new_and_is_read(self, redis: RedisServer) -> None:
        async with log_on(redis) as log, connected(redis.url) as other:
            await log.append(ROOM, EPOCH, 0, commit(0))
            await other.ask("CONFIG", "SET", "maxmemory", "1mb")
            with pytest.raises(RedisUnavailable, match="no memory") as error:
                await log.append(ROOM, EPOCH, 1, commit(1))
            assert refused(error) == (Trouble.FULL, False)
            with pytest.raises(RedisUnavailable):
                await log.ready()
            loaded = await log.load(ROOM)
            assert loaded is not None and loaded.commits == (commit(0),)
            await other.ask("CONFIG", "SET", "maxmemory", "0")
            await log.ready()
            assert await log.append(ROOM, EPOCH, 1, commit(1)) == Appended()

    async def test_a_replica_refuses_what_is_new_and_is_read(self, redis: RedisServer, tmp_path: Path) -> None:
        async with log_on(redis) as log, connected(redis.url) as other:
            await log.append(ROOM, EPOCH, 0, commit(0))
            await other.ask("REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(RedisUnavailable, match="read-only") as error:
                await log.append(ROOM, EPOCH, 1, commit(1))
            assert refused(error) == (Trouble.READ_ONLY, False)
            loaded = await log.load(ROOM)
            assert loaded is not None and loaded.commits == (commit(0),)
            await other.ask("REPLICAOF", "NO", "ONE")
            assert await log.append(ROOM, EPOCH, 1, commit(1)) == Lost(perhaps=True)

    async def test_what_was_committed_outlives_a_killed_server_that_writes_each_commit(self, tmp_path: Path) -> None:
        server = RedisServer(tmp_path / "always", "--appendfsync", "always").start()
        try:
            async with log_on(server) as log:
                for after in range(20):
                    await log.append(ROOM, EPOCH, after, commit(after))
                server.kill9()
                server.start()
                assert await log.position(ROOM) == (EPOCH, 20)
        finally:
            server.stop()
