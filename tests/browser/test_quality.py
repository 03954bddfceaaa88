"""A connection that gets bad and good again: bars and words on tiles, in the list of people and in the console, the
panel of one's own connection, and somebody's statistics in the console."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.async_api import expect

from tests.browser.hall import Hall, line, open_console
from tests.browser.pages import WITHOUT_TCP, enter, enter_owner, plays, screenshot, until
from tests.chaos import UdpChaos, Weather
from tests.harness import Server

FINE = ("excellent", "good")
# What is known of somebody, for a failure that explains itself.
KNOWN = """
async (id) => ({
  quality: window.podium.room.quality.get(id),
  measured: (await window.podium.send('media.stats', { target: id })).result,
})
"""
GRADE = "(id) => window.podium.room.quality.get(id)?.grade ?? ''"


async def graded(page: Any, identity: str, *grades: str, seconds: float = 40.0) -> None:
    """Wait until a person's connection has one of these grades."""

    async def is_so() -> bool:
        return await page.evaluate(GRADE, identity) in grades

    await until(is_so, f"{identity} is {grades}", seconds)


ROWS = """
(node) => [...node.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText.trim()))
"""


async def cells(table: Any) -> list[list[str]]:
    """The texts of a table's rows; in one step, since they are drawn anew all the time."""
    found: list[list[str]] = await table.evaluate(ROWS)
    return found


async def test_a_bad_connection_is_seen_by_everybody_and_explained_to_moderators(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner = await enter_owner(server, chromium)
    (port,) = server.udp_ports
    async with UdpChaos(("127.0.0.1", port)) as network:
        page = await chromium()
        await page.add_init_script(network.lead())
        # Otherwise it would go on over TCP, past the bad network.
        await page.add_init_script(WITHOUT_TCP)
        link = f"{server.url}/c/{server.conference}#invite={server.invite('speaker')}"
        sara = await enter(page, link, "Sara Speaker")
        await plays(owner.page, sara.track("video"))
        # On a machine that is busy with three browsers a round trip takes a while.
        await graded(owner.page, sara.identity, *FINE)
        tile = owner.page.locator(f'[data-testid="tile"][data-person="{sara.identity}"]').get_by_test_id("quality")
        await expect(tile).to_have_attribute(
            "aria-label", re.compile("Connection of Sara Speaker: (Excellent|Good), sends [345]")
        )

        # One's own, in the page.
        await sara.page.get_by_test_id("more").click()
        await sara.page.get_by_test_id("open-connection").click()
        up, down = sara.page.get_by_test_id("connection-up"), sara.page.get_by_test_id("connection-down")

        async def measured() -> bool:
            return any(
                "kbit" in row[2] and row[2] != "0 kbit/s" and float(row[1].replace("–", "0")) > 2
                for row in await cells(up)
            ) and bool(await cells(down))

        await until(measured, "rates in the panel")
        camera = next(row for row in await cells(up) if row[0] == "Your camera")
        assert " × " in camera[3] and "per second" in camera[3], camera
        assert "Direct, UDP" in await up.inner_text()
        whose = await owner.page.evaluate("window.podium.name")
        assert {row[0] for row in await cells(down)} == {f"{whose}, camera", f"{whose}, microphone"}
        await screenshot(sara.page, "connection-light")
        await sara.page.get_by_test_id("connection-done").click()

        # Everybody's, in the console.
        hall = Hall(server, server.conference)
        console = await open_console(hall, chromium, server.login())
        await line(console, sara.identity).get_by_test_id("person-menu").click()
        await console.get_by_test_id("menu-statistics").click()
        sent, received = console.get_by_test_id("stats-sent"), console.get_by_test_id("stats-received")

        async def told() -> bool:
            rows = await cells(sent)
            return len(rows) == 2 and all("kbit" in row[2] and row[2] != "0 kbit/s" for row in rows)

        await until(told, "rates in the console")
        assert {row[0] for row in await cells(sent)} == {"Microphone", "Camera"}
        assert all(row[1] == "–" or 1.0 <= float(row[1]) <= 5.0 for row in await cells(sent))
        assert len(await cells(received)) == 2
        await screenshot(console, "statistics-light")

        # A quarter of everything is lost on the way: sound suffers, and so does the grade.
        network.up.loss = network.down.loss = 0.25
        await graded(owner.page, sara.identity, "poor")
        await expect(tile).to_contain_text("Poor")
        # What is lost before the server is missing at the others too, and is not their connection's fault.
        known = await owner.page.evaluate(KNOWN, owner.identity)
        assert known["quality"].get("loss", 0.0) < 12, known

        async def worse() -> bool:
            # Each packet holds the one before it as well: of a quarter lost a quarter is missing, 6 %.
            (microphone,) = [row for row in await cells(sent) if row[0] == "Microphone"]
            return float(microphone[5].split()[0]) > 3 and "repaired" in microphone[8]

        await until(worse, "the loss in the console")
        await screenshot(owner.page, "poor-light")
        for page in (owner.page, sara.page, console):
            await page.emulate_media(color_scheme="dark")
        await screenshot(owner.page, "poor-dark")
        await screenshot(console, "statistics-dark")
        await console.get_by_test_id("statistics-done").click()
        await screenshot(console, "console-poor-dark")

        # Nothing comes through: lost, within the transport's silence, before the signaling notices anything.
        network.block()
        await graded(owner.page, sara.identity, "lost", seconds=12)
        await expect(tile).to_contain_text("Lost")
        await expect(line(console, sara.identity).get_by_test_id("person-quality")).to_have_attribute(
            "aria-label", re.compile("Lost")
        )

        # And back.
        network.up, network.down = Weather(), Weather()
        await graded(owner.page, sara.identity, *FINE, "poor", seconds=60)
        await expect(tile).not_to_contain_text("Lost")
        await sara.page.set_viewport_size({"width": 390, "height": 800})
        await sara.page.get_by_test_id("side-close").click()
        await sara.page.get_by_test_id("more").click()
        await sara.page.get_by_test_id("open-connection").click()
        await expect(sara.page.get_by_test_id("connection-dialog")).to_be_visible()
        await screenshot(sara.page, "connection-390-dark")
        for page in (owner.page, sara.page, console):
            assert page.problems == []
