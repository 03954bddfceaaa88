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

from protocol.errors import Code
from protocol.text import one_line
from server.identity.tokens import BadToken
from server.storage.store import Store
from server.workspace.policy import may

# OWASP's password storage recommendation for argon2id: 19 MiB, two passes, one lane: about 25 ms.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
HASHING_WAITING = 16

T = TypeVar("T")

MIN_PASSWORD = 8
MAX_PASSWORD = 256
CODE_LIFETIME_S = 24 * 3600
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class ServerRole(enum.StrEnum):
    """A person's role on the server as a whole (authority.md, "Server roles")."""

    OWNER = "owner"
    ADMIN = "admin"
    SECURITY_ADMIN = "security_admin"
    MEMBER = "member"


# What the roles of the server mean beyond its table of rights: these are organizers by right in every conference;
# these read reports and recordings of all; these make conferences and events. The security admin changes nothing.
ORGANIZERS = frozenset({ServerRole.OWNER, ServerRole.ADMIN})
READERS = ORGANIZERS | {ServerRole.SECURITY_ADMIN}
MAKERS = ORGANIZERS | {ServerRole.MEMBER}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may log in. `id` is the identity in conferences; `created` is ms since 1970."""

    id: str
    login: str
    name: str
    server_role: ServerRole
    created: int


def may_read_reports(account: Account) -> bool:
    """Whether this account reads the reports and recordings of conferences that are not its own."""
    return account.server_role in READERS


class AccountError(Exception):
    """What was asked for cannot be done; the message is a sentence for whoever asked."""


class CompanyDisabled(BadToken):
    """The company is switched off: for now no token is good but those of who may switch it on again."""

    code = Code.COMPANY_DISABLED


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
        self,
        login: str,
        name: str,
        server_role: ServerRole = ServerRole.MEMBER,
        password: str | None = None,
        also: Callable[[sqlite3.Connection, Account], None] | None = None,
    ) -> Account:
        """Create an account; without a password its owner enters by a one-time code. `also` is done in the same
        transaction. Raises `AccountError`, and what `also` raises."""
        login, name = checked_login(login), checked_name(name)
        hashed = await self._hash(password) if password is not None else None
        account = _new(login, name, server_role, self._clock())

        def insert(connection: sqlite3.Connection) -> None:
            check_free(connection, login)
            if server_role is ServerRole.OWNER and _owner(connection):
                raise AccountError("There is exactly one owner, and this server has one.")
            _insert(connection, account, hashed, account.created // 1000)
            if also is not None:
                also(connection, account)

        await self._store.run(insert)
        return account

    async def ensure_owner(self) -> tuple[Account, bool]:
        """The owner's account; created (then the second value is true) at the first start."""
        account = _new("owner", "Owner", ServerRole.OWNER, self._clock())

        # In one transaction: of several servers that start at once one makes it.
        def ensure(connection: sqlite3.Connection) -> tuple[Account, bool]:
            found = _owner(connection)
            if found is not None:
                return found, False
            _insert(connection, account, None, account.created // 1000)
            return account, True

        return await self._store.run(ensure)

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
        await self._store.run(lambda connection: delete(connection, id))

    async def check_open(self) -> None:
        """Raises `CompanyDisabled` when people without an account are kept out, because the company is switched off."""
        await self._store.run(lambda connection: let_in(connection, None))

    async def check_password(self, login: str, password: str) -> Account | None:
        """The account, when login and password are right. Takes equally long when there is no such login.

        Raises `TooBusy`, and when they are right `CompanyDisabled`.
        """
        login = login.strip().lower()
        row = await self._store.run(
            lambda connection: connection.execute(f"{_SELECT_PASSWORD} WHERE login = ?", (login,)).fetchone()
        )
        hashed = row[5] if row is not None and row[5] is not None else None
        if not await self._verify(hashed, password):
            return None
        account = _account(row)
        await self._store.run(lambda connection: let_in(connection, account))
        return account

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
        """The account of a one-time code, which is used up by this; None for an unknown, used or expired one.

        Raises `CompanyDisabled`; then the code stays good.
        """
        now = int(self._clock())

        def take(connection: sqlite3.Connection) -> Account | None:
            row = connection.execute(
                "DELETE FROM login_codes WHERE hash = ? RETURNING account, expires", (_digest(code),)
            ).fetchone()
            account = _one(connection, "id", row[0]) if row is not None and row[1] > now else None
            if account is not None:
                let_in(connection, account)
            return account

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
_SELECT_PASSWORD = f"SELECT {_COLUMNS}, password FROM accounts"


@functools.cache
def _nobody() -> str:
    """Verified when the login is unknown, so that the time taken does not tell which logins exist."""
    return _HASHER.hash(secrets.token_hex(16))


def standing_account(connection: sqlite3.Connection, id: str) -> tuple[Account, int] | None:
    """The account with this identity, and since when tokens for it are good, in seconds since 1970."""
    row = connection.execute(f"SELECT {_COLUMNS}, tokens_after FROM accounts WHERE id = ?", (id,)).fetchone()
    return (_account(row), row[5]) if row is not None else None


def insert_account(connection: sqlite3.Connection, login: str, name: str, now: float) -> str:
    """A new member without a password, under this login if that is free and fit to be one; the identity. `now` in
    seconds since 1970."""
    if not _LOGIN.fullmatch(login) or _one(connection, "login", login) is not None:
        login = "sso-" + secrets.token_hex(4)
    account = _new(login, name, ServerRole.MEMBER, now)
    # The provider's token that it is made for was issued before it.
    _insert(connection, account, None, tokens_after=0)
    return account.id


def _new(login: str, name: str, server_role: ServerRole, now: float) -> Account:
    return Account(
        id="u_" + secrets.token_hex(8), login=login, name=name, server_role=server_role, created=int(now * 1000)
    )


def _insert(connection: sqlite3.Connection, account: Account, hashed: str | None, tokens_after: int) -> None:
    connection.execute(
        "INSERT INTO accounts (id, login, name, server_role, password, created, tokens_after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            account.id,
            account.login,
            account.name,
            account.server_role.value,
            hashed,
            account.created,
            tokens_after,
        ),
    )


