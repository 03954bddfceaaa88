"""Coming in: `hello`, joining, taking over, and coming back with a resume token.

A join is decided and written like any command. In the step in which it is committed the session is attached and its
snapshot is taken, so nothing falls between the two.

A person has one main connection, and consoles beside it, in one conference. A second main connection, or a second
conference, is refused unless it takes over, which closes what was there before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocol import commands as c
from protocol.answers import Joined, Welcome
from protocol.errors import Code
from protocol.signals import MediaReset
from server.access import identify
from server.openroom import OpenRoom
from server.replica import Order
from server.room import inner
from server.room.decide import AnyCommand
from server.room.membership import shut_out
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import snapshot
from server.tokens import BadToken

if TYPE_CHECKING:
    from server.session import Session

# Connections of one person in one conference: the main one and some consoles.
MAX_CONSOLES = 4


async def hello(session: Session, message: c.Hello) -> None:
    """Who is there; and at once back in the conference, when a good resume token comes with it."""
    gateway = session.gateway
    try:
        identified = await identify(message.token, gateway.tokens, gateway.accounts)
    except BadToken:
        session.refuse(message, Refusal(Code.BAD_TOKEN))
        return
    if session.over:
        return  # closed while this waited for the store
    session.identified = identified
    session.person, session.client = identified.identity, message.client
    if message.resume is not None:
        refusal = await _resume(session, message, message.resume, identified.name)
        gateway.metrics.resumes.labels("ok" if refusal is None else refusal.code.value).inc()
        if refusal is not None:
            session.refuse(message, refusal)
        return
    session.welcomed()
    session.accept(message, Welcome(identity=identified.identity, name=identified.name))


async def join(session: Session, message: c.ConferenceJoin) -> None:
    """Enter a conference, or come back to it without a resume."""
    who = session.identified
    if who is None:
        session.refuse(message, Refusal(Code.NOT_YET))
        return
    room = await session.gateway.rooms.open(message.conference)
    if room is None:
        session.refuse(message, Refusal(Code.NO_SUCH_CONFERENCE))
        return
    enter = who.enters(message.conference, message.name)
    if enter is None:
        session.refuse(message, Refusal(Code.NO_ACCESS, "a guest's link is for another conference"))
        return
    with session.gateway.rooms.arriving(who.identity) as alone:
        refusal = Refusal(Code.ALREADY_IN_CONFERENCE, "another arrival is under way") if not alone else None
        refusal = refusal or await _settle_elsewhere(session, message)
        if refusal is None:
            refusal = _occupied(room, session, message)
        if refusal is None:
            refusal = await _enter(session, room, enter, message)
    if refusal is not None:
        session.refuse(message, refusal)


async def _enter(session: Session, room: OpenRoom, enter: inner.Enter, message: c.ConferenceJoin) -> Refusal | None:
    def commands(state: Room) -> tuple[AnyCommand, ...]:
        present = state.people.get(session.person)
        occupied = _occupied(room, session, message) is not None  # it will be refused: nobody's tracks may end
        if message.console or occupied or present is None or not present.tracks:
            return (enter,)
        # A new page has new media: what the former one sent has ended with it.
        return (enter, c.MediaPublish(id=0, sdp="-", tracks={}))

    def attach() -> Refusal | None:
        refusal = _occupied(room, session, message)
        if refusal is not None:
            if not message.console:
                # Another connection came while the commit was on its way, which has ended the tracks: it begins anew.
                room.replica.members.signal_to(
                    session.person, MediaReset(reason="Another page tried to join."), media=True
                )
            return refusal
        if not message.console:
            for member in room.replica.members.of(session.person):
                if not member.console:
                    room.take_over(member)
            room.new_page(session.person)
        session.console = message.console
        room.attach(session, room.replica.room.version)
        view = snapshot(room.replica.room, session.person, room.replica.epoch)
        session.accept(message, Joined(snapshot=view, resume=room.ticket(session)))
        return None

    return await _decided(session, room, commands, attach, key=None)


async def _resume(session: Session, message: c.Hello, resume: c.Resume, name: str) -> Refusal | None:
    rooms = session.gateway.rooms
    bad = Refusal(Code.BAD_RESUME)
    room = await rooms.open(resume.conference)
    if room is None:
        return bad
    by_right = session.identified is not None and session.identified.by_right
    if shut_out(room.replica.room, session.person, by_right):
        return Refusal(Code.BLOCKED)
    ticket = rooms.tickets.check(resume.token, resume.conference, session.person, session.client, rooms.now())
    if ticket is None:
        return bad

    def commands(state: Room) -> tuple[AnyCommand, ...]:
        present = state.people.get(session.person)
        if present is None or not present.away:
            return ()
        # What is not needed of somebody who is there already: only `ParticipantReturned` follows.
        return (inner.Enter(name=present.name, kind=present.kind, by_right=present.by_right, inherits=present.role),)

    def attach() -> Refusal | None:
        state = room.replica.room
        if shut_out(state, session.person, by_right):
            return Refusal(Code.BLOCKED)
        if session.person not in state.people:
            return bad
        if rooms.tickets.check(resume.token, resume.conference, session.person, session.client, rooms.now()) is None:
            return bad
        for member in room.replica.members.of(session.person):
            if member.client == session.client or (not ticket.console and not member.console):
                room.take_over(member)
        session.console = ticket.console
        same = resume.epoch == room.replica.epoch
        missed = room.replica.history.missed(state, session.person, resume.version) if same else None
        room.attach(session, resume.version)
        session.accept(message, Welcome(identity=session.person, name=name, resumed=True, resume=room.ticket(session)))
        if missed is None:
            room.resync(session)
        else:
            for event in missed:
                session.tell(event)
        if not session.console:
            room.media.resumed(session.person)
        return None

    return await _decided(session, room, commands, attach, key=(session.person, "resume", ticket.number))


async def _decided(
    session: Session,
    room: OpenRoom,
    commands: Callable[[Room], tuple[AnyCommand, ...]],
    attach: Callable[[], Refusal | None],
    key: tuple[str, str, int] | None,
) -> Refusal | None:
    """Have it decided; in the step of the commit attach the session, if it is still there."""
    outcome: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()

    def settle(refusal: Refusal | None) -> None:
        if refusal is None and session.over:
            refusal = Refusal(Code.GOING_AWAY, "the connection closed meanwhile")
        elif refusal is None:
            refusal = attach()
        if refusal is not None and not room.replica.members.of(session.person):
            # Present perhaps, and connected nowhere: then the grace period begins.
            room.grace.dropped(session.person)
        if not outcome.done():
            outcome.set_result(refusal)

    once = key is not None
    room.replica.submit(Order(actor=session.person, commands=commands, key=key, once=once, settle=settle, bounded=True))
    return await outcome


def _occupied(room: OpenRoom, session: Session, message: c.ConferenceJoin) -> Refusal | None:
    """Whether the person's place in this very conference is taken by another connection of theirs."""
    members = room.replica.members.of(session.person)
    if message.console:
        if sum(member.console for member in members) >= MAX_CONSOLES:
            return Refusal(Code.ALREADY_IN_CONFERENCE, "too many consoles", {"conference": message.conference})
        return None
    if message.take_over or all(member.console for member in members):
        return None
    return Refusal(Code.ALREADY_IN_CONFERENCE, "", {"conference": message.conference})


async def _settle_elsewhere(session: Session, message: c.ConferenceJoin) -> Refusal | None:
    """See to a presence in another conference: refuse, or end it when it is to be taken over or nobody is behind it."""
    rooms = session.gateway.rooms
    elsewhere = rooms.where(session.person)
    if elsewhere is None or elsewhere == message.conference:
        return None
    other = await rooms.open(elsewhere)
    if other is None:
        return None
    members = other.replica.members.of(session.person)
    if members and not message.take_over:
        return Refusal(Code.ALREADY_IN_CONFERENCE, "", {"conference": elsewhere})
    refusal = await other.replica.ask(session.person, c.ConferenceLeave(id=0))
    # Not there any more is as good as left; after any other refusal they would be in two conferences.
    if refusal is not None and refusal.code not in (Code.NOT_YET, Code.CONFERENCE_ENDED):
        return refusal
    for member in members:
        other.take_over(member)
    return None
