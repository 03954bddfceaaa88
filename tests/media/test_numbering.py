"""What is left out of a track leaves no gap in its numbers; what was lost does."""

from __future__ import annotations

import random

import pytest

from media.numbering import Numbering, Sieve


def test_what_flows_keeps_its_numbers_gaps_included() -> None:
    numbering = Numbering()
    assert [numbering.take(seq) for seq in (65534, 65535, 0, 3)] == [65534, 65535, 0, 3]


def test_a_pause_leaves_no_gap() -> None:
    numbering = Numbering()
    assert [numbering.take(seq) for seq in (10, 11)] == [10, 11]
    numbering.pause()
    assert [numbering.take(seq) for seq in (500, 501, 503)] == [12, 13, 15]
    numbering.pause()
    assert numbering.take(20_000) == 16
    numbering.pause()
    assert numbering.take(60_000) == 17, "half of all numbers later and more"


def test_a_late_packet_gets_its_number_once() -> None:
    numbering = Numbering()
    assert [numbering.take(seq) for seq in (1, 2, 4)] == [1, 2, 4]
    assert numbering.lacks(3) and not numbering.lacks(2)
    assert numbering.take(3) == 3
    assert not numbering.lacks(3)
    assert [numbering.take(seq) for seq in (3, 4, 1)] == [None, None, None]


def test_what_is_from_before_the_pause_or_out_of_it_is_not_taken_any_more() -> None:
    numbering = Numbering()
    numbering.take(10)
    numbering.pause()
    assert not numbering.lacks(13)
    assert numbering.take(20) == 11
    assert [numbering.take(seq) for seq in (9, 13, 19)] == [None, None, None]


def test_what_is_far_too_late_is_not_taken() -> None:
    numbering = Numbering()
    assert [numbering.take(seq) for seq in (1, 60, 100)] == [1, 60, 100]
    assert not numbering.lacks(30)
    assert numbering.take(30) is None
    assert numbering.lacks(90)


def test_behind_an_outage_the_numbers_go_on_without_a_gap() -> None:
    numbering = Numbering()
    assert [numbering.take(seq) for seq in (1, 65, 130, 132, 131)] == [1, 65, 66, 68, 67]
    assert [numbering.take(seq) for seq in (32_800, 129, 65_000, 32_000)] == [69, None, 70, 71]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_no_number_goes_out_twice(seed: int) -> None:
    chance = random.Random(seed)
    numbering = Numbering()
    out: list[int] = []
    seq = chance.randrange(65536)
    for _ in range(20_000):
        seq = (seq + chance.choice((1, 1, 1, 1, 2, -1, -3, 30))) & 0xFFFF
        if chance.random() < 0.01:
            numbering.pause()
        number = numbering.take(seq)
        if number is not None:
            assert number not in out[-60:]
            out.append(number)


def test_what_is_not_of_the_part_leaves_no_gap() -> None:
    sieve = Sieve()
    assert sieve.take(65_534) == 65_534
    assert sieve.leave_out(65_535) is None and sieve.leave_out(0) is None
    assert sieve.take(1) == 65_535


def test_a_hole_is_filled_once_whosever_the_packet_was() -> None:
    sieve = Sieve()
    sieve.take(10)
    sieve.leave_out(11)
    assert sieve.take(14) == 13
    assert sieve.leave_out(12) == 11 and sieve.take(13) == 12
    assert sieve.take(13) is None and sieve.leave_out(12) is None
    assert sieve.take(15) == 14


def test_a_hole_that_is_known_to_be_of_others_is_none() -> None:
    sieve = Sieve()
    sieve.take(10)
    assert sieve.leave_out(14, others=True) is None
    assert sieve.take(15) == 11
    assert sieve.leave_out(12) is None, "it has no place"


def test_a_hole_is_that_of_the_newest_round_of_the_numbers() -> None:
    sieve = Sieve()
    sieve.take(10)
    sieve.take(12)
    for seq in range(13, 65_536 + 11):
        sieve.leave_out(seq & 0xFFFF)
    assert [sieve.take(12), sieve.take(11)] == [14, 13]


def test_a_jump_of_the_numbers_costs_as_much_as_one_that_is_missing() -> None:
    sieve = Sieve()
    for seq in range(0, 500 * 10_000, 500):
        sieve.take(seq & 0xFFFF)
    assert len(sieve._holes) == 512, "one for each jump"
    assert sieve.take((seq - 1) & 0xFFFF) is not None
    assert sieve.take((seq - 1) & 0xFFFF) is None
    assert sieve.take((seq + 3000) & 0xFFFF) is not None
    assert sieve.take((seq + 2900) & 0xFFFF) is None, "nobody asks for so many"


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_late_has_the_number_of_its_place_and_has_it_once(seed: int) -> None:
    chance = random.Random(seed)
    order = sorted(range(20_000), key=lambda place: place + chance.choice((0, 0, 0, 1, 5, 60, 300)))
    order = [place + chance.choice((0, 0, 0, -1, -200)) * (place > 200) for place in order for _ in range(2)]
    sieve = Sieve()
    came: set[int] = set()
    for place in [0, *order]:
        found = sieve.take((place + 60_000) & 0xFFFF)
        assert (found is None) is (place in came)
        assert found in (None, (place + 60_000) & 0xFFFF)
        came.add(place)
