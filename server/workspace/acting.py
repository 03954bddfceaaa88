"""How anything is done to the workspace: by one account, in one transaction.

The account is read again in the transaction, so whoever was demoted a moment ago, while their request was still
arriving, is decided on as what they are now. What is refused has changed nothing; what was done is in the record.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from protocol.errors import Code, sentence
from server.identity import accounts
from server.identity.accounts import Account
from server.storage.store import Store
from server.workspace.policy import may, ruling

T = TypeVar("T")

# Entries of the record that are kept. At a hundred changes a day this is almost three years.
KEPT_ENTRIES = 100_000


class Refused(Exception):
    """What was asked for is not done: a code, a sentence, and what else there is to say."""

    def __init__(self, code: Code, text: str | None = None, **details: str) -> None:
        super().__init__(text or sentence(code))
        self.code = code
        self.details = details


class Acting:
    """An account that does something, inside the transaction. `now` is ms since 1970."""

    def __init__(self, connection: sqlite3.Connection, account: Account, now: int) -> None:
        self.connection = connection
        self.account = account
        self.now = now

    def may(self, action: str) -> bool:
        """Whether the table lets this account do it."""
        return may(self.account, action)

    def need(self, action: str) -> None:
        """Go on only if the table lets this account do it. Raises `Refused`."""
        if not self.may(action):
            raise Refused(Code.NOT_ALLOWED, "Your role on this server does not allow this.", **self._rule(action))

    def need_own(self, creator: str, own: str, any_: str) -> None:
        """As `need`, where one's own things have a row of their own."""
        self.need(own if creator == self.account.id and self.may(own) else any_)

    def record(self, action: str, target: str = "", note: str = "") -> None:
        """Write down what is done in this transaction."""
        record(self.connection, self.account, self.now, action, target, note)

    def _rule(self, action: str) -> dict[str, str]:
        return {"rule": ruling(self.account, action).rule}


class Workspace:
    """The workspace in the store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def act(self, by: str, work: Callable[[Acting], T]) -> T:
        """Do `work` as the account `by`. Raises `Refused`, `AccountError`, `StoreUnavailable`."""

        def run(connection: sqlite3.Connection) -> T:
            account = accounts.find(connection, by)
            if account is None:
                raise Refused(Code.BAD_TOKEN, "The account is gone.")
            return work(Acting(connection, account, self.now()))

        return await self._store.run(run)

    async def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What everybody may see. Raises `Refused`, `StoreUnavailable`."""
        return await self._store.run(work)

    def now(self) -> int:
        """ms since 1970."""
        return int(self._clock() * 1000)


def record(
    connection: sqlite3.Connection, account: Account, now: int, action: str, target: str = "", note: str = ""
) -> None:
    """Append to the record: by whom, what, to what, and the rest in words."""
    record_as(connection, account.id, account.login, now, action, target, note)


def record_as(
    connection: sqlite3.Connection, identity: str, name: str, now: int, action: str, target: str = "", note: str = ""
) -> None:
    """The same for somebody who may have no account, such as a program with a key."""
    added = connection.execute(
        "INSERT INTO workspace_record (time, account, login, action, target, note) VALUES (?, ?, ?, ?, ?, ?)",
        (now, identity, name, action, target, note),
    )
    connection.execute("DELETE FROM workspace_record WHERE number <= ?", ((added.lastrowid or 0) - KEPT_ENTRIES,))


def new_id(kind: str) -> str:
    """An id such as `a_5be1…` that is not guessed and never used again."""
    return f"{kind}_{secrets.token_hex(8)}"
