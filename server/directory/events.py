"""Events of several sessions: conferences that belong together, and people who have the same role in each of them.

These are the events that people plan, not those of a room's log (protocol/events). An event writes a member's role into
the room of each session as an assignment; what a session does with its people afterwards is the session's own.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection

import msgspec

from protocol.names import Role
from server.storage.store import Store

MAX_EVENTS = 1_000
MAX_SESSIONS = 100
MAX_MEMBERS = 1_000


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event. `owner` is an account's identity; `created` is ms since 1970; `sessions` are conferences in order of
    being added, `members` identities with their role."""

    id: str
    title: str
    owner: str
    created: int
    sessions: tuple[str, ...] = ()
    members: dict[str, Role] = {}


class EventError(Exception):
    """What was asked for cannot be done; the message is a sentence for whoever asked."""


class Events:
    """The events in the store. `changing` is held by whoever changes one and writes it into the sessions' rooms."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.changing = asyncio.Lock()
        self._store = store
        self._clock = clock

    async def create(self, title: str, owner: str) -> Event:
        """A new event without sessions. Raises `EventError`."""
        made = Event(id="e_" + secrets.token_hex(8), title=title, owner=owner, created=self._now())

        def insert(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT count(*) FROM events WHERE owner = ?", (owner,)).fetchone()[0] >= MAX_EVENTS:
                raise EventError(f"You have {MAX_EVENTS} events, and can have no more.")
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (made.id, title, owner, made.created))

        await self._store.run(insert)
        return made

    async def find(self, id: str) -> Event | None:
        """The event with this id."""

        def look(connection: sqlite3.Connection) -> Event | None:
            row = connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
            return _event(connection, row) if row is not None else None

        return await self._store.run(look)

    async def list(
        self, owner: str | None = None, limit: int = 100, after: tuple[int, str] | None = None
    ) -> list[Event]:
        """The newest events, of one owner or of all; those after one's `created` and id."""

        def look(connection: sqlite3.Connection) -> list[Event]:
            rows = connection.execute(
                f"{_SELECT} WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR (created, id) < (?2, ?3))"
                " ORDER BY created DESC, id DESC LIMIT ?4",
                (owner, *(after or (None, None)), limit),
            ).fetchall()
            return [_event(connection, row) for row in rows]

        return await self._store.run(look)

    async def remove(self, id: str) -> None:
        """Remove an event; its sessions, and the roles in them, stay."""
        await self._store.run(lambda connection: connection.execute("DELETE FROM events WHERE id = ?", (id,)))

    async def add_session(self, id: str, conference: str) -> None:
        """Make a conference a session of an event. Raises `EventError`, also when it is one of another event."""

        def insert(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT event FROM event_sessions WHERE conference = ?", (conference,)).fetchone()
            if row is not None and row[0] != id:
                raise EventError("This conference is a session of another event.")
            count = connection.execute("SELECT count(*) FROM event_sessions WHERE event = ?", (id,)).fetchone()[0]
            if count >= MAX_SESSIONS and row is None:
                raise EventError(f"An event has at most {MAX_SESSIONS} sessions.")
            connection.execute("INSERT OR IGNORE INTO event_sessions VALUES (?, ?, ?)", (id, conference, self._now()))

        await self._store.run(insert)

    async def remove_session(self, id: str, conference: str) -> None:
        """A conference is no session of the event any more; the roles in it stay."""
        await self._store.run(
            lambda connection: connection.execute(
                "DELETE FROM event_sessions WHERE event = ? AND conference = ?", (id, conference)
            )
        )

    async def holding(self, conferences: Collection[str]) -> dict[str, str]:
        """The event of each of these conferences that is a session of one."""

        def look(connection: sqlite3.Connection) -> dict[str, str]:
            marks = ", ".join("?" * len(conferences))
            rows = connection.execute(
                f"SELECT conference, event FROM event_sessions WHERE conference IN ({marks})", tuple(conferences)
            )
            return dict(rows.fetchall())

        return await self._store.run(look)

    async def set_member(self, id: str, identity: str, role: Role) -> None:
        """Somebody has this role in the event. Raises `EventError`."""

        def insert(connection: sqlite3.Connection) -> None:
            count = connection.execute(
                "SELECT count(*) FROM event_members WHERE event = ? AND identity != ?", (id, identity)
            )
            if count.fetchone()[0] >= MAX_MEMBERS:
                raise EventError(f"An event has at most {MAX_MEMBERS} members.")
            connection.execute("INSERT OR REPLACE INTO event_members VALUES (?, ?, ?)", (id, identity, role.value))

        await self._store.run(insert)

    async def remove_member(self, id: str, identity: str) -> None:
        """Somebody has no role in the event any more. Raises `EventError` when they had none."""

        def delete(connection: sqlite3.Connection) -> None:
            done = connection.execute("DELETE FROM event_members WHERE event = ? AND identity = ?", (id, identity))
            if done.rowcount == 0:
                raise EventError("This person is no member of the event.")

        await self._store.run(delete)

    def _now(self) -> int:
        return int(self._clock() * 1000)


_SELECT = "SELECT id, title, owner, created FROM events"


def _event(connection: sqlite3.Connection, row: tuple[str, str, str, int]) -> Event:
    id = row[0]
    sessions = connection.execute(
        "SELECT conference FROM event_sessions WHERE event = ? ORDER BY added, conference", (id,)
    )
    members = connection.execute("SELECT identity, role FROM event_members WHERE event = ? ORDER BY identity", (id,))
    return Event(
        id=id,
        title=row[1],
        owner=row[2],
        created=row[3],
        sessions=tuple(each[0] for each in sessions),
        members={identity: Role(role) for identity, role in members},
    )
