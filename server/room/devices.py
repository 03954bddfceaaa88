"""Cameras, microphones and loudspeakers: what each client reports of its own, and switching somebody's from elsewhere.

The state holds the newest report of everybody present. To select is to ask the person's client, which follows and
reports: the state says what is, not what was wished.
"""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from server.room.refusal import Refusal
from server.room.state import MAX_DEVICES, Participant, Room

Events = tuple[e.RoomEvent, ...]


def report(room: Room, actor: Participant, command: c.DevicesReport, now: int) -> Events | Refusal:
    """What one has now; none is a report too."""
    if command.devices == room.devices.get(actor.id, ()):
        return ()
    others = sum(len(devices) for person, devices in room.devices.items() if person != actor.id)
    if others + len(command.devices) > MAX_DEVICES:
        return Refusal(Code.TOO_MANY, f"{MAX_DEVICES} devices are kept for a conference")
    return (e.DevicesReported(time=now, by=actor.id, person=actor.id, devices=command.devices),)


def select(room: Room, actor: Participant, target: Participant, command: c.DevicesSelect, now: int) -> Events | Refusal:
    """Only what the person's client has reported can be selected."""
    wanted = (command.device, command.kind)
    found = next((one for one in room.devices.get(target.id, ()) if (one.id, one.kind) == wanted), None)
    if found is None:
        return Refusal(Code.NO_SUCH_DEVICE, "only a reported device is selected")
    if found.chosen:
        return ()
    return (e.DevicesSelected(time=now, by=actor.id, person=target.id, kind=command.kind, device=command.device),)
