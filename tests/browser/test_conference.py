"""Three people in real browsers: owner, speaker, viewer; what the viewer decodes is what authority allows.

The pages are opened once for the module: what each test leaves behind is put in order before the next.
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
    counters,
    enter,
    enter_again,
    enter_owner,
    guest_link,
    holds,
    is_shown,
    plays,
    screenshot,
    sent,
    sounds,
    stands_still,
    take_the_stage,
    until,
    visited_server,
)
from tests.harness import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Hall:
    """A conference with three people in it, and the owner's moderator console."""

    server: Server
    owner: Visitor
    speaker: Visitor
    viewer: Visitor
    console: Any = None

    async def open_console(self) -> Any:
        """The console in a window of its own beside the owner's page."""
        self.console = await self.owner.page.context.new_page()
        await self.console.goto(f"{self.server.url}/console/{self.server.conference}")
        await self.row(self.speaker).wait_for()
        return self.console

    def row(self, visitor: Visitor) -> Any:
        """Somebody's row in the console's table."""
        return self.console.locator(f'[data-testid="person"][data-person="{visitor.identity}"]')

    async def command(self, visitor: Visitor, item: str) -> None:
        """A command about somebody from their menu in the console."""
        await self.row(visitor).get_by_test_id("person-menu").click()
        await self.console.get_by_test_id(item).click()

    async def order(self, type: str, **fields: Any) -> None:
        """A command of the owner's, by their page."""
        send = "([type, fields]) => window.podium.send(type, fields).then(() => null)"
        await self.owner.page.evaluate(send, [type, fields])

    def forwarded(self, visitor: Visitor, source: str) -> dict[str, Any]:
        """The worker's counters of a track."""
        return counters(self.server)[visitor.track(source)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with visited_server(tmp_path_factory.mktemp("hall") / "data") as (server, page):
        owner = await enter_owner(server, page)
        speaker = await enter(await page(), guest_link(server, "speaker"), "Sara Speaker")
        viewer = await enter(await page(), guest_link(server, "viewer"), "Vera Viewer")
        yield Hall(server, owner, speaker, viewer)


@pytest_asyncio.fixture(loop_scope="module")
async def hall(opened: Hall) -> AsyncIterator[Hall]:
    """Owner and speaker on the stage with camera and microphone; the viewer sees and hears both."""
    for visitor in (opened.owner, opened.speaker, opened.viewer):
        if await visitor.page.get_by_test_id("closed").is_visible():
            await enter_again(visitor)
    await opened.order("conference.settings", force_unmute=False)
    for source in ("audio", "video"):
        await opened.order("media.unmute", target=opened.speaker.identity, source=source)
    await take_the_stage(opened.speaker.page)
    if await holds(opened.viewer.page, "window.podium.room.me.on_stage"):
        await opened.order("stage.take_down", target=opened.viewer.identity)
    for track in (opened.owner.track("video"), opened.speaker.track("video")):
        await plays(opened.viewer.page, track, frames=3)
    yield opened
    if opened.console is not None:
        await opened.console.close()
        opened.console = None


async def test_the_viewer_decodes_a_growing_number_of_frames_and_hears_both(hall: Hall) -> None:
    for visitor in (hall.owner, hall.speaker):
        await plays(hall.viewer.page, visitor.track("video"), frames=30)
        await sounds(hall.viewer.page, visitor.track("audio"))
    await plays(hall.speaker.page, hall.owner.track("video"))
    await plays(hall.owner.page, hall.speaker.track("video"))
    assert await sent(hall.viewer.page, "video") == 0, "a viewer publishes nothing"
    await hall.open_console()
    await screenshot(hall.owner.page, "owner")
    await screenshot(hall.speaker.page, "speaker")
    await screenshot(hall.viewer.page, "viewer")
    await screenshot(hall.console, "console")
    for page in (hall.owner.page, hall.speaker.page, hall.viewer.page):
        assert page.problems == []


async def test_a_mute_from_the_console_stops_frames_at_the_viewer_and_an_unmute_brings_them_back(hall: Hall) -> None:
    await hall.open_console()
    for source, figure in (("video", "framesDecoded"), ("audio", "packetsReceived")):
        track = hall.speaker.track(source)
        await hall.command(hall.speaker, f"menu-mute-{source}")
        await stands_still(hall.viewer.page, track, figure)
        before, keeps_sending = hall.forwarded(hall.speaker, source), await sent(hall.speaker.page, source)
        await asyncio.sleep(4.5)  # two reports of the worker
        after = hall.forwarded(hall.speaker, source)
        assert after["forwarded"] == before["forwarded"], "the worker forwards nothing"
        assert after["dropped"] > before["dropped"], "though packets keep coming"
        assert await sent(hall.speaker.page, source) > keeps_sending
        await plays(hall.viewer.page, hall.owner.track("video"))
        await hall.command(hall.speaker, f"menu-unmute-{source}")
        if source == "video":
            await plays(hall.viewer.page, track)
        else:
            await sounds(hall.viewer.page, track)


async def test_taken_down_from_the_stage_nothing_of_the_speaker_arrives_any_more(hall: Hall) -> None:
    await hall.open_console()
    await hall.command(hall.speaker, "menu-stage.take_down")
    await no_track(hall.viewer, hall.speaker.track("video"))
    await until(lambda: holds(hall.speaker.page, "!window.podium.room.me.on_stage"), "the speaker is told")
    await plays(hall.viewer.page, hall.owner.track("video"))
    before = await sent(hall.speaker.page, "video")
    await asyncio.sleep(1)
    assert await sent(hall.speaker.page, "video") == before, "the speaker's own page stops sending"
    assert await holds(hall.speaker.page, "window.podium.media.local.size === 0"), "camera and microphone are off"
    # Back on the stage, the picture comes on m-lines that were used before.
    await hall.speaker.page.get_by_test_id("hand").click()
    await hall.speaker.page.get_by_test_id("stage-both").click()
    await plays(hall.viewer.page, hall.speaker.track("video"))
    await is_shown(hall.viewer.page, hall.speaker.track("video"))


async def test_removed_the_speaker_is_told_why_and_is_gone_for_everybody(hall: Hall) -> None:
    await hall.open_console()
    await hall.command(hall.speaker, "menu-remove")
    await hall.console.get_by_test_id("remove-reason").fill("Too much noise")
    await hall.console.get_by_test_id("remove-dialog-confirm").click()
    reason = hall.speaker.page.get_by_test_id("closed-reason")
    await reason.wait_for()
    assert "Too much noise" in await hall.speaker.page.get_by_test_id("closed").inner_text()
    gone = f"!window.podium.room.people.has('{hall.speaker.identity}')"
    await until(lambda: holds(hall.viewer.page, gone), "the viewer's list")
    await plays(hall.viewer.page, hall.owner.track("video"))
    await screenshot(hall.speaker.page, "removed")


async def test_ended_everybody_is_told_and_closed(hall: Hall) -> None:
    await hall.open_console()
    await hall.console.get_by_test_id("console-end").click()
    await hall.console.get_by_test_id("end-dialog-confirm").click()
    for visitor in (hall.owner, hall.speaker, hall.viewer):
        await visitor.page.get_by_test_id("closed-reason").wait_for()
        assert await holds(visitor.page, "window.__connections.every((c) => c.connectionState === 'closed')")


async def test_a_screen_share_arrives_beside_the_camera_and_goes_when_it_is_stopped(hall: Hall) -> None:
    await hall.speaker.page.get_by_test_id("screen").click()
    await plays(hall.viewer.page, hall.speaker.track("screen"))
    await plays(hall.viewer.page, hall.speaker.track("video"))
    await screenshot(hall.viewer.page, "screen-share")
    await hall.speaker.page.get_by_test_id("screen").click()
    await no_track(hall.viewer, hall.speaker.track("screen"))
    await plays(hall.viewer.page, hall.speaker.track("video"))


async def test_a_screen_share_that_a_moderator_stopped_does_not_begin_again(hall: Hall) -> None:
    page = hall.speaker.page
    await page.get_by_test_id("screen").click()
    await plays(hall.viewer.page, hall.speaker.track("screen"))
    await hall.open_console()
    await hall.command(hall.speaker, "menu-share.stop")
    await no_track(hall.viewer, hall.speaker.track("screen"))
    await until(lambda: holds(page, "!window.podium.media.local.has('screen')"), "the capture has ended")
    # A new connection offers everything that is to be sent: the camera, and no screen.
    await page.evaluate("window.podium.media.publisher.restart()")
    await plays(hall.viewer.page, hall.speaker.track("video"))
    assert await holds(
        hall.viewer.page, f"!window.podium.media.subscriber.tracks.has('{hall.speaker.track('screen')}')"
    )


async def test_who_is_asked_to_unmute_decides_unless_the_conference_is_set_otherwise(hall: Hall) -> None:
    page = hall.speaker.page
    await hall.open_console()
    await page.get_by_test_id("mic").click()
    await until(lambda: holds(page, "window.podium.room.me.muted.includes('audio')"), "the speaker is muted")
    await hall.command(hall.speaker, "menu-ask-audio")
    await page.get_by_test_id("unmute-asked").wait_for()
    assert await holds(page, "window.podium.room.me.muted.includes('audio')"), "asked, and not switched on"
    await page.get_by_test_id("unmute-yes").click()
    await sounds(hall.viewer.page, hall.speaker.track("audio"))
    await page.get_by_test_id("mic").click()
    await until(lambda: holds(page, "window.podium.room.me.muted.includes('audio')"), "the speaker is muted again")
    await hall.console.evaluate("window.podium.send('conference.settings', {force_unmute: true}).then(() => null)")
    await hall.command(hall.speaker, "menu-ask-audio")
    await page.get_by_test_id("toast").filter(has_text="switched your microphone on").wait_for()
    await until(lambda: holds(page, "window.podium.media.state('audio') === 'on'"), "the microphone is on")
    assert await page.get_by_test_id("unmute-asked").count() == 0
    await sounds(hall.viewer.page, hall.speaker.track("audio"))


async def test_a_reload_of_the_speakers_page_brings_seat_role_and_mute_back(hall: Hall) -> None:
    await hall.open_console()
    await hall.command(hall.speaker, "menu-lock-audio")
    await stands_still(hall.viewer.page, hall.speaker.track("audio"), "packetsReceived")
    await hall.speaker.page.reload()
    await until(lambda: holds(hall.speaker.page, "window.podium?.room?.me"), "the speaker is back")
    me = await hall.speaker.page.evaluate("window.podium.room.me")
    assert (me["id"], me["role"], me["on_stage"]) == (hall.speaker.identity, "speaker", True)
    assert "audio" in me["locked"]
    await plays(hall.viewer.page, hall.speaker.track("video"))
    await stands_still(hall.viewer.page, hall.speaker.track("audio"), "packetsReceived")


async def test_a_viewer_asks_is_granted_publishes_and_is_seen(hall: Hall) -> None:
    await hall.viewer.page.get_by_test_id("hand").click()
    await hall.open_console()
    await hall.console.get_by_test_id("queue-grant").click()
    await until(lambda: holds(hall.viewer.page, "window.podium.room.me.on_stage"), "the viewer is on the stage")
    await hall.viewer.page.get_by_test_id("stage-both").click()
    await plays(hall.owner.page, hall.viewer.track("video"))
    await sounds(hall.owner.page, hall.viewer.track("audio"))


async def no_track(visitor: Visitor, track: str) -> None:
    """Wait until somebody does not receive a track any more."""
    await until(
        lambda: holds(visitor.page, f"!window.podium.media.subscriber.tracks.has('{track}')"), f"{track} is gone"
    )
