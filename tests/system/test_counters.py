"""What the worker counts of each track: an organizer sees that a muted track is received and not forwarded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.harness import Server
from tests.system.stack import ForeignPeer

GAUGE = "podium_connection_quality{"


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


async def measured(server: Server, token: str, person: str) -> tuple[int, Any]:
    """Somebody's statistics over HTTP: status and body."""
    path = f"/api/v1/conferences/{server.conference}/media/{person}"
    answer = await asyncio.to_thread(server.request, "GET", path, token=token)
    return answer.status, answer.json


async def test_statistics_of_somebody_over_websocket_and_http(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner_is, viewer_is = server.login(), server.guest("Vera")
    owner = await clients(server, owner_is, server.conference)
    viewer = await clients(server, viewer_is, server.conference)
    sending, seeing = ForeignPeer(owner), ForeignPeer(viewer)
    track = f"{owner.identity}/video"
    try:
        await seeing.subscribe()
        await owner.send("stage.request")
        await sending.publish()
        await seeing.gets(track)
        # Two reports of the worker, and one of the viewer.
        deadline = time.monotonic() + 20
        while True:
            found = (await owner.send("media.stats", target=viewer.identity))["result"]
            seen = next(one for one in found["received"] if one["track"] == track)
            if seen.get("loss", -1.0) >= 0.0 and seen.get("score", 0.0) > 1.0:
                break
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.5)
        assert seen["flowing"] and seen["packets"] > 0 and found["down"]["state"] == "connected"
        assert found["person"] == viewer.identity and "sent" not in found
        # Over HTTP the same, by the same rules: of others only for those who moderate.
        for token, person, status in (
            (owner_is.token, viewer.identity, 200),
            (viewer_is.token, viewer.identity, 200),
            (viewer_is.token, owner.identity, 403),
            (owner_is.token, "u_nobody", 404),
            ("nonsense", owner.identity, 401),
        ):
            assert (await measured(server, token, person))[0] == status, (person, status)
        _, own = await measured(server, owner_is.token, owner.identity)
        (picture,) = [one for one in own["sent"] if one["track"] == track]
        assert picture["viewers"] == 1 and picture["layers"][0]["kbps"] > 0 and picture["codec"] == "VP8"
        text, graded = "", 0.0
        async with asyncio.timeout(20):  # they come with the worker's reports of the room
            while graded != 2 or "podium_media_track_score_count" not in text:
                text = (await asyncio.to_thread(server.request, "GET", "/metrics")).body.decode()
                graded = sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(GAUGE))
                await asyncio.sleep(0.2)
        assert viewer.identity not in text and owner.identity not in text
    finally:
        await sending.close()
        await seeing.close()


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
