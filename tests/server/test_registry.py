"""Workers and placements on a real Redis: which worker a room is put on, who may move it, and what is forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from protocol.control import CONTROL_VERSION
from server.redis.connection import Connection
from server.workers import registry as module
from server.workers.layout import Link
from server.workers.registry import ROOM_LOAD, Placement, Registration, Registry


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine three seconds may pass between two lines of a test."""
    monkeypatch.setattr(module, "LEASE_MS", 60_000)


class Workers(Registry):
    """A registry with short words for the tests; `up`: a worker, `put`: where a room is."""

    async def up(self, worker: str, load: int = 0, **more: Any) -> None:
        given = {"region": "", "capacity": 100, "draining": False, **more}
        about = {"name": worker, "host": "127.0.0.1", "port": 1, "fingerprint": "f" * 64, "media": ("127.0.0.1",)}
        await self.register(Registration(worker=worker, udp_port=1, **about, **given), load)  # type: ignore[arg-type]

    async def put(self, room: str, region: str = "", **more: Any) -> Placement:
        found = await self.place(room, region, **more)
        assert found is not None
        return found

    async def where(self, room: str, region: str = "", **more: Any) -> str:
        return (await self.put(room, region, **more)).first.worker


@pytest.fixture
def workers(connection: Connection) -> Workers:
    return Workers(connection, 60.0)


# --- which worker -----------------------------------------------------------------------


async def test_without_workers_there_is_no_place(workers: Workers) -> None:
    assert await workers.place("r", "") is None
    assert await workers.some() == []


async def test_a_room_goes_to_the_worker_that_is_least_loaded_for_its_capacity(workers: Workers) -> None:
    await workers.up("big", 90, capacity=1000)
    await workers.up("small", 20, capacity=100)
    assert await workers.where("r") == "big"
    found = await workers.put("r")
    assert (found.first.name, found.first.host) == ("big", "127.0.0.1")


async def test_rooms_that_come_at_once_are_spread_before_the_workers_say_what_they_have(workers: Workers) -> None:
    for name in ("w1", "w2", "w3"):
        await workers.up(name)
    found = await asyncio.gather(*(workers.where(f"r{number}") for number in range(30)))
    assert {name: found.count(name) for name in found} == {"w1": 10, "w2": 10, "w3": 10}
    # What the worker itself says is the truth.
    await workers.up("w2", 0)
    assert [await workers.where(f"s{number}") for number in range(10)] == ["w2"] * 10
    assert 100 // ROOM_LOAD == 10


async def test_a_worker_of_the_region_is_taken_while_it_is_not_full_and_a_far_one_before_a_full_one(
    workers: Workers,
) -> None:
    await workers.up("near", 99, region="oslo")
    await workers.up("far", 0, region="rome")
    assert await workers.where("r1", "oslo") == "near"
    assert await workers.where("r2", "oslo") == "far", "what was put there has filled the near one"
    assert await workers.where("r3", "rome") == "far"
    assert await workers.where("r4", "paris") == "far"
    await workers.up("near", 300, region="oslo")
    await workers.up("far", 200, region="rome")
    assert await workers.where("r5", "oslo") == "far", "of full ones the less full"


async def test_nothing_is_put_on_a_worker_that_leaves_speaks_otherwise_or_cannot_be_reached(workers: Workers) -> None:
    await workers.up("leaving", draining=True)
    await workers.up("old", version=CONTROL_VERSION + 1)
    await workers.up("away")
    assert await workers.place("r", "", unreachable=["away"]) is None
    await workers.up("good", 99)
    assert await workers.where("r", unreachable=["away"]) == "good"
    assert {one.worker for one in await workers.some()} == {"leaving", "away", "good"}


