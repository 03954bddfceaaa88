"""The benchmark of signaling measures a real conference, and is short of nothing in what it says."""

from __future__ import annotations

from scripts.benchmarks.signaling import Size, floor, run


async def test_a_small_conference_is_measured() -> None:
    found = await run(participants=40, size=Size(joins=10, idle_s=0.5, events=8, commands=5))
    # Bounds that a stalled machine keeps as well, and a measurement of nothing does not.
    assert 1 < found["event_cpu_us_per_client"] < 1000  # type: ignore[operator]
    assert 1 < found["kib_per_client"] < 500  # type: ignore[operator]
    assert 100 < found["join_cpu_us_first"] < 100_000  # type: ignore[operator]
    assert 100 < found["join_cpu_us_last"] < 100_000  # type: ignore[operator]
    command = found["command_ms"]
    assert isinstance(command, dict) and 0 < command["p50"] <= command["p99"] <= command["max"]
    assert found["participants"] == 40 and 20 < found["event_bytes"] < 1000  # type: ignore[operator]


def test_the_floor_is_some_microseconds() -> None:
    assert 0.5 < floor(100) < 500
