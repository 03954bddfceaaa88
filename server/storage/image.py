"""An image of the directory: the bytes of a database file, compressed, without what is each server's own.

SQLite copies pages and not rows, so an image of 20 MB is made, and taken over, within tenths of a second.
"""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

from server.storage import position
from server.storage.position import Position
from server.storage.recorder import LOCAL, Recorder

# Compressed, and not. Redis takes values of up to 512 MB, and whoever takes one over holds it twice for a moment.
MAX_PACKED = 128 * 1024 * 1024
MAX_BYTES = 1024 * 1024 * 1024


class BadImage(Exception):
    """The image cannot be used: it is damaged or too large."""


def take(path: Path) -> tuple[Position, bytes]:
    """An image of the file as it is at one moment, and where it is. Blocks; for a thread of its own. Raises `BadImage`,
    `sqlite3.Error`."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        copy = _opened(connection.serialize())
    with closing(copy):
        # The triggers that keep the record would keep the copy's as well.
        kept = [
            row
            for row in copy.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger'")
            if row[2] in LOCAL
        ]
        for name, _, _ in kept:
            copy.execute(f"DROP TRIGGER {name}")
        for table in LOCAL:
            copy.execute(f"DELETE FROM {table}")
        for _, sql, _ in kept:
            copy.execute(sql)
        copy.execute("VACUUM")
        found = position.read(copy)
        if found is None:
            raise BadImage("it has no position")
        packed = zlib.compress(copy.serialize(), 3)
    if len(packed) > MAX_PACKED:
        raise BadImage(f"it has {len(packed)} bytes, and may have {MAX_PACKED}")
    return found, packed


def opened(packed: bytes) -> Recorder:
    """The database of an image, in memory. Raises `BadImage`."""
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, MAX_BYTES)
    except zlib.error as error:
        raise BadImage(str(error)) from None
    if not unpacker.eof:
        raise BadImage("it is cut off, or too large")
    return _opened(data)


def _opened(data: bytes) -> Recorder:
    # The bytes 18 and 19 say that the file has a write-ahead log, which nothing in memory has
    # (sqlite.org/fileformat2.html, "File format version numbers").
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=Recorder, cached_statements=0)
    try:
        connection.deserialize(data[:18] + b"\1\1" + data[20:])
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except (sqlite3.Error, OverflowError) as error:
        connection.close()
        raise BadImage(str(error)) from None
    return connection
