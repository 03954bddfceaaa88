"""What stands in front of a payload: picture numbers, and the sizes that key frames announce."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.picture import Shift, h264_size, measure, numbers, renumber, vp8_size, vp9_size, vp9_sizes

# X; I, L and T; a picture id of 15 bits, TL0PICIDX 0xFE, layer byte; key frame of 960 × 540.
VP8_KEY = bytes.fromhex("90e0ffffFE00" + "50c300" + "9d012a" + "c0031c02") + bytes(8)
# Parameter sets of libx264: baseline 640 × 360, alone, and high 1920 × 1080.
H264_SMALL = bytes.fromhex("6742c01ed900a02ff9610000030001000003003c0f162e48")
H264_LARGE = bytes.fromhex("67640028acd940780227e584000003000400000300f03c60c658")
H264_STAP = b"\x78" + len(H264_SMALL).to_bytes(2, "big") + H264_SMALL + bytes.fromhex("000468ce3c80")


def test_the_numbers_of_a_vp8_payload_are_found_in_every_form() -> None:
    found = numbers("VP8", VP8_KEY)
    assert found is not None and (found.picture, found.long, found.base) == (0x7FFF, True, 0xFE)
    short = numbers("VP8", bytes.fromhex("90c0" + "11" + "22" + "00"))
    assert short is not None and (short.picture, short.long, short.base) == (0x11, False, 0x22)
    only_base = numbers("VP8", bytes.fromhex("9040" + "22" + "00"))
    assert only_base is not None and (only_base.picture, only_base.base) == (-1, 0x22)
    assert numbers("VP8", b"\x10\x00\x00") is None and numbers("H264", VP8_KEY) is None


def test_the_numbers_of_a_vp9_payload_are_found() -> None:
    found = numbers("VP9", bytes.fromhex("a8" + "8123" + "00" + "44" + "00"))
    assert found is not None and (found.picture, found.long, found.base) == (0x123, True, 0x44)
    flexible = numbers("VP9", bytes.fromhex("b8" + "8123" + "00" + "44" + "00"))
    assert flexible is not None and flexible.base == -1, "in flexible mode there is none"


def test_renumbering_wraps_and_touches_nothing_else() -> None:
    changed = renumber("VP8", VP8_KEY, Shift(2, 3))
    assert changed == bytes.fromhex("90e0800101") + VP8_KEY[5:]
    assert renumber("VP8", bytes.fromhex("9080" + "7f" + "01"), Shift(1, 1)) == bytes.fromhex("9080" + "00" + "01")
    assert renumber("VP9", bytes.fromhex("a881230044"), Shift(0x7EDD, 0xBC)) == bytes.fromhex("a880000000")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["VP8", "VP9", "H264", "AV1"]), st.binary(max_size=40), st.integers(0, 0x7FFF), st.integers(0, 255)
)
def test_a_shift_and_its_opposite_give_back_any_payload(codec: str, payload: bytes, picture: int, base: int) -> None:
    there = renumber(codec, payload, Shift(picture, base))
    found = numbers(codec, payload)
    back = renumber(codec, there, Shift(-picture % 0x8000, -base % 256))
    assert len(there) == len(payload) and back == payload
    assert (numbers(codec, there) is None) == (found is None)
    assert measure(codec)(payload, 0, len(payload)) is None or len(payload) >= 7


def test_sizes_are_read_from_key_frames() -> None:
    assert vp8_size(VP8_KEY, 0, len(VP8_KEY)) == (960, 540)
    assert vp8_size(b"\0\0" + VP8_KEY, 2, len(VP8_KEY)) == (960, 540)
    assert vp8_size(VP8_KEY, 0, 12) is None, "cut off"
    assert h264_size(H264_STAP, 0, len(H264_STAP)) == (640, 360)
    assert h264_size(H264_LARGE, 0, len(H264_LARGE)) == (1920, 1080)


def test_the_sizes_of_vp9_layers_are_read_from_the_scalability_structure() -> None:
    structure = "50" + "00a0005a" + "014000b4" + "028001680101"
    for front in ("8a" + "8001", "aa" + "8001" + "00" + "00", "ba" + "8001" + "00", "fa" + "8001" + "00" + "0302"):
        payload = bytes.fromhex(front + structure)
        assert vp9_sizes(payload, 0, len(payload)) == [(160, 90), (320, 180), (640, 360)]
        assert vp9_size(payload, 0, len(payload)) == (640, 360)


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
def test_a_payload_that_is_cut_off_has_no_size_and_raises_nothing(codec: str) -> None:
    for whole in (VP8_KEY, H264_STAP, bytes.fromhex("fa8001000302" + "50" + "00a0005a")):
        for length in range(len(whole)):
            measure(codec)(whole[:length], 0, length)
            numbers(codec, whole[:length])
