"""Leases on a real Redis: one holder at a time, ended by silence; a token tells the former from the present one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.redis.connection import Connection
from server.redis.leases import Held, Lease, Leases


@pytest.fixture
def leases(connection: Connection) -> Leases:
    return Leases(connection)


def ours(answer: Any) -> Lease:
    assert isinstance(answer, Lease)
    return answer


async def test_of_many_who_ask_one_has_it_and_the_others_are_told_who(leases: Leases) -> None:
    answers = await asyncio.gather(*(leases.acquire("person:u_a", f"n{n}", 60_000, f"room {n}") for n in range(10)))
    (lease,) = [answer for answer in answers if isinstance(answer, Lease)]
    others = [answer for answer in answers if isinstance(answer, Held)]
    assert len(others) == 9
    for other in others:
        assert (other.holder, other.token, other.note) == (lease.holder, lease.token, f"room {lease.holder[1:]}")
        assert 0 < other.left_ms <= 60_000
    found = await leases.holder("person:u_a")
    assert found is not None and found.holder == lease.holder
    assert await leases.holder("person:u_b") is None


async def test_asking_again_after_a_lost_answer_keeps_the_token(leases: Leases) -> None:
    first = ours(await leases.acquire("node:n1", "n1", 60_000))
    assert await leases.acquire("node:n1", "n1", 60_000) == first


async def test_a_lease_ends_by_itself_and_the_next_token_is_greater(leases: Leases) -> None:
    first = ours(await leases.acquire("worker:w1", "n1", 50))
    await asyncio.sleep(0.1)
    assert await leases.holder("worker:w1") is None
    second = ours(await leases.acquire("worker:w1", "n2", 60_000))
    assert second.token > first.token
    # The former holder wakes up and finds out.
    assert not await leases.renew(first, 60_000)
    assert not await leases.release(first)
    found = await leases.holder("worker:w1")
    assert found is not None and found.holder == "n2"


async def test_a_lease_that_is_renewed_goes_on_and_may_carry_another_note(leases: Leases) -> None:
    lease = ours(await leases.acquire("node:n1", "n1", 150, "load 1"))
    for _ in range(4):
        await asyncio.sleep(0.06)
        assert await leases.renew(lease, 10_000, "load 2")
    found = await leases.holder("node:n1")
    assert found is not None and (found.token, found.note) == (lease.token, "load 2") and found.left_ms > 150
    assert await leases.renew(lease, 10_000)
    found = await leases.holder("node:n1")
    assert found is not None and found.note == "load 2"


async def test_what_was_given_back_is_free_at_once_and_its_token_is_not_given_again(leases: Leases) -> None:
    first = ours(await leases.acquire("room:r", "n1", 60_000))
    assert await leases.release(first)
    second = ours(await leases.acquire("room:r", "n1", 60_000))
    assert second.token > first.token
    assert not await leases.renew(first, 60_000)


async def test_a_token_grows_also_after_the_key_was_forgotten(leases: Leases, connection: Connection) -> None:
    first = ours(await leases.acquire("room:r", "n1", 60_000))
    await connection.ask("FLUSHALL")
    await asyncio.sleep(0.005)
    assert ours(await leases.acquire("room:r", "n2", 60_000)).token > first.token


async def test_a_lease_leaves_nothing_behind_for_ever(leases: Leases, connection: Connection) -> None:
    lease = ours(await leases.acquire("room:r", "n1", 60_000))
    await leases.renew(lease, 60_000)
    await leases.release(lease)
    assert 0 < await connection.ask("PTTL", "podium:lease:{room:r}") <= 86_400_000 + 60_000
