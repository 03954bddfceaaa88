"""The conferences of this node: opened when somebody needs them, closed when nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import sqlite3
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from protocol import commands as c
from protocol import control
from protocol import events as e
from protocol.codec import BadMessage
from protocol.errors import Code
from protocol.files import File
from protocol.names import STAGE_PLACES, PersonKind, Role
from protocol.statistics import Statistics
from server import log
from server.attendance.book import Book
from server.attendance.kept import Kept, StoreKept
from server.chatlog import Chats, EmbeddedChat
from server.conference.openroom import OpenRoom
from server.conference.replica import RoomReplica
from server.conference.resume import ResumeTokens
from server.config import Settings
from server.directory.conferences import Conferences, note_removed
from server.files.keeper import Keeper
from server.metrics import Metrics
from server.nodes import Alone, Arrival, Nodes
from server.recording.library import Library
from server.recording.recorders import Recorders
from server.room import inner
from server.room.access import shut_out
from server.room.apply import UnknownEvent
from server.room.digest import state_hash
from server.room.presence import known, linked
from server.room.refusal import Refusal
from server.room.rules import grants, permits
from server.room.state import Room
from server.roomlog import Accepted, RoomLog
from server.roomlog.feed import Feed
from server.storage.store import Store, StoreUnavailable
from server.workers import MediaRefused, Workers

# How often rooms that nobody uses are closed; reopening one costs a millisecond.
SWEEP_S = 60.0
# What the store keeps of a conference beside its log and chat: tables, and the column that names it.
KEPT = (
    *(("guest_links", "conference"), ("event_sessions", "conference")),
    *(("attendees", "conference"), ("announcements", "conference")),
    ("conferences", "id"),
)

_log = log.get("podium.rooms")


class Summary(msgspec.Struct, kw_only=True):
    """A conference in a few words."""

    title: str
    running: bool
    people: int
    owner: str
    recorded: bool


class Position(msgspec.Struct, kw_only=True):
    """Where a conference's state is, and its fingerprint (digest.py)."""

    epoch: int
    version: int
    hash: str


class UnreadableRoom(StoreUnavailable):
    """The store works, but this room's record is damaged or newer than this node. It has been logged."""


