"""What one client may see: the snapshot it starts from, and which events it is told.

In a crowded room (state.py), and where the settings hide the list of people, those who do not moderate are told of the
stage and of moderators, and of everybody else a count; moderators are told everything and page through the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from protocol import events as e
from protocol.devices import Device
from protocol.engagement import Channel, PollState
from protocol.events import EngagementEvent
from protocol.names import Mode, MuteSource, Role
from protocol.view import Person, Snapshot
from server.room import chatroom, polls, questions
from server.room.modes import teacher
from server.room.rules import RANK, permits
from server.room.state import Participant, Room, on_stage

# Looked at for everybody at each join: one look-up in place of two and a comparison.
_MODERATING = frozenset(role for role, rank in RANK.items() if rank >= RANK[Role.MODERATOR])


# In order of joining: no two people join with one version.
_SINCE = attrgetter("since")


def _moderating(person: Participant) -> bool:
    return person.role in _MODERATING


class Audience(msgspec.Struct, frozen=True):
    """Who is told an event: everyone; otherwise the persons named, and moderators if it says so."""

    everyone: bool = True
    moderators: bool = True
    persons: tuple[str, ...] = ()


EVERYONE = Audience()
NOBODY = Audience(everyone=False, moderators=False)

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
    return present is not None and _moderating(present)


def organizes(room: Room, person: str) -> bool:
    """Whether the person is told what those are told who may change the settings: the PIN."""
    present = room.people.get(person)
    return present is not None and _organizing(present)


def _organizing(person: Participant) -> bool:
    return permits(person.role, "settings.access")


# The business of moderators in every conference.
_OF_MODERATORS = (e.ParticipantBlocked, e.ParticipantUnblocked, e.LobbyEntered, e.LobbyLeft)


def audience(before: Room, after: Room, event: e.RoomEvent) -> Audience:
    """Who is told the event that led from one state to the other."""
    if isinstance(event, e.ParticipantLinked):
        return NOBODY
    if isinstance(event, _OF_MODERATORS):
        return Audience(everyone=False)
    if isinstance(event, e.ConferencePinChanged):
        return Audience(everyone=False, moderators=False, persons=tuple(p.id for p in after.people.choose(_organizing)))
    if isinstance(event, e.MediaUnmuteAsked | e.DevicesReported | e.DevicesSelected):
        return Audience(everyone=False, persons=(event.person,))
    if isinstance(event, e.TrackPublished | e.TrackUnpublished) and a_students(after, event.person):
        return Audience(everyone=False, persons=(event.person, teacher(after)))
    if isinstance(event, EngagementEvent):
        return _of_entries(before, after, event)
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


def _of_entries(before: Room, after: Room, event: EngagementEvent) -> Audience:
    """Who is told of a question, a poll, a link or the chat: those who see it. A vote or an answer is no news to a
    thousand others, who hear of counts (server/conference/coalesce.py)."""
    match event:
        case e.QuestionUpvoted(person=person):
            return Audience(everyone=False, persons=(person,), moderators=False)
        case e.QuestionAsked(question=question):
            return _those(after, lambda reader: questions.sees(after, reader, question), questions.is_public(question))
        case e.QuestionAnswered(question=number) | e.QuestionDismissed(question=number):
            asked = before.entries.questions.get(str(number))
            if asked is None or questions.is_public(asked.question):
                return EVERYONE
            held_back = asked.question
            return _those(after, lambda reader: questions.sees(after, reader, held_back))
        case e.PollAnswered(poll=number, person=person):
            poll = after.entries.polls[str(number)].poll
            if poll.anonymous:
                return Audience(everyone=False, persons=(person,), moderators=False)
            return Audience(everyone=False, persons=(person, poll.person))
        case e.PollCreated(poll=poll):
            return _those(after, lambda reader: polls.sees(after, reader, poll))
        case e.PollRemoved(poll=number):
            poll = before.entries.polls[str(number)].poll
            return _those(after, lambda reader: polls.sees(after, reader, poll), poll.state is not PollState.PREPARED)
        case e.ChatDeleted(channel=channel):
            return _those(after, lambda reader: chatroom.may_read(after, reader, channel), channel is Channel.EVERYONE)
    return EVERYONE


def _those(room: Room, told: Callable[[Participant], bool], everyone: bool = False) -> Audience:
    """Everybody present to whom that applies."""
    if everyone:
        return EVERYONE
    persons = tuple(person.id for person in room.people.values() if told(person))
    return Audience(everyone=False, persons=persons, moderators=False)


def _shown(room: Room, person: str) -> bool:
    """Whether a crowd is told about this person."""
    return on_stage(room, person) or person in room.remarks or moderates(room, person)


def sees(room: Room, person: str, told: Audience) -> bool:
    """Whether this person belongs to the audience."""
    return told.everyone or person in told.persons or (told.moderators and moderates(room, person))


def shown(event: e.RoomEvent) -> e.RoomEvent:
    """The event without what only nodes need to know: through which of them people are connected."""
    if isinstance(event, e.ParticipantReturned) and event.links:
        return msgspec.structs.replace(event, links={}, moved=False)
    if isinstance(event, e.ParticipantJoined | e.LobbyEntered) and event.links:
        return msgspec.structs.replace(event, links={})
    if isinstance(event, e.RecordingStarted) and event.node:
        return msgspec.structs.replace(event, node="")
    return event


def public(event: e.RoomEvent) -> e.RoomEvent:
    """The event as those are told it who neither moderate nor are meant by it: why somebody was removed is not for
    everybody's eyes. The same object where there is nothing to hide."""
    if isinstance(event, e.ParticipantLeft) and event.note:
        return msgspec.structs.replace(event, note="")
    return event


