"""Where a file is in the log of the directory that it is a replica of; written in the transaction that it tells of."""

from __future__ import annotations

import sqlite3

import msgspec


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """`directory` names the directory for good, `epoch` one of its beginnings; `version` entries were applied, and
    `last` is the id of the last of them."""

    directory: str
    epoch: int
    version: int
    last: bytes


def read(connection: sqlite3.Connection) -> Position | None:
    """The position; None when the file is a server's own."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'replica'").fetchone() is None:
        return None
    row = connection.execute("SELECT directory, epoch, version, last FROM replica").fetchone()
    return Position(directory=row[0], epoch=row[1], version=row[2], last=row[3]) if row is not None else None


def write(connection: sqlite3.Connection, position: Position | None) -> None:
    """Change it; None makes the file a server's own."""
    if position is None:
        connection.execute("DELETE FROM replica")
    else:
        values = (position.directory, position.epoch, position.version, position.last)
        connection.execute("INSERT OR REPLACE INTO replica VALUES (1, ?, ?, ?, ?)", values)
