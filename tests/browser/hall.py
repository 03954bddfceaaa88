"""A conference of its own for a test of the console, and the console of somebody in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.async_api import expect

from tests.harness import Guest, Server


@dataclass
class Hall:
    """A conference of its own on a server."""

    server: Server
    conference: str

    def guest(self, name: str) -> Guest:
        return self.server.guest(name, conference=self.conference)


async def open_console(hall: Hall, chromium: Any, somebody: Guest, width: int = 1400, height: int = 1000) -> Any:
    """The console of somebody, in a browser that has kept their token."""
    page = await chromium(width=width, height=height)
    key = "podium.token" if somebody.identity.startswith("u_") else f"podium.guest.{hall.conference}"
    await page.goto(f"{hall.server.url}/static/favicon.svg")
    await page.evaluate("([key, token]) => localStorage.setItem(key, token)", [key, somebody.token])
    await page.goto(f"{hall.server.url}/console/{hall.conference}")
    await expect(page.get_by_test_id("console-state")).to_have_text("Live")
    return page


def line(page: Any, identity: str) -> Any:
    """Somebody's line in the table."""
    return page.locator(f'[data-testid="person"][data-person="{identity}"]')
