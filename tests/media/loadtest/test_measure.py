"""Delays and seconds: true figures from bounded memory."""

from __future__ import annotations

import random

from media.loadtest.measure import MAX_SECONDS, Delays, Seconds, Totals


def test_percentiles_are_those_of_the_sorted_list_to_two_percent() -> None:
    values = [random.Random(1).lognormvariate(-6, 1) for _ in range(5000)]
    delays = Delays()
    delays.add(values)
    ordered = sorted(values)
    for part in (0.5, 0.95, 0.99):
        true = 1000 * ordered[int(part * len(ordered)) - 1]
        assert true <= delays.ms(part) * 1.0001 and delays.ms(part) <= true * 1.021
    summary = delays.summary()
    assert summary is not None and summary["max"] == round(1000 * ordered[-1], 3)


def test_no_delays_have_no_summary_and_negative_ones_count_as_nothing() -> None:
    delays = Delays()
    assert delays.summary() is None
    delays.add((-0.5, 0.0, 0.001))
    assert delays.ms(0.5) <= 0.001 and 1.0 <= delays.ms(1.0) <= 1.02


def totals(at: float, **counts: int) -> Totals:
    none = {"sent": 0, "received": 0, "lost": 0, "joins": 0}
    return Totals(at=at, cpu={"server": at / 2}, **(none | counts))


def test_a_second_is_the_difference_of_two_states() -> None:
    seconds, none = Seconds(), Delays()
    seconds.add(totals(100.0), joined=0, connected=0, errors=0, delays=none)
    assert not seconds.rows
    later = totals(102.0, sent=10, received=100, joins=3)
    seconds.add(later, joined=4, connected=3, errors=1, delays=none)
    (row,) = seconds.rows
    assert (row.at, row.sent, row.received, row.joins, row.joined, row.errors) == (2.0, 5.0, 50.0, 3, 4, 1)
    assert row.cpu == {"server": 0.5} and row.delay_ms == {}


def test_of_a_day_the_last_hours_are_kept() -> None:
    seconds, none = Seconds(), Delays()
    for second in range(MAX_SECONDS + 10):
        seconds.add(totals(second), joined=0, connected=0, errors=0, delays=none)
    assert len(seconds.rows) == MAX_SECONDS and seconds.rows[-1].at == MAX_SECONDS + 9
