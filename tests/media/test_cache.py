"""The ring of packets kept for retransmission."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.cache import PacketCache


def packet(number: int) -> memoryview:
    return memoryview(b"packet %d" % number)


def test_a_stored_packet_is_given_back() -> None:
    cache = PacketCache(8)
    assert cache.store(7, memoryview(b"seven and more"), 5)
    assert bytes(cache.get(7) or b"") == b"seven"


def test_what_never_came_is_not_there() -> None:
    cache = PacketCache(8)
    assert cache.get(0) is None
    cache.store(8, packet(8), 8)
    assert cache.get(0) is None


def test_the_oldest_gives_way_to_the_newest() -> None:
    cache = PacketCache(8)
    for number in range(12):
        cache.store(number, packet(number), len(packet(number)))
    assert cache.get(3) is None
    assert [bytes(cache.get(number) or b"") for number in range(4, 12)] == [bytes(packet(n)) for n in range(4, 12)]


def test_a_late_packet_does_not_displace_a_newer_one() -> None:
    cache = PacketCache(8)
    cache.store(2, packet(2), 8)
    assert not cache.store(65530, packet(65530), 8), "before 2 on the circle, and in the same slot"
    assert bytes(cache.get(2) or b"") == b"packet 2"


def test_the_ring_works_over_the_wrap_of_sequence_numbers() -> None:
    cache = PacketCache(8)
    numbers = [n & 0xFFFF for n in range(65530, 65540)]
    for number in numbers:
        assert cache.store(number, packet(number), len(packet(number)))
    assert all(bytes(cache.get(number) or b"") == bytes(packet(number)) for number in numbers[-8:])


def test_a_packet_too_large_for_its_slot_is_not_kept() -> None:
    cache = PacketCache(8, slot=10)
    assert not cache.store(1, memoryview(bytes(11)), 11)
    assert cache.get(1) is None


def test_a_cleared_cache_is_empty_and_takes_older_numbers() -> None:
    cache = PacketCache(8)
    cache.store(40_000, packet(40_000), 8)
    cache.clear()
    assert cache.get(40_000) is None
    assert cache.store(32_008, packet(32_008), 8)


@pytest.mark.parametrize("capacity", [0, 3, 100, 65536])
def test_the_capacity_is_a_power_of_two(capacity: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        PacketCache(capacity)


@given(st.integers(0, 0xFFFF), st.lists(st.integers(1, 5), max_size=100))
def test_the_last_capacity_numbers_are_held_truly_and_nothing_older(start: int, steps: list[int]) -> None:
    cache = PacketCache(16)
    sent: list[int] = []
    number = start
    for step in steps:
        number += step
        sent.append(number)
        cache.store(number & 0xFFFF, packet(number), len(packet(number)))
    for old in sent:
        found = cache.get(old & 0xFFFF)
        assert found is None or bytes(found) == bytes(packet(old))
        if old > number - 16:
            assert found is not None


def test_storing_allocates_nothing_that_stays() -> None:
    cache = PacketCache(64)
    data = memoryview(bytes(1200))
    for number in range(200):
        cache.store(number, data, 1200)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(200, 2200):
        cache.store(number, data, 1200)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 8192, "64 numbers above the interpreter's small ones, and nothing per packet"
