"""When a frame was captured: by the sender reports, which correct what was guessed and what drifts."""

from __future__ import annotations

import itertools

import pytest

from media.record.times import Times


def test_without_reports_it_is_the_time_of_the_first_packet_and_then_the_timestamps() -> None:
    times = Times(90000)
    assert times.time(5000, 100.0, None) == pytest.approx(100.0)
    assert times.time(5000 + 90000, 101.3, None) == pytest.approx(101.0)
    assert not times.sure


def test_the_first_report_counts_at_once_and_timestamps_may_begin_anew() -> None:
    times = Times(48000)
    top = (1 << 32) - 480
    assert times.time(top, 50.0, None) == pytest.approx(50.0)
    clock = (49.9, top)
    assert times.time((top + 960) & 0xFFFFFFFF, 50.02, clock) == pytest.approx(49.92)
    assert times.sure


def test_a_clock_that_drifts_is_followed_slowly_and_another_one_at_once() -> None:
    times = Times(48000)
    times.time(0, 10.0, (10.0, 0))
    # A second of sound for each report; one ten-thousandth is what a bad quartz is off by.
    at = [(n, 10.0 + n * 1.0001) for n in range(1, 121)]
    found = [times.time(48000 * n, now, (now, 48000 * n)) for n, now in at]
    assert max(abs(there - now) for there, (_, now) in zip(found, at, strict=True)) < 0.001
    assert max(b - a for a, b in itertools.pairwise(found)) < 1.021
    assert times.time(48000 * 121, 134.0, (134.0, 48000 * 121)) == pytest.approx(134.0)


def test_a_report_that_was_held_up_moves_nothing_that_is_seen_or_heard() -> None:
    times = Times(90000)
    times.time(0, 10.0, (10.0, 0))
    clock = (10.0, 0)
    for n in range(1, 500):
        if n % 25 == 0:
            late = 0.15 if n == 250 else 0.0
            clock = (10.0 + 0.04 * n + late, 3600 * n)
        assert abs(times.time(3600 * n, 10.0 + 0.04 * n, clock) - 10.0 - 0.04 * n) < 0.04


@pytest.mark.parametrize("shift", [0.2, -0.2])
def test_what_moves_all_clocks_of_a_person_moves_sound_and_picture_alike(shift: float) -> None:
    sound, picture = Times(48000), Times(90000)
    apart = []
    for ms in range(0, 30_000, 20):
        at = 50.0 + ms / 1000
        # A report each second, of sound half a second later; from the tenth on their time is another one.
        heard = [max(0, ms - late) // 1000 for late in (500, 0)]
        clocks = [(50.0 + second + (shift if second >= 10 else 0.0), second) for second in heard]
        of_sound = sound.time(48 * ms, at, (clocks[0][0], 48000 * heard[0]))
        if ms % 100 == 0:  # ten pictures a second
            apart.append(of_sound - picture.time(90 * ms, at, (clocks[1][0], 90000 * heard[1])))
    assert max(map(abs, apart)) < 0.02
    assert sound.time(48 * 30_000, 80.0, None) == pytest.approx(80.0 + shift, abs=0.03)


def test_a_report_that_cannot_be_is_not_believed() -> None:
    times = Times(48000)
    times.time(0, 10.0, (10.0, 0))
    assert times.time(960, 10.02, (5000.0, 960)) == pytest.approx(10.02)


def test_another_layers_clock_goes_on_with_the_delay_that_was_measured() -> None:
    times = Times(90000)
    times.time(0, 10.1, (10.0, 0))  # 0.1 s from capture to arrival
    times.restart()
    assert times.time(777_000, 12.1, None) == pytest.approx(12.0)
