"""Coming in: `hello`, joining, taking over, and coming back with a resume token.

A join is decided and written like any command. In the step in which it is committed the session is attached and its
snapshot is taken, so nothing falls between the two.

A person has one main connection, and consoles beside it, in one conference. A second main connection, or a second
conference, is refused unless it takes over, which closes what was there before. Who waits at a door counts as being
there (doorway.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocol import commands as c
from protocol.answers import Held, Joined, Welcome
from protocol.errors import Code
from protocol.names import CameraCodec
from protocol.signals import MediaReset
from server.conference.openroom import OpenRoom
from server.conference.replica import Order
from server.identity.tokens import BadToken
from server.room import inner
from server.room.access import shut_out
from server.room.decide import AnyCommand, decide
from server.room.presence import known
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import snapshot

if TYPE_CHECKING:
    from server.sessions.session import Session

# Connections of one person in one conference: the main one and some consoles.
MAX_CONSOLES = 4


async def hello(session: Session, message: c.Hello) -> None:
    """Who is there; and at once back in the conference, when a good resume token comes with it."""
    gateway = session.gateway
    try:
        identified = await gateway.identities.identify(message.token)
    except BadToken as error:
        session.refuse(message, Refusal(error.code))
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
    try:
        # As they are now: what they said hello with may have been taken from them since.
        who = session.identified = await session.gateway.identities.again(who)
    except BadToken as error:
        session.refuse(message, Refusal(error.code))
        return
    room = await session.gateway.rooms.open(message.conference)
    if room is None:
        session.refuse(message, Refusal(Code.NO_SUCH_CONFERENCE))
        return
    enter = who.enters(message.conference, message.name, message.pin or "")
    if enter is None:
        session.refuse(message, Refusal(Code.NO_ACCESS, "a guest's link is for another conference"))
        return
    guessed = await session.gateway.guesses.refusal(room.replica.room, who.identity, enter, session.address)
    if guessed is not None:
        session.refuse(message, guessed)
        return
    rooms = session.gateway.rooms
    arrival = await rooms.arrive(who.identity, message.conference)
    if arrival is None:
        session.refuse(message, Refusal(Code.ALREADY_IN_CONFERENCE, "another arrival is under way"))
        return
    counts = False
    try:
        enter = replace(enter, node=room.here, main=not message.console)
        refusal = await _settle_elsewhere(session, message, room, enter, arrival.elsewhere)
        if refusal is None:
            refusal = await _enter(session, room, enter, message)
        if refusal is not None:
            session.refuse(message, refusal)
    finally:
        counts = await rooms.arrived(arrival)
    if not counts and refusal is None:
        # It took so long that another one began, and did not see this one: the newest is the one that counts.
        await room.replica.ask_anew(session.person, lambda state: _undo(session, message, state))


def _undo(session: Session, message: c.ConferenceJoin, state: Room) -> tuple[AnyCommand, ...]:
    """What takes back an arrival that does not count. A console beside a main connection is no presence of its own."""
    someone = known(state, session.person)
    beside = message.console and someone is not None and any(someone.links.values())
    return () if beside else (inner.Move(),)


async def _enter(session: Session, room: OpenRoom, enter: inner.Enter, message: c.ConferenceJoin) -> Refusal | None:
    occupied: Refusal | None = None

    def commands(state: Room) -> tuple[AnyCommand, ...]:
        nonlocal occupied
        present = state.people.get(session.person)
        occupied = _occupied(room, session, message, state)
        if occupied is not None:
            return ()
        if message.console or present is None or not present.tracks:
            return _entering(enter)
        # A new page has new media: what the former one sent has ended with it.
        return (*_entering(enter), c.MediaPublish(id=0, sdp="-", tracks={}))

    def attach() -> Refusal | None:
        if occupied is not None:
            return occupied
        refusal = _occupied(room, session, message, room.replica.room)
        if refusal is not None:
            if not message.console:
                # Another connection came while the commit was on its way, which has ended the tracks: it begins anew.
                room.replica.members.signal_to(
                    session.person, MediaReset(reason="Another page tried to join."), media=True
                )
            return refusal
        if not message.console:
            for member in room.connections(session.person):
                if not member.console:
                    room.take_over(member)
        session.console = message.console
        state = room.replica.room
        knock = state.lobby.get(session.person)
        if knock is not None:
            room.hold(session)
            session.accept(message, Held(reason=knock.who.reason))
            return None
        if session.person not in state.people:
            return Refusal(Code.NOT_ADMITTED, "sent away in the moment of coming")
        if not message.console:
            room.new_page(session.person)
        room.attach(session, room.replica.room.version)
        view = snapshot(room.replica.room, session.person, room.replica.epoch)
        codec = CameraCodec(session.gateway.settings.camera_codec)
        session.accept(message, Joined(snapshot=view, resume=room.ticket(session), camera_codec=codec))
        return None

    return await _decided(session, room, commands, attach, key=None)


def _entering(enter: inner.Enter) -> tuple[AnyCommand, ...]:
    """To come in, or to be back with the right that one has now."""
    return (enter, inner.Right(by_right=enter.by_right))


async def _resume(session: Session, message: c.Hello, resume: c.Resume, name: str) -> Refusal | None:
    rooms = session.gateway.rooms
    bad = Refusal(Code.BAD_RESUME)
    room = await rooms.open(resume.conference)
    if room is None:
        return bad
    # Who is there already only returns, with the right they have now.
    enter = session.identified.enters(resume.conference, None) if session.identified is not None else None
    ticket = rooms.tickets.check(resume.token, resume.conference, session.person, session.client, rooms.now())
    if enter is None or ticket is None:
        return bad
    enter = replace(enter, node=room.here, main=not ticket.console, recorded=True)
    by_right = enter.by_right
    if shut_out(room.replica.room, session.person, by_right):
        return Refusal(Code.BLOCKED)
    good = False

    def commands(state: Room) -> tuple[AnyCommand, ...]:
        nonlocal good
        present = state.people.get(session.person)
        remembered = not ticket.console or room.replica.history.covers(ticket.version)
        good = remembered and present is not None and ticket.holds(present)
        return _entering(enter) if good else ()

    def attach() -> Refusal | None:
        state = room.replica.room
        if shut_out(state, session.person, by_right):
            return Refusal(Code.BLOCKED)
        if not good or session.person not in state.people:
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
        # Present or at the door perhaps, and not connected: then the grace period begins, or the wait ends.
        room.links.came(session.person)
        if not outcome.done():
            outcome.set_result(refusal)

    once = key is not None
    room.links.coming(session.person)
    room.replica.submit(Order(actor=session.person, commands=commands, key=key, once=once, settle=settle, bounded=True))
    return await outcome


def _occupied(room: OpenRoom, session: Session, message: c.ConferenceJoin, state: Room) -> Refusal | None:
    """Whether the person's place in this very conference is taken by another connection of theirs, here or on another
    node."""
    members = room.connections(session.person)
    if message.console:
        if sum(member.console for member in members) >= MAX_CONSOLES:
            return Refusal(Code.ALREADY_IN_CONFERENCE, "too many consoles", {"conference": message.conference})
        return None
    someone = known(state, session.person)
    elsewhere = someone is not None and any(main for node, main in someone.links.items() if node != room.here)
    if message.take_over or not (elsewhere or any(not member.console for member in members)):
        return None
    return Refusal(Code.ALREADY_IN_CONFERENCE, "", {"conference": message.conference})


async def _settle_elsewhere(
    session: Session, message: c.ConferenceJoin, room: OpenRoom, enter: inner.Enter, elsewhere: tuple[str, ...]
) -> Refusal | None:
    """See to a presence in other conferences: refuse, or end it when it is to be taken over or nobody is behind it. It
    is not ended for a door that lets nobody in: a PIN may be wrong, and a place on a stage is soon lost."""
    if elsewhere:
        foreseen = decide(room.replica.room, session.person, enter, session.gateway.rooms.now())
        if isinstance(foreseen, Refusal):
            return foreseen
    for conference in elsewhere:
        other = await session.gateway.rooms.open(conference)
        refusal = await _leave(session.person, other, message.take_over) if other is not None else None
        if refusal is not None:
            return refusal
    return None


async def _leave(person: str, room: OpenRoom, take_over: bool) -> Refusal | None:
    """Have somebody out of another conference, unless they are connected there and do not say so."""
    connected = False

    def commands(state: Room) -> tuple[AnyCommand, ...]:
        nonlocal connected
        someone = known(state, person)
        connected = someone is not None and bool(someone.links)
        return () if connected and not take_over else (inner.Move(),)

    # They may have entered on another node a moment ago: what the log has counts.
    refusal = await room.replica.ask_anew(person, commands)
    if refusal is not None or not connected or take_over:
        return refusal
    return Refusal(Code.ALREADY_IN_CONFERENCE, "", {"conference": room.conference})
