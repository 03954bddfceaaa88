"""Buckets of one process and buckets on a real Redis: the same behaviour, but that the latter count for all nodes."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.ratelimit import Buckets, Count, OwnBuckets
from server.redis.buckets import SharedBuckets
from server.redis.connection import Connection


@pytest.fixture(params=["own", "shared"])
def buckets(request: pytest.FixtureRequest, connection: Connection) -> Buckets:
    return OwnBuckets() if request.param == "own" else SharedBuckets(connection)


async def test_a_bucket_gives_what_it_holds_and_then_says_how_long_to_wait(buckets: Buckets) -> None:
    tried = [Count("tries", "anna", 5)]
    assert [await buckets.wait_s(tried, take=True) for _ in range(5)] == [0] * 5
    # The first of the five began to come back when it was taken.
    assert 11 < await buckets.wait_s(tried, take=True) <= 12
    assert await buckets.wait_s([Count("tries", "boris", 5)], take=True) == 0
    assert await buckets.wait_s([Count("others", "anna", 5)], take=True) == 0


async def test_looking_takes_nothing_and_a_refusal_neither(buckets: Buckets) -> None:
    tried = [Count("tries", "anna", 1)]
    for _ in range(3):
        assert await buckets.wait_s(tried, take=False) == 0
    assert await buckets.wait_s(tried, take=True) == 0
    for _ in range(3):
        assert 59 < await buckets.wait_s(tried, take=True) <= 60


async def test_of_several_either_each_gives_one_or_none_does(buckets: Buckets) -> None:
    both = [Count("tries", "anna", 1), Count("all", "room", 30)]
    assert await buckets.wait_s(both, take=True) == 0
    for _ in range(40):
        assert await buckets.wait_s(both, take=True) > 59
    assert [await buckets.wait_s(both[1:], take=True) for _ in range(29)] == [0] * 29
    assert 0 < await buckets.wait_s(both[1:], take=True) <= 2


async def test_a_token_comes_back_with_time(buckets: Buckets) -> None:
    often = [Count("tries", "anna", 600)]
    began = time.monotonic()
    for _ in range(600):
        await buckets.wait_s(often, take=True)
    while (wait_s := await buckets.wait_s(often, take=True)) == 0:
        assert time.monotonic() - began < 30, "more come than go"
    await asyncio.sleep(wait_s)
    assert await buckets.wait_s(often, take=True) == 0


async def test_two_nodes_take_from_one_bucket_and_a_full_one_is_no_key(connection: Connection) -> None:
    nodes = [SharedBuckets(connection), SharedBuckets(connection)]
    waits = await asyncio.gather(*(node.wait_s([Count("tries", "anna", 10)], take=True) for node in nodes * 10))
    assert sum(wait == 0 for wait in waits) == 10
    (key,) = await connection.ask("KEYS", "podium:*")
    assert b"anna" not in key and 59_000 < await connection.ask("PTTL", key) <= 60_000
    assert await nodes[0].wait_s([Count("tries", "boris", 10)], take=False) == 0
    assert len(await connection.ask("KEYS", "podium:*")) == 1
