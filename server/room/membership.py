"""Coming, going, being removed, and the role one has: the decisions about presence."""

from __future__ import annotations

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import STAGE_PLACES, PersonKind, Role
from protocol.settings import Settings
from server.room import access, inner, seating
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


def effective_role(room: Room, person: str, by_right: bool, kind: PersonKind, brings: Role | None) -> Role | None:
    """authority.md, "Session roles": the first that matches. `brings`: what the server or the link gives where the
    conference has chosen nothing. None: no access."""
    if by_right or person == room.owner:
        return Role.ORGANIZER
    if person in room.assigned:
        return room.assigned[person]
    chosen = access.general(room.settings, kind)
    return brings if chosen is None else access.role_of(chosen)


def shut_out(room: Room, person: str, by_right: bool) -> bool:
    """Whether a block keeps this identity out. An organizer by right cannot be kept out by anybody below them."""
    return person in room.blocked and not (by_right or person == room.owner)


def expected(room: Room, person: str) -> Participant:
    """Somebody who is not present, as far as the room knows them: for commands about an identity."""
    return Participant(
        id=person,
        name=person,
        kind=PersonKind.USER,
        role=Role.ORGANIZER if person == room.owner else room.assigned.get(person, Role.VIEWER),
        since=0,
        by_right=person == room.owner,
    )


def enter(room: Room, actor: str, command: inner.Enter, now: int) -> Events | Refusal:
    """Come in, or come back within the grace period. An ended conference is reopened by an organizer by right."""
    by_right = command.by_right or actor == room.owner
    if shut_out(room, actor, by_right):
        return Refusal(Code.BLOCKED, "a blocked identity stays out until it is unblocked")
    if room.ended and not by_right:
        return Refusal(Code.CONFERENCE_ENDED, "an ended conference is reopened by organizers by right only")
    present = room.people.get(actor)
    if present is not None:
        return (e.ParticipantReturned(time=now, person=actor),) if present.away else ()
    role = effective_role(room, actor, by_right, command.kind, command.inherits)
    if role is None:
        return Refusal(Code.NO_ACCESS, "no assignment, and nothing to inherit")
    if command.kind is PersonKind.GUEST and not room.settings.public:
        return Refusal(Code.NO_ACCESS, "guests come to public conferences only")
    if room.settings.capacity and len(room.people) >= room.settings.capacity and not by_right:
        return Refusal(Code.CONFERENCE_FULL, f"{room.settings.capacity} are present")
    joined = e.ParticipantJoined(
        time=now, person=actor, name=command.name, kind=command.kind, role=role, by_right=by_right
    )
    # What a moderator silenced before is said again: not everybody who sees this joining saw the mute.
    kept = tuple(
        e.MediaMuted(time=now, by=mute.by, person=actor, source=source, locked=mute.locked)
        for source, mute in room.mutes.get(actor, {}).items()
    )
    newcomer = Participant(id=actor, name=command.name, kind=command.kind, role=role, since=0, by_right=by_right)
    seat = seating.seat(room, newcomer, now)
    if isinstance(seat, Refusal):
        return seat
    reopened = (e.ConferenceReopened(time=now, by=actor),) if room.ended else ()
    return (*reopened, joined, *kept, *seat)


def gone(room: Room, person: str, reason: e.LeaveReason, now: int, by: str | None = None, note: str = "") -> Events:
    """What follows when somebody is not in the conference any more, for whatever reason."""
    left = e.ParticipantLeft(time=now, by=by, person=person, reason=reason, note=note)
    if not on_stage(room, person):
        return (left,)
    return (e.StageLeft(time=now, by=by, person=person, reason=e.StageLeaveReason.GONE), left)


def drop(room: Room, actor: Participant, command: inner.Drop, now: int) -> Events | Refusal:
    """The last connection broke: seat, role and mutes are kept for the grace period."""
    return () if actor.away else (e.ParticipantAway(time=now, person=actor.id),)


def expire(room: Room, actor: Participant, command: inner.Expire, now: int) -> Events | Refusal:
    """Only who is still away expires: a return that came first wins."""
    return gone(room, actor.id, e.LeaveReason.EXPIRED, now) if actor.away else ()


def leave(room: Room, actor: Participant, command: c.ConferenceLeave, now: int) -> Events | Refusal:
    """Leave for good; an assigned role is kept for a return."""
    return gone(room, actor.id, e.LeaveReason.LEFT, now, by=actor.id)


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
    title = room.title if command.title is None else command.title
    places = room.stage_places if command.stage_places is None else min(command.stage_places, STAGE_PLACES)
    given = {name: getattr(command, name) for name in Settings.__struct_fields__}
    changed = replace(room.settings, **{name: value for name, value in given.items() if value is not None})
    if (title, places, changed) == (room.title, room.stage_places, room.settings):
        return ()
    event = e.ConferenceSettingsChanged(time=now, by=actor.id, title=title, stage_places=places, settings=changed)
    return (event, *_inherited_anew(room, changed, actor.id, now))


def _inherited_anew(room: Room, settings: Settings, by: str, now: int) -> Events:
    events: Events = ()
    for person in room.people.values():
        chosen = access.general(settings, person.kind)
        if chosen is None or not access.inherits(room, person):
            continue
        role = access.role_of(chosen)
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
    if target.role is command.role and room.assigned.get(target.id) is command.role:
        return ()
    if target.id not in room.assigned and len(room.assigned) >= MAX_ASSIGNED:
        return Refusal(Code.TOO_MANY, f"at most {MAX_ASSIGNED} assignments are kept")
    return seating.given_role(room, target, command.role, now, actor.id)
