"""The control panel in a real browser: the owner furnishes the workspace and invites somebody, who joins and sees what
a member may; and what every page says while the company is switched off."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.pages import screenshot
from tests.harness import Guest, Server
from tests.server.workspace.support import PASSWORD, join
from tests.server.workspace.test_picture import chunk

SECTIONS = ["profile", "me", "people", "groups", "invitations", "attributes", "templates", "company", "record"]
OF_A_MEMBER = ["profile", "me", "invitations", "attributes", "templates"]
OF_A_SECURITY_ADMIN = ["profile", "record"]


@pytest.fixture
def visit(chromium: Callable[..., Any]) -> Callable[..., Any]:
    """Pages of people who like it calm: an animation is waited for before each click."""
    return partial(chromium, reduced_motion="reduce")


def logo(width: int = 160, height: int = 80) -> bytes:
    """A PNG with colours enough to be seen."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (x, y, 200)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def open_panel(page: Any, server: Server, somebody: Guest, section: str = "") -> None:
    """The panel as somebody who is signed in."""
    await page.goto(f"{server.url}/company")
    await page.evaluate("token => localStorage.setItem('podium.token', token)", somebody.token)
    await page.goto(f"{server.url}/panel{section}")
    await page.get_by_test_id("section-profile").wait_for()


async def sections(page: Any) -> list[str]:
    """The sections that the page offers."""
    links = page.get_by_role("navigation", name="Control panel").get_by_role("link")
    await links.first.wait_for()
    return [(await link.get_attribute("href")).removeprefix("#") for link in await links.all()]


async def fill(page: Any, **fields: str) -> None:
    """Type into fields by their test ids, with - for _."""
    for name, text in fields.items():
        await page.get_by_test_id(name.replace("_", "-")).fill(text)


async def test_the_owner_furnishes_the_workspace(shared_server: Server, visit: Any) -> None:
    server, page = shared_server, await visit()
    await open_panel(page, server, server.login())
    assert await sections(page) == SECTIONS

    # A profile that makes no sense is refused with a sentence, at the field that it is about.
    await fill(page, profile_name="Acme & Sons", profile_description="We meet.", profile_zone="Mars/Olympus")
    await page.get_by_test_id("profile-save").click()
    await expect(page.get_by_test_id("profile-error")).to_contain_text("There is no such time zone")
    await expect(page.get_by_label("Time zone")).to_be_focused()
    await expect(page.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    # What was typed is not lost by going elsewhere without a question.
    await page.get_by_test_id("section-people").click()
    await page.get_by_test_id("ask").get_by_role("button", name="Stay").click()
    await expect(page.get_by_test_id("profile-description")).to_have_value("We meet.")
    await expect(page).to_have_url(re.compile("/panel$"))
    await fill(page, profile_zone="Europe/Vienna")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("toast")).to_have_text("The profile is saved.")

    # A logo is looked at before it is sent.
    picture = {"name": "logo.png", "mimeType": "image/png", "buffer": logo()}
    await page.get_by_test_id("logo-file").set_input_files({**picture, "buffer": b"GIF89a" + bytes(100)})
    await page.get_by_test_id("logo-save").click()
    await expect(page.get_by_test_id("logo-error")).to_contain_text("PNG")
    await page.get_by_test_id("logo-file").set_input_files(picture)
    await expect(page.get_by_test_id("logo-state")).to_have_text("logo.png: not saved yet.")
    await expect(page.get_by_test_id("logo")).to_have_attribute("src", re.compile("^blob:"))
    assert server.api("GET", "/workspace/company")["logo"] is None
    await page.get_by_test_id("logo-save").click()
    await expect(page.get_by_test_id("logo-state")).to_have_text("This is the logo.")

    # An attribute with choices, by the keyboard alone.
    await page.get_by_test_id("section-attributes").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.get_by_test_id("attribute-new").wait_for()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.type("Department")
    await page.get_by_test_id("attribute-kind").select_option("choice")
    await page.get_by_test_id("attribute-form-confirm").click()
    await expect(page.get_by_test_id("attribute-form-error")).to_have_text("“Choices” is still empty.")
    await fill(page, attribute_choices="Editing\nSales")
    await page.get_by_test_id("attribute-form-confirm").click()
    await expect(page.get_by_test_id("attribute")).to_contain_text(re.compile("Department.*Sales"))

    # A template is read while it is written, and what could not be sent is said.
    await page.get_by_test_id("section-templates").click()
    await page.get_by_test_id("template-new").click()
    await fill(page, template_name="Greeting", template_subject="Welcome to {workspace}", template_body="Hello ")
    await page.get_by_test_id("placeholder-name").click()
    preview = page.get_by_test_id("template-preview")
    await expect(preview).to_contain_text(re.compile("Welcome to Acme & Sons.*Hello Anna Berger"))
    await page.keyboard.type(" {")
    await expect(page.get_by_test_id("template-problem")).to_contain_text("A brace stands alone")
    await page.keyboard.press("Backspace")
    await expect(page.get_by_test_id("template-problem")).to_be_empty()
    await screenshot(page, "panel-template")
    await page.get_by_test_id("template-form-confirm").click()
    await expect(page.get_by_test_id("template")).to_contain_text("Greeting")

    # All of that is in the record, as sentences; and on the company page, for everybody.
    await page.get_by_test_id("section-record").click()
    for entry in ("changed the profile", "changed the logo", "made the attribute “Department”", "wrote the e-mail"):
        await expect(page.get_by_test_id("entry").filter(has_text=entry)).to_have_count(1)
    assert [line for line in page.problems if "400" not in line] == []  # what was refused on purpose
    stranger = await visit(width=390, height=844, color_scheme="dark")
    await stranger.goto(f"{server.url}/company")
    await expect(stranger.get_by_test_id("company-name")).to_have_text("Acme & Sons")
    await expect(stranger.get_by_role("img", name="Logo of Acme & Sons")).to_have_js_property("naturalWidth", 160)
    await screenshot(stranger, "company-dark-390")
    await stranger.get_by_test_id("company-sign-in").click()
    await expect(stranger.get_by_test_id("login-name")).to_be_visible()
    assert stranger.problems == []


