"""Accounts: who may log in, with a password or a one-time code.

Passwords are kept as argon2id hashes, one-time codes as SHA-256 (a code has 128 random bits, so there is nothing to
guess and nothing to slow down). Hashing takes tens of milliseconds and megabytes: it runs in its own two threads,
and more than a few waiting is refused, so that a flood of log-ins costs a bounded amount.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import hashlib
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
import msgspec

from protocol.names import PersonKind
from server.store import Store
from server.tokens import BadToken, Claims

# OWASP's password storage recommendation for argon2id: 19 MiB, two passes, one lane: about 25 ms.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
HASHING_WAITING = 16

T = TypeVar("T")

MIN_PASSWORD = 8
MAX_PASSWORD = 256
CODE_LIFETIME_S = 24 * 3600
_LOGIN = re.compile(r"^[a-z0-9][a-z0-9._@+-]{0,63}$")


class ServerRole(enum.StrEnum):
    """A person's role on the server as a whole (authority.md, "Server roles")."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may log in. `id` is the identity in conferences; `created` is ms since 1970."""

    id: str
    login: str
    name: str
    server_role: ServerRole
    created: int


class AccountError(Exception):
    """What was asked for cannot be done; the message is a sentence for whoever asked."""


class TooBusy(Exception):
    """Too many passwords are being checked at the moment."""


