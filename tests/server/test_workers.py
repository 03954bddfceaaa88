"""Media workers: started, watched, replaced; rooms are placed on them and told what follows from the state."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from protocol import codec, control
from protocol import commands as c
from protocol.control import MAX_CONTROL_FRAME, TransportState
from protocol.errors import Code
from protocol.names import Source, track_id
from server.config import Settings
from server.metrics import Metrics
from server.room import inner
from server.room.plan import plan
from server.workers import MediaRefused, RoomMedia, Workers, link, own
from server.workers.link import WorkerLink
from server.workers.process import WorkerProcess
from tests.harness import until
from tests.server.replica_support import OWNER, Ear, MemoryLog, come_in, enter, new_replica

Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts workers: `await start(count)`."""
    made: list[Workers] = []

    async def workers(count: int = 1, **settings: Any) -> Workers:
        one = Workers(Settings(host="127.0.0.1", udp_port=0, workers=count, data=tmp_path, **settings), Metrics())
        made.append(one)
        await one.start()
        assert len(one.ports) == count
        return one

    yield workers
    await asyncio.gather(*(one.stop() for one in made))


class Opened:
    """A room with its media on these workers."""

    async def open(self, workers: Workers) -> Opened:
        self.log = MemoryLog()
        self.replica = await new_replica(self.log)
        self.media = RoomMedia(self.replica, workers)
        self.replica.observers.append(self.media)
        self.media.start()
        return self

    async def close(self) -> None:
        self.media.stop()
        await self.replica.stop()

    async def publishes(self, person: str, *sources: Source) -> None:
        """A person on the stage with tracks, as far as the state is concerned."""
        await self.replica.ask(person, c.StageRequest(id=0))
        tracks = {str(number): source for number, source in enumerate(sources)}
        assert await self.replica.ask(person, c.MediaPublish(id=0, sdp="-", tracks=tracks)) is None


@pytest.fixture
async def opened(start: Start) -> AsyncIterator[Callable[..., Any]]:
    made: list[Opened] = []

    async def open(workers: Workers) -> Opened:
        one = await Opened().open(workers)
        made.append(one)
        return one

    yield open
    for one in made:
        await one.close()


def negotiation(ear: Ear) -> list[dict[str, Any]]:
    """What a member was told of its connections."""
    return [message for message in ear.heard if message["type"] in ("media.offer", "media.reset")]


def positions(workers: Workers) -> list[dict[str, tuple[int, int]]]:
    """What the workers were told: the positions of the last heartbeats."""
    return [worker.positions for worker in workers.all]


async def test_workers_come_up_with_a_port_each_and_go_down_with_their_processes(start: Start) -> None:
    workers = await start(2)
    assert workers.ready and len(set(workers.ports)) == 2
    processes = [psutil.Process(pid) for pid in workers.pids]
    await workers.stop()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive and not workers.ready


async def test_the_limits_of_the_configuration_reach_the_workers(start: Start) -> None:
    workers = await start(worker_limits=("ssrcs=7", "packets_per_s=3000"))
    (process,) = [each for each in psutil.Process().children() if "media" in each.cmdline()]
    arguments = process.cmdline()
    assert [arguments[i + 1] for i, word in enumerate(arguments) if word == "--limit"] == [
        "ssrcs=7",
        "packets_per_s=3000",
    ]
    assert workers.ready


