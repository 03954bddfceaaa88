"""The benchmark of the chat measures a real conference in which everybody writes."""

from __future__ import annotations

from scripts.benchmarks.chat import run


async def test_a_small_conference_that_talks_is_measured() -> None:
    found = await run(participants=30, chats=10, reactions=50, seconds=2.0)
    assert found["shown"] == found["written"] and 10 <= int(str(found["shown"])) <= 20
    assert 1 < found["cpu_us_per_delivered"] < 5000  # type: ignore[operator]
    command = found["command_ms"]
    assert isinstance(command, dict) and 0 < command["p50"] <= command["p99"] <= command["max"]
