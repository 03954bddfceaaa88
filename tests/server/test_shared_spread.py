"""One conference over shared workers, with real ones: two nodes, viewers on both, and what each failure moves."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from protocol import commands as c
from protocol.answers import Receipt
from protocol.names import MuteSource
from server.redis import address
from server.redis.connection import Connection
from server.workers.station import Station
from tests.harness import until
from tests.server.replica_support import CONFERENCE, OWNER, enter
from tests.server.test_shared_workers import Opened, Seat, System, system

__all__ = ["system"]

AUDIO, VIDEO = f"{OWNER}/audio", f"{OWNER}/video"


class Crowd:
    """A conference on two nodes and two workers, with room for one viewer each: somebody publishes by way of the first
    node, and somebody views by way of each."""

    def __init__(self, system: System) -> None:
        self.system = system

    async def open(self) -> Crowd:
        for _ in range(2):
            await self.system.station(viewers_per_worker=1)
        nodes = [await self.system.node() for _ in range(2)]
        await until(lambda: all(node.ready for node in nodes), 5)
        self.one = await self.system.open(nodes[0])
        self.speaker, self.here = await self.one.seat(OWNER), await self.one.seat("u_here")
        await self.one.replica.ask(OWNER, c.StageRequest(id=0))
        self.two = await self.system.open(nodes[1], self.one.log)
        self.there = await self.two.seat("u_there")
        await self.one.hear()
        return self

    @property
    def rooms(self) -> tuple[Opened, Opened]:
        return self.one, self.two

    @property
    def viewers(self) -> tuple[Seat, Seat]:
        return self.here, self.there

    async def play(self) -> None:
        await self.speaker.peer.publish()
        await self.two.hear()
        await self.view()

    async def view(self) -> None:
        """The viewers come, the second one when the worker has told its node of the first."""
        await self.here.peer.subscribe()
        await self.here.peer.gets(VIDEO)
        await until(lambda: self.two.media.worker is not None and self.two.media.worker.elsewhere == 1, 5)
        await self.there.peer.subscribe()
        await self.there.peer.gets(VIDEO)
        await self.agree(2)

    async def agree(self, workers: int) -> None:
        """Wait until both nodes have the same layout of so many workers, which are there."""

        def agreed() -> bool:
            first, second = (room.media.spread.layout for room in self.rooms)
            return first == second and len(first.workers) == workers

        await until(agreed, 10)

    def station_of(self, id: str) -> Station:
        (found,) = (station for station in self.system.stations if station.workers[0].id == id)
        return found

    def kill(self, id: str) -> float:
        process = self.station_of(id).workers[0].process
        assert process is not None and process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        return time.monotonic()

    async def silent(self) -> None:
        """Nobody hears the speaker any more, whom everybody sees."""
        await asyncio.sleep(0.5)
        before = [viewer.peer.frames[AUDIO] for viewer in self.viewers]
        for viewer in self.viewers:
            await viewer.peer.gets(VIDEO)
        assert [viewer.peer.frames[AUDIO] for viewer in self.viewers] == before

    async def close(self) -> None:
        for seat in (self.speaker, *self.viewers):
            await seat.peer.close()


@pytest.fixture
async def crowd(system: System) -> AsyncIterator[Crowd]:
    made = await Crowd(system).open()
    yield made
    await made.close()


async def receipt(room: Opened) -> Receipt:
    """What the workers say to the newest commit, which has closed the speaker's sound."""
    given = asyncio.get_running_loop().create_future()
    room.media.confirm((AUDIO,), given.set_result)
    found: Receipt = await given
    return found


