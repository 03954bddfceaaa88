"""A real worker process with a foreign WebRTC stack on both sides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiortc import RTCRtpReceiver, RTCSessionDescription
from aiortc.rtp import RtpPacket

from media.__main__ import read_arguments
from protocol.control import (
    Direction,
    Failed,
    PeerClose,
    PublishAnswer,
    PublishOffer,
    RoomClosed,
    Routes,
    RoutesApplied,
    RoutesKnown,
    RoutesWanted,
    Shutdown,
    Speakers,
    SubscribeAnswer,
    SubscribeOffer,
    SubscribeOpen,
    TrackRoute,
    TransportChanged,
    TransportState,
    WorkerHello,
)
from tests.chaos import UdpChaos
from tests.media.peers import Picture, Publisher, Viewer, connection, negotiate_publish
from tests.media.test_stun import check
from tests.media.worker_process import SECRET, FakeServer, route, running_worker

PEERS = {"anna": "stage", "vera": "audience"}


@dataclass
class Stage:
    """Anna publishes, Vera watches."""

    server: FakeServer
    publisher: Publisher
    viewer: Viewer

    async def set_routes(self, audio: bool = True, video: bool = True) -> None:
        await self.server.routes(tracks(audio, video), PEERS)


def tracks(audio: bool = True, video: bool = True) -> tuple[TrackRoute, ...]:
    return (
        route("anna", "audio", "stage", "audience", open=audio),
        route("anna", "video", "stage", "audience", open=video),
    )


@contextlib.asynccontextmanager
async def stage(
    server: FakeServer, port: int = 0, size: tuple[int, int] = (160, 120), viewer_port: int | None = None
) -> AsyncIterator[Stage]:
    await server.routes(tracks(), PEERS)
    publisher = Publisher(server, "anna", size, port)
    viewer = Viewer(server, "vera", port=port if viewer_port is None else viewer_port)
    try:
        await viewer.start()
        await publisher.start()
        yield Stage(server, publisher, viewer)
    finally:
        await viewer.close()
        await publisher.pc.close()


@pytest.fixture
async def playing() -> AsyncIterator[Stage]:
    async with running_worker() as server, stage(server) as found:
        await found.viewer.sees("anna/video")
        await found.viewer.sees("anna/audio")
        yield found


async def test_audio_and_video_of_a_publisher_reach_a_viewer(playing: Stage) -> None:
    states = {(each.peer, each.direction.value, each.state.value) for each in playing.server.all(TransportChanged)}
    assert states == {("anna", "publish", "connected"), ("vera", "subscribe", "connected")}


async def test_padded_packets_are_decoded_by_a_foreign_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    padded: list[int] = []
    handle = RTCRtpReceiver._handle_rtp_packet

    async def note(self: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
        padded.append(packet.padding_size)
        await handle(self, packet, arrival_time_ms)

    monkeypatch.setattr(RTCRtpReceiver, "_handle_rtp_packet", note)
    # aiortc sends the packets of a frame in one go: some frames of this size have several, of different lengths.
    async with running_worker() as server, stage(server, size=(1280, 720)) as playing:
        await playing.viewer.sees("anna/video", 15)
        assert any(padded) and not all(padded)
        before, sent = playing.viewer.frames["anna/video"], playing.publisher.picture.sent
        await playing.viewer.sees("anna/video", 15)
        missing = (playing.publisher.picture.sent - sent) - (playing.viewer.frames["anna/video"] - before)
        assert missing <= 3, "what is under way"


async def test_a_closed_track_is_not_forwarded_and_goes_on_when_it_is_opened(playing: Stage) -> None:
    await playing.set_routes(video=False)
    await playing.server.report("anna/video")
    before = await playing.server.report("anna/video")
    frames = playing.viewer.frames["anna/video"]
    await playing.viewer.sees("anna/audio")
    after = await playing.server.report("anna/video")
    assert after.forwarded == before.forwarded
    assert after.received > before.received, "the publisher keeps sending"
    assert after.dropped > before.dropped
    assert playing.viewer.frames["anna/video"] <= frames + 1
    loop = asyncio.get_running_loop()
    opened = loop.time()
    await playing.set_routes()
    await playing.viewer.sees("anna/video", more=1)
    assert loop.time() - opened < 1.5
    await playing.viewer.sees("anna/video")


# --- routes ------------------------------------------------------------------------------------------


async def test_the_word_for_a_closing_says_how_old_each_closed_tracks_last_packet_is(playing: Stage) -> None:
    server = playing.server
    await playing.viewer.sees("anna/audio")
    before = server.all(RoutesApplied)[-1]
    await playing.set_routes(audio=False)
    applied = server.all(RoutesApplied)[-1]
    assert applied.version == before.version + 1
    # A tone sends a packet each 20 ms; the machine may be busy.
    assert applied.closed.keys() == {"anna/audio"} and 0 <= applied.closed["anna/audio"] < 1000
    await playing.set_routes(audio=False)
    assert server.all(RoutesApplied)[-1].closed == {}, "what is closed already is not closed"
    await asyncio.sleep(0.3)
    # To fewer groups, and gone altogether.
    await server.routes((route("anna", "video", "stage"),), PEERS)
    last = server.all(RoutesApplied)[-1].closed
    assert last.keys() == {"anna/video"} and 0 <= last["anna/video"] < 1000
    await server.routes((), PEERS)
    assert server.all(RoutesApplied)[-1].closed["anna/video"] >= last["anna/video"]


async def test_a_track_that_never_sent_is_closed_with_no_age() -> None:
    async with running_worker() as server:
        await server.routes((route("anna", "audio", "stage"), route("anna", "video", "stage", open=False)), PEERS)
        await server.routes((), PEERS)
        assert server.all(RoutesApplied)[-1].closed == {"anna/audio": -1.0}


async def test_routes_are_applied_in_order_and_old_ones_are_ignored() -> None:
    async with running_worker() as server:
        send = server.send
        send(Routes(room="r", epoch=1, version=5, peers={"anna": "g"}))
        await server.expect(RoutesApplied, epoch=1, version=5)
        send(Routes(room="r", epoch=1, version=4, peers={}))
        send(Routes(room="r", epoch=1, version=5, peers={}))
        send(Routes(room="r", epoch=1, version=7, base=6))
        await server.expect(RoutesWanted, room="r")
        send(Routes(room="r", epoch=1, version=6, base=5, peers={"bert": "g"}))
        await server.expect(RoutesApplied, version=6)
        send(Routes(room="r", epoch=2, version=1, peers={"anna": "g"}))
        await server.expect(RoutesApplied, epoch=2, version=1)
        assert (await server.heartbeat()).positions == {"r": (2, 1)}
        assert [(each.epoch, each.version) for each in server.all(RoutesApplied)] == [(1, 5), (1, 6), (2, 1)]


async def test_a_difference_for_an_unknown_room_asks_for_everything() -> None:
    async with running_worker() as server:
        server.send(Routes(room="elsewhere", epoch=1, version=7, base=6))
        await server.expect(RoutesWanted, room="elsewhere")
        server.send(SubscribeOpen(room="nowhere", peer="anna", generation=1))
        await server.expect(RoutesWanted, room="nowhere")
        assert (await server.heartbeat()).positions == {}


async def test_nobody_outside_the_routes_gets_a_connection() -> None:
    async with running_worker() as server:
        await server.routes(tracks(), {"anna": "stage"})
        publisher = Publisher(server, "anna")
        publisher.pc.addTrack(Picture())
        await publisher.pc.setLocalDescription(await publisher.pc.createOffer())
        sdp = publisher.pc.localDescription.sdp
        server.send(PublishOffer(request=1, room="r", peer="mallory", sdp=sdp, bindings={"0": "anna/video"}))
        assert (await server.expect(Failed, request=1)).code == "not_allowed"
        server.send(SubscribeOpen(room="r", peer="mallory", generation=1))
        assert (await server.heartbeat()).transports == 0
        assert server.all(SubscribeOffer) == []
        await publisher.pc.close()


async def test_a_bad_offer_fails_with_a_sentence_and_changes_nothing() -> None:
    async with running_worker() as server:
        await server.routes(tracks(), PEERS)
        server.send(PublishOffer(request=1, room="r", peer="anna", sdp="v=0\r\nm=nonsense", bindings={}))
        failed = await server.expect(Failed, request=1)
        assert failed.code == "bad_offer" and failed.message.endswith(".")
        assert (await server.heartbeat()).transports == 0


async def test_a_track_of_somebody_else_cannot_be_published() -> None:
    async with running_worker() as server:
        await server.routes((route("anna", "video", "g"), route("bert", "video", "g")), {"anna": "g", "bert": "g"})
        pc = connection()
        pc.addTrack(Picture())
        answer = await negotiate_publish(server, "anna", pc, {"0": "bert/video"})
        assert "a=inactive" in answer.sdp and "a=recvonly" not in answer.sdp
        await pc.close()


async def test_a_peer_that_leaves_the_routes_is_disconnected_at_once(playing: Stage) -> None:
    await playing.server.routes((), {"vera": "audience"})
    await playing.server.expect(
        TransportChanged, peer="anna", direction=Direction.PUBLISH, state=TransportState.CLOSED, within=1
    )
    assert (await playing.server.heartbeat()).transports == 1
    frames = dict(playing.viewer.frames)
    await asyncio.sleep(0.5)
    after = await playing.server.heartbeat()
    assert playing.viewer.frames["anna/video"] <= frames["anna/video"] + 1
    await asyncio.sleep(0.3)
    assert (await playing.server.heartbeat()).packets_out - after.packets_out < 10, "nothing but checks is answered"


async def test_a_viewer_of_another_group_gets_nothing_more(playing: Stage) -> None:
    revision = len(playing.viewer.offers) + 1
    await playing.server.routes(tracks(), {"anna": "stage", "vera": "lobby"})
    revised = await playing.server.expect(SubscribeOffer, revision=revision)
    assert revised.tracks == {}
    before = await playing.server.report("anna/video")
    assert (await playing.server.report("anna/video")).forwarded == before.forwarded
    await playing.server.routes(tracks(), PEERS)
    await playing.viewer.sees("anna/video")
    assert playing.viewer.offers[-1].sdp.count("m=") == 2, "the inactive m-lines are used again"


async def test_a_closed_room_is_forgotten(playing: Stage) -> None:
    playing.server.send(RoomClosed(room="r"))
    await playing.server.expect(TransportChanged, peer="vera", state=TransportState.CLOSED)
    heartbeat = await playing.server.heartbeat()
    assert heartbeat.transports == 0 and heartbeat.positions == {}


async def test_peer_close_frees_the_connections_and_the_peer_may_come_back(playing: Stage) -> None:
    playing.server.send(PeerClose(room="r", peer="vera"))
    await playing.server.expect(TransportChanged, peer="vera", state=TransportState.CLOSED)
    again = Viewer(playing.server, "vera", generation=2)
    await again.start()
    await again.sees("anna/video")
    await again.close()


# --- negotiation -------------------------------------------------------------------------------------


async def test_a_subscribe_connection_is_offered_before_there_is_anything_to_see() -> None:
    async with running_worker() as server:
        await server.routes((), {"vera": "audience"})
        viewer = Viewer(server, "vera")
        await viewer.start()
        await server.expect(TransportChanged, peer="vera", state=TransportState.CONNECTED)
        assert viewer.offers[0].tracks == {}
        await viewer.close()
        await server.expect(TransportChanged, peer="vera", state=TransportState.CLOSED)


async def test_one_offer_is_outstanding_and_the_newest_revision_wins() -> None:
    async with running_worker() as server:
        await server.routes(tracks(), PEERS)
        server.send(SubscribeOpen(room="r", peer="vera", generation=3))
        await server.expect(SubscribeOffer, revision=1, generation=3)
        publisher = Publisher(server, "anna")
        await publisher.start()
        await server.expect(TransportChanged, peer="anna", state=TransportState.CONNECTED)
        await server.heartbeat()
        assert len(server.all(SubscribeOffer)) == 1
        second = await server.expect(SubscribeOffer, revision=2)  # the first was not answered for 5 s
        assert set(second.tracks.values()) == {"anna/audio", "anna/video"}
        pc = connection()
        for stale in (1, 3):
            server.send(SubscribeAnswer(room="r", peer="vera", generation=3, revision=stale, sdp="v=0"))
        server.send(SubscribeAnswer(room="r", peer="vera", generation=2, revision=2, sdp="v=0"))
        viewer = Viewer(server, "vera", generation=3)
        await viewer.answer(second)
        await viewer.sees("anna/video")
        await pc.close()
        await viewer.close()
        await publisher.pc.close()


async def test_a_screen_shared_later_arrives_and_its_end_frees_the_m_line(playing: Stage) -> None:
    server, pc = playing.server, playing.publisher.pc
    screen = route("anna", "screen", "audience")
    await server.routes((*tracks(), screen), PEERS)
    sender = pc.addTrack(Picture((320, 240)))
    bindings = {"0": "anna/audio", "1": "anna/video"}
    await negotiate_publish(server, "anna", pc, {**bindings, "2": "anna/screen"})
    await playing.viewer.sees("anna/screen")
    mid = next(mid for mid, track in playing.viewer.offers[-1].tracks.items() if track == "anna/screen")
    await playing.viewer.sees("anna/video")
    # It ends: the publisher's m-line is inactive, the routes lose the track, the viewer's m-line is free.
    next(each for each in pc.getTransceivers() if each.sender is sender).direction = "inactive"
    answer = await negotiate_publish(server, "anna", pc, bindings)
    assert answer.sdp.count("a=recvonly") == 2
    revision = len(playing.viewer.offers) + 1
    await server.routes(tracks(), PEERS)
    offer = await server.expect(SubscribeOffer, revision=revision)
    assert "anna/screen" not in offer.tracks.values() and offer.sdp.count("m=") == 3
    # Another track takes the same m-line.
    await server.routes((*tracks(), route("bert", "video", "audience")), {**PEERS, "bert": "stage"})
    other = connection()
    other.addTrack(Picture())
    await negotiate_publish(server, "bert", other, {"0": "bert/video"})
    await playing.viewer.sees("bert/video")
    assert playing.viewer.offers[-1].tracks[mid] == "bert/video"
    await other.close()


async def test_a_publisher_that_comes_back_goes_on_where_its_viewers_are(playing: Stage) -> None:
    again = Publisher(playing.server, "anna")
    again.pc.addTrack(Picture())
    await negotiate_publish(playing.server, "anna", again.pc, {"0": "anna/video"}, restart=True)
    offers = len(playing.viewer.offers)
    await asyncio.sleep(0.3)
    await playing.viewer.sees("anna/video", 20)
    assert len(playing.viewer.offers) == offers, "the viewer's m-line stays as it is"
    await again.pc.close()


async def test_a_new_generation_replaces_the_subscribe_connection(playing: Stage) -> None:
    again = Viewer(playing.server, "vera", generation=2)
    await again.start()
    await again.sees("anna/video")
    assert (await playing.server.heartbeat()).transports == 2
    await again.close()


async def test_a_peer_does_not_receive_its_own_tracks() -> None:
    async with running_worker() as server:
        await server.routes(tracks(), {"anna": "stage"})
        publisher, viewer = Publisher(server, "anna"), Viewer(server, "anna")
        await viewer.start()
        await publisher.start()
        await server.expect(TransportChanged, peer="anna", direction=Direction.PUBLISH)
        await server.report("anna/video")
        report = await server.report("anna/video")
        assert report.received > 0 and report.forwarded == 0
        assert all(offer.tracks == {} for offer in viewer.offers)
        await viewer.close()
        await publisher.pc.close()


async def test_who_speaks_is_told_and_a_muted_one_does_not_speak(playing: Stage) -> None:
    spoken = await playing.server.expect(Speakers, room="r")
    assert [each.peer for each in spoken.speakers] == ["anna"] and 0 < spoken.speakers[0].level <= 100
    await playing.set_routes(audio=False)
    await playing.server.expect(Speakers, speakers=())
    after = len(playing.server.heard)
    await playing.viewer.sees("anna/video", 15)
    assert not [each for each in playing.server.heard[after:] if isinstance(each, Speakers)]


# --- hostile input -----------------------------------------------------------------------------------


def hostile_datagrams() -> list[bytes]:
    """One of each kind, and 300 random ones."""
    noise = random.Random(5)
    hello = bytes.fromhex("16feff0000000000000000002e010000220000000000000022fefd") + bytes(30)
    rtp = struct.pack("!BBHII", 0x80, 96, 1, 1, 1) + bytes(100)
    return [
        b"",
        b"\x80",
        bytes(11),
        bytes(1500),
        bytes(9000),
        hello,
        b"\x15\xfe\xfd" + bytes(12),
        rtp,
        struct.pack("!BBHI", 0x81, 201, 1, 1) + bytes(24),
        check(),
        check(username="a:b", use_candidate=True),
        check()[:40],
        *(noise.randbytes(noise.randrange(1600)) for _ in range(300)),
    ]


async def test_hostile_datagrams_disturb_nobody_and_are_not_answered(playing: Stage) -> None:
    assert playing.server.hello is not None
    target = ("127.0.0.1", playing.server.hello.udp_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        attacker.setblocking(False)
        for datagram in hostile_datagrams():
            attacker.sendto(datagram, target)
        await playing.viewer.sees("anna/video", 10)
        await playing.viewer.sees("anna/audio", 10)
        with pytest.raises(BlockingIOError):
            attacker.recv(2000)
    heartbeat = await playing.server.heartbeat()
    assert {"size", "unknown_address", "stun_unknown", "stun_malformed", "kind"} <= set(heartbeat.dropped)
    assert sum(heartbeat.dropped.values()) >= 300 and "error" not in heartbeat.dropped
    assert heartbeat.transports == 2


async def test_a_check_without_the_password_validates_no_address(playing: Stage) -> None:
    """The ufrag is on the wire for anybody to see; the password is not."""
    assert playing.server.hello is not None
    answer = playing.server.all(PublishAnswer)[0].sdp
    ufrag = answer.split("a=ice-ufrag:")[1].split()[0]
    target = ("127.0.0.1", playing.server.hello.udp_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        attacker.setblocking(False)
        attacker.sendto(check(f"{ufrag}:x", password=b"a guess", use_candidate=True), target)
        attacker.sendto(hostile_datagrams()[5], target)
        await playing.viewer.sees("anna/video", 10)
        with pytest.raises(BlockingIOError):
            attacker.recv(2000)
    dropped = (await playing.server.heartbeat()).dropped
    assert dropped["stun_forged"] == 1 and dropped["unknown_address"] >= 1


async def test_a_peer_whose_certificate_is_not_the_announced_one_gets_nothing() -> None:
    async with running_worker() as server:
        await server.routes(tracks(), PEERS)
        pc = connection()
        pc.addTrack(Picture())
        await pc.setLocalDescription(await pc.createOffer())
        head, _, tail = pc.localDescription.sdp.partition("a=fingerprint:sha-256 ")
        forged = head + "a=fingerprint:sha-256 " + "00" + tail[2:]
        for algorithm in ("sha-384", "sha-512"):
            forged = "\r\n".join(line for line in forged.split("\r\n") if algorithm not in line)
        server.send(PublishOffer(request=1, room="r", peer="anna", sdp=forged, bindings={"0": "anna/video"}))
        answer = await server.expect(PublishAnswer, request=1)
        await pc.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        await server.expect(TransportChanged, peer="anna", state=TransportState.FAILED)
        assert (await server.heartbeat()).transports == 0
        await pc.close()


# --- bad networks ------------------------------------------------------------------------------------


async def test_with_three_percent_loss_both_ways_nearly_all_frames_are_decoded() -> None:
    async with running_worker() as server:
        assert server.hello is not None
        async with (
            UdpChaos(("127.0.0.1", server.hello.udp_port), seed=7) as network,
            stage(server, network.port, (320, 240)) as playing,
        ):
            await playing.viewer.sees("anna/video")
            network.up.loss = network.down.loss = 0.03
            picture, frames = playing.publisher.picture, playing.viewer.frames
            sent_before, seen_before = picture.sent, frames["anna/video"]
            await asyncio.sleep(12)
            network.up.loss = network.down.loss = 0.0
            sent = picture.sent - sent_before
            assert sent > 100 and network.lost["up"] > 10 and network.lost["down"] > 10, "the network did lose"
            # What is still being asked for may arrive; what is sent meanwhile counts on both sides.
            await asyncio.sleep(1.5)
            missing = (picture.sent - sent_before) - (frames["anna/video"] - seen_before)
            assert missing <= 0.05 * sent, (missing, sent)
            report = await server.report("anna/video")
            assert report.received > 100


async def test_a_vanished_peer_is_lost_after_seconds() -> None:
    async with running_worker() as server:
        assert server.hello is not None
        async with (
            UdpChaos(("127.0.0.1", server.hello.udp_port)) as network,
            stage(server, network.port) as playing,
        ):
            await playing.viewer.sees("anna/video")
            network.up.loss = 1.0
            await server.expect(TransportChanged, peer="anna", state=TransportState.LOST, within=10)
            network.up.loss = 0.0
            after = len(server.heard)
            await server.expect(TransportChanged, peer="anna", state=TransportState.CONNECTED, after=after)
            await playing.viewer.sees("anna/video")


# --- the process -------------------------------------------------------------------------------------


async def test_media_goes_on_while_the_link_is_away_and_the_worker_comes_back(playing: Stage) -> None:
    playing.server.drop_link()
    after = len(playing.server.heard)
    await playing.viewer.sees("anna/video", 10)
    hello = await playing.server.expect(WorkerHello, after=after)
    assert hello == playing.server.hello
    # Whoever comes says which rooms are theirs; the worker says where it is with them, and has kept everything.
    playing.server.send(Routes(room="r", epoch=1, version=1, peers=PEERS, tracks=tracks()))
    await playing.server.expect(RoutesKnown, after=after, epoch=1, version=1)
    beat = await playing.server.heartbeat()
    assert beat.positions == {"r": (1, 1)} and beat.transports == 2


async def test_shutdown_ends_the_process_and_says_goodbye() -> None:
    async with running_worker() as server:
        await server.routes((), {"vera": "audience"})
        viewer = Viewer(server, "vera")
        await viewer.start()
        await server.expect(TransportChanged, peer="vera", state=TransportState.CONNECTED)
        assert server.process is not None
        closed = asyncio.Event()

        def changed() -> None:
            if viewer.pc.connectionState == "closed":
                closed.set()

        viewer.pc.on("connectionstatechange", changed)
        server.send(Shutdown())
        async with asyncio.timeout(3):
            assert await server.process.wait() == 0
            await closed.wait()
        await viewer.close()


async def test_sigterm_ends_the_process() -> None:
    async with running_worker() as server:
        assert server.hello is not None and server.hello.secret == SECRET
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGTERM)
        async with asyncio.timeout(3):
            assert await server.process.wait() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--control", "somewhere", "--address", "127.0.0.1", "--worker", "w"],
        ["--control", "unix:/x", "--address", "not an address", "--worker", "w"],
        ["--control", "unix:/x", "--address", "127.0.0.1", "--worker", "w", "--udp-port", "70000"],
        ["--control", "unix:/x", "--worker", "w"],
    ],
)
def test_a_wrong_command_line_ends_with_a_sentence(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments(arguments)
    assert ended.value.code == 2
