"""The server's database: one SQLite file, one thread, one transaction for each piece of work.

Accounts, conferences, keys and the room log share the file `podium.db`. It is opened in WAL mode with
`synchronous=FULL`: when `run` has returned, the commit is on the disk and a killed process keeps it.

All work runs in one dedicated thread, so the event loop never waits for a disk, and SQLite never sees two writers
of ours. `podium account add` and the like open the file from another process; SQLite's own lock orders them.

A piece of work that the disk refuses (full, read-only, broken) raises `StoreUnavailable` and has changed nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

FILE_NAME = "podium.db"

# How long a caller waits for its result. A commit takes about a millisecond on a disk of today, a frozen disk for ever.
TIMEOUT_S = 5.0
# How long SQLite waits for another process (a `podium account …` command) to finish its transaction.
BUSY_S = 3.0
# Pieces of work that may wait for the thread; more means the disk does not keep up, and waiting longer helps nobody.
MAX_WAITING = 1024

# Applied in order, each once, each in a transaction of its own. Append only: never edit one that has been released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE accounts (
            id TEXT PRIMARY KEY,
            login TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            server_role TEXT NOT NULL CHECK (server_role IN ('owner', 'admin', 'member')),
            password TEXT,
            created INTEGER NOT NULL,
            tokens_after INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE UNIQUE INDEX one_owner ON accounts (server_role) WHERE server_role = 'owner'",
        """CREATE TABLE login_codes (
            hash BLOB PRIMARY KEY,
            account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            expires INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE conferences (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES accounts (id),
            created INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX conferences_of ON conferences (owner, created)",
    ),
    # The room log (server/roomlog) and the chat (server/chat.py).
    (
        "CREATE TABLE rooms (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE commits (
            room TEXT NOT NULL,
            version INTEGER NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (room, version)
        ) WITHOUT ROWID""",
        "CREATE TABLE snapshots (room TEXT PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE chat (
            conference TEXT NOT NULL,
            number INTEGER NOT NULL,
            time INTEGER NOT NULL,
            person TEXT NOT NULL,
            name TEXT NOT NULL,
            text TEXT NOT NULL,
            command TEXT NOT NULL,
            PRIMARY KEY (conference, number),
            UNIQUE (conference, command)
        ) WITHOUT ROWID""",
    ),
)

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


class Store:
    """An open database file. Made by `Store.open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, thread: ThreadPoolExecutor, timeout_s: float):
        self.path = path
        self._connection = connection
        self._thread = thread
        self._timeout_s = timeout_s
        self._waiting = 0
        # Counted up by whoever asks and down in the store's thread.
        self._counting = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, timeout_s: float = TIMEOUT_S) -> Store:
        """Open, and where needed create and migrate, the database file at `path`; blocks for some milliseconds.

        Raises `StoreUnavailable` when the file cannot be opened, is no database or comes from a newer version.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            connection = thread.submit(_open, path).result()
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(path, connection, thread, timeout_s)

    async def run(self, work: Work[T]) -> T:
        """Run `work(connection)` in one transaction in the store's thread; its result once that is committed.

        What `work` raises rolls back and comes through. Raises `StoreUnavailable` when the disk refuses or does
        not answer in time.
        """
        running = self._submit(work)
        try:
            # Shielded: a cancelled caller must not make an outcome unknown to the thread's bookkeeping.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(running)), self._timeout_s)
        except TimeoutError:
            if running.cancel():
                raise StoreUnavailable("the database is too busy") from None
            # Already in progress: stop it where SQLite can be stopped. Within an fsync it cannot, and nobody knows.
            self._connection.interrupt()
            raise StoreUnavailable("the database did not answer in time", uncertain=True) from None

    def run_blocking(self, work: Work[T]) -> T:
        """As `run`, for command-line tools without an event loop."""
        return self._submit(work).result(self._timeout_s)

    def close(self) -> None:
        """Let work in progress end, then close the file."""
        if self._closed:
            return
        self._closed = True
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=True)

    def _submit(self, work: Work[T]) -> Future[T]:
        if self._closed:
            raise StoreUnavailable("the database is closed")
        with self._counting:
            if self._waiting >= MAX_WAITING:
                raise StoreUnavailable("too much work is waiting for the database")
            self._waiting += 1
        running = self._thread.submit(_transaction, self._connection, work)
        running.add_done_callback(self._done)
        return running

    def _done(self, running: Future[T]) -> None:
        with self._counting:
            self._waiting -= 1
        if not running.cancelled():
            running.exception()  # retrieved: whoever asked may have stopped waiting


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"{path}: {error}") from None
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        _migrate(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreUnavailable(f"{path}: {error}") from None
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY)")
    for number, statements in enumerate(MIGRATIONS, start=1):
        # The lock first, the look second: two processes may open a new file at once.
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("SELECT 1 FROM migrations WHERE number = ?", (number,)).fetchone() is None:
                for statement in statements:
                    connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?)", (number,))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    newest = connection.execute("SELECT max(number) FROM migrations").fetchone()[0]
    if newest > len(MIGRATIONS):
        raise StoreUnavailable("the database was written by a newer version of Podium; start that version")


def _transaction(connection: sqlite3.Connection, work: Work[T]) -> T:
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        # The low byte is the primary result code, the rest its detail (sqlite.org/rescode.html).
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE:
            raise StoreUnavailable(str(error)) from error
        raise
    return result
