"""A second, foreign WebRTC stack through the whole system: aiortc publishes and receives, audio and video."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil

from tests.harness import Server
from tests.system.stack import ForeignPeer


async def test_aiortc_publishes_and_receives_audio_and_video_and_a_mute_silences_it(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
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
            assert not any(track.startswith(peer.client.identity) for track in peer.frames), "nobody gets their own"
        video = f"{speaker.identity}/video"
        await owner.send("media.lock", source="video", target=speaker.identity)
        await asyncio.sleep(1)
        silent = here.frames[video]
        await here.gets(f"{speaker.identity}/audio")
        await asyncio.sleep(1)
        assert here.frames[video] == silent, "the speaker keeps sending, nothing of it arrives"
        await owner.send("media.unmute", source="video", target=speaker.identity)
        await here.gets(video)
    finally:
        await here.close()
        await there.close()


async def test_a_killed_worker_is_replaced_and_media_is_back_within_five_seconds(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner = await clients(server, server.login(), server.conference)
    viewer = await clients(server, server.guest("Vera"), server.conference)
    sending, seeing = ForeignPeer(owner), ForeignPeer(viewer)
    try:
        await seeing.subscribe()
        await owner.send("stage.request")
        await sending.publish()
        await seeing.gets(f"{owner.identity}/video")
        (worker,) = [
            child for child in psutil.Process(server.pid).children(recursive=True) if "media" in child.cmdline()
        ]
        os.kill(worker.pid, signal.SIGKILL)
        killed = time.monotonic()
        # What the browser client does by itself: new connections as soon as the server says so.
        await owner.signal("media.reset")
        await asyncio.wait_for(seeing.reset.wait(), 10)
        await asyncio.gather(sending.publish(), seeing.subscribe())
        await seeing.gets(f"{owner.identity}/video", more=1)
        assert time.monotonic() - killed < 5.0
    finally:
        await sending.close()
        await seeing.close()
