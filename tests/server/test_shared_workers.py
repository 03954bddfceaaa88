"""Workers that several nodes share: registered in Redis, linked by TLS and a secret, and told by all nodes the same."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocol import commands as c
from protocol.answers import Receipt
from protocol.codec import decode_worker, pack
from protocol.control import CONTROL_VERSION, NodeHello, NodeProof, WorkerProof, WorkerWelcome
from protocol.names import MuteSource, Source
from server.config import Settings
from server.metrics import Metrics
from server.redis import address
from server.redis.connection import Connection
from server.room.plan import plan
from server.workers import MediaRefused, RoomMedia, Workers
from server.workers.certificate import make
from server.workers.dial import NotBelieved, dial
from server.workers.registry import Placement, Registry
from server.workers.station import Station
from tests.harness import until
from tests.redis_server import RedisServer
from tests.server.replica_support import CONFERENCE, OWNER, Ear, MemoryLog, come_in, enter, new_replica, second_replica
from tests.system.stack import ForeignPeer

SECRET = "a secret of all nodes and workers in these tests"


class System:
    """Nodes and stations that are one system."""

    def __init__(self, redis: RedisServer, data: Path) -> None:
        self._redis = redis
        self._data = data
        self._undo: list[Callable[[], Any]] = []
        self.stations: list[Station] = []

    def settings(self, **more: Any) -> Settings:
        given = {"workers": 0, "worker_secret": SECRET, "worker_listen": "127.0.0.1:0", "drain_s": 3.0, **more}
        return Settings(host="127.0.0.1", udp_port=0, data=self._data, redis=self._redis.url, **given)

    async def station(self, **more: Any) -> Station:
        station = Station(self.settings(**{"workers": 1, **more}))
        self._undo.append(station.kill)
        self.stations.append(station)
        await station.start()
        await station._announcer.once()
        return station

    async def node(self, **more: Any) -> Workers:
        settings = self.settings(**more)
        connection = Connection(address.parse(settings.redis))
        node = Workers(settings, Metrics(), connection)
        self._undo += [connection.close, node.stop]
        await node.start()
        return node

    async def open(self, node: Workers, log: MemoryLog | None = None) -> Opened:
        """The conference on a node; with the log of another node it is the same one."""
        opened = Opened(node, log or MemoryLog())
        await opened.start(anew=log is None)
        self._undo.append(opened.close)
        return opened

    async def close(self) -> None:
        for undo in reversed(self._undo):
            await undo()


class Opened:
    """A conference on one node. What others commit it hears when it is told to `hear`."""

    def __init__(self, node: Workers, log: MemoryLog) -> None:
        self.node = node
        self.log = log

    async def start(self, anew: bool) -> None:
        self.replica = await (new_replica if anew else second_replica)(self.log)
        self.media = RoomMedia(self.replica, self.node)
        self.replica.observers.append(self.media)
        self.media.start()

    async def close(self) -> None:
        self.media.stop()
        await self.replica.stop()

    async def hear(self) -> None:
        """Catch up with what another node has committed."""
        self.replica.look()
        await until(lambda: self.replica.room.version == self.log.version, 5)

    @property
    def worker(self) -> str:
        return self.media.worker.id if self.media.worker is not None else ""

    @property
    def position(self) -> tuple[int, int]:
        return self.replica.epoch, self.replica.room.version

    @property
    def at_the_worker(self) -> tuple[int, int] | None:
        """Where the worker is with the room, as its last heartbeat to this node says."""
        return self.media.worker.positions.get(CONFERENCE) if self.media.worker is not None else None

    async def seat(self, person: str) -> Seat:
        """A person of this node."""
        assert await self.replica.ask(person, enter(person)) is None
        return self.sit(person)

    def sit(self, person: str) -> Seat:
        """A person who is in the conference already, connected to this node."""
        seat = Seat(person, self)
        self.replica.members.attach(seat, self.replica.room.version, self.replica.room)
        return seat


class Seat(Ear):
    """A member, and what `ForeignPeer` needs of a client."""

    def __init__(self, person: str, room: Opened) -> None:
        super().__init__(person)
        self.signals: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._room = room
        self.peer = ForeignPeer(Client(self))  # type: ignore[arg-type]

    def send(self, frame: bytes) -> None:
        super().send(frame)
        self.signals.put_nowait(self.heard[-1])

    async def say(self, kind: str, **fields: Any) -> dict[str, Any]:
        media = self._room.media
        if kind == "media.subscribe":
            media.subscribe(self.person)
        elif kind == "media.answer":
            media.answer(self.person, c.MediaAnswer(id=0, **fields))
        elif kind == "media.publish":
            tracks = {mid: Source(source) for mid, source in fields["tracks"].items()}
            message = c.MediaPublish(id=0, sdp=fields["sdp"], tracks=tracks, restart=fields["restart"])
            assert await self._room.replica.ask(self.person, message) is None
            return {"result": {"sdp": await media.publish(self.person, message)}}
        return {}


class Client:
    """`ForeignPeer` calls `send` of a client, which a member has for something else."""

    def __init__(self, seat: Seat) -> None:
        self.signals = seat.signals
        self.send = seat.say


@pytest.fixture
async def system(redis: RedisServer, tmp_path: Path) -> AsyncIterator[System]:
    made = System(redis, tmp_path)
    yield made
    await made.close()


async def test_a_node_without_workers_uses_one_that_is_registered(system: System) -> None:
    node = await system.node()
    assert not node.ready
    station = await system.station()
    await until(lambda: node.ready, 5)
    room = await system.open(node)
    owner = await come_in(room.replica, OWNER)
    # What is asked before the room is anywhere waits for it.
    room.media.subscribe(OWNER)
    await until(lambda: "media.offer" in owner.types(), 10)
    assert room.worker == station.workers[0].id
    assert "media.reset" not in owner.types()
    position = (room.replica.epoch, room.replica.room.version)
    worker = room.media.worker
    assert worker is not None
    await until(lambda: worker.positions == {CONFERENCE: position}, 5)


async def test_a_node_is_ready_while_it_has_a_link_which_it_keeps_without_rooms(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.workers.far.IDLE_S", 0.1)
    first, second = await system.station(), await system.station()
    node = await system.node()
    await until(lambda: node.ready, 5)
    (linked,) = (worker for worker in node.all if worker.link is not None)
    await asyncio.sleep(2.5)
    assert node.ready and linked.link is not None and node.all == [linked]
    # One that is leaving takes no rooms: another is looked for, and the first let go.
    for station in (first, second):
        if station.workers[0].id == linked.id:
            await station.stop()
        else:
            other = station
    await until(lambda: [worker.id for worker in node.all] == [other.workers[0].id] and node.ready, 10)
    # One that is silent is none; its station starts another in its place.
    process = other.workers[0].process
    assert process is not None and process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    await until(lambda: not node.ready, 10)
    await until(lambda: node.ready, 20)


async def test_a_room_that_could_not_be_placed_for_whatever_reason_is_placed_afterwards(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    await system.station()
    node = await system.node()
    place, failed = Registry.place, 0

    async def fails_twice(*arguments: Any, **more: Any) -> Placement | None:
        nonlocal failed
        failed += 1
        if failed <= 2:
            raise ValueError("unheard of")
        return await place(*arguments, **more)

    monkeypatch.setattr(Registry, "place", fails_twice)
    room = await system.open(node)
    await come_in(room.replica, OWNER)
    await until(lambda: room.worker == system.stations[0].workers[0].id, 5)
    assert failed == 3


async def test_a_worker_may_be_known_by_a_name_that_nodes_resolve(system: System) -> None:
    station = await system.station(worker_listen="0.0.0.0:0", worker_address="localhost")
    assert station._announcer._registration(station.workers[0]).host == "localhost"
    node = await system.node()
    room = await system.open(node)
    await come_in(room.replica, OWNER)
    await until(lambda: room.worker == station.workers[0].id, 5)


# --- one conference, two nodes ----------------------------------------------------------


class Two:
    """A conference on two nodes: somebody publishes by way of the first, somebody watches by way of the second."""

    def __init__(self, system: System) -> None:
        self.system = system

    async def open(self, **more: Any) -> Two:
        self.nodes = [await self.system.node(**more) for _ in range(2)]
        await until(lambda: all(node.ready for node in self.nodes), 5)
        self.first = await self.system.open(self.nodes[0])
        self.speaker = await self.first.seat(OWNER)
        await self.first.replica.ask(OWNER, c.StageRequest(id=0))
        self.second = await self.system.open(self.nodes[1], self.first.log)
        self.viewer = await self.second.seat("u_viewer")
        await self.first.hear()
        return self

    async def play(self) -> None:
        await self.speaker.peer.publish()
        await self.second.hear()
        await self.viewer.peer.subscribe()
        await self.viewer.peer.gets(f"{OWNER}/audio")
        await self.viewer.peer.gets(f"{OWNER}/video")

    async def reset(self) -> None:
        """Everybody is told to open new connections."""
        await until(lambda: all("media.reset" in seat.types() for seat in (self.speaker, self.viewer)), 10)

    async def close(self) -> None:
        await self.speaker.peer.close()
        await self.viewer.peer.close()


@pytest.fixture
async def two(system: System) -> AsyncIterator[Two]:
    await system.station()
    made = await Two(system).open()
    yield made
    await made.close()


async def test_people_of_two_nodes_meet_on_one_worker_and_a_mute_told_by_either_holds(two: Two) -> None:
    await two.play()
    assert two.first.worker == two.second.worker != ""
    # The second node decides and tells the worker; the first, whose person it is, has not heard of it yet.
    assert await two.second.replica.ask(OWNER, c.MediaMute(id=0, source=MuteSource.AUDIO)) is None
    assert two.first.position < two.second.position
    await until(lambda: two.second.at_the_worker == two.second.position, 5)
    before = two.viewer.peer.frames[f"{OWNER}/audio"]
    await two.viewer.peer.gets(f"{OWNER}/video")
    assert two.viewer.peer.frames[f"{OWNER}/audio"] - before < 5
    # What the first node tells late, as it was before, is not above what the worker has.
    track = plan(two.first.replica.room).tracks[f"{OWNER}/audio"]
    assert track.open
    assert two.first.media.worker is not None
    two.first.media.push_all(two.first.media.worker)
    before = two.viewer.peer.frames[f"{OWNER}/audio"]
    await two.viewer.peer.gets(f"{OWNER}/video")
    assert two.viewer.peer.frames[f"{OWNER}/audio"] - before < 5
    await two.first.hear()
    await until(lambda: two.first.at_the_worker == two.first.position, 5)
    # The worker's word was there before the first node heard of the mute: it is the answer to it all the same.
    given: list[Receipt] = []
    two.first.media.confirm((f"{OWNER}/audio",), given.append)
    assert given[0].applied and given[0].silence_ms is not None


async def test_a_room_stays_while_one_node_has_it_and_goes_with_the_last(two: Two) -> None:
    await two.play()
    two.first.media.stop()
    await two.viewer.peer.gets(f"{OWNER}/video")
    worker = two.second.media.worker
    two.second.media.stop()
    (station,) = (one for one in two.system.stations)
    await until(lambda: station.workers[0].all_rooms == 0, 5)
    assert worker is not None and worker.link is not None


async def test_a_node_that_dies_leaves_its_people_to_another_which_goes_on_with_their_connections(two: Two) -> None:
    await two.play()
    offers = two.viewer.peer.offers
    # Nobody says goodbye: the link breaks.
    await two.nodes[1].stop()
    await two.first.hear()
    again = two.first.sit("u_viewer")
    again.signals = two.viewer.signals
    two.first.media.resumed("u_viewer")
    await until(lambda: "u_viewer" in two.first.media._subscriptions, 5)
    await two.viewer.peer.gets(f"{OWNER}/video")
    assert two.viewer.peer.offers == offers and "media.reset" not in again.types()
    # From now on the worker tells this node: of what is new there is an offer.
    await two.first.replica.ask(
        OWNER, c.MediaPublish(id=0, sdp="-", tracks={"0": Source.AUDIO, "1": Source.VIDEO}, restart=False)
    )
    two.first.media.restart("u_viewer")
    await until(lambda: "media.offer" in again.types(), 5)


async def test_the_only_node_of_a_room_leaves_its_media_to_the_one_its_people_come_to(two: Two) -> None:
    two.second.media.stop()
    await two.second.replica.stop()
    await two.speaker.peer.publish()
    first, worker = two.first.media, two.system.stations[0].workers[0]
    await until(lambda: worker.all_rooms == 1 and OWNER in first._publishing, 5)
    # As a node does that is told to stop: first the rooms, then what it has of workers.
    two.nodes[0].leaving = True
    first.stop()
    await asyncio.sleep(1.5)  # a heartbeat with a room that it does not have any more
    await two.nodes[0].stop()
    after = await two.system.open(two.nodes[1], two.first.log)
    again = after.sit(OWNER)
    after.media.resumed(OWNER)
    await until(lambda: OWNER in after.media._publishing, 5)
    assert after.worker == worker.id and worker.all_rooms == 1
    assert "media.reset" not in again.types()


# --- death ------------------------------------------------------------------------------


async def test_after_kill_9_of_the_worker_media_is_back_on_another_within_seconds(two: Two) -> None:
    await two.play()
    other = await two.system.station()
    (station,) = two.system.stations[:1]
    victim = station.workers[0]
    former = victim.id
    began = time.monotonic()
    assert victim.process is not None and victim.process.pid is not None
    os.kill(victim.process.pid, signal.SIGKILL)
    await two.reset()
    placed = time.monotonic() - began
    await two.speaker.peer.publish()
    await two.second.hear()
    await two.viewer.peer.subscribe()
    await two.viewer.peer.gets(f"{OWNER}/audio", 1)
    took = time.monotonic() - began
    print(f"kill -9 of a worker: rooms placed anew after {placed:.2f} s, media back after {took:.2f} s")  # noqa: T201
    assert placed < 3 and took < 6
    assert two.first.worker == two.second.worker == other.workers[0].id != former


async def test_a_frozen_worker_is_given_up_by_all_nodes(two: Two) -> None:
    former = two.first.worker
    await until(lambda: two.second.worker == former, 5)
    other = await two.system.station()
    victim = two.system.stations[0].workers[0]
    assert victim.process is not None and victim.process.pid is not None
    pid = victim.process.pid
    began = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        await until(lambda: two.first.worker == two.second.worker == other.workers[0].id, 10)
    finally:
        os.kill(pid, signal.SIGCONT)
    print(f"SIGSTOP of a worker: rooms placed anew after {time.monotonic() - began:.2f} s")  # noqa: T201
    assert "media.reset" in two.viewer.types()


async def test_on_a_worker_that_crashes_at_each_start_nothing_is_put_until_it_is_up(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = two.system.stations[0]
    process = station.workers[0].process
    assert process is not None and process.pid is not None
    sound = station._own._arguments
    monkeypatch.setattr(station._own, "_arguments", lambda worker: ["--nonsense", *sound(worker)])
    starts, former = process.starts, station.workers[0].id
    os.kill(process.pid, signal.SIGKILL)
    await until(lambda: process.starts >= starts + 2, 30)
    assert station.workers[0].id != former
    assert two.first.worker == two.second.worker == "" and not any(node.ready for node in two.nodes)
    with pytest.raises(MediaRefused):
        two.first.media.answer(OWNER, c.MediaAnswer(id=0, generation=1, revision=1, sdp="-"))
    monkeypatch.undo()
    await until(lambda: two.first.worker == two.second.worker == station.workers[0].id, 30)
    await two.reset()
    await two.play()


async def test_a_draining_station_hands_its_rooms_over_before_it_ends(two: Two) -> None:
    await two.play()
    other = await two.system.station()
    former = two.first.worker
    stopping = asyncio.create_task(two.system.stations[0].stop())
    await two.reset()
    assert two.first.worker == two.second.worker == other.workers[0].id != former
    await two.speaker.peer.publish()
    await two.viewer.peer.subscribe()
    await two.viewer.peer.gets(f"{OWNER}/audio", 1)
    await stopping


async def test_redis_that_stands_still_or_is_empty_moves_no_room(two: Two, redis: RedisServer) -> None:
    await two.play()
    former = two.first.worker
    redis.freeze()
    await asyncio.sleep(4)
    await two.viewer.peer.gets(f"{OWNER}/video")
    redis.thaw()
    await until(lambda: all(node.ready for node in two.nodes), 10)
    redis.kill9()
    for file in sorted(redis.folder.rglob("appendonly*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    redis.start()
    await until(lambda: all(node.ready for node in two.nodes), 10)
    await asyncio.sleep(1.5)
    await two.viewer.peer.gets(f"{OWNER}/video")
    assert two.first.worker == two.second.worker == former
    assert "media.reset" not in two.viewer.types()


# --- nodes with workers of their own ----------------------------------------------------


@pytest.fixture
async def both(system: System) -> AsyncIterator[Two]:
    """Each node has a worker, which is one of all."""
    made = await Two(system).open(workers=1)
    yield made
    await made.close()


async def test_a_nodes_own_worker_serves_the_people_of_the_other_node(both: Two) -> None:
    await both.play()
    own = [node.all[0] for node in both.nodes]
    assert all(worker.process is not None for worker in own) and own[0].id != own[1].id
    assert both.first.worker == both.second.worker == own[0].id
    # The second node reaches it from elsewhere, and has its own as well.
    assert [worker.id for worker in both.nodes[1].all] == [own[1].id, own[0].id]
    assert await both.second.replica.ask(OWNER, c.MediaMute(id=0, source=MuteSource.AUDIO)) is None
    await until(lambda: both.second.at_the_worker == both.second.position, 5)
    before = both.viewer.peer.frames[f"{OWNER}/audio"]
    await both.viewer.peer.gets(f"{OWNER}/video")
    assert both.viewer.peer.frames[f"{OWNER}/audio"] - before < 5


async def test_a_node_that_is_stopped_hands_the_rooms_of_its_own_worker_to_that_of_another(both: Two) -> None:
    await both.play()
    own = both.nodes[1].all[0]
    await both.nodes[0].stop()
    await until(lambda: "media.reset" in both.viewer.types(), 10)
    assert both.second.worker == own.id and both.nodes[1].ready
    # Its people have come to the second node.
    speaker = both.second.sit(OWNER)
    await speaker.peer.publish()
    await both.viewer.peer.subscribe()
    await both.viewer.peer.gets(f"{OWNER}/audio", 1)
    await speaker.peer.close()


async def test_when_a_nodes_own_worker_dies_both_nodes_go_on_with_the_others(both: Two) -> None:
    await both.play()
    victim, other = both.nodes[0].all[0], both.nodes[1].all[0]
    former = victim.id
    assert victim.process is not None and victim.process.pid is not None
    os.kill(victim.process.pid, signal.SIGKILL)
    await both.reset()
    assert both.first.worker == both.second.worker == other.id
    await both.speaker.peer.publish()
    await both.second.hear()
    await both.viewer.peer.subscribe()
    await both.viewer.peer.gets(f"{OWNER}/audio", 1)
    # It is started again, as another one.
    await until(lambda: victim.link is not None and victim.id != former, 20)


# --- who is believed --------------------------------------------------------------------


async def test_a_node_that_does_not_know_the_secret_is_refused(system: System) -> None:
    station = await system.station()
    node = await system.node(worker_secret="another secret, which the workers do not know")
    room = await system.open(node)
    await come_in(room.replica, OWNER)
    await asyncio.sleep(1)
    assert room.worker == "" and all(worker.link is None for worker in node.all)
    assert not node.ready, "Redis lists a worker, and this node has nothing of it"
    assert station.workers[0].all_rooms == 0
    with pytest.raises(MediaRefused):
        room.media.answer(OWNER, c.MediaAnswer(id=0, generation=1, revision=1, sdp="-"))


async def test_each_end_refuses_the_other_without_the_right_proof(system: System) -> None:
    station = await system.station()
    registration = station._announcer._registration(station.workers[0])
    link, _ = await dial(registration, SECRET, "n", 60.0)
    link.close()
    for wrong, reason in (
        # The worker's proof is wrong to us when our secret is; what follows shows that ours is wrong to it.
        (registration, "does not know the secret"),
        (replace(registration, fingerprint="0" * 64), "certificate is not the one"),
        (replace(registration, worker="another"), "does not know the secret"),
    ):
        with pytest.raises(NotBelieved, match=reason):
            await dial(wrong, SECRET if wrong is not registration else "x" * 32, "n", 60.0)


async def test_a_worker_serves_nobody_who_cannot_prove_the_secret(system: System) -> None:
    station = await system.station()
    port = station.workers[0].control_port
    hello = NodeHello(node="n", nonce="0" * 64, version=CONTROL_VERSION)
    for said in (
        (hello, NodeProof(proof="0" * 64), WorkerWelcome(heartbeat_s=1.0)),
        (hello, WorkerWelcome(heartbeat_s=1.0)),
        (NodeProof(proof=""),),
        (NodeHello(node="n", nonce="short", version=CONTROL_VERSION),),
        (NodeHello(node="n", nonce="0" * 64, version=CONTROL_VERSION + 1),),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
        for message in said:
            writer.write(framed(message))
        # Its own proof at most, and then the end; a reset, when it had not read all that was said to it.
        with contextlib.suppress(ConnectionResetError):
            assert len(await asyncio.wait_for(reader.read(), 10)) < 400
        writer.close()
    # Who sends the worker's own proof back to it has proven nothing.
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
    writer.write(framed(hello))
    said_by_worker = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
    its = decode_worker(said_by_worker)
    assert isinstance(its, WorkerProof)
    writer.write(framed(NodeProof(proof=its.proof)) + framed(WorkerWelcome(heartbeat_s=1.0)))
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    old = trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=old)


async def test_a_proof_that_passes_through_somebody_between_is_worth_nothing(system: System, tmp_path: Path) -> None:
    station = await system.station()
    registration = station._announcer._registration(station.workers[0])
    certificate = tmp_path / "between.pem"
    seen = make(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    passed: list[bytes] = []

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", registration.port, ssl=trusting())
            for source, sink in ((reader, inner), (inner_reader, writer)):
                length = await source.readexactly(4)
                passed.append(await source.readexactly(int.from_bytes(length, "big")))
                sink.write(length + passed[-1])
            await reader.read()
            inner.close()
        writer.close()

    server = await asyncio.start_server(between, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    # Whoever can write into Redis names themselves as the worker: with their own fingerprint, and the worker's.
    for fingerprint in (seen, registration.fingerprint):
        with pytest.raises(NotBelieved):
            await dial(replace(registration, port=port, fingerprint=fingerprint), SECRET, "n", 60.0)
    assert len(passed) == 2, "the worker's proof has passed once, and was not believed"
    server.close()
    await server.wait_closed()


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def framed(message: Any) -> bytes:
    data = pack(message)
    return len(data).to_bytes(4, "big") + data
