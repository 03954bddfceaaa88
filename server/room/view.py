"""What one client may see: the snapshot it starts from, and which events it is told.

In a crowded room (state.py), and where the settings hide the list of people, those who do not moderate are told of the
stage and of moderators, and of everybody else a count; moderators are told everything and page through the list.
"""

from __future__ import annotations

import msgspec

from protocol import events as e
from protocol.names import Mode, MuteSource, Role
from protocol.view import Person, Snapshot
from server.room.modes import teacher
from server.room.rules import RANK
from server.room.state import Participant, Room, on_stage


class Audience(msgspec.Struct, frozen=True):
    """Who is told an event: everyone, or moderators and the persons named."""

    everyone: bool = True
    persons: tuple[str, ...] = ()


EVERYONE = Audience()

# Events about one person that a crowd is told only when the person is on the stage or moderates.
_ABOUT_SOMEBODY = (
    e.ParticipantJoined,
    e.ParticipantAway,
    e.ParticipantReturned,
    e.ParticipantLeft,
    e.RoleAssigned,
    e.MediaMuted,
    e.MediaUnmuted,
)
# Events about asking and inviting: in a crowd the business of moderators and the person.
_ABOUT_ASKING = (
    e.StageRequested,
    e.StageWithdrawn,
    e.StageRefused,
    e.StageInvited,
    e.StageDeclined,
    e.RemarkRequested,
    e.RemarkWithdrawn,
    e.RemarkRefused,
)


def thinned(room: Room) -> bool:
    """Whether those who do not moderate are told of the stage only: in a crowd, or where the settings hide the list.

    Who may see a hidden list is who has `people.see_hidden`: the roles that moderate."""
    return room.crowded or room.settings.list_hidden


def moderates(room: Room, person: str) -> bool:
    """Whether the person is told what moderators are told."""
    present = room.people.get(person)
    return present is not None and RANK[present.role] >= RANK[Role.MODERATOR]


# The business of moderators in every conference.
_ABOUT_BLOCKING = (e.ParticipantBlocked, e.ParticipantUnblocked)


def audience(before: Room, after: Room, event: e.RoomEvent) -> Audience:
    """Who is told the event that led from one state to the other."""
    if isinstance(event, _ABOUT_BLOCKING):
        return Audience(everyone=False)
    if isinstance(event, e.MediaUnmuteAsked):
        return Audience(everyone=False, persons=(event.person,))
    if isinstance(event, e.TrackPublished | e.TrackUnpublished) and _a_students(after, event.person):
        return Audience(everyone=False, persons=(event.person, teacher(after)))
    if not thinned(after):
        return EVERYONE
    if isinstance(event, e.StageReordered):
        return Audience(everyone=False)
    if isinstance(event, _ABOUT_ASKING):
        return Audience(everyone=False, persons=(event.person,))
    if isinstance(event, _ABOUT_SOMEBODY):
        person = event.person
        known = any(_shown(room, person) for room in (before, after))
        return EVERYONE if known else Audience(everyone=False, persons=(person,))
    return EVERYONE


def _shown(room: Room, person: str) -> bool:
    """Whether a crowd is told about this person."""
    return on_stage(room, person) or person in room.remarks or moderates(room, person)


def sees(room: Room, person: str, told: Audience) -> bool:
    """Whether this person belongs to the audience."""
    return told.everyone or person in told.persons or moderates(room, person)


def needs_resync(before: Room, after: Room, person: str) -> bool:
    """Whether what this person may see changed as a whole, so that a snapshot must replace their picture."""
    if moderates(before, person) is not moderates(after, person):
        return thinned(after) or bool(after.blocked) or after.mode is Mode.VIDEO_LECTURE
    return thinned(before) is not thinned(after) and not moderates(after, person)


def _a_students(room: Room, person: str) -> bool:
    """Whether the person's tracks, if there are any, are seen by those only who lead a lecture."""
    return room.mode is Mode.VIDEO_LECTURE and not on_stage(room, person)


def person_view(room: Room, person: Participant, on_stage: bool | None = None, tracks: bool = True) -> Person:
    """Somebody as others see them; `on_stage` for the state that is about to be, `tracks`: theirs are seen too."""
    mutes = room.mutes.get(person.id, {})
    return Person(
        id=person.id,
        name=person.name,
        kind=person.kind,
        role=person.role,
        by_right=person.by_right,
        away=person.away,
        on_stage=person.id in room.stage if on_stage is None else on_stage,
        invited=person.id in room.invited and not on_stage,
        tracks=person.tracks if tracks else (),
        muted=tuple(source for source in MuteSource if source in mutes),
        locked=tuple(source for source in MuteSource if source in mutes and mutes[source].locked),
    )


def snapshot(room: Room, person: str, epoch: int) -> Snapshot:
    """The room as this person may see it."""
    moderator = moderates(room, person)
    led = moderator or person == teacher(room)
    everything = not thinned(room) or (moderator and not room.crowded)
    if everything:
        listed = list(room.people.values())
    else:
        known = {person, *room.stage, *room.remarks}
        if moderator:
            known.update(room.queue, room.invited, room.asking)
        listed = [p for p in room.people.values() if p.id in known or RANK[p.role] >= RANK[Role.MODERATOR]]
    queue, asking = room.queue, room.asking
    if not (everything or moderator):
        queue, asking = (tuple(p for p in line if p == person) for line in (queue, asking))
    return Snapshot(
        conference=room.conference,
        title=room.title,
        epoch=epoch,
        version=room.version,
        you=person,
        owner=room.owner,
        stage_places=room.stage_places,
        count=len(room.people),
        crowded=not everything,
        people=tuple(person_view(room, p, tracks=led or p.id == person or not _a_students(room, p.id)) for p in listed),
        stage=room.stage,
        queue=queue,
        asking=asking,
        remarks=room.remarks,
        settings=room.settings,
        mode=room.mode,
        teacher=room.teacher,
        blocked=tuple(room.blocked.values()) if moderator else (),
    )


def roster(room: Room, after: str | None, limit: int) -> tuple[tuple[Person, ...], bool]:
    """A page of everybody present in order of joining, and whether another follows. An unknown `after` (they left
    meanwhile) starts from the front, which repeats people but loses nobody."""
    people = list(room.people.values())
    start = next((i + 1 for i, p in enumerate(people) if p.id == after), 0)
    page = people[start : start + limit]
    return tuple(person_view(room, p, tracks=not _a_students(room, p.id)) for p in page), start + limit < len(people)
