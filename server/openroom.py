"""Everything of one conference that is open on this node: state, media, chat, reactions, grace timers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from protocol import commands as c
from protocol.answers import Accepted
from protocol.errors import Code
from protocol.names import Source
from protocol.signals import Resync
from server import log
from server.chat import Chat
from server.coalesce import Counts, Reactions
from server.config import Settings
from server.deadlines import Deadlines
from server.frames import frame
from server.grace import Grace
from server.members import Member
from server.ratelimit import RateLimit
from server.replica import Order, RoomReplica
from server.resume import ResumeTokens
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import snapshot
from server.store import Store
from server.workers import MediaRefused, RoomMedia, Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.session import Session

# A person's chat messages per second, and at once.
CHAT_PER_SECOND = 1.0
CHAT_AT_ONCE = 8.0

_log = log.get("podium.openroom")


class Offer(msgspec.Struct, eq=False):
    """A person's newest offer while the worker has not answered it. `before`: the tracks to go back to."""

    before: tuple[Source, ...]


class OpenRoom:
    """One conference on this node."""

    def __init__(
        self,
        replica: RoomReplica,
        *,
        store: Store,
        workers: Workers,
        settings: Settings,
        tickets: ResumeTokens,
        now: Callable[[], int],
    ) -> None:
        self.replica = replica
        self.conference = replica.room.conference
        self.media = RoomMedia(replica, workers)
        self.grace = Grace(replica, settings.grace_s)
        self.deadlines = Deadlines(replica, now)
        self.chat = Chat(store, self.conference)
        self.chat_limit = RateLimit(CHAT_PER_SECOND, CHAT_AT_ONCE)
        self.reactions = Reactions(replica.members)
        self.counts = Counts(replica.members, replica.room)
        self._tickets = tickets
        self._now = now
        self._negotiating: set[asyncio.Task[None]] = set()
        self._offers: dict[str, Offer] = {}
        # Media first: of a mute nothing else is as urgent.
        replica.observers += [self.media, self.grace, self.deadlines, self.counts]

    def start(self) -> None:
        """Begin to decide; whoever the log says is present is away until they come back."""
        self.replica.start()
        self.media.start()
        self.grace.start()
        self.deadlines.start()

    async def stop(self) -> None:
        """Close the room on this node; its state is in the log."""
        self.grace.stop()
        self.deadlines.stop()
        self.reactions.stop()
        self.counts.stop()
        for task in list(self._negotiating):
            task.cancel()
        await asyncio.gather(*self._negotiating, return_exceptions=True)
        await self.replica.stop()
        self.media.stop()

    @property
    def idle(self) -> bool:
        """Nobody is in the conference, and nothing waits to be decided."""
        return self.replica.idle and not self.replica.room.people and not self._negotiating

    # --- members ------------------------------------------------------------------------

    def attach(self, session: Session, told: int) -> None:
        """The session is told everything after version `told`."""
        session.enter(self)
        self.replica.members.attach(session, told, self.replica.room)

    def detach(self, session: Session) -> None:
        """The session's connection is gone; after the person's last one the grace period begins."""
        if self.replica.members.detach(session):
            self.grace.dropped(session.person)

    def take_over(self, member: Member) -> None:
        """Another connection takes this one's place."""
        self.forget(member)
        self.replica.members.detach(member)
        member.close(Code.TAKEN_OVER)

    def ticket(self, session: Session) -> str:
        """The next resume token of a session."""
        return self._tickets.issue(self.conference, session.person, session.client, session.console, self._now())

    def forget(self, member: Member) -> None:
        """The member's resume token is void."""
        self._tickets.forget(self.conference, member.person, member.client)

    def resync(self, session: Session) -> None:
        """A snapshot in place of what the session knows."""
        room = self.replica.room
        session.told = room.version
        session.send(frame(Resync(snapshot=snapshot(room, session.person, self.replica.epoch)), session.encoding))

    # --- media --------------------------------------------------------------------------

    def offers(self, person: str, tracks: tuple[Source, ...]) -> Offer:
        """An offer of somebody with these tracks is being decided; from now on it is their newest."""
        under_way = self._offers.get(person)
        offer = self._offers[person] = Offer(under_way.before if under_way is not None else tracks)
        return offer

    def forget_offer(self, person: str, offer: Offer) -> None:
        """The offer is answered."""
        if self._offers.get(person) is offer:
            del self._offers[person]

    def new_page(self, person: str) -> None:
        """The person's page is another one now: what the former one sent, and asked for, is void."""
        self._offers.pop(person, None)
        self.media.close_peer(person)

    def negotiate(self, session: Session, message: c.MediaPublish, offer: Offer) -> None:
        """Have the worker answer a client's offer, whose tracks are in the room already; when it refuses, the tracks
        of before are put back, so that a refusal has changed nothing; but not over a newer offer's."""
        task = asyncio.create_task(self._negotiate(session, message, offer), name="negotiate")
        self._negotiating.add(task)
        task.add_done_callback(self._negotiating.discard)

    async def _negotiate(self, session: Session, message: c.MediaPublish, offer: Offer) -> None:
        person = session.person
        try:
            sdp = await self.media.publish(person, message)
        except MediaRefused as error:
            _log.info("an offer was refused", conference=self.conference, code=error.code.value, reason=str(error))
            self._take_back(session, message, offer, Refusal(error.code))
            return
        newest = self._offers.get(person)
        if newest is not None:
            newest.before = tuple(message.tracks.values())
        self.forget_offer(person, offer)
        session.accept(message, Accepted(sdp=sdp))

    def too_late(self, session: Session, message: c.MediaPublish, offer: Offer) -> None:
        """The offer was decided in one commit with another page's coming, which it must not outlive."""
        self._offers.setdefault(session.person, offer)
        self._take_back(session, message, offer, Refusal(Code.GOING_AWAY, "another page took over"))

    def _take_back(self, session: Session, message: c.MediaPublish, offer: Offer, refusal: Refusal) -> None:
        person = session.person

        def settle(_: Refusal | None) -> None:
            self.forget_offer(person, offer)
            session.refuse(message, refusal)

        def commands(_: Room) -> tuple[c.MediaPublish, ...]:
            if self._offers.get(person) is not offer:
                return ()
            tracks = {str(number): source for number, source in enumerate(offer.before)}
            return (c.MediaPublish(id=message.id, sdp="-", tracks=tracks),)

        self.replica.submit(Order(actor=person, commands=commands, settle=settle))
