"""What a page says it shows of the pictures it receives: how high each is drawn, and nothing of what nobody sees."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = """
async () => {
  const { Showing } = await import('/static/js/conference/showing.js');
  const root = document.createElement('div');
  root.style.cssText = 'position: fixed; inset: 0; overflow: auto';
  document.body.append(root);
  const tracks = new Map();
  const told = [];
  const showing = new Showing(root, { subscriber: { tracks }, prefer: (heights) => told.push(heights) },
    new AbortController().signal);
  window.add = (name, style) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    canvas.getContext('2d').fillRect(0, 0, 320, 180);
    const stream = canvas.captureStream();
    tracks.set(name, stream.getVideoTracks()[0]);
    const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true, id: name });
    video.style.cssText = `display: block; object-fit: cover; ${style}`;
    root.append(video);
    showing.update();
  };
  window.told = told;
  window.seen = (hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };
}
"""
CHANGE = """
async ([change, expected]) => {
  const run = {
    add: () => { add('u_a/video', 'width: 320px; height: 180px'); add('u_b/screen', 'width: 160px; height: 320px'); },
    grow: () => { document.getElementById('u_a/video').style.width = '960px'; },
    contain: () => { document.getElementById('u_b/screen').style.objectFit = 'contain'; seen(false); },
    away: () => { document.getElementById('u_a/video').style.marginTop = '3000px'; },
    hide: () => { document.getElementById('u_b/screen').style.display = 'none'; },
    leave: () => seen(true),
    back: () => seen(false),
  };
  run[change]();
  const same = () => JSON.stringify(told.at(-1)) === JSON.stringify(expected);
  for (let tries = 0; tries < 100 && !same(); tries += 1) await new Promise((done) => setTimeout(done, 50));
  return told.at(-1);
}
"""


async def test_the_drawn_height_is_told_and_what_is_out_of_sight_is_nothing(client_page: Any) -> None:
    await client_page.evaluate(BEGIN)
    shown = {"u_a/video": 184, "u_b/screen": 320}
    for change, now in (
        ("add", {}),
        # Covering a wide tile the picture is higher than the tile; contained in a narrow one it is lower.
        ("grow", {"u_a/video": 544}),
        ("contain", {"u_b/screen": 96}),
        ("leave", {"u_a/video": 0, "u_b/screen": 0}),
        ("back", {"u_a/video": 544, "u_b/screen": 96}),
        ("hide", {"u_b/screen": 0}),
        ("away", {"u_a/video": 0}),
    ):
        shown |= now
        assert await client_page.evaluate(CHANGE, [change, shown]) == shown, change
    assert await client_page.evaluate("told.length") <= 8
