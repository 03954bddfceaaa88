"""What has happened to the recording of a conference."""

from __future__ import annotations

from protocol.events.base import Event
from protocol.recording import Recording, RecordingEnd


class RecordingStarted(Event, frozen=True, kw_only=True, tag="recording.started"):
    """What is sent is recorded from now on; `node`: which one writes it."""

    recording: Recording
    node: str = ""


class RecordingStopped(Event, frozen=True, kw_only=True, tag="recording.stopped"):
    """Nothing is recorded any more. The end of a conference ends its recording too, without a word of its own."""

    recording: int
    reason: RecordingEnd = RecordingEnd.STOPPED


RecordingEvent = RecordingStarted | RecordingStopped
