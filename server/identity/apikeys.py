"""API keys: programs of the operator that vouch for their own users.

A program signs tokens with its key's secret (HS256): `iss` the key's id, `sub` who it is there, `name`, `exp`, and if
wanted `aud`, `conference` (the only one it is good for), `role` (up to moderator) and `groups`. Such a person is a
guest, `sub@key`, who needs no link. The groups count only for a key that may name them, operators' groups too.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
from collections.abc import Callable

import msgspec

from server.identity.accounts import AccountError
from server.identity.tokens import MIN_SECRET_BYTES
from server.storage.store import Store

MAX_KEYS = 100
# What tells a key's id from a peer's name, which stands at the same place of an identity.
PREFIX = "key-"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key. `names_groups`: the groups in its tokens count; `created` is ms since 1970."""

    id: str
    label: str
    secret: str
    names_groups: bool
    created: int


class ApiKeys:
    """The keys in the store. What cannot be done raises `AccountError`, with a sentence."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def add(self, label: str, names_groups: bool = False, secret: str | None = None) -> ApiKey:
        """A new key, with a secret of 256 random bits unless one is given."""
        if not 1 <= len(label.strip()) <= 64:
            raise AccountError("A key's label has 1 to 64 characters.")
        if secret is not None and not MIN_SECRET_BYTES <= len(secret.encode()) <= 256:
            raise AccountError(f"A key's secret has {MIN_SECRET_BYTES} to 256 bytes.")
        made = ApiKey(
            id=PREFIX + secrets.token_hex(4),
            label=label.strip(),
            secret=secret or secrets.token_urlsafe(MIN_SECRET_BYTES),
            names_groups=names_groups,
            created=int(self._clock() * 1000),
        )

        def insert(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT count(*) FROM api_keys").fetchone()[0] >= MAX_KEYS:
                raise AccountError(f"There are {MAX_KEYS} keys, and there can be no more.")
            connection.execute(
                "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?)",
                (made.id, made.label, made.secret, names_groups, made.created),
            )

        await self._store.run(insert)
        return made

    async def list(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return await self._store.run(
            lambda connection: [_key(row) for row in connection.execute(f"{_SELECT} ORDER BY created, id")]
        )

    async def find(self, id: str) -> ApiKey | None:
        """The key with this id."""
        return await self._store.run(lambda connection: key_of(connection, id))

    async def remove(self, id: str) -> None:
        """Remove a key; tokens signed with it are dead at once."""

        def delete(connection: sqlite3.Connection) -> None:
            if connection.execute("DELETE FROM api_keys WHERE id = ?", (id,)).rowcount == 0:
                raise AccountError(f"There is no key {id!r}.")

        await self._store.run(delete)


_SELECT = "SELECT id, label, secret, names_groups, created FROM api_keys"
_ID = re.compile(PREFIX + "[0-9a-f]{8}")


def is_key(issuer: str) -> bool:
    """Whether this names a key, known or not."""
    return _ID.fullmatch(issuer) is not None


def key_of(connection: sqlite3.Connection, id: str) -> ApiKey | None:
    """The key with this id."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    return _key(row) if row is not None else None


def _key(row: tuple[str, str, str, int, int]) -> ApiKey:
    return ApiKey(id=row[0], label=row[1], secret=row[2], names_groups=bool(row[3]), created=row[4])
