"""Transport-wide feedback: what came and when, told truly to the sender's bandwidth estimator."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtcp
from media.twcc import INTERVAL, MAX_KEPT, MAX_STATUSES, TwccGenerator


def read(packet: bytes | None) -> rtcp.TransportFeedback:
    assert packet is not None
    [found] = rtcp.parse(packet, len(packet))
    assert isinstance(found, rtcp.TransportFeedback)
    return found


def times(report: rtcp.TransportFeedback) -> dict[int, float]:
    """Number → arrival in seconds, of those that came."""
    base = report.reference * 0.064
    return {
        (report.base + i) & 0xFFFF: base + ticks / 4000 for i, ticks in enumerate(report.arrivals) if ticks is not None
    }


def test_nothing_received_gives_no_feedback() -> None:
    assert TwccGenerator().feedback(10.0, 1, 2) is None


def test_each_arrival_is_told_to_a_quarter_of_a_millisecond() -> None:
    generator = TwccGenerator()
    arrivals = {n: 100.0 + n * 0.00731 for n in range(30)}
    for number, at in arrivals.items():
        generator.received(number, at)
    report = read(generator.feedback(100.3, 7, 8))
    assert (report.sender_ssrc, report.media_ssrc, report.base) == (7, 8, 0)
    assert times(report) == pytest.approx(arrivals, abs=0.00025)


def test_feedback_keeps_its_interval_and_repeats_nothing() -> None:
    generator = TwccGenerator()
    reports = []
    for number in range(1000):
        now = 5.0 + number * 0.005
        generator.received(number, now)
        packet = generator.feedback(now, 1, 2)
        if packet is not None:
            reports.append((now, read(packet)))
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(reports)]
    assert all(INTERVAL - 1e-9 <= gap <= INTERVAL + 0.0051 for gap in gaps)
    told = [number for _, report in reports for number in times(report)]
    assert told == list(range(len(told))) and len(told) > 980
    assert [report.ordinal for _, report in reports] == [n & 0xFF for n in range(len(reports))]


def test_a_lost_packet_is_told_as_not_received() -> None:
    generator = TwccGenerator()
    for number in (10, 11, 13, 16):
        generator.received(number, 1.0)
    assert [ticks is None for ticks in read(generator.feedback(1.0, 1, 2)).arrivals] == [
        False, False, True, False, True, True, False,
    ]  # fmt: skip


def test_a_loss_between_two_reports_is_told_by_the_second() -> None:
    generator = TwccGenerator()
    generator.received(10, 1.0)
    assert read(generator.feedback(1.0, 1, 2)).base == 10
    generator.received(13, 1.1)
    report = read(generator.feedback(1.1, 1, 2))
    assert report.base == 11 and report.arrivals[:2] == (None, None) and len(report.arrivals) == 3


def test_packets_that_overtake_one_another_are_told_with_their_true_times() -> None:
    generator = TwccGenerator()
    for number, at in ((1, 1.000), (3, 1.010), (2, 1.012), (4, 1.020)):
        generator.received(number, at)
    found = times(read(generator.feedback(1.1, 1, 2)))
    assert found == pytest.approx({1: 1.000, 2: 1.012, 3: 1.010, 4: 1.020}, abs=0.00025)


def test_a_packet_later_than_its_report_is_told_by_the_next_with_those_around_it() -> None:
    generator = TwccGenerator()
    for number in (1, 2, 4, 5):
        generator.received(number, 1.0)
    assert read(generator.feedback(1.0, 1, 2)).arrivals[2] is None
    generator.received(3, 1.05)
    generator.received(6, 1.06)
    found = times(read(generator.feedback(1.1, 1, 2)))
    assert found == pytest.approx({3: 1.05, 4: 1.0, 5: 1.0, 6: 1.06}, abs=0.00025)


def test_a_packet_later_than_what_is_remembered_is_passed_over() -> None:
    generator = TwccGenerator()
    for number in (1, 2, 4, 5):
        generator.received(number, 1.0)
    generator.feedback(1.0, 1, 2)
    generator.received(6, 2.0)
    generator.feedback(2.0, 1, 2)
    generator.received(3, 2.05)
    assert generator.feedback(2.2, 1, 2) is None, "4 and 5, long told, would be told as lost"


def test_what_was_told_is_forgotten_after_half_a_second() -> None:
    generator = TwccGenerator()
    for number in range(2000):
        generator.received(number, number * 0.005)
        generator.feedback(number * 0.005, 1, 2)
    assert len(generator._arrivals) <= (0.5 + INTERVAL) / 0.005 + 1


def test_without_a_reader_only_the_newest_are_kept() -> None:
    generator = TwccGenerator()
    for number in range(5000):
        generator.received(number, number * 0.001)
    assert len(generator._arrivals) == MAX_KEPT
    told: dict[int, float] = {}
    while (packet := generator.feedback(5.0, 1, 2)) is not None:
        told |= times(read(packet))
    assert list(told) == list(range(5000 - MAX_KEPT, 5000))


def test_the_sequence_wraps() -> None:
    generator = TwccGenerator()
    for number in range(65_500, 65_580):
        generator.received(number & 0xFFFF, 1.0 + (number - 65_500) * 0.001)
    report = read(generator.feedback(2.0, 1, 2))
    assert report.base == 65_500 and len(times(report)) == 80


def test_more_than_one_packet_holds_is_told_at_once_in_several() -> None:
    generator = TwccGenerator()
    for number in range(MAX_KEPT):
        generator.received(number, 1.0 + number * 0.0001)
    first = generator.feedback(1.1, 1, 2)
    second = generator.feedback(1.1, 1, 2)
    assert generator.feedback(1.1, 1, 2) is None
    assert sorted(times(read(first)) | times(read(second))) == list(range(MAX_KEPT))
    assert first is not None and len(first) < 1200


def test_the_largest_feedback_fits_a_datagram() -> None:
    generator = TwccGenerator()
    order = list(range(MAX_STATUSES))
    random.Random(3).shuffle(order)
    order.remove(0)
    generator.received(0, 1.0)
    for place, number in enumerate(order):
        generator.received(number, 1.0 + place * 0.001)
    packet = generator.feedback(2.0, 1, 2)
    assert packet is not None and len(packet) < 1200
    assert len(times(read(packet))) == MAX_STATUSES


def test_a_silence_longer_than_a_delta_begins_a_report_of_its_own() -> None:
    generator = TwccGenerator()
    generator.received(1, 1.0)
    generator.received(2, 20.0)
    assert times(read(generator.feedback(20.0, 1, 2))) == pytest.approx({1: 1.0}, abs=0.00025)
    assert times(read(generator.feedback(20.1, 1, 2))) == pytest.approx({2: 20.0}, abs=0.00025)


@pytest.mark.parametrize("jump", [MAX_KEPT, 30_000, -MAX_KEPT, -30_000])
def test_a_jump_begins_anew_instead_of_telling_thousands_lost(jump: int) -> None:
    generator = TwccGenerator()
    generator.received(1000, 1.0)
    generator.feedback(1.0, 1, 2)
    generator.received((1000 + jump) & 0xFFFF, 1.1)
    report = read(generator.feedback(1.1, 1, 2))
    assert report.base == (1000 + jump) & 0xFFFF and len(report.arrivals) == 1


def test_duplicates_keep_the_first_arrival() -> None:
    generator = TwccGenerator()
    generator.received(5, 1.0)
    generator.received(5, 1.03)
    assert times(read(generator.feedback(1.1, 1, 2))) == pytest.approx({5: 1.0}, abs=0.00025)


@given(st.lists(st.tuples(st.integers(0, 65535), st.floats(0, 12)), max_size=150), st.integers(1, 40))
def test_whatever_numbers_come_every_report_can_be_read_and_memory_is_bounded(
    arrivals: list[tuple[int, float]], every: int
) -> None:
    generator = TwccGenerator()
    now = 0.0
    for place, (number, passed) in enumerate(arrivals):
        now += passed
        generator.received(number, now)
        assert len(generator._arrivals) <= MAX_KEPT
        if place % every == 0:
            packet = generator.feedback(now, 1, 2)
            if packet is not None:
                assert len(read(packet).arrivals) <= MAX_STATUSES


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 65535))
def test_everything_that_came_in_a_lossy_reordered_stream_is_told_truly(seed: int, start: int) -> None:
    source = random.Random(seed)
    flying = sorted(
        (1.0 + n * 0.002 + source.random() * 0.02, n) for n in range(300) if n == 0 or source.random() > 0.1
    )
    generator = TwccGenerator()
    told: dict[int, float] = {}
    for at, n in flying:
        generator.received((start + n) & 0xFFFF, at)
        packet = generator.feedback(at, 1, 2)
        if packet is not None:
            told |= times(read(packet))
    last = generator.feedback(9.0, 1, 2)
    if last is not None:
        told |= times(read(last))
    first = next(n for _, n in flying)
    assert told == pytest.approx({(start + n) & 0xFFFF: at for at, n in flying if n >= first - MAX_KEPT}, abs=0.00026)