def _account(row: tuple[str, str, str, str, int]) -> Account:
    return Account(id=row[0], login=row[1], name=row[2], server_role=ServerRole(row[3]), created=row[4])


def _one(connection: sqlite3.Connection, column: str, value: str) -> Account | None:
    row = connection.execute(f"{_SELECT} WHERE {column} = ?", (value,)).fetchone()
    return _account(row) if row is not None else None


def _owner(connection: sqlite3.Connection) -> Account | None:
    return _one(connection, "server_role", ServerRole.OWNER.value)


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


# --- for work that goes on in the same transaction ------------------------------------------


def find(connection: sqlite3.Connection, id: str) -> Account | None:
    """The account with this identity."""
    return _one(connection, "id", id)


def delete(connection: sqlite3.Connection, id: str) -> None:
    """See `Accounts.remove`."""
    account = _one(connection, "id", id)
    owner = _owner(connection)
    if account is None:
        raise AccountError("There is no such account.")
    if account.server_role is ServerRole.OWNER or owner is None:
        raise AccountError("The owner's account cannot be removed.")
    # Whom they have invited into what was theirs, the new owner has invited. Not as moderators: such a link is
    # personal, and they may have it themselves.
    connection.execute(
        "UPDATE guest_links SET made_by = ? WHERE made_by = ? AND role != 'moderator'"
        " AND conference IN (SELECT id FROM conferences WHERE owner = ?)",
        (owner.id, id, id),
    )
    for table in ("conferences", "events"):
        connection.execute(f"UPDATE {table} SET owner = ? WHERE owner = ?", (owner.id, id))
    connection.execute("DELETE FROM accounts WHERE id = ?", (id,))


def let_in(connection: sqlite3.Connection, account: Account | None) -> None:
    """Raises `CompanyDisabled` for whom the server keeps out while the company is switched off. None: a guest."""
    if not enabled(connection) and (account is None or not may(account, "company.disable")):
        raise CompanyDisabled("the company is switched off")


def checked_login(login: str) -> str:
    """A login as it is kept. Raises `AccountError`."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise AccountError("A login has 1 to 64 of the characters a-z 0-9 . _ @ + - and begins with a letter or digit.")
    return login


def checked_name(name: str) -> str:
    """A name as it is kept. Raises `AccountError`."""
    name = one_line(name)
    if not 1 <= len(name) <= 64:
        raise AccountError("A name has 1 to 64 characters.")
    return name


def check_free(connection: sqlite3.Connection, login: str) -> None:
    """Raises `AccountError` when somebody has this login."""
    if connection.execute("SELECT 1 FROM accounts WHERE login = ?", (login,)).fetchone():
        raise AccountError(f"There is an account {login!r} already.")


def kept_in(connection: sqlite3.Connection) -> frozenset[str]:
    """The accounts that the server lets in: all, or while the company is switched off who may switch it on."""
    everybody = [_account(row) for row in connection.execute(_SELECT)]
    open_ = enabled(connection)
    return frozenset(account.id for account in everybody if open_ or may(account, "company.disable"))


def enabled(connection: sqlite3.Connection) -> bool:
    """Whether the company is switched on."""
    return bool(connection.execute("SELECT enabled FROM workspace").fetchone()[0])
