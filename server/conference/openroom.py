"""Everything of one conference that is open on this node: state, media, chat, reactions, grace timers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from protocol import commands as c
from protocol.answers import Accepted, ChatMessage
from protocol.codec import BadMessage, decode, pack
from protocol.engagement import Channel
from protocol.errors import Code
from protocol.names import Source
from protocol.signals import ReactionShown, Resync
from server import log
from server.attendance.book import Book
from server.attendance.room import RoomAttendance
from server.chatlog import Chat
from server.chatlog.redis import WORD, published
from server.conference.chat import Conversation, Erasures
from server.conference.coalesce import Counts, Reactions, Tallies
from server.conference.deadlines import Deadlines
from server.conference.doorway import Doorway
from server.conference.grace import Grace
from server.conference.limits import Limits, SlowMode
from server.conference.links import Links
from server.conference.members import Member
from server.conference.replica import Observer, Order, RoomReplica
from server.conference.resume import ResumeTokens, Ticket
from server.conference.visitor import Visitor
from server.config import Settings
from server.files.depot import Depot
from server.frames import frame
from server.recording.library import Library
from server.recording.recorders import Recorders
from server.recording.room import RoomRecording
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import snapshot
from server.workers import MediaRefused, RoomMedia, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

# The word before reactions, with the name of the node that says them.
_REACTIONS = "reactions"
_CHANGED = "changed"
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
        chat: Chat,
        shown: dict[Channel, int],
        say: Callable[[str, bytes], None],
        workers: Workers,
        settings: Settings,
        tickets: ResumeTokens,
        now: Callable[[], int],
        here: str,
        recorders: Recorders,
        library: Library,
        book: Book,
    ) -> None:
        self.replica = replica
        # Somebody has asked for the room since it was last looked at whether it can be closed.
        self.wanted = False
        self.conference = replica.room.conference
        # The node that this is a room of: its name may be another one by the time that the room is closed.
        self.here = here
        self.media = RoomMedia(replica, workers)
        self.doorway = Doorway(self)
        self.links = Links(self, here)
        self.grace = Grace(replica, settings.grace_s)
        self.deadlines = Deadlines(replica, now)
        self.chat = chat
        self.conversation = Conversation(chat, replica, shown)
        self.erasures = Erasures(chat, replica.room)
        self.recording = RoomRecording(
            replica,
            self.media,
            recorders,
            library,
            here,
            int(settings.recording_gb * 1e9),
            int(settings.recording_free_gb * 1e9),
            Depot(settings.files_folder),
        )
        self.conversation.heard.append(self.recording.chat)
        self.attendance = RoomAttendance(replica, book, here)
        self.media.measured.listeners.append(self.attendance)
        self.conversation.changed.append(self.recording.chat_changed)
        self.media.measured.listeners.append(self.recording)
        self.limits = Limits()
        self.slow_mode = SlowMode()
        self.reactions = Reactions(replica.members, self._say_reactions)
        self.counts = Counts(replica.members, replica.room)
        self.tallies = Tallies(replica.members, replica.room)
        self._say = say
        self._tickets = tickets
        self._now = now
        self._under_way: set[asyncio.Task[None]] = set()
        self._offers: dict[str, Offer] = {}
        # Media first: of a mute nothing else is as urgent.
        following: tuple[Observer, ...] = (self.counts, self.tallies, self.doorway, self.erasures, self.recording)
        replica.observers += [self.media, self.links, self.grace, self.deadlines, *following, self.attendance]

    def start(self) -> None:
        """Begin to decide."""
        self.replica.start()
        self.media.start()
        self.grace.start()
        self.deadlines.start()
        self.erasures.start()
        self.recording.start()
        self.attendance.start()

    async def stop(self) -> None:
        """Close the room on this node; its state is in the log."""
        self.links.stop()
        self.grace.stop()
        self.deadlines.stop()
        self.reactions.stop()
        self.counts.stop()
        self.tallies.stop()
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.replica.stop()
        await self.conversation.stop()
        await self.erasures.stop()
        await self.recording.stop()
        self.media.stop()
        self.attendance.stop()

    @property
    def idle(self) -> bool:
        """Nobody is in the conference, and nothing waits to be decided."""
        room = self.replica.room
        return self.replica.idle and not room.people and not room.lobby and not self._under_way

    # --- what the nodes say to each other -----------------------------------------------

    def hear(self, word: str, data: bytes) -> None:
        """See `Listener`."""
        if word == WORD:
            self.conversation.hear(published(data))
        elif word == _REACTIONS:
            node, _, shown = data.partition(b" ")
            if node != self.here.encode():
                self.reactions.hear(decode(shown, ReactionShown))
        elif word == _CHANGED:
            node, _, changed = data.partition(b" ")
            if node != self.here.encode():
                self.conversation.change(decode(changed, ChatMessage))
        else:
            raise BadMessage(f"an unknown word: {word}")

    def look(self) -> None:
        """See `Listener`."""
        self.conversation.look()

    def change_message(self, message: ChatMessage) -> None:
        """A message of the chat has another text now, or none; the other nodes are told as well."""
        self.conversation.change(message)
        self._say(_CHANGED, self.here.encode() + b" " + pack(message))

    def _say_reactions(self, shown: ReactionShown) -> None:
        self._say(_REACTIONS, self.here.encode() + b" " + pack(shown))

    # --- members ------------------------------------------------------------------------

    def attach(self, session: Visitor, told: int) -> None:
        """The session is told everything after version `told`."""
        session.enter(self)
        self.replica.members.attach(session, told, self.replica.room)

    def detach(self, session: Visitor) -> None:
        """The session's connection is gone; after the person's last one the grace period begins, or the wait ends."""
        last = self.replica.members.detach(session) or self.doorway.remove(session)
        if last or not session.console:
            self.links.report(session.person)

    def connections(self, person: str) -> tuple[Member, ...]:
        """All of a person's connections, inside or at the door."""
        return (*self.replica.members.of(person), *self.doorway.of(person))

    def connected(self) -> set[str]:
        """Everybody with a connection here, inside or at the door."""
        return {*self.replica.members.persons(), *self.doorway.persons()}

    def hold(self, session: Visitor) -> None:
        """The session waits at the door."""
        session.wait(self)
        self.doorway.add(session)

    def let_in(self, session: Visitor) -> None:
        """A session that waited is a member from now on, and knows the conference as it is."""
        self.attach(session, self.replica.room.version)
        view = snapshot(self.replica.room, session.person, self.replica.epoch)
        session.admitted(view, self.ticket(session))

    def take_over(self, member: Member) -> None:
        """Another connection takes this one's place, inside or at the door."""
        self.replica.members.detach(member)
        self.doorway.remove(member)
        member.close(Code.TAKEN_OVER)

    def ticket(self, session: Visitor) -> str:
        """The next resume token of a session."""
        return self._tickets.issue(
            Ticket(
                conference=self.conference,
                person=session.person,
                client=session.client,
                console=session.console,
                version=self.replica.room.version,
                number=self._now(),
            )
        )

    def resync(self, session: Visitor) -> None:
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

    def negotiate(self, session: Visitor, message: c.MediaPublish, offer: Offer) -> None:
        """Have the worker answer a client's offer, whose tracks are in the room already; when it refuses, the tracks
        of before are put back, so that a refusal has changed nothing; but not over a newer offer's."""
        self._begin(self._negotiate(session, message, offer), "negotiate")

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Wait for the worker beside what the session says next."""
        task = asyncio.create_task(work, name=name)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _negotiate(self, session: Visitor, message: c.MediaPublish, offer: Offer) -> None:
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

    def too_late(self, session: Visitor, message: c.MediaPublish, offer: Offer) -> None:
        """The offer was decided in one commit with another page's coming, which it must not outlive."""
        self._offers.setdefault(session.person, offer)
        self._take_back(session, message, offer, Refusal(Code.GOING_AWAY, "another page took over"))

    def _take_back(self, session: Visitor, message: c.MediaPublish, offer: Offer, refusal: Refusal) -> None:
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

    def measure(self, session: Visitor, message: c.MediaStats) -> None:
        """Have the worker measure a connection that the session may look at."""
        self._begin(self._measure(session, message), "measure")

    async def _measure(self, session: Visitor, message: c.MediaStats) -> None:
        try:
            found = await self.media.statistics(message.target or session.person)
        except MediaRefused as error:
            session.refuse(message, Refusal(error.code))
        else:
            session.accept(message, found)
