"""The console's part of the door, of turns to speak, of layouts and devices, in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.browser.hall import Hall, line, open_console
from tests.browser.pages import enter, screenshot, until
from tests.harness import Client, Guest


def at_the_door(page: Any) -> Any:
    return page.get_by_test_id("door-item").locator(".truncate")


async def wait_outside(hall: Hall, clients: Callable[..., Any], name: str) -> Client:
    """A guest who has been told to wait."""
    one: Client = await clients(hall.server, hall.guest(name))
    answer = await one.send("conference.join", conference=hall.conference)
    assert answer["result"] == {"type": "held", "reason": "lobby"}
    return one


async def test_who_waits_at_the_door_is_let_in_sent_away_or_blocked(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    await page.get_by_test_id("console-settings").click()
    await page.get_by_test_id("settings-lobby").select_option("guests")
    await page.get_by_test_id("settings-dialog-confirm").click()
    await expect(page.get_by_test_id("settings-dialog")).to_have_count(0)
    ada, ben, cyd = [await wait_outside(hall, clients, name) for name in ("Ada", "Ben", "Cyd")]
    await expect(at_the_door(page)).to_have_text(["Ada", "Ben", "Cyd"])
    await screenshot(page, "console-door")
    await page.get_by_label("Let Ada in").click()
    await ada.signal("admitted")
    await expect(line(page, ada.identity)).to_have_count(1)
    await page.get_by_label("Send Ben away").click()
    await asyncio.wait_for(ben.closed.wait(), 10)
    assert ben.closing is not None and ben.closing["code"] == "not_admitted"
    await page.get_by_label("Block Cyd").click()
    await asyncio.wait_for(cyd.closed.wait(), 10)
    assert cyd.closing is not None and cyd.closing["code"] == "blocked"
    await expect(page.get_by_test_id("door")).to_be_hidden()
    assert page.problems == []


async def test_a_conference_that_is_held_back_is_begun_from_the_console(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    await page.get_by_test_id("console-settings").click()
    await page.get_by_test_id("settings-backstage").check()
    await page.get_by_test_id("settings-pin").fill("2468")
    await page.get_by_test_id("settings-dialog-confirm").click()
    viewer = await clients(hall.server, hall.guest("Vic"))
    held = await viewer.send("conference.join", conference=hall.conference, pin="2468")
    assert held["result"] == {"type": "held", "reason": "backstage"}
    await expect(page.get_by_test_id("held")).to_contain_text("One person waits for that.")
    await page.get_by_test_id("console-start").click()
    await viewer.signal("admitted")
    await expect(page.get_by_test_id("held")).to_be_hidden()
    await expect(line(page, viewer.identity)).to_have_count(1)
    assert page.problems == []


async def test_a_turn_to_speak_is_granted_counted_down_and_ended(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    await page.get_by_test_id("console-settings").click()
    await page.get_by_test_id("settings-remark").fill("40")
    await page.get_by_test_id("settings-dialog-confirm").click()
    await expect(page.get_by_test_id("settings-dialog")).to_have_count(0)
    ada = await clients(hall.server, hall.guest("Ada"), hall.conference)
    await ada.send("remark.request")
    await page.get_by_label("Let Ada speak").click()
    granted = await ada.event("remark.granted", person=ada.identity)
    assert granted["until"] - granted["time"] == 40_000
    turn = page.get_by_test_id("remark-item")
    await expect(turn).to_contain_text("speaks · 39 s", timeout=3_000)
    await page.get_by_label("End the turn of Ada").click()
    await ada.event("remark.ended", person=ada.identity)
    await expect(page.get_by_test_id("remarks")).to_be_hidden()
    assert page.problems == []


async def test_the_layout_is_chosen_and_somebodys_camera_switched_from_the_console(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    ada = await clients(hall.server, hall.guest("Ada"), hall.conference)
    cameras = [
        {"id": "c1", "kind": "videoinput", "label": "Front", "chosen": True},
        {"id": "c2", "kind": "videoinput", "label": "Back"},
    ]
    await ada.send("devices.report", devices=cameras)
    await page.get_by_test_id("console-layout").click()
    await page.get_by_test_id("layout-sidebar").click()
    changed = await ada.event("conference.layout_changed")
    assert changed["layout"] == {"kind": "sidebar"}
    await line(page, ada.identity).get_by_test_id("person-menu").click()
    await page.get_by_test_id("menu-devices").click()
    await page.get_by_test_id("device-videoinput").select_option("c2")
    await page.get_by_test_id("devices-dialog-confirm").click()
    selected = await ada.event("devices.selected", person=ada.identity)
    assert (selected["kind"], selected["device"]) == ("videoinput", "c2")
    assert page.problems == []


async def test_an_assignment_is_taken_back_in_the_menu_of_roles(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    ada = await clients(hall.server, hall.guest("Ada"), hall.conference)
    await line(page, ada.identity).get_by_test_id("person-role").click()
    await page.get_by_test_id("menu-role-moderator").click()
    await ada.event("role.assigned", person=ada.identity, role="moderator")
    await line(page, ada.identity).get_by_test_id("person-role").click()
    await page.get_by_test_id("menu-role-clear").click()
    back = await ada.event("role.assigned", person=ada.identity)
    assert (back["role"], back["inherited"]) == ("viewer", True)
    assert page.problems == []


async def test_the_console_says_why_somebody_may_not_do_something(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    ada = await clients(hall.server, hall.guest("Ada"), hall.conference)
    await line(page, ada.identity).get_by_test_id("person-menu").click()
    await page.get_by_test_id("menu-explain").click()
    await page.get_by_test_id("explain-command").select_option("media.mute:audio")
    explained = page.get_by_test_id("explained")
    await expect(explained).to_contain_text("No as viewer")
    await expect(explained).to_contain_text("stage.mute")
    await page.get_by_test_id("explain-command").select_option("remark.request")
    await expect(explained).to_contain_text("Yes as viewer")
    await screenshot(page, "console-explain")
    assert page.problems == []


# Where a tile of the small stage was put, in percent; it may still be on its way there.
PERCENT = """
(node) => {
  const [x, y, width, height] = ['left', 'top', 'width', 'height'].map((side) => parseFloat(node.style[side]));
  const [wide, high] = [node.parentNode.clientWidth / 100, node.parentNode.clientHeight / 100];
  return { x: x / wide, y: y / high, width: width / wide, height: height / high };
}
"""
STANDS = """
(id) => {
  const [stage, tile] = ['stage-grid', 'tile'].map((name) => document.querySelector(
    name === 'tile' ? `[data-testid="tile"][data-person="${id}"]` : `[data-testid="${name}"]`));
  if (!tile || tile.hidden || tile.dataset.placed !== 'true') return null;
  const { offsetLeft: x, offsetTop: y, offsetWidth: width, offsetHeight: height } = tile;
  const [wide, high] = [stage.clientWidth / 100, stage.clientHeight / 100];
  return { x: x / wide, y: y / high, width: width / wide, height: height / high };
}
"""


async def stands(page: Any, identity: str, tile: dict[str, int] | None) -> None:
    """Wait until somebody's tile stands there on a page of the conference; None: where the layout arranges it."""

    async def there() -> bool:
        found = await page.evaluate(STANDS, identity)
        if found is None or tile is None:
            return found is tile
        return all(abs(found[side] - tile[side]) < 1.5 for side in tile)

    await until(there, f"{identity} stands at {tile}")


