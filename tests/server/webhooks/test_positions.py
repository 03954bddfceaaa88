"""Where receivers are: the same promises in the server's file and in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.redis.address import parse
from server.redis.connection import Connection
from server.storage.store import Store
from server.webhooks.positions import Place, Positions, RedisPositions, StorePositions
from tests.redis_server import RedisServer
from tests.server.webhooks.support import subscribe

FIRST, SECOND = Place(epoch=7, version=1), Place(epoch=7, version=2, failing=9, error="answered with 500")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "podium.db", timeout_s=20)
    yield store
    store.close()


class PositionsTests:
    """The shared tests; `positions` and `store` are fixtures."""

    async def test_a_place_that_nobody_has_set_is_none(self, positions: Positions, store: Store) -> None:
        webhook = (await subscribe(store, "https://example.org/")).id
        assert await positions.find(webhook, "a") is None
        assert await positions.of(webhook) == {}

    async def test_each_conference_has_its_own(self, positions: Positions, store: Store) -> None:
        one, other = [(await subscribe(store, "https://example.org/")).id for _ in range(2)]
        assert await positions.move(one, "a", None, FIRST)
        assert await positions.move(one, "b", None, SECOND)
        assert await positions.of(one) == {"a": FIRST, "b": SECOND}
        assert await positions.of(other) == {}
        await positions.forget(one, "a")
        assert await positions.of(one) == {"b": SECOND}
        await positions.forget(one)
        assert await positions.find(one, "b") is None

    async def test_it_moves_only_from_where_it_was_thought_to_be(self, positions: Positions, store: Store) -> None:
        webhook = (await subscribe(store, "https://example.org/")).id
        assert not await positions.move(webhook, "a", FIRST, SECOND)
        assert await positions.move(webhook, "a", None, FIRST)
        assert await positions.move(webhook, "a", FIRST, SECOND)
        assert not await positions.move(webhook, "a", FIRST, Place(epoch=7, version=3))
        await positions.put(webhook, "a", FIRST)
        assert not await positions.move(webhook, "a", SECOND, Place(epoch=7, version=3))
        assert await positions.find(webhook, "a") == FIRST

    async def test_of_many_who_move_it_one_does(self, positions: Positions, store: Store) -> None:
        webhook = (await subscribe(store, "https://example.org/")).id
        places = [Place(epoch=7, version=number) for number in range(1, 11)]
        moved = await asyncio.gather(*(positions.move(webhook, "a", None, place) for place in places))
        assert moved.count(True) == 1
        assert await positions.find(webhook, "a") == places[moved.index(True)]


class TestInTheStore(PositionsTests):
    @pytest.fixture
    def positions(self, store: Store) -> Positions:
        return StorePositions(store)


class TestInRedis(PositionsTests):
    @pytest.fixture
    async def positions(self, tmp_path: Path) -> AsyncIterator[Positions]:
        server = RedisServer(tmp_path / "r").start()
        connection = Connection(parse(server.url))
        yield RedisPositions(connection)
        await connection.close()
        server.stop()
