"""Recording: whether it runs, which one it is, and which node writes it."""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.recording import Recording, RecordingEnd
from server.room.inner import EndRecording
from server.room.refusal import Refusal
from server.room.state import Participant, Room

Events = tuple[e.RoomEvent, ...]


def start(room: Room, actor: Participant, command: c.RecordingStart, now: int) -> Events | Refusal:
    """The node of whoever starts it writes it: the one where their main connection is."""
    if room.recording is not None:
        return Refusal(Code.ALREADY, "the conference is being recorded")
    node = next((node for node, main in actor.links.items() if main), "")
    recording = Recording(number=room.recorded + 1, since=now, by=actor.id)
    return (e.RecordingStarted(time=now, by=actor.id, recording=recording, node=node),)


def stop(room: Room, actor: Participant, command: c.RecordingStop, now: int) -> Events | Refusal:
    """Nothing to stop is no mistake: somebody else was faster."""
    if room.recording is None:
        return ()
    return (e.RecordingStopped(time=now, by=actor.id, recording=room.recording.number),)


def end(room: Room, command: EndRecording, now: int) -> Events:
    """It cannot go on; the one that is meant may have ended already."""
    if room.recording is None or room.recording.number != command.number:
        return ()
    return (e.RecordingStopped(time=now, recording=command.number, reason=RecordingEnd(command.reason)),)
