"""The doors of a conference and of its console: what they say of one that has ended, and a link that is opened late."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.conftest import ORIGIN, WEB

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAREWELL = """
async ([code, reopens]) => {
  const { showFarewell } = await import('/static/js/conference/closing.js');
  document.body.innerHTML = '<div id="closed"></div>';
  showFarewell(document.querySelector('#closed'), { code, reopens }, () => undefined);
}
"""
SOCKETS = """
window.sockets = [];
window.WebSocket = class extends EventTarget {
  constructor(url) { super(); window.sockets.push(url); }
  close() {}
  send() {}
};
"""


async def serve(page: Any, running: bool, recorded: bool = False) -> None:
    """The pages of one conference, and what the server says of it to everybody."""

    async def pages(route: Any) -> None:
        name = "console.html" if "/console/" in route.request.url else "conference.html"
        await route.fulfill(content_type="text/html", body=(WEB / name).read_bytes())

    async def glance(route: Any) -> None:
        body = json.dumps({"conference": "demo", "title": "Demo", "running": running, "recorded": recorded})
        await route.fulfill(content_type="application/json", body=body)

    await page.add_init_script(SOCKETS)
    await page.route(f"{ORIGIN}/c/demo", pages)
    await page.route(f"{ORIGIN}/console/demo", pages)
    await page.route(f"{ORIGIN}/api/v1/conferences/demo", glance)


@pytest.mark.parametrize(("reopens", "word"), [(True, "Open it again"), (False, "Try again")])
async def test_only_who_may_open_an_ended_conference_again_is_offered_that(
    client_page: Any, reopens: bool, word: str
) -> None:
    await client_page.evaluate(FAREWELL, ["conference_ended", reopens])
    assert await client_page.get_by_test_id("rejoin").inner_text() == word
    told = await client_page.get_by_test_id("closed-reason").inner_text()
    assert ("when an organizer comes back" in told) is not reopens


async def test_the_door_of_an_ended_conference_says_so(client_page: Any) -> None:
    await serve(client_page, running=False)
    await client_page.goto(f"{ORIGIN}/c/demo#invite=secret")
    await client_page.get_by_test_id("join-button").wait_for()
    assert "The conference has ended." in await client_page.locator(".join-card").inner_text()


@pytest.mark.parametrize("recorded", [True, False])
async def test_the_door_says_that_a_conference_is_being_recorded(client_page: Any, recorded: bool) -> None:
    await serve(client_page, running=True, recorded=recorded)
    await client_page.goto(f"{ORIGIN}/c/demo#invite=secret")
    await client_page.get_by_test_id("join-button").wait_for()
    assert await client_page.get_by_test_id("join-recorded").count() == recorded


async def test_a_guest_link_opened_in_the_page_that_asks_for_one_leads_in(client_page: Any) -> None:
    await serve(client_page, running=True)
    await client_page.goto(f"{ORIGIN}/c/demo")
    await client_page.locator("[data-testid=closed][data-code=nobody]").wait_for()
    await client_page.goto(f"{ORIGIN}/c/demo#invite=secret")
    await client_page.get_by_test_id("join-name").wait_for()
    assert client_page.url == f"{ORIGIN}/c/demo"


@pytest.mark.parametrize("running", [True, False])
async def test_the_console_of_an_ended_conference_opens_it_only_when_told_to(client_page: Any, running: bool) -> None:
    await serve(client_page, running=running)
    await client_page.add_init_script("localStorage.setItem('podium.token', 'a.b.c')")
    await client_page.goto(f"{ORIGIN}/console/demo")
    if not running:
        await client_page.get_by_test_id("gate-reopen").wait_for()
        assert await client_page.evaluate("window.sockets") == []
        await client_page.get_by_test_id("gate-reopen").click()
    await client_page.wait_for_function("window.sockets.length > 0")
