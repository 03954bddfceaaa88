"""A connection that notes what is written through it, so that it can be written again elsewhere with the same outcome.

SQLite itself says of each statement, when it prepares it, which tables it writes and which functions it calls (the
authorizer, sqlite.org/c3ref/set_authorizer.html). So nothing depends on reading SQL: a statement that writes shared
tables is noted with its values, one that only reads is not, and one whose outcome could be another elsewhere (chance,
the time of day, the numbers of this connection) is refused, as is one that changes the tables themselves.

What is noted are statements and not rows, which is little and needs no knowledge of the tables. It rests on their
order, which the log gives, and on every replica having the same tables, for which migrations are entries of the log.
"""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

Value = str | bytes | int | float | None
# The values are `Value`s; texts and bytes in one union are more than the decoder can tell apart in every format.
Statement = tuple[str, tuple[Any, ...]]
# What was written: a table that rows were added to or removed from, `table.column` where rows were changed; what goes
# with a removed row may be among it although there was none. None: that is not known.
Touched = frozenset[str] | None

# Each server's own: the room log, the chat and the figures of attendance, which with Redis are not in the file at all
# or not shared by it.
LOCAL = frozenset(("rooms", "commits", "snapshots", "audit", "chat", "attendance"))

_WRITES = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
_HARMLESS = frozenset(
    (
        *(sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_PRAGMA),
        *(sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT),
    )
)
# Also with fixed arguments: the calendar of one version of SQLite need not be that of another.
_UNSURE = frozenset(
    (
        *("random", "randomblob", "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"),
        *("current_date", "current_time", "current_timestamp", "changes", "total_changes", "last_insert_rowid"),
        *("sqlite_version", "sqlite_source_id"),
    )
)


class Unrepeatable(Exception):
    """A piece of work writes in a way that another server could not repeat. A mistake in the program."""


class _Mode(enum.Enum):
    """`FREE`: nothing is noted or refused. `NOTING`: between statements of a piece of work. `WITHIN`: in one."""

    FREE = enum.auto()
    NOTING = enum.auto()
    WITHIN = enum.auto()


class Recorded(msgspec.Struct):
    """What was written to shared tables. `changes`: rows changed by it, None when that cannot be told from those that
    changed in local tables. `touched`: see `Touched`."""

    statements: list[Statement] = msgspec.field(default_factory=list)
    changes: int | None = 0
    touched: set[str] = msgspec.field(default_factory=set)


class Recorder(sqlite3.Connection):
    """The connection. It writes freely but within `recording`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._mode = _Mode.FREE
        self._shared = self._local = False
        self._refused = ""
        self._recorded = Recorded()
        self.set_authorizer(self._authorize)

    @contextmanager
    def recording(self) -> Iterator[Recorded]:
        """Within, what is written is noted; complete when it has ended."""
        self._mode, self._local, self._recorded = _Mode.NOTING, False, Recorded()
        before = self.total_changes
        try:
            yield self._recorded
        finally:
            self._mode = _Mode.FREE
        changes = self.total_changes - before
        self._recorded.changes = None if self._local else changes
        if changes == 0:
            self._recorded.statements.clear()
            self._recorded.touched.clear()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As the connection's."""
        if self._mode is not _Mode.NOTING:
            return super().execute(sql, parameters)
        self._mode, self._shared, self._refused = _Mode.WITHIN, False, ""
        try:
            cursor = super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            if self._refused:
                raise Unrepeatable(f"{self._refused}: {sql}") from error
            raise
        finally:
            self._mode = _Mode.NOTING
        if self._shared:
            self._recorded.statements.append((sql, _values(parameters)))
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """As the connection's; each is noted as a statement of its own."""
        cursor = self.cursor()
        for each in parameters:
            cursor = self.execute(sql, each)
        return cursor

    def _authorize(
        self, action: int, first: str | None, second: str | None, _database: str | None, _source: str | None
    ) -> int:
        if self._mode is _Mode.FREE or action in _HARMLESS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            if str(second).lower() not in _UNSURE:
                return sqlite3.SQLITE_OK
            self._refused = f"{second}() is not the same everywhere"
        elif self._mode is not _Mode.WITHIN:
            self._refused = "written past the record"
        elif action in _WRITES and not str(first).startswith("sqlite_"):
            if first in LOCAL:
                self._local = True
            else:
                self._shared = True
                self._recorded.touched.add(f"{first}.{second}" if second else str(first))
            return sqlite3.SQLITE_OK
        else:
            self._refused = "only rows may be changed"
        return sqlite3.SQLITE_DENY


def _values(parameters: Any) -> tuple[Value, ...]:
    if not isinstance(parameters, tuple | list) or not all(isinstance(each, Value) for each in parameters):
        raise Unrepeatable("a statement's values are text, bytes, numbers or None, in a sequence")
    # An enumeration of texts is a text for SQLite, and for the log.
    return tuple(str(each) if isinstance(each, str) else each for each in parameters)
