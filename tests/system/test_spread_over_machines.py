"""One conference over two nodes and several `podium worker`, all programs of their own: viewers are on each worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.far_worker import SECRET, FarWorker
from tests.harness import Server, until
from tests.redis_server import RedisServer
from tests.system.stack import ForeignPeer

Start = Callable[[], FarWorker]


@pytest.fixture
def worker(redis: RedisServer) -> Iterator[Start]:
    """Starts `podium worker` with room for two viewers."""
    made: list[FarWorker] = []

    def start() -> FarWorker:
        made.append(FarWorker(redis.url, "--viewers-per-worker", "2").start())
        return made[-1]

    yield start
    for one in made:
        one.stop()


async def silent(audio: str, video: str, *peers: ForeignPeer) -> None:
    """They hear nothing of the track any more, and see the picture."""
    await asyncio.sleep(0.5)
    before = [peer.frames[audio] for peer in peers]
    for peer in peers:
        await peer.gets(video)
    assert [peer.frames[audio] for peer in peers] == before


async def test_viewers_on_two_workers_a_mute_and_the_death_of_each_worker(
    podium_server: Callable[..., Server], clients: Any, redis: RedisServer, worker: Start
) -> None:
    flags = ("--workers", "0", "--redis", redis.url, "--grace-s", "60")
    first = worker()
    one = podium_server(*flags, environment=SECRET, name="one")
    guests = [one.guest(name, role) for name, role in (("Vera", "viewer"), ("Ben", "moderator"), ("Ann", "viewer"))]
    two = podium_server(*flags, environment=SECRET, name="two")
    for server in (one, two):
        await until(lambda s=server: s.request("GET", "/readyz").json["workers"], 20, 0.2)
    owner = await clients(one, one.login(), one.conference)
    vera, ben, ann = [
        await clients(node, guest, one.conference) for node, guest in zip((one, two, one), guests, strict=True)
    ]
    speaker, here, there, later = (ForeignPeer(client) for client in (owner, vera, ben, ann))
    everybody = (speaker, here, there, later)
    audio, video = f"{owner.identity}/audio", f"{owner.identity}/video"

    async def died(victim: FarWorker, *reset: ForeignPeer) -> float:
        """Kill a worker; the seconds until those who were connected to it have been told, and nobody else is."""
        began = time.monotonic()
        victim.kill()
        await asyncio.gather(*(asyncio.wait_for(peer.reset.wait(), 15) for peer in reset))
        placed = time.monotonic() - began
        assert not any(peer.reset.is_set() for peer in everybody if peer not in reset)
        return placed

    try:
        await owner.send("stage.request")
        await speaker.publish()
        await speaker.subscribe()
        await here.subscribe()
        await here.gets(audio)
        # The first worker is full: who comes by the other node views at another, and is fed from there.
        further = worker()
        await asyncio.sleep(2.5)
        await there.subscribe()
        await there.gets(audio)
        await there.gets(video)
        receipt = (await ben.send("media.mute", source="audio", target=owner.identity))["result"]
        print(f"muted by the other node, silent on both workers after {receipt['silence_ms']} ms")  # noqa: T201
        assert receipt["applied"] is True and 0 <= receipt["silence_ms"] < 250
        await silent(audio, video, here, there)
        await owner.send("media.unmute", source="audio")
        await asyncio.gather(here.gets(audio), there.gets(audio))

        began = time.monotonic()
        placed = await died(further, there)
        await there.subscribe()
        await there.gets(video, 1)
        took = time.monotonic() - began
        print(f"kill -9 of the further worker: told after {placed:.2f} s, media after {took:.2f} s")  # noqa: T201
        assert placed < 3 and took < 6

        third = worker()
        await asyncio.sleep(2.5)
        await later.subscribe()
        await later.gets(video)
        there.reset.clear()
        began = time.monotonic()
        placed = await died(first, speaker, here, there)
        await speaker.publish()
        await later.gets(video, 1)
        took = time.monotonic() - began
        print(f"kill -9 of the first worker: told after {placed:.2f} s, media after {took:.2f} s")  # noqa: T201
        # When it is within 10 s of the one before, the move waits for the end of the dead worker's lease, which is 3 s.
        assert placed < 4 and took < 7
        assert not later.reset.is_set() and third.process.poll() is None
        await there.subscribe()
        await there.gets(video, 1)
    finally:
        for peer in everybody:
            await peer.close()
