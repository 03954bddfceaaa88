"""What a joined session asks of its room: commands, media, and what there is to know.

Orders to a room are not waited for: the answer is given in the step that commits them, while the session reads on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from protocol import commands as c
from protocol.answers import Allowed, Choices, Links, People, Polls, Questions, Receipt
from protocol.errors import Code
from server.conference.explaining import known
from server.conference.openroom import Offer, OpenRoom
from server.conference.replica import Order
from server.relays import relays
from server.room import links, polls, questions
from server.room.decide import allowed, permitted
from server.room.explain import explain as explanation
from server.room.refusal import Refusal
from server.room.state import Participant, Room
from server.room.view import devices_of, moderates, roster
from server.workers import MediaRefused

if TYPE_CHECKING:
    from server.sessions.session import Session


async def command(session: Session, message: c.RoomCommand) -> None:
    """A command that the room decides: of somebody in it, or of somebody at its door who goes away."""
    room = session.waits_at or joined(session)
    limited = room.limits.take(session.person, type(message))
    if limited is not None:
        session.refuse(message, limited)
        return
    began = time.perf_counter()

    def settle(refusal: Refusal | None) -> None:
        session.gateway.metrics.command_seconds.observe(time.perf_counter() - began)
        if refusal is None and order.closed:
            # The events go out in this step; the answer follows with the worker's word, or without it after a second.
            room.media.confirm(order.closed, answer)
        else:
            session.settle(message, refusal)

    def answer(receipt: Receipt) -> None:
        if receipt.silence_ms is not None:
            session.gateway.metrics.silence_seconds.observe(receipt.silence_ms / 1000)
        session.accept(message, receipt, receipt.version)

    order = Order(
        actor=session.person,
        commands=lambda _: (message,),
        key=(session.person, session.client, message.id),
        settle=settle,
        bounded=True,
        receipt=True,
    )
    room.replica.submit(order)


async def publish(session: Session, message: c.MediaPublish) -> None:
    room = joined(session)
    if session.console:
        session.refuse(message, Refusal(Code.UNSUPPORTED, "a console has no media"))
        return
    person = session.person
    offer: Offer | None = None

    def commands(state: Room) -> tuple[c.MediaPublish, ...]:
        nonlocal offer
        if session.room is not room:
            return ()  # another page took over while this waited: its media is not this page's to change
        present = state.people.get(person)
        offer = room.offers(person, present.tracks if present is not None else ())
        return (message,)

    def settle(refusal: Refusal | None) -> None:
        if refusal is None and offer is not None and session.room is room:
            # Asked of the worker after the plan that allows it, which went out in this same step.
            room.negotiate(session, message, offer)
            return
        if refusal is None and offer is not None:
            room.too_late(session, message, offer)
            return
        if offer is not None:
            room.forget_offer(person, offer)
        session.refuse(message, refusal or Refusal(Code.GOING_AWAY, "the connection is not in the room any more"))

    # Without a key: a repetition after a lost answer must have the worker's answer again.
    room.replica.submit(Order(actor=person, commands=commands, settle=settle, bounded=True))


def _without_media(session: Session) -> Refusal | None:
    return Refusal(Code.UNSUPPORTED, "a console has no media") if session.console else None


async def subscribe(session: Session, message: c.MediaSubscribe | c.MediaRestart | c.MediaAnswer) -> None:
    room = joined(session)
    if (refusal := _without_media(session)) is not None:
        session.refuse(message, refusal)
        return
    try:
        if isinstance(message, c.MediaSubscribe):
            room.media.subscribe(session.person)
        elif isinstance(message, c.MediaRestart):
            room.media.restart(session.person)
        else:
            room.media.answer(session.person, message)
    except MediaRefused as error:
        session.refuse(message, Refusal(error.code))
        return
    session.accept(message)


async def relays_of(session: Session, message: c.MediaRelays) -> None:
    room = joined(session)
    refusal = _without_media(session) or room.limits.take(session.person, type(message))
    if refusal is not None:
        session.refuse(message, refusal)
        return
    session.accept(message, relays(session.gateway.settings, session.person, time.time()))


async def prefer(session: Session, message: c.MediaPrefer) -> None:
    room = joined(session)
    refusal = _without_media(session) or room.limits.take(session.person, type(message))
    if refusal is not None:
        session.refuse(message, refusal)
        return
    room.media.prefer(session.person, message.heights)
    session.accept(message)


async def statistics(session: Session, message: c.MediaStats) -> None:
    room = joined(session)
    found = permitted(room.replica.room, session.person, c.MediaStats, message.target)
    limited = room.limits.take(session.person, c.MediaStats)
    if isinstance(found, Refusal):
        session.refuse(message, found)
    elif limited is not None:
        session.refuse(message, limited)
    else:
        room.measure(session, message)


async def can(session: Session, message: c.Can) -> None:
    room = joined(session).replica.room
    found = allowed(room, session.person, message.target)
    rules = found if moderates(room, session.person) else {}
    session.accept(message, Allowed(commands=tuple(found), rules=rules))


async def explain(session: Session, message: c.Explain) -> None:
    room = joined(session)
    about = message.about or session.person
    if about != session.person and not moderates(room.replica.room, session.person):
        session.refuse(message, Refusal(Code.NOT_ALLOWED, "about others whoever moderates may ask"))
        return
    who = await known(about, room.replica.room, session.gateway.identities)
    if session.room is not room:
        session.refuse(message, Refusal(Code.NOT_YET, "out of the conference meanwhile"))
        return
    found = explanation(room.replica.room, who, message.command, message.target)
    if isinstance(found, Refusal):
        session.refuse(message, found)
    else:
        session.accept(message, found)


async def people(session: Session, message: c.PeopleList) -> None:
    room = joined(session).replica.room
    if room.settings.list_hidden and not moderates(room, session.person):
        session.refuse(message, Refusal(Code.NOT_ALLOWED, action="people.see_hidden"))
        return
    people, more = roster(room, message.after, message.limit)
    devices = devices_of(room, session.person, (person.id for person in people))
    session.accept(message, People(people=people, more=more, devices=devices))


async def questions_of(session: Session, message: c.QuestionList) -> None:
    room, reader = _reading(session)
    found, more = questions.page(room, reader, message.after, message.limit)
    session.accept(message, Questions(questions=found, more=more))


async def polls_of(session: Session, message: c.PollList) -> None:
    room, reader = _reading(session)
    found, more = polls.page(room, reader, message.after, message.limit)
    session.accept(message, Polls(polls=found, more=more))


async def choices(session: Session, message: c.PollAnswers) -> None:
    room, reader = _reading(session)
    posed = polls.find(room, reader, message.poll)
    if posed is None:
        session.refuse(message, Refusal(Code.NO_SUCH_ENTRY, "there is no such poll to see"))
    elif not polls.sees_choices(reader, posed.poll):
        session.refuse(
            message, Refusal(Code.NOT_ALLOWED, "who chose what is shown to who made the poll and moderators")
        )
    else:
        found, more = polls.choices(room, posed, message.after, message.limit)
        session.accept(message, Choices(choices=found, more=more))


async def links_of(session: Session, message: c.LinkList) -> None:
    room, _ = _reading(session)
    found, more = links.page(room, message.after, message.limit)
    session.accept(message, Links(links=found, more=more))


def _reading(session: Session) -> tuple[Room, Participant]:
    room = joined(session).replica.room
    return room, room.people[session.person]


def joined(session: Session) -> OpenRoom:
    """The room of a session that has joined; the table of states has seen to it."""
    if session.room is None:
        raise RuntimeError("a joined session without a room")
    return session.room
