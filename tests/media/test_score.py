"""Scores: the published values of the E-model, and that nothing worse ever scores better."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.score import BEST_RATING, opinion, picture, rating, speech

percent = st.floats(0, 100)
seconds = st.floats(0, 5)
share = st.floats(0, 1)


@pytest.mark.parametrize(
    # ITU-T G.107 (06/2015), Annex B, table B.1, the lower limits of R.
    ("r", "mos"),
    [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)],
)
def test_a_rating_is_the_opinion_of_the_recommendations_table(r: float, mos: float) -> None:
    assert opinion(r) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(
    # Cole and Rosenbluth, figure 2: nothing else than the slope below 177.3 ms, and the steeper one behind it.
    ("ms", "impairment"),
    [(0, 0.0), (100, 2.4), (177.3, 4.2552), (277.3, 17.6552), (400, 34.097)],
)
def test_delay_impairs_as_published(ms: float, impairment: float) -> None:
    assert BEST_RATING - rating(0, ms) == pytest.approx(impairment, abs=0.001)


@pytest.mark.parametrize(
    ("loss", "rtt", "jitter", "least", "most"),
    [
        (0, 0.0, 0.0, 4.35, 4.45),
        (2, 0.04, 0.005, 4.03, 4.3),  # concealed: nobody minds
        (5, 0.04, 0.005, 3.6, 4.0),
        (10, 0.05, 0.01, 2.9, 3.4),
        (30, 0.02, 0.0, 1.0, 2.2),
        (0, 0.15, 0.01, 4.03, 4.4),
        (0, 0.35, 0.01, 3.0, 3.6),
        (0, 0.9, 0.0, 1.0, 1.1),
    ],
)
def test_speech_is_what_people_would_say_of_it(
    loss: float, rtt: float, jitter: float, least: float, most: float
) -> None:
    assert least <= speech(loss, rtt, jitter) <= most


@pytest.mark.parametrize(
    ("loss", "still", "size", "least", "most"),
    [
        (0, 0, 1.0, 5.0, 5.0),
        (0, 0, 2.0, 5.0, 5.0),  # more than asked for is not better
        (0, 0, 0.5, 4.0, 4.0),
        (0, 0, 0.25, 3.0, 3.0),
        (0, 0, 0.0, 1.0, 1.0),
        (1, 0, 1.0, 3.5, 3.8),
        (5, 0, 1.0, 1.4, 1.7),
        (0, 0.1, 1.0, 3.7, 4.0),
        (0, 0.25, 1.0, 2.5, 2.9),
        (0, 1.0, 1.0, 1.0, 1.2),
    ],
)
def test_a_picture_is_as_good_as_what_arrives_of_it(
    loss: float, still: float, size: float, least: float, most: float
) -> None:
    assert least <= picture(loss, still, size) <= most


@given(percent, percent, seconds, seconds, seconds)
def test_worse_speech_never_scores_better(
    loss: float, more_loss: float, rtt: float, more_rtt: float, jitter: float
) -> None:
    score = speech(loss, rtt, jitter)
    assert 1.0 <= score <= 4.42
    for worse in (
        speech(loss + more_loss, rtt, jitter),
        speech(loss, rtt + more_rtt, jitter),
        speech(loss, rtt, jitter + more_rtt),
    ):
        assert 1.0 <= worse <= score + 1e-9


@given(percent, percent, share, share, share)
def test_a_worse_picture_never_scores_better(
    loss: float, more: float, still: float, stiller: float, size: float
) -> None:
    score = picture(loss, still, size)
    assert 1.0 <= score <= 5.0
    for worse in (
        picture(loss + more, still, size),
        picture(loss, still + stiller, size),
        picture(loss, still, size * stiller),
    ):
        assert 1.0 <= worse <= score + 1e-9
