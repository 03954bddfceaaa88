"""The directory of conferences: which there are, whose, and what they are called.

What goes on in a conference is its room's state, in the room log; the directory only says that it exists.
"""

from __future__ import annotations

import secrets
import sqlite3
import string
import time
from collections.abc import Callable

import msgspec

from server.store import Store


class Conference(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the directory. `owner` is an account's identity; `created` is ms since 1970."""

    id: str
    title: str
    owner: str
    created: int


class Conferences:
    """The directory in the store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def create(self, title: str, owner: str) -> Conference:
        """A new conference. Its id cannot be guessed: whoever has the link was given it."""
        made = Conference(id=new_id(), title=title, owner=owner, created=int(self._clock() * 1000))
        await self._store.run(
            lambda connection: connection.execute(
                "INSERT INTO conferences VALUES (?, ?, ?, ?)", (made.id, made.title, made.owner, made.created)
            )
        )
        return made

    async def find(self, id: str) -> Conference | None:
        """The conference with this id."""

        def look(connection: sqlite3.Connection) -> Conference | None:
            row = connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
            return _conference(row) if row is not None else None

        return await self._store.run(look)

    async def list(self, owner: str | None = None, limit: int = 200) -> list[Conference]:
        """The newest conferences, of one owner or of all, newest first."""
        where, values = ("WHERE owner = ?", (owner, limit)) if owner is not None else ("", (limit,))

        def look(connection: sqlite3.Connection) -> list[Conference]:
            rows = connection.execute(f"{_SELECT} {where} ORDER BY created DESC, id LIMIT ?", values)
            return [_conference(row) for row in rows]

        return await self._store.run(look)

    async def rename(self, id: str, title: str) -> None:
        """Change the title, as the conference's settings do."""
        await self._store.run(
            lambda connection: connection.execute("UPDATE conferences SET title = ? WHERE id = ?", (title, id))
        )


_SELECT = "SELECT id, title, owner, created FROM conferences"


def _conference(row: tuple[str, str, str, int]) -> Conference:
    return Conference(id=row[0], title=row[1], owner=row[2], created=row[3])


def new_id() -> str:
    """An id such as `kxw-mfqp-ryt`: ten letters, 47 bits, easy to read out."""
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
