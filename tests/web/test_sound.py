"""Where the browser plays nothing before a click, whatever is clicked or pressed will do."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A browser that allows no sound yet; two others are heard.
BEGIN = """
async () => {
  const { Sound } = await import('/static/js/conference/sound.js');
  const playing = new Set();
  window.allowed = false;
  window.refused = 0;
  HTMLMediaElement.prototype.play = function () {
    if (!window.allowed) window.refused += 1;
    if (!window.allowed) return Promise.reject(new DOMException('not yet', 'NotAllowedError'));
    playing.add(this);
    return new Promise(() => {});
  };
  Object.defineProperty(HTMLMediaElement.prototype, 'paused', { get() { return !playing.has(this); } });
  const context = new AudioContext();
  const track = () => context.createMediaStreamDestination().stream.getAudioTracks()[0];
  const tracks = new Map([['ada/audio', track()], ['ben/audio', track()]]);
  document.body.innerHTML = '<input id="elsewhere">';
  const sound = new Sound(document.body, { room: { you: 'eve' }, media: { subscriber: { tracks } } }, null);
  sound.update();
  Object.assign(window, { sound });
}
"""
PLAYING = "[...document.querySelectorAll('audio')].filter(({ paused }) => !paused).length"


@pytest.mark.parametrize("deed", ["click", "key", "button"])
async def test_sound_begins_with_any_click_or_key_and_the_button_goes(client_page: Any, deed: str) -> None:
    await client_page.evaluate(BEGIN)
    button = client_page.get_by_test_id("hear")
    await button.wait_for()
    # A click that the browser does not count leaves the button there.
    await client_page.click("#elsewhere")
    assert await client_page.evaluate(PLAYING) == 0 and await button.is_visible()
    await client_page.evaluate("window.allowed = true")
    if deed == "click":
        await client_page.click("#elsewhere")
    elif deed == "key":
        await client_page.keyboard.press("a")
    else:
        await button.click()
    assert await client_page.evaluate(PLAYING) == 2 and await button.is_hidden()
    await client_page.evaluate("window.sound.close()")
    assert await client_page.locator("audio").count() == 0
