"""Who is told what by a worker that several nodes use."""

from __future__ import annotations

import time
from typing import Any

import pytest

from media.limits import Limits
from media.link import Link
from media.links import MAX_KEPT_S, Links
from media.room import Room
from protocol.codec import BadMessage, decode_worker
from protocol.control import (
    Drain,
    Heartbeat,
    Paused,
    PeerAdopt,
    PeerMoved,
    PeerState,
    Prefer,
    PublishAnswer,
    PublishOffer,
    RoomClosed,
    Routes,
    RoutesApplied,
    RoutesKnown,
    RoutesWanted,
    ServerMessage,
    Shutdown,
    Speakers,
    SubscribeOpen,
    WorkerMessage,
    WorkerWelcome,
)


class Node(Link):
    """A link that nothing is behind; what was said on it is in `heard`."""

    def __init__(self, *, home: bool = False) -> None:
        super().__init__(None, None, home=home)  # type: ignore[arg-type]
        self.heard: list[WorkerMessage] = []

    def write(self, frame: bytes) -> None:
        assert int.from_bytes(frame[:4], "big") == len(frame) - 4
        self.heard.append(decode_worker(frame[4:]))

    def take(self) -> list[WorkerMessage]:
        heard, self.heard = self.heard, []
        return heard


class Worker:
    """What is behind the links: rooms that follow their routes, and answers. `done`: what was handed on."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.links = Links(self.rooms, self.handle)
        self.done: list[ServerMessage] = []

    def node(self, kept_s: float = 60.0, heartbeat_s: float = 1.0, *, home: bool = False) -> Node:
        node = Node(home=home)
        self.links.joined(node, WorkerWelcome(heartbeat_s=heartbeat_s, kept_s=kept_s))
        return node

    def handle(self, message: ServerMessage) -> None:
        self.done.append(message)
        match message:
            case Routes(room=id, epoch=epoch, version=version):
                known = self.rooms.get(id)
                if known is not None and (epoch, version) <= known.position:
                    self.links.send(RoutesKnown(room=id, epoch=known.epoch, version=known.version))
                    return
                room = self.rooms.setdefault(id, Room(id, epoch, Limits()))
                room.apply(message, 0.0, {})
                self.links.send(RoutesApplied(room=id, epoch=epoch, version=version))
            case RoomClosed(room=id):
                self.rooms.pop(id, None)
            case PublishOffer(request=request):
                self.links.send(PublishAnswer(request=request, sdp="-"))
            case PeerAdopt(room=id, peer=peer):
                self.links.send(PeerState(room=id, peer=peer, publish=True))
            case Prefer(peer="a mistake"):
                raise RuntimeError("of ours")


@pytest.fixture
def worker() -> Worker:
    return Worker()


def routes(version: int, room: str = "r", *peers: str) -> Routes:
    return Routes(room=room, epoch=1, version=version, peers=dict.fromkeys(peers or ("a", "b"), ""))


def subscribe(peer: str, room: str = "r") -> SubscribeOpen:
    return SubscribeOpen(room=room, peer=peer, generation=1)


def speaks(room: str = "r") -> Speakers:
    return Speakers(room=room, speakers=())


def said_of(peer: str, room: str = "r") -> Paused:
    return Paused(room=room, peer=peer, tracks=("t",))


def kinds(heard: list[WorkerMessage]) -> list[Any]:
    return [type(message) for message in heard]


def test_what_concerns_a_room_is_told_to_the_nodes_that_have_it_and_to_nobody_else(worker: Worker) -> None:
    first, second, other, home = worker.node(), worker.node(), worker.node(), worker.node(home=True)
    worker.links.received(first, routes(1))
    worker.links.received(second, routes(1))
    worker.links.received(other, routes(1, "another"))
    for node in (first, second, other):
        node.take()
    worker.links.send(speaks())
    assert first.take() == second.take() == [speaks()]
    assert other.heard == home.heard == []
    worker.links.send(speaks("a room that there is not"))
    assert not any(node.heard for node in (first, second, other, home))


def test_whoever_tells_routes_first_all_nodes_of_the_room_hear_that_they_hold(worker: Worker) -> None:
    first, second = worker.node(), worker.node()
    worker.links.received(first, routes(1))
    worker.links.received(second, routes(1))
    assert kinds(first.take()) == [RoutesApplied]
    assert second.take() == [RoutesKnown(room="r", epoch=1, version=1)], "what was so already, only who asked is told"
    worker.links.received(second, routes(2))
    assert first.take() == second.take() == [RoutesApplied(room="r", epoch=1, version=2)]


def test_what_concerns_a_peer_is_told_to_the_node_that_spoke_for_it_last(worker: Worker) -> None:
    first, second = worker.node(), worker.node()
    for node in (first, second):
        worker.links.received(node, routes(1))
    worker.links.send(said_of("a"))
    worker.links.received(first, subscribe("a"))
    worker.links.received(second, subscribe("b"))
    for node in (first, second):
        node.take()
    worker.links.send(said_of("a"))
    worker.links.send(said_of("b"))
    assert (first.take(), second.take()) == ([said_of("a")], [said_of("b")])
    worker.links.received(second, PeerAdopt(room="r", peer="a"))
    assert first.take() == [PeerMoved(room="r", peer="a")]
    assert second.take() == [PeerState(room="r", peer="a", publish=True)]
    worker.links.received(second, subscribe("a"))
    worker.links.send(said_of("a"))
    assert (first.take(), second.take()) == ([], [said_of("a")])


def test_nobody_speaks_for_a_peer_that_the_room_does_not_have(worker: Worker) -> None:
    node = worker.node()
    worker.links.received(node, routes(1))
    worker.links.received(node, subscribe("a stranger"))
    assert not worker.rooms["r"].owners
    worker.links.received(node, subscribe("a", "a room that there is not"))
    assert worker.rooms.keys() == {"r"}


def test_an_answer_goes_to_who_has_asked(worker: Worker) -> None:
    first, second = worker.node(), worker.node()
    worker.links.received(first, routes(1))
    first.take()
    # The second does not even have the room.
    worker.links.received(second, PublishOffer(request=7, room="r", peer="a", sdp="-", bindings={}))
    assert (first.take(), second.take()) == ([], [PublishAnswer(request=7, sdp="-")])
    worker.links.send(RoutesWanted(room="r"))
    assert first.heard == second.heard == [], "without a question there is no answer"


def test_a_node_that_is_gone_hears_nothing_and_its_peers_are_nobodys(worker: Worker) -> None:
    first, second = worker.node(), worker.node()
    for node in (first, second):
        worker.links.received(node, routes(1))
    worker.links.received(first, subscribe("a"))
    for node in (first, second):
        node.take()
    worker.links.left(first)
    worker.links.send(said_of("a"))
    worker.links.send(speaks())
    assert (first.heard, second.take()) == ([], [speaks()])
    # Another one takes the peer, and nobody is told that it was taken from them.
    worker.links.received(second, PeerAdopt(room="r", peer="a"))
    assert first.heard == [] and kinds(second.take()) == [PeerState]


def test_a_room_is_closed_by_the_last_node_that_has_it(worker: Worker) -> None:
    first, second = worker.node(), worker.node()
    for node in (first, second):
        worker.links.received(node, routes(1))
    worker.links.received(first, subscribe("a"))
    worker.links.received(first, RoomClosed(room="r"))
    room = worker.rooms["r"]
    assert (room.links, room.owners, room.kept_until) == ({second}, {}, None)
    worker.links.received(second, RoomClosed(room="r"))
    assert not worker.rooms
    # A node that never had it closes what nobody has.
    worker.links.received(first, RoomClosed(room="r"))


def test_a_room_that_no_node_has_is_kept_as_long_as_the_last_one_wanted(worker: Worker) -> None:
    short, long = worker.node(5.0), worker.node(90.0)
    for node in (short, long):
        worker.links.received(node, routes(1))
    worker.links.left(short)
    now = time.monotonic()
    assert worker.links.orphaned(now + 1e6) == [], "one node has it still"
    worker.links.left(long)
    now = time.monotonic()
    assert worker.links.orphaned(now + 89) == []
    assert worker.links.orphaned(now + 91) == ["r"]
    again = worker.node()
    worker.links.received(again, routes(1))
    assert worker.links.orphaned(now + 1e6) == [], "a node that comes in time keeps it"


def test_no_node_has_rooms_kept_for_ever(worker: Worker) -> None:
    node = worker.node(1e9)
    worker.links.received(node, routes(1))
    worker.links.left(node)
    assert worker.links.orphaned(time.monotonic() + MAX_KEPT_S + 1) == ["r"]


def test_what_somebody_looks_at_is_for_the_node_to_say_that_speaks_for_them(worker: Worker) -> None:
    first, second = worker.node(), worker.node()
    for node in (first, second):
        worker.links.received(node, routes(1))
    worker.links.received(first, subscribe("a"))
    worker.links.received(second, subscribe("a"))
    late = Prefer(room="r", peer="a", heights={"t": 0})
    worker.links.received(first, late)
    assert worker.done[-1] != late
    worker.links.received(second, late)
    assert worker.done[-1] == late


@pytest.mark.parametrize("message", [Shutdown(), Drain()])
def test_only_who_has_started_a_worker_ends_it(worker: Worker, message: ServerMessage) -> None:
    node, home = worker.node(), worker.node(home=True)
    with pytest.raises(BadMessage, match="a node does not end a worker"):
        worker.links.received(node, message)
    assert not worker.done
    worker.links.received(home, message)
    assert worker.done == [message]


def test_a_mistake_of_ours_with_one_message_ends_no_link(worker: Worker) -> None:
    node = worker.node()
    worker.links.received(node, Prefer(room="r", peer="a mistake", heights={}))
    worker.links.received(node, routes(1))
    assert kinds(node.take()) == [RoutesApplied]
    worker.links.send(RoutesWanted(room="r"))
    assert not node.heard, "nobody is asking any more"


def test_each_node_hears_at_its_own_pace_that_the_worker_lives_and_where_its_own_rooms_are(worker: Worker) -> None:
    quick, slow, home = worker.node(heartbeat_s=1.0), worker.node(heartbeat_s=3.0), worker.node(home=True)
    worker.links.received(quick, routes(4))
    worker.links.received(slow, routes(4))
    worker.links.received(slow, routes(9, "another"))
    for node in (quick, slow):
        node.take()

    def beat() -> Heartbeat:
        return Heartbeat(
            positions={}, rooms=2, transports=0, packets_in=0, packets_out=0, dropped={}, lag_ms=0.0, cpu_s=0.0
        )

    def positions(node: Node) -> list[dict[str, tuple[int, int]]]:
        return [message.positions for message in node.take() if isinstance(message, Heartbeat)]

    worker.links.beat(100.0, beat)
    assert positions(quick) == [{"r": (1, 4)}]
    assert positions(slow) == [{"r": (1, 4), "another": (1, 9)}]
    assert positions(home) == [{}]
    worker.links.beat(101.5, beat)
    assert (len(quick.take()), len(slow.take())) == (1, 0)
    worker.links.hurry()
    worker.links.beat(101.6, beat)
    assert (len(quick.take()), len(slow.take())) == (1, 1)
