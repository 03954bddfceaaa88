"""One room on this node: the state, and the one writer that changes it.

The writer drains its inbox, decides the whole batch in sequence on a state of its own, and appends *one* commit for
it, on condition that the log is where it was decided. Only when the log has it, the state becomes the room's, and in
the same step (no await) the members are told and the answers given. A loser of the race hears the missed commits,
tells its members of them, and decides its batch again; so a command is judged by the state at its commit.

When the log cannot be reached, every command that would have changed something is refused with `store_unavailable`
and nothing has happened; reading goes on. When it is not known whether something has happened, the refusal says so, and
the writer looks into the log until it knows; the same command again is answered by what is found there. When the log
holds an event that this node does not know, the room is read only here.

Commits of other nodes come through the same writer (`hear`), so that there is one order in which the state changes. A
log that has lost the room is given it again (`_seed`): what was told to people cannot be untold.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from protocol import codec
from protocol import events as e
from protocol.errors import Code
from server import log
from server.conference.history import Answered, History, Told
from server.conference.members import Members
from server.metrics import Metrics
from server.records import audit
from server.room import inner
from server.room.apply import UnknownEvent, apply, stamp
from server.room.decide import AnyCommand, decide
from server.room.packed import pack_room, read_room
from server.room.plan import closed
from server.room.refusal import Refusal
from server.room.state import Room
from server.room.view import audience, shown, thinned
from server.roomlog import Accepted, CommandKey, Commit, Conflict, Loaded, Lost, RoomLog
from server.roomlog.following import Step, step
from server.roomlog.following import Told as Published
from server.storage.store import StoreUnavailable

# Orders of clients that may wait; the writer takes all of them at once, so a full inbox means a stopped disk.
MAX_WAITING = 1024
MAX_BATCH = 256
# A lost race is decided again; with few nodes ten in a row means that something else is wrong.
MAX_RACES = 10
# Commits between snapshots. A snapshot lags by one such period, so that a restarted node always has one to resume from.
SNAPSHOT_EVERY = 256
# Commits of other nodes that may wait for the writer; instead of more it looks into the log.
MAX_HEARD = 1024
# How soon the log is looked into again that could not be reached.
LOOK_AGAIN_S = 0.5
# How long whoever may know more of a room than Redis has, after a restart or a failover of it, has to say so: nodes
# listen again within half a second.
OTHERS_S = 1.0
# The refusal of a command of which nobody knows whether it was accepted.
UNCERTAIN = "it may have been done; the same command again tells"

_log = log.get("podium.replica")

Settle = Callable[[Refusal | None], None]
Commands = Callable[[Room], tuple[AnyCommand, ...]]


class Order(msgspec.Struct, eq=False, kw_only=True):
    """Something to decide: what `commands` makes of the room at that moment, all of it or nothing.

    `key`: which command of which client it is; a repetition is answered without being obeyed, or refused with
    `bad_resume` when it is to be obeyed only `once`. `bounded`: it comes from a client, and is refused when too much
    waits already. `settle` is told the outcome in the step in which it holds; with `receipt`, `closed` then has the
    tracks that were closed by it, when the actor is in the conference still.
    """

    actor: str
    commands: Commands
    settle: Settle
    key: CommandKey | None = None
    once: bool = False
    bounded: bool = False
    receipt: bool = False
    settled: bool = False
    closed: tuple[str, ...] = ()

    def answer(self, refusal: Refusal | None) -> None:
        """Tell the outcome, the first time."""
        if not self.settled:
            self.settled = True
            self.settle(refusal)


class Verdict(msgspec.Struct, frozen=True):
    """What was decided of one order: why not, or which of its commands change the room, for the audit record."""

    refusal: Refusal | None = None
    accepted: tuple[Accepted, ...] = ()


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
        # When the newest commit was heard of, monotonic: from then on everybody waits for what follows from it.
        self.heard_at = 0.0
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
        self._deciding = False
        # Commits that other nodes have published, and whether the log may hold something else than is known here.
        self._heard: list[Published] = []
        self._looking = False
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
        made = audit.line(None, room, owner, command, (first,))
        commit = Commit(version=room.version, after=0, time=now, node=node, events=(first,), accepted=(made,))
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
            room = read_room(loaded.snapshot[1])
        elif commits:
            # The first commit is the creation alone: `create` makes it so.
            room, commits = apply(None, commits[0].events[0]), commits[1:]
        else:
            raise UnknownEvent("the record of this room begins with something unknown")
        replica = cls(log=log, metrics=metrics, node=node, clock=clock, epoch=loaded.epoch, room=room)
        for commit in commits:
            if not replica._hear(commit):
                break
        # Not before: all that can be understood is part of what is read.
        replica.read_only |= not loaded.readable
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

    def hear(self, told: Published) -> None:
        """A commit was published, perhaps this node's own."""
        if step(self.epoch, self.room.version, told) is Step.KNOWN:
            return
        if len(self._heard) >= MAX_HEARD:
            self._heard.clear()
            self._looking = True
        else:
            self._heard.append(told)
        self._woken.set()

    def look(self) -> None:
        """The log may hold something that was not heard of, or hold less than is known here."""
        self._looking = True
        self._woken.set()

    async def ask(self, actor: str, *commands: AnyCommand) -> Refusal | None:
        """Have commands of the server itself decided, and wait for the outcome."""
        return await self._ask(actor, lambda _: commands)

    async def ask_anew(self, actor: str, commands: Commands) -> Refusal | None:
        """As `ask`, after a look into the log: also where nothing follows, it was decided on the newest state."""
        self._looking = True
        return await self._ask(actor, commands)

    async def _ask(self, actor: str, commands: Commands) -> Refusal | None:
        outcome: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()

        def settle(refusal: Refusal | None) -> None:
            if not outcome.done():
                outcome.set_result(refusal)

        self.submit(Order(actor=actor, commands=commands, settle=settle))
        return await outcome

    @property
    def idle(self) -> bool:
        """Nothing waits or is being written, nobody is attached."""
        return not self._inbox and not self._deciding and not len(self.members)

    # --- the writer ---------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self._follow()
            while self._inbox:
                batch, self._inbox = self._inbox[:MAX_BATCH], self._inbox[MAX_BATCH:]
                self._deciding = True
                try:
                    await self._decide_batch(batch)
                except asyncio.CancelledError:
                    _answer(batch, [Verdict(Refusal(Code.GOING_AWAY))] * len(batch))
                    raise
                except Exception:
                    # A mistake of ours: those who asked are told, the room stays as it was, and the writer lives.
                    _log.exception("a batch could not be decided", conference=self.room.conference)
                    _answer(batch, [Verdict(Refusal(Code.INTERNAL))] * len(batch))
                finally:
                    self._deciding = False
                await self._follow()
            if self._since_mark >= SNAPSHOT_EVERY:
                try:
                    await self._save()
                except Exception:
                    # The log has everything; without a snapshot only opening takes longer.
                    _log.exception("a snapshot could not be made", conference=self.room.conference)

    async def _decide_batch(self, batch: list[Order]) -> None:
        refusal = Refusal(Code.STORE_UNAVAILABLE)
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
                    order.key for order, verdict in zip(batch, verdicts, strict=True) if verdict.accepted and order.key
                ),
                accepted=tuple(accepted for verdict in verdicts for accepted in verdict.accepted),
            )
            try:
                with self._metrics.append_seconds.time():
                    outcome = await self._log.append(self.room.conference, self.epoch, self.room.version, commit)
                if isinstance(outcome, Lost):
                    await self._seed()
                    if outcome.perhaps:
                        await asyncio.sleep(OTHERS_S)
                    continue
                if isinstance(outcome, Conflict):
                    await self._catch_up(outcome)
                    continue
            except StoreUnavailable as error:
                _log.warning("the room log cannot be used", conference=self.room.conference, reason=str(error))
                if error.uncertain:
                    refusal = Refusal(Code.STORE_UNAVAILABLE, UNCERTAIN)
                    self._look_later()
                break
            self._hear(commit, batch, verdicts)
            return
        # Also those that would change nothing: they were decided on a state that now never was.
        _answer(batch, [Verdict(refusal)] * len(batch))

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
            order.closed = ()
            outcome = _decide_one(room, order, now)
            if isinstance(outcome, Refusal):
                verdicts.append(Verdict(outcome))
                continue
            led_to, made, lines = outcome
            if made and self.read_only:
                verdicts.append(Verdict(Refusal(Code.UNSUPPORTED, "this node is older than the room's record")))
                continue
            if made and order.receipt and order.actor in led_to.people:
                order.closed = closed(room, led_to)
            room = led_to
            events.extend(made)
            if key is not None:
                accepted.add(key)
            verdicts.append(Verdict(None, lines))
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
        self.heard_at = time.monotonic()
        steps: list[tuple[Room, Room, Told]] = []
        try:
            for event in commit.events:
                before, after = self.room, apply(self.room, event)
                told = Told(shown(event), audience(before, after, event), thinned(before) is not thinned(after))
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
            self.members.tell_first({order.actor for order in batch}, steps)
            self._remember(batch, verdicts)
            _answer(batch, verdicts)
        self._metrics.events_sent.inc(self.members.tell(steps))
        self.members.dismiss()
        return not self.read_only

    async def _follow(self) -> None:
        """What other writers have appended, as it was published; and what the log says, where there is doubt."""
        heard, self._heard = self._heard, []
        try:
            for told in heard:
                match step(self.epoch, self.room.version, told):
                    case Step.NEXT if not self.read_only:
                        self._hear(codec.decode(told.data, Commit))
                    case Step.LOOK:
                        self._looking = True
        except Exception as error:
            # Of a newer version, or damaged, or a mistake of ours: whoever reads the log itself finds out which.
            _log.warning("a commit could not be heard", conference=self.room.conference, reason=str(error))
            self._looking = True
        if not self._looking:
            return
        self._looking = False
        try:
            await self._look()
        except _Forgotten:
            _log.info("the room was removed", conference=self.room.conference)
        except StoreUnavailable as error:
            _log.warning("the room log cannot be read", conference=self.room.conference, reason=str(error))
            self._look_later()
        except Exception:
            # The room stays readable as it was; the next minute is another try.
            _log.exception("the room could not be followed", conference=self.room.conference)

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self.look)

    async def _look(self) -> None:
        """Compare with the log. Raises `StoreUnavailable`."""
        position = await self._log.position(self.room.conference)
        known = (self.epoch, self.room.version)
        if position == known or self.read_only:
            return
        if position is None or position[1] < self.room.version:
            await self._seed()
        else:
            missed = await self._log.commits_after(self.room.conference, self.room.version)
            await self._catch_up(Conflict(position[0], missed))

    async def _seed(self) -> None:
        """The log knows less than we do: it is given our state, under a later epoch. Raises `StoreUnavailable`."""
        if self.read_only:
            raise StoreUnavailable("the log has lost this room, of which this node does not know everything")
        epoch = max(self._clock(), self.epoch + 1)
        room = self.room
        known = self.answered.newest()
        outcome = await self._log.seed(room.conference, self.epoch, epoch, room.version, pack_room(room), known)
        if isinstance(outcome, Conflict):
            await self._catch_up(outcome)
            return
        self.epoch = outcome
        self.history = History(room.version)
        self._mark, self._since_mark = room, 0
        self.members.start_anew(self.epoch, room)

    async def _catch_up(self, conflict: Conflict) -> None:
        """Hear what another writer has appended. Raises `StoreUnavailable`."""
        for key, version in conflict.answered:
            self.answered.add(*key, version)
        if conflict.answered and not conflict.missed and conflict.epoch == self.epoch:
            return
        if conflict.epoch == self.epoch and conflict.missed and conflict.missed[0].after == self.room.version:
            for commit in conflict.missed:
                if not self._hear(commit):
                    return
            return
        loaded = await self._log.load(self.room.conference)
        if loaded is None:
            raise _Forgotten("the conference was removed")
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
            await self._log.save_snapshot(self.room.conference, self.epoch, mark.version, pack_room(mark))
        except StoreUnavailable as error:
            _log.warning("no snapshot could be written", conference=self.room.conference, reason=str(error))
            return
        self._mark, self._since_mark = self.room, 0


class _Forgotten(StoreUnavailable):
    """The room was let go of on purpose, by another node."""


def _decide_one(room: Room, order: Order, now: int) -> tuple[Room, list[e.RoomEvent], tuple[Accepted, ...]] | Refusal:
    """The room after all commands of an order, with their stamped events and a line of the audit record for each that
    has changed something; or the first refusal."""
    events: list[e.RoomEvent] = []
    lines: list[Accepted] = []
    for command in order.commands(room):
        outcome = decide(room, order.actor, command, now)
        if isinstance(outcome, Refusal):
            return outcome
        before = room
        for event in outcome:
            stamped = stamp(room, event)
            events.append(stamped)
            room = apply(room, stamped)
        if outcome:
            lines.append(audit.line(before, room, order.actor, command, outcome))
    return room, events, tuple(lines)


def _answer(batch: list[Order], verdicts: list[Verdict]) -> None:
    for order, verdict in zip(batch, verdicts, strict=True):
        try:
            order.answer(verdict.refusal)
        except Exception:
            # One session's mistake must not keep the others from their answers.
            _log.exception("an answer could not be given")
