"""Webhooks of several nodes on one Redis: each event told once as long as nobody dies, and by somebody in any case."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.redis.address import parse
from server.redis.connection import Connection
from server.redis.leases import Leases
from server.roomlog import Lost
from server.roomlog.redis import RedisLog
from server.storage.store import Store
from server.webhooks import courier, dispatcher, turns
from server.webhooks.dispatcher import Dispatcher
from server.webhooks.positions import Place, RedisPositions
from server.webhooks.turns import LeasedTurns
from tests.harness import until
from tests.redis_server import RedisServer
from tests.server.webhooks.receiver import Receiver, status
from tests.server.webhooks.support import EPOCH, ROOM, append, dispatching, happened, subscribe


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Both nodes have the same directory."""
    store = Store.open(tmp_path / "podium.db", timeout_s=20)
    yield store
    store.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = await Receiver().start()
    yield one
    await one.stop()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "FIRST_TRY_S", 0.05)
    monkeypatch.setattr(dispatcher, "POLL_S", 0.2)
    monkeypatch.setattr(turns, "AGAIN_S", 0.5)


@contextlib.asynccontextmanager
async def connected(redis: RedisServer) -> AsyncIterator[Connection]:
    connection = Connection(parse(redis.url))
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def node(redis: RedisServer, store: Store, name: str) -> AsyncIterator[tuple[Dispatcher, RedisLog]]:
    async with connected(redis) as connection:
        log = RedisLog(connection)
        async with dispatching(
            store, log, RedisPositions(connection), turns=LeasedTurns(Leases(connection), name)
        ) as webhooks:
            yield webhooks, log


async def test_two_nodes_that_hear_of_the_same_tell_it_once_and_in_order(
    redis: RedisServer, store: Store, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with node(redis, store, "n1") as (one, log), node(redis, store, "n2") as (other, _):
        for after in range(60):
            await append(log, happened(after))
            one.committed(ROOM)
            other.committed(ROOM)
        await receiver.until_version(60)
        await asyncio.sleep(1.0)
        assert receiver.versions() == list(range(1, 61))
        assert await one.positions.find(webhook.id, ROOM) == Place(epoch=EPOCH, version=60)


async def test_after_a_failover_nothing_is_told_twice_and_what_was_to_be_told_still_is(
    redis: RedisServer, store: Store, receiver: Receiver
) -> None:
    webhook = await subscribe(store, receiver.url)
    async with node(redis, store, "n1") as (one, log):
        for after in range(3):
            await append(log, happened(after))
        one.committed(ROOM)
        await receiver.until_version(3)
        await until_kept(one, webhook.id, Place(epoch=EPOCH, version=3))
        receiver.answer = lambda _: status(500)
        await append(log, happened(3))
        async with connected(redis) as connection:
            await connection.ask("REPLICAOF", "127.0.0.1", "1")
            await connection.ask("REPLICAOF", "NO", "ONE")
        assert await log.append(ROOM, EPOCH, 4, happened(4)) == Lost(perhaps=True)
        assert await log.seed(ROOM, EPOCH, EPOCH + 1, 4, b"state at 4") == EPOCH + 1
        await append(log, happened(4), epoch=EPOCH + 1)
        receiver.answer = lambda _: status(200)
        one.committed(ROOM)
        await receiver.until_version(5)
        await until_kept(one, webhook.id, Place(epoch=EPOCH + 1, version=5))
        assert receiver.versions() == [1, 2, 3, 4, 5]


async def until_kept(dispatcher: Dispatcher, webhook: str, place: Place) -> None:
    for _ in range(400):
        if await dispatcher.positions.find(webhook, ROOM) == place:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await dispatcher.positions.find(webhook, ROOM))


async def test_what_one_node_alone_has_heard_of_is_told_after_the_others_turn(
    redis: RedisServer, store: Store, receiver: Receiver
) -> None:
    release = asyncio.Event()
    receiver.answer = lambda _: status(200) if release.is_set() else None
    await subscribe(store, receiver.url)
    async with node(redis, store, "n1") as (one, log), node(redis, store, "n2") as (other, _):
        await append(log, happened(0))
        one.committed(ROOM)
        await until(lambda: receiver.requests)
        await append(log, happened(1))
        other.committed(ROOM)
        await asyncio.sleep(0.5)
        # It is the first one's turn, whose receiver takes its time.
        assert receiver.most_open == 1
        release.set()
        await receiver.until_version(2, timeout_s=20)
        assert receiver.versions() == [1, 2]


async def test_what_another_node_has_told_is_not_tried_any_more_and_the_next_is_told(
    redis: RedisServer, store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "FIRST_TRY_S", 2.0)
    receiver.answer = lambda _: status(500)
    await subscribe(store, receiver.url)
    async with node(redis, store, "n1") as (one, log):
        await append(log, happened(0))
        one.committed(ROOM)
        await until(lambda: one._lag_s() > 0)
        receiver.answer = lambda _: status(200)
        async with node(redis, store, "n2") as (other, _):
            other.committed(ROOM)
            await receiver.until_version(1)
        await append(log, happened(1))
        await receiver.until_version(2, timeout_s=10)
        assert receiver.versions() == [1, 2]
        await until(lambda: one._lag_s() == 0)


async def test_a_node_that_died_in_its_turn_is_followed_by_another(
    redis: RedisServer, store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_MS", 1500)
    webhook = await subscribe(store, receiver.url)
    async with node(redis, store, "n2") as (other, log):
        dead = LeasedTurns(Leases(log._connection), "n1")
        assert await dead.take(f"{webhook.id}:{ROOM}") is None
        await append(log, happened(0))
        other.committed(ROOM)
        await asyncio.sleep(0.6)
        assert not receiver.requests
        await receiver.until_version(1)


async def test_a_conference_that_no_node_has_open_is_found_by_looking(
    redis: RedisServer, store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_S", 0.3)
    await subscribe(store, receiver.url)
    async with node(redis, store, "n1") as (_, log):
        await append(log, happened(0, 3))
        await receiver.until_version(3)


async def test_while_redis_is_away_nothing_is_told_and_afterwards_everything(
    redis: RedisServer, store: Store, receiver: Receiver
) -> None:
    await subscribe(store, receiver.url)
    async with node(redis, store, "n1") as (one, log):
        await append(log, happened(0))
        one.committed(ROOM)
        await receiver.until_version(1)
        await append(log, happened(1))
        redis.stop()
        one.committed(ROOM)
        await asyncio.sleep(0.5)
        redis.start()
        await receiver.until_version(2, timeout_s=20)
        # The answer to the first may have been lost: at least once, in order.
        assert sorted(set(receiver.versions())) == [1, 2] and receiver.versions() == sorted(receiver.versions())
