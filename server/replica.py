"""One room on this node: the state, and the one writer that changes it.

The writer drains its inbox, decides the whole batch in sequence on a state of its own, and appends *one* commit for
it, on condition that the log is where it was decided. Only when the log has it, the state becomes the room's, and in
the same step (no await) the members are told and the answers given. A loser of the race hears the missed commits,
tells its members of them, and decides its batch again; so a command is judged by the state at its commit.

When the log cannot be reached, every command that would have changed something is refused with `store_unavailable`
and nothing has happened; reading goes on. When the log holds an event that this node does not know, the room is
read only here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from protocol import codec
from protocol import events as e
from protocol.errors import Code
from server import log
from server.history import Answered, History, Told
from server.members import Members
from server.metrics import Metrics
from server.room import inner
from server.room.apply import UnknownEvent, apply, stamp
from server.room.decide import AnyCommand, decide
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import audience, thinned
from server.roomlog import CommandKey, Commit, Conflict, Loaded, RoomLog
from server.store import StoreUnavailable

# Orders of clients that may wait; the writer takes all of them at once, so a full inbox means a stopped disk.
MAX_WAITING = 1024
MAX_BATCH = 256
# A lost race is decided again; with few nodes ten in a row means that something else is wrong.
MAX_RACES = 10
# Commits between snapshots. A snapshot lags by one such period, so that a restarted node always has one to resume from.
SNAPSHOT_EVERY = 256

_log = log.get("podium.replica")

Settle = Callable[[Refusal | None], None]
Commands = Callable[[Room], tuple[AnyCommand, ...]]


class Order(msgspec.Struct, eq=False, kw_only=True):
    """Something to decide: what `commands` makes of the room at that moment, all of it or nothing.

    `key`: which command of which client it is; a repetition is answered without being obeyed, or refused with
    `bad_resume` when it is to be obeyed only `once`. `bounded`: it comes from a client, and is refused when too much
    waits already. `settle` is told the outcome in the step in which it holds.
    """

    actor: str
    commands: Commands
    settle: Settle
    key: CommandKey | None = None
    once: bool = False
    bounded: bool = False
    settled: bool = False

    def answer(self, refusal: Refusal | None) -> None:
        """Tell the outcome, the first time."""
        if not self.settled:
            self.settled = True
            self.settle(refusal)


class Verdict(msgspec.Struct, frozen=True):
    """What was decided of one order, and whether it changes the room."""

    refusal: Refusal | None = None
    changes: bool = False


class Observer(Protocol):
    """Whoever must act when the room has changed, in the same step."""

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """One event was applied; the members are told next."""

    def committed(self, after: Room) -> None:
        """All events of a commit were applied."""


class RoomReplica:
    """A room's state on this node. Made by `create` or `restore`; `start` begins its writer."""

    def __init__(
        self,
        *,
        log: RoomLog,
        metrics: Metrics,
        node: str,
        clock: Callable[[], int],
        epoch: int,
        room: Room,
    ) -> None:
        self.room = room
        self.epoch = epoch
        self.read_only = False
        self.members = Members(epoch, room.version)
        self.history = History(room.version)
        self.answered = Answered()
        self.observers: list[Observer] = []
        self._log = log
        self._metrics = metrics
        self._node = node
        self._clock = clock
        self._inbox: list[Order] = []
        self._woken = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._stopped = False
        # The state at the last mark, which becomes the next snapshot, and the commits since.
        self._mark = room
        self._since_mark = 0

    # --- beginning and end --------------------------------------------------------------

    @classmethod
    async def create(
        cls,
        command: inner.Create,
        owner: str,
        *,
        log: RoomLog,
        metrics: Metrics,
        node: str,
        clock: Callable[[], int],
    ) -> RoomReplica | None:
        """A new room, durably in the log; None when there is one of this name. Raises `StoreUnavailable`."""
        now = clock()
        events = decide(None, owner, command, now)
        if isinstance(events, Refusal):
            return None
        first = stamp(None, events[0])
        room = apply(None, first)
        commit = Commit(version=room.version, after=0, time=now, node=node, events=(first,))
        # The moment of making is the epoch: a room that is made again after its log was lost has a later one.
        outcome = await log.append(command.conference, now, 0, commit)
        if isinstance(outcome, Conflict):
            return None
        return cls(log=log, metrics=metrics, node=node, clock=clock, epoch=now, room=room)

    @classmethod
    def restore(
        cls, loaded: Loaded, *, log: RoomLog, metrics: Metrics, node: str, clock: Callable[[], int]
    ) -> RoomReplica:
        """The room as the log has it. Raises `UnknownEvent` when not even its beginning can be understood."""
        commits = loaded.commits
        if loaded.snapshot is not None:
            room = codec.decode(loaded.snapshot[1], Room)
        elif commits:
            # The first commit is the creation alone: `create` makes it so.
            room, commits = apply(None, commits[0].events[0]), commits[1:]
        else:
            raise UnknownEvent("the record of this room begins with something unknown")
        replica = cls(log=log, metrics=metrics, node=node, clock=clock, epoch=loaded.epoch, room=room)
        replica.read_only = not loaded.readable
        for commit in commits:
            if not replica._hear(commit):
                break
        return replica

    def start(self) -> None:
        """Begin to decide."""
        self._writer = asyncio.create_task(self._write(), name=f"room {self.room.conference}")

    async def stop(self) -> None:
        """Decide nothing more; whoever waits, or still asks, is refused with `going_away`."""
        self._stopped = True
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
            self._writer = None
        waiting, self._inbox = self._inbox, []
        for order in waiting:
            order.answer(Refusal(Code.GOING_AWAY))

    # --- asking -------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Have something decided; `order.settle` is called once, perhaps at once."""
        if self._stopped:
            order.answer(Refusal(Code.GOING_AWAY))
            return
        if order.bounded and len(self._inbox) >= MAX_WAITING:
            order.answer(Refusal(Code.RATE_LIMITED, "the inbox is full"))
            return
        self._inbox.append(order)
        self._woken.set()

    async def ask(self, actor: str, *commands: AnyCommand) -> Refusal | None:
        """Have commands of the server itself decided, and wait for the outcome."""
        outcome: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()

        def settle(refusal: Refusal | None) -> None:
            if not outcome.done():
                outcome.set_result(refusal)

        self.submit(Order(actor=actor, commands=lambda _: commands, settle=settle))
        return await outcome

    @property
    def idle(self) -> bool:
        """Nothing waits, nobody is attached."""
        return not self._inbox and not len(self.members)

    # --- the writer ---------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._inbox:
                batch, self._inbox = self._inbox[:MAX_BATCH], self._inbox[MAX_BATCH:]
                try:
                    await self._decide_batch(batch)
                except asyncio.CancelledError:
                    _answer(batch, [Verdict(Refusal(Code.GOING_AWAY))] * len(batch))
                    raise
                except Exception:
                    # A mistake of ours: those who asked are told, the room stays as it was, and the writer lives.
                    _log.exception("a batch could not be decided", conference=self.room.conference)
                    _answer(batch, [Verdict(Refusal(Code.INTERNAL))] * len(batch))
            if self._since_mark >= SNAPSHOT_EVERY:
                try:
                    await self._save()
                except Exception:
                    # The log has everything; without a snapshot only opening takes longer.
                    _log.exception("a snapshot could not be made", conference=self.room.conference)

    async def _decide_batch(self, batch: list[Order]) -> None:
        for _ in range(MAX_RACES):
            now = self._clock()
            room, events, verdicts = self._decide_all(batch, now)
            if not events:
                self._remember(batch, verdicts)
                _answer(batch, verdicts)
                return
            commit = Commit(
                version=room.version,
                after=self.room.version,
                time=now,
                node=self._node,
                events=events,
                commands=tuple(
                    order.key for order, verdict in zip(batch, verdicts, strict=True) if verdict.changes and order.key
                ),
            )
            try:
                with self._metrics.append_seconds.time():
                    outcome = await self._log.append(self.room.conference, self.epoch, self.room.version, commit)
                if isinstance(outcome, Conflict):
                    await self._catch_up(outcome)
                    continue
            except StoreUnavailable as error:
                _log.warning("the room log cannot be used", conference=self.room.conference, reason=str(error))
                break
            self._hear(commit, batch, verdicts)
            return
        # Also those that would change nothing: they were decided on a state that now never was.
        _answer(batch, [Verdict(Refusal(Code.STORE_UNAVAILABLE))] * len(batch))

    def _decide_all(self, batch: list[Order], now: int) -> tuple[Room, tuple[e.RoomEvent, ...], list[Verdict]]:
        """The batch in sequence, each on the state that the one before it led to."""
        room = self.room
        events: list[e.RoomEvent] = []
        verdicts: list[Verdict] = []
        accepted: set[CommandKey] = set()
        for order in batch:
            key = order.key
            if key is not None and (key in accepted or self.answered.version(*key) is not None):
                verdicts.append(Verdict(Refusal(Code.BAD_RESUME, "used already") if order.once else None))
                continue
            outcome = _decide_one(room, order, now)
            if isinstance(outcome, Refusal):
                verdicts.append(Verdict(outcome))
                continue
            led_to, made = outcome
            if made and self.read_only:
                verdicts.append(Verdict(Refusal(Code.UNSUPPORTED, "this node is older than the room's record")))
                continue
            room = led_to
            events.extend(made)
            if key is not None:
                accepted.add(key)
            verdicts.append(Verdict(None, bool(made)))
        return room, tuple(events), verdicts

    def _remember(self, batch: list[Order], verdicts: list[Verdict]) -> None:
        for order, verdict in zip(batch, verdicts, strict=True):
            if verdict.refusal is None and order.key is not None:
                self.answered.add(*order.key, self.room.version)

    def _hear(self, commit: Commit, batch: list[Order] | None = None, verdicts: list[Verdict] | None = None) -> bool:
        """A commit of the log becomes the room's state, and all that follows from it, in this order: the media worker
        is told, those who gave the commands hear the events and their answers, everybody else hears the events.
        With thousands of readers the last takes milliseconds, which neither a mute nor an answer should wait for.

        False: it cannot be understood.
        """
        if commit.version <= self.room.version:
            return True
        steps: list[tuple[Room, Room, Told]] = []
        try:
            for event in commit.events:
                before, after = self.room, apply(self.room, event)
                told = Told(event, audience(before, after, event), thinned(before) is not thinned(after))
                self.room = after
                self.history.add(told)
                steps.append((before, after, told))
        except UnknownEvent as error:
            _log.error("the room is read only here", conference=self.room.conference, reason=str(error))
            self.read_only = True
        self.answered.add_all(commit.commands, commit.version)
        self._since_mark += 1
        for observer in self.observers:
            try:
                for before, after, told in steps:
                    observer.changed(before, after, told.event)
                observer.committed(self.room)
            except Exception:
                # A mistake of ours beside the room must not keep its members from what has been committed.
                _log.exception("an observer failed", conference=self.room.conference)
        if batch is not None and verdicts is not None:
            for actor in {order.actor for order in batch}:
                for _, _, told in steps:
                    self.members.tell_first(actor, told)
            self._remember(batch, verdicts)
            _answer(batch, verdicts)
        for before, after, told in steps:
            self._metrics.events_sent.inc(self.members.tell(before, after, told))
        self.members.dismiss()
        return not self.read_only

    async def _catch_up(self, conflict: Conflict) -> None:
        """Hear what another writer has appended. Raises `StoreUnavailable`."""
        if conflict.epoch == self.epoch and conflict.missed and conflict.missed[0].after == self.room.version:
            for commit in conflict.missed:
                if not self._hear(commit):
                    return
            return
        loaded = await self._log.load(self.room.conference)
        if loaded is None:
            raise StoreUnavailable("the log has lost this room")
        other = RoomReplica.restore(loaded, log=self._log, metrics=self._metrics, node=self._node, clock=self._clock)
        self.room, self.epoch, self.read_only = other.room, other.epoch, other.read_only
        self.history, self.answered = other.history, other.answered
        self._mark, self._since_mark = other._mark, other._since_mark
        self.members.start_anew(self.epoch, self.room)
        self.members.dismiss()
        for observer in self.observers:
            observer.committed(self.room)

    async def _save(self) -> None:
        mark = self._mark
        try:
            await self._log.save_snapshot(self.room.conference, self.epoch, mark.version, codec.pack(mark))
        except StoreUnavailable as error:
            _log.warning("no snapshot could be written", conference=self.room.conference, reason=str(error))
            return
        self._mark, self._since_mark = self.room, 0


def _decide_one(room: Room, order: Order, now: int) -> tuple[Room, list[e.RoomEvent]] | Refusal:
    """The room after all commands of an order, with their stamped events; or the first refusal."""
    events: list[e.RoomEvent] = []
    for command in order.commands(room):
        outcome = decide(room, order.actor, command, now)
        if isinstance(outcome, Refusal):
            return outcome
        for event in outcome:
            stamped = stamp(room, event)
            events.append(stamped)
            room = apply(room, stamped)
    return room, events


def _answer(batch: list[Order], verdicts: list[Verdict]) -> None:
    for order, verdict in zip(batch, verdicts, strict=True):
        try:
            order.answer(verdict.refusal)
        except Exception:
            # One session's mistake must not keep the others from their answers.
            _log.exception("an answer could not be given")
