"""Which layers a publisher is asked to send, and when."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.wanted import DESERTED, UNWATCHED, Need, Wanted

RIDS = ("q", "h", "f")


def needs(watched: str = "", available: str = "qhf") -> list[Need]:
    return [Need(rid, rid in watched, rid in available) for rid in RIDS]


class Publisher:
    """Is told what is wanted. Time goes by in steps of the worker's."""

    def __init__(self) -> None:
        self.wanted = Wanted()
        self.wanted.begin(RIDS, 0.0)
        self.now = 0.0

    def hears(self, watched: str = "", seconds: float = 0.02, available: str = "qhf") -> list[tuple[float, str]]:
        """What it is told, and after how long, while this is watched."""
        said: list[tuple[Any, str]] = []
        for step in range(round(seconds / 0.02)):
            self.now += 0.02
            rids = self.wanted.look(needs(watched, available), self.now)
            if rids is not None:
                said.append((pytest.approx((step + 1) * 0.02, abs=0.05), "".join(rids)))
        return said

    def settled(self, watched: str) -> None:
        self.hears(watched, 10.0)
        assert self.wanted.rids == tuple(watched)


@pytest.fixture
def anna() -> Publisher:
    return Publisher()


def test_a_new_publisher_is_told_that_all_is_wanted_and_what_nobody_watches_a_while_later(anna: Publisher) -> None:
    assert anna.hears("f", 60.0) == [(0.0, "qhf"), (UNWATCHED, "f")]


def test_what_somebody_chooses_is_wanted_at_once(anna: Publisher) -> None:
    anna.settled("f")
    assert anna.hears("qf") == [(0.0, "qf")]
    # Switching to and fro is one message, not one for each.
    assert [anna.hears("qf" if number % 2 else "f", 1.0) for number in range(9)] == [[]] * 9
    assert anna.hears("f", 10.0) == [(UNWATCHED - 1.0, "f")]


def test_without_any_viewer_all_is_paused_but_later(anna: Publisher) -> None:
    anna.settled("f")
    assert anna.hears("", 60.0) == [(DESERTED, "")]


def test_a_layer_that_is_paused_stays_so_when_the_last_viewer_leaves(anna: Publisher) -> None:
    anna.settled("qf")
    assert anna.hears("f", UNWATCHED + 0.5) == [(UNWATCHED, "f")]
    # For a track without viewers the while is longer: that must not bring it back.
    assert anna.hears("", 2.0) == []


def test_who_comes_to_a_sleeping_track_wakes_all_of_it_until_something_comes(anna: Publisher) -> None:
    anna.settled("f")
    anna.settled("")
    assert anna.hears("f", 1.0, available="") == [(0.0, "qhf")]
    assert anna.hears("f", 60.0) == [(UNWATCHED, "f")]


def test_who_comes_back_soon_wakes_nothing(anna: Publisher) -> None:
    anna.settled("f")
    assert anna.hears("", DESERTED - 0.5) == []
    assert anna.hears("f", 10.0) == []


def test_what_never_came_is_always_wanted(anna: Publisher) -> None:
    assert anna.hears("h", 30.0, available="qh") == [(0.0, "qhf"), (UNWATCHED, "hf")]
    assert anna.hears("", 30.0, available="qh") == [(DESERTED, "f")]
    # It comes, and nobody looks at it.
    assert anna.hears("", 30.0) == [(DESERTED, "")]
    assert anna.hears("h") == [(0.0, "h")]


def test_after_another_description_all_has_its_while_again_and_after_a_broken_link_nothing_has(anna: Publisher) -> None:
    anna.settled("f")
    anna.wanted.repeat()
    assert anna.hears("f", 10.0) == [(0.0, "f")]
    anna.wanted.begin(RIDS, anna.now)
    assert anna.hears("f", 10.0) == [(0.0, "qhf"), (UNWATCHED, "f")]


def test_a_single_layer_has_no_name() -> None:
    wanted = Wanted()
    wanted.begin(("",), 0.0)
    assert wanted.look([Need("", True, True)], 0.0) == ("",)
    assert wanted.look([Need("", False, True)], DESERTED) == ()
    assert wanted.look([Need("", True, True)], 60.0) == ("",)


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.sets(st.sampled_from(RIDS))), min_size=1, max_size=40))
def test_who_is_watched_is_never_paused_and_nobody_is_told_twice_the_same(steps: list[tuple[float, set[str]]]) -> None:
    wanted = Wanted()
    wanted.begin(RIDS, 0.0)
    now = 0.0
    told: list[frozenset[str]] = []
    for pause, watched in steps:
        now += pause
        said = wanted.look(needs("".join(watched)), now)
        if said is not None:
            told.append(frozenset(said))
        assert watched <= set(wanted.rids or ())
    assert all(one != other for one, other in itertools.pairwise(told))
