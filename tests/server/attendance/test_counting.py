"""What workers say, added up for each stay; on a clock of the tests' own."""

from __future__ import annotations

import pytest

from protocol.signals import QualityGrade
from server.attendance.counting import HOLDS_MS, INTERVAL_MS, LONGEST_MS, Counting, Report
from server.attendance.figures import Figures, Stay

ADA, BEN = ("u_ada", 4), ("u_ben", 7)
GRADES = {"e": QualityGrade.EXCELLENT, "g": QualityGrade.GOOD, "p": QualityGrade.POOR, "l": QualityGrade.LOST}


def told(stays: list[Stay]) -> dict[tuple[str, int], Figures]:
    return {(stay.identity, stay.since): stay.figures for stay in stays}


def spoken(stays: list[Stay]) -> dict[str, int]:
    return {stay.identity: stay.figures.speaking for stay in stays}


def reported(grades: str, losses: tuple[float, ...] = (), began: int = 0) -> Counting:
    counting = Counting()
    for number, grade in enumerate(grades):
        loss = losses[number % len(losses)] if losses else -1.0
        counting.reported([Report(stay=ADA, grade=GRADES[grade], loss=loss)], began + number * INTERVAL_MS)
    return counting


# --- speaking -----------------------------------------------------------------------------------------


def test_each_who_speaks_has_the_time_until_they_are_silent() -> None:
    counting = Counting()
    counting.heard([ADA], 1000)
    counting.heard([ADA, BEN], 1500)
    counting.heard([BEN], 1700)
    counting.heard([], 2600)
    counting.heard([], 9000)
    assert spoken(counting.take(9000)) == {"u_ada": 700, "u_ben": 1100}


def test_what_was_said_last_holds_on_for_a_while_and_not_for_ever() -> None:
    counting = Counting()
    counting.heard([ADA], 0)
    assert spoken(counting.take(1000)) == {"u_ada": 1000}
    # However often it is looked at.
    assert spoken(counting.take(2000)) == {"u_ada": 1000}
    assert spoken(counting.take(3_600_000)) == {"u_ada": HOLDS_MS - 2000}
    assert counting.take(7_200_000) == []
    counting.heard([ADA], 7_200_000)
    assert counting.take(7_200_000) == []


def test_whoever_left_speaks_no_more_and_the_next_stay_begins_at_nothing() -> None:
    counting = Counting()
    counting.heard([ADA], 0)
    assert told(counting.over(ADA, 300)) == {ADA: Figures(speaking=300)}
    assert counting.over(ADA, 400) == [] and counting.take(500) == []
    again = (ADA[0], 9)
    counting.heard([again], 600)
    assert told(counting.take(700)) == {again: Figures(speaking=100)}


def test_without_a_worker_nobody_is_heard() -> None:
    counting = Counting()
    counting.heard([ADA], 0)
    counting.silent(200)
    assert spoken(counting.take(2000)) == {"u_ada": 200}


# --- connections --------------------------------------------------------------------------------------


def test_each_grade_has_its_time_by_the_clock() -> None:
    counting = reported("eegpl")
    assert told(counting.take(10_000)) == {
        ADA: Figures(excellent=2 * INTERVAL_MS, good=INTERVAL_MS, poor=INTERVAL_MS, lost=INTERVAL_MS)
    }
    # A late report has the whole time, one after a long silence no more than is believed.
    counting.reported([Report(stay=ADA, grade=QualityGrade.GOOD)], 8000 + 2500)
    assert told(counting.take(11_000))[ADA] == Figures(good=2500)
    counting.reported([Report(stay=ADA, grade=QualityGrade.GOOD)], 3_600_000)
    assert told(counting.take(3_600_000))[ADA] == Figures(good=LONGEST_MS)


def test_after_a_worker_was_lost_the_first_report_is_of_one_interval() -> None:
    counting = reported("e")
    counting.silent(60_000)
    counting.reported([Report(stay=ADA, grade=QualityGrade.EXCELLENT)], 64_000)
    assert told(counting.take(64_000))[ADA].excellent == 2 * INTERVAL_MS


def test_loss_and_round_trips_are_means_of_what_is_known() -> None:
    counting = Counting()
    for number, (loss, rtt) in enumerate(((-1.0, -1), (0.5, 20), (1.0, -1), (-1.0, 61))):
        report = Report(stay=ADA, grade=QualityGrade.EXCELLENT, loss=loss, rtt=rtt)
        counting.reported([report], number * INTERVAL_MS)
    figures = told(counting.take(8000))[ADA]
    assert (figures.mean_loss, figures.mean_rtt) == (0.75, 40)
    # Too short for a minute of its own.
    assert figures.worst_loss == 0 and figures.highest_loss == 0.75


def test_the_worst_minute_is_found_across_what_was_taken() -> None:
    counting = Counting()
    figures = Figures()
    for number in range(150):
        loss = 9.0 if 60 <= number < 90 else 0.0
        report = Report(stay=ADA, grade=QualityGrade.EXCELLENT, loss=loss)
        counting.reported([report], number * INTERVAL_MS)
        if number % 7 == 0:
            for stay in counting.take(number * INTERVAL_MS):
                figures.add(stay.figures)
    for stay in counting.over(ADA, 300_000):
        figures.add(stay.figures)
    assert figures.highest_loss == 9.0 and figures.mean_loss == pytest.approx(1.8)


def test_a_bad_moment_at_the_end_is_no_bad_minute() -> None:
    counting = reported("e" * 34, (*[0.0] * 30, *[50.0] * 4))
    assert told(counting.over(ADA, 70_000))[ADA].worst_loss == 0


def test_nothing_is_left_of_those_who_are_gone() -> None:
    counting = reported("ee")
    counting.heard([BEN], 100)
    assert list(counting.stays) == [ADA]
    assert set(told(counting.end(2000))) == {ADA, BEN}
    assert not counting.stays and counting.take(3000) == []


# --- in a word ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grades", "word"),
    [
        ("e" * 10, "excellent"),
        ("e" * 9 + "p", "excellent"),
        ("e" * 8 + "pp", "poor"),
        ("e" * 8 + "lp", "poor"),
        ("e" * 8 + "gl", "good"),
        ("l", "lost"),
        ("", None),
    ],
)
def test_a_connection_is_as_good_as_it_was_for_nine_tenths_of_the_time(grades: str, word: str | None) -> None:
    figures = Figures()
    for stay in reported(grades).take(60_000):
        figures.add(stay.figures)
    assert figures.quality == word
    shares = [figures.share(grade) for grade in QualityGrade]
    assert shares == [None] * 4 if word is None else sum(share or 0.0 for share in shares) == pytest.approx(100)


def test_nothing_measured_is_not_the_same_as_nothing_lost() -> None:
    none = Figures()
    assert (none.mean_loss, none.highest_loss, none.mean_rtt) == (None, None, None)
    assert (Figures(losses=3).mean_loss, Figures(losses=3).highest_loss) == (0.0, 0.0)


def test_parts_of_a_stay_add_up() -> None:
    whole = Figures(speaking=5, excellent=1, loss=10, losses=2, worst_loss=7)
    whole.add(Figures(speaking=6, poor=2, loss=1, losses=1, rtt=40, rtts=1, worst_loss=3))
    assert whole == Figures(speaking=11, excellent=1, poor=2, loss=11, losses=3, rtt=40, rtts=1, worst_loss=7)
