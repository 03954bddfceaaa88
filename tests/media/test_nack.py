"""Missing packets: asked for in time, not too often, and given up; through a bad network as well."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp
from media.cache import PacketCache
from media.nack import BURST, MAX_AGE, MAX_MISSING, MAX_TRIES, MIN_INTERVAL, REORDERING, WAIT, NackGenerator, Repeats
from tests.media.badnetwork import BadNetwork


def receive(generator: NackGenerator, numbers: list[int], now: float = 0.0) -> None:
    for number in numbers:
        generator.received(number & 0xFFFF, now)


def test_a_whole_stream_asks_for_nothing() -> None:
    generator = NackGenerator()
    receive(generator, list(range(65_000, 66_500)))
    assert generator.pending == 0 and generator.due(1.0, 0.1) == []


def test_a_hole_is_asked_for_once_reordering_is_ruled_out() -> None:
    generator = NackGenerator()
    receive(generator, [65_534, 65_537])
    assert generator.due(REORDERING / 2, 0.1) == []
    assert generator.due(REORDERING, 0.1) == [65_535, 0]


def test_what_was_only_overtaken_is_never_asked_for() -> None:
    generator = NackGenerator()
    receive(generator, [1, 3], 0.0)
    assert generator.received(2, REORDERING / 2)
    assert generator.due(1.0, 0.1) == []


def test_a_hole_is_asked_for_again_about_once_per_round_trip() -> None:
    generator = NackGenerator()
    receive(generator, [1, 3])
    asked = [now for step in range(1, 50) if generator.due(now := step * 0.01, 0.1)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert 3 <= len(asked) <= 5 and all(0.1 <= gap <= 0.14 for gap in gaps)


def test_without_a_round_trip_a_least_interval_is_kept() -> None:
    generator = NackGenerator()
    receive(generator, [1, 3])
    asked = [step for step in range(1, 101) if generator.due(step * 0.001, 0.0)]
    assert 1 < len(asked) <= 0.1 / MIN_INTERVAL


def test_after_so_many_tries_it_is_given_up_and_a_key_frame_wanted() -> None:
    generator = NackGenerator()
    receive(generator, [1, 3])
    tries = sum(len(generator.due(step * 0.01, 0.001)) for step in range(120))
    assert tries == MAX_TRIES
    assert generator.wants_keyframe and generator.given_up == 1 and generator.pending == 0


def test_after_so_long_it_is_given_up_however_few_the_tries() -> None:
    generator = NackGenerator()
    receive(generator, [1, 3])
    assert generator.due(0.5, 0.6) == [2]
    assert generator.due(MAX_AGE + 0.01, 0.6) == []
    assert generator.wants_keyframe and generator.pending == 0


def test_a_recovered_packet_is_not_asked_for_again() -> None:
    generator = NackGenerator()
    receive(generator, [1, 4])
    assert generator.due(0.02, 0.1) == [2, 3]
    assert generator.received(2, 0.1)
    assert generator.due(0.2, 0.1) == [3]
    assert generator.recovered == 1


def test_the_round_trip_is_measured_by_what_is_asked_for() -> None:
    generator = NackGenerator()
    for start in range(0, 600, 3):
        begin = float(start)
        receive(generator, [start, start + 2], begin)
        assert generator.due(begin + 2 * REORDERING, 0.2) == [start + 1]
        receive(generator, [start + 1], begin + 2 * REORDERING + 0.04)
    assert generator.rtt == pytest.approx(0.04, abs=0.001)
    receive(generator, [600, 602], 700.0)
    asked = [step for step in range(100) if generator.due(700.0 + step * 0.005, 0.2)]
    assert asked[1] - asked[0] <= 10, "asks again after 50 ms, not after the 200 it was told to believe"


def test_an_answer_to_a_second_request_says_nothing_of_the_round_trip() -> None:
    generator = NackGenerator()
    receive(generator, [1, 3])
    generator.due(0.02, 0.1)
    generator.due(0.2, 0.1)
    receive(generator, [2], 0.201)
    assert generator.rtt is None


def test_duplicates_are_told_apart() -> None:
    generator = NackGenerator()
    receive(generator, [1, 2, 4])
    assert not generator.received(2, 0.0)
    assert generator.received(3, 0.0)
    assert not generator.received(3, 0.0)


def test_an_outage_is_not_repeated_but_begins_anew_with_a_key_frame() -> None:
    generator = NackGenerator()
    receive(generator, [10, 12, 12 + MAX_MISSING + 5])
    assert generator.wants_keyframe and generator.pending == 0
    assert generator.given_up == MAX_MISSING + 5
    generator.wants_keyframe = False
    receive(generator, [12 + MAX_MISSING + 7], 1.0)
    assert generator.due(2.0, 0.1) == [12 + MAX_MISSING + 6]


def test_a_key_frame_makes_older_holes_pointless() -> None:
    generator = NackGenerator()
    receive(generator, [65_530, 65_532, 65_540])
    generator.keyframe_received(65_535)
    assert generator.due(0.1, 0.1) == [65_535, 0, 1, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 65535), st.floats(0, 0.3)), max_size=120))
def test_no_sequence_of_numbers_makes_the_list_grow_without_bound(arrivals: list[tuple[int, float]]) -> None:
    generator = NackGenerator()
    now = 0.0
    for number, passed in arrivals:
        now += passed
        generator.received(number, now)
        assert generator.pending <= MAX_MISSING
        asked = generator.due(now, 0.05)
        assert len(asked) == len(set(asked)) <= MAX_MISSING


# --- through a bad network -------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a stream of packets came to."""

    sent: int
    first_lost: int
    unrecovered: int
    given_up: int
    repeated: int
    late: float  # the longest time a recovered packet came after its moment


