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
from protocol import commands as c
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
from server.room.view import audience
from server.roomlog import Commit, CommandKey, Conflict, Loaded, RoomLog
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
    `bad_resume` when it is to be obeyed only `once`. `settle` is told the outcome in the step in which it holds.
    """

    actor: str
    commands: Commands
    settle: Settle
    key: CommandKey | None = None
    once: bool = False


class Observer(Protocol):
    """Whoever must act when the room has changed, in the same step."""

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """One event was applied, and the members were told."""

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
        room, stamped = _applied(None, events)
        commit = Commit(version=room.version, after=0, time=now, node=node, events=stamped)
        # The moment of making is the epoch: a room that is made again after its log was lost has a later one.
        outcome = await log.append(command.conference, now, 0, commit)
        if isinstance(outcome, Conflict):
            return None
        return cls(log=log, metrics=metrics, node=node, clock=clock, epoch=now, room=room)

    @classmethod
    def restore(
        cls, loaded: Loaded, *, log: RoomLog, metrics: Metrics, node: str, clock: Callable[[], int]
    ) -> RoomReplica:
        """The room as the log has it."""
        room = codec.decode(loaded.snapshot[1], Room) if loaded.snapshot is not None else None
        commits = list(loaded.commits)
        if room is None:
            if not commits:
                raise UnknownEvent("the log of this room begins with something unknown")
            first = commits[0]
            room = apply(None, first.events[0])
            commits[0] = Commit(
                version=first.version,
                after=room.version,
                time=first.time,
                node=first.node,
                events=first.events[1:],
                commands=first.commands,
            )
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
        """Decide nothing more; whoever waits is refused with `going_away`."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
            self._writer = None
        waiting, self._inbox = self._inbox, []
        for order in waiting:
            order.settle(Refusal(Code.GOING_AWAY))

    # --- asking -------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Have something decided; `order.settle` is called once, perhaps at once."""
        if order.key is not None and len(self._inbox) >= MAX_WAITING:
            order.settle(Refusal(Code.RATE_LIMITED, "the inbox is full"))
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
                    for order in batch:
                        order.settle(Refusal(Code.GOING_AWAY))
                    raise
                except Exception:
                    # A mistake of ours: those who asked are told, the room stays as it was, and the writer lives.
                    _log.exception("a batch could not be decided", conference=self.room.conference)
                    for order in batch:
                        order.settle(Refusal(Code.INTERNAL))
                if self._since_mark >= SNAPSHOT_EVERY:
                    await self._save()

    async def _decide_batch(self, batch: list[Order]) -> None:
        for _ in range(MAX_RACES):
            room, events, keys, outcomes = self._decide_all(batch)
            if not events:
                self._answer(batch, outcomes)
                return
            commit = Commit(
                version=room.version,
                after=self.room.version,
                time=self._clock(),
                node=self._node,
                events=events,
                commands=keys,
            )
            try:
                with self._metrics.append_seconds.time():
                    outcome = await self._log.append(self.room.conference, self.epoch, self.room.version, commit)
            except StoreUnavailable as error:
                _log.warning("the room log cannot be written", conference=self.room.conference, reason=str(error))
                outcomes = [Refusal(Code.STORE_UNAVAILABLE) if changed else was for was, changed in outcomes_of(outcomes)]
                self._answer(batch, [(was, False) for was in outcomes])
                return
            if isinstance(outcome, Conflict):
                if not self._catch_up(outcome):
                    break
                continue
            self._hear(commit)
            self._answer(batch, outcomes)
            return
        self._answer(batch, [(Refusal(Code.STORE_UNAVAILABLE), False)] * len(batch))
