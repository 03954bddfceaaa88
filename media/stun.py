"""STUN for an ICE-lite agent (RFC 8489, RFC 8445 section 7.3): read a Binding request, answer it.

Nothing is believed before its MESSAGE-INTEGRITY is checked, and an answer is never longer than its question.
Role conflicts are not looked at: a lite agent is always controlled, and its peers are full agents.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import zlib
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

MAGIC = 0x2112A442
_MAGIC_BYTES = MAGIC.to_bytes(4, "big")
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101

_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_XOR_MAPPED_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028

_FINGERPRINT_XOR = 0x5354554E  # RFC 8489 section 14.7
_HEADER = Struct("!HHI12s")
_ATTRIBUTE = Struct("!HH")
_INTEGRITY_SIZE = 4 + 20
_FINGERPRINT_SIZE = 4 + 4
_INTEGRITY_HEAD = _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, 20)
_FINGERPRINT_HEAD = _ATTRIBUTE.pack(_FINGERPRINT, 4)
# RFC 8489 section 14.3: a USERNAME is shorter than 509 bytes.
_MAX_USERNAME = 508
# A check of a browser has seven attributes; nobody needs more than this.
_MAX_ATTRIBUTES = 20


class Key:
    """A password, ready to prove messages: of HMAC-SHA1 (RFC 2104) both hashes have taken in what comes of it. That is
    the same for all messages, and half of what a short one costs. At most 64 bytes."""

    __slots__ = ("_inner", "_outer", "password")

    def __init__(self, password: bytes) -> None:
        self.password = password
        block = password.ljust(64, b"\0")
        self._inner = hashlib.sha1(bytes(each ^ 0x36 for each in block))
        self._outer = hashlib.sha1(bytes(each ^ 0x5C for each in block))

    def digest(self, message: bytes) -> bytes:
        """The message's HMAC-SHA1 under this password."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class Request(NamedTuple):
    """A well-formed Binding request; nothing in it is proven yet. `ufrag` is ours, the first half of USERNAME."""

    data: bytes
    transaction: bytes
    ufrag: str
    use_candidate: bool
    integrity_at: int


def parse(data: bytes, former: Request | None = None) -> Request | None:
    """Read a Binding request, or `None` for anything else or malformed. `former`: one that was read before, of the same
    peer; they differ in transaction and proofs only, and what is alike need not be read again."""
    if former is not None and _is_like(data, former):
        return Request(data, data[8:20], former.ufrag, former.use_candidate, former.integrity_at)
    if len(data) < _HEADER.size:
        return None
    kind, length, magic, transaction = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or magic != MAGIC or length % 4 or length + _HEADER.size != len(data):
        return None
    position, username, use_candidate, integrity_at = _HEADER.size, None, False, 0
    for _ in range(_MAX_ATTRIBUTES):
        if position == len(data):
            break
        if position + 4 > len(data):
            return None
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        value = position + 4
        if value + size > len(data):
            return None
        if attribute == _FINGERPRINT:
            # It is the last attribute, or it is no fingerprint (section 14.7).
            if size != 4 or value + 4 != len(data):
                return None
            expected = zlib.crc32(data[:position]) ^ _FINGERPRINT_XOR
            if int.from_bytes(data[value : value + 4], "big") != expected:
                return None
        elif not integrity_at:  # "agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY" (14.5)
            if attribute == _USERNAME:
                if size > _MAX_USERNAME:
                    return None
                username = data[value : value + size]
            elif attribute == _USE_CANDIDATE:
                use_candidate = True
            elif attribute == _MESSAGE_INTEGRITY:
                if size != 20:
                    return None
                integrity_at = position
        position = value + (size + 3 & ~3)
    else:
        return None
    if position != len(data) or username is None or not integrity_at:
        return None
    ufrag, colon, _theirs = username.partition(b":")
    if not colon or not ufrag.isascii():
        return None
    return Request(data, transaction, ufrag.decode("ascii"), use_candidate, integrity_at)


def _is_like(data: bytes, former: Request) -> bool:
    """Whether this is a well-formed request with the attributes of the former one, and a fingerprint."""
    known, at = former.data, former.integrity_at
    end = at + _INTEGRITY_SIZE
    return (
        len(data) == len(known) == end + _FINGERPRINT_SIZE
        and data[:8] == known[:8]
        and data[_HEADER.size : at + 4] == known[_HEADER.size : at + 4]
        and data[end : end + 4] == _FINGERPRINT_HEAD
        and int.from_bytes(data[end + 4 :], "big") == zlib.crc32(data[:end]) ^ _FINGERPRINT_XOR
    )


def is_authentic(request: Request, key: Key) -> bool:
    """Whether the request was made by somebody who knows our password (RFC 8489 section 14.5)."""
    data, at = request.data, request.integrity_at
    # The length in the header is taken as if MESSAGE-INTEGRITY were the last attribute.
    covered = data[:2] + (at + _INTEGRITY_SIZE - _HEADER.size).to_bytes(2, "big") + data[4:at]
    return hmac.compare_digest(key.digest(covered), data[at + 4 : at + _INTEGRITY_SIZE])


def success(request: Request, host: str, port: int, key: Key) -> bytes | None:
    """The answer to an authentic request, or `None` when it would be longer than the request."""
    body, address = _mapped(host, port)
    if address:
        mask = int.from_bytes(_MAGIC_BYTES + request.transaction, "big")
        body += (int.from_bytes(address, "big") ^ mask).to_bytes(16, "big")
    length = len(body) + _INTEGRITY_SIZE
    covered = _HEADER.pack(BINDING_SUCCESS, length, MAGIC, request.transaction) + body
    length += _FINGERPRINT_SIZE
    head = _HEADER.pack(BINDING_SUCCESS, length, MAGIC, request.transaction)
    message = head + body + _INTEGRITY_HEAD + key.digest(covered)
    answer = message + _FINGERPRINT_HEAD + (zlib.crc32(message) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
    return answer if len(answer) <= len(request.data) else None


@lru_cache(maxsize=4096)
def _mapped(host: str, port: int) -> tuple[bytes, bytes]:
    """XOR-MAPPED-ADDRESS (RFC 8489 section 14.2), complete; of an IPv6 address all that is before it, and the address,
    which is masked with the transaction as well."""
    host = host.partition("%")[0].removeprefix("::ffff:")  # how a socket for both versions shows an IPv4 peer
    masked_port = (port ^ MAGIC >> 16).to_bytes(2, "big")
    if ":" in host:
        head = _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, 20) + b"\x00\x02"
        return head + masked_port, socket.inet_pton(socket.AF_INET6, host)
    masked = int.from_bytes(socket.inet_aton(host), "big") ^ MAGIC
    return _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, 8) + b"\x00\x01" + masked_port + masked.to_bytes(4, "big"), b""