def stream(seed: int, loss: float, *, jitter: float = 0.0, burst: float = 1.0, seconds: float = 10.0) -> Outcome:
    """200 packets/s over 50 ms each way; losses hit packets, requests and repetitions alike."""
    there: BadNetwork[bytes] = BadNetwork(seed, loss=loss, delay=0.05, jitter=jitter, burst=burst)
    back: BadNetwork[bytes] = BadNetwork(seed + 1, loss=loss, delay=0.05, jitter=jitter)
    cache, repeats = PacketCache[bytes](512), Repeats[int]()
    generator = NackGenerator()

    def repeat(seq: int) -> int:
        found = cache.get(seq)
        if found is None:
            return 0
        there.send(found, now)
        return 1200

    total, start, spacing = int(seconds * 200), 65_000, 0.005
    arrived: dict[int, float] = {}
    first_lost = repeated = 0
    for step in range(total + 400):
        now = step * spacing
        if step < total:
            number = start + step
            packet = number.to_bytes(8, "big")
            cache.store(number & 0xFFFF, packet)
            dropped = there.dropped
            there.send(packet, now)
            first_lost += there.dropped - dropped
        for at, packet in there.arrived(now):
            number = int.from_bytes(packet, "big")
            arrived.setdefault(number, at)
            generator.received(number & 0xFFFF, at)
        if step % 2 == 0 and (asked := generator.due(now, 0.1)):
            back.send(rtcp.nack(1, 2, asked), now)
        for _, data in back.arrived(now):
            [request] = rtcp.parse(data, len(data))
            assert isinstance(request, rtcp.Nack)
            for seq in request.seqs:
                repeats.ask(seq)
        before = there.sent
        repeats.serve(repeat, now)
        repeated += there.sent - before
    last = max(arrived)
    late = max(at - (number - start) * spacing for number, at in arrived.items())
    missing = sum(number not in arrived for number in range(start, last))
    return Outcome(total, first_lost, missing, generator.given_up, repeated, late)


@pytest.mark.parametrize("seed", range(5))
def test_three_percent_loss_is_recovered_whole(seed: int) -> None:
    outcome = stream(seed, 0.03)
    assert outcome.first_lost > 30
    assert outcome.unrecovered == 0 and outcome.given_up == 0
    assert outcome.repeated < 1.3 * outcome.first_lost, "and not by repeating everything"
    assert outcome.late < MAX_AGE


@pytest.mark.parametrize("seed", range(5))
def test_twenty_percent_loss_is_recovered_but_for_one_in_a_thousand(seed: int) -> None:
    outcome = stream(seed, 0.20)
    assert outcome.first_lost > 300
    assert outcome.unrecovered <= outcome.sent / 1000
    assert outcome.repeated < 2 * outcome.first_lost


