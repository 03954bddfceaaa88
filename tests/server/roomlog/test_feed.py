"""Hearing of commits from a real Redis: two replicas of one room on two connections, and a feed that is cut off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from protocol import commands as c
from server.conference import replica
from server.conference.replica import RoomReplica
from server.metrics import Metrics
from server.redis.address import parse
from server.redis.connection import Connection
from server.room.digest import state_hash
from server.roomlog.feed import Feed
from server.roomlog.following import Told
from server.roomlog.redis import RedisLog
from tests.harness import until
from tests.redis_server import RedisServer
from tests.server.replica_support import CONFERENCE, Clock, come_in, enter, new_replica, order


class Node:
    """A node's part of a room: its connection, its feed, its replica."""

    def __init__(self, server: RedisServer, name: str) -> None:
        self.name = name
        self.connection = Connection(parse(server.url))
        self.log = RedisLog(self.connection)
        self.feed = Feed(self.connection)
        self.replica: RoomReplica

    async def open(self) -> Node:
        self.feed.start()
        loaded = await self.log.load(CONFERENCE)
        if loaded is None:
            self.replica = await new_replica(self.log, self.name)  # type: ignore[arg-type]
        else:
            self.replica = RoomReplica.restore(loaded, log=self.log, metrics=Metrics(), node=self.name, clock=Clock())
            self.replica.start()
        self.feed.follow(CONFERENCE, self.replica)
        return self

    async def close(self) -> None:
        await self.feed.stop()
        await self.replica.stop()
        await self.connection.close()

    @property
    def hash(self) -> str:
        return state_hash(self.replica.room)


@contextlib.asynccontextmanager
async def nodes(server: RedisServer, count: int = 2) -> AsyncIterator[list[Node]]:
    made: list[Node] = []
    try:
        for number in range(count):
            made.append(await Node(server, f"n{number}").open())
        yield made
    finally:
        for node in made:
            await node.close()


async def test_what_one_node_commits_the_others_members_hear(redis: RedisServer) -> None:
    async with nodes(redis) as (first, second):
        ear = await come_in(second.replica, "u_b")
        await come_in(first.replica, "u_a")
        await until(lambda: "participant.joined" in ear.types())
        assert first.hash == second.hash


async def test_of_two_nodes_that_command_at_once_both_are_obeyed_in_one_order(redis: RedisServer) -> None:
    async with nodes(redis) as (first, second):
        await asyncio.gather(
            *(
                node.replica.ask(f"u_{node.name}_{n}", enter(f"Person {n}"))
                for n in range(20)
                for node in (first, second)
            )
        )
        await until(lambda: first.hash == second.hash and first.replica.room.version == second.replica.room.version)
        assert len(first.replica.room.people) == 40


async def test_a_command_that_comes_to_another_node_after_its_answer_was_lost_counts_once(redis: RedisServer) -> None:
    async with nodes(redis) as (first, second):
        await come_in(first.replica, "u_a")
        one, answered = order("u_a", c.StageRequest(id=5))
        first.replica.submit(one)
        assert await answered is None
        version = first.replica.room.version
        await until(lambda: "u_a" in second.replica.room.people)
        again, answered = order("u_a", c.StageRequest(id=5))
        second.replica.submit(again)
        assert await answered is None
        assert (await second.log.position(CONFERENCE) or (0, 0))[1] == version


async def test_what_was_said_while_the_feed_was_cut_off_is_found(redis: RedisServer) -> None:
    async with nodes(redis) as (first, second):
        for _ in range(3):
            await first.connection.ask("CLIENT", "KILL", "TYPE", "pubsub")
            await come_in(first.replica, f"u_{first.replica.room.version}")
        await until(lambda: first.hash == second.hash, 20)
        # And it listens again: this is heard, not looked for once a minute.
        await come_in(first.replica, "u_later")
        await until(lambda: "u_later" in second.replica.room.people, 20)


