"""The client's half of ICE (RFC 8445): checks that nominate at once, later for consent. Towards a lite agent that is
all; a full one checks us too, and is answered."""

from __future__ import annotations

import hmac
import secrets
import zlib
from struct import Struct

from media.stun import BINDING_SUCCESS, MAGIC, Key, is_authentic, parse, success

_header = Struct("!HHI12s")
_attribute = Struct("!HH")
_BINDING_REQUEST = 0x0001
_USERNAME, _PRIORITY, _USE_CANDIDATE, _INTEGRITY, _FINGERPRINT = 0x0006, 0x0024, 0x0025, 0x0008, 0x8028
_CONTROLLING = 0x802A
_FINGERPRINT_XOR = 0x5354554E  # RFC 8489 section 14.7
# RFC 8445 section 5.1.2.1 for a peer-reflexive candidate of the highest local preference.
_PEER_REFLEXIVE = (110 << 24 | 65535 << 8 | 255).to_bytes(4, "big")


class IceClient:
    """Checks under one pair of credentials. `request()` gives a datagram, `answered` reads what comes back."""

    __slots__ = ("_key", "_open", "_password", "_username")

    def __init__(self, remote_ufrag: str, remote_password: str, local_ufrag: str, local_password: str) -> None:
        self._key = Key(local_password.encode())
        self._username = f"{remote_ufrag}:{local_ufrag}".encode()
        self._password = remote_password.encode()
        self._open: set[bytes] = set()

    def request(self) -> bytes:
        """A Binding request that nominates the pair."""
        transaction = secrets.token_bytes(12)
        if len(self._open) >= 8:  # none of these was answered; what is asked for now counts
            self._open.clear()
        self._open.add(transaction)
        username = self._username + bytes(-len(self._username) % 4)
        body = _attribute.pack(_USERNAME, len(self._username)) + username
        body += _attribute.pack(_PRIORITY, 4) + _PEER_REFLEXIVE
        body += _attribute.pack(_CONTROLLING, 8) + transaction[:8]
        body += _attribute.pack(_USE_CANDIDATE, 0)
        # Each checksum covers a header whose length ends with its own attribute (RFC 8489 sections 14.5 and 14.7).
        covered = _header.pack(_BINDING_REQUEST, len(body) + 24, MAGIC, transaction) + body
        body += _attribute.pack(_INTEGRITY, 20) + hmac.digest(self._password, covered, "sha1")
        message = _header.pack(_BINDING_REQUEST, len(body) + 8, MAGIC, transaction) + body
        return message + _attribute.pack(_FINGERPRINT, 4) + (zlib.crc32(message) ^ _FINGERPRINT_XOR).to_bytes(4, "big")

    def answered(self, datagram: bytes) -> bool:
        """Whether this is the success answer to one of our requests."""
        if len(datagram) < 20 or int.from_bytes(datagram[:2], "big") != BINDING_SUCCESS:
            return False
        transaction = datagram[8:20]
        if transaction not in self._open:
            return False
        self._open.discard(transaction)
        return True

    def answer(self, datagram: bytes, address: tuple[str, int]) -> bytes | None:
        """The answer to a check of the other side, or `None` when this is none. `address`: where it came from."""
        if datagram[:2] != b"\0\1":
            return None
        asked = parse(datagram, None)
        return success(asked, *address, self._key) if asked is not None and is_authentic(asked, self._key) else None
