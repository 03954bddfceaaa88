"""Going, being removed, and the role one has: the decisions about presence. Coming in is the door's (door.py)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import STAGE_PLACES, PersonKind, Role
from protocol.settings import Access, GuestsMay, Settings
from protocol.text import one_line
from server.room import access, door, inner, presence, seating
from server.room.apply import played
from server.room.refusal import Refusal
from server.room.rules import RANK
from server.room.state import MAX_ASSIGNED, MAX_BLOCKED, Participant, Room, on_stage

Events = tuple[e.RoomEvent, ...]


def create(room: Room | None, actor: str, command: inner.Create, now: int) -> Events | Refusal:
    """A room that exists stays as it is."""
    if room is not None:
        return Refusal(Code.ALREADY, "a conference is created once")
    return (
        e.ConferenceCreated(
            time=now,
            by=actor,
            conference=command.conference,
            title=command.title,
            owner=actor,
            stage_places=min(command.stage_places, STAGE_PLACES),
        ),
    )


def pass_on(room: Room, actor: str, now: int) -> Events:
    """The actor owns the conference from now on, and is an organizer by right as every owner is. Who owned it keeps
    what they have: nothing lets them in any more, and the server sees to that."""
    if actor == room.owner:
        return ()
    events: Events = (e.ConferenceOwnerChanged(time=now, owner=actor),)
    present = room.people.get(actor)
    if present is None:
        return events
    return (*events, *right(played(room, events), present, inner.Right(by_right=True), now))


def expected(room: Room, person: str) -> Participant:
    """Somebody who is not present, as far as the room knows them: for commands about an identity."""
    knock = room.lobby.get(person)
    return Participant(
        id=person,
        name=knock.who.name if knock is not None else person,
        kind=knock.who.kind if knock is not None else PersonKind.USER,
        role=Role.ORGANIZER if person == room.owner else room.assigned.get(person, Role.VIEWER),
        since=0,
        by_right=person == room.owner,
        inherits=knock.inherits if knock is not None else None,
    )


def gone(room: Room, person: str, reason: e.LeaveReason, now: int, by: str | None = None, note: str = "") -> Events:
    """What follows when somebody is not in the conference any more, for whatever reason."""
    left = e.ParticipantLeft(time=now, by=by, person=person, reason=reason, note=note)
    if not on_stage(room, person):
        return (left,)
    return (e.StageLeft(time=now, by=by, person=person, reason=e.StageLeaveReason.GONE), left)


def drop(room: Room, actor: Participant, command: inner.Drop, now: int) -> Events | Refusal:
    """The last connection broke: seat, role and mutes are kept for the grace period."""
    if actor.away:
        return ()
    still = presence.lost(actor.id, actor.links, command, now)
    return (e.ParticipantAway(time=now, person=actor.id),) if still is None else still


def expire(room: Room, actor: Participant, command: inner.Expire, now: int) -> Events | Refusal:
    """Only who is still away expires: a return that came first wins."""
    return gone(room, actor.id, e.LeaveReason.EXPIRED, now) if actor.away else ()


def right(room: Room, actor: Participant, command: inner.Right, now: int) -> Events:
    """Who got the right of an organizer has it at once, and who lost it is what they are without it, or is out."""
    by_right = command.by_right or actor.id == room.owner
    if by_right is actor.by_right:
        return ()
    if access.shut_out(room, actor.id, by_right):
        return gone(room, actor.id, e.LeaveReason.BLOCKED, now)
    role = access.effective_role(room, actor.id, by_right, actor.kind, actor.inherits)
    if role is None or access.outside(room, actor.id, actor.kind, by_right):
        return gone(room, actor.id, e.LeaveReason.NO_ACCESS, now)
    follow = seating.given_role(room, actor, role, now, None, inherited=True, by_right=by_right)
    return _followed(room, follow, actor.id, now)


def bar(room: Room, actor: Participant, command: inner.Bar, now: int) -> Events:
    """Out at once, without the grace period: nobody can come back for them."""
    return gone(room, actor.id, e.LeaveReason.NO_ACCESS, now)


def leave(room: Room, actor: Participant, command: c.ConferenceLeave, now: int) -> Events | Refusal:
    """Leave for good; an assigned role is kept for a return."""
    return gone(room, actor.id, e.LeaveReason.LEFT, now, by=actor.id)


def move(room: Room, actor: Participant, command: inner.Move, now: int) -> Events:
    """As leaving; the connections that are left here are closed."""
    return gone(room, actor.id, e.LeaveReason.MOVED, now, by=actor.id)


def remove(
    room: Room, actor: Participant, target: Participant, command: c.ParticipantRemove, now: int
) -> Events | Refusal:
    """Media and signaling are closed; the person may come back."""
    return gone(room, target.id, e.LeaveReason.REMOVED, now, by=actor.id, note=command.reason)


def block(
    room: Room, actor: Participant, target: Participant, command: c.ParticipantBlock, now: int
) -> Events | Refusal:
    """Out at once when present, and kept out until unblocked."""
    if target.id in room.blocked:
        return ()
    if len(room.blocked) >= MAX_BLOCKED:
        return Refusal(Code.TOO_MANY, f"at most {MAX_BLOCKED} identities are kept out")
    blocked = e.ParticipantBlocked(time=now, by=actor.id, person=target.id, name=target.name, note=command.reason)
    if target.id in room.lobby:
        left = e.LobbyLeft(
            time=now, by=actor.id, person=target.id, refused=True, code=Code.BLOCKED, note=command.reason
        )
        return (blocked, left)
    if target.id not in room.people:
        return (blocked,)
    return (blocked, *gone(room, target.id, e.LeaveReason.BLOCKED, now, by=actor.id, note=command.reason))


def unblock(
    room: Room, actor: Participant, target: Participant, command: c.ParticipantUnblock, now: int
) -> Events | Refusal:
    """The identity may come in again."""
    if target.id not in room.blocked:
        return Refusal(Code.NOT_BLOCKED, "only a block is undone")
    return (e.ParticipantUnblocked(time=now, by=actor.id, person=target.id),)


def end(room: Room, actor: Participant, command: c.ConferenceEnd, now: int) -> Events | Refusal:
    """End it for everybody."""
    return (e.ConferenceEnded(time=now, by=actor.id),)


def close(room: Room, actor: str, command: inner.Close, now: int) -> Events | Refusal:
    """End it from the command line."""
    return () if room.ended else (e.ConferenceEnded(time=now, by=actor),)


def settings(room: Room, actor: Participant, command: c.ConferenceSettings, now: int) -> Events | Refusal:
    """Change what was given. Lowering the places takes nobody down, a smaller capacity and privacy send nobody out:
    they let nobody else in. A change of general access reaches at once everybody who inherits it."""
    title = room.title if command.title is None else one_line(command.title)
    if not title:
        return Refusal(Code.BAD_MESSAGE, "nothing of the title is to be seen", {"path": "$.title"})
    places = room.stage_places if command.stage_places is None else min(command.stage_places, STAGE_PLACES)
    given = _given(command, Settings.__struct_fields__)
    if command.outsiders is not None:
        given["outsiders"] = Access(command.outsiders.value)
    if command.guests_may is not None:
        given["guests_may"] = replace(
            room.settings.guests_may, **_given(command.guests_may, GuestsMay.__struct_fields__)
        )
    changed = replace(room.settings, **given)
    if (title, places, changed) == (room.title, room.stage_places, room.settings):
        return ()
    event = e.ConferenceSettingsChanged(time=now, by=actor.id, title=title, stage_places=places, settings=changed)
    return _followed(room, (event, *_inherited_anew(room, changed, actor.id, now)), actor.id, now)


def _given(change: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(change, name)) is not None}


def _inherited_anew(room: Room, settings: Settings, by: str, now: int) -> Events:
    events: Events = ()
    before = room.settings
    for person in room.people.values():
        same = access.general(settings, person.kind) is access.general(before, person.kind)
        if same or not access.inherits(room, person):
            continue
        role = access.inherited_role(settings, person.kind, person.inherits)
        follow: Events = ()
        if role is None:
            follow = gone(room, person.id, e.LeaveReason.NO_ACCESS, now, by=by)
        elif role is not person.role:
            follow = seating.given_role(room, person, role, now, by, inherited=True)
        # Where a role brings a place, the next one's depends on it.
        room, events = played(room, follow), events + follow
    return events


def assign(room: Room, actor: Participant, target: Participant, command: c.RoleAssign, now: int) -> Events | Refusal:
    """Nobody gives more than they have; nobody takes what somebody has by right."""
    if target.by_right:
        return Refusal(Code.PROTECTED, "an organizer by right stays one")
    if RANK[command.role] > RANK[actor.role]:
        return Refusal(Code.NOT_ALLOWED, f"{actor.role} cannot appoint {command.role}")
    return _assigned(room, target, command.role, actor.id, now)


def clear(room: Room, actor: Participant, target: Participant, command: c.RoleClear, now: int) -> Events | Refusal:
    """The person is again what they inherit, and leaves when that is nothing."""
    if target.by_right:
        return Refusal(Code.PROTECTED, "an organizer by right stays one")
    if target.id not in room.assigned:
        return Refusal(Code.ALREADY, "nobody has assigned a role")
    return _cleared(room, target, actor.id, now)


def appoint(room: Room, actor: str, command: inner.Appoint, now: int) -> Events | Refusal:
    """As `assign` and `clear`, by the event that the conference belongs to; who is an organizer by right stays one."""
    target = room.people.get(command.target) or expected(room, command.target)
    if target.by_right:
        return ()
    if command.role is not None:
        return _assigned(room, target, command.role, actor, now)
    return _cleared(room, target, actor, now) if target.id in room.assigned else ()


def _assigned(room: Room, target: Participant, role: Role, by: str, now: int) -> Events | Refusal:
    if target.role is role and room.assigned.get(target.id) is role:
        return ()
    if target.id not in room.assigned and len(room.assigned) >= MAX_ASSIGNED:
        return Refusal(Code.TOO_MANY, f"at most {MAX_ASSIGNED} assignments are kept")
    return _followed(room, seating.given_role(room, target, role, now, by), by, now)


def _cleared(room: Room, target: Participant, by: str, now: int) -> Events:
    role = access.inherited_role(room.settings, target.kind, target.inherits)
    if target.kind is PersonKind.FEDERATED and not room.settings.public:
        role = None  # the assignment is what let them in
    events: Events
    if role is None and target.id in room.people:
        unassigned = e.RoleAssigned(time=now, by=by, person=target.id, role=target.role, inherited=True)
        events = (unassigned, *gone(room, target.id, e.LeaveReason.NO_ACCESS, now, by=by))
    else:
        # What somebody inherits who is not here shows when they come.
        events = seating.given_role(room, target, role or Role.VIEWER, now, by, inherited=True)
    return _followed(room, events, by, now)


def _followed(room: Room, events: Events, by: str, now: int) -> Events:
    """A change of settings or roles with what it means at the door: who may not be there before the conference begins
    goes out, and who waits is looked at anew."""
    room = played(room, events)
    out: Events = ()
    for person in room.people.values():
        if access.held_back(room, person.role):
            out += gone(room, person.id, e.LeaveReason.WAITING, now, by=by)
    return (*events, *out, *door.reconsider(played(room, out), by, now))