async def test_when_redis_has_lost_the_room_one_node_gives_it_back_and_all_agree(redis: RedisServer) -> None:
    async with nodes(redis, 3) as all_nodes:
        await come_in(all_nodes[0].replica, "u_a")
        await until(lambda: len({node.hash for node in all_nodes}) == 1)
        former = all_nodes[0].replica.epoch
        await asyncio.sleep(1.5)
        await all_nodes[0].connection.ask("FLUSHALL")
        await until(lambda: all(node.replica.epoch > former for node in all_nodes), 20)
        await until(lambda: len({(node.replica.epoch, node.hash) for node in all_nodes}) == 1, 20)
        await come_in(all_nodes[2].replica, "u_b")
        await until(lambda: all("u_b" in node.replica.room.people for node in all_nodes))


async def fail_over(connection: Connection, kept: dict[bytes, bytes]) -> None:
    """Redis is another one from now on, which has only this."""
    restore = "redis.call('FLUSHALL') for i = 1, #KEYS do redis.call('RESTORE', KEYS[i], 0, ARGV[i]) end"
    await connection.ask("EVAL", restore, len(kept), *kept, *kept.values())
    await connection.ask("REPLICAOF", "127.0.0.1", "1")
    await connection.ask("REPLICAOF", "NO", "ONE")


async def everything(connection: Connection) -> dict[bytes, bytes]:
    return {key: await connection.ask("DUMP", key) for key in await connection.ask("KEYS", "*")}


async def same(*nodes: Node) -> None:
    await until(lambda: len({(node.replica.epoch, node.replica.room.version, node.hash) for node in nodes}) == 1, 20)


async def test_what_a_failover_has_lost_and_a_newcomer_did_not_know_is_given_back(redis: RedisServer) -> None:
    async with nodes(redis, 1) as (first,):
        await come_in(first.replica, "u_a")
        kept = await everything(first.connection)
        await come_in(first.replica, "u_lost")
        await fail_over(first.connection, kept)
        # As many commits as there were, before the first node looks: without an epoch between them, a second history.
        second = await Node(redis, "n1").open()
        coming = asyncio.create_task(come_in(second.replica, "u_b"))
        await asyncio.sleep(0.2)
        first.replica.look()
        await coming
        await same(first, second)
        assert set(first.replica.room.people) == {"u_a", "u_lost", "u_b"}
        await second.close()


async def test_who_hears_too_late_of_a_failover_takes_over_what_was_decided_after_it(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "OTHERS_S", 0.0)
    async with nodes(redis, 1) as (first,):
        stays = await come_in(first.replica, "u_a")
        kept = await everything(first.connection)
        lost = await come_in(first.replica, "u_lost")
        await first.feed.stop()
        await fail_over(first.connection, kept)
        second = await Node(redis, "n1").open()
        await come_in(second.replica, "u_b")
        assert first.replica.room.version == second.replica.room.version
        first.replica.look()
        await same(first, second)
        assert set(first.replica.room.people) == {"u_a", "u_b"}
        assert stays.types() == ["participant.joined", "resync"] and lost.left == (None, "")
        await second.close()


async def test_a_command_that_redis_has_lost_and_is_given_back_still_counts_once(redis: RedisServer) -> None:
    async with nodes(redis, 1) as (first,):
        await come_in(first.replica, "u_a")
        asked = c.QuestionAsk(id=5, text="Once?")
        one, answered = order("u_a", asked)
        first.replica.submit(one)
        assert await answered is None
        former, version = first.replica.epoch, first.replica.room.version
        await first.connection.ask("FLUSHALL")
        first.replica.look()
        await until(lambda: first.replica.epoch > former)
        # Whoever asked did not hear the answer, and asks again at a node that knows only the snapshot.
        second = await Node(redis, "n1").open()
        again, answered = order("u_a", asked)
        second.replica.submit(again)
        assert await answered is None
        assert second.replica.room.version == version
        await second.close()


