"""Key frames recognised, in packets of real encoders, and asked for without a storm."""

from __future__ import annotations

import random
from fractions import Fraction

import av
import pytest
from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from hypothesis import given
from hypothesis import strategies as st

from media import keyframe
from media.keyframe import KeyframeArbiter, detector, is_keyframe


def found(codec: str, payload: bytes) -> bool:
    """The payload stands between other bytes, so that reading beyond its ends shows."""
    return is_keyframe(codec, b"\xff" * 12 + payload + b"\xff" * 4, 12, len(payload))


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_of_a_real_encoders_packets_only_the_first_of_a_key_frame_is_one(codec: str) -> None:
    encoder = get_encoder(RTCRtpCodecParameters(mimeType=f"video/{codec}", clockRate=90_000))
    noise = random.Random(1)  # so that a frame takes several packets
    for number in range(6):
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane in frame.planes:
            plane.update(noise.randbytes(plane.buffer_size))
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
        wanted = number in (0, 4)
        payloads, _ = encoder.encode(frame, force_keyframe=wanted)
        assert len(payloads) > 1
        flags = [found(codec, payload) for payload in payloads]
        assert any(flags) is wanted
        if codec == "VP8":
            assert sum(flags) == int(wanted)
        else:
            assert flags[0] is wanted, "the parameter sets come first"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x10\x00", True),  # S, no extension, P = 0
        (b"\x10\x01", False),  # P = 1: an inter frame
        (b"\x00\x00", False),  # not the start of a partition
        (b"\x11\x00", False),  # another partition
        (b"\x90\x80\x05\x00", True),  # PictureID of 7 bits
        (b"\x90\x80\x85\x05\x00", True),  # PictureID of 15 bits
        (b"\x90\xe0\x85\x05\x07\x20\x00", True),  # PictureID, TL0PICIDX, TID
        (b"\x90\xe0\x85\x05\x07\x20\x01", False),
        (b"\x90\xe0\x85\x05\x07\x20", False),  # a descriptor without a payload
        (b"\x90", False),
        (b"\x90\x80", False),
        (b"", False),
    ],
)
def test_vp8(payload: bytes, expected: bool) -> None:
    assert found("VP8", payload) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x65\x88", True),  # IDR slice
        (b"\x67\x42", True),  # SPS
        (b"\x68\xce", False),  # PPS alone
        (b"\x41\x9a", False),  # non-IDR slice
        (b"\x78\x00\x02\x67\x42\x00\x02\x68\xce", True),  # STAP-A with SPS first
        (b"\x78\x00\x02\x09\x10\x00\x02\x67\x42", True),  # STAP-A: delimiter, SPS
        (b"\x78\x00\x02\x41\x9a", False),
        (b"\x78\xff\xff\x41\x9a\x67\x67", False),  # a unit longer than the packet
        (b"\x78\x00\x00\x00", False),
        (b"\x7c\x85\x88", True),  # FU-A, start of an IDR slice
        (b"\x7c\x05\x88", False),  # FU-A, its middle
        (b"\x7c\x81\x88", False),  # FU-A, start of another slice
        (b"\x65", False),
        (b"", False),
    ],
)
def test_h264(payload: bytes, expected: bool) -> None:
    assert found("H264", payload) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x08\x00", True),  # B, not predicted, no layers
        (b"\x48\x00", False),  # P: predicted
        (b"\x00\x00", False),  # not the start of the frame
        (b"\x88\x05\x00", True),  # picture id of 7 bits, no layers
        (b"\xa8\x85\x05\x00\x00", True),  # picture id of 15 bits, spatial layer 0
        (b"\xa8\x85\x05\x02\x00", False),  # spatial layer 1
        (b"\xa8\x05\x04\x00", False),  # spatial layer 2
        (b"\xa8\x85\x05", False),
        (b"\x08", False),
        (b"", False),
    ],
)
def test_vp9(payload: bytes, expected: bool) -> None:
    assert found("VP9", payload) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x18\x0a\x0b", True),  # N: a new coded video sequence
        (b"\x98\x0a\x0b", False),  # N and Z contradict one another
        (b"\x10\x0a\x0b", True),  # W = 1: the only OBU is a sequence header
        (b"\x10\x32\x0b", False),  # W = 1: a frame
        (b"\x20\x0b\x0a\x0b", True),  # W = 2: its size, then the sequence header
        (b"\x00\x8b\x01\x0a\x0b", True),  # W = 0: a size of two bytes
        (b"\x90\x0a\x0b", False),  # Z: the continuation of an OBU
        (b"\x20\xff\xff\xff", False),
        (b"\x20", False),
        (b"", False),
    ],
)
def test_av1(payload: bytes, expected: bool) -> None:
    assert found("AV1", payload) is expected


def test_codec_names_are_known_in_any_case_and_others_have_no_key_frames() -> None:
    assert detector("vp8") is keyframe.vp8
    assert not is_keyframe("opus", b"\x10\x00", 0, 2)


@given(st.sampled_from(["VP8", "H264", "VP9", "AV1"]), st.binary(max_size=40), st.integers(0, 40))
def test_no_payload_whatsoever_raises(codec: str, data: bytes, offset: int) -> None:
    offset = min(offset, len(data))
    exact = is_keyframe(codec, data, offset, len(data) - offset)
    assert exact is found(codec, data[offset:]), "nothing outside of the payload counts"


# --- the arbiter ---------------------------------------------------------------------------------


def test_nothing_is_due_before_somebody_asks() -> None:
    arbiter = KeyframeArbiter()
    assert not arbiter.due(0.0)


def test_the_first_request_goes_out_at_once() -> None:
    arbiter = KeyframeArbiter()
    arbiter.request(5.0)
    assert arbiter.due(5.0)


def test_the_requests_of_many_viewers_become_one() -> None:
    arbiter = KeyframeArbiter(interval=0.4)
    sent = 0
    for step in range(1000):  # a hundred viewers ask every 0.1 s, for one second
        now = step / 1000
        for _ in range(100):
            arbiter.request(now)
        sent += arbiter.due(now)
    assert sent == 3


def test_a_request_is_repeated_until_the_key_frame_is_seen_and_then_no_more() -> None:
    arbiter = KeyframeArbiter(interval=0.5)
    arbiter.request(0.0)
    assert [step / 64 for step in range(160) if arbiter.due(step / 64)] == [0.0, 0.5, 1.0, 1.5, 2.0]
    arbiter.keyframe_seen(3.0)
    assert not any(arbiter.due(3.0 + step / 64) for step in range(160))


def test_after_a_key_frame_the_next_request_still_keeps_the_distance() -> None:
    arbiter = KeyframeArbiter(interval=0.4)
    arbiter.request(0.0)
    assert arbiter.due(0.0)
    arbiter.keyframe_seen(0.05)
    arbiter.request(0.1)
    assert not arbiter.due(0.1)
    assert arbiter.due(0.4)


def test_a_layer_that_nobody_watches_any_more_is_not_asked() -> None:
    arbiter = KeyframeArbiter()
    arbiter.request(0.0)
    arbiter.withdraw()
    assert not arbiter.due(1.0)