def needs_resync(before: Room, after: Room, person: str) -> bool:
    """Whether what this person may see changed as a whole, so that a snapshot must replace their picture."""
    if after.pin and organizes(before, person) is not organizes(after, person):
        return True
    if moderates(before, person) is not moderates(after, person):
        return thinned(after) or bool(after.blocked or after.devices or after.lobby) or after.mode is Mode.VIDEO_LECTURE
    return thinned(before) is not thinned(after) and not moderates(after, person)


def a_students(room: Room, person: str) -> bool:
    """Whether the person's tracks, if there are any, are seen by those only who lead a lecture."""
    return room.mode is Mode.VIDEO_LECTURE and not on_stage(room, person)


def hears_students(room: Room, person: str) -> bool:
    """Whether the person sees and hears the students of a lecture, if there is one."""
    return moderates(room, person) or person == teacher(room)


def person_view(room: Room, person: Participant, on_stage: bool | None = None, tracks: bool = True) -> Person:
    """Somebody as others see them; `on_stage` for the state that is about to be, `tracks`: theirs are seen too."""
    mutes = room.mutes.get(person.id)
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
        muted=tuple(source for source in MuteSource if source in mutes) if mutes else (),
        locked=tuple(source for source in MuteSource if source in mutes and mutes[source].locked) if mutes else (),
    )


def snapshot(room: Room, person: str, epoch: int) -> Snapshot:
    """The room as this person may see it."""
    moderator = moderates(room, person)
    led = hears_students(room, person)
    everything = not thinned(room) or (moderator and not room.crowded)
    if everything:
        listed = list(room.people.values())
    else:
        known = {person, *room.stage, *room.remarks}
        if moderator:
            known.update(room.queue, room.invited, room.asking)
        found = {p.id: p for p in room.people.choose(_moderating)}
        found |= {p: room.people[p] for p in known if p in room.people}
        listed = sorted(found.values(), key=_SINCE)
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
        people=tuple(person_view(room, p, tracks=led or p.id == person or not a_students(room, p.id)) for p in listed),
        stage=room.stage,
        queue=queue,
        asking=asking,
        remarks=room.remarks,
        settings=room.settings,
        mode=room.mode,
        teacher=room.teacher,
        blocked=tuple(room.blocked.values()) if moderator else (),
        **_on_the_stage(room, person),
        layout=room.layout,
        devices=devices_of(room, person, (p.id for p in listed)),
        started=room.started,
        pin=room.pin if organizes(room, person) else "",
        lobby=tuple(knock.who for knock in room.lobby.values()) if moderator else (),
        recording=room.recording,
    )


def _on_the_stage(room: Room, person: str) -> dict[str, Any]:
    """The entries that belong to the picture; everything else of them is listed when it is asked for."""
    entries, reader = room.entries, room.people.get(person)
    displayed = entries.questions.get(str(entries.displayed))
    return {
        "displayed": None if displayed is None else questions.shown(displayed, person),
        "promoted": entries.links.get(str(entries.promoted)),
        "polls": polls.open_ones(room, reader) if reader is not None else (),
        "chat_closed": entries.chat_closed,
        "slides": entries.slides,
    }


def devices_of(room: Room, reader: str, people: Iterable[str]) -> dict[str, tuple[Device, ...]]:
    """The devices of these people, for a reader who moderates; for anybody else none."""
    if not moderates(room, reader):
        return {}
    return {person: room.devices[person] for person in people if person in room.devices}


def roster(room: Room, after: str | None, limit: int) -> tuple[tuple[Person, ...], bool]:
    """A page of everybody present in order of joining, and whether another follows. An unknown `after` (they left
    meanwhile) starts from the front, which repeats people but loses nobody."""
    people = list(room.people.values())
    start = next((i + 1 for i, p in enumerate(people) if p.id == after), 0)
    page = people[start : start + limit]
    return tuple(person_view(room, p, tracks=not a_students(room, p.id)) for p in page), start + limit < len(people)
