"""A guest who is blocked, in a real browser: out at once, and back by none of the ways their tokens open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import KEEP_CONNECTIONS, enter, guest_link, screenshot, until
from tests.disobedient.peer import Peer
from tests.harness import Server

# What the page has that could open the conference: the guest's token, and what this tab remembers.
KEPT = "() => ({...localStorage, ...sessionStorage})"


async def refused(page: Any) -> None:
    """Try to join from the join view; the sentence says why not, and nothing of the conference is shown."""
    await page.get_by_test_id("join-button").wait_for()
    await page.get_by_test_id("join-name").fill("Somebody else")
    await page.get_by_test_id("join-button").click()
    await expect(page.get_by_test_id("join-error")).to_contain_text("blocked")
    await expect(page.get_by_test_id("stage")).to_be_hidden()
    assert not await page.evaluate("Boolean(window.podium?.room)")


async def test_a_blocked_guest_returns_by_no_token_link_or_reload(
    podium_server: Callable[..., Server], clients: Any, chromium: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner = await clients(server, server.login(), server.conference)
    watching = Peer(owner)
    await watching.subscribe()
    link = guest_link(server, "speaker")
    page = await chromium()
    guest = await enter(page, link, "Greta")
    track = guest.track("video")
    await until(lambda: heard(watching, track, time.time() - 1), "the owner receives the guest's camera")

    await owner.send("participant.block", target=guest.identity, reason="Noise")
    accepted = time.time()
    await expect(page.get_by_test_id("closed")).to_have_attribute("data-code", "blocked")
    await expect(page.get_by_test_id("rejoin")).to_have_count(0)
    await screenshot(page, "blocked-guest")
    await asyncio.sleep(0.5)
    assert [packet for packet in watching.packets if packet.track == track and packet.at > accepted + 0.25] == []
    state = f"/conferences/{server.conference}/state"
    before = server.api("GET", state, token=server.login().token)

    kept = await page.evaluate(KEPT)
    assert f"podium.guest.{server.conference}" in kept
    await page.reload()
    await refused(page)
    # The link again, in another tab of the same browser, which knows who the guest is.
    other = await page.context.new_page()
    await other.goto(link)
    await refused(other)
    # Another browser, into which everything that the first has kept was copied.
    stranger = await chromium()
    await stranger.add_init_script(KEEP_CONNECTIONS)
    await stranger.goto(f"{server.url}/static/favicon.svg")
    await stranger.evaluate(
        "(kept) => Object.entries(kept).forEach(([key, value]) => localStorage.setItem(key, value))", kept
    )
    await stranger.goto(f"{server.url}/c/{server.conference}")
    await refused(stranger)
    await stranger.goto(f"{server.url}/console/{server.conference}")
    await expect(stranger.get_by_test_id("console-state")).not_to_have_text("Live")
    assert server.api("GET", state, token=server.login().token) == before

    await owner.send("participant.unblock", target=guest.identity)
    await page.get_by_test_id("join-button").click()
    await page.get_by_test_id("stage").wait_for()
    assert await page.evaluate("window.podium.room.you") == guest.identity
    await watching.close()


async def heard(watching: Peer, track: str, since: float) -> bool:
    """Whether packets of a track have come lately."""
    return any(packet.track == track and packet.at > since for packet in watching.packets)
