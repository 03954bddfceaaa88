"""The moderator console in a real browser: it shows what is so, offers what one may, and does what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.hall import Hall, line, open_console
from tests.harness import Client, Guest, Refused, Server


def waiting(page: Any) -> Any:
    """The queue's names, front first."""
    return page.get_by_test_id("queue-item").locator(".truncate")


async def ask(hall: Hall, clients: Callable[..., Any]) -> list[Client]:
    """Three guests who ask for the stage: Ada, Ben and Cyd, in this order."""
    found = [await clients(hall.server, hall.guest(name), hall.conference) for name in ("Ada", "Ben", "Cyd")]
    for one in found:
        await one.send("stage.request")
    return found


@pytest.fixture
async def crowd(hall: Hall, clients: Callable[..., Any]) -> list[Client]:
    return await ask(hall, clients)


async def test_the_queue_is_reordered_granted_and_refused(hall: Hall, crowd: list[Client], chromium: Any) -> None:
    ada, ben, cyd = crowd
    page = await open_console(hall, chromium, hall.server.login())
    await expect(waiting(page)).to_have_text(["Ada", "Ben", "Cyd"])
    await page.get_by_label("Move Cyd up").click()
    await expect(waiting(page)).to_have_text(["Ada", "Cyd", "Ben"])
    await page.get_by_label("Let Ada on the stage").click()
    await ada.event("stage.taken", person=ada.identity)
    await page.get_by_label("Refuse Cyd").click()
    await cyd.event("stage.refused", person=cyd.identity)
    await expect(waiting(page)).to_have_text(["Ben"])
    await expect(page.get_by_test_id("count-stage")).to_have_text("1")
    await expect(line(page, ada.identity).get_by_test_id("person-place")).to_have_text("On stage")
    await expect(line(page, ben.identity).get_by_test_id("person-place")).to_have_text("Asking, no. 1")
    await expect(page.get_by_test_id("log-entry").first).to_contain_text("refused the request of Cyd")
    assert page.problems == []


async def test_by_keyboard_alone_somebody_is_found_muted_locked_and_removed(
    hall: Hall, crowd: list[Client], chromium: Any
) -> None:
    ben = crowd[1]
    page = await open_console(hall, chromium, hall.server.login())
    microphone = line(page, ben.identity).get_by_test_id("person-audio")
    await expect(microphone).to_have_attribute("aria-disabled", "false")
    await page.keyboard.press("/")
    await page.keyboard.type("ben")
    await expect(page.get_by_test_id("person")).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("m")
    await expect(microphone).to_have_attribute("data-is", "muted")
    await page.keyboard.press("l")
    await expect(microphone).to_have_attribute("data-is", "locked")
    with pytest.raises(Refused) as refused:
        await ben.send("media.unmute", source="audio")
    assert refused.value.code == "locked"
    await page.keyboard.press("Delete")
    await page.keyboard.type("Wrong room")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await asyncio.wait_for(ben.closed.wait(), 10)
    assert ben.closing is not None and ben.closing["code"] == "removed"
    await expect(page.get_by_test_id("person")).to_have_count(0)


async def let_both_on_the_stage(page: Any) -> None:
    # One after the other: whoever comes on the stage moves the lines, and a click may fall between them.
    for taken, name in enumerate(("Ada", "Ben"), 1):
        await page.get_by_label(f"Let {name} on the stage").click()
        await expect(page.get_by_test_id("count-stage")).to_have_text(str(taken))


async def test_one_button_mutes_everyone_on_the_stage_but_nobody_else(
    hall: Hall, crowd: list[Client], chromium: Any
) -> None:
    ada, ben, cyd = crowd
    page = await open_console(hall, chromium, hall.server.login())
    await let_both_on_the_stage(page)
    await page.get_by_test_id("mute-stage").click()
    for one in (ada, ben):
        await one.event("media.muted", person=one.identity, source="audio")
        await expect(line(page, one.identity).get_by_test_id("person-audio")).to_have_attribute("data-is", "muted")
    await expect(line(page, cyd.identity).get_by_test_id("person-audio")).to_have_attribute("data-is", "none")
    await expect(page.get_by_test_id("toast")).to_contain_text("Everybody else is muted.")