async def test_a_worker_has_the_rooms_position_soon_after_each_commit(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    await room.publishes(OWNER, Source.AUDIO, Source.VIDEO)
    expected = (room.replica.epoch, room.replica.room.version)
    await until(lambda: positions(workers)[0].get(room.media.room) == expected, 5)
    sample = workers._metrics.registry.get_sample_value
    assert sample("podium_workers") == 1
    for name in ("transports", "packets_in", "packets_out", "lag_seconds", "cpu_seconds"):
        assert sample(f"podium_worker_{name}", {"worker": "w1"}) is not None, name


async def test_rooms_are_spread_and_given_back_when_empty(start: Start, opened: Any) -> None:
    workers = await start(2)
    rooms = [await opened(workers) for _ in range(4)]
    for number, room in enumerate(rooms):
        room.media.room = f"room-{number}"
        await come_in(room.replica, OWNER)
    assert sorted(len(worker.rooms) for worker in workers.all) == [2, 2]
    for room in rooms:
        await room.replica.ask(OWNER, c.ConferenceLeave(id=1))
        assert room.media.worker is None
    assert [len(worker.rooms) for worker in workers.all] == [0, 0]
    await until(lambda: positions(workers) == [{}, {}], 5)


async def test_a_killed_worker_is_started_again_and_people_are_told_once_it_is_there(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    console = Ear(OWNER, console=True, client="client-2")
    room.replica.members.attach(console, room.replica.room.version, room.replica.room)
    room.media.subscribe(OWNER)
    await until(lambda: "media.offer" in owner.types(), 5)
    owner.heard.clear()
    (pid,) = workers.pids
    began = asyncio.get_running_loop().time()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not workers.ready, 5)
    with pytest.raises(MediaRefused) as refused:
        room.media.subscribe(OWNER)
    assert refused.value.code is Code.MEDIA_UNAVAILABLE
    await until(lambda: "media.reset" in owner.types(), 15)
    took = asyncio.get_running_loop().time() - began
    assert workers.ready and workers.pids != (pid,)
    room.media.subscribe(OWNER)
    await until(lambda: "media.offer" in owner.types(), 5)
    assert [message["type"] for message in negotiation(owner)] == ["media.reset", "media.offer"]
    # A console has no connections.
    assert negotiation(console) == []
    # Some three seconds where nothing else runs; a machine with more to do takes long to start a process.
    assert took < 15


async def test_the_rooms_of_a_dead_worker_move_to_another_at_once(start: Start, opened: Any) -> None:
    workers = await start(2)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    await room.publishes(OWNER, Source.AUDIO)
    first = room.media.worker
    os.kill(first.process.pid, signal.SIGKILL)
    await until(lambda: "media.reset" in owner.types(), 5)
    assert room.media.worker is not first and room.media.worker is not None
    room.media.subscribe(OWNER)
    await until(lambda: "media.offer" in owner.types(), 5)
    assert not first.rooms


async def test_a_publisher_is_told_which_layers_are_looked_at_and_again_when_it_comes_back(
    start: Start, opened: Any
) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    await room.publishes(OWNER, Source.VIDEO)

    def told() -> list[dict[str, Any]]:
        return [message for message in owner.heard if message["type"] == "media.layers"]

    def wants(*rids: str) -> None:
        track = track_id(OWNER, Source.VIDEO)
        room.media.layers_wanted(control.LayersWanted(room=room.media.room, peer=OWNER, track=track, rids=rids))

    wants("f")
    assert told() == [], "of a connection that there is not"
    with pytest.raises(MediaRefused):
        await room.media.publish(OWNER, c.MediaPublish(id=0, sdp="-", tracks={"0": Source.VIDEO}, restart=True))
    wants("q", "f")
    wants()
    assert told() == [
        {"type": "media.layers", "source": "video", "rids": ["q", "f"]},
        {"type": "media.layers", "source": "video"},
    ]
    room.media.resumed(OWNER)
    assert told()[2:] == [{"type": "media.layers", "source": "video"}]
    # A new connection sends everything until the worker has said otherwise.
    with pytest.raises(MediaRefused):
        await room.media.publish(OWNER, c.MediaPublish(id=0, sdp="-", tracks={"0": Source.VIDEO}, restart=True))
    room.media.resumed(OWNER)
    assert len(told()) == 3


async def test_a_frozen_worker_is_replaced(start: Start, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "SILENCE_S", 2.0)
    workers = await start(2)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    frozen = room.media.worker
    pid = frozen.process.pid
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: "media.reset" in owner.types(), 10)
    assert room.media.worker is not frozen
    await until(lambda: frozen.process.pid not in (None, pid), 10)


