"""The mode of the conference, and the places that follow from it: on joining, on a new role, on a change of mode."""

from __future__ import annotations

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.names import Mode, Role
from server.room.apply import played
from server.room.modes import may_have_place, seated_on_joining, sources_of, teacher
from server.room.refusal import Refusal
from server.room.rules import RANK, permits
from server.room.stage import take_place
from server.room.state import Participant, Room, on_stage

Events = tuple[e.RoomEvent, ...]


def seat(room: Room, newcomer: Participant, now: int) -> Events | Refusal:
    """The place of somebody who joins. Where everybody is on the screen there is no joining without one; a lecture
    with a full stage lets even those who lead it in without."""
    if not seated_on_joining(room, newcomer):
        return ()
    taken = take_place(room, newcomer, now, by=newcomer.id)
    return () if isinstance(taken, Refusal) and room.mode is Mode.VIDEO_LECTURE else taken


def given_role(
    room: Room,
    target: Participant,
    role: Role,
    now: int,
    by: str | None,
    *,
    inherited: bool = False,
    by_right: bool | None = None,
) -> Events:
    """Somebody has another role; the rest as in `RoleAssigned`.

    Demoted to viewer, one leaves the stage, so that nothing of a demoted person is forwarded, except where everybody is
    on the screen; off the stage a turn to speak, an invitation and what one shows there end with the role. In a lecture
    the places follow the roles both ways.
    """
    assigned = e.RoleAssigned(time=now, by=by, person=target.id, role=role, inherited=inherited, by_right=by_right)
    became = replace(target, role=role, by_right=target.by_right if by_right is None else by_right)
    demoted = room.mode is Mode.ROLE_BASED and role is Role.VIEWER and target.role is not Role.VIEWER
    if on_stage(room, target.id):
        if demoted or not may_have_place(room, became):
            down = e.StageLeft(time=now, by=by, person=target.id, reason=e.StageLeaveReason.TAKEN_DOWN)
            return (down, assigned)
    elif target.id in room.people and room.mode is Mode.VIDEO_LECTURE and may_have_place(room, became):
        taken = take_place(room, became, now, by)
        return (assigned,) if isinstance(taken, Refusal) else (assigned, *taken)
    return (*(_put_down(room, target.id, by, now) if demoted else ()), assigned)


def _put_down(room: Room, person: str, by: str | None, now: int) -> Events:
    """What somebody has off the stage by the role that they lose."""
    ended: Events = ()
    if person in room.remarks:
        ended += (e.RemarkEnded(time=now, by=by, person=person, reason=e.RemarkEndReason.ENDED),)
    if person in room.invited:
        ended += (e.StageDeclined(time=now, by=by, person=person),)
    if room.entries.slides is not None and room.entries.slides.person == person:
        ended += (e.SlidesClosed(time=now, by=by),)
    return ended


def set_mode(room: Room, actor: Participant, command: c.ConferenceSetMode, now: int) -> Events | Refusal:
    """Another mode, or another teacher: everybody's place is decided anew, in one commit."""
    named = room.teacher if command.teacher is None else command.teacher
    named = "" if named == room.owner else named
    if (command.mode, named) == (room.mode, room.teacher):
        return ()
    events: Events = (e.ConferenceModeChanged(time=now, by=actor.id, mode=command.mode, teacher=named),)
    for follow in (_void, _stand_up, _sit_down, _fall_silent):
        events += follow(played(room, events), actor.id, now)
    return events


def _void(room: Room, by: str, now: int) -> Events:
    """Turns to speak are for conferences held by roles; in a lecture there is no place to ask for either."""
    if room.mode is Mode.ROLE_BASED:
        return ()
    ended = e.RemarkEndReason.MODE
    remarks: Events = (
        *(e.RemarkRefused(time=now, by=by, person=person) for person in room.asking),
        *(e.RemarkEnded(time=now, by=by, person=person, reason=ended) for person in room.remarks),
    )
    if room.mode is not Mode.VIDEO_LECTURE:
        return remarks
    return (
        *remarks,
        *(e.StageRefused(time=now, by=by, person=person) for person in room.queue),
        *(e.StageDeclined(time=now, by=by, person=person) for person in room.invited),
    )


def seating(room: Room) -> tuple[str, ...]:
    """Who should be on the stage by the room's mode, the same on every node: the teacher of a lecture first, then
    organizers and moderators, then the others, each in order of joining, as far as there are places."""
    if room.mode is Mode.ROLE_BASED:
        # Who was brought up by another mode and may not go by themselves comes down until granted.
        return tuple(person for person in room.stage if permits(room.people[person].role, "stage.go"))

    def order(person: Participant) -> tuple[bool, bool]:
        teaches = room.mode is Mode.VIDEO_LECTURE and person.id == teacher(room)
        return (not teaches, RANK[person.role] < RANK[Role.MODERATOR])

    # `people` stands in order of joining, and sorting keeps it among equals.
    entitled = [person.id for person in sorted(room.people.values(), key=order) if may_have_place(room, person)]
    return tuple(entitled[: room.stage_places])


def _stand_up(room: Room, by: str, now: int) -> Events:
    seats = set(seating(room))
    return tuple(
        e.StageLeft(time=now, by=by, person=person, reason=e.StageLeaveReason.MODE)
        for person in room.stage
        if person not in seats
    )


def _sit_down(room: Room, by: str, now: int) -> Events:
    events: Events = ()
    for person in seating(room):
        if person not in room.stage:
            taken = take_place(room, room.people[person], now, by)
            events += () if isinstance(taken, Refusal) else taken
    return events


def _fall_silent(room: Room, by: str, now: int) -> Events:
    """Tracks that nobody without a place has in this mode."""
    return tuple(
        e.TrackUnpublished(time=now, by=by, person=person.id, source=source)
        for person in room.people.values()
        for source in person.tracks
        if source not in sources_of(room, person.id)
    )
