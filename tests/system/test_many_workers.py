"""One conference over two media workers, each with one viewer: whoever is on one sees who is on the other."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil

from tests.harness import Server
from tests.system.stack import ForeignPeer
from tests.system.test_counters import counters

log = logging.getLogger(__name__)

FLAGS = ("--public-ip", "127.0.0.1", "--workers", "2", "--viewers-per-worker", "1")


def worker(server: Server, name: str) -> int:
    """The process of a worker."""
    (found,) = [child for child in psutil.Process(server.pid).children(recursive=True) if name in child.cmdline()]
    pid: int = found.pid
    return pid


async def test_two_on_two_workers_see_each_other_and_a_mute_is_confirmed_by_both(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server(*FLAGS)
    owner = await clients(server, server.login(), server.conference)
    speaker = await clients(server, server.guest("Sara", "speaker"), server.conference)
    here, there = ForeignPeer(owner), ForeignPeer(speaker)
    try:
        for peer in (here, there):
            await peer.subscribe()
            await peer.client.send("stage.request")
            await peer.publish()
        for peer, other in ((here, speaker), (there, owner)):
            await peer.gets(f"{other.identity}/audio")
            await peer.gets(f"{other.identity}/video")
        # Everybody is counted once, wherever they view.
        track = f"{owner.identity}/video"
        await counters(server, server.login().token, track, lambda one: one.get("viewers") == 1)
        stats = (await owner.send("media.stats", target=speaker.identity))["result"]
        assert stats["up"]["state"] == stats["down"]["state"] == "connected"
        assert {one["track"] for one in stats["received"]} == {f"{owner.identity}/audio", f"{owner.identity}/video"}
        assert {one["track"] for one in stats["sent"]} == {f"{speaker.identity}/audio", f"{speaker.identity}/video"}
        # The owner's sound goes to the speaker over the other worker.
        receipt = (await owner.send("media.mute", source="audio", target=owner.identity))["result"]
        assert receipt["applied"] is True
        log.info("silent after %s ms", receipt["silence_ms"])
        assert 0 <= receipt["silence_ms"] < 250
        await asyncio.sleep(0.5)
        silent = there.frames[f"{owner.identity}/audio"]
        await there.gets(f"{owner.identity}/video")
        assert there.frames[f"{owner.identity}/audio"] == silent
        # And the other way, by somebody else; then it is heard again.
        receipt = (await owner.send("media.mute", source="audio", target=speaker.identity))["result"]
        assert receipt["applied"] is True
        log.info("silent after %s ms", receipt["silence_ms"])
        assert 0 <= receipt["silence_ms"] < 250
        await owner.send("media.unmute", source="audio", target=owner.identity)
        await there.gets(f"{owner.identity}/audio")
    finally:
        await here.close()
        await there.close()


async def test_a_worker_that_dies_takes_its_viewers_and_the_first_its_publishers(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server(*FLAGS)
    owner = await clients(server, server.login(), server.conference)
    viewer = await clients(server, server.guest("Vera"), server.conference)
    sending, seeing = ForeignPeer(owner), ForeignPeer(viewer)
    video = f"{owner.identity}/video"
    try:
        await sending.subscribe()
        await owner.send("stage.request")
        await sending.publish()
        await seeing.subscribe()
        await seeing.gets(video)
        # The further worker, where Vera views: the publisher is not disturbed.
        os.kill(worker(server, "w2"), signal.SIGKILL)
        killed = time.monotonic()
        await asyncio.wait_for(seeing.reset.wait(), 10)
        await seeing.subscribe()
        await seeing.gets(video, more=1)
        assert time.monotonic() - killed < 5.0
        assert not sending.reset.is_set()
        # The first one, with the publisher.
        seeing.reset.clear()
        os.kill(worker(server, "w1"), signal.SIGKILL)
        killed = time.monotonic()
        await asyncio.wait_for(sending.reset.wait(), 10)
        await asyncio.gather(sending.publish(), sending.subscribe())
        if seeing.reset.is_set():  # when the other was not there again, she viewed at the first one
            await seeing.subscribe()
        await seeing.gets(video, more=1)
        assert time.monotonic() - killed < 5.0
    finally:
        await sending.close()
        await seeing.close()
