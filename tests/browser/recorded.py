"""A conference of two real browsers that is recorded: one is muted for a while, the other shows a screen, the recorder
is killed in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

from media.record.recording import Begun
from tests.browser.film import Pictures, Sound, filmed, pictures, sound
from tests.browser.pages import Visitor, enter, enter_owner, guest_link, screenshot, until, visited_server
from tests.harness import Client, Server
from tests.media.record.films import index

MUTED_S = 3.0
RED, GREEN, BLUE = "#c00", "#0a0", "#00c"


class Recorded(NamedTuple):
    """What there is afterwards. `files` by segment and track; `theirs`: the speaker's token; times in s since 1970."""

    server: Server
    owner: Visitor
    speaker: Visitor
    files: dict[tuple[int, str], Begun]
    muted: float
    unmuted: float
    killed: float
    stopped: float
    theirs: str

    def path(self, file: Begun) -> Path:
        """Where a file is."""
        return folder(self.server) / file.file

    def sound(self, segment: int, person: Visitor) -> Sound:
        """What there is of somebody's microphone."""
        file = self.files[segment, person.track("audio")]
        return sound(self.path(file), file.begins)

    def pictures(self, segment: int, person: Visitor, source: str) -> Pictures:
        """What there is of somebody's camera or screen."""
        file = self.files[segment, person.track(source)]
        return pictures(self.path(file), file.begins)


def folder(server: Server) -> Path:
    """Of the first recording."""
    return server.data / "recordings" / server.conference / "0001"


def recorder(server: Server) -> int | None:
    """The recorder's process."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            if parent == server.pid and b"media.record" in path.joinpath("cmdline").read_bytes():
                return int(path.name)
        except (OSError, ValueError):
            continue
    return None


@contextlib.asynccontextmanager
async def recorded(data: Path) -> AsyncIterator[Recorded]:
    """Some 25 s."""
    async with visited_server(data) as (server, page):
        owner = await enter_owner(server, filmed(page, RED, GREEN))
        speaker = await enter(await filmed(page, BLUE)(), guest_link(server, "speaker"), "Sara Speaker")

        async def order(type: str, **fields: Any) -> None:
            send = "([type, fields]) => window.podium.send(type, fields).then(() => null)"
            await owner.page.evaluate(send, [type, fields])

        # Somebody without the right has neither the button nor the command.
        assert not await speaker.page.get_by_test_id("record").count()
        refused = "window.podium.send('recording.start', {}).then(() => '', (error) => error.code)"
        assert await speaker.page.evaluate(refused) == "not_allowed"
        console = await owner.page.context.new_page()
        await console.goto(f"{server.url}/console/{server.conference}")
        await console.get_by_test_id("record").click()
        for each in (speaker.page, owner.page, console):
            await each.get_by_test_id("recording").wait_for()
        await until(lambda: _begun(server, segment=1, count=4), "everything is recorded")
        await asyncio.sleep(3)
        await order("media.mute", target=speaker.identity, source="audio")
        muted = time.time()
        await asyncio.sleep(MUTED_S)
        unmuted = time.time()
        await order("media.unmute", target=speaker.identity, source="audio")
        await owner.page.get_by_test_id("screen").click()
        await until(lambda: _begun(server, segment=1, count=5), "the screen is recorded")
        async with Client(server) as late:
            await late.hello(server.guest("Lena Late").token)
            await late.join(server.conference)
            assert late.snapshot["recording"]["number"] == 1, "who comes later is told"
        await screenshot(speaker.page, "recording-speaker")
        await screenshot(console, "recording-console")
        await asyncio.sleep(3)
        pid = recorder(server)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        killed = time.time()
        await until(lambda: _another(server, pid), "another recorder")
        await until(lambda: _begun(server, segment=2, count=5), "everything is recorded again")
        await asyncio.sleep(4)
        await console.get_by_test_id("record").click()
        stopped = time.time()
        for each in (speaker.page, console):
            await each.get_by_test_id("recording").wait_for(state="hidden")
        await until(lambda: _finished(server), "the files are finished")
        theirs = await speaker.page.evaluate(f"localStorage.getItem('podium.guest.{server.conference}')")
        for each in (owner, speaker):
            await each.page.context.close()

        files = {(file.segment, file.track): file for file in index(folder(server))[0]}
        yield Recorded(server, owner, speaker, files, muted, unmuted, killed, stopped, theirs)


async def _another(server: Server, former: int) -> bool:
    return recorder(server) not in (None, former)


async def _begun(server: Server, segment: int, count: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return len({file.track for file in index(folder(server))[0] if file.segment == segment}) >= count
    return False


async def _finished(server: Server) -> bool:
    files, finished = index(folder(server))
    return (
        {file.file for file in files if file.segment == 2} == {name for name in finished if name[:3] == "002"} != set()
    )
