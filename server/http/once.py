"""Requests that may be sent again and are done once: `Idempotency-Key`.

A client that lost the connection before the answer cannot know whether its conference was made. With a key it asks
again and is told what it would have been told. The key is claimed in a transaction of its own before the work, so that
of two requests (to two servers, which share the directory) one does it; the answer is kept when the work is done.

What was claimed and never finished, because the server ended in between or the database refused when half of it was
done, stays unsettled until the key is forgotten: whether the work was done is not known here, and doing it twice is
what the key is to prevent. Where the database refused before anything was written, the key is let go of.

An answer may hold a secret that is kept nowhere else (an invitation's link, a webhook's key). It is sealed with the
client's key, of which only a hash is kept: a copy of the database opens none.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.errors import Code
from server.http.failure import Failure
from server.identity.accounts import AccountError, TooBusy
from server.storage import writes
from server.storage.store import Store, StoreUnavailable
from server.workspace.acting import Refused

HEADER = "Idempotency-Key"
# Says that the work was done by an earlier request.
REPLAYED = "Idempotency-Replayed"
KEPT_MS = 24 * 3600 * 1000
# Of one account or guest, within that time. An answer is a kilobyte; those that make so much have a list to look into.
MAX_KEYS = 10_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NONCE = 12

_log = logging.getLogger("server.http")


class Once:
    """One request with a key. `request`: what has to be the same when it comes again. `abandoned`: the server's keys
    that were let go of while the database could not be told, with the moment of their claim."""

    def __init__(self, store: Store, abandoned: dict[bytes, int], identity: str, key: str, request: bytes) -> None:
        if not _KEY.fullmatch(key):
            raise Failure(Code.BAD_MESSAGE, f"{HEADER} has 1 to 255 letters, digits and signs, and no space.")
        self._store = store
        self._abandoned = abandoned
        self._identity = identity
        secret = f"{len(identity)}:{identity}{key}".encode()
        self._id = hashlib.blake2b(secret, digest_size=16, person=b"once.id").digest()
        self._seal = hashlib.blake2b(secret, digest_size=32, person=b"once.seal").digest()
        self._made = 0
        self._request = hashlib.sha256(request).digest()

    async def done(self, work: Callable[[], Awaitable[Any]]) -> tuple[bytes, bool]:
        """The answer as JSON, and whether it is an earlier one's. Raises `Failure`, and what `work` raises."""
        try:
            kept = await self._store.run(self._claim)
        except StoreUnavailable as error:
            if error.uncertain:
                await self._let_go()
            raise
        if kept is not None:
            return AESGCM(self._seal).decrypt(kept[:_NONCE], kept[_NONCE:], self._request), True
        with writes.watched() as written:
            try:
                answer = msgspec.json.encode(await work())
            except (Failure, Refused, AccountError):
                # Refused: nothing was done, and the same request may succeed later.
                await self._let_go()
                raise
            except (StoreUnavailable, TooBusy):
                if not written.any:
                    await self._let_go()
                raise
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + AESGCM(self._seal).encrypt(nonce, answer, self._request)
        try:
            await self._store.run(lambda connection: self._keep(connection, sealed))
        except StoreUnavailable as error:
            _log.warning("an answer was not kept for its key: %s", error)
        return answer, False

    async def _let_go(self) -> None:
        # A disk that is full may have no room for this either: the same request finds here that it was let go of.
        self._abandoned[self._id] = self._made
        while len(self._abandoned) > MAX_KEYS:
            del self._abandoned[next(iter(self._abandoned))]
        try:
            await self._store.run(self._drop)
        except StoreUnavailable as error:
            _log.warning("a key was not let go of: %s", error)
        else:
            self._abandoned.pop(self._id, None)

    def _claim(self, connection: sqlite3.Connection) -> bytes | None:
        self._made = now = time.time_ns() // 1_000_000
        connection.execute("DELETE FROM requests_once WHERE made <= ?", (now - KEPT_MS,))
        if self._id in self._abandoned:
            self._forget(connection, self._abandoned[self._id])
        row = connection.execute("SELECT request, answer FROM requests_once WHERE id = ?", (self._id,)).fetchone()
        if row is not None:
            if row[0] != self._request:
                raise Failure(Code.KEY_REUSED)
            if row[1] is None:
                raise Failure(Code.UNSETTLED)
            return bytes(row[1])
        count = connection.execute("SELECT count(*) FROM requests_once WHERE identity = ?", (self._identity,))
        if count.fetchone()[0] >= MAX_KEYS:
            raise Failure(Code.TOO_MANY, f"You have sent {MAX_KEYS} keys within a day; more are not kept.")
        connection.execute(
            "INSERT INTO requests_once VALUES (?, ?, ?, ?, NULL)", (self._id, self._identity, now, self._request)
        )
        return None

    def _keep(self, connection: sqlite3.Connection, sealed: bytes) -> None:
        connection.execute("UPDATE requests_once SET answer = ? WHERE id = ?", (sealed, self._id))

    def _drop(self, connection: sqlite3.Connection) -> None:
        self._forget(connection, self._made)

    def _forget(self, connection: sqlite3.Connection, made: int) -> None:
        # The claim of that moment and no other's: an answer that is kept stays.
        connection.execute("DELETE FROM requests_once WHERE id = ? AND made = ? AND answer IS NULL", (self._id, made))
