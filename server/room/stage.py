"""The stage with its 36 places: asking, granting, inviting, going up and coming down."""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from server.room.modes import may_have_place, takes_place_by_themselves
from server.room.refusal import Refusal
from server.room.state import Participant, Room, on_stage, place_is_free
from server.room.view import person_view

# Long enough to read it and to allow a camera; a moderator who waits longer asks again.
INVITATION_MS = 120_000

Events = tuple[e.RoomEvent, ...]


def take_place(room: Room, person: Participant, now: int, by: str | None) -> Events | Refusal:
    """The one door to the stage: every way up ends here, so the cap is held in one place."""
    if on_stage(room, person.id):
        return Refusal(Code.ALREADY, "a person has one place")
    if not may_have_place(room, person):
        return Refusal(Code.NOT_ALLOWED, "in a lecture the stage is for those who lead it")
    if not place_is_free(room):
        return Refusal(Code.STAGE_FULL, "every place is taken")
    who = person_view(room, person, on_stage=True)
    return (e.StageTaken(time=now, by=by, person=person.id, who=who),)


def request(room: Room, actor: Participant, command: c.StageRequest, now: int) -> Events | Refusal:
    """Who may go on the stage takes a free place at once; everybody else stands in the queue, where the mode has one
    for them."""
    if not may_have_place(room, actor) or (takes_place_by_themselves(room, actor) and place_is_free(room)):
        return take_place(room, actor, now, by=actor.id)
    if actor.id in room.queue:
        return ()
    return (e.StageRequested(time=now, by=actor.id, person=actor.id),)


def withdraw(room: Room, actor: Participant, command: c.StageWithdraw, now: int) -> Events | Refusal:
    """Take one's request back."""
    if actor.id not in room.queue:
        return Refusal(Code.NO_REQUEST, "nothing to withdraw")
    return (e.StageWithdrawn(time=now, by=actor.id, person=actor.id),)


def grant(room: Room, actor: Participant, target: Participant, command: c.StageGrant, now: int) -> Events | Refusal:
    """A place for somebody who asked."""
    if target.id not in room.queue:
        return Refusal(Code.NO_REQUEST, "a grant answers a request")
    return take_place(room, target, now, by=actor.id)


def refuse(room: Room, actor: Participant, target: Participant, command: c.StageRefuse, now: int) -> Events | Refusal:
    """The request leaves the queue."""
    if target.id not in room.queue:
        return Refusal(Code.NO_REQUEST, "a refusal answers a request")
    return (e.StageRefused(time=now, by=actor.id, person=target.id),)


def reorder(room: Room, actor: Participant, target: Participant, command: c.StageReorder, now: int) -> Events | Refusal:
    """Move one request; a position past the end is the end."""
    if target.id not in room.queue:
        return Refusal(Code.NO_REQUEST, "only requests are ordered")
    others = [person for person in room.queue if person != target.id]
    others.insert(command.position, target.id)
    queue = tuple(others)
    return () if queue == room.queue else (e.StageReordered(time=now, by=actor.id, queue=queue),)


def invite(room: Room, actor: Participant, target: Participant, command: c.StageInvite, now: int) -> Events | Refusal:
    """Ask somebody up; the place is taken when they accept, before the invitation expires."""
    if on_stage(room, target.id):
        return Refusal(Code.ALREADY, "on the stage already")
    if not may_have_place(room, target):
        return Refusal(Code.NOT_ALLOWED, "in a lecture the stage is for those who lead it")
    if target.id in room.invited:
        return ()
    return (e.StageInvited(time=now, by=actor.id, person=target.id, until=now + INVITATION_MS),)


def accept(room: Room, actor: Participant, command: c.StageAccept, now: int) -> Events | Refusal:
    """Take the place one was invited to; when none is free the invitation stays."""
    if actor.id not in room.invited:
        return Refusal(Code.NOT_INVITED, "an acceptance answers an invitation")
    return take_place(room, actor, now, by=actor.id)


def decline(room: Room, actor: Participant, command: c.StageDecline, now: int) -> Events | Refusal:
    """The invitation is settled."""
    if actor.id not in room.invited:
        return Refusal(Code.NOT_INVITED, "a refusal answers an invitation")
    return (e.StageDeclined(time=now, by=actor.id, person=actor.id),)


def leave(room: Room, actor: Participant, command: c.StageLeave, now: int) -> Events | Refusal:
    """Give one's own place back."""
    return (e.StageLeft(time=now, by=actor.id, person=actor.id, reason=e.StageLeaveReason.LEFT),)


def take_down(
    room: Room, actor: Participant, target: Participant, command: c.StageTakeDown, now: int
) -> Events | Refusal:
    """Every track of the person stops; the place is free at once."""
    if not on_stage(room, target.id):
        return Refusal(Code.NOT_ON_STAGE, "only who is up can be taken down")
    return (e.StageLeft(time=now, by=actor.id, person=target.id, reason=e.StageLeaveReason.TAKEN_DOWN),)
