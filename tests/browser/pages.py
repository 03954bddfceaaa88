"""Real Chromium pages with fake devices, and what their WebRTC statistics say.

The statistics are read from the browser's own `RTCPeerConnection`s, not from the client library: a page that shows a
frozen picture and calls it live fails.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
    # Chromium never uses a 127.0.0.1 candidate otherwise.
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages in the background must go on decoding: the tests look at several at once.
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
]

# Keeps every peer connection of the page, and counts nothing itself.
KEEP_CONNECTIONS = """
window.__connections = [];
const Original = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Original {
  constructor(...args) { super(...args); window.__connections.push(this); }
};
"""

READ_STATS = """
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


async def launch(playwright: Playwright) -> Browser:
    """A Chromium with fake camera and microphone."""
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


class Visitor:
    """One person's browser: its own storage, one or more pages, and what went wrong in them."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.errors: list[str] = []

    @classmethod
    async def arrive(cls, browser: Browser, **options: Any) -> Visitor:
        """A person with a fresh profile."""
        context = await browser.new_context(permissions=["camera", "microphone"], **options)
        await context.add_init_script(KEEP_CONNECTIONS)
        return cls(context)

    async def open(self, url: str) -> Page:
        """A page, whose uncaught errors are kept."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(url)
        return page


async def stats(page: Page, direction: str, kind: str) -> list[dict[str, Any]]:
    """The browser's own figures of its RTP streams: `inbound` or `outbound`, `audio` or `video`."""
    entries: list[dict[str, Any]] = await page.evaluate(READ_STATS)
    return [entry for entry in entries if entry["type"] == f"{direction}-rtp" and entry["kind"] == kind]


async def decoded(page: Page) -> list[int]:
    """Frames decoded of each incoming video that ever had one, the busiest first."""
    entries = await stats(page, "inbound", "video")
    return sorted((int(entry.get("framesDecoded", 0)) for entry in entries), reverse=True)


async def frames_of(page: Page, track: str) -> int:
    """Frames decoded of one track, as in `u_anna/video`, by the m-line that carries it."""
    value: int = await page.evaluate(
        """async (track) => {
          const mids = window.podium.media.tracksByMid();
          let total = 0;
          for (const connection of window.__connections) {
            if (connection.connectionState === 'closed') continue;
            for (const entry of (await connection.getStats()).values()) {
              if (entry.type === 'inbound-rtp' && entry.kind === 'video' && mids[entry.mid] === track) {
                total += entry.framesDecoded || 0;
              }
            }
          }
          return total;
        }""",
        track,
    )
    return value


async def until(check: Callable[[], Awaitable[bool]], what: str, seconds: float = 20.0, every: float = 0.25) -> float:
    """Wait until `check` holds; returns the seconds it took. Raises `AssertionError` naming `what`."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if await check():
            return time.monotonic() - begun
        await asyncio.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")


def colours(png: bytes) -> int:
    """How many different pixels an 8-bit RGB or RGBA PNG has, up to 10,000; 1 is a blank page."""
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
    # Filtered rows of one colour are all equal but the first; distinct filtered pixels tell a picture from a blank.
    pixels: set[bytes] = set()
    for row in range(0, len(raw), stride):
        line = raw[row + 1 : row + stride]
        pixels.update(line[i : i + channels] for i in range(0, len(line), channels))
        if len(pixels) > 10_000:
            break
    return len(pixels)


async def screenshot(page: Page, folder: Path, name: str) -> bytes:
    """A picture of the page, kept for a person to look at; fails when it is blank."""
    png = await page.screenshot(path=folder / f"{name}.png")
    assert colours(png) > 50, f"{name} is blank"
    return png
