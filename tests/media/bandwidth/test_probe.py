"""Padding fills up what is sent to a little above the estimate, while somebody waits, and no longer than it helps."""

from __future__ import annotations

from media.bandwidth.probe import ABOVE, LASTS, MOST_PER_STEP, RESTS, Prober


def test_nothing_is_sent_where_nobody_waits() -> None:
    prober = Prober()
    prober.want(0.0, 4e5, 0.0)
    assert prober.padding(1e5, 1.0) == 0
    prober.want(3e5, 4e5, 1.0)
    assert prober.padding(1e5, 2.0) == 0, "what is waited for fits"


def test_it_fills_up_to_a_little_above_the_estimate() -> None:
    prober = Prober()
    prober.want(1e6, 4e5, 0.0)
    sent = 0
    for step in range(1, 51):
        # Whole packets of 1,000 bytes.
        packets = -(-prober.padding(3e5, step / 50) // 1000)
        prober.padded(1000 * packets)
        sent += 1000 * packets
    assert abs(8 * sent - (ABOVE * 4e5 - 3e5)) <= 8000


def test_it_does_not_exceed_what_is_waited_for() -> None:
    prober = Prober()
    prober.want(4.2e5, 4e5, 0.0)
    assert prober.aim == 4.2e5


def test_it_ends_when_it_brings_nothing_rests_and_goes_on_while_it_brings_something() -> None:
    prober = Prober()
    estimate = 4e5
    for second in range(60):
        prober.want(1e9, estimate, float(second))
        assert prober.aim > 0
        estimate *= 1.06
    begun = 60.0
    prober.want(1e8, estimate, begun)
    prober.want(1e8, estimate, begun + LASTS + 1.1)
    assert prober.aim == 0.0
    prober.want(1e8, estimate, begun + LASTS + RESTS)
    assert prober.aim == 0.0
    prober.want(1e8, estimate, begun + LASTS + RESTS + 1.2)
    assert prober.aim > 0


def test_a_stalled_loop_does_not_catch_up() -> None:
    prober = Prober()
    prober.want(1e8, 5e7, 0.0)
    assert prober.padding(0.0, 10.0) == MOST_PER_STEP
    prober.padded(MOST_PER_STEP)
    assert prober.padding(0.0, 10.0) == 0
