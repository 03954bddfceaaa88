"""The home page in a real browser: the first start, signing in and out, making a conference."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.async_api import expect

from tests.harness import Server
from tests.server.identity.provider import CLIENT, SECRET, Provider


async def test_the_owners_link_signs_in_once_and_leaves_no_code_behind(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server()
    page = await chromium()
    await page.goto(f"{server.url}/#code={server.code}&next=/")
    await expect(page.get_by_test_id("conference-card")).to_have_count(1)
    assert page.url == f"{server.url}/"
    await page.go_back()
    assert "code" not in page.url
    other = await chromium()
    await other.goto(f"{server.url}/#code={server.code}&next=/c/{server.conference}")
    await expect(other.locator("#sign-in-note")).to_contain_text("works once")
    assert other.url == f"{server.url}/"
    assert page.problems == []


async def test_after_setting_a_password_the_owner_signs_out_and_in_again(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server()
    page = await chromium()
    await page.goto(f"{server.url}/#code={server.code}&next=/")
    await page.get_by_test_id("first-run-password").click()
    await page.get_by_test_id("password-new").fill("correct horse")
    await page.get_by_test_id("password-again").fill("battery staple")
    await page.get_by_test_id("password-save").click()
    await expect(page.get_by_test_id("password-error")).to_have_text("The two new passwords are not the same.")
    await page.get_by_test_id("password-again").fill("correct horse")
    await page.get_by_test_id("password-save").click()
    await expect(page.get_by_test_id("first-run")).to_have_count(0)
    await page.get_by_test_id("account-menu").click()
    await page.get_by_test_id("account-sign-out").click()
    assert await page.evaluate("localStorage.getItem('podium.token')") is None
    await page.get_by_test_id("login-name").fill("owner")
    await page.get_by_test_id("login-password").fill("wrong")
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("login-error")).to_have_text("The login or the password is not right.")
    await page.get_by_test_id("login-password").fill("correct horse")
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("conference-card")).to_have_count(1)


async def test_a_conference_is_made_and_its_guest_link_leads_into_it(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server()
    page = await chromium()
    await page.goto(f"{server.url}/#code={server.code}&next=/")
    await page.get_by_test_id("create-title").fill("Reading circle")
    await page.get_by_test_id("create-submit").click()
    card = page.get_by_test_id("conference-card").filter(has_text="Reading circle")
    await card.get_by_test_id("conference-invite").click()
    await page.get_by_test_id("invite-make").click()
    await expect(page.get_by_test_id("invite-link")).to_have_value(re.compile(re.escape(f"{server.url}/c/")))
    link = await page.get_by_test_id("invite-link").input_value()
    guest = server.api("POST", "/guests", {"invite": link.partition("#invite=")[2], "name": "Gil"})
    assert guest["conference"] == await card.get_attribute("data-conference")


async def test_a_console_asked_for_while_signed_out_opens_after_signing_in(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    server = podium_server()
    server.api("PUT", "/me/password", {"password": "correct horse"}, server.login().token)
    page = await chromium()
    await page.goto(f"{server.url}/console/{server.conference}")
    await page.get_by_test_id("gate-sign-in").click()
    await page.get_by_test_id("login-name").fill("owner")
    await page.get_by_test_id("login-password").fill("correct horse")
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("console-state")).to_have_text("Live")


async def test_single_sign_on_signs_in_and_leads_on_and_a_plan_is_shown(
    podium_server: Callable[..., Server], chromium: Any
) -> None:
    provider = Provider()
    try:
        flags = ("--oidc-issuer", provider.issuer, "--oidc-audience", CLIENT, "--oidc-name", "Example")
        server = podium_server(*flags, environment={"PODIUM_OIDC_CLIENT_SECRET": SECRET})
        page = await chromium()
        provider.set(broken="refuses")
        await page.goto(f"{server.url}/#next=/")
        await page.get_by_test_id("login-sso").click()
        await expect(page.locator("#sign-in-note")).to_contain_text("did not let you in")
        provider.set(broken="")
        await expect(page.get_by_test_id("login-sso")).to_have_text("Log in with Example")
        await page.get_by_test_id("login-sso").click()
        await expect(page.get_by_test_id("account-menu")).to_be_visible()
        assert page.url == f"{server.url}/"
        token = await page.evaluate("localStorage.getItem('podium.token')")
        later = {"title": "Weekly", "starts": int(time.time() * 1000) + 86_400_000}
        made = server.api("POST", "/conferences", later, token)["conference"]
        await page.reload()
        await expect(page.get_by_test_id("conference-starts")).to_have_text(re.compile(r"^Starts \w+ \d"))
        # Asked to sign in on the way to a conference, one is there afterwards.
        other = await chromium()
        await other.goto(f"{server.url}/#next=/c/{made}")
        await other.get_by_test_id("login-sso").click()
        await other.wait_for_url(f"{server.url}/c/{made}")
        assert page.problems == [] and other.problems == []
    finally:
        provider.stop()