async def test_everybody_on_the_stage_is_locked_and_unlocked_again_from_the_menu(
    hall: Hall, crowd: list[Client], chromium: Any
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    await let_both_on_the_stage(page)
    for command, state in (("stage-lock-audio", "locked"), ("stage-unmute-audio", "none")):
        await page.get_by_test_id("stage-menu").click()
        await page.get_by_test_id(command).click()
        for one in crowd[:2]:
            await expect(line(page, one.identity).get_by_test_id("person-audio")).to_have_attribute("data-is", state)
    assert page.problems == []


async def test_a_blocked_person_is_out_until_unblocked_in_the_list(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    guest = hall.guest("Ben")
    ben = await clients(hall.server, guest, hall.conference)
    page = await open_console(hall, chromium, hall.server.login())
    await line(page, ben.identity).get_by_test_id("person-menu").click()
    await page.get_by_test_id("menu-block").click()
    await page.get_by_test_id("block-reason").fill("Spam")
    await page.get_by_test_id("block-dialog-confirm").click()
    await asyncio.wait_for(ben.closed.wait(), 10)
    assert ben.closing is not None and ben.closing["code"] == "blocked"
    await expect(line(page, ben.identity)).to_have_count(0)
    with pytest.raises(Refused) as refused:
        await clients(hall.server, guest, hall.conference)
    assert refused.value.code == "blocked"
    await page.get_by_test_id("blocked").click()
    await expect(page.get_by_test_id("blocked-person")).to_contain_text("“Spam”")
    await page.get_by_label("Unblock Ben").click()
    await expect(page.get_by_test_id("blocked-list")).to_have_text("Nobody is blocked.")
    await clients(hall.server, guest, hall.conference)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("blocked")).to_be_hidden()
    await expect(line(page, ben.identity)).to_have_count(1)
    await expect(page.get_by_test_id("log-entry").filter(has_text="blocked Ben")).to_have_count(2)
    assert page.problems == []


async def test_a_viewer_is_offered_nothing_until_made_a_moderator(
    hall: Hall, crowd: list[Client], chromium: Any, clients: Callable[..., Any]
) -> None:
    viewer = hall.guest("Vic")
    page = await open_console(hall, chromium, viewer)
    await line(page, crowd[0].identity).get_by_test_id("person-menu").click()
    await expect(page.get_by_test_id("menu")).to_contain_text("There is nothing you may do here.")
    await page.keyboard.press("Escape")
    for command in ("console-end", "console-settings", "mute-stage", "queue-grant", "person-stage"):
        await expect(page.get_by_test_id(command).locator("visible=true")).to_have_count(0)
    owner = await clients(hall.server, hall.server.login(), hall.conference, console=True)
    await owner.send("role.assign", target=viewer.identity, role="moderator")
    await expect(page.get_by_test_id("console-end")).to_be_visible()
    await page.get_by_label("Let Ada on the stage").click()
    await crowd[0].event("stage.taken", person=crowd[0].identity)


async def test_settings_are_checked_before_and_shown_after(hall: Hall, chromium: Any) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    await page.get_by_test_id("console-settings").click()
    await page.get_by_test_id("settings-places").fill("37")
    await page.get_by_test_id("settings-dialog-confirm").click()
    await expect(page.get_by_test_id("settings-dialog-error")).to_have_text("The stage has 1 to 36 places.")
    await page.get_by_test_id("settings-places").fill("2")
    await page.get_by_test_id("settings-title").fill("Quarterly <b>numbers</b>")
    await page.get_by_test_id("settings-dialog-confirm").click()
    await expect(page.get_by_test_id("console-title")).to_have_text("Quarterly <b>numbers</b>")
    await expect(page.get_by_test_id("count-places")).to_have_text("/ 2")


async def test_access_guests_and_the_mode_are_settings_too(hall: Hall, crowd: list[Client], chromium: Any) -> None:
    ada = crowd[0]
    page = await open_console(hall, chromium, hall.server.login())
    await page.get_by_test_id("console-settings").click()
    await expect(page.get_by_test_id("settings-teacher")).to_be_hidden()
    await page.get_by_test_id("settings-mode").select_option("video_lecture")
    await page.get_by_test_id("settings-teacher").select_option(ada.identity)
    await page.get_by_test_id("settings-capacity").fill("40")
    await page.get_by_test_id("settings-outsiders").select_option("speaker")
    await page.get_by_test_id("settings-guest-video").uncheck()
    await page.get_by_test_id("settings-force").check()
    await page.get_by_test_id("settings-dialog-confirm").click()
    changed = await ada.event("conference.settings_changed")
    assert changed["settings"] == {
        "outsiders": "speaker",
        "guests_may": {"video": False},
        "capacity": 40,
        "force_unmute": True,
    }
    mode = await ada.event("conference.mode_changed")
    assert (mode["mode"], mode["teacher"]) == ("video_lecture", ada.identity)
    await ada.event("stage.taken", person=ada.identity)
    await expect(page.get_by_test_id("settings-dialog")).to_have_count(0)
    await page.get_by_test_id("console-settings").click()
    await expect(page.get_by_test_id("settings-mode")).to_have_value("video_lecture")
    await expect(page.get_by_test_id("settings-teacher")).to_have_value(ada.identity)
    await expect(page.get_by_test_id("settings-outsiders")).to_have_value("speaker")
    await expect(page.get_by_test_id("settings-guest-video")).not_to_be_checked()
    assert page.problems == []


async def test_a_crowd_is_paged_through_and_searched(hall: Hall, chromium: Any, clients: Callable[..., Any]) -> None:
    # More than the 150 from which a snapshot does not hold everybody any more.
    invite = hall.server.invite(conference=hall.conference)

    async def come(number: int) -> None:
        entry = {"invite": invite, "name": f"Guest {number:03}"}
        guest = await asyncio.to_thread(hall.server.api, "POST", "/guests", entry)
        await clients(hall.server, Guest(guest["token"], guest["identity"], guest["name"]), hall.conference)

    for start in range(0, 160, 20):
        await asyncio.gather(*(come(number) for number in range(start, start + 20)))
    page = await open_console(hall, chromium, hall.server.login())
    await expect(page.get_by_test_id("people-range")).to_have_text("1–50 of 161", timeout=20_000)
    await page.get_by_test_id("page-after").click()
    await expect(page.get_by_test_id("people-range")).to_have_text("51–100 of 161")
    await page.get_by_test_id("people-search").fill("guest 159")
    await expect(page.get_by_test_id("person-name")).to_have_text(["G1Guest 159Guest"])
    assert page.problems == []


async def test_the_console_comes_back_by_itself_after_the_server_was_killed(
    podium_server: Callable[..., Server], clients: Callable[..., Any], chromium: Any
) -> None:
    server = podium_server()
    hall = Hall(server, server.conference)
    await ask(hall, clients)
    page = await open_console(hall, chromium, server.login())
    await page.get_by_label("Let Ada on the stage").click()
    await expect(page.get_by_test_id("count-stage")).to_have_text("1")
    server.kill9()
    await expect(page.get_by_test_id("console-banner")).to_be_visible()
    server.start()
    await expect(page.get_by_test_id("console-state")).to_have_text("Live", timeout=30_000)
    await expect(page.get_by_test_id("count-stage")).to_have_text("1")
    await expect(waiting(page)).to_have_text(["Ben", "Cyd"])


async def test_on_a_phones_width_nothing_is_cut_off(hall: Hall, crowd: list[Client], chromium: Any) -> None:
    page = await open_console(hall, chromium, hall.server.login(), width=390, height=844)
    await expect(line(page, crowd[0].identity).get_by_test_id("person-stage")).to_be_visible()
    wider = (
        "[document.documentElement, document.querySelector('#scroll')].map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert await page.evaluate(wider) == [0, 0]
    await page.get_by_test_id("tab-queue").click()
    await expect(waiting(page)).to_have_text(["Ada", "Ben", "Cyd"])
    await page.get_by_label("Let Ada on the stage").click()
    await crowd[0].event("stage.taken", person=crowd[0].identity)
