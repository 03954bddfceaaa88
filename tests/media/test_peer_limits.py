"""Each limit on what one peer may take (media/limits.py), held against somebody who takes more; the rest of them are
in test_forward.py and test_demux.py, and the last test here says that none is forgotten."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media import rtcp
from media.limits import Limits, names
from media.publication import publication
from media.rtp import Buffer
from media.sdp import SdpError, parse
from media.srtp import SrtpSession
from media.track import Track
from protocol.control import SubscribeOffer
from protocol.names import Source
from tests.media.wire import KEYFRAME, VIDEO_SSRC, Wire

Limited = Callable[..., Wire]


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Limited]:
    """A wire with other limits."""
    made: list[Wire] = []

    def wire(**limits: int) -> Wire:
        monkeypatch.setattr("tests.media.wire.Limits", lambda: Limits(**limits))
        made.append(Wire())
        return made[-1]

    yield wire
    for each in made:
        each.close()


def keyframe_requests(wire: Wire) -> int:
    return sum(isinstance(each, rtcp.Pli) for each in wire.reports(wire.publisher_socket))


def test_a_viewers_rtcp_is_dropped_before_it_is_parsed(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = limited(viewer_rtcp_per_s=10)
    packet = wire.video(1, KEYFRAME)[0]
    parsed: list[int] = []
    parse_rtcp = rtcp.parse

    def parse(buf: Buffer, length: int) -> list[rtcp.Packet]:
        parsed.append(length)
        return parse_rtcp(buf, length)

    monkeypatch.setattr(rtcp, "parse", parse)
    for _ in range(30):
        wire.from_viewer(rtcp.pli(1, packet.ssrc))
    assert len(parsed) == 10 and wire.dropped["rtcp_rate"] == 20
    wire.subscription.each_second(time.monotonic())
    parsed.clear()
    # One that is long enough to hold a hundred requests counts as several.
    for _ in range(30):
        wire.from_viewer(rtcp.pli(1, packet.ssrc) * 100)
    assert 1 <= len(parsed) <= 3


def test_a_publishers_rtcp_is_limited_in_the_same_way(limited: Limited) -> None:
    wire = limited(publisher_rtcp_per_s=10)
    wire.video(1, KEYFRAME)
    for _ in range(15):
        wire.from_publisher(rtcp.sender_report(VIDEO_SSRC, 1, 2, 3, 4))
    assert wire.dropped["rtcp_rate"] == 5
    wire.uplink.each_second(0.0)
    wire.from_publisher(rtcp.sender_report(VIDEO_SSRC, 1, 2, 3, 4))
    assert wire.dropped["rtcp_rate"] == 5


def test_a_storm_of_nacks_looks_up_so_many_packets_and_no_more(limited: Limited) -> None:
    wire = limited(viewer_nacked_per_s=20, repeated_packets_per_s=1000)
    sent = [wire.video(seq, KEYFRAME)[0] for seq in range(1, 41)]
    wanted = [packet.seq for packet in sent]
    for _ in range(5):
        wire.from_viewer(rtcp.nack(1, sent[0].ssrc, wanted))
    assert wire.dropped["nack_rate"] == 5 * 40 - 20
    repeated = wire.seen()
    for _ in range(20):
        time.sleep(0.002)
        wire.subscription.feedback.repeat(time.monotonic())
        repeated += wire.seen()
    assert {int.from_bytes(packet.payload[:2], "big") for packet in repeated} <= set(wanted[:20])
    wire.subscription.each_second(time.monotonic())
    wire.from_viewer(rtcp.nack(1, sent[0].ssrc, wanted))
    assert wire.dropped["nack_rate"] == 5 * 40 - 20 + 20


def test_what_is_repeated_to_a_viewer_stays_below_its_rate(limited: Limited) -> None:
    wire = limited(repeated_packets_per_s=50)
    sent = [wire.video(seq, KEYFRAME)[0] for seq in range(1, 201)]
    feedback = wire.subscription.feedback
    # As if the clock stood at the times below.
    downlink = feedback.by_ssrc[sent[0].ssrc]
    now, count = time.monotonic(), 0
    for step in range(100):
        wire.from_viewer(rtcp.nack(1, downlink.ssrc, [packet.seq for packet in sent]))
        feedback.repeat(now + 0.01 * step)
        count = downlink.repeats
    assert 20 <= count <= 50 + 50


def test_one_viewer_cannot_have_key_frames_made_all_the_time(limited: Limited) -> None:
    wire = limited(viewer_keyframe_interval_ms=60_000, keyframe_interval_ms=1)
    packet = wire.video(1, KEYFRAME)[0]
    wire.tick(0.0)
    keyframe_requests(wire)
    asked = 0
    for seq in range(2, 30):
        wire.from_viewer(rtcp.pli(1, packet.ssrc))
        wire.tick(0.01)
        asked += keyframe_requests(wire)
        wire.video(seq, KEYFRAME)
        time.sleep(0.002)
    assert asked == 1 and wire.dropped["keyframe_rate"] == 27


def test_a_request_that_came_too_early_is_kept_until_its_time_unless_the_key_frame_has_come(limited: Limited) -> None:
    wire = limited(viewer_keyframe_interval_ms=50, keyframe_interval_ms=1)
    packet = wire.video(1, KEYFRAME)[0]
    for seq in (2, 3):
        wire.from_viewer(rtcp.pli(1, packet.ssrc))
        wire.tick(0.0)
        assert keyframe_requests(wire) == (1 if seq == 2 else 0)
        if seq == 2:
            wire.video(seq, KEYFRAME)
    # The second was too early, and its key frame has not come.
    time.sleep(0.06)
    wire.subscription.each_second(time.monotonic())
    wire.tick(0.01)
    assert keyframe_requests(wire) == 1
    wire.from_viewer(rtcp.pli(1, packet.ssrc))
    wire.video(4, KEYFRAME)
    time.sleep(0.06)
    wire.subscription.each_second(time.monotonic())
    wire.tick(0.02)
    assert keyframe_requests(wire) == 0, "it was served meanwhile"


def test_a_viewer_is_sent_no_more_than_allowed_whatever_it_claims_to_take(limited: Limited) -> None:
    wire = limited(viewer_bitrate=300_000)
    packet = wire.video(1, KEYFRAME)[0]
    for _ in range(20):
        wire.from_viewer(rtcp.remb(1, 1_000_000_000, [packet.ssrc]))
        wire.tick(0.02)
    controller = wire.subscription.viewer.controller
    assert controller is not None and controller.estimator.bitrate <= 300_000


OFFER = (Path(__file__).parent / "captures" / "chromium_offer.sdp").read_text()


def test_an_offer_of_more_m_lines_than_allowed_is_refused_with_a_sentence() -> None:
    count = OFFER.count("\nm=")
    track = Track("a/audio", "a", Source.AUDIO, True, frozenset(), Limits())
    publication(parse(OFFER), {"0": track}, Limits(publisher_lines=count))
    with pytest.raises(SdpError, match=rf"more than {count - 1} m-lines\.$"):
        publication(parse(OFFER), {"0": track}, Limits(publisher_lines=count - 1))


def test_a_viewer_is_offered_so_many_m_lines_and_the_rest_is_counted(limited: Limited) -> None:
    wire = limited(viewer_lines=1)
    offers = [message for message in wire.said if isinstance(message, SubscribeOffer)]
    assert all(offer.sdp.count("m=") == 1 for offer in offers) and wire.dropped["lines"] > 0
    assert len(wire.audio(1)) == 1 and wire.video(1, KEYFRAME) == []


def test_an_audio_track_above_its_bitrate_is_cut_off(limited: Limited) -> None:
    wire = limited(audio_bitrate=8 * 1000)
    address = wire.publisher_socket.getsockname()
    for seq in range(1, 8):
        wire.receive(wire.protected_audio(seq, payload=bytes(400)), address)
    assert len(wire.seen()) == 2 and wire.dropped == {"track_rate": 5}
    wire.uplink.each_second(0.0)
    assert len(wire.audio(8)) == 1


def test_a_publisher_has_so_many_ssrcs_and_an_attacker_none_of_the_others(limited: Limited) -> None:
    wire = limited(ssrcs=4)
    address = wire.publisher_socket.getsockname()
    block = bytes.fromhex("bede0001") + b"\x60" + b"1\0\0"
    for ssrc in range(100, 140):
        wire.receive(wire.protected(struct.pack("!BBHII", 0x90, 120, 9, 0, ssrc) + block + KEYFRAME), address)
    assert len(wire.uplink.streams) <= 4 and wire.dropped["ssrc_limit"] + wire.dropped["unbound"] >= 30


def test_reports_under_ever_new_names_leave_no_more_behind_than_that(
    limited: Limited, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    forget = SrtpSession.forget

    def forgets(session: SrtpSession, ssrc: int) -> None:
        forgotten.append(ssrc)
        forget(session, ssrc)

    monkeypatch.setattr(SrtpSession, "forget", forgets)
    wire = limited(ssrcs=4)
    wire.video(1, KEYFRAME)
    wire.from_publisher(rtcp.sender_report(VIDEO_SSRC, 1, 2, 3, 4))
    for ssrc in range(100, 140):
        wire.from_viewer(rtcp.receiver_report(ssrc, []))
    assert forgotten == list(range(100, 136))
    forgotten.clear()
    for ssrc in range(100, 140):
        wire.from_publisher(rtcp.receiver_report(ssrc, []))
    assert forgotten == list(range(100, 137)), "what its pictures come under is kept"
    assert len(wire.video(2)) == 1
    # Nor does it help to come from ever new ports.
    address = wire.publisher_socket.getsockname()[0]
    wire.demux.each_second()
    for ssrc in range(200, 220):
        wire.receive(wire.protected(struct.pack("!BBHII", 0x80, 120, 9, 0, ssrc) + KEYFRAME), (address, ssrc))
    assert wire.dropped["moved"] == 0


# Where each limit is held by a test.
HELD = {
    "packets_per_s": "test_forward.py",
    "checks_per_s": "test_demux.py",
    "dtls_per_s": "test_demux.py",
    "publisher_bitrate": "test_forward.py",
    "audio_bitrate": "test_peer_limits.py",
    "video_bitrate": "test_forward.py",
    "ssrcs": "test_peer_limits.py",
    "audio_tracks": "test_stage.py",
    "audio_everybody": "test_stage.py",
    "publisher_lines": "test_peer_limits.py",
    "viewer_lines": "test_peer_limits.py",
    "publisher_rtcp_per_s": "test_peer_limits.py",
    "viewer_rtcp_per_s": "test_peer_limits.py",
    "viewer_nacked_per_s": "test_peer_limits.py",
    "viewer_keyframe_interval_ms": "test_peer_limits.py",
    "viewer_bitrate": "test_peer_limits.py",
    "repeated_packets_per_s": "test_peer_limits.py",
    "repeated_bitrate": "test_nack.py",
    "keyframe_interval_ms": "test_keyframe.py",
    "coalesce_us": "test_udp.py",
}


def test_no_limit_is_without_a_test() -> None:
    assert set(HELD) == set(names())
    for file in set(HELD.values()):
        assert (Path(__file__).parent / file).exists()
