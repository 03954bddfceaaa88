"""Who speaks: smoothed, loudest first, with a steady active speaker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.loudness import AUDIBLE, MAX_PEERS, Loudness

SPEECH, ROOM = 25, 75  # -dBov


def talk(loudness: Loudness[str], levels: dict[str, int], start: float, seconds: float, voice: bool = True) -> float:
    """Each peer sends a packet of its level every 20 ms; returns the time after."""
    for step in range(int(seconds * 50)):
        now = start + step * 0.02
        for peer, level in levels.items():
            loudness.heard(peer, level, voice, now)
        if step % 5 == 0:
            loudness.speakers(now)
    return start + seconds


def names(loudness: Loudness[str], now: float) -> list[str]:
    return [peer for peer, _ in loudness.speakers(now)]


def test_speech_is_heard_and_a_quiet_room_is_not() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": SPEECH, "ben": ROOM}, 0.0, 1.0)
    assert names(loudness, now) == ["anna"]
    assert loudness.active == "anna"


def test_the_loudest_stand_first_with_a_loudness_of_0_to_100() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"a": 40, "b": 20, "c": 30, "d": 0}, 0.0, 1.0)
    assert names(loudness, now) == ["d", "b", "c", "a"]
    assert all(0 <= value <= 100 for _, value in loudness.speakers(now))
    assert loudness.speakers(now)[0] == ("d", 100)


def test_one_loud_packet_is_not_speech() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": SPEECH, "door": 127}, 0.0, 1.0)
    loudness.heard("door", 0, True, now)
    talk(loudness, {"anna": SPEECH, "door": 127}, now + 0.02, 1.0)
    assert loudness.active == "anna"


def test_speech_fades_out_after_its_end_but_not_within_a_pause() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": SPEECH}, 0.0, 1.0)
    now = talk(loudness, {"anna": 127}, now, 0.3)
    assert names(loudness, now) == ["anna"]
    now = talk(loudness, {"anna": 127}, now, 2.0)
    assert names(loudness, now) == []


def test_silence_without_packets_fades_out_too() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": SPEECH}, 0.0, 1.0)
    assert names(loudness, now) == ["anna"]
    assert names(loudness, now + 2.0) == []
    assert loudness.active == "anna", "in silence the last speaker stays in view"


def test_noise_counts_less_than_speech_of_the_same_level() -> None:
    loudness: Loudness[str] = Loudness()
    for step in range(50):
        loudness.heard("speech", 30, True, step * 0.02)
        loudness.heard("keyboard", 30, False, step * 0.02)
    assert names(loudness, 1.0) == ["speech", "keyboard"]


def test_a_client_that_never_sets_the_voice_bit_is_heard() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": SPEECH}, 0.0, 1.0, voice=False)
    assert loudness.active == "anna" and names(loudness, now) == ["anna"]


def test_an_interjection_does_not_take_the_stage_but_a_speech_does() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": 30, "ben": 127}, 0.0, 2.0)
    now = talk(loudness, {"anna": 127, "ben": 10}, now, 0.4)
    assert loudness.active == "anna"
    now = talk(loudness, {"anna": 30, "ben": 127}, now, 1.0)
    assert loudness.active == "anna"
    talk(loudness, {"anna": 127, "ben": 25}, now, 2.0)
    assert loudness.active == "ben"


def test_two_of_about_the_same_loudness_do_not_alternate() -> None:
    loudness: Loudness[str] = Loudness()
    talk(loudness, {"anna": 30}, 0.0, 1.0)
    now, changes, active = 1.0, 0, loudness.active
    for _ in range(5):
        for levels in ({"anna": 30, "ben": 27}, {"anna": 27, "ben": 30}):
            now = talk(loudness, levels, now, 1.0)
            changes += loudness.active != active
            active = loudness.active
    assert changes == 0


def test_who_is_muted_or_gone_is_silent_at_once() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": 0, "ben": SPEECH}, 0.0, 2.0)
    assert loudness.active == "anna"
    loudness.forget("anna")
    assert loudness.active is None
    assert names(loudness, now) == ["ben"]
    assert loudness.active == "ben"
    loudness.forget("nobody")


def test_who_was_muted_while_taking_over_begins_anew() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": 40, "ben": 127}, 0.0, 1.0)
    now = talk(loudness, {"anna": 40, "ben": 10}, now, 0.3)
    loudness.forget("ben")
    now = talk(loudness, {"anna": 40}, now, 0.02)
    talk(loudness, {"anna": 40, "ben": 10}, now, 0.3)
    assert loudness.active == "anna"


def test_time_that_goes_back_changes_nothing() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"anna": SPEECH}, 0.0, 1.0)
    before = loudness.loudness("anna", now)
    loudness.heard("anna", 127, True, now - 0.5)
    assert loudness.loudness("anna", now) == before


def test_a_forged_level_gains_the_first_place_and_nothing_more() -> None:
    loudness: Loudness[str] = Loudness()
    now = talk(loudness, {"forger": 0, "anna": SPEECH, "ben": SPEECH}, 0.0, 10.0)
    assert loudness.speakers(now)[0] == ("forger", 100)
    assert set(names(loudness, now)) == {"forger", "anna", "ben"}


def test_a_storm_of_packets_within_one_moment_counts_as_one() -> None:
    loudness: Loudness[str] = Loudness()
    loudness.heard("flood", 0, True, 0.0)
    for _ in range(10_000):
        loudness.heard("flood", 0, True, 0.001)
    assert loudness.loudness("flood", 0.001) < AUDIBLE


def test_the_number_of_peers_is_bounded() -> None:
    loudness: Loudness[int] = Loudness()
    for step in range(10):
        for peer in range(2 * MAX_PEERS):
            loudness.heard(peer, 0, True, step * 0.1)
    assert len(loudness.speakers(1.0)) == MAX_PEERS


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(-1000, 1000), st.booleans(), st.floats(-10, 1e9)), max_size=60
    )
)
def test_no_levels_whatsoever_lead_outside_of_0_to_100(packets: list[tuple[str, int, bool, float]]) -> None:
    loudness: Loudness[str] = Loudness()
    for peer, level, voice, now in packets:
        loudness.heard(peer, level, voice, now)
        for _, value in loudness.speakers(now):
            assert AUDIBLE <= value <= 100


@pytest.mark.parametrize("level", [0, 127])
def test_an_unknown_peer_has_no_loudness(level: int) -> None:
    loudness: Loudness[str] = Loudness()
    loudness.heard("anna", level, True, 0.0)
    assert loudness.loudness("ben", 0.0) == 0.0