async def test_who_finds_the_first_worker_full_views_at_another_and_all_nodes_know(crowd: Crowd) -> None:
    await crowd.play()
    for viewer in crowd.viewers:
        await viewer.peer.gets(AUDIO)
    seats = [room.media.spread.seat_of(viewer.person) for room, viewer in zip(crowd.rooms, crowd.viewers, strict=True)]
    assert [seat.id if seat else "" for seat in seats] == list(crowd.one.media.spread.layout.workers)
    # What each worker tells a node of the others' viewers is what they are.
    await until(lambda: [worker.elsewhere for worker in crowd.one.media.spread.workers] == [0, 1], 5)
    await until(lambda: [worker.elsewhere for worker in crowd.two.media.spread.workers] == [1, 0], 5)
    # Nobody's connections were touched by the room being spread.
    assert all("media.reset" not in seat.types() for seat in (crowd.speaker, *crowd.viewers))


async def test_a_mute_by_either_node_holds_on_both_workers_and_its_receipt_waits_for_both(crowd: Crowd) -> None:
    await crowd.play()
    for room in crowd.rooms:
        other = crowd.two if room is crowd.one else crowd.one
        # The other node hears of it only later: the workers are told by this one.
        assert await room.replica.ask(OWNER, c.MediaMute(id=0, source=MuteSource.AUDIO)) is None
        said = await receipt(room)
        print(f"muted on both workers, silent after {said.silence_ms} ms")  # noqa: T201
        assert said.applied and said.silence_ms is not None and said.silence_ms < 250
        await crowd.silent()
        await other.hear()
        assert await room.replica.ask(OWNER, c.MediaUnmute(id=0, source=MuteSource.AUDIO)) is None
        await other.hear()
        for viewer in crowd.viewers:
            await viewer.peer.gets(AUDIO)


