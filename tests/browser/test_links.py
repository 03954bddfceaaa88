"""Guest links in a real browser: made with what they allow, listed with what came of them, withdrawn with who came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import enter, guest_link, screenshot
from tests.harness import Server


async def test_a_link_is_made_used_and_withdrawn_with_those_who_came_by_it(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    page = await chromium()
    await page.goto(f"{server.url}/#code={server.code}&next=/")
    await page.get_by_test_id("conference-invite").click()
    # The link that was printed at the start is there; none is made by opening the dialog.
    rows = page.get_by_test_id("invite-row")
    await expect(rows).to_have_count(1)
    await page.get_by_test_id("invite-role-speaker").check(force=True)
    await page.get_by_test_id("invite-label").fill("Choir")
    await page.get_by_test_id("invite-days").select_option("7")
    await page.get_by_test_id("invite-guests").fill("0")
    await page.get_by_test_id("invite-make").click()
    await expect(page.get_by_test_id("invite-error")).to_contain_text("a whole number from 1 on")
    await expect(page.get_by_test_id("invite-guests")).to_be_focused()
    await page.get_by_test_id("invite-guests").fill("2")
    await page.get_by_test_id("invite-make").click()
    await expect(page.get_by_test_id("invite-link")).to_have_value(re.compile(re.escape(f"{server.url}/c/")))
    await expect(page.get_by_test_id("invite-error")).to_have_text("")
    link = await page.get_by_test_id("invite-link").input_value()
    choir = rows.filter(has_text="Choir")
    await expect(choir).to_contain_text(re.compile(r"Speaker.*0 of 2 guests came by it\. Made by you on"))

    # Where nothing can be copied, the link that was made is shown.
    await page.reload()
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => false")
    await page.get_by_test_id("conference-copy").click()
    await expect(page.get_by_test_id("invite-link")).to_have_value(re.compile(re.escape(f"{server.url}/c/")))
    await expect(page.get_by_test_id("invite-copy")).to_be_focused()
    await expect(rows).to_have_count(3)

    gil = await enter(await chromium(reduced_motion="reduce"), link, "Gil")
    await expect(gil.page.get_by_test_id("my-role")).to_have_text("Speaker")
    await page.reload()
    await page.get_by_test_id("conference-invite").click()
    await expect(choir).to_contain_text("1 of 2 guests came by it")
    await screenshot(page, "links")
    await choir.get_by_test_id("invite-withdraw").click()
    await expect(page.get_by_test_id("withdraw")).to_contain_text("Are those who are still inside to be sent out?")
    await screenshot(page, "links-withdraw")
    await page.get_by_test_id("withdraw-leave").click()
    await expect(choir).to_contain_text("Withdrawn")
    await expect(choir.get_by_test_id("invite-withdraw")).to_have_count(0)
    await expect(gil.page.get_by_test_id("stage")).to_be_hidden()
    refused = server.request("POST", "/api/v1/guests", {"invite": link.partition("#invite=")[2], "name": "Ida"})
    assert (refused.status, refused.json["code"]) == (401, "link_revoked")


async def test_in_the_conference_a_moderator_sees_who_made_a_link_and_a_demoted_one_is_refused_in_a_sentence(
    podium_server: Callable[..., Server], chromium: Any, clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    await clients(server, server.login(), server.conference)
    page = await chromium(width=390, height=844, reduced_motion="reduce", color_scheme="dark")
    moderator = await enter(page, guest_link(server, "moderator"), "Mia")
    invite = "document.querySelector('[data-testid=invite]').click()"
    await page.evaluate(invite)
    rows = page.get_by_test_id("invite-row")
    await expect(rows.filter(has_text="Moderator")).to_contain_text("Made by Owner on")
    await page.get_by_test_id("invite-make").click()
    await expect(rows.filter(has_text="Made by you")).to_have_count(1)
    await screenshot(page, "links-390-dark")
    await page.get_by_role("button", name="Close").click()
    # The dialog asks the server, whatever the page believed when it showed the button.
    owner = await clients(server, server.login(), server.conference, console=True)
    button = await page.query_selector("[data-testid=invite]")
    await owner.send("role.assign", target=moderator.identity, role="viewer")
    await expect(page.get_by_test_id("my-role")).to_have_text("Viewer")
    await button.evaluate("button => button.click()")
    await expect(page.get_by_test_id("invite-error")).to_have_text("Organizers and moderators invite guests.")
    await expect(page.get_by_test_id("invite-make")).to_be_hidden()
    await expect(rows).to_have_count(0)
