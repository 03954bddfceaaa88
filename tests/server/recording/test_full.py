"""A recording for which there is no room ends at once, says why, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.harness import Server


async def test_a_recording_that_finds_no_room_is_not_listed(podium_server: Callable[..., Server], clients: Any) -> None:
    server = podium_server("--recording-gb", "0.001")
    former = server.data / "recordings" / server.conference / "0007"
    former.mkdir(parents=True)
    (former / "001-0001-video.webm").write_bytes(bytes(1_000_000))
    owner = await clients(server, server.login(), server.conference)
    await owner.send("recording.start")
    await owner.event("recording.stopped", reason="too_large")
    found = server.api("GET", f"/conferences/{server.conference}/recordings", token=server.login().token)
    assert [one["number"] for one in found["recordings"]] == [7] and found["running"] == 0