async def test_a_receipt_waits_for_a_worker_that_another_node_has_just_added(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second node does not look by itself: only what a worker says can tell it.
    shared = crowd.two.node._shared
    assert shared is not None and shared._following is not None
    shared._following.cancel()
    await crowd.speaker.peer.publish()
    await crowd.here.peer.subscribe()
    await crowd.here.peer.gets(VIDEO)
    assert await crowd.one.replica.ask("u_more", enter("u_more")) is None
    more = crowd.one.sit("u_more")
    try:
        await more.peer.subscribe()
        await more.peer.gets(AUDIO)
        assert len(crowd.one.media.spread.workers) == 2 and len(crowd.two.media.spread.workers) == 1
        crowd.two.replica.look()
        await until(lambda: crowd.two.replica.room.version == crowd.one.log.version, 5)
        assert await crowd.two.replica.ask(OWNER, c.MediaMute(id=0, source=MuteSource.AUDIO)) is None
        said = await receipt(crowd.two)
        assert crowd.two.media.spread.layout == crowd.one.media.spread.layout
        # It has no link to that worker yet, or has one: either way it does not say what it does not know.
        further = crowd.two.media.spread.further[0]
        assert not said.applied or further.id in crowd.two.media.receipts._confirmed
    finally:
        await more.peer.close()


async def test_kill_9_of_a_further_worker_moves_its_viewers_and_nobody_else(crowd: Crowd) -> None:
    await crowd.play()
    layout = crowd.one.media.spread.layout
    began = crowd.kill(layout.workers[1])
    await until(lambda: "media.reset" in crowd.there.types(), 10)
    placed = time.monotonic() - began
    await crowd.there.peer.subscribe()
    await crowd.there.peer.gets(VIDEO, 1)
    took = time.monotonic() - began
    print(f"kill -9 of a further worker: told after {placed:.2f} s, media back after {took:.2f} s")  # noqa: T201
    assert placed < 3 and took < 6
    assert all("media.reset" not in seat.types() for seat in (crowd.speaker, crowd.here))
    # The other node lost it as well; that all have agreed on it may come after the media.
    await until(lambda: layout.workers[1] not in crowd.one.media.spread.layout.workers, 5)
    assert crowd.one.worker == crowd.two.worker == layout.workers[0]


async def test_kill_9_of_the_first_worker_makes_the_next_one_first_and_leaves_its_viewers(crowd: Crowd) -> None:
    await crowd.play()
    layout = crowd.one.media.spread.layout
    began = crowd.kill(layout.workers[0])
    await until(lambda: all("media.reset" in seat.types() for seat in (crowd.speaker, crowd.here)), 10)
    placed = time.monotonic() - began
    await crowd.speaker.peer.publish()
    await crowd.there.peer.gets(VIDEO, 1)
    took = time.monotonic() - began
    print(f"kill -9 of the first worker: told after {placed:.2f} s, media back after {took:.2f} s")  # noqa: T201
    assert placed < 3 and took < 6
    assert "media.reset" not in crowd.there.types() and crowd.there.peer.offers < 4
    await until(lambda: crowd.one.worker == crowd.two.worker == layout.workers[1], 5)
    # The room is on two again when somebody comes for whom there is no room.
    await crowd.here.peer.subscribe()
    await crowd.here.peer.gets(VIDEO, 1)


async def test_a_worker_at_which_nobody_views_any_more_is_let_go_by_all(crowd: Crowd) -> None:
    await crowd.play()
    further = crowd.one.media.spread.layout.workers[1]
    assert await crowd.two.replica.ask("u_there", c.ConferenceLeave(id=0)) is None
    await crowd.one.hear()
    await crowd.agree(1)
    assert crowd.one.worker != further
    await until(lambda: rooms(crowd.station_of(further)) == 0, 5)
    await crowd.here.peer.gets(VIDEO)


def rooms(station: Station) -> int:
    """How many rooms its worker has, as its last heartbeat says."""
    return station.workers[0].all_rooms


async def test_with_the_last_node_all_workers_close_the_room_and_it_can_be_opened_again_as_it_was(crowd: Crowd) -> None:
    await crowd.play()
    layout = crowd.one.media.spread.layout
    for room in crowd.rooms:
        room.media.stop()
    await until(lambda: all(rooms(station) == 0 for station in crowd.system.stations), 5)
    # Redis remembers for a while; the workers do not take a link twice under one name, since its keys are used up.
    for room in crowd.rooms:
        room.media.start()
    await until(lambda: all(room.worker == layout.workers[0] for room in crowd.rooms), 5)
    await crowd.speaker.peer.publish()
    await crowd.view()
    after = crowd.one.media.spread.layout
    assert after.workers == layout.workers
    assert after.links[0].name != layout.links[0].name


async def test_redis_that_is_empty_gets_the_layout_back_and_moves_nobody(crowd: Crowd) -> None:
    await crowd.play()
    layout = crowd.one.media.spread.layout
    connection = Connection(address.parse(crowd.system._redis.url))
    await connection.ask("FLUSHALL")
    await asyncio.sleep(2.5)
    assert await connection.ask("HGET", f"podium:{{workers}}:room:{CONFERENCE}", "token") == b"%d" % layout.version
    await connection.close()
    assert crowd.one.media.spread.layout == crowd.two.media.spread.layout == layout
    for viewer in crowd.viewers:
        await viewer.peer.gets(VIDEO)
        assert "media.reset" not in viewer.types()


async def test_when_two_machines_die_one_after_the_other_the_second_is_believed_with_its_lease(crowd: Crowd) -> None:
    await crowd.play()
    first, further = crowd.one.media.spread.layout.workers
    await crowd.system.station(viewers_per_worker=1)
    for number, (id, seats) in enumerate(((further, (crowd.there,)), (first, (crowd.speaker, crowd.here)))):
        # The whole machine: nobody is left to say in Redis that its worker is gone.
        station = crowd.station_of(id)
        assert station._announcer._announcing is not None
        station._announcer._announcing.cancel()
        began = crowd.kill(id)
        await until(lambda s=seats: all("media.reset" in seat.types() for seat in s), 10)
        placed = time.monotonic() - began
        print(f"machine {number + 1} died: told after {placed:.2f} s")  # noqa: T201
        assert placed < 4
        if number == 0:
            await crowd.there.peer.subscribe()
            await crowd.there.peer.gets(VIDEO)
            crowd.there.heard.clear()
    assert "media.reset" not in crowd.there.types()
    await crowd.speaker.peer.publish()
    await crowd.there.peer.gets(VIDEO, 1)
