"""A recording that a server's end has cut off goes on when its conference is opened again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Server, until


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
async def test_a_recording_goes_on_after_a_restart(
    podium_server: Callable[..., Server], clients: Any, killed: bool
) -> None:
    server = podium_server()
    timeline = server.data / "recordings" / server.conference / "0001" / "timeline.jsonl"

    def noted(what: str) -> list[Any]:
        lines = timeline.read_text().splitlines() if timeline.exists() else []
        return [line[what] for line in map(json.loads, lines) if what in line]

    owner = await clients(server, server.login(), server.conference)
    await owner.send("recording.start")
    await until(lambda: len(noted("begin")) == 1)
    if killed:
        server.kill9()
        server.start()
    else:
        server.restart()
    again = await clients(server, server.login(), server.conference)
    assert again.snapshot["recording"]["number"] == 1
    await until(lambda: len(noted("begin")) == 2)
    await again.send("recording.stop")
    await until(lambda: noted("end")[-1:] == ["stopped"])