async def tiles(client: Client) -> dict[str, dict[str, int]]:
    """What is placed by hand after the next change of the layout."""
    placed: dict[str, dict[str, int]] = (await client.event("conference.layout_changed"))["layout"].get("tiles", {})
    return placed


def small(page: Any, identity: str) -> Any:
    """Somebody's tile on the stage in small."""
    return page.locator(f'[data-testid="miniature-tile"][data-person="{identity}"]')


async def on_stage(hall: Hall, clients: Callable[..., Any], *names: str) -> list[tuple[Client, Guest]]:
    found = []
    for name in names:
        guest = hall.server.guest(name, "speaker", conference=hall.conference)
        one = await clients(hall.server, guest, hall.conference)
        await one.send("stage.request")
        await one.event("stage.taken", person=one.identity)
        found.append((one, guest))
    return found


async def test_tiles_are_placed_from_the_console_and_stand_there_on_every_page_also_those_that_come_later(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    (ada, _), (ben, _) = await on_stage(hall, clients, "Ada Lovelace", "Ben")
    link = f"{hall.server.url}/c/{hall.conference}#invite={hall.server.invite('viewer', hall.conference)}"
    viewer = await enter(await chromium(width=390, height=844), link, "Vic")
    page = await open_console(hall, chromium, hall.server.login())
    await page.get_by_test_id("console-layout").click()
    await page.get_by_test_id("console-arranging").click()
    tile = small(page, ada.identity)
    await expect(tile).to_have_attribute("data-free", "true")
    await expect(page.get_by_test_id("arranging-layout")).to_have_text("Layout: Grid")

    await tile.focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowDown", "ArrowRight", "ArrowRight", "Escape"):
        await page.keyboard.press(key)
    await expect(tile).to_be_focused()
    await expect(tile).to_have_attribute("data-placed", "false")
    before = await small(page, ada.identity).evaluate(PERCENT)
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", *["Shift+ArrowLeft"] * 10, *["Shift+ArrowUp"] * 5, "Enter"):
        await page.keyboard.press(key)
    by_keys = (await tiles(ada))[ada.identity]
    wanted = {**before, "x": before["x"] + 2, "y": before["y"] + 4}
    wanted |= {"width": before["width"] - 20, "height": before["height"] - 10}
    assert all(abs(by_keys[side] - wanted[side]) <= 1 for side in wanted), "Escape has told nobody anything"
    await expect(tile).to_be_focused()
    await stands(viewer.page, ada.identity, by_keys)

    # Let go over the head of the dialog, which stays open.
    box = await small(page, ben.identity).bounding_box()
    head = await page.get_by_test_id("arranging-dialog").locator("h2").bounding_box()
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(head["x"] + 5, head["y"] + 5, steps=5)
    await page.mouse.up()
    first = (await tiles(ada))[ben.identity]
    assert (first["x"], first["y"]) == (0, 0)
    await expect(small(page, ben.identity)).to_have_attribute("data-placed", "true")
    await expect(page.get_by_test_id("placing")).to_have_count(0)
    corner = await small(page, ben.identity).locator(".placing-size").bounding_box()
    stage = await page.get_by_test_id("miniature").bounding_box()
    await page.mouse.move(corner["x"] + 9, corner["y"] + 9)
    await page.mouse.down()
    await page.mouse.move(corner["x"] + 9 - stage["width"] * 0.15, corner["y"] + 9 - stage["height"] * 0.1, steps=5)
    await page.mouse.up()
    by_mouse = (await tiles(ada))[ben.identity]
    assert (by_mouse["x"], by_mouse["y"]) == (0, 0)
    assert abs(by_mouse["width"] - (first["width"] - 15)) <= 1 and abs(by_mouse["height"] - (first["height"] - 10)) <= 1
    late = await enter(await chromium(), link, "Lea")
    for somebody in (viewer, late):
        await stands(somebody.page, ada.identity, by_keys)
        await stands(somebody.page, ben.identity, by_mouse)

    await screenshot(page, "console-arranging-light")
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await screenshot(page, "console-arranging-dark")
    await page.set_viewport_size({"width": 390, "height": 844})
    await tile.focus()
    await page.keyboard.press("ArrowRight")
    await screenshot(page, "console-arranging-phone")
    assert await page.evaluate("document.querySelector('.dialog-body').scrollWidth <= innerWidth")
    await page.keyboard.press("Escape")

    await page.get_by_label("Ada Lovelace: back into the arrangement").click()
    assert (await tiles(ada)).keys() == {ben.identity}
    await expect(page.get_by_test_id("arranging-back-all")).to_be_hidden()
    await tile.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    assert (await tiles(ada)).keys() == {ada.identity, ben.identity}
    await page.get_by_test_id("arranging-back-all").click()
    await tiles(ada)
    assert await tiles(ada) == {}
    for somebody in (viewer, late):
        for identity in (ada.identity, ben.identity):
            await stands(somebody.page, identity, None)
    assert page.problems == [] and viewer.page.problems == [] and late.page.problems == []


async def test_a_speaker_is_offered_the_own_tile_alone_and_a_viewer_nothing(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    (ada, guest), (ben, _) = await on_stage(hall, clients, "Ada", "Ben")
    page = await open_console(hall, chromium, guest)
    await page.get_by_test_id("console-layout").click()
    await expect(small(page, ada.identity)).to_have_attribute("data-free", "true")
    await expect(small(page, ben.identity)).to_have_attribute("data-free", "false")
    await expect(page.get_by_test_id("arranging-layout")).to_be_hidden()
    box = await small(page, ben.identity).bounding_box()
    await page.mouse.move(box["x"] + 20, box["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 20, box["y"] + 90, steps=4)
    await page.mouse.up()
    await small(page, ada.identity).focus()
    for key in ("Enter", *["ArrowDown"] * 3, "Enter"):
        await page.keyboard.press(key)
    assert (await tiles(ben)).keys() == {ada.identity}
    await page.get_by_test_id("arranging-done").click()

    vic = hall.guest("Vic")
    other = await open_console(hall, chromium, vic)
    await expect(line(other, ada.identity)).to_have_count(1)
    await expect(other.get_by_test_id("console-layout")).to_be_hidden()
    told = """async (target) => {
      const tile = { x: 0, y: 0, width: 50, height: 50 };
      return window.podium.send('layout.place', { tile, target }).then(() => '', ({ code }) => code);
    }"""
    assert await other.evaluate(told, ada.identity) == "not_allowed"
    assert await page.evaluate(told, ben.identity) == "not_allowed"
    assert page.problems == [] and other.problems == []


async def test_the_record_of_the_conference_is_downloaded_by_those_who_may(
    hall: Hall, chromium: Any, clients: Callable[..., Any]
) -> None:
    page = await open_console(hall, chromium, hall.server.login())
    ada = hall.guest("Ada")
    await clients(hall.server, ada, hall.conference)
    await page.get_by_test_id("export").click()
    async with page.expect_download() as waiting:
        await page.get_by_test_id("export-audit?format=csv").click()
    download = await waiting.value
    assert download.suggested_filename == f"{hall.conference}-audit.csv"
    lines = (await asyncio.to_thread(Path(await download.path()).read_text)).splitlines()
    assert any(ada.identity in one and "enter" in one for one in lines[1:])
    other = await open_console(hall, chromium, ada)
    await expect(other.get_by_test_id("console-title")).to_have_text("A conference")
    await expect(other.get_by_test_id("export")).to_be_hidden()
    assert page.problems == [] and other.problems == []
