"""Load clients: real to the worker, and honest about what they got."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from media import rtcp
from media.load.connection import Crowd
from media.load.filter import NO_RTP, NOTHING, attach, detach
from media.load.floor import Floor
from media.load.ice import IceClient
from media.load.meter import Meter
from media.load.publisher import SPEECH, Pacer, Pattern
from media.stun import Key, is_authentic, parse, success
from protocol.names import Source
from scripts.benchmarks.forward import SHAPES, Forwarding, Scenario, Shape, Srtp
from tests.media.worker_process import running_worker


@pytest.fixture
async def forwarding(request: pytest.FixtureRequest) -> AsyncIterator[Forwarding]:
    async with running_worker() as server:
        crowd = Crowd(getattr(request, "param", Srtp.GCM).profile)
        crowd.start()
        yield Forwarding(server, crowd, Meter())
        crowd.stop()


SHAPE = Shape([[SPEECH, Pattern(Source.VIDEO, 250, 900)]], 1, "")


async def measure(forwarding: Forwarding, seconds: float) -> None:
    pacer = Pacer(forwarding.crowd, forwarding.tracks)
    await asyncio.sleep(0.5)
    forwarding.meter.start(time.time_ns())
    await asyncio.sleep(seconds)
    forwarding.meter.stop(time.time_ns())
    for _ in range(100):  # what is under way arrives, what was lost is repeated
        await asyncio.sleep(0.1)
        if all(viewer.counted == forwarding.expected(viewer) for viewer in forwarding.viewers if viewer.sampled):
            break
    pacer.stop()


@pytest.mark.parametrize("forwarding", list(Srtp), indirect=True)
async def test_every_packet_reaches_a_sampled_viewer_and_none_is_read_by_the_others(forwarding: Forwarding) -> None:
    await forwarding.connect(SHAPE, 24)
    await measure(forwarding, 1.0)
    sampled = [viewer for viewer in forwarding.viewers if viewer.sampled]
    others = [viewer for viewer in forwarding.viewers if not viewer.sampled]
    assert len(sampled) == len(others) == 12
    for viewer in sampled:
        assert viewer.counted == forwarding.expected(viewer) > 200
        assert len(viewer.per_stream) == 2
    assert all(viewer.counted == 0 and not viewer.first_packet_at for viewer in others)
    assert len(forwarding.meter.delays) == sum(viewer.counted for viewer in sampled)
    assert 0 < forwarding.meter.delay_ms(0.5) <= forwarding.meter.delay_ms(0.99) < 1000
    assert any(viewer.padding for viewer in sampled), "a plain SRTP receiver got padded packets whole"


async def test_key_frames_are_sent_when_they_are_asked_for(forwarding: Forwarding) -> None:
    await forwarding.connect(SHAPE, 2)
    await measure(forwarding, 0.3)
    (track,) = [track for track in forwarding.tracks if track.pattern.source is Source.VIDEO]
    before = track.keyframes
    assert before >= 1
    viewer = forwarding.viewers[0]
    pacer = Pacer(forwarding.crowd, forwarding.tracks)
    for stream in list(viewer.streams.values()):
        viewer.connection.send_rtcp(rtcp.pli(1, stream.ssrc))
    await asyncio.sleep(1)
    pacer.stop()
    assert track.keyframes > before


async def test_a_lost_packet_is_asked_for_by_a_sampled_viewer_and_repaired(forwarding: Forwarding) -> None:
    await forwarding.connect(SHAPE, 1)
    (viewer,) = forwarding.viewers
    receive = viewer.connection.received_rtp
    count = 0

    def lossy(buffer, length):  # type: ignore[no-untyped-def]
        nonlocal count
        count += 1
        if buffer.bytes[1] & 0x7F == 96 and count % 20 == 0:
            return
        receive(buffer, length)

    viewer.connection.received_rtp = lossy
    await measure(forwarding, 1.0)
    assert viewer.repaired >= 5
    assert viewer.counted >= 0.99 * forwarding.expected(viewer)


def test_the_scenarios_are_those_of_the_table() -> None:
    sent = {
        scenario: sum(pattern.packets_per_s for tracks in shape.publishers for pattern in tracks)
        for scenario, shape in SHAPES.items()
    }
    assert sent == {
        Scenario.AUDIO: 50,
        Scenario.VIDEO200: 200,
        Scenario.VIDEO1000: 1000,
        Scenario.MEETING: 1500,
        Scenario.STAGE: 3000,
    }


def test_the_filter_lets_everything_through_but_rtp() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        sender.connect(receiver.getsockname())
        firsts = [0, 1, 3, 20, 63, 64, 127, 128, 144, 160, 191, 192, 255]
        seconds = [0, 96, 111, 191, 192, 200, 223, 224, 255]

        def passed() -> set[tuple[int, int]]:
            found: set[tuple[int, int]] = set()
            for first in firsts:
                for second in seconds:
                    sender.send(bytes((first, second)) + bytes(50))
            while True:
                try:
                    data = receiver.recv(100)
                except BlockingIOError:
                    return found
                found.add((data[0], data[1]))

        everything = {(first, second) for first in firsts for second in seconds}
        attach(receiver, NO_RTP)
        assert everything - passed() == {
            (first, second) for first, second in everything if 128 <= first < 192 and not 192 <= second < 224
        }
        attach(receiver, NOTHING)
        assert passed() == set()
        detach(receiver)
        assert passed() == everything


def test_a_check_is_authentic_and_its_answer_is_recognised_once() -> None:
    client = IceClient("ours", "p" * 24, "theirs", "q" * 24)
    request = parse(client.request())
    assert request is not None and request.ufrag == "ours" and request.use_candidate
    key = Key(b"p" * 24)
    assert is_authentic(request, key) and not is_authentic(request, Key(b"q" * 24))
    answer = success(request, "127.0.0.1", 5000, key)
    assert answer is not None and client.answered(answer) and not client.answered(answer)
    assert not client.answered(b"") and not client.answered(bytes(40))


def test_a_check_of_a_full_agent_is_answered_if_it_knows_our_password() -> None:
    client, agent = IceClient("s", "p" * 24, "c", "q" * 24), IceClient("c", "q" * 24, "s", "p" * 24)
    answer = client.answer(agent.request(), ("127.0.0.1", 5000))
    assert answer is not None and agent.answered(answer)
    assert client.answer(IceClient("c", "r" * 24, "s", "p" * 24).request(), ("127.0.0.1", 5000)) is None
    assert client.answer(answer, ("127.0.0.1", 5000)) is None and client.answer(b"\0\1", ("127.0.0.1", 5000)) is None


def test_the_floor_is_some_microseconds() -> None:
    floor = Floor(Srtp.GCM.profile, 500)
    for _ in range(3):
        floor.sample()
    assert 0.5 < floor.us < 200
    floor.close()
