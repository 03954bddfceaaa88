"""Events on the start page in a real browser: sessions with a time, and people with one role in all of them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import screenshot
from tests.harness import Server
from tests.server.workspace.support import join


async def test_an_event_is_made_with_sessions_and_people_whose_role_is_in_each(
    shared_server: Server, chromium: Any, clients: Any
) -> None:
    server, page = shared_server, await chromium(reduced_motion="reduce")
    teacher, anna = join(server, "member"), join(server, "member", name="Anna Berg")
    await page.goto(f"{server.url}/company")
    await page.evaluate("token => localStorage.setItem('podium.token', token)", teacher.token)
    later = {"title": "Evening", "starts": int(time.time() * 1000) + 86_400_000}
    server.api("POST", "/conferences", later, teacher.token)
    await page.goto(f"{server.url}/")
    await page.get_by_test_id("event-new").click()
    await page.get_by_test_id("event-form-confirm").click()
    await expect(page.get_by_test_id("event-form-error")).to_have_text("“Title” is still empty.")
    await page.get_by_test_id("event-title").fill("Spring congress")
    await page.get_by_test_id("event-form-confirm").click()
    event = page.get_by_test_id("event").filter(has_text="Spring congress")
    await expect(event).to_contain_text("No session yet.")

    await event.get_by_test_id("event-add-session").click()
    await page.get_by_test_id("session-title").fill("Morning")
    now = datetime.now().replace(second=0, microsecond=0)
    await page.get_by_test_id("session-starts").fill((now - timedelta(days=1)).isoformat()[:16])
    await page.get_by_test_id("session-form-confirm").click()
    await expect(page.get_by_test_id("session-form-error")).to_have_text(
        "The start is in the past; choose a later time."
    )
    starts = now + timedelta(days=2)
    await page.get_by_test_id("session-starts").fill(starts.isoformat()[:16])
    await page.get_by_test_id("session-ends").fill((starts - timedelta(hours=1)).isoformat()[:16])
    await page.get_by_test_id("session-form-confirm").click()
    await expect(page.get_by_test_id("session-ends")).to_be_visible()
    await expect(page.get_by_test_id("session-form-error")).not_to_have_text("")
    await page.get_by_test_id("session-ends").fill((starts + timedelta(hours=1)).isoformat()[:16])
    await screenshot(page, "event-session")
    await page.get_by_test_id("session-form-confirm").click()
    link = event.get_by_role("link", name="Morning")
    await expect(link).to_be_visible()
    await expect(event.get_by_test_id("event-add-session")).to_be_focused()
    await expect(page.get_by_test_id("conference-card").filter(has_text="Morning")).to_be_visible(timeout=3000)
    conference = str(await link.get_attribute("href")).removeprefix("/c/")
    planned = server.api("GET", f"/conferences/{conference}", token=teacher.token)
    assert planned["starts"] == int(starts.timestamp() * 1000)

    # A conference that there is keeps its own time; the sessions stand in order of time.
    await event.get_by_test_id("event-add-session").click()
    await page.get_by_test_id("session-which").select_option(label="Evening")
    await expect(page.get_by_test_id("session-starts")).to_be_hidden()
    await page.get_by_test_id("session-form-confirm").click()
    await expect(event.get_by_role("link")).to_have_text(["Evening", "Morning"])

    await event.get_by_test_id("event-people").click()
    await page.get_by_test_id("member-add").fill("nobody")
    await page.get_by_test_id("member-add-confirm").click()
    await expect(page.get_by_test_id("members-error")).to_have_text("There is no such account.")
    await page.get_by_test_id("member-add").fill(anna.name)
    await page.get_by_test_id("member-add-role").select_option("moderator")
    await page.get_by_test_id("member-add-confirm").click()
    await expect(page.get_by_test_id("member")).to_contain_text("Anna Berg")
    inside = await clients(server, anna, conference)
    assert inside.person(anna.identity)["role"] == "moderator"
    await screenshot(page, "event-people")
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 390, "height": 844})
    await screenshot(page, "event-people-390-dark")
    await page.get_by_test_id("member-role").select_option("viewer")
    await expect(page.get_by_test_id("member-role")).to_be_focused()
    await page.get_by_test_id("members-done").click()
    await expect(event.get_by_test_id("event-people")).to_have_text("People: 1")
    assert (await inside.event("role.assigned", person=anna.identity))["role"] == "viewer"
    await event.scroll_into_view_if_needed()
    await screenshot(page, "events-390-dark")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await event.scroll_into_view_if_needed()
    await screenshot(page, "events-dark")

    await event.get_by_test_id("event-remove").click()
    await page.get_by_test_id("confirm").click()
    await expect(event).to_have_count(0)
    assert server.api("GET", "/events", token=teacher.token) == {"events": [], "next": None}
    await expect(page.get_by_test_id("conference-card").filter(has_text="Morning")).to_be_visible()


async def test_a_session_is_taken_out_by_the_events_owner_and_by_its_own(shared_server: Server, chromium: Any) -> None:
    server, page = shared_server, await chromium(reduced_motion="reduce")
    teacher, owner = join(server, "member"), server.login()
    for title in ("Mine", "Also mine"):
        body = {"title": title, "starts": int(time.time() * 1000) + 86_400_000}
        made = server.api("POST", "/conferences", body, teacher.token)["conference"]
        by = teacher if title == "Mine" else owner
        event = server.api("POST", "/events", {"title": f"Event of {title}"}, by.token)["event"]
        server.api("POST", f"/events/{event}/sessions", {"conference": made}, by.token)
    await page.goto(f"{server.url}/company")
    await page.evaluate("token => localStorage.setItem('podium.token', token)", teacher.token)
    await page.goto(f"{server.url}/")
    ours = page.get_by_test_id("event").filter(has_text="Event of Mine")
    taken = page.get_by_test_id("conference-take-out")
    await expect(taken).to_have_count(2)
    await screenshot(page, "event-take-out")
    await ours.get_by_role("button", name="Take Mine out of the event").click()
    await expect(page.get_by_test_id("ask")).to_contain_text("Everybody keeps their role in it.")
    await page.get_by_test_id("confirm").click()
    await expect(ours).to_contain_text("No session yet.")
    await expect(taken).to_have_count(1)
    # Of an event that one does not see, by the card of the conference.
    await taken.click()
    await page.get_by_test_id("confirm").click()
    await expect(taken).to_have_count(0)
    card = page.get_by_test_id("conference-card").filter(has_text="Also mine")
    await expect(card.get_by_test_id("conference-open")).to_be_focused()
    assert server.api("GET", f"/events/{event}", token=owner.token)["sessions"] == []
