"""What holds itself in a circle is let go of, regularly and when something has ended."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from protocol.garbage import EVERY_S, Collector


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collector() -> Iterator[Collector]:
    former = gc.get_threshold()
    yield Collector(100.0)
    gc.set_threshold(*former)
    gc.unfreeze()


def old_circle() -> weakref.ref[Circle]:
    """One that has outlived the frequent looks at what is new, and then ended."""
    circle = Circle()
    gc.collect(1)
    gc.collect(1)
    return weakref.ref(circle)


def test_what_has_lived_for_long_is_let_go_of_once_its_time_has_come(collector: Collector) -> None:
    circle = old_circle()
    assert not collector.look(1, 100.0 + EVERY_S - 1) and circle() is not None
    assert collector.look(1, 100.0 + EVERY_S) and circle() is None


def test_while_nothing_ends_nobody_waits_for_it(collector: Collector) -> None:
    assert not collector.look(0, 100.0 + EVERY_S)
    assert collector.look(3, 101.0 + EVERY_S) and not collector.look(3, 102.0 + 3 * EVERY_S)
