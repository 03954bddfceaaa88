"""Recording a conference."""

from __future__ import annotations

from protocol.commands.base import Command


class RecordingStart(Command, frozen=True, kw_only=True, tag="recording.start"):
    """Record everything that is sent, from now on. Everybody is told before anything is written."""


class RecordingStop(Command, frozen=True, kw_only=True, tag="recording.stop"):
    """Finish the recording."""


RecordingCommand = RecordingStart | RecordingStop
