"""One of two servers records a conference on shared workers, and goes on when the worker dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.far_worker import SECRET, FarWorker
from tests.harness import Server, until
from tests.redis_server import RedisServer
from tests.system.stack import ForeignPeer


def written(server: Server, track: str) -> dict[str, int]:
    """Files of a track in the server's recordings, and how many bytes each has."""
    found: dict[str, int] = {}
    for index in server.data.glob("recordings/*/*/tracks.jsonl"):
        for line in index.read_text().splitlines():
            about = json.loads(line)
            file = Path(index.parent, about["file"])
            if about.get("track") == track and file.exists():
                found[about["file"]] = file.stat().st_size
    return found


async def grows(server: Server, track: str, known: dict[str, int]) -> dict[str, int]:
    """Wait until what is written has 20 KB more than what was; what there is now."""

    def more() -> dict[str, int] | None:
        now = written(server, track)
        return now if sum(now.values()) > sum(known.values()) + 20_000 else None

    found: dict[str, int] = await until(more, 20, 0.2)
    return found


async def test_the_server_that_records_is_fed_by_the_shared_worker_and_by_the_next_one_when_that_dies(
    podium_server: Callable[..., Server], clients: Any, redis: RedisServer
) -> None:
    flags = ("--workers", "0", "--redis", redis.url, "--grace-s", "60")
    first = FarWorker(redis.url).start()
    second = None
    one = podium_server(*flags, environment=SECRET, name="one")
    guest = one.guest("Ben", "moderator")
    two = podium_server(*flags, environment=SECRET, name="two")
    for server in (one, two):
        await until(lambda s=server: s.request("GET", "/readyz").json["workers"], 20, 0.2)
    owner = await clients(one, one.login(), one.conference)
    ben = await clients(two, guest, one.conference)
    speaker, viewer = ForeignPeer(owner), ForeignPeer(ben)
    video = f"{owner.identity}/video"
    try:
        await owner.send("stage.request")
        await speaker.publish()
        await speaker.subscribe()
        await viewer.subscribe()
        await viewer.gets(video)
        await ben.send("recording.start")
        known = await grows(two, video, {})
        # What one server says of the room takes nothing from what the other has it record.
        await owner.send("media.mute", source="audio")
        known = await grows(two, video, written(two, video))
        second = FarWorker(redis.url).start()
        first.kill()
        await asyncio.wait_for(asyncio.gather(speaker.reset.wait(), viewer.reset.wait()), 15)
        await speaker.publish()
        await viewer.subscribe()
        await viewer.gets(video)
        known = await grows(two, video, written(two, video))
        assert known and not written(one, video), "one server records"
        await ben.send("recording.stop")
        await ben.event("recording.stopped")
    finally:
        await speaker.close()
        await viewer.close()
        for worker in (first, second):
            if worker is not None:
                worker.stop()
