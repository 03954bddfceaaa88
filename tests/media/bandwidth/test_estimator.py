"""What a way takes, from what its other end says: falls at a sign that is believed, rises where it is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.bandwidth.estimator import LEAST, Estimator, Sent

MOST = 50e6


def estimator(hears: bool = True) -> Estimator:
    return Estimator(0.0, hears=hears, most=MOST)


def risen() -> Estimator:
    """One that nothing has spoken against."""
    found = estimator()
    found.step(sending(0), 4.0)
    return found


def sending(bitrate: float, padding: float = 0.0) -> Sent:
    return Sent(bitrate, bitrate + padding)


def settled(at: float = 400e3) -> Estimator:
    """One that a full link has cut to `at` ten seconds ago; the moment is 14."""
    found = risen()
    found.remb(2e6, sending(1.7e6), 4.0)
    assert found.remb(at, sending(1.7e6), 4.2)
    assert found.bitrate == at
    found.step(sending(380e3), 14.0)
    return found


def test_it_begins_gently_and_doubles_until_something_speaks_against_it() -> None:
    found = estimator()
    assert found.bitrate < 1e6
    for tenth in range(1, 21):
        found.step(sending(0), tenth / 10)
    assert 8e6 < found.bitrate < 11e6 and not found.settled
    found.step(sending(0), 60.0)
    assert found.bitrate == MOST


def test_whoever_was_content_for_a_whole_day_can_be_decided_about_again() -> None:
    for found in (estimator(), estimator(hears=False), settled()):
        found.step(sending(100e3), 86_400.0)
        assert LEAST <= found.bitrate <= MOST


def test_a_viewer_that_sends_no_remb_is_not_held_back() -> None:
    assert estimator(hears=False).bitrate == MOST


def test_a_remb_that_falls_below_what_was_sent_is_what_the_link_takes() -> None:
    found = risen()
    assert not found.remb(2.5e6, sending(1.7e6), 5.0)
    assert found.remb(0.85 * 400e3, sending(1.7e6), 5.2)
    assert found.bitrate == 0.85 * 400e3


def test_a_remb_that_is_low_because_little_is_sent_says_nothing() -> None:
    found = estimator()
    for fifth in range(25):
        assert not found.remb(90e3 + fifth * 1000, sending(60e3), fifth / 5)
    found.step(sending(60e3), 5.0)
    assert found.bitrate > 1e7


def test_a_remb_that_falls_though_nearly_all_came_is_a_hint_and_no_more() -> None:
    found = risen()
    found.step(sending(0), 5.0)
    found.remb(2.5e6, sending(1.7e6), 5.0)
    assert not found.remb(0.85 * 1.7e6, sending(1.7e6), 5.2)
    assert found.bitrate > 1e7 and found.resumes_at > 5.2


def test_the_same_is_believed_when_the_round_trip_has_grown() -> None:
    found = risen()
    found.round_trip(0.04, sending(1.7e6), 4.0)
    found.remb(2.5e6, sending(1.7e6), 5.0)
    assert not found.round_trip(0.16, sending(1.7e6), 5.1)
    assert found.remb(0.85 * 1.6e6, sending(1.7e6), 5.2)


def test_a_queue_that_stands_is_cut_though_nothing_falls() -> None:
    found = estimator()
    found.round_trip(0.04, sending(600e3), 1.0)
    assert not found.round_trip(0.30, sending(600e3), 2.0)
    assert found.round_trip(0.30, sending(600e3), 3.0)
    assert found.bitrate < 600e3


def test_what_went_through_in_spite_of_much_loss_is_what_the_link_takes() -> None:
    found = risen()
    assert not found.loss(0.09, 200, sending(1e6), 5.0)
    assert not found.loss(0.9, 10, sending(1e6), 6.0), "ten packets say nothing"
    assert found.loss(0.5, 200, sending(1e6), 7.0)
    assert found.bitrate == 5e5


def test_loss_that_does_not_go_when_less_is_sent_is_not_ours() -> None:
    found = risen()
    assert found.loss(0.2, 200, sending(1e6), 5.0)
    falls = [found.loss(0.2, 160, sending(8e5), float(second)) for second in range(6, 30)]
    assert not any(falls)
    assert found.bitrate == 8e5
    # What comes on top is.
    assert found.loss(0.6, 160, sending(8e5), 31.0)


def test_padding_that_was_too_much_does_not_cost_the_pictures_anything() -> None:
    found = settled(400e3)
    found.remb(420e3, sending(380e3), 14.0)
    found.remb(300e3, sending(250e3, padding=300e3), 14.2)
    assert found.bitrate >= 250e3 * 1.1


def test_it_rises_with_a_remb_that_rises_but_not_above_what_was_sent() -> None:
    found = settled(400e3)
    remb = 400e3
    for fifth in range(50):
        remb *= 1.016
        found.remb(remb, sending(380e3), 14 + fifth / 5)
    assert remb > 800e3 and found.bitrate == 1.1 * 380e3
    for fifth in range(50):
        remb *= 1.001
        found.remb(remb, sending(380e3, padding=500e3), 24 + fifth / 5)
    assert 850e3 < found.bitrate <= 1.1 * 880e3


def test_a_rise_during_the_pause_after_a_blow_is_not_used_before_its_end() -> None:
    found = risen()
    found.remb(2e6, sending(1.7e6), 4.0)
    found.remb(400e3, sending(1.7e6), 4.2)
    found.remb(402e3, sending(600e3), 4.4)
    found.remb(600e3, sending(600e3), 4.6)
    assert found.bitrate > 590e3 and found.budget(4.7) == 400e3
    assert found.budget(found.resumes_at) == found.bitrate


def test_each_blow_soon_after_another_doubles_the_pause() -> None:
    found, now, pauses = settled(), 14.0, []
    for _ in range(6):
        now = max(now + 5.0, found.resumes_at + 1.0)
        found.bitrate = 1e6
        assert found.loss(0.5, 200, sending(1e6), now)
        found._own_loss = 0.0
        pauses.append(found.resumes_at - now)
    assert pauses[0] == 4.0 and pauses == sorted(pauses) and pauses[-1] == 20.0


def test_without_any_picture_it_rises_by_hope() -> None:
    found = settled(60e3)
    for second in range(14, 44):
        found.step(sending(0), float(second))
    assert found.bitrate > 172e3


HEARD = st.one_of(
    st.tuples(st.just("remb"), st.floats(0, 1e12)),
    st.tuples(st.just("loss"), st.floats(0, 1)),
    st.tuples(st.just("round_trip"), st.floats(0, 60)),
    st.tuples(st.just("step"), st.floats(0, 0)),
)


@given(st.lists(st.tuples(HEARD, st.floats(0, 1e8), st.floats(0, 1e8), st.floats(0, 10))))
def test_whatever_a_viewer_claims_it_stays_within_its_bounds(
    said: list[tuple[tuple[str, float], float, float, float]],
) -> None:
    found, now = estimator(), 0.0
    for (kind, value), media, padding, passed in said:
        now += passed
        sent = sending(media, padding)
        if kind == "remb":
            found.remb(value, sent, now)
        elif kind == "loss":
            found.loss(value, 100, sent, now)
        elif kind == "round_trip":
            found.round_trip(value, sent, now)
        else:
            found.step(sent, now)
        assert LEAST <= found.bitrate <= MOST
        assert found.budget(now) <= found.bitrate


"""A forged REMB of a terabit a second is among them."""
