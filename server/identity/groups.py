"""Groups of accounts. The operator right is held by a group: its members are organizers in every conference."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable

import msgspec

from server.identity.accounts import ORGANIZERS, Account, AccountError, ServerRole
from server.storage.store import Store

MAX_GROUPS = 1_000
MAX_MEMBERS = 10_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group. `operator`: its members are organizers by right everywhere; `created` is ms since 1970."""

    name: str
    operator: bool
    created: int
    members: int


class Groups:
    """The groups in the store. What cannot be done raises `AccountError`, with a sentence."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def add(self, name: str, operator: bool = False) -> Group:
        """A new group without members."""
        name = name.strip().lower()
        if not _NAME.fullmatch(name):
            raise AccountError(
                "A group's name has 1 to 64 of the characters a-z 0-9 . _ - and begins with a letter or digit."
            )
        made = Group(name=name, operator=operator, created=int(self._clock() * 1000), members=0)

        def insert(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM groups WHERE name = ?", (name,)).fetchone():
                raise AccountError(f"There is a group {name!r} already.")
            if connection.execute("SELECT count(*) FROM groups").fetchone()[0] >= MAX_GROUPS:
                raise AccountError(f"There are {MAX_GROUPS} groups, and there can be no more.")
            connection.execute("INSERT INTO groups VALUES (?, ?, ?)", (name, operator, made.created))

        await self._store.run(insert)
        return made

    async def find(self, name: str) -> Group | None:
        """The group of this name."""

        def look(connection: sqlite3.Connection) -> Group | None:
            row = connection.execute(f"{_SELECT} WHERE name = ?", (name.strip().lower(),)).fetchone()
            return _group(row) if row is not None else None

        return await self._store.run(look)

    async def list(self) -> list[Group]:
        """All groups by name."""
        return await self._store.run(
            lambda connection: [_group(row) for row in connection.execute(f"{_SELECT} ORDER BY name")]
        )

    async def set_operator(self, name: str, operator: bool) -> None:
        """Give the group the operator right, or take it."""

        def update(connection: sqlite3.Connection) -> None:
            _there(connection, name)
            connection.execute("UPDATE groups SET operator = ? WHERE name = ?", (operator, name))

        await self._store.run(update)

    async def remove(self, name: str) -> None:
        """Remove a group; its members stay accounts, without its right."""

        def delete(connection: sqlite3.Connection) -> None:
            _there(connection, name)
            connection.execute("DELETE FROM groups WHERE name = ?", (name,))

        await self._store.run(delete)

    async def members(self, name: str) -> tuple[str, ...]:
        """The identities of a group's members."""

        def look(connection: sqlite3.Connection) -> tuple[str, ...]:
            _there(connection, name)
            rows = connection.execute("SELECT account FROM group_members WHERE name = ? ORDER BY account", (name,))
            return tuple(row[0] for row in rows)

        return await self._store.run(look)

    async def add_member(self, name: str, account: Account) -> None:
        """Put an account into a group; again: nothing changes."""

        def insert(connection: sqlite3.Connection) -> None:
            _there(connection, name)
            count = connection.execute("SELECT count(*) FROM group_members WHERE name = ?", (name,)).fetchone()[0]
            if count >= MAX_MEMBERS:
                raise AccountError(f"A group has at most {MAX_MEMBERS} members.")
            # By hand from now on, so that the provider of single sign-on does not take it back.
            connection.execute(
                "INSERT INTO group_members VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET by_provider = 0",
                (name, account.id),
            )

        await self._store.run(insert)

    async def remove_member(self, name: str, account: str) -> None:
        """Take an account out of a group."""

        def delete(connection: sqlite3.Connection) -> None:
            _there(connection, name)
            done = connection.execute("DELETE FROM group_members WHERE name = ? AND account = ?", (name, account))
            if done.rowcount == 0:
                raise AccountError("This account is not in the group.")

        await self._store.run(delete)


_SELECT = (
    "SELECT name, operator, created, (SELECT count(*) FROM group_members m WHERE m.name = groups.name) FROM groups"
)


def _group(row: tuple[str, int, int, int]) -> Group:
    return Group(name=row[0], operator=bool(row[1]), created=row[2], members=row[3])


def _there(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM groups WHERE name = ?", (name,)).fetchone() is None:
        raise AccountError(f"There is no group {name!r}.")


def operates(connection: sqlite3.Connection, account: str) -> bool:
    """Whether an account is in a group with the operator right."""
    row = connection.execute(
        "SELECT 1 FROM group_members JOIN groups USING (name) WHERE account = ? AND operator", (account,)
    ).fetchone()
    return row is not None


def by_right(connection: sqlite3.Connection, account: Account) -> bool:
    """Whether an account is an organizer in every conference."""
    # The security admin changes nothing, in whatever group.
    operator = account.server_role is not ServerRole.SECURITY_ADMIN and operates(connection, account.id)
    return account.server_role in ORGANIZERS or operator


def any_operates(connection: sqlite3.Connection, names: Iterable[str]) -> bool:
    """Whether one of these groups has the operator right."""
    return any(
        connection.execute("SELECT 1 FROM groups WHERE name = ? AND operator", (name,)).fetchone() for name in names
    )


def follow_provider(connection: sqlite3.Connection, account: str, names: set[str]) -> None:
    """Of the groups there are, the account is in those the provider says; those it is in by hand stay."""
    there = {row[0] for row in connection.execute("SELECT name FROM groups")} & names
    had = {
        row[0]
        for row in connection.execute("SELECT name FROM group_members WHERE account = ? AND by_provider", (account,))
    }
    for name in had - there:
        connection.execute("DELETE FROM group_members WHERE account = ? AND name = ?", (account, name))
    for name in there - had:
        connection.execute("INSERT OR IGNORE INTO group_members VALUES (?, ?, 1)", (name, account))