class Accounts:
    """The accounts in the store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._hashers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
        self._hashing = 0

    def close(self) -> None:
        """End the hashing threads."""
        self._hashers.shutdown(wait=True)

    async def add(
        self, login: str, name: str, server_role: ServerRole = ServerRole.MEMBER, password: str | None = None
    ) -> Account:
        """Create an account; without a password its owner enters by a one-time code. Raises `AccountError`."""
        login = login.strip().lower()
        name = name.strip()
        if not _LOGIN.match(login):
            raise AccountError(
                "A login has 1 to 64 of the characters a-z 0-9 . _ @ + - and begins with a letter or digit."
            )
        if not 1 <= len(name) <= 64:
            raise AccountError("A name has 1 to 64 characters.")
        hashed = await self._hash(password) if password is not None else None
        account = Account(
            id="u_" + secrets.token_hex(8),
            login=login,
            name=name,
            server_role=server_role,
            created=int(self._clock() * 1000),
        )

        def insert(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM accounts WHERE login = ?", (login,)).fetchone():
                raise AccountError(f"There is an account {login!r} already.")
            if server_role is ServerRole.OWNER and _owner(connection):
                raise AccountError("There is exactly one owner, and this server has one.")
            connection.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (account.id, login, name, server_role.value, hashed, account.created, account.created // 1000),
            )

        await self._store.run(insert)
        return account

    async def ensure_owner(self) -> tuple[Account, bool]:
        """The owner's account; created (then the second value is true) at the first start."""
        found = await self._store.run(_owner)
        if found is not None:
            return found, False
        return await self.add("owner", "Owner", ServerRole.OWNER), True

    async def find(self, id: str) -> Account | None:
        """The account with this identity."""
        return await self._store.run(lambda connection: _one(connection, "id", id))

    async def by_login(self, login: str) -> Account | None:
        """The account with this login."""
        return await self._store.run(lambda connection: _one(connection, "login", login.strip().lower()))

    async def list(self) -> list[Account]:
        """All accounts, the oldest first."""
        return await self._store.run(
            lambda connection: [_account(row) for row in connection.execute(f"{_SELECT} ORDER BY created, id")]
        )

    async def remove(self, id: str) -> None:
        """Remove an account; its tokens are dead at once. Its conferences pass to the owner of the server.

        Raises `AccountError` for the owner, who stays, and for an unknown account.
        """

        def delete(connection: sqlite3.Connection) -> None:
            account = _one(connection, "id", id)
            owner = _owner(connection)
            if account is None:
                raise AccountError("There is no such account.")
            if account.server_role is ServerRole.OWNER or owner is None:
                raise AccountError("The owner's account cannot be removed.")
            connection.execute("UPDATE conferences SET owner = ? WHERE owner = ?", (owner.id, id))
            connection.execute("DELETE FROM accounts WHERE id = ?", (id,))

        await self._store.run(delete)

    async def authenticate(self, claims: Claims) -> Account:
        """The account that a verified token belongs to.

        Raises `BadToken` for guests, for a removed account and for a token from before the last change of password.
        """
        if claims.kind is not PersonKind.USER:
            raise BadToken("not an account's token")

        def look(connection: sqlite3.Connection) -> Account:
            row = connection.execute(f"{_SELECT_ALSO} WHERE id = ?", (claims.identity,)).fetchone()
            if row is None:
                raise BadToken("the account is gone")
            if claims.issued < row[5]:
                raise BadToken("from before the last change of password")
            return _account(row)

        return await self._store.run(look)

    async def valid_from(self) -> dict[str, int]:
        """Of each account: since when issued tokens are good, in seconds since 1970."""
        return await self._store.run(
            lambda connection: dict(connection.execute("SELECT id, tokens_after FROM accounts").fetchall())
        )

    async def check_password(self, login: str, password: str) -> Account | None:
        """The account, when login and password are right. Takes equally long when there is no such login.

        Raises `TooBusy`.
        """
        login = login.strip().lower()
        row = await self._store.run(
            lambda connection: connection.execute(f"{_SELECT_PASSWORD} WHERE login = ?", (login,)).fetchone()
        )
        hashed = row[5] if row is not None and row[5] is not None else None
        right = await self._verify(hashed, password)
        return _account(row) if right else None

    async def has_password(self, id: str) -> bool:
        """Whether this account can log in by password."""
        row = await self._store.run(
            lambda connection: connection.execute("SELECT password FROM accounts WHERE id = ?", (id,)).fetchone()
        )
        return row is not None and row[0] is not None

    async def set_password(self, id: str, password: str, revoke: bool = False) -> None:
        """Set the password; when it replaces one, or with `revoke`, tokens issued before are dead at once.

        Raises `AccountError`, `TooBusy`.
        """
        hashed = await self._hash(password)
        # In seconds, as in a token: one issued in this very second, such as the one for this change, stays good.
        now = int(self._clock())

        def update(connection: sqlite3.Connection) -> None:
            done = connection.execute(
                "UPDATE accounts SET tokens_after = iif(password IS NULL AND NOT ?, tokens_after, ?), password = ?"
                " WHERE id = ?",
                (revoke, now, hashed, id),
            )
            if done.rowcount == 0:
                raise AccountError("There is no such account.")
            connection.execute("DELETE FROM login_codes WHERE account = ?", (id,))

        await self._store.run(update)

    async def new_code(self, id: str, lifetime_s: int = CODE_LIFETIME_S) -> str:
        """A one-time code to log in with; codes given out before stay good until used or expired."""
        code = secrets.token_urlsafe(16)
        now = int(self._clock())

        def insert(connection: sqlite3.Connection) -> None:
            if _one(connection, "id", id) is None:
                raise AccountError("There is no such account.")
            connection.execute("DELETE FROM login_codes WHERE expires <= ?", (now,))
            connection.execute("INSERT INTO login_codes VALUES (?, ?, ?)", (_digest(code), id, now + lifetime_s))

        await self._store.run(insert)
        return code

    async def redeem(self, code: str) -> Account | None:
        """The account of a one-time code, which is used up by this; None for an unknown, used or expired one."""
        now = int(self._clock())

        def take(connection: sqlite3.Connection) -> Account | None:
            row = connection.execute(
                "DELETE FROM login_codes WHERE hash = ? RETURNING account, expires", (_digest(code),)
            ).fetchone()
            return _one(connection, "id", row[0]) if row is not None and row[1] > now else None

        return await self._store.run(take)

    async def _hash(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise AccountError(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
        return await self._in_thread(lambda: _HASHER.hash(password))

    async def _verify(self, hashed: str | None, password: str) -> bool:
        def verify() -> bool:
            try:
                return _HASHER.verify(hashed or _nobody(), password) and hashed is not None
            except argon2.exceptions.VerificationError:
                return False

        return await self._in_thread(verify)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._hashing >= HASHING_WAITING:
            raise TooBusy
        self._hashing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._hashers, work)
        finally:
            self._hashing -= 1


_COLUMNS = "id, login, name, server_role, created"
_SELECT = f"SELECT {_COLUMNS} FROM accounts"
_SELECT_ALSO = f"SELECT {_COLUMNS}, tokens_after FROM accounts"
_SELECT_PASSWORD = f"SELECT {_COLUMNS}, password FROM accounts"


@functools.cache
def _nobody() -> str:
    """Verified when the login is unknown, so that the time taken does not tell which logins exist."""
    return _HASHER.hash(secrets.token_hex(16))


def _account(row: tuple[str, str, str, str, int]) -> Account:
    return Account(id=row[0], login=row[1], name=row[2], server_role=ServerRole(row[3]), created=row[4])


def _one(connection: sqlite3.Connection, column: str, value: str) -> Account | None:
    row = connection.execute(f"{_SELECT} WHERE {column} = ?", (value,)).fetchone()
    return _account(row) if row is not None else None


def _owner(connection: sqlite3.Connection) -> Account | None:
    return _one(connection, "server_role", ServerRole.OWNER.value)


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
