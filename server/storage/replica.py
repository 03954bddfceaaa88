"""What is done to a replica's file, each in the thread of its connection (replicated.py says when)."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from server.storage import image, position
from server.storage.image import BadImage
from server.storage.journal import MAX_ENTRY, Entry, Kept, Missed, packed
from server.storage.migrations import MIGRATIONS
from server.storage.position import Position
from server.storage.recorder import Recorded, Recorder, Statement, Touched, Unrepeatable
from server.storage.store import (
    StoreUnavailable,
    Work,
    connect,
    migrate,
    refusals,
    roll_back,
    schema,
    step_to,
    transaction,
)

T = TypeVar("T")

NEWER = "the directory is that of a newer version of Podium; update this server"


class Halted(StoreUnavailable):
    """The log cannot be followed from here, and waiting does not help. Reads go on."""


class Writing(Exception):
    """A piece of work writes."""


class Diverged(Exception):
    """The log goes on from something else than this file."""


class Attempt(msgspec.Struct, Generic[T], frozen=True):
    """A piece of work that was run. With an `entry` its transaction is open, and began at `at`. `touched`: by what was
    missed, and was applied before it."""

    result: T
    at: Position | None = None
    entry: Entry | None = None
    touched: Touched = frozenset()


def writer(path: Path) -> Recorder:
    """The connection that writes. Raises `StoreUnavailable`."""
    connection = connect(path, Recorder)
    try:
        # The tables of a replica change by the log.
        if position.read(connection) is None:
            migrate(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreUnavailable(f"{path}: {error}") from None
    except BaseException:
        connection.close()
        raise
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises `StoreUnavailable`."""
    connection = connect(path, sqlite3.Connection)
    connection.execute("PRAGMA query_only=ON")
    return connection