class Rooms:
    """All rooms of this node, and who is where."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        metrics: Metrics,
        settings: Settings,
        log: RoomLog,
        feed: Feed | None = None,
        nodes: Nodes | None = None,
        chats: Chats | None = None,
        keeper: Keeper | None = None,
        attendance: Kept | None = None,
    ) -> None:
        self.tickets: ResumeTokens
        self._store = store
        self._workers = workers
        self._metrics = metrics
        self._settings = settings
        self.log = log
        # Told the conference in which something has happened, or which was opened; they return at once.
        self.followers: list[Callable[[str], None]] = []
        self._feed = feed
        self._keeper = keeper
        self.chats: Chats = chats or functools.partial(EmbeddedChat, store)
        self.nodes: Nodes = nodes or Alone()
        self.attendance = Book(attendance or StoreKept(store), self.now, settings.audit_days)
        self._directory = Conferences(store)
        self._open: dict[str, OpenRoom] = {}
        self.closed = 0  # of them, on this node
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._where: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._last = 0
        self.library = Library(settings.data / "recordings")
        self._recorders = Recorders(settings)
        metrics.rooms.set_function(lambda: sum(bool(room.replica.room.people) for room in self._open.values()))

    def now(self) -> int:
        """ms since 1970, never less than before: a clock that is set back must not turn the rooms' time."""
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last

    # --- beginning and end --------------------------------------------------------------

    async def start(self) -> None:
        """Begin; without other nodes open every room of the log, so that whoever was present is away from now on. One
        whose record cannot be read stays closed and keeps nobody else out. Raises `StoreUnavailable`."""

        def key(connection: sqlite3.Connection) -> bytes:
            connection.execute("INSERT OR IGNORE INTO keys VALUES ('resume_secret', ?)", (secrets.token_bytes(32),))
            return bytes(connection.execute("SELECT value FROM keys WHERE name = 'resume_secret'").fetchone()[0])

        self.tickets = ResumeTokens(await self._store.run(key))
        if self._feed is None:
            for conference in await self.log.rooms():
                await self.care(conference)
            await self._sweep()
        self._sweeping = asyncio.create_task(self._keep_sweeping(), name="room sweep")
        self.attendance.start()

    async def stop(self) -> None:
        """Close every room; their state is in the log, and their media stays where other nodes find it."""
        self._workers.leaving = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        rooms = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(self._close(room) for room in rooms))
        await self.attendance.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._recorders.stop()

    # --- for whoever watches over the nodes ---------------------------------------------

    def names(self) -> tuple[str, ...]:
        """See `Inhabited.names`."""
        return tuple(self._open)

    def linked(self) -> set[str]:
        """See `Inhabited.linked`."""
        rooms = [room.replica.room for room in self._open.values()]
        return {node for room in rooms for node in linked(room)}

    def lost(self, nodes: Mapping[str, int]) -> None:
        """See `Inhabited.lost`."""
        for room in self._open.values():
            room.links.lost(nodes)

    async def care(self, conference: str) -> None:
        """See `Inhabited.care`."""
        with contextlib.suppress(UnreadableRoom):
            await self._opened(conference)

    async def restart(self) -> None:
        """See `Inhabited.restart`."""
        for conference, room in list(self._open.items()):
            if room.here == self.nodes.here:
                continue
            async with self._alone(conference):
                if self._open.get(conference) is room:
                    del self._open[conference]
                    for person in room.connected():
                        for member in room.connections(person):
                            member.close(Code.GOING_AWAY)
                    await self._close(room)
            if room.replica.room.people or room.replica.room.lobby:
                # Who buried this node looks after the room as well; the others have to be closed in any case.
                with contextlib.suppress(StoreUnavailable):
                    await self.care(conference)

    # --- for the API --------------------------------------------------------------------

    async def create(self, conference_id: str, title: str, owner_identity: str) -> None:
        """Make a room; one that exists stays as it is. Raises `StoreUnavailable`."""
        async with self._alone(conference_id):
            if await self._read(conference_id) is None:
                await self._create(conference_id, title, owner_identity)

    async def end(self, conference_id: str, by: str) -> None:
        """End a conference for everybody, by the right of the server or the owner; `by` is recorded as the one who did.
        Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        if room is not None:
            refusal = await room.replica.ask(by, inner.Close())
            if refusal is not None:
                raise StoreUnavailable(refusal.code.value)

    async def end_as(self, conference_id: str, person: str) -> Refusal | None:
        """The same with the role that somebody has in it when it is decided. Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        refusal = await room.replica.ask(person, c.ConferenceEnd(id=0)) if room is not None else None
        if refusal is not None and refusal.code is Code.STORE_UNAVAILABLE:
            raise StoreUnavailable(refusal.code.value)
        return refusal

    async def remove(self, conference_id: str, by: str) -> None:
        """End a conference for everybody and forget it: its room, its chat, its recordings (other nodes delete theirs
        within a minute, or when they are back) and its place in the directory. Raises `StoreUnavailable`; whatever is
        left then can be removed again."""
        with contextlib.suppress(UnreadableRoom):
            await self.end(conference_id, by)
        async with self._alone(conference_id):
            room = self._open.pop(conference_id, None)
            if room is not None:
                await self._close(room)
            if self._keeper is not None:
                await self._keeper.forget(conference_id)
            try:
                await asyncio.to_thread(self.library.forget, conference_id)
            except OSError as error:
                raise StoreUnavailable(f"the folder of recordings: {error.strerror}") from None
            await self.log.forget(conference_id)
            await self.nodes.closed(conference_id)
            await self.chats(conference_id).forget()
            await self.attendance.forget(conference_id)

            def forget(connection: sqlite3.Connection) -> None:
                for table, column in KEPT:
                    connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (conference_id,))
                note_removed(connection, conference_id, now)

            now = self.now()
            await self._store.run(forget)

    async def send_away(self, out: Callable[[str, PersonKind], bool]) -> None:
        """Those leave who are in a conference and of whom `out(identity, kind)` is true, connected or not; but not
        those who are connected through other nodes alone, which may know more of them."""
        leaving = [
            room.replica.ask(person.id, c.ConferenceLeave(id=0))
            for room in self._open.values()
            for person in room.replica.room.people.values()
            if (not person.links or room.here in person.links) and out(person.id, person.kind)
        ]
        # A refusal means that they are gone already, or that the disk is: then they are asked again at the next check.
        await asyncio.gather(*leaving)

    async def pass_on(self) -> None:
        """Conferences whose owner's account is no more are the directory's owner's from now on: those that are open
        here; others when they are opened. Raises `StoreUnavailable`."""
        await self._pass_on(*self._open.values())

    async def _pass_on(self, *rooms: OpenRoom) -> None:
        heirs = await self._directory.heirs({room.conference: room.replica.room.owner for room in rooms})
        passing = [room.replica.ask(heirs[room.conference], inner.Pass()) for room in rooms if room.conference in heirs]
        # A refusal means that the disk, or a newer version, is in the way: again at the next check.
        await asyncio.gather(*passing)

    async def note(
        self, conference_id: str, by: str, name: str, command: str, target: str = "", **details: Any
    ) -> None:
        """Put into the audit record what was done to a conference and is no part of its state, such as a guest link.
        Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        version = room.replica.room.version if room is not None else 0
        entry = Accepted(
            actor=by, name=name, command=command, target=target, details=details, before=version, version=version
        )
        await self.log.note(conference_id, self.now(), self.nodes.here, entry)

    async def summary(self, conference_id: str) -> Summary | None:
        """What can be said of a conference from outside; None when there is none."""
        room = await self.open(conference_id)
        if room is None:
            return None
        state = room.replica.room
        return Summary(
            title=state.title,
            running=not state.ended,
            people=len(state.people),
            owner=state.owner,
            recorded=state.recording is not None,
        )

    async def state(self, conference_id: str) -> Room | None:
        """The conference as it is now; None when there is none. Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        return room.replica.room if room is not None else None

    async def grants(self, conference_id: str, identity: str, action: str) -> bool:
        """Whether somebody has an action in a conference: with the role they have there now, its owner always."""
        room = await self.open(conference_id)
        if room is None:
            return False
        state = room.replica.room
        present = state.people.get(identity)
        if present is not None:
            return grants(state, present, action)
        return identity == state.owner and permits(Role.ORGANIZER, action)

    async def position(self, conference_id: str) -> Position | None:
        """Where the conference's state is; None when there is none."""
        room = await self.open(conference_id)
        if room is None:
            return None
        replica = room.replica
        return Position(epoch=replica.epoch, version=replica.room.version, hash=state_hash(replica.room))

    async def shut_out(self, conference_id: str, identity: str, by_right: bool) -> bool:
        """Whether a block keeps this identity out of a conference. Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        return room is not None and shut_out(room.replica.room, identity, by_right)

    async def appoint(self, conference_id: str, by: str, roles: Sequence[tuple[str, Role | None]]) -> Refusal | None:
        """Give identities roles in a conference, or with None take them back; all of it or none. Raises
        `StoreUnavailable`."""
        room = await self.open(conference_id)
        if room is None:
            return Refusal(Code.NO_SUCH_CONFERENCE)
        return await room.replica.ask(by, *(inner.Appoint(target=target, role=role) for target, role in roles))

    async def add_file(self, conference_id: str, by: str, command: inner.AddFile) -> File | Refusal:
        """Put down a file that is on the disk; what it is called in the conference. Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        if room is None:
            return Refusal(Code.NO_SUCH_CONFERENCE)
        refusal = await room.replica.ask(by, command)
        if refusal is not None:
            return refusal
        files = room.replica.room.entries.files.values()
        return next((file for file in files if file.key == command.key), Refusal(Code.GOING_AWAY, "removed meanwhile"))

    async def outdate_files(self, conference_id: str, before: int) -> None:
        """Files that were uploaded before a time (ms since 1970) are kept no longer. Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        if room is not None:
            await room.replica.ask("", inner.OutdateFiles(before=before))

    def track_report(self, conference_id: str) -> control.RoomReport | None:
        """The worker's last counters of a conference's tracks and peers; None when there are none."""
        room = self._open.get(conference_id)
        return room.media.measured.report if room is not None else None

    async def statistics(self, conference_id: str, person: str) -> Statistics | Refusal:
        """What somebody in a conference sends and receives, measured now."""
        room = self._open.get(conference_id)
        if room is None or person not in room.replica.room.people:
            return Refusal(Code.NO_SUCH_PERSON)
        try:
            return await room.media.statistics(person)
        except MediaRefused as error:
            return Refusal(error.code)

    # --- for sessions -------------------------------------------------------------------

    async def open(self, conference_id: str) -> OpenRoom | None:
        """The room, opened if need be; None when there is no such conference. Raises `StoreUnavailable`."""
        room = self._open.get(conference_id) or await self._opened(conference_id)
        if room is not None:
            room.wanted = True
        return room

    async def _opened(self, conference_id: str) -> OpenRoom | None:
        async with self._alone(conference_id):
            room = await self._read(conference_id)
            if room is not None:
                await self._pass_on(room)
                return room
            # Known to the directory, but the server died before its room was made.
            known = await self._directory.find(conference_id)
            if known is None:
                # Names that somebody has made up would be looked after when this node dies.
                await self.nodes.closed(conference_id)
                return None
            return await self._create(known.id, known.title, known.owner)

    def where(self, person: str) -> str | None:
        """The conference that a person is in, or waits for at the door."""
        return self._where.get(person) or self._waiting.get(person)

    async def arrive(self, person: str, conference: str) -> Arrival | None:
        """A person is about to enter a conference; None for a second arrival at the same time. `arrived` follows.
        Raises `StoreUnavailable`."""
        arrival = await self.nodes.arrive(person, conference)
        here = self.where(person)
        if arrival is None or here in (None, conference, *arrival.elsewhere):
            return arrival
        return msgspec.structs.replace(arrival, elsewhere=(*arrival.elsewhere, here))

    async def arrived(self, arrival: Arrival) -> bool:
        """The arrival is over, however it went; false when it must not count (`Nodes.arrived`)."""
        candidates = (arrival.conference, *arrival.elsewhere)
        rooms = [(name, self._open.get(name)) for name in candidates]
        # Of one that is closed nothing was asked.
        there = tuple(name for name, room in rooms if room is None or known(room.replica.room, arrival.person))
        return await self.nodes.arrived(arrival, there)

    # --- as an observer of every replica ------------------------------------------------

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        conference = after.conference
        if isinstance(event, e.ParticipantJoined):
            self._where[event.person] = conference
            self._waits_no_more(event.person, conference)
        elif isinstance(event, e.LobbyEntered):
            self._waiting[event.who.id] = conference
        elif isinstance(event, e.LobbyLeft):
            self._waits_no_more(event.person, conference)
        elif isinstance(event, e.ParticipantLeft):
            self._left(event.person, conference)
        elif isinstance(event, e.ConferenceEnded):
            for person in before.people:
                self._left(person, conference)
            for person in before.lobby:
                self._waits_no_more(person, conference)
        elif isinstance(event, e.ConferenceSettingsChanged) and before.title != after.title:
            self._rename(conference, after.title)

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        self._metrics.participants.set(len(self._where))
        self._tell_followers(after.conference)

    def _tell_followers(self, conference: str) -> None:
        for follower in self.followers:
            follower(conference)

    def _left(self, person: str, conference: str) -> None:
        if self._where.get(person) == conference:
            del self._where[person]

    def _waits_no_more(self, person: str, conference: str) -> None:
        if self._waiting.get(person) == conference:
            del self._waiting[person]

    def _rename(self, conference: str, title: str) -> None:
        async def rename() -> None:
            try:
                await self._directory.rename(conference, title)
            except StoreUnavailable as error:
                _log.warning("the directory keeps an old title", conference=conference, reason=str(error))

        task = asyncio.create_task(rename(), name="rename")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- opening and closing ------------------------------------------------------------

    def _alone(self, conference: str) -> asyncio.Lock:
        """Held while a room is opened or closed: two replicas of one room on one node would be two writers."""
        lock = self._locks.get(conference)
        if lock is None:
            lock = self._locks[conference] = asyncio.Lock()
        return lock

    async def _read(self, conference: str) -> OpenRoom | None:
        """The room if it is open or in the log."""
        room = self._open.get(conference)
        if room is not None:
            return room
        here = self.nodes.here
        await self.nodes.opening(conference)
        loaded = await self.log.load(conference)
        if loaded is None:
            return None
        try:
            replica = RoomReplica.restore(loaded, log=self.log, metrics=self._metrics, node=here, clock=self.now)
        except (UnknownEvent, BadMessage) as error:
            _log.error("a room's record cannot be read", conference=conference, reason=str(error))
            raise UnreadableRoom("the room's record cannot be read") from None
        return await self._add(replica, here)

    async def _create(self, conference: str, title: str, owner: str) -> OpenRoom | None:
        here = self.nodes.here
        command = inner.Create(conference=conference, title=title, stage_places=STAGE_PLACES)
        replica = await RoomReplica.create(
            command, owner, log=self.log, metrics=self._metrics, node=here, clock=self.now
        )
        return await self._add(replica, here) if replica is not None else await self._read(conference)

    async def _add(self, replica: RoomReplica, here: str) -> OpenRoom:
        conference = replica.room.conference
        chat = self.chats(conference)
        shown = await chat.numbers()
        for person in replica.room.people:
            self._where[person] = conference
        room = self._open[conference] = OpenRoom(
            replica,
            chat=chat,
            shown=shown,
            say=functools.partial(self._say, conference),
            workers=self._workers,
            settings=self._settings,
            tickets=self.tickets,
            now=self.now,
            here=here,
            recorders=self._recorders,
            library=self.library,
            book=self.attendance,
        )
        replica.observers.append(self)
        if self._keeper is not None:
            replica.observers.append(self._keeper)
            self._keeper.opened(replica.room)
        room.start()
        room.links.lost(self.nodes.gone(linked(replica.room)))
        if self._feed is not None:
            self._feed.follow(conference, replica, room)
            # What other nodes say and nobody keeps, such as reactions, is heard from the first moment on.
            await self._feed.listening(conference)
        self._tell_followers(conference)
        return room

    def _say(self, conference: str, word: str, data: bytes) -> None:
        if self._feed is not None:
            self._feed.say(conference, word, data)

    async def _close(self, room: OpenRoom) -> None:
        self.closed += 1
        if self._feed is not None:
            self._feed.unfollow(room.conference)
        await room.stop()

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._sweep()

    async def _sweep(self) -> None:
        for conference, room in list(self._open.items()):
            try:
                async with self._alone(conference):
                    # Whoever was given the room may be on the way to it: it is closed the next time.
                    wanted, room.wanted = room.wanted, False
                    if not wanted and room.idle and self._open.get(conference) is room:
                        del self._open[conference]
                        await self._close(room)
                        await self.nodes.closed(conference)
            except Exception:
                # One room's mistake must not leave all the others open for ever.
                _log.exception("a room could not be closed", conference=conference)
        await self._forget_removed()

    async def _forget_removed(self) -> None:
        """Delete the recordings here of conferences that were removed, on whichever node. That a conference is not
        known is not enough: a directory may be another one by mistake."""
        try:
            kept = await asyncio.to_thread(self.library.conferences)
            for conference in await self._directory.removed(kept) if kept else ():
                _log.info("recordings of a removed conference are deleted", conference=conference)
                await asyncio.to_thread(self.library.forget, conference)
        except (OSError, StoreUnavailable) as error:
            _log.warning("recordings of removed conferences could not be deleted", reason=str(error))
