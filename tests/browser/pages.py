"""Real Chromium pages with fake devices, and what their WebRTC statistics say.

The statistics are read from the browser's own `RTCPeerConnection`s, not from the client library: a page that shows a
frozen picture and calls it live fails.
"""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import TimeoutError as NotInTime

from tests.conftest import FAKE_DEVICES, chromium_path, pages_of
from tests.harness import Server

# Keeps every peer connection that the page makes.
KEEP_CONNECTIONS = """
window.__connections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...args) { super(...args); window.__connections.push(this); }
};
"""

# Takes what the worker offers by TCP out of every description, as an old browser passes over it.
WITHOUT_TCP = """
(() => {
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description?.sdp?.replace(/^a=candidate:\\S+ \\d+ tcp .*\\r\\n/gim, '');
    return set.call(this, sdp === undefined ? description : { type: description.type, sdp });
  };
})();
"""

READ_STATISTICS = """
async () => {
  const found = [];
  for (const connection of window.__connections) {
    if (connection.connectionState === 'closed') continue;
    for (const entry of (await connection.getStats()).values()) {
      if (entry.type === 'inbound-rtp' || entry.type === 'outbound-rtp') found.push({...entry});
    }
  }
  return found;
}
"""

# The track of somebody as this page receives it: `identity/source` → the browser's identifier of the track.
RECEIVED = "(name) => window.podium.media.subscriber.tracks.get(name)?.id ?? null"

# Where screenshots are kept for a person to look at.
PICTURES = os.environ.get("PODIUM_TEST_PICTURES")


async def statistics(page: Any, direction: str, kind: str) -> list[dict[str, Any]]:
    """The browser's figures of its RTP streams: `inbound` or `outbound`, `audio` or `video`."""
    entries: list[dict[str, Any]] = await page.evaluate(READ_STATISTICS)
    return [entry for entry in entries if entry["type"] == f"{direction}-rtp" and entry["kind"] == kind]


async def received(page: Any, track: str, figure: str = "framesDecoded") -> float:
    """A figure of one received track, as in `u_anna/video`; 0 while it is not there."""
    return (await _received(page, track, figure))[1]


async def _received(page: Any, track: str, figure: str) -> tuple[str | None, float]:
    """The browser's identifier of a track, and the figure."""
    identifier = await page.evaluate(RECEIVED, track)
    kind = "audio" if track.endswith("audio") else "video"
    entries = await statistics(page, "inbound", kind)
    return identifier, sum(float(entry.get(figure, 0)) for entry in entries if entry["trackIdentifier"] == identifier)


class Growth:
    """By how much a figure of a track has grown since this was made. Who reloads their page or comes again has another
    track under the same name, which counts from zero."""

    def __init__(self, page: Any, track: str, figure: str) -> None:
        self._asked = (page, track, figure)
        self._spans: dict[str | None, tuple[float, float]] = {}

    async def look(self) -> float:
        """What all that had the name have grown together."""
        identifier, now = await _received(*self._asked)
        self._spans[identifier] = (self._spans.get(identifier, (now, now))[0], now)
        return sum(last - first for first, last in self._spans.values())


GROWTH = """
async (ms) => {
  const count = async () => {
    const found = {};
    for (const connection of window.__connections) {
      if (connection.connectionState === 'closed') continue;
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp') found[entry.trackIdentifier] = entry.packetsReceived ?? 0;
      }
    }
    return found;
  };
  const before = await count();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const after = await count();
  const names = new Map([...window.podium.media.subscriber.tracks].map(([name, track]) => [track.id, name]));
  return Object.keys(after).filter((id) => after[id] > (before[id] ?? 0)).map((id) => names.get(id) ?? id).sort();
}
"""


async def arriving(page: Any, seconds: float = 1.5) -> list[str]:
    """The tracks of which packets arrive at this page now, whatever the page knows of them."""
    names: list[str] = await page.evaluate(GROWTH, seconds * 1000)
    return names


LAST_PACKET = """
async ([name, until]) => {
  const id = window.podium.media.subscriber.tracks.get(name)?.id;
  let last = 0;
  while (Date.now() < until) {
    for (const connection of window.__connections) {
      if (connection.connectionState === 'closed') continue;
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp' && entry.trackIdentifier === id)
          last = Math.max(last, entry.lastPacketReceivedTimestamp ?? 0);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return last;
}
"""


async def last_packet(page: Any, track: str, until_ms: float) -> float:
    """Look at a track until then; when its newest packet came, as the browser has noted it. Both in ms since 1970."""
    return float(await page.evaluate(LAST_PACKET, [track, until_ms]))


def counters(server: Server) -> dict[str, dict[str, Any]]:
    """What the media worker has counted of each track, as of the last two seconds."""
    path = f"/conferences/{server.conference}/media"
    return {track["track"]: track for track in server.api("GET", path, token=server.login().token)["tracks"]}


async def sent(page: Any, kind: str) -> int:
    """Packets that this page has sent of a kind."""
    return sum(int(entry["packetsSent"]) for entry in await statistics(page, "outbound", kind))


async def until(check: Callable[[], Awaitable[bool]], what: str, seconds: float = 40.0, every: float = 0.2) -> float:
    """Wait until `check` holds; the seconds it took. Raises `AssertionError` naming `what`."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if await check():
            return time.monotonic() - begun
        await asyncio.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")


async def holds(page: Any, expression: str) -> bool:
    """Whether an expression is true in the page. The pages' policy forbids evaluated strings, so it is asked for."""
    return bool(await page.evaluate(expression))


async def plays(page: Any, track: str, frames: int = 10, seconds: float = 40.0) -> float:
    """Wait until so many further frames of a track have been decoded; the seconds it took."""
    decoded = Growth(page, track, "framesDecoded")
    await decoded.look()

    async def more() -> bool:
        return await decoded.look() >= frames

    return await until(more, f"{frames} more frames of {track}", seconds)


