"""The benchmark of commits measures real ones, on a real Redis, and its nodes end in one state."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.commit import run
from tests.redis_server import RedisServer


async def test_some_commits_and_commands_are_measured(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "r").start()
    try:
        found = await run(server.url, node_count=2, seconds=2.0, commits=30)
    finally:
        server.stop()
    alone, loaded = found["append_ms"], found["loaded_append_ms"]
    assert isinstance(alone, dict) and isinstance(loaded, dict)
    assert 0 < alone["p50"] <= alone["p99"] <= alone["max"]
    assert 0 < loaded["p50"] <= loaded["max"]
    assert isinstance(found["commands_per_s"], float) and found["commands_per_s"] > 0
    assert found["state_hashes_equal"] is True
