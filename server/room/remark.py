"""Audio remarks: a short turn to speak for somebody off the stage, in a conference held by roles.

Granted, their microphone alone goes out, until a moment that is in the state. It takes no place, and it ends by
itself (deadlines.py), by hand, with a change of mode, or when the person goes on the stage or leaves.
"""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import STAGE_PLACES, Mode, Source
from server.room.access import may_send
from server.room.refusal import Refusal
from server.room.state import Participant, Room
from server.room.view import person_view

Events = tuple[e.RoomEvent, ...]


def request(room: Room, actor: Participant, command: c.RemarkRequest, now: int) -> Events | Refusal:
    """Ask for a turn."""
    if room.mode is not Mode.ROLE_BASED:
        return Refusal(Code.NOT_ALLOWED, "remarks are for conferences held by roles")
    if actor.id in room.remarks:
        return Refusal(Code.ALREADY, "the turn is running")
    if not may_send(room, actor, Source.AUDIO):
        return Refusal(Code.NOT_ALLOWED, "guests do not speak here")
    return () if actor.id in room.asking else (e.RemarkRequested(time=now, by=actor.id, person=actor.id),)


def withdraw(room: Room, actor: Participant, command: c.RemarkWithdraw, now: int) -> Events | Refusal:
    """Do not want it any more."""
    if actor.id not in room.asking:
        return Refusal(Code.NO_REQUEST, "nothing to withdraw")
    return (e.RemarkWithdrawn(time=now, by=actor.id, person=actor.id),)


def grant(room: Room, actor: Participant, target: Participant, command: c.RemarkGrant, now: int) -> Events | Refusal:
    """The turn begins, and its end is known."""
    if target.id not in room.asking:
        return Refusal(Code.NO_REQUEST, "a grant answers a request")
    if not may_send(room, target, Source.AUDIO):
        return Refusal(Code.NOT_ALLOWED, "guests do not speak here")
    if len(room.remarks) >= STAGE_PLACES:
        return Refusal(Code.TOO_MANY, f"{STAGE_PLACES} turns are running")
    until = now + room.settings.remark_s * 1000
    who = person_view(room, target)
    return (e.RemarkGranted(time=now, by=actor.id, person=target.id, until=until, who=who),)


def refuse(room: Room, actor: Participant, target: Participant, command: c.RemarkRefuse, now: int) -> Events | Refusal:
    """The request is settled."""
    if target.id not in room.asking:
        return Refusal(Code.NO_REQUEST, "a refusal answers a request")
    return (e.RemarkRefused(time=now, by=actor.id, person=target.id),)


def end(room: Room, actor: Participant, target: Participant, command: c.RemarkEnd, now: int) -> Events | Refusal:
    """By hand, before its time."""
    if target.id not in room.remarks:
        return Refusal(Code.NO_REMARK, "only a turn that runs is ended")
    return (e.RemarkEnded(time=now, by=actor.id, person=target.id, reason=e.RemarkEndReason.ENDED),)
