"""What a joined session asks of its room: commands, media, and what there is to know.

Orders to a room are not waited for: the answer is given in the step that commits them, while the session reads on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from protocol import commands as c
from protocol.answers import Allowed, People
from protocol.errors import Code
from server.openroom import Offer, OpenRoom
from server.replica import Order
from server.room.decide import allowed
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import moderates, roster
from server.workers import MediaRefused

if TYPE_CHECKING:
    from server.session import Session


async def command(session: Session, message: c.RoomCommand) -> None:
    """A command that the room decides."""
    room = joined(session)
    began = time.perf_counter()

    def settle(refusal: Refusal | None) -> None:
        session.gateway.metrics.command_seconds.observe(time.perf_counter() - began)
        session.settle(message, refusal)

    room.replica.submit(
        Order(
            actor=session.person,
            commands=lambda _: (message,),
            key=(session.person, session.client, message.id),
            settle=settle,
            bounded=True,
        )
    )


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


async def subscribe(session: Session, message: c.MediaSubscribe | c.MediaAnswer) -> None:
    room = joined(session)
    if session.console:
        session.refuse(message, Refusal(Code.UNSUPPORTED, "a console has no media"))
        return
    try:
        if isinstance(message, c.MediaSubscribe):
            room.media.subscribe(session.person)
        else:
            room.media.answer(session.person, message)
    except MediaRefused as error:
        session.refuse(message, Refusal(error.code))
        return
    session.accept(message)


async def can(session: Session, message: c.Can) -> None:
    room = joined(session).replica.room
    found = allowed(room, session.person, message.target)
    rules = found if moderates(room, session.person) else {}
    session.accept(message, Allowed(commands=tuple(found), rules=rules))


async def people(session: Session, message: c.PeopleList) -> None:
    room = joined(session).replica.room
    if room.settings.list_hidden and not moderates(room, session.person):
        session.refuse(message, Refusal(Code.NOT_ALLOWED, "people.see_hidden"))
        return
    people, more = roster(room, message.after, message.limit)
    session.accept(message, People(people=people, more=more))


def joined(session: Session) -> OpenRoom:
    """The room of a session that has joined; the table of states has seen to it."""
    if session.room is None:
        raise RuntimeError("a joined session without a room")
    return session.room
