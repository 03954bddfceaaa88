"""What the workers tell of a room becomes figures of stays: on each node of those people whom it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from protocol import commands as c
from protocol.control import Level, PeerReport, RoomReport, Speakers, TransportState
from protocol.names import PersonKind, Role
from server.attendance import room as module
from server.attendance.book import Book
from server.attendance.figures import Figures, Stay
from server.attendance.room import RoomAttendance
from server.conference.replica import RoomReplica
from server.metrics import Metrics
from server.room import inner
from server.workers.measured import Measured
from tests.server.attendance.test_book import Memory
from tests.server.replica_support import CONFERENCE, OWNER, MemoryLog, new_replica, second_replica


class Noted(Book):
    """A book that keeps what is handed in."""

    def __init__(self) -> None:
        super().__init__(Memory(), lambda: 0, 1)
        self.found: list[Stay] = []

    def note(self, conference: str, stays: object) -> None:
        assert conference == CONFERENCE
        self.found += stays  # type: ignore[arg-type]


@dataclass
class Node:
    """A room's replica on a node, with what its worker measures; the first of several has the worker alone."""

    replica: RoomReplica
    name: str
    book: Noted = field(default_factory=Noted)

    def __post_init__(self) -> None:
        self.measured = Measured(self.replica, Metrics())
        self.attendance = RoomAttendance(self.replica, self.book, self.name)
        self.measured.listeners.append(self.attendance)
        self.replica.observers.append(self.attendance)
        self.attendance.start()

    async def enters(self, person: str) -> None:
        command = inner.Enter(name=person, kind=PersonKind.USER, inherits=Role.SPEAKER, node=self.name, main=True)
        assert await self.replica.ask(person, command) is None

    def hears(self, **levels: int) -> None:
        told = tuple(Level(peer=person, level=level) for person, level in levels.items())
        self.measured.speaking(Speakers(room=CONFERENCE, speakers=told))

    def reports(self, *people: str, score: float = 4.4) -> None:
        peers = tuple(
            PeerReport(peer=one, publish=TransportState.CONNECTED, score_up=score, loss_up=1.5, rtt_ms=30)
            for one in people
        )
        worker = object()
        self.measured.reported(worker, worker, RoomReport(room=CONFERENCE, peers=peers))  # type: ignore[arg-type]

    def since(self, person: str) -> int:
        return self.replica.room.people[person].since


class Watch:
    """The time, in ms."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(module, "_now", watch)
    return watch


@pytest.fixture
async def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def node(log: MemoryLog, watch: Watch) -> AsyncIterator[Node]:
    node = Node(await new_replica(log), "n1")
    await node.enters(OWNER)
    yield node
    await node.replica.stop()


async def test_who_speaks_loudly_enough_is_counted_until_they_leave(node: Node, watch: Watch) -> None:
    await node.enters("u_ada")
    first = node.since("u_ada")
    node.hears(u_ada=60, u_owner=24, u_gone=90)
    watch.now += 400
    assert await node.replica.ask("u_ada", c.ConferenceLeave(id=1)) is None
    assert node.book.found == [Stay(identity="u_ada", since=first, figures=Figures(speaking=400))]
    watch.now += 400
    node.hears()
    assert node.attendance.take() == []
    await node.enters("u_ada")
    node.hears(u_ada=60)
    watch.now += 300
    assert node.attendance.take() == [Stay(identity="u_ada", since=node.since("u_ada"), figures=Figures(speaking=300))]
    assert node.since("u_ada") > first


async def test_a_report_becomes_time_with_a_grade(node: Node, watch: Watch) -> None:
    node.reports(OWNER, "u_gone")
    watch.now += 2100
    node.reports(OWNER)
    (found,) = node.attendance.take()
    assert found.figures == Figures(excellent=4100, loss=300, losses=2, rtt=60, rtts=2)
    assert (found.identity, found.figures.quality) == (OWNER, "excellent")


async def test_when_the_worker_is_gone_nothing_is_counted(node: Node, watch: Watch) -> None:
    node.hears(u_owner=80)
    watch.now += 100
    node.measured.clear()
    watch.now += 5000
    assert [one.figures.speaking for one in node.attendance.take()] == [100]


async def test_everybody_is_handed_in_at_the_end(node: Node, watch: Watch) -> None:
    await node.enters("u_ada")
    node.reports(OWNER, "u_ada")
    assert await node.replica.ask(OWNER, inner.Close()) is None
    assert {one.identity for one in node.book.found} == {OWNER, "u_ada"}
    node.attendance.stop()
    assert node.book.rooms == set() and len(node.book.found) == 2


async def test_a_room_that_is_closed_here_hands_in_what_it_has(node: Node, watch: Watch) -> None:
    node.reports(OWNER)
    assert node.book.rooms == {node.attendance}
    node.attendance.stop()
    assert [one.figures.excellent for one in node.book.found] == [2000] and not node.book.rooms


async def test_of_several_nodes_that_hear_the_same_each_counts_its_own(
    node: Node, log: MemoryLog, watch: Watch
) -> None:
    other = Node(await second_replica(log), "n2")
    try:
        await other.enters("u_ada")
        node.replica.look()
        assert await node.replica.ask_anew(OWNER, lambda _: ()) is None
        for one in (node, other):
            one.reports(OWNER, "u_ada")
            one.hears(u_owner=50, u_ada=60)
        watch.now += 200
        assert [found.identity for found in node.attendance.take()] == [OWNER]
        assert [found.identity for found in other.attendance.take()] == ["u_ada"]
        # Who comes by another node is counted there from now on, as the same stay.
        since = node.since("u_ada")
        await node.enters("u_ada")
        other.replica.look()
        assert await other.replica.ask_anew(OWNER, lambda _: ()) is None
        for one in (node, other):
            one.hears(u_ada=60)
        watch.now += 100
        (moved,) = [found for found in node.attendance.take() if found.identity == "u_ada"]
        assert (moved.since, moved.figures) == (since, Figures(speaking=100))
        assert [found for found in other.attendance.take() if found.figures.speaking] == []
    finally:
        await other.replica.stop()
