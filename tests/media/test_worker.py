"""A real worker process with a foreign WebRTC stack on both sides."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from protocol.control import TransportChanged
from tests.media.peers import Publisher, Viewer
from tests.media.worker_process import FakeServer, route, running_worker

PEERS = {"anna": "stage", "vera": "audience"}


@dataclass
class Stage:
    """Anna publishes, Vera watches."""

    server: FakeServer
    publisher: Publisher
    viewer: Viewer

    async def set_routes(self, audio: bool = True, video: bool = True) -> None:
        await self.server.routes(tracks(audio, video), PEERS)


def tracks(audio: bool = True, video: bool = True):
    return (
        route("anna", "audio", "stage", "audience", open=audio),
        route("anna", "video", "stage", "audience", open=video),
    )


@contextlib.asynccontextmanager
async def stage(server: FakeServer) -> AsyncIterator[Stage]:
    await server.routes(tracks(), PEERS)
    publisher, viewer = Publisher(server, "anna"), Viewer(server, "vera")
    try:
        await viewer.start()
        await publisher.start()
        yield Stage(server, publisher, viewer)
    finally:
        await viewer.close()
        await publisher.pc.close()


@pytest.fixture
async def playing() -> AsyncIterator[Stage]:
    async with running_worker() as server, stage(server) as found:
        await found.viewer.sees("anna/video")
        await found.viewer.sees("anna/audio")
        yield found


async def test_audio_and_video_of_a_publisher_reach_a_viewer(playing: Stage) -> None:
    states = {(each.peer, each.direction.value, each.state.value) for each in playing.server.all(TransportChanged)}
    assert states == {("anna", "publish", "connected"), ("vera", "subscribe", "connected")}


async def test_a_closed_track_is_not_forwarded_and_goes_on_when_it_is_opened(playing: Stage) -> None:
    await playing.set_routes(video=False)
    await playing.server.report("anna/video")
    before = await playing.server.report("anna/video")
    frames = playing.viewer.frames["anna/video"]
    await playing.viewer.sees("anna/audio")
    after = await playing.server.report("anna/video")
    assert after.forwarded == before.forwarded
    assert after.received > before.received, "the publisher keeps sending"
    assert after.dropped > before.dropped
    assert playing.viewer.frames["anna/video"] <= frames + 1
    loop = asyncio.get_running_loop()
    opened = loop.time()
    await playing.set_routes()
    await playing.viewer.sees("anna/video", more=1)
    assert loop.time() - opened < 1.5
    await playing.viewer.sees("anna/video")