def look(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Run a piece of work that only reads. Raises `Writing` when it does not."""
    try:
        return transaction(connection, work, "BEGIN")
    except StoreUnavailable as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            raise Writing from None
        raise


def begin(connection: Recorder, work: Work[T], node: str, missed: Missed) -> Attempt[T]:
    """Run a piece of work after what was missed. When there is something to share, the transaction stays open."""

    def run() -> Attempt[T]:
        with connection.recording() as recorded:
            result = work(connection)
        if not recorded.statements:
            connection.execute("COMMIT")
            return Attempt(result)
        return Attempt(result, *_drafted(connection, node, tuple(recorded.statements), recorded.changes))

    return _opening(connection, missed, run)


def begin_migration(connection: Recorder, node: str, missed: Missed) -> Attempt[None]:
    """Run the migrations that are lacking after what was missed. When there are some, the transaction stays open."""

    def run() -> Attempt[None]:
        have = schema(connection)
        if have > len(MIGRATIONS):
            raise Halted(NEWER)
        if have == len(MIGRATIONS):
            connection.execute("COMMIT")
            return Attempt(None)
        for number in range(have + 1, len(MIGRATIONS) + 1):
            step_to(connection, number)
        return Attempt(None, *_drafted(connection, node, (), None))

    return _opening(connection, missed, run)


def _opening(connection: Recorder, missed: Missed, run: Callable[[], Attempt[T]]) -> Attempt[T]:
    roll_back(connection)  # what may be left of a step that was not waited for
    with refusals():
        try:
            connection.execute("BEGIN IMMEDIATE")
            if not missed.entries:
                return run()
            _, touched = _advance(connection, missed)
            return msgspec.structs.replace(run(), touched=touched)
        except BaseException:
            roll_back(connection)
            raise


def _drafted(
    connection: Recorder, node: str, statements: tuple[Statement, ...], changes: int | None
) -> tuple[Position, Entry]:
    """The entry for what the open transaction has done, and where it began."""
    at = where(connection)
    entry = Entry(
        id=secrets.token_bytes(16),
        previous=at.last,
        schema=schema(connection),
        node=node,
        statements=statements,
        changes=changes,
    )
    if len(packed(entry)) > MAX_ENTRY:
        raise StoreUnavailable("this is too much to be written at once")
    position.write(connection, msgspec.structs.replace(at, version=at.version + 1, last=entry.id))
    return at, entry


def commit(connection: Recorder) -> None:
    """Commit the open transaction, or undo it. Raises `StoreUnavailable`."""
    with refusals():
        try:
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise


def readable(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Those that are not of a newer version."""
    return tuple(entry for entry in entries if entry.schema <= len(MIGRATIONS))


def apply(connection: Recorder, missed: Missed) -> tuple[Position, Touched]:
    """Apply those entries that the file does not have; where it is then, and what all of them have touched. Raises
    `Diverged`, `StoreUnavailable`."""
    roll_back(connection)
    return transaction(connection, lambda _: _advance(connection, missed))


def _advance(connection: Recorder, missed: Missed) -> tuple[Position, Touched]:
    """As `apply`, in the open transaction. Raises `Diverged`."""
    at, entries = where(connection), missed.entries
    touched: set[str] = set()
    if at.epoch != missed.epoch:
        raise Diverged("it was begun anew meanwhile")
    # Another process on this file may have applied some.
    start = next((n for n, entry in enumerate(entries) if entry.previous == at.last), None)
    if start is None:
        if entries and at.last not in {entry.id for entry in entries}:
            raise Diverged("its last entry is not in the log")
        return at, None if entries else frozenset()
    for entry in entries[start:]:
        if entry.previous != at.last:
            raise Diverged("an entry is missing")
        try:
            with refusals():
                done = _obey(connection, entry)
        except (sqlite3.Error, Unrepeatable) as error:
            raise Diverged(str(error)) from error
        if None not in (entry.changes, done.changes) and entry.changes != done.changes:
            raise Diverged("an entry has changed something else here")
        touched |= done.touched
        at = msgspec.structs.replace(at, version=at.version + 1, last=entry.id)
    position.write(connection, at)
    # Those that were applied by somebody else are not looked into.
    return at, frozenset(touched) if start == 0 else None


def _obey(connection: Recorder, entry: Entry) -> Recorded:
    for number in range(schema(connection) + 1, entry.schema + 1):
        step_to(connection, number)
    # Recorded, so that what nobody could have written is not obeyed either.
    with connection.recording() as recorded:
        for sql, values in entry.statements:
            connection.execute(sql, values)
    return recorded


def replace(connection: Recorder, kept: Kept) -> tuple[Position, int]:
    """Make the file what the image and the entries after it are, or leave it as it is; where it is then, and the
    version of the image. Raises `Halted`, `BadImage`, `Diverged`."""
    roll_back(connection)
    with closing(image.opened(kept.image)) as copy:
        theirs, mine = position.read(copy), position.read(connection)
        if theirs is None:
            raise BadImage("it has no position")
        used = connection.execute("SELECT 1 FROM accounts").fetchone() is not None
        if used and (mine is None or mine.directory != theirs.directory):
            raise Halted(
                "this data folder has accounts of its own, and Redis has those of other servers; "
                "start with an empty --data to join them, or with another Redis (or number of database) to stay apart"
            )
        if schema(copy) > len(MIGRATIONS):
            raise Halted(NEWER)
        position.write(copy, msgspec.structs.replace(theirs, epoch=kept.epoch))
        at, _ = apply(copy, Missed(kept.epoch, readable(kept.entries)))
        with refusals():
            copy.backup(connection)
    return at, theirs.version


def set_epoch(connection: sqlite3.Connection, epoch: int) -> None:
    """The log was begun anew from where the file is."""
    position.write(connection, msgspec.structs.replace(where(connection), epoch=epoch))


def where(connection: sqlite3.Connection) -> Position:
    """Where the file is. Raises `Halted` when it is no replica any more."""
    found = position.read(connection)
    if found is None:
        raise Halted("the data folder was made a server's own again")
    return found
