"""A page of the browser client that publishes a camera to a worker's router and, as somebody else, watches it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from media.track import Track
from protocol.control import Prefer, SubscribeOffer
from tests.media.inside import Inside, running_inside
from tests.media.worker_process import route

# A picture that changes everywhere costs an encoder what a camera costs it; the tests run on two cores.
START = """
async ([width, height, codec]) => {
  const { Publisher } = await import('/static/js/lib/publisher.js');
  const { Subscriber } = await import('/static/js/lib/subscriber.js');
  window.camera = (width, height) => {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d');
    let turn = 0;
    setInterval(() => {
      turn += 1;
      context.fillStyle = `hsl(${turn * 3} 60% 50%)`;
      context.fillRect(0, 0, width, height);
      context.fillStyle = 'white';
      context.fillRect((turn * 17) % width, 40, 160, 160);
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  };
  const publisher = new Publisher(async (type, fields) => ({ result: await window.worker(type, fields) }));
  const subscriber = new Subscriber(async (type, fields) => ({ result: await window.worker(type, fields) }));
  window.offered = (offer) => subscriber.offered(offer);
  const video = document.createElement('video');
  Object.assign(video, { muted: true, autoplay: true });
  document.body.append(video);
  window.frames_seen = [];
  const seen = (now) => {
    window.frames_seen.push([now, video.videoWidth, video.videoHeight]);
    video.requestVideoFrameCallback(seen);
  };
  video.requestVideoFrameCallback(seen);
  subscriber.addEventListener('tracks', () => {
    const track = subscriber.tracks.get('anna/video');
    if (track && !video.srcObject) video.srcObject = new MediaStream([track]);
  });
  publisher.codec = codec;
  publisher.allow(new Set(['video']));
  publisher.set('video', camera(width, height));
  subscriber.open();
  Object.assign(window, { publisher, subscriber, video });
}
"""
# How the frames of the last seconds came: the largest pause in ms between two of them, and their sizes in order.
FRAMES = """
(since) => {
  const frames = window.frames_seen.filter(([now]) => now >= since);
  const pauses = frames.slice(1).map(([now], index) => now - frames[index][0]);
  const sizes = frames.map(([, width, height]) => `${width}x${height}`);
  return { pause: Math.max(...pauses), sizes: sizes.filter((size, index) => size !== sizes[index - 1]) };
}
"""
STATISTICS = """
async () => {
  const found = {};
  for (const report of (await window.subscriber.connection.getStats()).values()) {
    if (report.type === 'inbound-rtp' && report.kind === 'video') Object.assign(found, report);
  }
  return found;
}
"""
# Packets sent of each layer since the connection began.
SENT = """
async () => {
  const found = {};
  for (const report of (await window.publisher.connection.getStats()).values()) {
    if (report.type === 'outbound-rtp' && report.kind === 'video') found[report.rid] = report.packetsSent;
  }
  return found;
}
"""
# How long until the picture moves, in ms.
MOVES = """
async () => {
  const began = performance.now();
  while (!(window.frames_seen.at(-1)[0] > began)) await new Promise((done) => setTimeout(done, 5));
  return window.frames_seen.at(-1)[0] - began;
}
"""


class Stage:
    """Anna's page, which publishes her camera and, as Vera, watches it."""

    def __init__(self, inside: Inside, page: Any) -> None:
        self.inside = inside
        self.page = page
        self._tasks: set[asyncio.Task[Any]] = set()
        inside.offered = self._offered

    def _offered(self, offer: SubscribeOffer) -> None:
        fields = {name: getattr(offer, name) for name in ("generation", "revision", "sdp", "tracks")}
        self._tell("offer => window.offered(offer)", fields)

    def obey(self) -> None:
        """The page does from now on what the worker asks it to; before it is a client that does not know the signal."""
        self.inside.wanted = lambda wanted: self._tell("rids => publisher.look('video', rids)", list(wanted.rids))

    def _tell(self, script: str, what: Any) -> None:
        task = asyncio.create_task(self.page.evaluate(script, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def prefer(self, height: int) -> None:
        """Vera draws the picture so high."""
        self.inside.router.prefer(Prefer(room="r", peer="vera", heights={"anna/video": height}))

    async def sends(self) -> set[str]:
        """Of which layers packets are sent now."""
        before = await self.page.evaluate(SENT)
        await asyncio.sleep(0.5)
        after = await self.page.evaluate(SENT)
        return {rid for rid in after if after[rid] != before.get(rid, 0)}

    async def sends_only(self, *rids: str) -> None:
        """Wait until packets are sent of these layers and no others."""

        async def sent() -> bool:
            return await self.sends() == set(rids)

        await self.until(sent)

    def worker(self, type: str, fields: dict[str, Any]) -> dict[str, str]:
        """What the page says to the server."""
        if type == "media.publish":
            bindings = {mid: f"anna/{source}" for mid, source in fields["tracks"].items()}
            return {"sdp": self.inside.publish("anna", fields["sdp"], bindings, fields.get("restart", False))}
        if type == "media.subscribe":
            self.inside.subscribe("vera")
        else:
            self.inside.answer("vera", fields["generation"], fields["revision"], fields["sdp"])
        return {}

    @property
    def track(self) -> Track:
        return self.inside.track("anna/video")

    async def start(self, width: int, height: int, codec: str = "vp8") -> None:
        await self.page.expose_function("worker", self.worker)
        await self.page.evaluate(START, [width, height, codec])

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], within: float = 30.0) -> None:
        """Wait; the machine may be busy."""
        end = time.monotonic() + within
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            assert time.monotonic() < end, [
                (layer.rid, layer.live, layer.bitrate, layer.width, layer.height) for layer in self.track.layers
            ]
            await asyncio.sleep(0.05)

    async def shows(self, size: str) -> None:
        """Wait until a frame of this size was seen. The element knows its size before the frame is counted."""
        found = "() => (([, width, height]) => `${width}x${height}`)(window.frames_seen.at(-1) ?? [0, 0, 0])"

        async def shown() -> bool:
            return bool(await self.page.evaluate(found) == size)

        await self.until(shown)

    def choose(self, rid: str) -> None:
        self.inside.downlink("anna/video", "vera").choose(self.track.layer(rid), time.monotonic())


@contextlib.asynccontextmanager
async def running_stage(page: Any) -> AsyncIterator[Stage]:
    """See the module."""
    asyncio.get_running_loop().set_debug(False)  # notes a stack for each handle: the router would lose packets
    tracks = (route("anna", "video", "g"),)
    async with running_inside({"anna": "s", "vera": "g"}, tracks) as inside:
        yield Stage(inside, page)
        await page.evaluate("() => { window.publisher.close(); window.subscriber.close(); }")
