"""The conferences of this node: opened when somebody needs them, closed when nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import time
import weakref
from collections.abc import Iterator

import msgspec

from protocol import control
from protocol import events as e
from protocol.codec import BadMessage
from protocol.names import STAGE_PLACES, Role
from server import log
from server.conferences import Conferences
from server.config import Settings
from server.metrics import Metrics
from server.openroom import OpenRoom
from server.replica import RoomReplica
from server.resume import ResumeTokens
from server.room import inner
from server.room.apply import UnknownEvent
from server.room.state import Room
from server.roomlog import EmbeddedLog
from server.store import Store, StoreUnavailable
from server.workers import Workers

# How often rooms that nobody uses are closed; reopening one costs a millisecond.
SWEEP_S = 60.0

_log = log.get("podium.rooms")


class Summary(msgspec.Struct, kw_only=True):
    """A conference in a few words."""

    title: str
    running: bool
    people: int
    owner: str


class UnreadableRoom(StoreUnavailable):
    """The store works, but this room's record is damaged or newer than this node. It has been logged."""


class Rooms:
    """All rooms of this node, and who is where."""

    def __init__(self, store: Store, workers: Workers, metrics: Metrics, settings: Settings) -> None:
        self.tickets: ResumeTokens
        self._store = store
        self._workers = workers
        self._metrics = metrics
        self._settings = settings
        self._log = EmbeddedLog(store)
        self._directory = Conferences(store)
        self._node = secrets.token_hex(6)
        self._open: dict[str, OpenRoom] = {}
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._where: dict[str, str] = {}
        self._arriving: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self._last = 0
        metrics.rooms.set_function(lambda: sum(bool(room.replica.room.people) for room in self._open.values()))

    def now(self) -> int:
        """ms since 1970, never less than before: a clock that is set back must not turn the rooms' time."""
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last

    # --- beginning and end --------------------------------------------------------------

    async def start(self) -> None:
        """Open every room of the log, so that whoever was present is away from now on. One whose record cannot be read
        stays closed and keeps nobody else out. Raises `StoreUnavailable`."""

        def key(connection: sqlite3.Connection) -> bytes:
            connection.execute("INSERT OR IGNORE INTO keys VALUES ('resume_secret', ?)", (secrets.token_bytes(32),))
            return bytes(connection.execute("SELECT value FROM keys WHERE name = 'resume_secret'").fetchone()[0])

        self.tickets = ResumeTokens(await self._store.run(key), self.now())
        for conference in await self._log.rooms():
            with contextlib.suppress(UnreadableRoom):
                await self.open(conference)
        await self._sweep()
        self._sweeping = asyncio.create_task(self._keep_sweeping(), name="room sweep")

    async def stop(self) -> None:
        """Close every room; their state is in the log."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        rooms = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(room.stop() for room in rooms))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- for the API --------------------------------------------------------------------

    async def create(self, conference_id: str, title: str, owner_identity: str) -> None:
        """Make a room; one that exists stays as it is. Raises `StoreUnavailable`."""
        async with self._alone(conference_id):
            if await self._read(conference_id) is None:
                await self._create(conference_id, title, owner_identity)

    async def end(self, conference_id: str, by: str) -> None:
        """End a conference for everybody; `by` is recorded as the one who did. Raises `StoreUnavailable`."""
        room = await self.open(conference_id)
        if room is not None:
            refusal = await room.replica.ask(by, inner.Close())
            if refusal is not None:
                raise StoreUnavailable(refusal.code.value)

    async def summary(self, conference_id: str) -> Summary | None:
        """What can be said of a conference from outside; None when there is none."""
        room = await self.open(conference_id)
        if room is None:
            return None
        state = room.replica.room
        return Summary(title=state.title, running=not state.ended, people=len(state.people), owner=state.owner)

    async def role_of(self, conference_id: str, identity: str) -> Role | None:
        """The role of a person who is in a conference; of its owner always. None for anybody else."""
        room = await self.open(conference_id)
        if room is None:
            return None
        state = room.replica.room
        present = state.people.get(identity)
        if present is not None:
            return present.role
        return Role.ORGANIZER if identity == state.owner else None

    def track_report(self, conference_id: str) -> control.RoomReport | None:
        """The worker's last counters of a conference's tracks and peers; None when there are none."""
        room = self._open.get(conference_id)
        return room.media.report if room is not None else None

    # --- for sessions -------------------------------------------------------------------

    async def open(self, conference_id: str) -> OpenRoom | None:
        """The room, opened if need be; None when there is no such conference. Raises `StoreUnavailable`."""
        room = self._open.get(conference_id)
        if room is not None:
            return room
        async with self._alone(conference_id):
            room = await self._read(conference_id)
            if room is not None:
                return room
            # Known to the directory, but the server died before its room was made.
            known = await self._directory.find(conference_id)
            return await self._create(known.id, known.title, known.owner) if known is not None else None

    def where(self, person: str) -> str | None:
        """The conference that a person is in."""
        return self._where.get(person)

    @contextlib.contextmanager
    def arriving(self, person: str) -> Iterator[bool]:
        """Held while a person enters somewhere; false for a second arrival of the same person at the same time."""
        alone = person not in self._arriving
        self._arriving.add(person)
        try:
            yield alone
        finally:
            if alone:
                self._arriving.discard(person)

    # --- as an observer of every replica ------------------------------------------------

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        conference = after.conference
        if isinstance(event, e.ParticipantJoined):
            self._where[event.person] = conference
        elif isinstance(event, e.ParticipantLeft):
            self._left(event.person, conference)
        elif isinstance(event, e.ConferenceEnded):
            for person in before.people:
                self._left(person, conference)
        elif isinstance(event, e.ConferenceSettingsChanged) and before.title != after.title:
            self._rename(conference, after.title)

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        self._metrics.participants.set(len(self._where))

    def _left(self, person: str, conference: str) -> None:
        if self._where.get(person) == conference:
            del self._where[person]
        self.tickets.forget_all(conference, person)

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
        loaded = await self._log.load(conference)
        if loaded is None:
            return None
        try:
            replica = RoomReplica.restore(loaded, log=self._log, metrics=self._metrics, node=self._node, clock=self.now)
        except (UnknownEvent, BadMessage) as error:
            _log.error("a room's record cannot be read", conference=conference, reason=str(error))
            raise UnreadableRoom("the room's record cannot be read") from None
        return self._add(replica)

    async def _create(self, conference: str, title: str, owner: str) -> OpenRoom | None:
        command = inner.Create(conference=conference, title=title, stage_places=STAGE_PLACES)
        replica = await RoomReplica.create(
            command, owner, log=self._log, metrics=self._metrics, node=self._node, clock=self.now
        )
        return self._add(replica) if replica is not None else await self._read(conference)

    def _add(self, replica: RoomReplica) -> OpenRoom:
        conference = replica.room.conference
        for person in replica.room.people:
            self._where[person] = conference
        room = self._open[conference] = OpenRoom(
            replica,
            store=self._store,
            workers=self._workers,
            settings=self._settings,
            tickets=self.tickets,
            now=self.now,
        )
        replica.observers.append(self)
        room.start()
        return room

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._sweep()

    async def _sweep(self) -> None:
        for conference, room in list(self._open.items()):
            try:
                async with self._alone(conference):
                    if room.idle and self._open.get(conference) is room:
                        del self._open[conference]
                        await room.stop()
            except Exception:
                # One room's mistake must not leave all the others open for ever.
                _log.exception("a room could not be closed", conference=conference)
