"""When a picture moves, and when it stands still."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.frames import GONE, FrameMeter


def fed(distances: list[float]) -> FrameMeter:
    meter, now = FrameMeter(), 1000.0
    meter.frame(now)
    for distance in distances:
        now += distance
        meter.frame(now)
    return meter


@pytest.mark.parametrize("rate", [5, 15, 25, 30, 60])
def test_a_steady_picture_never_stands_still(rate: int) -> None:
    meter = fed([1 / rate] * 100)
    assert (meter.frames, meter.still) == (101, 0.0)


def test_a_hole_is_counted_without_the_distance_that_is_usual() -> None:
    meter = fed([0.04] * 50 + [0.54] + [0.04] * 50)
    assert meter.still == pytest.approx(0.5, abs=0.001)


def test_a_wobbling_picture_and_a_few_late_frames_are_no_freeze() -> None:
    assert fed([0.02, 0.06] * 50 + [0.18, 0.02]).still == 0.0


def test_a_camera_that_becomes_slow_in_the_dark_is_a_new_pace_soon() -> None:
    assert fed([1 / 30] * 60 + [1 / 7] * 60).still == 0.0
    assert fed([1 / 30] * 60 + [1 / 4] * 60).still == fed([1 / 30] * 60 + [1 / 4] * 10).still < 2.0


def test_a_hole_that_goes_on_is_seen_before_it_ends_and_counted_once() -> None:
    meter, now = FrameMeter(), 1000.0
    for _ in range(50):
        meter.frame(now)
        now += 0.04
    meter.look(now + 0.5)
    assert meter.still == pytest.approx(0.5, abs=0.001)
    meter.look(now + 1.0)
    assert meter.still == pytest.approx(1.0, abs=0.001)
    meter.frame(now + 1.5)
    assert meter.still == pytest.approx(1.5, abs=0.001)
    meter.frame(now + 1.54)
    assert meter.still == pytest.approx(1.5, abs=0.001)


def test_what_was_switched_off_did_not_stand_still() -> None:
    assert fed([0.04] * 50 + [GONE + 1] + [0.04] * 50).still == 0.0
    meter = fed([0.04] * 50)
    meter.pause()
    meter.look(1003.0)
    meter.frame(1003.0)
    assert meter.still == 0.0


@given(st.lists(st.floats(0.0, 10.0), max_size=60), st.lists(st.floats(0.0, 10.0), max_size=5))
def test_it_never_stood_still_for_longer_than_the_time_that_passed(distances: list[float], looks: list[float]) -> None:
    meter = fed(distances)
    for later in sorted(looks):
        meter.look(1000.0 + sum(distances) + later)
    assert 0.0 <= meter.still <= sum(distances) + max(looks, default=0.0) + 1e-6