async def test_a_link_that_breaks_is_taken_up_again(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    (worker,) = workers.all
    pid = worker.process.pid
    broken = worker.link
    broken._writer.transport.abort()
    await until(lambda: worker.link is None, 5)
    # Who asks in the meantime is refused, and told when to ask again; the others notice nothing.
    await room.replica.ask("u_late", enter("u_late"))
    late = Ear("u_late")
    room.replica.members.attach(late, room.replica.room.version, room.replica.room)
    with pytest.raises(MediaRefused):
        room.media.subscribe("u_late")
    await until(lambda: worker.link not in (None, broken), 5)
    assert [message["type"] for message in negotiation(late)] == ["media.reset"]
    await room.publishes(OWNER, Source.AUDIO)
    expected = (room.replica.epoch, room.replica.room.version)
    await until(lambda: positions(workers)[0].get(room.media.room) == expected, 5)
    assert worker.process.pid == pid and negotiation(owner) == []


async def test_what_was_lost_on_the_way_is_sent_again(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    (worker,) = workers.all
    sent, worker.link.send = worker.link.send, lambda message: None
    await room.publishes(OWNER, Source.AUDIO)
    worker.link.send = sent
    expected = (room.replica.epoch, room.replica.room.version)
    assert positions(workers)[0].get(room.media.room) != expected
    await until(lambda: positions(workers)[0].get(room.media.room) == expected, 6)


async def test_an_offer_of_nonsense_is_refused_with_the_workers_code(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    await room.publishes(OWNER, Source.AUDIO)
    with pytest.raises(MediaRefused) as refused:
        await room.media.publish(OWNER, c.MediaPublish(id=1, sdp="nonsense", tracks={"0": Source.AUDIO}))
    assert refused.value.code is Code.BAD_OFFER


async def test_whoever_left_has_no_transports_and_a_second_page_gets_new_ones(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    await room.replica.ask("u_a", enter("u_a"))
    ear = Ear("u_a")
    room.replica.members.attach(ear, room.replica.room.version, room.replica.room)
    room.media.subscribe("u_a")
    await until(lambda: "media.offer" in ear.types(), 5)
    (first,) = negotiation(ear)
    # The signaling came back: the offer that was not answered is said again, and no new connection is made.
    ear.heard.clear()
    room.media.resumed("u_a")
    assert negotiation(ear) == [first]
    room.media.subscribe("u_a")
    await until(lambda: len(negotiation(ear)) == 2, 5)
    assert negotiation(ear)[-1]["generation"] > first["generation"]
    # Another network: the same connection with other credentials.
    room.media.restart("u_a")
    await until(lambda: len(negotiation(ear)) == 3, 5)
    former, latest = negotiation(ear)[-2:]
    assert latest["generation"] == former["generation"] and latest["revision"] == former["revision"] + 1
    assert credentials(latest) != credentials(former)
    room.media.restart(OWNER)  # nobody has opened it
    # Whom nobody knows here is told to begin anew.
    room.media.resumed(OWNER)
    await until(lambda: [message["type"] for message in negotiation(owner)] == ["media.reset"], 5)
    await room.replica.ask("u_a", inner.Drop())
    await room.replica.ask("u_a", inner.Expire())
    assert "u_a" not in plan(room.replica.room).peers


def credentials(offer: dict[str, Any]) -> set[str]:
    return {line for line in offer["sdp"].splitlines() if line.startswith(("a=ice-ufrag", "a=ice-pwd"))}


async def test_what_people_look_at_is_told_to_the_worker_and_to_each_that_follows_it(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    await come_in(room.replica, "u_a")
    (worker,) = workers.all
    told: list[control.Prefer] = []
    send = WorkerLink.send

    def note(link: WorkerLink, message: control.ServerMessage) -> None:
        if isinstance(message, control.Prefer):
            told.append(message)
        send(link, message)

    worker.link.send = note.__get__(worker.link)
    wanted = control.Prefer(room=room.media.room, peer="u_a", heights={f"{OWNER}/video": 360})
    room.media.prefer("u_a", {f"{OWNER}/video": 720})
    room.media.prefer("u_a", wanted.heights)
    room.media.prefer(OWNER, {})
    assert told[1] == wanted and len(told) == 3
    # The link was away, or the worker has nothing of the room.
    told.clear()
    room.media.linked(worker)
    assert told[0] == wanted and len(told) == 2
    # Another page looks at something else; who left looks at nothing.
    room.media.close_peer(OWNER)
    await room.replica.ask("u_a", c.ConferenceLeave(id=1))
    told.clear()
    room.media.linked(worker)
    assert told == []


async def test_reports_become_quality_for_those_they_concern(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    stage = await come_in(room.replica, "u_stage")
    viewer = await come_in(room.replica, "u_viewer")
    await room.replica.ask("u_stage", c.StageRequest(id=1))
    people = (OWNER, "u_stage", "u_viewer", "u_gone")
    await room.replica.ask("u_without", enter("u_without"))
    report = control.RoomReport(
        room=room.media.room,
        tracks=(
            control.TrackReport(track="u_stage/audio", received=5, received_bytes=9, lost=0, forwarded=4, dropped=1),
        ),
        peers=(
            *(control.PeerReport(peer=person, subscribe=TransportState.CONNECTED, rtt_ms=10) for person in people),
            control.PeerReport(peer="u_without"),
        ),
    )
    room.media.measured.reported(room.media.worker, room.media.worker, report)

    def told(ear: Ear) -> list[str]:
        shown = [message["people"] for message in ear.heard if message["type"] == "media.quality"]
        return [one["person"] for people in shown for one in people]

    assert told(owner) == [OWNER, "u_stage", "u_viewer"]
    assert told(stage) == ["u_stage"]
    assert told(viewer) == ["u_stage", "u_viewer"]
    assert room.media.measured.report is report


async def test_a_transport_that_falls_silent_is_told_at_once(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    viewer = await come_in(room.replica, "u_viewer")
    other = await come_in(room.replica, "u_other")
    peer = control.PeerReport(peer="u_viewer", subscribe=TransportState.CONNECTED, score_down=4.4)
    room.media.measured.reported(
        room.media.worker, room.media.worker, control.RoomReport(room=room.media.room, peers=(peer,))
    )
    for ear in (owner, viewer, other):
        ear.heard.clear()
    lost = control.TransportChanged(
        room=room.media.room, peer="u_viewer", direction=control.Direction.SUBSCRIBE, state=TransportState.LOST
    )
    for _ in range(2):  # the second says nothing new
        room.media.measured.transport_changed(lost)
    assert owner.heard == viewer.heard and len(viewer.heard) == 1 and other.heard == []
    assert [(one["person"], one["grade"]) for one in viewer.heard[0]["people"]] == [("u_viewer", "lost")]
    sample = workers.metrics.registry.get_sample_value
    assert sample("podium_connection_quality", {"grade": "lost"}) == 1
    room.media.displaced(room.media.worker)
    assert sample("podium_connection_quality", {"grade": "lost"}) == 0


async def test_statistics_of_whoever_has_no_connection_are_empty_and_quick(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    found = await room.media.statistics(OWNER)
    assert found.person == OWNER and found.up is None and found.sent == found.received == ()
    room.media.subscribe(OWNER)
    found = await room.media.statistics(OWNER)
    assert found.down is not None and found.down.state is None and found.up is None
    assert found.at > 0


async def test_a_worker_that_does_not_answer_is_an_answer(
    start: Start, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "REQUEST_S", 0.2)
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    (pid,) = workers.pids
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(MediaRefused) as refused:
            await room.media.statistics(OWNER)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert refused.value.code is Code.MEDIA_UNAVAILABLE
    monkeypatch.setattr(link, "REQUEST_S", 5.0)
    # The late answer is nobody's, and the next question has its own.
    assert (await room.media.statistics(OWNER)).person == OWNER


async def test_a_worker_that_was_held_up_shows_in_the_metrics(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    sample = workers.metrics.registry.get_sample_value

    def beats(longest: str = "+Inf") -> float:
        return sample("podium_worker_lag_worst_seconds_bucket", {"worker": "w1", "le": longest}) or 0.0

    await until(lambda: beats() >= 2, 10)
    (pid,) = workers.pids
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(0.8)
    os.kill(pid, signal.SIGCONT)
    # The gauge shows the last interval only; the histogram keeps it for whoever looks later.
    await until(lambda: beats() - beats("0.5") >= 1, 10)
    before = beats() - beats("0.5")
    await until(lambda: (sample("podium_worker_lag_seconds", {"worker": "w1"}) or 1.0) < 0.5, 10)
    assert beats() - beats("0.5") == before


async def test_speakers_are_told_to_everybody(start: Start, opened: Any) -> None:
    room = await opened(await start(1))
    owner = await come_in(room.replica, OWNER)
    levels = (control.Level(peer=OWNER, level=70), control.Level(peer="u_gone", level=60))
    room.media.measured.speaking(control.Speakers(room=room.media.room, speakers=levels))
    assert owner.heard[-1] == {"type": "media.speakers", "speakers": [{"person": OWNER, "level": 70}]}


async def test_what_somebodys_network_does_not_take_is_told_to_them_alone(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    owner = await come_in(room.replica, OWNER)
    viewer = await come_in(room.replica, "u_a")
    (worker,) = workers.all
    room.media.subscribe("u_a")
    workers.heard(worker, control.Paused(room=room.media.room, peer="u_a", tracks=(f"{OWNER}/video",)))
    workers.heard(worker, control.Paused(room=room.media.room, peer="u_gone", tracks=("u_a/video",)))
    told = {"type": "media.paused", "tracks": [f"{OWNER}/video"]}
    assert [each for each in viewer.heard if each["type"] == "media.paused"] == [told]
    # What was said while the signaling was away may have been another state.
    room.media.resumed("u_a")
    assert viewer.heard[-1] == told
    assert "media.paused" not in owner.types()


# --- the link ---------------------------------------------------------------------------


async def test_a_stranger_at_the_control_socket_is_turned_away(start: Start) -> None:
    workers = await start(1)
    path = Path(workers._own._directory.name) / "workers.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    (worker,) = workers.all
    hello = control.WorkerHello(worker="w1", secret="guessed", pid=worker.process.pid, udp_port=1, addresses=())
    beat = control.Heartbeat(positions={}, transports=0, packets_in=0, packets_out=0, dropped={}, lag_ms=0.0, cpu_s=0.0)
    for data in (
        _framed(codec.pack(hello)),
        _framed(codec.pack(beat)),
        _framed(b"\xc1"),
        (MAX_CONTROL_FRAME + 1).to_bytes(4, "big"),
    ):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(data)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    assert workers.ready and worker.udp_port != 1


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


async def test_a_worker_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "REQUEST_S", 0.1)
    links: asyncio.Queue[WorkerLink] = asyncio.Queue()
    server = await asyncio.start_unix_server(
        lambda reader, writer: links.put_nowait(WorkerLink(reader, writer)), tmp_path / "socket"
    )
    _, writer = await asyncio.open_unix_connection(tmp_path / "socket")
    ours = await links.get()
    with pytest.raises(MediaRefused) as refused:
        await ours.offer("room", "u_a", "v=0", {}, False)
    assert refused.value.code is Code.MEDIA_UNAVAILABLE
    asking = asyncio.create_task(ours.offer("room", "u_a", "v=0", {}, False))
    await asyncio.sleep(0)
    ours.close()
    with pytest.raises(MediaRefused):
        await asking
    writer.close()
    server.close()


async def test_a_worker_that_cannot_start_is_tried_again_with_pauses() -> None:
    ended: list[float] = []
    loop = asyncio.get_running_loop()
    process = WorkerProcess("w1", ["--nonsense"], "secret", lambda: ended.append(loop.time()))
    process.start()
    await until(lambda: len(ended) >= 2, 20)
    await process.stop()
    starts = process.starts
    await asyncio.sleep(0.5)
    assert process.starts == starts and process.pid is None


async def test_a_mistake_while_a_worker_ends_does_not_keep_it_from_being_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended() -> None:
        raise RuntimeError("a mistake")

    process = WorkerProcess("w1", [], "secret", ended)
    tries: list[int] = []

    async def fail() -> None:
        tries.append(1)
        raise subprocess.SubprocessError("Exception occurred in preexec_fn.")

    monkeypatch.setattr(process, "_run", fail)
    process.start()
    await until(lambda: len(tries) >= 2, 5)
    await process.stop()


async def test_a_page_of_somebody_unknown_has_its_connections_closed_too(start: Start, opened: Any) -> None:
    workers = await start(1)
    room = await opened(workers)
    await come_in(room.replica, OWNER)
    sent: list[Any] = []
    room.media.worker.send = sent.append
    room.media.close_peer(OWNER)
    assert sent == [control.PeerClose(room=room.media.room, peer=OWNER)]
