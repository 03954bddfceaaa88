"""Questions: asking, voting, approving, answering in writing, showing one on the stage.

Who sees a question: who asked it always; a private one those besides who have `question.see_private`; one that waits
for approval those who moderate the chat, who also approve and dismiss; every other one everybody. Nobody is told a
difference between a question they may not see and one that is not there.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol import commands as c
from protocol import events as e
from protocol.engagement import Question, WrittenAnswer
from protocol.errors import Code
from server.room.access import may_write
from server.room.entries import MAX_OF_ONE, MAX_QUESTIONS, MAX_VOTES, Asked
from server.room.refusal import Refusal
from server.room.rules import grants
from server.room.state import Participant, Room

Events = tuple[e.RoomEvent, ...]


def is_public(question: Question) -> bool:
    """Whether everybody sees it."""
    return question.approved and not question.private


def sees(room: Room, reader: Participant, question: Question) -> bool:
    """Whether this person sees it."""
    if is_public(question) or reader.id == question.person:
        return True
    return grants(room, reader, "question.see_private" if question.private else "chat.moderate")


def shown(asked: Asked, reader: str) -> Question:
    """The question as this person sees it."""
    return replace(asked.question, votes=len(asked.voters), voted=reader in asked.voters)


def page(room: Room, reader: Participant, after: int, limit: int) -> tuple[tuple[Question, ...], bool]:
    """Questions that the reader sees, from the one after that number, and whether more follow."""
    found = [
        shown(asked, reader.id)
        for asked in room.entries.questions.values()
        if asked.question.number > after and sees(room, reader, asked.question)
    ]
    return tuple(found[:limit]), len(found) > limit


def find(room: Room, reader: Participant, number: int) -> Asked | None:
    """A question that the reader sees."""
    asked = room.entries.questions.get(str(number))
    return asked if asked is not None and sees(room, reader, asked.question) else None


def ask(room: Room, actor: Participant, command: c.QuestionAsk, now: int) -> Events | Refusal:
    """One more question. Where no more are kept, the oldest that is answered makes room."""
    text = command.text.strip()
    if not text:
        return Refusal(Code.BAD_MESSAGE, "nothing but spaces", {"path": "$.text"})
    if not may_write(room, actor):
        return Refusal(Code.NOT_ALLOWED, "guests may not write here")
    kept = [asked.question for asked in room.entries.questions.values()]
    if sum(one.person == actor.id and one.answer is None for one in kept) >= MAX_OF_ONE:
        return Refusal(Code.TOO_MANY, f"{MAX_OF_ONE} questions of one person wait for an answer")
    settled: Events = ()
    if len(kept) >= MAX_QUESTIONS:
        oldest = next((q for q in kept if q.answer is not None and q.number != room.entries.displayed), None)
        if oldest is None:
            return Refusal(Code.TOO_MANY, f"{MAX_QUESTIONS} questions wait for an answer")
        settled = (e.QuestionDismissed(time=now, question=oldest.number),)
    question = Question(
        number=room.entries.asked + 1,
        person=actor.id,
        name=actor.name,
        text=text,
        time=now,
        private=command.private,
        # A private question goes to those who may see it; there is nobody to hold it back from.
        approved=command.private or not room.settings.questions_approved or grants(room, actor, "chat.moderate"),
    )
    return (*settled, e.QuestionAsked(time=now, by=actor.id, question=question))


def upvote(room: Room, actor: Participant, asked: Asked, command: c.QuestionUpvote, now: int) -> Events | Refusal:
    """One vote for each person; a second changes nothing."""
    if actor.id in asked.voters:
        return ()
    if sum(len(one.voters) for one in room.entries.questions.values()) >= MAX_VOTES:
        return Refusal(Code.TOO_MANY, f"{MAX_VOTES} votes are kept")
    return (e.QuestionUpvoted(time=now, by=actor.id, question=asked.question.number, person=actor.id),)


def approve(room: Room, actor: Participant, asked: Asked, command: c.QuestionApprove, now: int) -> Events | Refusal:
    """Everybody may see it."""
    if asked.question.approved:
        return ()
    question = replace(asked.question, approved=True, votes=len(asked.voters))
    return (e.QuestionApproved(time=now, by=actor.id, question=question),)


def answer(room: Room, actor: Participant, asked: Asked, command: c.QuestionAnswer, now: int) -> Events | Refusal:
    """In writing, for those who see the question."""
    text = command.text.strip()
    if not text:
        return Refusal(Code.BAD_MESSAGE, "nothing but spaces", {"path": "$.text"})
    if not may_write(room, actor):
        return Refusal(Code.NOT_ALLOWED, "guests may not write here")
    written = WrittenAnswer(person=actor.id, name=actor.name, text=text, time=now)
    return (e.QuestionAnswered(time=now, by=actor.id, question=asked.question.number, answer=written),)


def display(
    room: Room, actor: Participant, asked: Asked | None, command: c.QuestionDisplay, now: int
) -> Events | Refusal:
    """On the stage everybody sees it: only what everybody may see goes there."""
    if asked is None:
        return (e.QuestionDisplayed(time=now, by=actor.id),) if room.entries.displayed else ()
    if not is_public(asked.question):
        return Refusal(Code.NOT_ALLOWED, "what not everybody may see is not put on the stage")
    if room.entries.displayed == asked.question.number:
        return ()
    question = replace(asked.question, votes=len(asked.voters))
    return (e.QuestionDisplayed(time=now, by=actor.id, question=question),)


def dismiss(room: Room, actor: Participant, asked: Asked, command: c.QuestionDismiss, now: int) -> Events | Refusal:
    """Gone, from the stage too."""
    number = asked.question.number
    down = (e.QuestionDisplayed(time=now, by=actor.id),) if room.entries.displayed == number else ()
    return (*down, e.QuestionDismissed(time=now, by=actor.id, question=number))
