"""Redundant audio, taken apart and put together (RFC 2198)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from media.red import MAX_BLOCKS, MAX_LENGTH, MAX_OFFSET, join, split, with_former

# A payload as in RFC 2198 section 3: one earlier block of type 111, 960 samples ago, 3 bytes; the newest has 2.
EXAMPLE = bytes.fromhex("ef 0f 00 03 6f 01 02 03 0a 0b".replace(" ", ""))


LEVEL = bytes.fromhex("bede 0001 10a1 0000")


def kept(*packets: tuple[int, bytes]) -> Callable[[int], bytes | None]:
    """These packets: (number, payload), each 20 ms after the number before it."""
    return {seq: struct.pack("!BBHII", 0x90, 111, seq, 960 * seq, 1) + LEVEL + payload for seq, payload in packets}.get


def contents(payload: bytes) -> list[tuple[int, bytes]] | None:
    blocks = split(payload, 0, len(payload))
    return None if blocks is None else [(offset, payload[begin:end]) for _, offset, begin, end in blocks]


def test_the_layout_is_that_of_the_standard() -> None:
    assert join(111, [(960, b"\1\2\3")], b"\n\v") == EXAMPLE
    assert split(EXAMPLE, 0, len(EXAMPLE)) == [(111, 960, 5, 8), (111, 0, 8, 10)]


def test_a_payload_within_a_packet_is_found_where_it_is() -> None:
    assert split(b"head" + EXAMPLE + b"tail", 4, 14) == [(111, 960, 9, 12), (111, 0, 12, 14)]


def test_without_earlier_blocks_there_is_the_newest_alone() -> None:
    assert contents(join(111, [], b"new")) == [(0, b"new")]


@given(
    st.lists(st.tuples(st.integers(0, MAX_OFFSET), st.binary(max_size=MAX_LENGTH)), max_size=MAX_BLOCKS),
    st.binary(max_size=300),
)
def test_what_is_put_together_is_taken_apart_again(earlier: list[tuple[int, bytes]], newest: bytes) -> None:
    assert contents(join(111, earlier, newest)) == [*earlier, (0, newest)]


def test_what_the_heads_cannot_describe_is_left_out() -> None:
    earlier = [(MAX_OFFSET + 1, b"a"), (960, bytes(MAX_LENGTH + 1)), (480, b"b")]
    assert contents(join(111, earlier, b"c")) == [(480, b"b"), (0, b"c")]


@given(st.binary(max_size=64))
def test_any_bytes_are_taken_apart_within_their_bounds_or_not_at_all(payload: bytes) -> None:
    blocks = split(payload, 0, len(payload))
    if blocks is not None:
        assert blocks[-1][3] == len(payload)
        assert all(0 <= begin <= end <= len(payload) for _, _, begin, end in blocks)


def test_a_packet_is_given_the_one_before_it() -> None:
    both = kept((7, b"before"), (8, b"now"))
    assert with_former(both, 8, 111) == LEVEL + join(111, [(960, b"before")], b"now")


def test_a_packet_without_the_one_before_it_goes_alone() -> None:
    assert with_former(kept((6, b"long before"), (8, b"now")), 8, 111) == LEVEL + join(111, [], b"now")


def test_silence_is_not_carried_along() -> None:
    assert with_former(kept((7, b"x"), (8, b"now")), 8, 111) == LEVEL + join(111, [], b"now")


def test_a_packet_that_is_not_kept_any_more_cannot_be_given_another() -> None:
    assert with_former(kept((7, b"before")), 8, 111) is None


def test_what_is_cut_off_is_malformed() -> None:
    assert all(split(EXAMPLE, 0, end) is None for end in range(8))
    assert split(b"\xef\x0f\x00\x00" * 6 + b"\x6f", 0, 25) is None, "no browser sends six"
