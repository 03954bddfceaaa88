"""The rooms of a recorder: those of any worker that is fed, whose packets go into files."""

from __future__ import annotations

import time
from typing import Any

from media.record.recording import Recording
from media.router import Router
from protocol.control import RecordEnd, RecordingState, RecordRoom, RoomClosed, RoutesWanted

# Seconds that a process that ends gives to its disk; whoever ends it waits a little longer.
CLOSES_IN = 2.0


class RecordingRouter(Router):
    """See the module."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._recordings: dict[str, Recording] = {}
        self._ending: list[Recording] = []

    def record(self, message: RecordRoom) -> None:
        """Begin to record a room that is known; said again it changes nothing."""
        room = self.rooms.get(message.room)
        if room is None:
            self._send(RoutesWanted(room=message.room))
            return
        former = self._recordings.get(message.room)
        if former is not None:
            if (former.what.recording, former.what.segment) == (message.recording, message.segment):
                former.report()
                return
            self._end(former)
        self._recordings[message.room] = Recording(room, message, self._port, self._limits, self._send)

    def record_end(self, message: RecordEnd) -> None:
        """Finish a room's recording."""
        recording = self._recordings.pop(message.room, None)
        if recording is not None:
            self._end(recording)

    def _end(self, recording: Recording) -> None:
        recording.end(RecordingState.ENDED)
        self._ending.append(recording)

    def room_closed(self, message: RoomClosed) -> None:
        """See `Router`."""
        self.record_end(RecordEnd(room=message.room))
        super().room_closed(message)

    def close(self) -> None:
        """Finish everything."""
        for recording in self._recordings.values():
            self._end(recording)
        before = time.monotonic()
        for recording in self._ending:
            recording.wait(max(0.0, before + CLOSES_IN - time.monotonic()))
        super().close()

    def drained(self) -> None:
        """See `Router`: nothing goes out."""
        now = time.monotonic()
        for room in self._ready:
            layers = list(room.ready)
            room.ready.clear()
            recording = self._recordings.get(room.id)
            for layer in layers:
                if recording is not None:
                    recording.take(layer, now)
                layer.pending.clear()
        self._ready.clear()

    def tick(self, now: float, count: int = 1) -> None:
        """See `Router`."""
        before = self._ticks // 50
        super().tick(now, count)
        second = self._ticks // 50 != before
        for recording in self._recordings.values():
            recording.tick(second, now)
        for recording in self._ending:
            recording.tick(second, now)
        self._ending = [recording for recording in self._ending if not recording.over]
