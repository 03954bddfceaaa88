"""STUN for an ICE-lite agent (RFC 8489, RFC 8445 section 7.3): read a Binding request, answer it.

Nothing is believed before its MESSAGE-INTEGRITY is checked, and an answer is never longer than its question.
Role conflicts are not looked at: a lite agent is always controlled, and its peers are full agents.
"""

from __future__ import annotations

import hmac
import ipaddress
import zlib
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
# RFC 8489 section 14.3: a USERNAME is shorter than 509 bytes.
_MAX_USERNAME = 508
# A check of a browser has seven attributes; nobody needs more than this.
_MAX_ATTRIBUTES = 20


class Request(NamedTuple):
    """A well-formed Binding request; nothing in it is proven yet. `ufrag` is ours, the first half of USERNAME."""

    data: bytes
    transaction: bytes
    ufrag: str
    use_candidate: bool
    integrity_at: int


def parse(data: bytes) -> Request | None:
    """Read a Binding request, or `None` for anything else or malformed."""
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


def is_authentic(request: Request, password: bytes) -> bool:
    """Whether the request was made by somebody who knows our `password` (RFC 8489 section 14.5)."""
    data, at = request.data, request.integrity_at
    # The length in the header is taken as if MESSAGE-INTEGRITY were the last attribute.
    covered = data[:2] + (at + _INTEGRITY_SIZE - _HEADER.size).to_bytes(2, "big") + data[4:at]
    return hmac.compare_digest(hmac.digest(password, covered, "sha1"), data[at + 4 : at + _INTEGRITY_SIZE])


def success(request: Request, host: str, port: int, password: bytes) -> bytes | None:
    """The answer to an authentic request, or `None` when it would be longer than the request."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # how a socket for both versions shows an IPv4 peer
    mask = _MAGIC_BYTES + request.transaction
    mapped = (
        (b"\x00\x01" if address.version == 4 else b"\x00\x02")
        + (port ^ MAGIC >> 16).to_bytes(2, "big")
        + bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    )
    body = _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(mapped)) + mapped
    covered = _HEADER.pack(BINDING_SUCCESS, len(body) + _INTEGRITY_SIZE, MAGIC, request.transaction) + body
    integrity = _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, 20) + hmac.digest(password, covered, "sha1")
    length = len(body) + _INTEGRITY_SIZE + _FINGERPRINT_SIZE
    message = _HEADER.pack(BINDING_SUCCESS, length, MAGIC, request.transaction) + body + integrity
    checksum = zlib.crc32(message) ^ _FINGERPRINT_XOR
    answer = message + _ATTRIBUTE.pack(_FINGERPRINT, 4) + checksum.to_bytes(4, "big")
    return answer if len(answer) <= len(request.data) else None
