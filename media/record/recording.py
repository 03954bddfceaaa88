"""The recording of one room by this process: a segment of it.

In its folder there are the files of the tracks and an index of JSON lines, one when a file is begun and one when it is
finished. A file that was begun and not finished is one that a killed recorder has left; it plays all the same.

A thread writes (disk.py). A disk that is slow loses frames, which are counted, and one that hangs ends the recording.
"""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from media.clock import unix_now
from media.codecs import Canonical
from media.layer import Layer
from media.limits import Limits
from media.record.disk import Disk
from media.record.matroska import Format, MatroskaFile
from media.record.tap import Tap
from media.room import Room
from media.securepath import PeerName, SecurePath
from media.srtp import PacketBuffer, SrtpSession
from media.track import Track
from media.udp import UdpPort
from protocol.control import RecordingReport, RecordingState, RecordRoom, TransportState

INDEX = "tracks.jsonl"
# Files of one segment. A person who shares a screen makes a few, each hour.
MAX_FILES = 2000
# Seconds after its end in which all has to be written.
FINISHED_IN = 10.0

log = structlog.get_logger("media.record")


class Begun(msgspec.Struct, tag="begun"):
    """A line of the index. `begins`: seconds since 1970 of the file's time zero."""

    file: str
    segment: int
    track: str
    person: str
    source: str
    codec: str
    begins: float


class Finished(msgspec.Struct, tag="finished"):
    """A line of the index: the file is complete, and so long. `dropped`: frames that the disk was too slow for."""

    file: str
    bytes: int
    seconds: float
    dropped: int = 0


class _Nobody:
    """What stands above the path of a tap, which leads nowhere."""

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """Never called."""

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """Never called."""

    def sends(self, ssrc: int) -> bool:
        """It does not."""
        return False

    def state_changed(self, state: TransportState) -> None:
        """It has none."""


class Recording:
    """See the module. `say` tells the server. Nothing here raises: what cannot be written ends the recording. `over`:
    it has ended, all is written, and the server has been told."""

    def __init__(
        self, room: Room, what: RecordRoom, port: UdpPort, limits: Limits, say: Callable[[RecordingReport], None]
    ) -> None:
        self.what = what
        self.state = RecordingState.RUNNING
        self.over = False
        self.dropped = 0
        self._disk = Disk(time.monotonic)
        self._ended_at = 0.0
        self._room = room
        self._say = say
        self._folder = Path(what.folder)
        self._nowhere = SecurePath(port, PeerName(room.id, ""), _Nobody(), Counter(), limits)
        self._taps: dict[str, Tap] = {}
        self._files: list[MatroskaFile] = []
        self._count = 0
        self._bytes = 0  # of files that are finished
        self.report()

    @property
    def bytes(self) -> int:
        """All that has been written."""
        return self._bytes + sum(file.bytes for file in self._files)

    @property
    def full(self) -> bool:
        """See `Shelf`."""
        return self._disk.full

    def report(self) -> None:
        """Tell the server how it is."""
        self._say(
            RecordingReport(
                room=self._room.id,
                recording=self.what.recording,
                segment=self.what.segment,
                state=self.state,
                files=self._count,
                bytes=self.bytes,
                dropped=self.dropped,
            )
        )

    # --- packets and time -----------------------------------------------------------------------------

    def take(self, layer: Layer, now: float) -> None:
        """A layer's packets of this turn."""
        pending = list(layer.pending)
        layer.pending.clear()
        if layer.waiting and any(starts for *_, starts in pending):
            layer.switch()
        layer.forwarded += len(pending)
        for downlink in list(layer.downlinks):
            if isinstance(downlink, Tap):
                downlink.take(layer, pending, now)

    def tick(self, second: bool, now: float) -> None:
        """To be called often; `second`: once in a second."""
        if self.state is not RecordingState.RUNNING:
            self._finish(now)
            return
        if self._disk.error is not None:
            self._fail(self._disk.error)
            return
        tracks = {id: track for id, track in self._room.tracks.items() if self.what.group in track.to}
        for id in [id for id, tap in self._taps.items() if tracks.get(id) is not tap.track]:
            self._leave(self._taps.pop(id), now)
        for id, track in tracks.items():
            if id not in self._taps and track.codec is not None:
                self._taps[id] = Tap(self._nowhere, track, self, unix_now)
        for tap in self._taps.values():
            tap.tick(now)
        if second:
            self._look()
            if self.state is RecordingState.RUNNING:  # otherwise it is told when all is written
                self.report()

    def _look(self) -> None:
        """Is there room for more?"""
        disk = self._disk
        if self.bytes > self.what.most_bytes or self._count >= MAX_FILES:
            self.end(RecordingState.TOO_LARGE)
        elif disk.behind() > self.what.patience_s:
            self.end(RecordingState.TOO_SLOW)
        elif 0 <= disk.free < self.what.free_bytes:
            self.end(RecordingState.DISK_FULL)
        else:
            disk.look(self._folder)

    def _fail(self, error: OSError) -> None:
        log.warning("a recording cannot be written", recording=self.what.recording, reason=str(error))
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.end(RecordingState.DISK_FULL if full else RecordingState.FAILED)

    # --- the end ----------------------------------------------------------------------------------------

    def _leave(self, tap: Tap, now: float) -> None:
        tap.end()  # first: what it holds is written then
        tap.choose(None, now)

    def end(self, state: RecordingState) -> None:
        """Finish all files. The server is told when they are written."""
        if self.state is not RecordingState.RUNNING:
            return
        self.state = state
        self._ended_at = time.monotonic()
        taps, self._taps = list(self._taps.values()), {}
        for tap in taps:
            self._leave(tap, 0.0)
        self._disk.close()
        self._finish(self._ended_at)

    def wait(self, seconds: float) -> None:
        """Until what an ended one has left to write is written."""
        self._disk.close(seconds)
        self._finish(time.monotonic())

    def _finish(self, now: float) -> None:
        if self.over:
            return
        late = now - self._ended_at > FINISHED_IN
        if late and self.state is RecordingState.ENDED:
            self.state = RecordingState.TOO_SLOW
        # Of what is slow it is not known whether it is ever written.
        if self._disk.idle or late or self.state is RecordingState.TOO_SLOW:
            self.over = True
            self.report()

    # --- files ------------------------------------------------------------------------------------------

    def open(self, track: Track, codec: Canonical, form: Format, date: float) -> MatroskaFile:
        """See `Shelf`. A file's name tells nothing of people: identities are what somebody chose."""
        self._count += 1
        name = f"{self.what.segment:03d}-{self._count:04d}-{track.source}.{'webm' if form.web else 'mkv'}"
        file = MatroskaFile(self._folder / name, form, date, self._disk.open)
        self._files.append(file)
        self._note(
            Begun(
                file=name,
                segment=self.what.segment,
                track=track.id,
                person=track.peer,
                source=track.source,
                codec=codec.name,
                begins=round(date, 4),
            )
        )
        return file

    def done(self, file: MatroskaFile, dropped: int) -> None:
        """See `Shelf`."""
        self._files.remove(file)
        file.close()
        self._bytes += file.bytes
        self._note(Finished(file=file.path.name, bytes=file.bytes, seconds=file.ends_ms / 1000, dropped=dropped))

    def drop(self) -> None:
        """See `Shelf`."""
        if not self.dropped:
            log.warning("a disk is too slow for a recording", recording=self.what.recording)
        self.dropped += 1

    def _note(self, line: Begun | Finished) -> None:
        self._disk.append(self._folder / INDEX, msgspec.json.encode(line) + b"\n")
