"""The server's database: one SQLite file, one thread, one transaction for each piece of work.

Accounts, conferences, keys and the room log share the file `podium.db`. It is opened in WAL mode with
`synchronous=FULL`: when `run` has returned, the commit is on the disk and a killed process keeps it.

All work runs in one dedicated thread, so the event loop never waits for a disk, and SQLite never sees two writers
of ours. `podium account add` and the like open the file from another process; SQLite's own lock orders them.

A piece of work that the disk refuses (full, read-only, broken) raises `StoreUnavailable` and has changed nothing.

A file that is a replica of a directory in Redis (replicated.py) is not opened here: what is written past the log, the
other servers would never hear of.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from server.storage import position, writes
from server.storage.migrations import MIGRATIONS
from server.storage.recorder import Touched

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Connected = TypeVar("Connected", bound=sqlite3.Connection)

FILE_NAME = "podium.db"
IS_A_REPLICA = (
    "is a replica of what several servers share in Redis: say --redis URL, or make it a server's own again with "
    "podium directory leave"
)

# How long a caller waits for its result. A commit takes about a millisecond on a disk of today, a frozen disk for ever.
TIMEOUT_S = 5.0
# How long SQLite waits for another process (a `podium account …` command) to finish its transaction.
BUSY_S = 3.0
# Pieces of work that may wait for the thread; more means the disk does not keep up, and waiting longer helps nobody.
MAX_WAITING = 1024

_UNAVAILABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


class StoreUnavailable(Exception):
    """The database cannot be used at the moment; the work has changed nothing.

    `uncertain`: the disk did not answer in time, so the work may still be committed later. Whoever decides on
    what the store holds reads it again before the next decision.
    """

    def __init__(self, reason: str, uncertain: bool = False) -> None:
        super().__init__(reason)
        self.uncertain = uncertain


@contextlib.contextmanager
def noted_if_uncertain() -> Iterator[None]:
    """What may be written all the same counts as written (writes.py)."""
    try:
        yield
    except StoreUnavailable as error:
        if error.uncertain:
            writes.note()
        raise


class Store:
    """An open database file. Made by `Store.open`."""

    def __init__(self, path: Path, thread: StoreThread[sqlite3.Connection]) -> None:
        self.path = path
        # Told what others have written; a server without others hears of nothing. They must not wait for the store.
        self.followers: list[Callable[[Touched], None]] = []
        self._thread = thread
        # Whether the last thing that the disk had to do it did not do. Set in the thread.
        self._refused = False

    @classmethod
    def open(cls, path: Path, *, timeout_s: float = TIMEOUT_S) -> Store:
        """Open, and where needed create and migrate, the database file at `path`; blocks for some milliseconds.

        Raises `StoreUnavailable` when the file cannot be opened, is no database, comes from a newer version or is the
        replica of a directory in Redis.
        """
        return cls(path, StoreThread(lambda: _opened(path), timeout_s))

    async def run(self, work: Work[T]) -> T:
        """Run `work(connection)` in one transaction in the store's thread; its result once that is committed.

        What `work` raises rolls back and comes through. Raises `StoreUnavailable` when the disk refuses or does
        not answer in time.
        """

        def step(connection: sqlite3.Connection) -> tuple[T, bool]:
            before = connection.total_changes
            try:
                result = transaction(connection, work)
            except StoreUnavailable:
                self._refused = True
                raise
            changed = connection.total_changes > before
            if changed:
                self._refused = False
            return result, changed

        with noted_if_uncertain():
            result, changed = await self._thread.run(step)
        if changed:
            writes.note()
        return result

    def run_blocking(self, work: Work[T]) -> T:
        """As `run`, for whoever has no event loop."""
        return self._thread.run_blocking(lambda connection: transaction(connection, work))

    async def ready(self) -> None:
        """Returns when work could be done now. Raises `StoreUnavailable`."""
        # A full disk is read from as ever. Once it has refused something, it is ready when it has taken something.
        await self.run(_written if self._refused else _read)

    async def renew(self) -> None:
        """What is read from now on is no older than this call, as far as that can be had: one server reads nothing
        else."""

    def followed(self) -> None:
        """Returns unless what is read here falls behind what the other servers know. Raises `StoreUnavailable`."""

    def close(self) -> None:
        """Let work in progress end, then close the file."""
        self._thread.close()


def _read(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1").fetchone()


def _written(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO keys VALUES ('ready', ?)", (secrets.token_bytes(8),))


class StoreThread(Generic[Connected]):
    """A connection and the one thread that uses it."""

    def __init__(self, connect: Callable[[], Connected], timeout_s: float) -> None:
        """Raises what `connect` raises; it is run in the thread, and is waited for."""
        self._timeout_s = timeout_s
        self._waiting = 0
        # Counted up by whoever asks and down in the thread.
        self._counting = threading.Lock()
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            self._connection = self._thread.submit(connect).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    async def run(self, step: Callable[[Connected], T]) -> T:
        """Run `step(connection)` in the thread, in no transaction but its own. Raises `StoreUnavailable` when it does
        not end in time, and what `step` raises."""
        running = self._submit(step)
        waited = asyncio.wrap_future(running)
        waited.add_done_callback(_looked_at)
        try:
            # Shielded: a cancelled caller must not make an outcome unknown to the thread's bookkeeping.
            # And not `wait_for`: on Python 3.11 it lets go of a cancellation that comes together with the result.
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(waited)
        except TimeoutError:
            if running.cancel():
                raise StoreUnavailable("the database is too busy") from None
            # Already in progress: stop it where SQLite can be stopped. Within an fsync it cannot, and nobody knows.
            self._connection.interrupt()
            raise StoreUnavailable("the database did not answer in time", uncertain=True) from None

    def run_blocking(self, step: Callable[[Connected], T]) -> T:
        """As `run`, for whoever has no event loop."""
        return self._submit(step).result(self._timeout_s)

    def close(self) -> None:
        """Let work in progress end, then close the connection."""
        if self._closed:
            return
        self._closed = True
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=True)

    def _submit(self, step: Callable[[Connected], T]) -> Future[T]:
        if self._closed:
            raise StoreUnavailable("the database is closed")
        with self._counting:
            if self._waiting >= MAX_WAITING:
                raise StoreUnavailable("too much work is waiting for the database")
            self._waiting += 1
        running = self._thread.submit(step, self._connection)
        running.add_done_callback(self._done)
        return running

    def _done(self, running: Future[T]) -> None:
        with self._counting:
            self._waiting -= 1
        _looked_at(running)


def _looked_at(running: Future[Any] | asyncio.Future[Any]) -> None:
    """Whoever asked may have stopped waiting; an exception is nothing that was forgotten."""
    if not running.cancelled():
        running.exception()


def connect(path: Path, factory: type[Connected]) -> Connected:
    """A connection to the file, which is made where there is none; without its tables. Raises `StoreUnavailable`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        # No statement is kept prepared: SQLite asks what a statement may do when it prepares it (recorder.py).
        kept: dict[str, Any] = {"cached_statements": 0} if factory is not sqlite3.Connection else {}
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, factory=factory, **kept)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"{path}: {error}") from None
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreUnavailable(f"{path}: {error}") from None
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = connect(path, sqlite3.Connection)
    try:
        if position.read(connection) is not None:
            raise StoreUnavailable(f"{path} {IS_A_REPLICA}")
        migrate(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreUnavailable(f"{path}: {error}") from None
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, each step in a transaction of its own. Raises `StoreUnavailable`."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY)")
    for number in range(1, len(MIGRATIONS) + 1):
        # The lock first, the look second: two processes may open a new file at once.
        transaction(connection, functools.partial(step_to, number=number))
    if schema(connection) > len(MIGRATIONS):
        raise StoreUnavailable("the database was written by a newer version of Podium; start that version")


def schema(connection: sqlite3.Connection) -> int:
    """How many migrations the database has."""
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()[0])


def step_to(connection: sqlite3.Connection, number: int) -> None:
    """The migration of this number, in the caller's transaction, unless it was done."""
    if connection.execute("SELECT 1 FROM migrations WHERE number = ?", (number,)).fetchone() is None:
        for statement in MIGRATIONS[number - 1]:
            connection.execute(statement)
        connection.execute("INSERT INTO migrations VALUES (?)", (number,))


def transaction(connection: sqlite3.Connection, work: Work[T], begin: str = "BEGIN IMMEDIATE") -> T:
    """`work(connection)` in one transaction. Raises `StoreUnavailable` when the disk refuses, and what `work` raises;
    then nothing is changed."""
    with refusals():
        try:
            connection.execute(begin)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise
    return result


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What the disk refuses within is raised as `StoreUnavailable`."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the primary result code, the rest its detail (sqlite.org/rescode.html).
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE:
            raise StoreUnavailable(str(error)) from error
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo a transaction, if there is one."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
