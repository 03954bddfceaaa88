"""Groups in the control panel in a real browser: members come and go, and what the operator right gives is real."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.pages import screenshot
from tests.browser.test_panel import open_panel, sections
from tests.harness import Server
from tests.server.workspace.support import join


async def test_a_group_is_made_filled_given_the_operator_right_and_removed(
    shared_server: Server, chromium: Any
) -> None:
    server, page = shared_server, await chromium(reduced_motion="reduce")
    anna, admin = join(server, "member", name="Anna Berg"), join(server, "admin")
    await open_panel(page, server, admin, "#groups")
    await page.get_by_test_id("group-new").click()
    await page.get_by_test_id("group-name").fill("Help desk!")
    await page.get_by_test_id("group-form-confirm").click()
    await expect(page.get_by_test_id("group-form-error")).to_contain_text("1 to 64 of the characters a-z")
    await expect(page.get_by_test_id("group-name")).to_be_focused()
    await page.get_by_test_id("group-name").fill("helpdesk")
    await page.get_by_test_id("group-form-confirm").click()
    group = page.get_by_test_id("group").filter(has_text="helpdesk")
    await expect(group).to_contain_text("0 members")

    await group.get_by_test_id("group-open").click()
    await page.get_by_test_id("group-add").fill("nobody")
    await page.get_by_test_id("group-add-confirm").click()
    await expect(page.get_by_test_id("group-error")).to_have_text("There is no such account.")
    await page.get_by_test_id("group-add").fill(anna.name)
    await expect(page.locator("#group-known option")).to_have_attribute("value", anna.name)
    await page.get_by_test_id("group-add-confirm").click()
    await expect(page.get_by_test_id("group-member")).to_contain_text("Anna Berg")
    conference = f"/api/v1/conferences/{server.conference}/invitations"
    assert server.request("GET", conference, token=anna.token).status == 403
    switch = page.get_by_test_id("group-operator")
    await expect(switch).to_have_accessible_description(
        "Operators are organizers in every conference on this server: they may do everything there."
    )
    await switch.check()
    await screenshot(page, "group")
    await page.get_by_test_id("group-done").click()
    await expect(group).to_contain_text("Operators")
    await expect(group.get_by_test_id("group-open")).to_be_focused()
    assert server.request("GET", conference, token=anna.token).status == 200

    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 390, "height": 844})
    await screenshot(page, "groups-390-dark")
    await group.get_by_test_id("group-open").click()
    await screenshot(page, "group-390-dark")
    await page.get_by_test_id("group-take-out").click()
    await expect(page.get_by_test_id("group-dialog")).to_contain_text("Nobody is in this group yet.")
    assert server.request("GET", conference, token=anna.token).status == 403
    await page.get_by_test_id("group-done").click()
    await group.get_by_test_id("group-remove").click()
    await page.get_by_test_id("confirm").click()
    await expect(group).to_have_count(0)
    assert server.api("GET", "/groups", token=admin.token) == {"groups": [], "next": None}
    await open_panel(page, server, anna)
    assert "groups" not in await sections(page)
