"""The accounts of single sign-on: who a provider's subject is here.

An account is made at the first log-in and found by (issuer, subject) ever after, never by an e-mail address, which a
provider may not have verified and which may be a local account's login. An account that was removed stays removed:
its subject is remembered until `podium sso forget`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import msgspec

from server.identity.accounts import AccountError, insert_account
from server.identity.groups import follow_provider
from server.identity.provider import Subject
from server.identity.tokens import BadToken
from server.storage.store import Store


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that has logged in. `account` is None when it was removed."""

    issuer: str
    subject: str
    email: str
    account: str | None


class SingleSignOn:
    """The subjects in the store. `limit`: accounts that may be made; `prefix`: of the provider's groups, those that
    begin with it are the local groups of the remaining name."""

    def __init__(
        self, store: Store, *, limit: int = 10_000, prefix: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._limit = limit
        self._prefix = prefix
        self._clock = clock

    async def account(self, who: Subject) -> str:
        """The identity of a subject's account, made if need be and brought up to date. Raises `BadToken`."""
        groups = {group.removeprefix(self._prefix).lower() for group in who.groups if group.startswith(self._prefix)}

        def find(connection: sqlite3.Connection) -> str:
            row = connection.execute(
                "SELECT account, email FROM sso_subjects WHERE issuer = ? AND subject = ?", (who.issuer, who.subject)
            ).fetchone()
            if row is None:
                id = self._make(connection, who)
            elif row[0] is None:
                raise BadToken("the account was removed")
            else:
                id = str(row[0])
                connection.execute("UPDATE accounts SET name = ? WHERE id = ? AND name != ?", (who.name, id, who.name))
                if row[1] != who.email:
                    connection.execute("UPDATE sso_subjects SET email = ? WHERE account = ?", (who.email, id))
            follow_provider(connection, id, groups)
            return id

        return await self._store.run(find)

    def _make(self, connection: sqlite3.Connection, who: Subject) -> str:
        if connection.execute("SELECT count(*) FROM sso_subjects").fetchone()[0] >= self._limit:
            raise BadToken(f"single sign-on has made {self._limit} accounts, which is its limit")
        id = insert_account(connection, who.login, who.name, self._clock())
        connection.execute("INSERT INTO sso_subjects VALUES (?, ?, ?, ?)", (who.issuer, who.subject, id, who.email))
        return id

    async def list(self) -> list[Known]:
        """All subjects that have logged in."""

        def look(connection: sqlite3.Connection) -> list[Known]:
            rows = connection.execute("SELECT issuer, subject, email, account FROM sso_subjects ORDER BY 1, 2")
            return [Known(issuer=row[0], subject=row[1], email=row[2], account=row[3]) for row in rows]

        return await self._store.run(look)

    async def forget(self, subject: str) -> None:
        """Let a subject whose account was removed log in again, as somebody new. Raises `AccountError`."""

        def delete(connection: sqlite3.Connection) -> None:
            rows = connection.execute(
                "SELECT account FROM sso_subjects WHERE subject = ? OR (email != '' AND email = ?)", (subject, subject)
            ).fetchall()
            if not rows:
                raise AccountError(f"Nobody called {subject!r} has logged in by single sign-on.")
            if any(account is not None for (account,) in rows):
                raise AccountError("This account is still there; remove it first.")
            connection.execute(
                "DELETE FROM sso_subjects WHERE subject = ? OR (email != '' AND email = ?)", (subject, subject)
            )

        await self._store.run(delete)
