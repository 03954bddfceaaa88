"""The reports page in a real browser: what is plotted is what was, and who may not read it is told so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import enter, guest_link, screenshot, take_the_stage, until
from tests.harness import Server

LOOKS: dict[str, dict[str, Any]] = {
    "wide-light": {"color_scheme": "light"},
    "wide-dark": {"color_scheme": "dark"},
    "390-light": {"width": 390, "height": 844, "color_scheme": "light"},
    "390-dark-speaking": {"width": 390, "height": 844, "color_scheme": "dark"},
}
LETTERS = """
() => [...document.querySelectorAll('.plot span, .plot-name, .plot-value')].map((node) => {
  const scale = node.getBoundingClientRect().height / node.offsetHeight || 1;
  return Math.round(parseFloat(getComputedStyle(node).fontSize) * scale);
})
"""


async def test_the_page_shows_who_spoke_and_how_connections_were(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    token = server.login().token
    sara = await enter(await chromium(), guest_link(server, "speaker"), "Sara Speaker")
    await take_the_stage(sara.page)
    path = f"/conferences/{server.conference}/reports/attendance?format=json"

    async def measured() -> bool:
        (stay,) = await asyncio.to_thread(server.api, "GET", path, token=token)
        return stay["speaking_seconds"] >= 1 and stay["quality"] is not None and stay["loss_percent"] is not None

    # The browser's own device beeps once a second.
    await until(measured, "what was measured of a stay")
    await sara.page.close()
    for look, options in LOOKS.items():
        page = await chromium(reduced_motion="reduce", **options)
        await page.goto(f"{server.url}/register/{server.conference}")
        await page.evaluate("token => localStorage.setItem('podium.token', token)", token)
        await page.goto(f"{server.url}/reports/{server.conference}")
        spoke = page.get_by_test_id("speaking").get_by_role("img")
        await expect(spoke).to_have_attribute("aria-label", re.compile(r"^Sara Speaker: \d+ (s|min)$"))
        connections = page.get_by_test_id("connections")
        row = connections.get_by_role("row", name="Sara Speaker")
        await expect(row.get_by_role("rowheader")).to_contain_text("Sara Speaker")
        await expect(row.get_by_role("cell").last).to_contain_text(re.compile(r"(Excellent|Good|Poor).* % lost.* ms"))
        await expect(row.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"[\d.]+ %"))
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # Whatever the width, a plot's words are as large as the page's small print.
        assert set(await page.evaluate(LETTERS)) == {13}
        await connections.scroll_into_view_if_needed()
        await screenshot(page, f"reports-{look}")
        assert page.problems == []


async def test_the_page_shows_who_was_there_and_what_was_voted_and_gives_the_files(
    podium_server: Callable[..., Server], chromium: Any, clients: Any
) -> None:
    server = podium_server()
    owner = await clients(server, server.login(), server.conference)
    for name in ("Ada", "Ben"):
        guest = await clients(server, server.guest(name), server.conference)
        await guest.send("chat.send", text="=Hello")
    await guest.send("conference.leave")
    await owner.send("poll.create", question="Shall we?", options=["Yes", "Not yet"])
    await owner.send("poll.launch", poll=1)
    await owner.send("poll.answer", poll=1, chosen=[0])
    page = await chromium(reduced_motion="reduce")
    token = server.login().token
    await page.goto(f"{server.url}/register/{server.conference}")
    await page.evaluate("token => localStorage.setItem('podium.token', token)", token)
    await page.goto(server.url)
    await page.get_by_test_id("conference-reports").click()
    figures = page.get_by_test_id("reports-figures")
    await expect(figures).to_contain_text("3people")
    await expect(figures).to_contain_text("3at once, at most")
    await expect(figures).to_contain_text("2messages")
    await expect(page.get_by_test_id("presence").get_by_role("img")).to_have_attribute(
        "aria-label", "People over time: at most 3 at once."
    )
    await expect(page.get_by_test_id("people")).to_contain_text("Ada")
    await expect(page.get_by_test_id("poll-1").get_by_role("img")).to_have_attribute("aria-label", "Yes: 1, Not yet: 0")
    await screenshot(page, "reports")
    async with page.expect_download() as started:
        await page.get_by_test_id("reports-download").click()
        await page.get_by_test_id("export-reports/attendance?format=csv").click()
    file = Path(await (await started.value).path())
    lines = (await asyncio.to_thread(file.read_text)).splitlines()
    assert [line.split(",")[1] for line in lines] == ["name", "Ben", "Owner", "Ada"]
    phone = await chromium(width=390, height=844, color_scheme="dark", reduced_motion="reduce")
    await phone.goto(f"{server.url}/register/{server.conference}")
    await phone.evaluate("token => localStorage.setItem('podium.token', token)", token)
    await phone.goto(page.url)
    await expect(phone.get_by_test_id("presence")).to_be_visible()
    assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await screenshot(phone, "reports-390-dark")
    assert page.problems == [] and phone.problems == []
    moderator = server.guest("Mia", "moderator")
    stranger = await chromium()
    await stranger.goto(f"{server.url}/register/{server.conference}")
    keep = "([name, token]) => localStorage.setItem(name, token)"
    await stranger.evaluate(keep, [f"podium.guest.{server.conference}", moderator.token])
    await stranger.goto(page.url)
    await expect(stranger.get_by_test_id("gate-text")).to_have_text("Organizers of a conference read its reports.")
