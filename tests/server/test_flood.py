"""Frames are counted on raw bytes, however the stream is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from protocol.codec import MAX_FRAME
from server.sessions.flood import FloodGuard, FrameMeter, TooLarge


def frames(sizes: list[int]) -> bytes:
    """Frames of a client with payloads of these sizes."""
    return b"".join(Frame(Opcode.BINARY, bytes(size)).serialize(mask=True) for size in sizes)


@given(st.lists(st.sampled_from([0, 1, 125, 126, 127, 500, 65535, 65536])), st.lists(st.integers(1, 70_000)))
def test_every_frame_is_counted_once_wherever_the_stream_is_cut(sizes: list[int], cuts: list[int]) -> None:
    stream, meter, count = frames(sizes), FrameMeter(), 0
    pieces = itertools.chain(cuts, itertools.repeat(70_000))
    while stream:
        step = next(pieces)
        count += meter.begun(stream[:step], 10_000)
        stream = stream[step:]
    assert count == len(sizes)


def test_a_header_that_arrives_byte_by_byte_is_counted_once() -> None:
    meter = FrameMeter()
    stream = frames([200, 65536, 0])
    assert sum(meter.begun(bytes([byte]), 10) for byte in stream) == 3


def test_a_frame_above_the_limit_is_refused_by_its_header_alone() -> None:
    header = frames([MAX_FRAME + 1])[:14]
    with pytest.raises(TooLarge):
        FrameMeter().begun(header, 10)
    assert FrameMeter().begun(frames([MAX_FRAME])[:14], 10) == 1


def test_counting_stops_soon_after_the_limit() -> None:
    assert FrameMeter().begun(frames([0] * 50_000), 100) == 101


def test_a_burst_passes_and_a_flood_does_not() -> None:
    guard = FloodGuard(1000, 10, 0.0)
    assert guard.allows(frames([1] * 40), 0.0)
    assert not guard.allows(frames([1]), 0.0)
    assert guard.allows(frames([1] * 5), 0.6)
    bytes_guard = FloodGuard(1000, 1000, 0.0)
    assert bytes_guard.allows(frames([3900]), 0.0)
    assert not bytes_guard.allows(frames([200]), 0.0)
