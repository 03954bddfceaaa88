"""Peers: other servers whose word is taken for their own users, who come here as `name@peer`.

A peer signs a token with its private key (EdDSA or ES256): `iss` the peer's name here, `aud` this server's name, `sub`
the name there, `name`, `iat`, `exp`. Nobody can revoke such a token one by one, so it may live for a day at most.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from server.identity.accounts import AccountError
from server.identity.apikeys import PREFIX
from server.identity.jwks import KeySet
from server.identity.secure import secure
from server.identity.tokens import DAY_S, LEEWAY_S, BadToken, opened
from server.storage.store import Store

MAX_PEERS = 100
MAX_KEY = 2_000
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,30}")
# With the peer's name and the @ it is an identity of at most 64 characters.
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
ALGORITHMS = ("EdDSA", "ES256")


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer. `key` is its public key as PEM, or the URL of its key set; `created` is ms since 1970."""

    name: str
    key: str
    created: int

    @property
    def published(self) -> bool:
        """Whether the key is to be fetched."""
        return self.key.startswith(("https://", "http://"))


class Peers:
    """The peers in the store, and their keys. What cannot be done raises `AccountError`, with a sentence."""

    def __init__(self, store: Store, audience: str = "", clock: Callable[[], float] = time.time) -> None:
        """`audience`: this server's name among its peers; without one nobody of theirs can come."""
        self._store = store
        self._audience = audience
        self._clock = clock
        self._key_sets: dict[str, KeySet] = {}

    async def add(self, name: str, key: str) -> Peer:
        """A new peer, or another key for a known one."""
        if not _NAME.fullmatch(name) or name.startswith(PREFIX):
            raise AccountError(
                "A peer's name has 1 to 31 of the characters a-z 0-9 . - , such as conf.example.org; "
                f"names that begin with {PREFIX} are those of API keys."
            )
        made = Peer(name=name, key=key.strip(), created=int(self._clock() * 1000))
        if len(made.key) > MAX_KEY:
            raise AccountError(f"A key, or its address, has at most {MAX_KEY} characters.")
        if not made.published:
            _load(made.key)
        elif not secure(made.key):
            raise AccountError("A key set is fetched over HTTPS.")

        def insert(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT count(*) FROM peers").fetchone()[0] >= MAX_PEERS:
                raise AccountError(f"There are {MAX_PEERS} peers, and there can be no more.")
            connection.execute("INSERT OR REPLACE INTO peers VALUES (?, ?, ?)", (name, made.key, made.created))

        await self._store.run(insert)
        return made

    async def list(self) -> list[Peer]:
        """All peers by name."""
        return await self._store.run(
            lambda connection: [_peer(row) for row in connection.execute(f"{_SELECT} ORDER BY name")]
        )

    async def find(self, name: str) -> Peer | None:
        """The peer of this name."""
        return await self._store.run(lambda connection: peer_of(connection, name))

    async def remove(self, name: str) -> None:
        """Remove a peer; its users are out."""

        def delete(connection: sqlite3.Connection) -> None:
            if connection.execute("DELETE FROM peers WHERE name = ?", (name,)).rowcount == 0:
                raise AccountError(f"There is no peer {name!r}.")

        await self._store.run(delete)

    async def verify(self, token: str, peer: Peer) -> dict[str, Any]:
        """The claims of a peer's token, with `sub` as the identity here. Raises `BadToken`."""
        if not self._audience:
            raise BadToken("this server has no name among peers: set federation_name or public_url")
        if peer.published:
            found = self._key_sets.get(peer.key)
            if found is None:
                if len(self._key_sets) >= MAX_PEERS:
                    self._key_sets.clear()
                found = self._key_sets[peer.key] = KeySet(lambda: peer.key)
            published = await found.key(token)
            key, algorithm = published, published.algorithm_name
        else:
            key, algorithm = _load(peer.key)
        claims = opened(
            token,
            key,
            algorithms=(algorithm,) if algorithm in ALGORITHMS else (),
            issuer=peer.name,
            required=("aud", "sub", "iat"),
            now=self._clock(),
        )
        if claims["aud"] != self._audience:
            raise BadToken("for another server")
        if claims["exp"] - self._clock() > DAY_S + LEEWAY_S:
            raise BadToken("a peer's token lives for a day at most")
        if not _SUBJECT.fullmatch(claims["sub"]):
            raise BadToken("no name of somebody at a peer")
        return {**claims, "sub": f"{claims['sub']}@{peer.name}"}


_SELECT = "SELECT name, key, created FROM peers"


def peer_of(connection: sqlite3.Connection, name: str) -> Peer | None:
    """The peer of this name."""
    row = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
    return _peer(row) if row is not None else None


def _peer(row: tuple[str, str, int]) -> Peer:
    return Peer(name=row[0], key=row[1], created=row[2])


def _load(pem: str) -> tuple[Any, str]:
    """A public key and the algorithm that it is for. Raises `AccountError`."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise AccountError("This is not a public key in PEM form.") from None
    if isinstance(key, Ed25519PublicKey):
        return key, "EdDSA"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key, "ES256"
    raise AccountError("A peer's key is of the kind Ed25519 or P-256.")
