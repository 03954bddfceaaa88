"""The directory of conferences: which there are, whose, and what they are called.

What goes on in a conference is its room's state, in the room log; the directory only says that it exists.
"""

from __future__ import annotations

import secrets
import sqlite3
import string
import time
from collections.abc import Callable, Collection, Mapping

import msgspec

from server.storage.store import Store


class Conference(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the directory. `owner` is an account's identity; `created`, and when it is planned to begin and to end,
    are ms since 1970."""

    id: str
    title: str
    owner: str
    created: int
    starts: int | None = None
    ends: int | None = None


class Conferences:
    """The directory in the store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def create(self, title: str, owner: str, starts: int | None = None, ends: int | None = None) -> Conference:
        """A new conference. Its id cannot be guessed: whoever has the link was given it."""
        made = self.drafted(title, owner, starts, ends)
        await self._store.run(lambda connection: insert(connection, made))
        return made

    def drafted(self, title: str, owner: str, starts: int | None = None, ends: int | None = None) -> Conference:
        """A new conference that is not in the directory yet."""
        now = int(self._clock() * 1000)
        return Conference(id=new_id(), title=title, owner=owner, created=now, starts=starts, ends=ends)

    async def find(self, id: str) -> Conference | None:
        """The conference with this id, also one that another server made a moment ago."""

        def look(connection: sqlite3.Connection) -> Conference | None:
            return find(connection, id)

        found = await self._store.run(look)
        if found is None:
            await self._store.renew()
            found = await self._store.run(look)
        return found

    async def list(
        self, owner: str | None = None, limit: int = 200, after: tuple[int, str] | None = None
    ) -> list[Conference]:
        """The newest conferences, of one owner or of all, newest first; those after one's `created` and id."""

        def look(connection: sqlite3.Connection) -> list[Conference]:
            rows = connection.execute(
                f"{_SELECT} WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR (created, id) < (?2, ?3))"
                " ORDER BY created DESC, id DESC LIMIT ?4",
                (owner, *(after or (None, None)), limit),
            )
            return [_conference(row) for row in rows]

        return await self._store.run(look)

    async def ids(self) -> tuple[str, ...]:
        """Every conference there is."""
        return await self._store.run(
            lambda connection: tuple(row[0] for row in connection.execute("SELECT id FROM conferences ORDER BY id"))
        )

    async def removed(self, ids: Collection[str]) -> tuple[str, ...]:
        """Those of these that were removed."""

        def look(connection: sqlite3.Connection) -> tuple[str, ...]:
            select = "SELECT 1 FROM removed_conferences WHERE id = ?"
            return tuple(id for id in ids if connection.execute(select, (id,)).fetchone() is not None)

        return await self._store.run(look)

    async def heirs(self, owners: Mapping[str, str]) -> dict[str, str]:
        """Of conferences and who is taken for their owners: those whose owner's account is no more, and whose they are
        now. Whoever has not heard of a new owner has not heard of the removal either, and gives nothing back."""

        def look(connection: sqlite3.Connection) -> dict[str, str]:
            accounts = {
                owner: connection.execute("SELECT 1 FROM accounts WHERE id = ?", (owner,)).fetchone() is not None
                for owner in set(owners.values())
            }
            known = {id: find(connection, id) for id, owner in owners.items() if not accounts[owner]}
            return {id: made.owner for id, made in known.items() if made is not None and made.owner != owners[id]}

        return await self._store.run(look)

    async def rename(self, id: str, title: str) -> None:
        """Change the title, as the conference's settings do."""
        # Every server that has the conference open does it; the first one is enough.
        await self._store.run(
            lambda connection: connection.execute(
                "UPDATE conferences SET title = ? WHERE id = ? AND title != ?", (title, id, title)
            )
        )

    async def plan(self, id: str, starts: int | None, ends: int | None) -> None:
        """Change when it is planned to begin and to end."""
        await self._store.run(
            lambda connection: connection.execute(
                "UPDATE conferences SET starts = ?, ends = ? WHERE id = ?", (starts, ends, id)
            )
        )


# Days for which it is known that a conference was removed: for servers that were away so long.
REMOVED_DAYS = 730
_SELECT = "SELECT id, title, owner, created, starts, ends FROM conferences"


def find(connection: sqlite3.Connection, id: str) -> Conference | None:
    """See `Conferences.find`; for work that goes on in the same transaction, as `insert`."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    return _conference(row) if row is not None else None


def insert(connection: sqlite3.Connection, made: Conference) -> None:
    """Put a conference into the directory."""
    connection.execute(
        "INSERT INTO conferences (id, title, owner, created, starts, ends) VALUES (?, ?, ?, ?, ?, ?)",
        (made.id, made.title, made.owner, made.created, made.starts, made.ends),
    )


def note_removed(connection: sqlite3.Connection, id: str, now: int) -> None:
    """A conference is no more; `now` in ms since 1970."""
    connection.execute("DELETE FROM removed_conferences WHERE at < ?", (now - REMOVED_DAYS * 86_400_000,))
    connection.execute("INSERT OR REPLACE INTO removed_conferences VALUES (?, ?)", (id, now))


def _conference(row: tuple[str, str, str, int, int | None, int | None]) -> Conference:
    return Conference(id=row[0], title=row[1], owner=row[2], created=row[3], starts=row[4], ends=row[5])


def new_id() -> str:
    """An id such as `kxw-mfqp-ryt`: ten letters, 47 bits, easy to read out."""
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