def test_bursts_of_loss_are_recovered_as_well() -> None:
    outcome = stream(11, 0.05, burst=8.0)
    assert outcome.first_lost > 50 and outcome.unrecovered == 0


def test_reordering_alone_costs_hardly_a_repetition() -> None:
    outcome = stream(12, 0.0, jitter=0.008)
    assert outcome.repeated == 0 and outcome.unrecovered == 0


def test_reordering_beyond_the_patience_asks_early_but_loses_nothing() -> None:
    outcome = stream(13, 0.03, jitter=0.03)
    assert outcome.unrecovered == 0 and outcome.repeated < outcome.sent / 2


# --- repetitions -------------------------------------------------------------------------------


class Wire:
    """Where repetitions go. `size` is what each takes, `sent` what went, with its moment."""

    def __init__(self, size: int = 1200) -> None:
        self.size = size
        self.now = 0.0
        self.sent: list[tuple[float, int]] = []

    def send(self, request: int) -> int:
        self.sent.append((self.now, request))
        return self.size

    def serve(self, repeats: Repeats[int], now: float) -> None:
        self.now = now
        repeats.serve(self.send, now)


def test_a_single_loss_is_repeated_at_once() -> None:
    repeats, wire = Repeats[int](), Wire()
    repeats.ask(7)
    wire.serve(repeats, 0.0)
    assert wire.sent == [(0.0, 7)] and repeats.waiting == 0


def test_a_long_hole_is_repeated_in_order_and_spread_over_time() -> None:
    repeats, wire = Repeats[int](), Wire()
    for number in range(60):
        repeats.ask(number)
    for tick in range(10):
        wire.serve(repeats, tick * 0.02)
    assert [number for _, number in wire.sent] == list(range(60))
    per_tick = [sum(at == tick * 0.02 for at, _ in wire.sent) for tick in range(10)]
    assert per_tick[0] == 400 * BURST and max(per_tick[1:]) <= 400 * 0.02 + 1


def test_what_is_asked_for_twice_is_sent_once_while_it_waits() -> None:
    repeats, wire = Repeats[int](), Wire()
    for number in (1, 2, 1, 2):
        repeats.ask(number)
    wire.serve(repeats, 0.0)
    assert [number for _, number in wire.sent] == [1, 2]


def test_a_storm_of_requests_gets_the_budget_and_no_more() -> None:
    repeats, wire = Repeats[int](packets_per_s=100, bytes_per_s=1_000_000), Wire()
    for step in range(50_000):
        repeats.ask(step)
        wire.serve(repeats, step / 10_000)
        assert repeats.waiting <= 100 * WAIT
    assert 490 <= len(wire.sent) <= 505
    assert repeats.refused == 50_000 - len(wire.sent) - repeats.waiting


def test_the_budget_counts_bytes_too() -> None:
    repeats, wire = Repeats[int](packets_per_s=1_000_000, bytes_per_s=12_000), Wire()
    for step in range(10_000):
        repeats.ask(step)
        wire.serve(repeats, step / 1000)
    assert 95 <= len(wire.sent) <= 102


def test_what_is_not_there_any_more_costs_nothing() -> None:
    repeats, wire = Repeats[int](packets_per_s=100, bytes_per_s=12_000), Wire(size=0)
    for number in range(25):
        repeats.ask(number)
    wire.serve(repeats, 0.0)
    assert len(wire.sent) == 25


def test_rest_saves_up_no_more_than_a_burst() -> None:
    repeats, wire = Repeats[int](), Wire()
    wire.serve(repeats, 0.0)
    for number in range(100):
        repeats.ask(number)
    wire.serve(repeats, 3600.0)
    assert len(wire.sent) == 400 * BURST


def test_time_that_goes_back_grants_nothing() -> None:
    repeats, wire = Repeats[int](), Wire()
    for number in range(60):
        repeats.ask(number)
    wire.serve(repeats, 10.0)
    before = len(wire.sent)
    wire.serve(repeats, 9.0)
    wire.serve(repeats, 10.0)
    assert len(wire.sent) == before
