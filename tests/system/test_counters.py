"""What the worker counts of each track: an organizer sees that a muted track is received and not forwarded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.harness import Server
from tests.system.stack import ForeignPeer


async def counters(server: Server, token: str, track: str, satisfied: Callable[[dict[str, Any]], bool]) -> Any:
    """The counters of a track, once they are as expected; they are two seconds old at most."""
    path, deadline = f"/conferences/{server.conference}/media", time.monotonic() + 15
    while True:
        tracks = (await asyncio.to_thread(server.api, "GET", path, None, token))["tracks"]
        found = next((one for one in tracks if one["track"] == track), None)
        if found is not None and satisfied(found):
            return found
        assert time.monotonic() < deadline, tracks
        await asyncio.sleep(0.3)


async def test_a_muted_track_is_received_and_not_forwarded(podium_server: Callable[..., Server], clients: Any) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner_is, viewer_is = server.login(), server.guest("Vera")
    owner = await clients(server, owner_is, server.conference)
    viewer = await clients(server, viewer_is, server.conference)
    path = f"/api/v1/conferences/{server.conference}/media"
    assert server.request("GET", path, token=viewer_is.token).status == 403
    assert server.api("GET", path.removeprefix("/api/v1"), token=owner_is.token) == {"tracks": []}
    sending, seeing = ForeignPeer(owner), ForeignPeer(viewer)
    track = f"{owner.identity}/video"
    try:
        await seeing.subscribe()
        await owner.send("stage.request")
        await sending.publish()
        await seeing.gets(track)
        await counters(server, owner_is.token, track, lambda one: one["forwarded"] > 10)
        await owner.send("media.mute", source="video")
        # The report after the mute is the first whose counter of drops has moved.
        muted = await counters(server, owner_is.token, track, lambda one: one["dropped"] > 0)
        later = await counters(server, owner_is.token, track, lambda one: one["received"] > muted["received"] + 20)
        assert later["forwarded"] == muted["forwarded"] and later["dropped"] > muted["dropped"]
    finally:
        await sending.close()
        await seeing.close()