SHOWN = """(name) => {
  const person = name.split('/')[0];
  const video = document.querySelector(`[data-testid="tile"][data-person="${person}"] video`);
  return video?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
}"""


async def is_shown(page: Any, track: str, frames: int = 5) -> None:
    """Wait until the tile of a camera shows so many further frames: what is decoded is not always connected."""
    start = int(await page.evaluate(SHOWN, track))

    async def more() -> bool:
        # A tile that was made anew counts from zero.
        shown = int(await page.evaluate(SHOWN, track))
        return shown >= start + frames or start > shown >= frames

    await until(more, f"{frames} more frames of {track} shown")


async def sounds(page: Any, track: str, seconds: float = 40.0) -> float:
    """Wait until a track was heard: its energy grows, which silence and concealment do not do."""
    energy = Growth(page, track, "totalAudioEnergy")
    await energy.look()

    async def louder() -> bool:
        return await energy.look() > 1e-4

    return await until(louder, f"{track} is heard", seconds)


async def stands_still(page: Any, track: str, figure: str, settle_s: float = 1.0, watch_s: float = 2.0) -> None:
    """A figure of a track does not move for a while, after what was on its way has arrived."""
    await asyncio.sleep(settle_s)
    before = await received(page, track, figure)
    await asyncio.sleep(watch_s)
    after = await received(page, track, figure)
    assert after == before, f"{figure} of {track} went from {before} to {after}"


def colours(png: bytes) -> int:
    """How many different pixels (as filtered) a PNG of 8-bit RGB or RGBA has, up to 10,000; a blank page has a few."""
    position, width, channels, data = 8, 0, 0, b""
    while position < len(png):
        length = int.from_bytes(png[position : position + 4], "big")
        kind, chunk = png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width = int.from_bytes(chunk[:4], "big")
            assert chunk[8] == 8 and chunk[9] in (2, 6), "8-bit RGB or RGBA"
            channels = 3 if chunk[9] == 2 else 4
        elif kind == b"IDAT":
            data += chunk
        position += length + 12
    raw = zlib.decompress(data)
    stride = width * channels + 1
    pixels: set[bytes] = set()
    for row in range(0, len(raw), stride):
        line = raw[row + 1 : row + stride]
        pixels.update(line[i : i + channels] for i in range(0, len(line), channels))
        if len(pixels) > 10_000:
            break
    return len(pixels)


async def screenshot(page: Any, name: str) -> None:
    """A picture of the page that must not be blank, kept in `PODIUM_TEST_PICTURES` where that is set."""
    png = await page.screenshot(path=Path(PICTURES) / f"{name}.png" if PICTURES else None)
    assert colours(png) > 100, f"{name} is blank"


@asynccontextmanager
async def visited_server(
    data: Path, *flags: str, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[Server, Callable[..., Any]]]:
    """A server of its own, and pages in one browser (with further flags): for tests of a module that share the people
    in front of them."""
    from playwright.async_api import async_playwright

    server = Server(data, "--public-ip", "127.0.0.1", environment=environment).start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=[*FAKE_DEVICES, *flags])
            yield server, pages_of(browser)
            await browser.close()
    finally:
        server.stop()


@dataclass
class Visitor:
    """Somebody in front of a page."""

    page: Any
    identity: str

    def track(self, source: str) -> str:
        """The name of this person's track, as in `u_anna/video`."""
        return f"{self.identity}/{source}"


async def enter(page: Any, link: str, name: str | None = None) -> Visitor:
    """Follow a link, give a name where one is asked for, and join."""
    await page.add_init_script(KEEP_CONNECTIONS)
    await page.goto(link)
    await page.get_by_test_id("join-button").wait_for()
    if name is not None:
        await page.get_by_test_id("join-name").fill(name)
    await page.get_by_test_id("join-button").click()
    await page.get_by_test_id("stage").wait_for()
    await until(lambda: holds(page, "window.podium?.room?.me"), "in the conference")
    return Visitor(page, await page.evaluate("window.podium.room.you"))


async def enter_again(visitor: Visitor) -> None:
    """From the last screen back into the conference."""
    await visitor.page.get_by_test_id("rejoin").click()
    await visitor.page.get_by_test_id("join-button").click()
    await until(lambda: holds(visitor.page, "window.podium?.room?.me"), "in the conference again")


def guest_link(server: Server, role: str) -> str:
    """A link that gives this role."""
    return f"{server.url}/c/{server.conference}#invite={server.invite(role)}"


async def enter_owner(server: Server, chromium: Any) -> Visitor:
    """The owner, by the link that the server printed."""
    page = await chromium()
    await page.add_init_script(KEEP_CONNECTIONS)
    await page.goto(server.printed["Owner"])
    await page.get_by_test_id("join-button").wait_for()
    server_token = await page.evaluate("localStorage.getItem('podium.token')")
    assert server_token, "the one-time link signs the owner in"
    await page.get_by_test_id("join-button").click()
    await until(lambda: holds(page, "window.podium?.room?.me"), "in the conference")
    owner = Visitor(page, await page.evaluate("window.podium.room.you"))
    server.signed_in(server_token, owner.identity)
    return owner


async def take_the_stage(page: Any) -> None:
    """A page that has just joined goes there by itself, as soon as it can; another has to be told."""
    on_stage, both = "window.podium.room.me.on_stage", page.get_by_test_id("stage-both")
    async with asyncio.timeout(30):
        while not await holds(page, on_stage):
            with suppress(NotInTime):
                await page.get_by_test_id("hand").click(timeout=1_000)
                await both.wait_for(timeout=3_000)
    if await both.is_visible():
        await both.click()
