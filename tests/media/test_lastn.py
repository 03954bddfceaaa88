"""Which microphones of a large stage are forwarded: people who speak, whatever the others claim."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.lastn import HANGOVER, LastN
from media.loudness import Voice

PLACES, EVERYBODY = 4, 6
PACKET = 0.02
Level = Callable[[float], int]
"""Time → level of the packet of that moment (-dBov)."""


class Stage:
    """Microphones that send a packet each 20 ms. `sent` and `forwarded` count packets, `spoken` and `understood` those
    of them that one can hear."""

    def __init__(self) -> None:
        self.lastn: LastN[str] = LastN(PLACES, EVERYBODY)
        self.voices: dict[str, Voice] = {}
        self.now = 100.0
        self.sent: Counter[str] = Counter()
        self.forwarded: Counter[str] = Counter()
        self.spoken: Counter[str] = Counter()
        self.understood: Counter[str] = Counter()
        self.most = 0

    def packet(self, name: str, level: int, voice: bool = True) -> bool:
        heard = self.voices.setdefault(name, Voice(self.now))
        heard.hear(level, voice, self.now)
        admitted = self.lastn.admits(name, heard, self.now)
        self.sent[name] += 1
        self.forwarded[name] += admitted
        if level <= 60:
            self.spoken[name] += 1
            self.understood[name] += admitted
        return admitted

    def run(self, seconds: float, levels: dict[str, Level], voice: bool = True) -> None:
        for _ in range(round(seconds / PACKET)):
            for name, level in levels.items():
                self.packet(name, level(self.now), voice)
            self.most = max(self.most, len(self.lastn.holders))
            self.now += PACKET

    def share(self, name: str) -> float:
        """How much of what somebody said was forwarded."""
        return self.understood[name] / self.spoken[name]

    def count_anew(self) -> None:
        for counter in (self.sent, self.forwarded, self.spoken, self.understood):
            counter.clear()


def speech(seed: int, loudest: int = 25) -> Level:
    """Syllables of some 200 ms between 10 and 16 dB of depth, sentences of 2 to 5 s with pauses of 0.3 to 0.8 s."""
    chance = random.Random(seed)
    state = {"until": 0.0, "speaking": False, "depth": 0}

    def level(now: float) -> int:
        if now >= state["until"]:
            state["speaking"] = not state["speaking"]
            state["until"] = now + (chance.uniform(2, 5) if state["speaking"] else chance.uniform(0.3, 0.8))
        if not state["speaking"]:
            return 75
        place = (now * 5) % 1.0  # within a syllable
        if place < 0.1:
            state["depth"] = chance.randint(10, 16)
        return loudest + chance.randint(0, 8) + (round(state["depth"] * 1.5) if place > 0.7 else 0)

    return level


def always(level: int) -> Level:
    return lambda now: level


def room(count: int = 10, level: int = 75) -> dict[str, Level]:
    """Open microphones in quiet rooms."""
    return {f"quiet-{number}": always(level) for number in range(count)}


def test_of_a_small_stage_everybody_is_heard_silence_included() -> None:
    stage = Stage()
    stage.run(3.0, {**{f"p{n}": speech(n) for n in range(3)}, "a": always(127), "b": always(75), "c": always(0)})
    assert stage.forwarded == stage.sent


def test_of_a_large_stage_nothing_is_forwarded_while_it_is_silent() -> None:
    stage = Stage()
    stage.run(HANGOVER + 0.1, room())
    stage.count_anew()
    stage.run(2.0, room())
    assert stage.forwarded.total() == 0


def test_the_first_syllable_is_forwarded_from_its_first_packet() -> None:
    stage = Stage()
    stage.run(2.0, room())
    assert stage.packet("quiet-7", 30)


def test_a_place_outlasts_the_pause_between_two_words_and_not_much_more() -> None:
    stage = Stage()
    stage.run(2.0, room())
    stage.run(0.3, {"quiet-0": always(25)})
    stage.count_anew()
    stage.run(2.0, room())
    assert HANGOVER - 0.1 <= stage.forwarded["quiet-0"] * PACKET <= HANGOVER + 0.1


def test_whoever_stops_sending_gives_the_place_to_the_next() -> None:
    stage = Stage()
    stage.run(1.0, room())
    speakers = {f"s{n}": speech(n) for n in range(PLACES)}
    stage.run(3.0, {**room(), **speakers})
    assert set(stage.lastn.holders) == set(speakers)
    stage.now += 1.0  # discontinuous transmission: nothing comes any more
    assert stage.packet("quiet-3", 30)


def test_never_are_more_forwarded_than_there_are_places() -> None:
    stage = Stage()
    stage.run(1.0, room())
    stage.most = 0
    stage.run(20.0, {f"p{n}": speech(n) for n in range(30)})
    assert stage.most == PLACES


def test_a_stage_that_grows_large_goes_down_to_its_places_and_back() -> None:
    stage = Stage()
    stage.run(2.0, {f"p{n}": speech(n) for n in range(EVERYBODY)})
    assert len(stage.lastn.holders) == EVERYBODY
    stage.run(0.3, {f"p{n}": always(30) for n in range(EVERYBODY + 1)})
    assert len(stage.lastn.holders) == PLACES
    for n in range(1, EVERYBODY + 1):
        stage.lastn.leave(f"p{n}")
    stage.run(0.1, {"p0": always(127)})
    assert stage.lastn.holders == ["p0"]


def test_a_stage_that_grows_large_while_all_but_one_send_nothing_has_a_place_for_that_one() -> None:
    stage = Stage()
    stage.run(1.0, {f"p{n}": always(60) for n in range(EVERYBODY)})
    assert len(stage.lastn.holders) == EVERYBODY
    stage.now += 5.0
    assert stage.packet("anna", 30)


def test_when_all_places_are_taken_the_louder_one_gets_in_within_three_packets() -> None:
    stage = Stage()
    stage.run(1.0, room())
    stage.run(5.0, {**room(), **{f"noise{n}": speech(n, loudest=50) for n in range(PLACES)}})
    assert sum([stage.packet("quiet-0", 28) for stage.now in (stage.now + PACKET * n for n in range(5))]) >= 3


def test_one_loud_packet_takes_nobodys_place() -> None:
    stage = Stage()
    stage.run(1.0, room())
    speakers = {f"s{n}": always(30) for n in range(PLACES)}
    stage.run(1.0, {**room(), **speakers})
    assert not stage.packet("quiet-0", 0)
    assert set(stage.lastn.holders) == set(speakers)


def test_who_is_muted_has_no_place_at_once() -> None:
    stage = Stage()
    stage.run(1.0, {**room(), "forger": always(0)})
    assert "forger" in stage.lastn.holders
    stage.lastn.leave("forger")
    assert "forger" not in stage.lastn.holders


@pytest.mark.parametrize("forgers", [PLACES, 30])
@pytest.mark.parametrize("seed", range(4))
def test_forgers_who_are_loudest_for_ever_do_not_silence_who_speaks(forgers: int, seed: int) -> None:
    stage = Stage()
    forged: dict[str, Level] = {f"forger{n}": always(0) for n in range(forgers)}
    stage.run(12.0, {**room(), **forged})
    assert all(name.startswith("forger") for name in stage.lastn.holders), "with nobody else there they are heard"
    stage.count_anew()
    stage.run(20.0, {**room(), **forged, "anna": speech(seed), "ben": speech(seed + 50, loudest=32)})
    assert stage.share("anna") > 0.9
    assert stage.share("ben") > 0.9


@pytest.mark.parametrize("seed", range(4))
def test_forgers_who_pause_to_look_like_people_gain_no_more_than_people(seed: int) -> None:
    stage = Stage()
    forged: dict[str, Level] = {
        f"forger{n}": lambda now, n=n: 0 if (now + n / 7) % 1.0 < 0.6 else 127  # type: ignore[misc]
        for n in range(PLACES)
    }
    stage.run(12.0, {**room(), **forged})
    stage.count_anew()
    stage.run(20.0, {**room(), **forged, "anna": speech(seed)})
    fair = PLACES / (PLACES + 1)
    assert stage.share("anna") > fair - 0.1


def test_a_radio_in_an_open_microphone_gives_way_too() -> None:
    stage = Stage()
    stage.run(12.0, {**room(), **{f"radio{n}": always(32) for n in range(PLACES)}})
    stage.count_anew()
    stage.run(10.0, {**room(), **{f"radio{n}": always(32) for n in range(PLACES)}, "anna": speech(1, loudest=38)})
    assert stage.share("anna") > 0.9


def test_who_lectures_for_long_is_not_displaced_by_noise_of_many() -> None:
    stage = Stage()
    stage.run(1.0, room())
    lecturer = speech(3)
    stage.run(60.0, {**room(), "anna": lecturer})
    stage.count_anew()
    for _ in range(250):  # rustling and chairs, with the V bit unset
        stage.packet("anna", lecturer(stage.now))
        for number in range(10):
            stage.packet(f"quiet-{number}", 38, voice=False)
        stage.now += PACKET
    assert stage.share("anna") > 0.95


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 200), st.booleans(), st.floats(-1, 5)), max_size=200
    )
)
def test_no_levels_whatsoever_make_it_forward_more(packets: Iterable[tuple[str, int, bool, float]]) -> None:
    lastn: LastN[str] = LastN(3, 3)
    voices: dict[str, Voice] = {}
    now = 1_000.0
    for name, level, voice, passed in packets:
        now += passed
        voices.setdefault(name, Voice(now)).hear(level, voice, now)
        if lastn.admits(name, voices[name], now):
            assert name in lastn.holders
        assert len(lastn.holders) <= 3
