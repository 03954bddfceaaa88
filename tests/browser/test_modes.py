"""How a conference is held, in real browsers: turns to speak, a lecture, waiting at the door, backstage, the layout.

The three pages are opened once for the whole module, and the tests go on from each other's conference; each sets what
it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.pages import (
    Visitor,
    arriving,
    counters,
    enter,
    enter_owner,
    guest_link,
    holds,
    is_shown,
    last_packet,
    plays,
    screenshot,
    sent,
    sounds,
    until,
    visited_server,
)
from tests.harness import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKING = "window.podium.room.asking.includes(window.podium.room.you)"
IGNORE_THE_END = """
const { publisher, local } = window.podium.media;
publisher.allow = publisher.unset = local.get('audio').stop = () => undefined;
"""
AS_BEFORE = """
const { publisher } = window.podium.media;
delete publisher.allow;
delete publisher.unset;
publisher.unset('audio');
publisher.close();
"""
# Long enough to hear it and to see the clock, short enough to wait for its end.
TURN_S = 6


@dataclass
class School:
    """An owner and two guests who came as viewers, on one server."""

    server: Server
    owner: Visitor
    ann: Visitor
    bob: Visitor

    async def command(self, type: str, **fields: Any) -> None:
        """A command of the owner's, as the console would give it."""
        await self.owner.page.evaluate(
            "([type, fields]) => window.podium.send(type, fields).then(() => null)", [type, fields]
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def school(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[School]:
    async with visited_server(tmp_path_factory.mktemp("school") / "data") as (server, page):
        owner = await enter_owner(server, page)
        ann = await enter(await page(), guest_link(server, "viewer"), "Ann")
        bob = await enter(await page(width=390, height=844, color_scheme="dark"), guest_link(server, "viewer"), "Bob")
        yield School(server, owner, ann, bob)
        assert [visitor.page.problems for visitor in (owner, ann, bob)] == [[], [], []]


async def test_a_turn_to_speak_is_heard_by_everybody_and_ends_by_itself(school: School) -> None:
    await school.command("conference.settings", remark_s=TURN_S)
    speaker, listener = school.ann, school.bob
    voice = speaker.track("audio")
    await speaker.page.get_by_test_id("turn-ask").click()
    await until(lambda: holds(speaker.page, ASKING), "she asks")
    assert await speaker.page.evaluate("window.podium.media.local.size") == 0, "nothing is captured before the turn"
    await school.owner.page.get_by_test_id("remark.grant").click()
    await asyncio.gather(sounds(listener.page, voice), sounds(school.owner.page, voice))
    # A page that ignores the end of its turn sends on, and nobody receives it.
    await speaker.page.evaluate(IGNORE_THE_END)
    assert await holds(speaker.page, "!window.podium.room.me.on_stage"), "a turn takes no place"
    assert await sent(speaker.page, "video") == 0, "the microphone alone"
    ends_ms = await speaker.page.evaluate("window.podium.room.remarks.get(window.podium.room.you)")
    last_ms = await last_packet(listener.page, voice, ends_ms + 1000)
    assert -500 < last_ms - ends_ms < 300, "until the end it is heard, and not a packet a third of a second after it"
    keeps_sending = await sent(speaker.page, "audio")
    stage = [school.owner.track("audio"), school.owner.track("video")]
    assert await arriving(listener.page, 1.0) == stage
    assert await sent(speaker.page, "audio") > keeps_sending
    assert voice not in await tracks(listener)
    await listener.page.get_by_test_id("turn").wait_for(state="detached")
    await speaker.page.evaluate(AS_BEFORE)


async def test_a_turn_is_withdrawn_refused_ended_and_leaves_no_microphone_open(school: School) -> None:
    await school.command("conference.settings", remark_s=60)
    page, ask = school.bob.page, school.bob.page.get_by_test_id("turn-ask")
    await ask.click()
    await until(lambda: holds(page, ASKING), "he asks")
    await ask.click()
    await until(lambda: holds(page, f"!({ASKING})"), "he has taken it back")
    await ask.click()
    await school.owner.page.get_by_test_id("remark.refuse").click()
    await page.get_by_test_id("toast").filter(has_text="refused your request to speak").wait_for()
    await ask.click()
    await school.owner.page.get_by_test_id("remark.grant").click()
    await sounds(school.owner.page, school.bob.track("audio"))
    assert await page.get_by_test_id("camera").is_hidden(), "the microphone alone"
    await school.ann.page.get_by_test_id("turn").filter(has_text="Bob speaks for").wait_for()
    clock = page.get_by_test_id("turn").get_by_role("timer")
    await until(lambda: holds(page, "window.podium.media.state('audio') === 'on'"), "his microphone is on")
    assert 0 < int((await clock.inner_text()).removesuffix(" s")) <= 60
    seen = "(node) => node.scrollWidth <= node.clientWidth && node.getBoundingClientRect().right < innerWidth"
    assert await clock.evaluate(seen), "the clock is seen on a phone"
    for name, visitor in (("speaker", school.bob), ("listener", school.ann), ("moderator", school.owner)):
        await screenshot(visitor.page, f"turn-{name}")
    await school.owner.page.get_by_test_id("turn-end").click()
    await page.get_by_test_id("toast").filter(has_text="Your microphone is off").wait_for()
    assert await holds(page, "window.podium.media.local.size === 0"), "the device is closed"
    await page.get_by_test_id("mic").wait_for(state="hidden")
    assert await sent(page, "audio") == 0, "there is no connection to send on"


async def test_in_a_lecture_the_students_reach_the_teacher_and_not_each_other(school: School) -> None:
    await school.command("conference.set_mode", mode="video_lecture")
    students = (school.ann, school.bob)
    for student in students:
        await student.page.get_by_test_id("students-note").filter(has_text="Only the teacher").wait_for()
        await student.page.get_by_test_id("camera").click()
        await student.page.get_by_test_id("mic").click()
        assert await student.page.get_by_test_id("screen").is_hidden(), "a screen belongs on the stage"
    for student in students:
        await plays(school.owner.page, student.track("video"))
        await sounds(school.owner.page, student.track("audio"))
        await is_shown(school.owner.page, student.track("video"))
        await plays(student.page, school.owner.track("video"))
    for student in students:
        assert await arriving(student.page) == [school.owner.track("audio"), school.owner.track("video")]
    await asyncio.sleep(2)  # a report of the worker
    for track in (student.track(source) for student in students for source in ("audio", "video")):
        count = counters(school.server)[track]
        assert 0 < count["forwarded"] <= count["received"], "to one person, the teacher"
    await screenshot(school.owner.page, "lecture-teacher")
    await screenshot(school.ann.page, "lecture-student")
    await screenshot(school.bob.page, "lecture-student-phone")


async def tracks(visitor: Visitor) -> list[str]:
    """The tracks that somebody's page has players for."""
    names: list[str] = await visitor.page.evaluate("[...window.podium.media.subscriber.tracks.keys()]")
    return names


async def test_a_guest_at_the_door_gives_the_pin_waits_and_is_told_nothing_until_let_in(school: School) -> None:
    await school.command("conference.set_mode", mode="role_based")
    await school.command("conference.settings", lobby="guests")
    await school.command("conference.set_pin", pin="2468")
    page, frames = school.bob.page, list[Any]()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    await come_back(page)
    await page.get_by_test_id("join-button").click()
    for pin in ("1111", "2468"):
        await page.get_by_test_id("join-pin").fill(pin)
        await page.get_by_test_id("join-button").click()
        if pin == "1111":
            await page.get_by_test_id("join-error").filter(has_text="not the PIN").wait_for()
    await page.get_by_test_id("waiting").filter(has_text="Wait for a moderator to let you in").wait_for()
    await school.owner.page.get_by_test_id("waiting-person").filter(has_text="Bob").wait_for()
    frames.clear()
    await school.command("chat.send", text="Only for those who are in")
    await school.command("conference.settings", title="A title for those who are in")
    await asyncio.sleep(0.5)
    assert frames == [], "not one message of the conference"
    assert await holds(page, "window.podium.room === null")
    for name, visitor in (("waits", school.bob), ("moderator", school.owner)):
        await screenshot(visitor.page, f"door-{name}")
    await school.owner.page.get_by_test_id("lobby.admit").click()
    await plays(page, school.owner.track("video"))
    assert await page.get_by_test_id("title").inner_text() == "A title for those who are in"


async def test_a_guest_who_is_sent_away_reads_why_and_may_ask_again(school: School) -> None:
    await school.command("conference.settings", lobby="guests")
    await school.command("conference.set_pin", pin="")
    page = school.ann.page
    await come_back(page)
    for again in (False, True):
        await page.get_by_test_id("join-button").click()
        await page.get_by_test_id("waiting").wait_for()
        if not again:
            await school.owner.page.get_by_test_id("lobby.refuse").click()
            await school.owner.page.locator("#ask-text").fill("Please give your whole name")
            await school.owner.page.get_by_test_id("confirm").click()
            await page.get_by_test_id("closed-reason").filter(has_text="whole name").wait_for()
            await asyncio.sleep(1)
            assert await holds(page, "window.podium.state === 'closed'"), "it does not knock by itself"
            await page.get_by_test_id("rejoin").click()
    await school.owner.page.get_by_test_id("lobby.admit").click()
    await plays(page, school.owner.track("video"))


async def test_backstage_viewers_wait_for_the_start_and_come_into_the_layout_as_it_is(school: School) -> None:
    owner = school.owner.page
    await school.command("conference.settings", lobby="off", backstage=True)
    for viewer in (school.ann, school.bob):
        await viewer.page.get_by_test_id("waiting").filter(has_text="has not begun").wait_for()
        assert await holds(viewer.page, "window.__connections.every((one) => one.connectionState === 'closed')")
    await owner.get_by_test_id("layout").click()
    await owner.get_by_test_id("layout-sidebar").click()
    await until(lambda: holds(owner, "window.podium.room.layout.kind === 'sidebar'"), "the layout")
    box = await owner.get_by_test_id("tile").bounding_box()
    await owner.mouse.move(box["x"] + 60, box["y"] + 60)
    await owner.mouse.down()
    await owner.mouse.move(box["x"] + 120, box["y"] + 90, steps=4)
    await owner.mouse.up()
    await until(lambda: holds(owner, f"'{school.owner.identity}' in window.podium.room.layout.tiles"), "it is placed")
    await screenshot(owner, "backstage-owner")
    await screenshot(school.ann.page, "backstage-viewer")
    await owner.get_by_test_id("start").click()
    for viewer in (school.ann, school.bob):
        await plays(viewer.page, school.owner.track("video"))
        await is_shown(viewer.page, school.owner.track("video"))
        tile = await viewer.page.evaluate("Object.values(window.podium.room.layout.tiles)[0]")
        stage, shown = [await viewer.page.get_by_test_id(name).bounding_box() for name in ("stage", "tile")]
        assert abs(shown["width"] / stage["width"] * 100 - tile["width"]) < 1.5
        assert abs((shown["x"] - stage["x"]) / stage["width"] * 100 - tile["x"]) < 1.5
        assert await viewer.page.get_by_test_id("layout").is_hidden(), "a viewer lays nothing out"
    assert await owner.get_by_test_id("backstage").is_hidden()


async def test_a_moderator_has_somebodys_browser_use_another_microphone(school: School) -> None:
    ann, owner = school.ann, school.owner.page
    microphones = f"(window.podium.room.devices.get('{ann.identity}') ?? []).filter((one) => one.kind === 'audioinput')"
    await until(lambda: holds(owner, f"{microphones}.length > 1"), "her browser has told of its microphones")
    other = await owner.evaluate(f"{microphones}.find((one) => !one.chosen).id")
    await school.command("devices.select", target=ann.identity, kind="audioinput", device=other)
    await ann.page.get_by_test_id("toast").filter(has_text="switched your microphone").wait_for()
    await until(lambda: holds(owner, f"{microphones}.find((one) => one.chosen)?.id === '{other}'"), "it is in use")


async def come_back(page: Any) -> None:
    """Leave the conference, and stand before the door again."""
    await page.get_by_test_id("leave").click()
    await page.get_by_test_id("rejoin").click()
    await page.get_by_test_id("join-button").wait_for()
