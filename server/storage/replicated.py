"""The store of one of several servers: the file is a replica, and what is written goes through a log in Redis.

Reads are local: they run on a connection of their own and wait neither for Redis nor for whoever writes. A piece of
work is run there first; when it turns out to write, it is run again on the other connection, which notes its
statements (recorder.py). The transaction is held open until the log has them as the next entry (journal.py):

- appended: the transaction is committed, with the position of the file in it;
- somebody else was first: it is rolled back, what was missed is applied, and the work is run again on that;
- nobody knows (Redis did not answer in time): it is rolled back. If the entry is in the log nevertheless, it comes back
  as everybody's entries do, and counts once.

So a work may be run several times, and what it returns is what the run returned that counted. Killed between the log
and the commit, a server applies its own entry when it starts again. Several processes may use one file (`podium account
…` beside the server): the position stands in the file, and SQLite's lock orders them.

Entries of others are heard of as they are published, and looked for each second. Who is too far behind takes the image
that is kept beside the log. Each entry names the one before it, so two histories are never mixed: where they part, the
log's is taken over whole. A log that has lost what was told is begun anew, under a later epoch, by whoever knows more
(server/roomlog/scripts/seed.lua).

The tables change by the log too: a migration is an entry. From there on a server of an older version applies nothing
more, serves reads and refuses writes, so that no statement meets a table that it was not written for.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from server import log
from server.redis.connection import Connection
from server.redis.leases import Lease, Leases
from server.redis.trouble import RedisUnavailable, Trouble
from server.roomlog.base import Appended, Lost
from server.roomlog.feed import Feed
from server.roomlog.following import Told
from server.storage import image, position, replica, writes
from server.storage.image import BadImage
from server.storage.journal import NAME, Entry, Head, Journal, Missed, UnreadableEntry, Wait
from server.storage.position import Position
from server.storage.recorder import Recorder, Touched
from server.storage.store import (
    MAX_WAITING,
    TIMEOUT_S,
    Store,
    StoreThread,
    StoreUnavailable,
    Work,
    noted_if_uncertain,
    roll_back,
    transaction,
)

T = TypeVar("T")

# How often the log is looked into, should a message have been lost.
LOOK_S = 1.0
# After something that does not pass by itself.
HALTED_S = 10.0
# Of servers that write all the time one may lose again and again: after so many losses it asks for a turn.
LOSSES = 3
# How soon one that has to wait for another's turn tries again, and how long anybody tries.
WAIT_S = 0.005
PATIENCE_S = 4.0
# Entries after which an image is kept. Each is some hundred bytes; an image of a small directory is ten thousand.
IMAGE_EVERY = 200
IMAGE_LEASE_MS = 30_000
# A server that starts and finds no log leaves this long to those that run and may know more.
OTHERS_S = 3.0

_log = log.get("podium.directory")


class ReplicatedStore(Store):
    """A `Store` whose file is a replica. Made by `join`; then `follow`, and at the end `stop` and `close`."""

    def __init__(self, path: Path, connection: Connection, timeout_s: float) -> None:
        self._writer = StoreThread(lambda: replica.writer(path), timeout_s)
        try:
            super().__init__(path, StoreThread(lambda: replica.reader(path), timeout_s))
        except BaseException:
            self._writer.close()
            raise
        self._journal = Journal(connection)
        self._leases = Leases(connection)
        self._node = secrets.token_hex(6)
        # One transaction that is open, or one entry that is applied, at a time.
        self._alone = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        # How often Redis was asked in vain: whoever waited meanwhile need not ask as well, a second each.
        self._silences = 0
        self._at = (0, 0)
        self._halted = ""
        self._stopped = False
        self._wake = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @classmethod
    async def join(cls, path: Path, connection: Connection, *, timeout_s: float = TIMEOUT_S) -> ReplicatedStore:
        """Open the file at `path` as a replica of the directory in Redis, and bring it up to date; the first one's
        becomes that directory.

        Raises `StoreUnavailable` as `Store.open`, when Redis cannot be used, when the directory is of a newer version,
        and when the file holds accounts that are not of this directory.
        """
        store = cls(path, connection, timeout_s)
        try:
            async with store._alone:
                await store._enter()
                await store._migrate()
                # The reader knows the tables from before; it looks at them anew with its first answer.
                await store._thread.run(lambda connection: connection.execute("SELECT 1 FROM sqlite_master").fetchone())
                await store._keep_image(await store._catch_up())
        except BaseException:
            store.close()
            raise
        return store

    def follow(self, feed: Feed) -> None:
        """From now on hear of what others write."""
        feed.follow(NAME, self)
        self._keeping = asyncio.create_task(self._keep_up(), name="directory")

    async def stop(self) -> None:
        """Follow no more, and let what is being written end."""
        self._stopped = True
        # More than once: on Python 3.11 a cancellation can be swallowed (asyncio.wait_for).
        while self._keeping is not None and not self._keeping.done():
            self._keeping.cancel()
            await asyncio.wait((self._keeping,), timeout=LOOK_S)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def close(self) -> None:
        """See `Store`."""
        super().close()
        self._writer.close()

    # --- reading and writing ------------------------------------------------------------

    async def run(self, work: Work[T]) -> T:
        """See `Store`. When it writes, it is also in the log of all servers; it may have been run several times."""
        with contextlib.suppress(replica.Writing):
            return await self._thread.run(lambda connection: replica.look(connection, work))
        if len(self._tasks) >= MAX_WAITING:
            raise StoreUnavailable("too much work is waiting for Redis")
        # In a task of its own: a caller that is cancelled must not leave a transaction open.
        task = asyncio.create_task(self._write(work), name="directory write")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        with noted_if_uncertain():
            result = await asyncio.shield(task)
        writes.note()
        return result

    def run_blocking(self, work: Work[T]) -> T:
        """See `Store`; for reading only."""
        return self._thread.run_blocking(lambda connection: transaction(connection, work, "BEGIN"))

    async def ready(self) -> None:
        """See `Store`."""
        await super().ready()
        self.followed()

    async def renew(self) -> None:
        """See `Store`. Who does not reach Redis has what there is."""
        with contextlib.suppress(StoreUnavailable):
            async with self._alone:
                await self._catch_up()

    def followed(self) -> None:
        """See `Store`. An outage of Redis does not count: nobody writes then."""
        if self._halted:
            raise replica.Halted(self._halted)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, also when whoever asked does not wait any more

    async def _write(self, work: Work[T]) -> T:
        silences = self._silences
        async with self._alone:
            if silences != self._silences:
                raise RedisUnavailable(Trouble.SILENT)
            return await self._settle(lambda missed, connection: replica.begin(connection, work, self._node, missed))

    async def _settle(self, begin: Callable[[Missed, Recorder], replica.Attempt[T]]) -> T:
        """Run `begin(what was missed, connection)` until what it writes is the next entry of the log, or nothing."""
        missed = Missed()
        losses = 0
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                attempt = await self._writer.run(functools.partial(begin, missed))
            except replica.Diverged:
                await self._catch_up()
                missed = Missed()
                continue
            missed = Missed()
            if attempt.at is None or attempt.entry is None:
                self._tell(attempt.touched)
                return attempt.result
            outcome = await self._append(attempt.at, attempt.entry, losses >= LOSSES)
            match outcome:
                case Appended():
                    self._tell(attempt.touched)
                    return attempt.result
                case Wait():
                    await asyncio.sleep(WAIT_S)
                case Missed() if outcome.entries and replica.readable(outcome.entries) == outcome.entries:
                    # Applied in the same transaction as the next try.
                    missed = outcome
                    losses += 1
                case _:
                    await self._catch_up()
        raise StoreUnavailable("too many servers write at the same time")

    async def _append(self, at: Position, entry: Entry, turn: bool) -> Appended | Missed | Lost | Wait:
        """Put an entry into the log, and commit its open transaction or undo it."""
        try:
            if self._halted:
                raise replica.Halted(self._halted)
            outcome = await self._journal.append(at.epoch, at.version, entry, turn)
        except BaseException as error:
            await self._writer.run(roll_back)
            if isinstance(error, UnreadableEntry):
                raise replica.Halted(replica.NEWER) from None
            if isinstance(error, RedisUnavailable) and error.uncertain:
                self._silences += 1
                self._wake.set()
            raise
        if not isinstance(outcome, Appended):
            await self._writer.run(roll_back)
            return outcome
        try:
            await self._writer.run(replica.commit)
        except StoreUnavailable as error:
            # It counts, though this file does not have it yet.
            self._wake.set()
            raise StoreUnavailable(str(error), uncertain=True) from error
        self._at = (at.epoch, at.version + 1)
        return outcome

    # --- following ----------------------------------------------------------------------

    def hear(self, told: Told) -> None:
        """See `Follower`."""
        if (told.epoch, told.version) != self._at:
            self._wake.set()

    def look(self) -> None:
        """See `Follower`."""
        self._wake.set()

    def _tell(self, touched: Touched) -> None:
        if touched is None or touched:
            for follower in self.followers:
                follower(touched)

    async def _keep_up(self) -> None:
        while not self._stopped:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HALTED_S if self._halted else LOOK_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                async with self._alone:
                    head = await self._catch_up()
                self._halted = ""
                await self._keep_image(head)
            except replica.Halted as error:
                if self._halted != str(error):
                    _log.error("the directory is not followed any more", reason=str(error))
                self._halted = str(error)
            except StoreUnavailable as error:
                # The feed and the rooms say it louder.
                _log.debug("the directory cannot be looked at", reason=str(error))
            except Exception:
                _log.exception("following the directory failed")

    async def _catch_up(self) -> Head:
        """Bring the file to where the log is, or the log to where the file is; where both are then."""
        # In this order: what another process on this file writes in between, the log has before the file.
        at = await self._writer.run(replica.where)
        if (at.epoch, at.version) != self._at:
            # Another process on this file was here, as `podium account …`; it does not say what it did.
            self._at = (at.epoch, at.version)
            self._tell(None)
        head = await self._journal.head()
        if head is None or (head.version < at.version and head.epoch == at.epoch):
            return await self._begin_anew()
        if head.epoch != at.epoch:
            # Begun anew by another; who may have known less.
            return await (self._begin_anew() if head.version < at.version else self._take_over())
        if head.version == at.version and head.last not in (None, at.last):
            _log.error("the log was set back and has gone on otherwise; this replica is replaced")
            return await self._take_over()
        try:
            while at.version < head.version:
                entries = await self._journal.after(at.version)
                if not entries:
                    return await self._take_over()
                try:
                    at = await self._apply(at.epoch, entries)
                except replica.Diverged as error:
                    former, at = at, await self._writer.run(replica.where)
                    if at.epoch == former.epoch and at.version > former.version:
                        self._tell(None)  # another process on this file has gone beyond what was read
                        continue
                    _log.error("this replica was not what the others have, and is replaced", reason=str(error))
                    return await self._take_over()
        except UnreadableEntry:
            raise replica.Halted(replica.NEWER) from None
        self._at = (at.epoch, at.version)
        return head

    async def _apply(self, epoch: int, entries: tuple[Entry, ...]) -> Position:
        """Apply those entries that the file does not have. Raises `Diverged`, `Halted`."""
        readable = replica.readable(entries)
        at, touched = await self._writer.run(lambda connection: replica.apply(connection, Missed(epoch, readable)))
        self._at = (at.epoch, at.version)
        self._tell(touched)
        if len(readable) < len(entries):
            raise replica.Halted(replica.NEWER)
        return at

    async def _begin_anew(self) -> Head:
        """Begin the log anew from this file; or, when somebody else has done so and knows as much, take that over."""
        return await self._seed() or await self._take_over()

    async def _seed(self) -> Head | None:
        at, taken = await self._image()
        epoch = await self._journal.seed(at.epoch, max(at.epoch + 1, _now()), at.version, taken)
        if epoch is None:
            return None
        await self._writer.run(lambda connection: transaction(connection, lambda c: replica.set_epoch(c, epoch)))
        _log.warning("the directory that Redis has lost is begun anew", version=at.version)
        self._at = (epoch, at.version)
        return Head(epoch=epoch, version=at.version, image=at.version)

    async def _take_over(self) -> Head:
        """Replace the file by the image and what came after it."""
        try:
            kept = await self._journal.load()
        except UnreadableEntry:
            raise replica.Halted(replica.NEWER) from None
        except RedisUnavailable as error:
            if error.trouble is not Trouble.TORN:
                raise
            # A part is gone; this file may have all of it.
            head = await self._seed()
            if head is None:
                raise
            return head
        if kept is None:
            raise RedisUnavailable(Trouble.TORN)
        try:
            at, version = await self._writer.run(lambda connection: replica.replace(connection, kept))
        except (replica.Diverged, BadImage) as error:
            raise replica.Halted(f"the directory in Redis cannot be used: {error}") from error
        self._at = (at.epoch, at.version)
        self._tell(None)
        if at.version < version + len(kept.entries):
            raise replica.Halted(replica.NEWER)
        return Head(epoch=at.epoch, version=at.version, image=version)

    # --- images -------------------------------------------------------------------------

    async def _image(self) -> tuple[Position, bytes]:
        try:
            return await asyncio.to_thread(image.take, self.path)
        except (BadImage, sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"no image of the directory can be made: {error}") from error

    async def _keep_image(self, head: Head) -> None:
        """Keep a newer image when it is time, and no other server does."""
        if head.version - head.image < IMAGE_EVERY:
            return
        try:
            lease = await self._leases.acquire("directory image", self._node, IMAGE_LEASE_MS)
            if isinstance(lease, Lease):
                at, taken = await self._image()
                await self._journal.keep_image(at.epoch, at.version, taken)
                await self._leases.release(lease)
        except StoreUnavailable as error:
            # Nothing depends on it for a long time. The lease runs out by itself, and until then nobody tries again.
            _log.warning("no newer image of the directory is kept", reason=str(error))

    # --- the beginning ------------------------------------------------------------------

    async def _enter(self) -> None:
        """Become a replica, or go on being one."""
        own = await self._writer.run(position.read) is None
        head = await self._journal.head()
        if own and head is None:
            await self._found()
        elif own:
            await self._take_over()
        else:
            deadline = time.monotonic() + OTHERS_S
            while head is None and time.monotonic() < deadline:
                await asyncio.sleep(LOOK_S / 4)
                head = await self._journal.head()
            await self._catch_up()

    async def _found(self) -> None:
        """Make this file the directory. The file knows of it first: killed in between, it goes on from there."""
        first = Position(directory=secrets.token_hex(8), epoch=_now(), version=1, last=b"")
        await self._writer.run(lambda c: transaction(c, lambda c: position.write(c, first)))
        _, taken = await self._image()
        if await self._journal.seed(0, first.epoch, first.version, taken) is None:
            # Another was faster.
            await self._writer.run(lambda c: transaction(c, lambda c: position.write(c, None)))
            await self._take_over()

    async def _migrate(self) -> None:
        """Bring the tables of all replicas up to date."""
        await self._settle(lambda missed, connection: replica.begin_migration(connection, self._node, missed))


def _now() -> int:
    return time.time_ns() // 1_000_000
