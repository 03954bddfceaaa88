"""One room's recording, as far as this node writes it.

The room's state says that it is recorded; this follows it, one step after everybody was told. When the recorder dies
the next one goes on in a new segment, in the same folder; when it says that it cannot go on, the room is told so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from protocol import control
from protocol import events as e
from protocol.answers import ChatMessage
from protocol.engagement import Channel, PollState
from protocol.recording import Recording, RecordingEnd
from protocol.signals import Loudness, Quality
from server import log
from server.conference.replica import Order, RoomReplica
from server.files.depot import LARGE
from server.recording import slides as slides_kept
from server.recording.speaker import Speaker
from server.recording.timeline import Timeline
from server.room import inner
from server.room.plan import AUDIENCE
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import audience, public, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from server.files.depot import Depot
    from server.recording.library import Library
    from server.recording.recorders import Recorders
    from server.workers import RoomMedia
    from server.workers.worker import Worker

_REASONS = {
    control.RecordingState.TOO_LARGE: RecordingEnd.TOO_LARGE,
    control.RecordingState.DISK_FULL: RecordingEnd.DISK_FULL,
    control.RecordingState.TOO_SLOW: RecordingEnd.TOO_SLOW,
    control.RecordingState.FAILED: RecordingEnd.FAILED,
}
# What could not be put into the record is tried again.
RETRY_S = 1.0
# Heartbeats of a recorder that has not what it was told.
BEHIND = 2

_log = log.get("podium.recording")


class RoomRecording:
    """An observer of the room's replica. `most` and `free` in bytes (`RecordRoom`)."""

    def __init__(
        self,
        replica: RoomReplica,
        media: RoomMedia,
        recorders: Recorders,
        library: Library,
        here: str,
        most: int,
        free: int,
        files: Depot,
    ) -> None:
        self.conference = replica.room.conference
        self.media = media
        self._replica = replica
        self._recorders = recorders
        self._library = library
        self._names = {"", here}  # those under which a recording is this node's
        self._most = most
        self._free = free
        self._files = files
        self._number = 0  # of the recording that is followed
        self._reason = RecordingEnd.STOPPED
        self._timeline: Timeline | None = None
        self._timelines: dict[Path, Timeline] = {}  # of all recordings that were followed, by their folders
        self._tasks: set[asyncio.Task[None]] = set()
        # A timeline is read, changed and written: of two at once, one would undo the other.
        self._changing = asyncio.Lock()
        self._speaker = Speaker(self._note_speaker)
        self._preparing: asyncio.Task[None] | None = None
        self._behind = 0
        self._dropped = 0  # frames, in this segment
        self._stopped = False

    def start(self) -> None:
        """Go on with what is recorded as the record says. What was deleted from the chat while the conference was not
        open here is struck."""
        room = self._replica.room
        deleted = [name.partition("/") for name in room.entries.erased]
        self._change_chat({int(number): "" for channel, _, number in deleted if channel == Channel.EVERYONE})
        if room.recording is not None and room.recorder not in self._names:
            self._beside(self._claim(room.recording.number, room.recorder), "claim recording")
        self.committed(room)

    async def stop(self) -> None:
        """The room is closed on this node; the recording goes on when it is opened again."""
        self._stopped = True
        self._finish("closed")
        self._speaker.stop()
        if self._preparing is not None:
            await asyncio.gather(self._preparing, return_exceptions=True)
        await asyncio.gather(*self._tasks)
        for timeline in self._timelines.values():
            await timeline.close()

    # --- the room ---------------------------------------------------------------------------

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.RecordingStopped):
            self._reason = event.reason
        if self._timeline is not None and self._number and audience(before, after, event).everyone:
            self._timeline.note(event.time, event=msgspec.to_builtins(public(event)))
        if after.entries.slides not in (None, before.entries.slides):
            self._keep_slides(after)
        if isinstance(event, e.ChatDeleted) and event.channel is Channel.EVERYONE:
            self._change_chat({event.number: ""})

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        recording = self._mine(after)
        number = recording.number if recording is not None else 0
        if number != self._number and not self._stopped:
            # Everybody is told in this step; what follows comes after it.
            asyncio.get_running_loop().call_soon(self._follow)

    def chat(self, message: ChatMessage) -> None:
        """Something was written to everybody."""
        if self._timeline is not None and self._number:
            self._timeline.note(message.time, chat=msgspec.to_builtins(message))

    def speaking(self, heard: Iterable[Loudness]) -> None:
        """See `server.workers.measured.Listener`."""
        stage = self._replica.room.stage
        self._speaker.heard(next((each.person for each in heard if each.person in stage), ""))

    def _note_speaker(self, person: str) -> None:
        if self._timeline is not None and self._number:
            self._timeline.note(time.time_ns() // 1_000_000, speaker=person)

    def reported(self, peers: Iterable[control.PeerReport], qualities: Mapping[str, Quality]) -> None:
        """See `Listener`; not recorded."""

    def silent(self) -> None:
        """See `Listener`: who spoke last stays."""
        self._speaker.heard("")

    def chat_changed(self, message: ChatMessage) -> None:
        """Something that was written to everybody has another text."""
        self._change_chat({message.number: message.text})

    def _keep_slides(self, room: Room) -> None:
        slides, timeline = room.entries.slides, self._timeline
        if slides is None or timeline is None or not self._number:
            return
        number, page = slides.file.number, slides.page
        picture = self._files.page(self.conference, slides.file.key, page, LARGE)

        async def keep() -> None:
            try:
                await asyncio.to_thread(slides_kept.keep, timeline.folder, number, page, picture)
            except OSError as error:
                _log.warning("a recording lacks a page of slides", conference=self.conference, reason=str(error))

        self._beside(keep(), "keep slides")

    def _beside(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _change_chat(self, texts: dict[int, str]) -> None:
        if not texts:
            return
        for timeline in self._timelines.values():
            timeline.change(texts)

        async def change() -> None:
            try:
                async with self._changing:
                    await asyncio.to_thread(self._library.change_chat, self.conference, texts, set(self._timelines))
            except OSError as error:
                _log.warning("a timeline keeps what was changed", conference=self.conference, reason=str(error))

        self._beside(change(), "change timelines")

    async def _claim(self, number: int, recorder: str) -> None:
        """A node has another name after each start: what is on this disk was begun by the one before."""
        if await asyncio.to_thread(self._library.has, self.conference, number):
            self._names.add(recorder)
            self._follow()

    def _mine(self, room: Room) -> Recording | None:
        return room.recording if room.recorder in self._names else None

    def _follow(self) -> None:
        recording = self._mine(self._replica.room)
        number = recording.number if recording is not None else 0
        if number == self._number or self._stopped:
            return
        if self._number:
            self._finish(self._reason)
        if recording is not None:
            self._number, self._reason = recording.number, RecordingEnd.STOPPED
            self._recorders.add(self)

    def _finish(self, why: str) -> None:
        if not self._number:
            return
        self._number = 0
        self.media.record(None, None)
        self._recorders.remove(self)
        if self._timeline is not None:
            self._timeline.note(time.time_ns() // 1_000_000, end=str(why))

    # --- the recorder -----------------------------------------------------------------------

    def go_on(self, recorder: Worker) -> None:
        """There is a recorder."""
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._begin(recorder, self._number), name="recording")

    async def _begin(self, recorder: Worker, number: int) -> None:
        try:
            left = self._most - await asyncio.to_thread(self._library.size, self.conference)
            # Where there is no room for anything, nothing is left behind that would be listed.
            made = await asyncio.to_thread(self._library.make, self.conference, number) if left > 0 else None
        except OSError as error:
            _log.warning("a recording cannot be begun", conference=self.conference, reason=str(error))
            self._cannot(RecordingEnd.FAILED)
            return
        if number != self._number or recorder.link is None or self._stopped:
            return
        if made is None:
            self._cannot(RecordingEnd.TOO_LARGE)
            return
        folder, segment = made
        self._note_begin(folder)
        self.media.record(
            recorder,
            control.RecordRoom(
                room=self.conference,
                recording=str(number),
                # What those alone see who lead a lecture, its students, is no part of it.
                group=AUDIENCE,
                folder=str(folder.absolute()),
                segment=segment,
                most_bytes=left,
                free_bytes=self._free,
            ),
        )

    def _note_begin(self, folder: Path) -> None:
        room = self._replica.room
        self._timeline = self._timelines.setdefault(folder, Timeline(folder))
        # As a stranger sees it: without what some only may know.
        picture = msgspec.to_builtins(snapshot(room, "", self._replica.epoch))
        # A stranger is not asked, but sees that others are.
        polls = [each.poll for each in room.entries.polls.values() if each.poll.state is PollState.OPEN]
        picture["polls"] = [{"number": one.number, "question": one.question, "options": one.options} for one in polls]
        self._timeline.note(time.time_ns() // 1_000_000, begin=picture)
        self._keep_slides(room)
        self._speaker.forget()

    def interrupted(self) -> None:
        """The recorder has died; another one is being started."""
        _log.warning("a recording is interrupted", conference=self.conference)
        self.media.record(None, None)

    def look(self, recorder: Worker, beat: control.Heartbeat) -> None:
        """Whether the recorder has what it was told; otherwise it is told again."""
        if self.media.spread.recorder is not recorder:
            return
        room = self.conference
        behind = self.media.behind(recorder, beat.positions.get(room), beat.relays.get(room, 0))
        self._behind = self._behind + 1 if behind else 0
        if self._behind >= BEHIND:
            self._behind = 0
            self.media.push_all(recorder)

    def recorder_says(self, report: control.RecordingReport) -> None:
        """The recorder's word."""
        if report.dropped and not self._dropped:
            _log.warning("the disk is too slow for a recording", conference=self.conference)
        self._dropped = report.dropped
        reason = _REASONS.get(report.state)
        if reason is not None and report.recording == str(self._number):
            self._cannot(reason)

    def _cannot(self, reason: RecordingEnd) -> None:
        number = self._number

        def settle(refusal: Refusal | None) -> None:
            if refusal is not None and number == self._number and not self._stopped:
                asyncio.get_running_loop().call_later(RETRY_S, self._cannot, reason)

        command = inner.EndRecording(number=number, reason=reason)
        room = self._replica.room
        self._replica.submit(Order(actor=room.owner, commands=lambda _: (command,), settle=settle))
