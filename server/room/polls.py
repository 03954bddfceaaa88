"""Polls: prepared, launched, answered once by each person, closed.

A prepared poll is seen by those who may prepare polls. Results are seen by everybody while the poll is open (`live`) or
when it is closed; until then by who made it and by moderators, who also see who chose what.

Of an anonymous poll the state keeps who has answered, for nobody answers twice, and how often each option was chosen,
never the two together, and the audit record that somebody has answered. The room's log holds the answer as it was given
until a snapshot takes its place, and nothing that anybody is shown is made from it.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.engagement import Choice, Poll, PollState
from protocol.errors import Code
from protocol.names import Role
from server.room.access import may_write
from server.room.entries import MAX_OF_ONE, MAX_OPEN, MAX_POLLS, MAX_VOTES, Posed
from server.room.refusal import Refusal
from server.room.rules import RANK, grants
from server.room.state import Participant, Room

Events = tuple[e.RoomEvent, ...]


def sees(room: Room, reader: Participant, poll: Poll) -> bool:
    """Whether this person sees the poll at all."""
    return poll.state is not PollState.PREPARED or _leads(reader, poll) or grants(room, reader, "poll.create")


def sees_counts(reader: Participant, poll: Poll) -> bool:
    """Whether this person sees the results as they are now."""
    return poll.live or poll.state is PollState.CLOSED or _leads(reader, poll)


def sees_choices(reader: Participant, poll: Poll) -> bool:
    """Whether this person sees who chose what."""
    return not poll.anonymous and _leads(reader, poll)


def _leads(reader: Participant, poll: Poll) -> bool:
    return reader.id == poll.person or RANK[reader.role] >= RANK[Role.MODERATOR]


def shown(posed: Posed, reader: Participant) -> Poll:
    """The poll as this person sees it."""
    counted = sees_counts(reader, posed.poll)
    return replace(
        posed.poll,
        answers=len(posed.answers) if counted else 0,
        counts=posed.counts if counted else (),
        answered=reader.id in posed.answers,
        chosen=posed.answers.get(reader.id, ()),
    )


def open_ones(room: Room, reader: Participant) -> tuple[Poll, ...]:
    """The polls on the stage."""
    return tuple(shown(one, reader) for one in room.entries.polls.values() if one.poll.state is PollState.OPEN)


def page(room: Room, reader: Participant, after: int, limit: int) -> tuple[tuple[Poll, ...], bool]:
    """Polls that the reader sees, from the one after that number, and whether more follow."""
    found = [
        shown(posed, reader)
        for posed in room.entries.polls.values()
        if posed.poll.number > after and sees(room, reader, posed.poll)
    ]
    return tuple(found[:limit]), len(found) > limit


def choices(room: Room, posed: Posed, after: str | None, limit: int) -> tuple[tuple[Choice, ...], bool]:
    """Who chose what, from the one after that identity in order of answering, and whether more follow. Whoever has left
    is named by their identity."""
    given = list(posed.answers.items())
    start = next((i + 1 for i, (person, _) in enumerate(given) if person == after), 0)
    names = {person: room.people[person].name for person, _ in given[start : start + limit] if person in room.people}
    page = tuple(
        Choice(person=person, name=names.get(person, person), chosen=chosen)
        for person, chosen in given[start : start + limit]
    )
    return page, start + limit < len(given)


def find(room: Room, reader: Participant, number: int) -> Posed | None:
    """A poll that the reader sees."""
    posed = room.entries.polls.get(str(number))
    return posed if posed is not None and sees(room, reader, posed.poll) else None


def create(room: Room, actor: Participant, command: c.PollCreate, now: int) -> Events | Refusal:
    """Prepared, and asked of nobody yet."""
    if not may_write(room, actor):
        return Refusal(Code.NOT_ALLOWED, "guests may not write here")
    question, options = command.question.strip(), tuple(option.strip() for option in command.options)
    if not question:
        return Refusal(Code.BAD_MESSAGE, "nothing but spaces", {"path": "$.question"})
    if not all(options) or len(set(options)) < len(options):
        return Refusal(Code.BAD_MESSAGE, "an option is empty or stands twice", {"path": "$.options"})
    kept = [posed.poll for posed in room.entries.polls.values()]
    if len(kept) >= MAX_POLLS or sum(poll.person == actor.id for poll in kept) >= MAX_OF_ONE:
        return Refusal(Code.TOO_MANY, f"{MAX_POLLS} polls are kept, {MAX_OF_ONE} of one person")
    poll = Poll(
        number=room.entries.posed + 1,
        person=actor.id,
        name=actor.name,
        time=now,
        question=question,
        options=options,
        multiple=command.multiple,
        anonymous=command.anonymous,
        live=command.live,
    )
    return (e.PollCreated(time=now, by=actor.id, poll=poll),)


def launch(room: Room, actor: Participant, posed: Posed, command: c.PollLaunch, now: int) -> Events | Refusal:
    """Everybody may answer from now on."""
    if posed.poll.state is not PollState.PREPARED:
        return Refusal(Code.ALREADY, "a poll is launched once")
    if sum(one.poll.state is PollState.OPEN for one in room.entries.polls.values()) >= MAX_OPEN:
        return Refusal(Code.TOO_MANY, f"{MAX_OPEN} polls are open")
    return (e.PollLaunched(time=now, by=actor.id, poll=replace(posed.poll, state=PollState.OPEN)),)


def answer(room: Room, actor: Participant, posed: Posed, command: c.PollAnswer, now: int) -> Events | Refusal:
    """Once and for good."""
    poll, chosen = posed.poll, tuple(sorted(set(command.chosen)))
    if poll.state is not PollState.OPEN:
        return Refusal(Code.NOT_ALLOWED, "only an open poll is answered")
    if actor.id in posed.answers:
        return Refusal(Code.ALREADY, "a poll is answered once")
    if chosen[-1] >= len(poll.options) or (len(chosen) > 1 and not poll.multiple):
        return Refusal(Code.BAD_MESSAGE, "this poll has no such answer", {"path": "$.chosen"})
    if sum(len(one.answers) for one in room.entries.polls.values()) >= MAX_VOTES:
        return Refusal(Code.TOO_MANY, f"{MAX_VOTES} answers are kept")
    return (e.PollAnswered(time=now, by=actor.id, poll=poll.number, person=actor.id, chosen=chosen),)


def close(room: Room, actor: Participant, posed: Posed, command: c.PollClose, now: int) -> Events | Refusal:
    """The results are everybody's."""
    if posed.poll.state is not PollState.OPEN:
        return Refusal(Code.NOT_ALLOWED, "only an open poll is closed")
    answers = len(posed.answers)
    return (e.PollClosed(time=now, by=actor.id, poll=posed.poll.number, answers=answers, counts=posed.counts),)


def remove(room: Room, actor: Participant, posed: Posed, command: c.PollRemove, now: int) -> Events | Refusal:
    """With everything that was answered."""
    return (e.PollRemoved(time=now, by=actor.id, poll=posed.poll.number),)