async def test_a_loss_is_noticed_also_after_the_library_has_failed_in_its_own_way(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(redis, 1) as (node,):
        await come_in(node.replica, "u_a")
        former, failures = node.replica.epoch, 0

        async def fail() -> bool:
            nonlocal failures
            failures += 1
            raise AttributeError("'NoneType' object has no attribute 'readline'")

        # It has seen which Redis it is.
        await until(lambda: node.feed._era)
        with monkeypatch.context() as broken:
            broken.setattr(node.feed, "_new_era", fail)
            await until(lambda: failures == 2)
        await node.connection.ask("FLUSHALL")
        await until(lambda: node.replica.epoch > former)


async def test_a_room_that_another_node_removed_is_not_brought_back(redis: RedisServer) -> None:
    async with nodes(redis) as (first, second):
        await come_in(first.replica, "u_a")
        await first.log.forget(CONFERENCE)
        second.replica.look()
        await asyncio.sleep(0.5)
        assert await first.log.load(CONFERENCE) is None
        refusal = await second.replica.ask("u_b", enter("Somebody"))
        assert refusal is not None and refusal.code == "store_unavailable"


async def test_who_follows_no_more_hears_no_more(redis: RedisServer) -> None:
    heard: list[Told] = []

    class Ear:
        def hear(self, told: Told) -> None:
            heard.append(told)

        def look(self) -> None:
            pass

    async with nodes(redis) as (first, second):
        second.feed.follow("other", Ear())
        second.feed.follow(CONFERENCE, Ear())
        await until(lambda: "other" in second.feed._subscribed)
        await come_in(first.replica, "u_a")
        await until(lambda: heard)
        second.feed.unfollow(CONFERENCE)
        await until(lambda: CONFERENCE not in second.feed._subscribed, 10)
        heard.clear()
        await come_in(first.replica, "u_b")
        await asyncio.sleep(0.2)
        assert heard == []


class Looks:
    """A follower that counts how often it is told to look."""

    def __init__(self) -> None:
        self.times = 0

    def hear(self, told: Told) -> None:
        """Nothing is said here."""

    def look(self) -> None:
        self.times += 1


class Words:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []

    def hear(self, word: str, data: bytes) -> None:
        self.heard.append((word, data))

    def look(self) -> None:
        """Nothing is kept."""


async def test_a_room_that_is_opened_hears_from_the_first_moment_what_nobody_keeps(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.roomlog.feed.BEGIN_S", 10.0)
    async with nodes(redis) as (first, second):
        await second.feed.listening(CONFERENCE)
        for number in range(5):
            # Somewhere within the second for which the connection waits for a message.
            await asyncio.sleep(0.1 + number / 20)
            words = Words()
            second.feed.follow(f"room {number}", Looks(), words)
            await second.feed.listening(f"room {number}")
            first.feed.say(f"room {number}", "reaction", b"clap")
            await until(lambda: words.heard)  # noqa: B023
            assert words.heard == [("reaction", b"clap")]
        # Closed and opened again at once, it has never stopped to hear.
        second.feed.unfollow("room 0")
        second.feed.follow("room 0", Looks(), words)
        async with asyncio.timeout(5):
            await second.feed.listening("room 0")


async def test_without_redis_a_room_is_not_waited_for_longer_than_a_second(redis: RedisServer) -> None:
    async with nodes(redis, 1) as (only,):
        await only.feed.listening(CONFERENCE)
        redis.freeze()
        only.feed.follow("another", Looks())
        async with asyncio.timeout(3):
            await only.feed.listening("another")
        redis.thaw()


async def test_a_room_that_is_closed_and_opened_again_at_once_looks_into_the_log_as_well(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.roomlog.feed.ERA_S", 30.0)  # not because it is every room's turn to look
    connection = Connection(parse(redis.url))
    feed = Feed(connection)
    feed.start()
    former, new = Looks(), Looks()
    feed.follow(CONFERENCE, former)
    await until(lambda: former.times)
    feed.unfollow(CONFERENCE)
    feed.follow(CONFERENCE, new)
    async with asyncio.timeout(3):
        await until(lambda: new.times)
    await feed.stop()
    await connection.close()
