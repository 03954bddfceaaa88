"""The ring of packets kept for retransmission."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.cache import PacketCache


def packet(number: int) -> bytes:
    return b"packet %d" % number


def test_a_stored_packet_is_given_back() -> None:
    cache: PacketCache[bytes] = PacketCache(8)
    seven = packet(7)
    assert cache.store(7, seven)
    assert cache.get(7) is seven, "and not a copy"


def test_what_never_came_is_not_there() -> None:
    cache: PacketCache[bytes] = PacketCache(8)
    assert cache.get(0) is None
    cache.store(8, packet(8))
    assert cache.get(0) is None


def test_the_oldest_gives_way_to_the_newest() -> None:
    cache: PacketCache[bytes] = PacketCache(8)
    for number in range(12):
        cache.store(number, packet(number))
    assert cache.get(3) is None
    assert [cache.get(number) for number in range(4, 12)] == [packet(n) for n in range(4, 12)]


def test_a_late_packet_does_not_displace_a_newer_one() -> None:
    cache: PacketCache[bytes] = PacketCache(8)
    cache.store(2, packet(2))
    assert not cache.store(65530, packet(65530)), "before 2 on the circle, and in the same slot"
    assert cache.get(2) == b"packet 2"


def test_the_ring_works_over_the_wrap_of_sequence_numbers() -> None:
    cache: PacketCache[bytes] = PacketCache(8)
    numbers = [n & 0xFFFF for n in range(65530, 65540)]
    for number in numbers:
        assert cache.store(number, packet(number))
    assert all(cache.get(number) == packet(number) for number in numbers[-8:])


def test_a_cleared_cache_is_empty_and_takes_older_numbers() -> None:
    cache: PacketCache[bytes] = PacketCache(8)
    cache.store(40_000, packet(40_000))
    cache.clear()
    assert cache.get(40_000) is None
    assert cache.store(32_008, packet(32_008))


@pytest.mark.parametrize("capacity", [0, 3, 100, 65536])
def test_the_capacity_is_a_power_of_two(capacity: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        PacketCache(capacity)


@given(st.integers(0, 0xFFFF), st.lists(st.integers(1, 5), max_size=100))
def test_the_last_capacity_numbers_are_held_truly_and_nothing_older(start: int, steps: list[int]) -> None:
    cache: PacketCache[bytes] = PacketCache(16)
    sent: list[int] = []
    number = start
    for step in steps:
        number += step
        sent.append(number)
        cache.store(number & 0xFFFF, packet(number))
    for old in sent:
        found = cache.get(old & 0xFFFF)
        assert found is None or found == packet(old)
        if old > number - 16:
            assert found is not None


def test_no_more_is_kept_than_the_last_packets_and_nothing_of_a_stream_that_has_ended() -> None:
    cache: PacketCache[bytes] = PacketCache(64)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(2200):
        cache.store(number, bytes(1200))
    kept = tracemalloc.get_traced_memory()[0] - before
    cache.clear()
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 64 * 1200 < kept < 64 * 1400 and left < 8192
