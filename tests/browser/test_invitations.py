"""Inviting by e-mail and registering, in a real browser, with a real mail server: from the page to the conference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import enter, screenshot
from tests.harness import Server
from tests.smtp_server import SmtpServer


async def test_people_are_invited_register_are_approved_and_withdrawn(
    podium_server: Callable[..., Server], chromium: Any, tmp_path: Path
) -> None:
    mails = SmtpServer(tmp_path / "mails").start()
    try:
        server = podium_server("--public-ip", "127.0.0.1", *mails.flags)
        page = await chromium(reduced_motion="reduce")
        await page.goto(f"{server.url}/#code={server.code}&next=/")
        await page.get_by_test_id("conference-invitations").click()
        await expect(page.get_by_test_id("attendees-count")).to_have_text("Nobody yet.")
        await page.get_by_test_id("plan-starts").fill("2031-05-06T10:00")
        await page.get_by_test_id("plan-ends").fill("2031-05-06T11:30")
        await page.get_by_test_id("plan-save").click()
        await page.get_by_test_id("invite-send").click()
        await expect(page.get_by_test_id("invite-error")).to_have_text("“To whom” is still empty.")
        addresses = "Ben Okafor <ben@example.org>\nnobody@example.org, not an address"
        await page.get_by_test_id("invite-people").fill(addresses)
        await page.get_by_test_id("invite-role-speaker").check(force=True)
        await page.get_by_test_id("invite-note").fill("<b>We begin</b> at ten.")
        await page.get_by_test_id("invite-send").click()
        await expect(page.get_by_test_id("invite-told")).to_contain_text("2 people are told.")
        await expect(page.get_by_test_id("invite-told")).to_contain_text("not an address: This is no e-mail address.")
        await expect(page.get_by_test_id("invite-people")).to_have_value("not an address")
        rows = page.get_by_test_id("attendee")
        ben, nobody = rows.filter(has_text="Ben Okafor"), rows.filter(has_text="nobody@")
        await expect(ben).to_contain_text("Invitation sent", timeout=20_000)
        await expect(nobody).to_contain_text("550 5.1.1 There is nobody of this name", timeout=20_000)
        await screenshot(page, "invitations")

        # The link in the mail leads in, with the role.
        (letter,) = mails.wait(1)
        assert "&lt;b&gt;We begin&lt;/b&gt; at ten." in letter.html and "<b>We begin" not in letter.html
        guest = await enter(await chromium(), letter.link, "Ben")
        await expect(guest.page.get_by_test_id("my-role")).to_have_text("Speaker")
        picture = await chromium(width=390, height=844, color_scheme="dark")
        await picture.set_content(letter.html)
        await screenshot(picture, "letter-390-dark")
        picture = await chromium(color_scheme="light")
        await picture.set_content(letter.html)
        await screenshot(picture, "letter")

        await page.get_by_test_id("registration-mode").select_option("speakers")
        address = await page.get_by_test_id("registration-link").input_value()
        stranger = await chromium(width=390, height=844, color_scheme="dark", reduced_motion="reduce")
        await stranger.goto(address)
        await expect(stranger.get_by_test_id("register-time")).to_contain_text("2031")
        await stranger.get_by_test_id("register-submit").click()
        await expect(stranger.get_by_test_id("register-error")).to_have_text("“Your name” is still empty.")
        await stranger.get_by_test_id("register-name").fill("Cleo")
        await stranger.get_by_test_id("register-email").fill("cleo@example.org")
        await stranger.get_by_test_id("register-speaker").check(force=True)
        await screenshot(stranger, "register-390-dark")
        await stranger.get_by_test_id("register-submit").click()
        said = stranger.get_by_test_id("register-said")
        await expect(said).to_contain_text("on its way to cleo@example.org")
        assert mails.wait(2)[1].subject.startswith("Your registration")

        # Registering what is registered says the same, and changes and sends nothing.
        again = await chromium()
        await again.goto(address)
        await again.get_by_test_id("register-name").fill("Somebody else")
        await again.get_by_test_id("register-email").fill("cleo@example.org")
        await again.get_by_test_id("register-submit").click()
        text = await said.text_content()
        await expect(again.get_by_test_id("register-said")).to_have_text(text)
        cleo = rows.filter(has_text="Cleo")
        await expect(cleo).to_contain_text("Wants to speak", timeout=20_000)
        await expect(rows.filter(has_text="Somebody else")).to_have_count(0)
        await screenshot(page, "invitations-registered")
        await cleo.get_by_test_id("attendee-approve").click()
        await expect(cleo).to_contain_text("Confirmation sent", timeout=20_000)
        confirmed = mails.wait(3)[2]
        assert confirmed.to == "cleo@example.org" and "You take part in" in confirmed.text

        await cleo.get_by_test_id("attendee-withdraw").click()
        await page.get_by_test_id("confirm").click()
        await expect(cleo).to_contain_text("Withdrawn")
        assert mails.wait(4)[3].subject.startswith("Withdrawn")
        token = confirmed.link.partition("#invite=")[2]
        refused = server.request("POST", "/api/v1/guests", {"invite": token, "name": "Cleo"})
        assert refused.json["code"] == "link_revoked"

        phone = await chromium(width=390, height=844, color_scheme="dark", reduced_motion="reduce")
        await phone.goto(server.url)
        await phone.evaluate("token => localStorage.setItem('podium.token', token)", await _token(page))
        await phone.goto(page.url)
        await expect(phone.get_by_test_id("attendee")).to_have_count(3)
        assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await screenshot(phone, "invitations-390-dark")
        await phone.get_by_test_id("attendees-count").scroll_into_view_if_needed()
        await phone.evaluate("scrollTo(0, document.body.scrollHeight)")
        await screenshot(phone, "invitations-390-dark-list")
        assert page.problems == [] and stranger.problems == []
    finally:
        mails.stop()


async def test_who_may_not_invite_is_told_so_and_a_closed_registration_says_so(
    podium_server: Callable[..., Server], chromium: Any, clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    page = await chromium()
    moderator = server.guest("Mia", "moderator")
    await clients(server, moderator, server.conference)
    await page.goto(f"{server.url}/register/{server.conference}")
    await expect(page.get_by_test_id("register-said")).to_contain_text("The registration is closed.")
    keep = "([name, token]) => localStorage.setItem(name, token)"
    await page.evaluate(keep, [f"podium.guest.{server.conference}", moderator.token])
    await page.goto(f"{server.url}/invitations/{server.conference}")
    await expect(page.get_by_test_id("gate-text")).to_have_text("Organizers invite people by e-mail.")
    await page.evaluate(keep, ["podium.token", server.login().token])
    await page.reload()
    await expect(page.get_by_test_id("no-mail")).to_be_visible()
    await expect(page.get_by_test_id("invite-send")).to_be_disabled()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")


async def _token(page: Any) -> str:
    return str(await page.evaluate("localStorage.getItem('podium.token')"))
