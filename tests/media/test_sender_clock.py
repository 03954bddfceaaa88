"""Which time a stream's timestamps are: one wrong report counts for nothing, and a clock that drifts is followed."""

from __future__ import annotations

import pytest

from media.sender_clock import SenderClock

TOP = (1 << 32) - 96_000


@pytest.mark.parametrize("wrong", [0.2, -0.2, 0.9])
@pytest.mark.parametrize("number", range(2, 6))
def test_one_report_that_is_wrong_counts_for_nothing(wrong: float, number: int) -> None:
    clock = SenderClock(48000)
    for n in range(8):
        timestamp = (TOP + n * 240_000) & 0xFFFFFFFF  # it turns over after the first report
        found = clock.hear(100.0 + 5 * n + (wrong if n == number else 0.0), timestamp)
        assert found == pytest.approx(100.0 + 5 * n)


def test_of_two_the_earlier_counts_since_sound_comes_late_and_never_early() -> None:
    clock = SenderClock(48000)
    assert clock.hear(100.2, 0) == pytest.approx(100.2)
    assert clock.hear(105.0, 240_000) == pytest.approx(105.0)
    other = SenderClock(48000)
    other.hear(100.0, 0)
    assert other.hear(105.2, 240_000) == pytest.approx(105.0)


def test_a_clock_that_drifts_is_followed_and_one_that_was_set_at_once() -> None:
    clock = SenderClock(90000)
    for n in range(60):
        assert clock.hear(10.0 + n * 1.0001, 90000 * n) == pytest.approx(10.0 + n * 1.0001, abs=0.0002)
    assert clock.hear(3670.0, 90000 * 60) == 3670.0
    assert clock.hear(3671.0, 90000 * 61) == 3671.0


def test_sound_that_was_lost_for_a_moment_is_behind_from_the_second_report_on() -> None:
    clock = SenderClock(48000)
    for n in range(4):
        clock.hear(5.0 * n, 240_000 * n)
    assert clock.hear(20.3, 960_000) == pytest.approx(20.0)
    assert clock.hear(25.3, 1_200_000) == pytest.approx(25.3)


def test_a_stream_that_rested_for_an_hour_goes_on_by_its_new_reports() -> None:
    clock = SenderClock(48000)
    for n in range(4):
        clock.hear(5.0 * n, 240_000 * n)
    for n in range(3):
        # 0.1 ms a second too slow: 0.36 s in that hour.
        timestamp = int((3600.0 + 5 * n) * 48000 * 0.9999)
        assert clock.hear(3600.0 + 5 * n, timestamp) == pytest.approx(3600.0 + 5 * n, abs=0.001)