async def test_a_worker_whose_lease_has_ended_gets_nothing_and_keeps_what_it_has(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_MS", 50)
    await workers.up("silent")
    before = await workers.put("r")
    await asyncio.sleep(0.06)
    assert await workers.place("another", "") is None and await workers.some() == []
    # Perhaps it was Redis that stood still: only who talks to the worker knows.
    assert await workers.put("r") == before


# --- who may move a room ----------------------------------------------------------------


async def test_all_who_ask_are_told_the_same_place(workers: Workers) -> None:
    for name in ("w1", "w2", "w3"):
        await workers.up(name)
    found = await asyncio.gather(*(workers.put("r") for _ in range(20)))
    assert len({(one.first.worker, one.token) for one in found}) == 1


async def test_of_many_who_see_a_worker_die_the_first_moves_the_room_and_the_others_follow(workers: Workers) -> None:
    await workers.up("w1")
    before = await workers.put("r")
    for name in ("w2", "w3"):
        await workers.up(name)
    moved = await asyncio.gather(*(workers.put("r", fence=before.token, certain=True) for _ in range(20)))
    ((worker, token),) = {(one.first.worker, one.token) for one in moved}
    assert worker in ("w2", "w3") and token > before.token
    # Who wakes up with what it knew long ago moves nothing.
    late = await workers.put("r", fence=before.token, certain=True)
    assert (late.first.worker, late.token) == (worker, token)


async def test_a_worker_that_is_only_doubted_loses_a_room_once_in_a_while(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("w1", "w2"):
        await workers.up(name)
    first = await workers.put("r")
    second = await workers.put("r", fence=first.token, unreachable=[first.first.worker])
    assert second.first.worker != first.first.worker
    # The node on the other half of the network does not reach that one; it must wait.
    again = await workers.put("r", fence=second.token, unreachable=[second.first.worker])
    assert (again.first.worker, again.token) == (second.first.worker, second.token)
    gone = await workers.put("r", fence=second.token, certain=True)
    assert gone.first.worker == first.first.worker, "a death is not waited for"
    monkeypatch.setattr(module, "PAUSE_MS", 0)
    assert (await workers.put("r", fence=gone.token)).first.worker == second.first.worker


async def test_a_doubt_is_believed_at_once_when_the_lease_has_ended_too(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workers.up("w1")
    first = await workers.put("r")
    await workers.up("w2")
    second = await workers.put("r", fence=first.token)
    assert second.first.worker == "w2"
    monkeypatch.setattr(module, "LEASE_MS", 20)
    await workers.up("w2")
    await asyncio.sleep(0.03)
    assert (await workers.put("r", fence=second.token)).first.worker == "w1"


async def test_a_room_on_a_worker_that_leaves_stays_until_there_is_another(workers: Workers) -> None:
    await workers.up("w1")
    first = await workers.put("r")
    await workers.up("w1", draining=True)
    assert await workers.where("r", fence=first.token, certain=True) == "w1"
    await workers.up("w2")
    assert await workers.where("r", fence=first.token, certain=True) == "w2"


async def test_a_worker_that_has_said_goodbye_has_no_rooms(workers: Workers) -> None:
    for name in ("w1", "w2"):
        await workers.up(name)
    first = await workers.put("r")
    await workers.forget([first.first.worker])
    second = await workers.put("r")
    assert second.first.worker != first.first.worker and second.token > first.token
    await workers.forget([second.first.worker])
    assert await workers.place("r", "") is None


# --- several workers --------------------------------------------------------------------


async def test_of_nodes_that_change_a_room_at_once_one_does_and_all_are_told_the_same(workers: Workers) -> None:
    for name in ("w1", "w2", "w3"):
        await workers.up(name)
    first = await workers.put("r")

    async def grow() -> Placement | None:
        more = await workers.another("", first.layout.workers)
        assert more is not None
        return await workers.change("r", first.token, first.changed(first.layout.joined(more.worker), more))

    found = await asyncio.gather(*(grow() for _ in range(20)))
    assert found[0] is not None and found.count(found[0]) == 20
    assert len(found[0].laid.workers) == 2 and found[0].token > first.token
    (link,) = found[0].laid.links
    assert (link.feeder, link.fed) == found[0].layout.workers
    # Whoever asks later is told so too, and what was known before changes nothing.
    assert await workers.put("r") == found[0]
    assert await workers.change("r", first.token, first.laid) == found[0]
    assert await workers.keep({"r": first}) == {"r": found[0].token}


async def test_one_more_worker_is_one_that_is_not_full(workers: Workers) -> None:
    await workers.up("w1")
    await workers.up("full", 100)
    assert await workers.another("", ["w1"]) is None
    await workers.up("w2", 50)
    more = await workers.another("", ["w1"])
    assert more is not None and more.worker == "w2"
    assert await workers.another("", ["w1", "w2"]) is None


async def test_a_further_worker_that_is_doubted_is_left_out_once_in_a_while_and_a_dead_one_at_once(
    workers: Workers, connection: Connection
) -> None:
    for name in ("w1", "w2", "w3"):
        await workers.up(name, {"w1": 0, "w2": 1, "w3": 2}[name])
    found = await workers.put("r")
    for id in ("w2", "w3"):
        more = next(one for one in await workers.some() if one.worker == id)
        changed = await workers.change("r", found.token, found.changed(found.layout.joined(id), more))
        assert changed is not None
        found = changed
    assert found.layout.workers == ("w1", "w2", "w3")

    async def without(before: Placement, worker: str, *, doubted: bool = True) -> Placement:
        laid = before.changed(before.layout.without([worker]))
        after = await workers.change("r", before.token, laid, [worker] if doubted else [])
        assert after is not None
        return after

    second = await without(found, "w3")
    assert second.layout.workers == ("w1", "w2")
    assert await without(second, "w2") == second, "another node may reach it"
    await workers.forget(["w1"])
    assert await workers.put("r") == second, "who sees that the first of several is gone says so"
    third = await without(second, "w1")
    assert third.layout.workers == ("w2",) and third.layout.links == ()
    # What Redis has lost is given back whole.
    await connection.ask("FLUSHALL")
    assert await workers.change("r", third.token, third.laid) is None
    assert await workers.keep({"r": third}) == {"r": third.token}
    await workers.up("w2")
    assert await workers.put("r") == third


async def test_a_layout_that_cannot_be_is_not_believed(workers: Workers, connection: Connection) -> None:
    await workers.up("w1")
    first = await workers.put("r")
    for wrong in (
        b'{"workers":[],"links":[]}',
        b'{"workers":[7],"links":[]}',
        msgspec.json.encode({"workers": first.laid.workers, "links": [Link("w1", "w9", "name")]}),
        msgspec.json.encode({"workers": first.laid.workers * 2, "links": []}),
    ):
        await connection.ask("HSET", "podium:{workers}:room:r", "layout", wrong)
        assert await workers.place("r", "") is None


# --- another version --------------------------------------------------------------------


async def test_a_room_on_a_worker_of_another_version_is_waited_for_while_that_lives(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workers.up("old")
    first = await workers.put("r")
    await workers.up("old", version=CONTROL_VERSION + 1)
    await workers.up("new")
    # Those who understand it have the room there.
    assert await workers.place("r", "") is None
    assert await workers.place("r", "", fence=first.token, certain=True) is None
    assert await workers.keep({"r": first}) == {"r": first.token}
    monkeypatch.setattr(module, "LEASE_MS", 20)
    await workers.up("old", version=CONTROL_VERSION + 1)
    await asyncio.sleep(0.03)
    found = await workers.put("r")
    assert found.first.worker == "new" and found.token > first.token


async def test_a_registration_that_is_written_otherwise_is_passed_over(
    workers: Workers, connection: Connection
) -> None:
    await workers.up("strange")
    for version, place in ((CONTROL_VERSION, "r"), (CONTROL_VERSION + 1, "s")):
        about = b'{"worker": 7, "capacity": 1, "draining": false, "version": %d}' % version
        await connection.ask("HSET", "podium:{workers}", "strange", about)
        assert await workers.place(place, "") is None
        assert await workers.some() == []
    await workers.up("good")
    assert [one.worker for one in await workers.some()] == ["good"]
    assert await workers.where("another") == "good"


# --- crash loops ------------------------------------------------------------------------


async def test_a_worker_that_crashes_over_and_over_leaves_nothing_behind(
    workers: Workers, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_MS", 10)
    monkeypatch.setattr(module, "FORGOTTEN_MS", 50)
    for number in range(250):
        # Its machine is gone each time before it can take it back.
        await workers.up(f"w1.{number}")
    await asyncio.sleep(0.08)
    monkeypatch.setattr(module, "LEASE_MS", 60_000)
    await workers.up("w1.good")
    for number in range(5):
        assert await workers.where(f"r{number}") == "w1.good"
    for key in (b"podium:{workers}", b"podium:{workers}:loads"):
        assert await connection.ask("HKEYS", key) == [b"w1.good"]
    assert await connection.ask("ZCARD", "podium:{workers}:ends") == 1


async def test_a_room_follows_a_worker_that_crashes_over_and_over_to_each_next_one(workers: Workers) -> None:
    token = 0
    for number in range(20):
        await workers.up(f"w1.{number}")
        found = await workers.put("r", fence=token or None, certain=True)
        assert found.first.worker == f"w1.{number}" and found.token > token
        token = found.token
        if number % 2:
            await workers.forget([found.first.worker])


# --- keeping ----------------------------------------------------------------------------


async def test_nodes_that_have_a_room_hear_where_another_has_moved_it(workers: Workers) -> None:
    for name in ("w1", "w2"):
        await workers.up(name)
    first = await workers.put("r")
    known = {"r": first}
    assert await workers.keep(known) == {"r": first.token}
    moved = await workers.put("r", fence=first.token, certain=True)
    assert await workers.keep(known) == {"r": moved.token}
    assert await workers.keep({}) == {}


async def test_placements_that_redis_has_lost_are_given_back_and_the_newest_wins(
    workers: Workers, connection: Connection
) -> None:
    await workers.up("w1")
    first = await workers.put("r")
    await workers.up("w2")
    moved = await workers.put("r", fence=first.token, certain=True)
    await connection.ask("FLUSHALL")
    # A node that has slept gives back the old place, then one that has not the new one.
    assert await workers.keep({"r": first}) == {"r": first.token}
    assert await workers.keep({"r": moved}) == {"r": moved.token}
    assert await workers.keep({"r": first}) == {"r": moved.token}
    # When its worker has announced itself again it is where it was.
    await workers.up("w1")
    await workers.up("w2")
    assert await workers.put("r") == moved


async def test_a_room_that_no_node_keeps_is_forgotten_and_its_tokens_grow_all_the_same(
    workers: Workers, connection: Connection
) -> None:
    short = Workers(connection, 0.3)
    await short.up("w1")
    first = await short.put("r")
    for _ in range(3):
        await asyncio.sleep(0.15)
        await short.keep({"r": first})
    assert await connection.ask("EXISTS", "podium:{workers}:room:r") == 1, "it is kept"
    await asyncio.sleep(0.4)
    assert await connection.ask("EXISTS", "podium:{workers}:room:r") == 0
    assert (await short.put("r")).token > first.token


async def test_more_rooms_than_one_script_takes_are_kept(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    await workers.up("w1", capacity=1_000_000)
    known = {}
    for number in range(10):
        found = await workers.put(f"r{number}")
        known[f"r{number}"] = found
    assert await workers.keep(known) == {room: placement.token for room, placement in known.items()}
    for number in range(5):
        await workers.up(f"w{number}")
    assert len(await workers.some()) == 3
