"""The keys of this server, kept in its store."""

from __future__ import annotations

import sqlite3

from server.config import Settings
from server.identity.tokens import Tokens, new_secret
from server.storage.store import Store


async def open_tokens(store: Store, settings: Settings) -> Tokens:
    """The tokens with the secret of the settings, or the one kept in the store, made at the first start."""

    def kept(connection: sqlite3.Connection) -> bytes:
        connection.execute("INSERT OR IGNORE INTO keys VALUES ('token_secret', ?)", (new_secret(),))
        row = connection.execute("SELECT value FROM keys WHERE name = 'token_secret'").fetchone()
        return bytes(row[0])

    secret = settings.token_secret.encode() if settings.token_secret else await store.run(kept)
    return Tokens(
        secret,
        account_days=settings.account_days,
        guest_days=settings.guest_days,
        invitation_days=settings.invitation_days,
    )