async def test_an_invited_person_joins_and_sees_what_a_member_may(shared_server: Server, visit: Any) -> None:
    server, page = shared_server, await visit()
    field = {"name": "Telephone", "kind": "text"}
    server.api("POST", "/workspace/attributes", field, server.login().token)
    await open_panel(page, server, server.login(), "#invitations")
    await page.get_by_test_id("invite").click()
    await fill(page, invite_email="not an address")
    await page.get_by_test_id("invite-form-confirm").click()
    await expect(page.get_by_test_id("invite-form-error")).to_contain_text("is not right yet")
    await fill(page, invite_email="mia@example.org")
    await page.get_by_test_id("invite-form-confirm").click()
    link = await page.get_by_test_id("invitation-link").input_value()
    await page.get_by_test_id("invitation-done").click()
    await expect(page.get_by_test_id("invitation")).to_contain_text("mia@example.org")

    other = await visit(width=390, height=844, color_scheme="dark")
    await other.goto(link)
    await expect(other.get_by_role("heading", level=1)).to_be_focused()
    assert "invitation" not in other.url
    await other.reload()
    await fill(other, join_name="Mia", join_login="owner", join_password=PASSWORD)
    await other.get_by_test_id("join-submit").click()
    await expect(other.get_by_test_id("join-error")).to_contain_text("owner")
    await screenshot(other, "join-dark-390")
    await fill(other, join_login="mia")
    await other.get_by_test_id("join-submit").click()
    await other.get_by_test_id("panel-link").click()
    assert await sections(other) == OF_A_MEMBER
    await expect(other.get_by_test_id("profile-shown")).to_be_visible()
    await expect(other.get_by_test_id("profile-save")).to_have_count(0)
    await expect(other.get_by_test_id("logo-card")).to_have_count(0)
    await other.get_by_test_id("section-me").click()
    await expect(other.get_by_label("Login")).to_have_count(0)
    await other.get_by_label("Telephone").fill("+43 1 2345")
    await other.get_by_test_id("me-save").click()
    await expect(other.get_by_test_id("toast")).to_have_text("Your account is saved.")
    await other.get_by_test_id("section-attributes").click()
    await expect(other.get_by_test_id("attribute").filter(has_text="Telephone")).to_be_visible()
    await expect(other.get_by_test_id("attribute-edit").or_(other.get_by_test_id("attribute-delete"))).to_have_count(0)
    await other.get_by_test_id("section-invitations").click()
    await other.get_by_test_id("invite").click()
    assert await other.get_by_test_id("invite-role").locator("option").all_inner_texts() == ["Member"]
    again = await visit()
    await again.goto(link)
    await expect(again.get_by_test_id("join-refused")).to_contain_text("has been used")

    # The owner finds them, and makes an admin of them: the next section that is opened shows it.
    await page.get_by_test_id("section-people").click()
    await page.get_by_test_id("people-search").fill("mi")
    row = page.get_by_test_id("person")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Telephone: +43 1 2345")
    await row.get_by_test_id("person-edit").click()
    await page.get_by_test_id("person-role").select_option("admin")
    await page.get_by_test_id("person-dialog-confirm").click()
    await expect(row).to_contain_text("Admin")
    await screenshot(page, "panel-people")
    await other.reload()
    assert await sections(other) == SECTIONS
    await other.get_by_test_id("section-people").click()
    owner = other.locator("[data-testid=person][data-person=owner]")
    await expect(owner).to_be_visible()
    await expect(owner.get_by_role("button")).to_have_count(0)
    await row.get_by_test_id("person-remove").click()
    await page.get_by_test_id("confirm").click()
    await expect(row).to_have_count(0)
    await other.get_by_test_id("section-company").click()
    await expect(other.get_by_test_id("login-name")).to_be_visible()


async def test_while_the_company_is_off_the_pages_say_so(shared_server: Server, visit: Any) -> None:
    server, page = shared_server, await visit()
    member = join(server, "member")
    invitation = server.api("POST", "/workspace/invitations", {"server_role": "member"}, server.login().token)
    other = await visit(width=390, height=844)
    await open_panel(other, server, member)
    await open_panel(page, server, server.login(), "#company")
    await page.get_by_test_id("company-switch").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_test_id("company-state")).to_contain_text("Switched off")
    off = "switched off"
    await other.get_by_test_id("section-templates").click()
    await expect(other.get_by_test_id("gate-text")).to_contain_text(off)
    await other.goto(f"{server.url}/")
    await expect(other.locator("#wait-text")).to_contain_text(off)
    await other.goto(f"{server.url}/console/{server.conference}")
    await expect(other.locator("#gate")).to_contain_text(off)
    await other.goto(f"{server.url}{invitation['path']}")
    await expect(other.get_by_test_id("join-refused")).to_contain_text(off)
    await other.goto(f"{server.url}/company")
    await expect(other.get_by_test_id("company-off")).to_contain_text(off)
    await page.get_by_test_id("company-switch").click()
    await expect(page.get_by_test_id("company-state")).to_contain_text("Switched on")
    await open_panel(other, server, member)
    assert await sections(other) == OF_A_MEMBER
    await open_panel(other, server, join(server, "security_admin"))
    assert await sections(other) == OF_A_SECURITY_ADMIN
