"""SRTP sessions that work in place.

`pylibsrtp.Session.protect` copies a packet in and out of a buffer of its own: 1.4 µs for 1,200 bytes. The same call
of libsrtp through `pylibsrtp._binding`, on our own buffer, takes 0.6 µs. That private name stays in this file: at
import a known packet goes through both, and if they differ, or the name is gone, the public class is used.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

import pylibsrtp
from pylibsrtp import Policy, Session

# RFC 7714 and RFC 3711 add at most 16 bytes of tag; SRTCP adds 4 of index. No MKI is negotiated.
TRAILER = 24
# How far a packet may come behind the newest of its SSRC, in packets; libsrtp moves a bit field of that length with
# each packet, which at 1,024 bits is a fifth of the price. In: half a second at 500 packets/s, for publishers that
# repeat without an RTX stream. Out: what is recovered later than that reaches viewers by the repetition they ask for.
INBOUND_WINDOW, OUTBOUND_WINDOW = 256, 128


class Profile(NamedTuple):
    """An SRTP protection profile: OpenSSL's name, libsrtp's number, and in bytes the sizes of its key and salt, and
    of the tag that makes an RTP packet longer."""

    name: bytes
    number: int
    key: int
    salt: int
    tag: int


# In our order of preference, which is the one that counts: we are always the DTLS server. GCM is half the price of
# counter mode with SHA-1; 256 bit is for those that offer nothing else.
PROFILES = (
    Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, 16),
    Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, 10),
    Profile(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, 16),
)

try:
    from pylibsrtp import _binding  # type: ignore[attr-defined,unused-ignore]

    _ffi: Any = _binding.ffi
    _lib: Any = _binding.lib
    _length: Any = _ffi.new("int *")
except (ImportError, AttributeError):  # another release of the library: the public class does it all
    _ffi = _lib = _length = None


class PacketBuffer:
    """Memory that packets are received into, or written and protected in.

    `bytes` and `view` are the same memory. It must not be resized.
    """

    __slots__ = ("bytes", "pointer", "view")

    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size)
        self.view = memoryview(self.bytes)
        self.pointer: Any = _ffi.from_buffer(self.bytes) if _ffi is not None else None


class PacketSlots:
    """Memory for packets that are protected in place: `count` slots of `size` bytes, and a packet takes as many
    neighbours as it needs.

    Slot n begins at byte n × `size` of `view`. For `protect_all`, `pointers[n]` is that place, and `cells` are where
    libsrtp finds and leaves the lengths of packets, `packets` of them at most: `set_lengths` fills them in.
    """

    __slots__ = ("_lengths", "_memory", "_size", "cells", "pointers", "view")

    def __init__(self, count: int, size: int, packets: int) -> None:
        self._size = size
        self._memory = bytearray(count * size)
        self.view = memoryview(self._memory)
        self.pointers: list[Any] = [self.view[at:] for at in range(0, count * size, size)]
        self.cells: list[Any] = [[0] for _ in range(packets)]
        self._lengths = array("i", bytes(4 * packets))
        if IN_PLACE:
            base = _ffi.from_buffer(self._memory)
            self.pointers = [base + at for at in range(0, count * size, size)]
            base = _ffi.from_buffer("int[]", self._lengths)
            self.cells = [base + number for number in range(packets)]

    def packet(self, slot: int, length: int) -> memoryview:
        """The packet that begins in a slot, for as long as nothing else is written there."""
        start = slot * self._size
        return self.view[start : start + length]

    def set_lengths(self, lengths: array[int]) -> None:
        """The lengths of packets, from the first cell on, before they are protected."""
        if IN_PLACE:
            self._lengths[: len(lengths)] = lengths
        else:
            for cell, length in zip(self.cells, lengths, strict=False):
                cell[0] = length


class SrtpSession:
    """One direction of a connection. The methods work on `buffer[0:length]` in place and return the new length, or
    a number below zero when libsrtp refuses: authentication, replay, or a sequence number sent before.

    `context` is for the packet path: what `protect_all` takes. It is good as long as the session is.
    """

    __slots__ = ("_session", "context", "tag")

    def __init__(self, profile: Profile, key: bytes, inbound: bool) -> None:
        policy = Policy(
            key=key,
            ssrc_type=Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=profile.number,
        )
        policy.window_size = INBOUND_WINDOW if inbound else OUTBOUND_WINDOW
        # To protect two different packets under one sequence number gives away the AEAD key stream: libsrtp refuses.
        policy.allow_repeat_tx = False
        self._session = Session(policy)
        self.context: Any = self._session._srtp[0] if _lib is not None else self._session
        self.tag = profile.tag

    def protect(self, buffer: PacketBuffer, length: int) -> int:
        """Protect an RTP packet; `buffer` has room for `TRAILER` more bytes."""
        _length[0] = length
        status: int = _lib.srtp_protect(self.context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def unprotect(self, buffer: PacketBuffer, length: int) -> int:
        """Check and decrypt an SRTP packet."""
        _length[0] = length
        status: int = _lib.srtp_unprotect(self.context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def protect_rtcp(self, buffer: PacketBuffer, length: int) -> int:
        """Protect a compound RTCP packet; `buffer` has room for `TRAILER` more bytes."""
        _length[0] = length
        status: int = _lib.srtp_protect_rtcp(self.context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def unprotect_rtcp(self, buffer: PacketBuffer, length: int) -> int:
        """Check and decrypt a compound SRTCP packet."""
        _length[0] = length
        status: int = _lib.srtp_unprotect_rtcp(self.context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def forget(self, ssrc: int) -> None:
        """Free the state of an SSRC that is not used any more. An unknown one is no error."""
        try:
            self._session.remove_stream(ssrc)
        except pylibsrtp.Error:
            return


class CopyingSession(SrtpSession):
    """The same through pylibsrtp's public methods: slower, for a release whose inside is another."""

    __slots__ = ()

    def __init__(self, profile: Profile, key: bytes, inbound: bool) -> None:
        super().__init__(profile, key, inbound)
        self.context = self._session

    def protect(self, buffer: PacketBuffer, length: int) -> int:
        return self._copied(self._session.protect, buffer, length)

    def unprotect(self, buffer: PacketBuffer, length: int) -> int:
        return self._copied(self._session.unprotect, buffer, length)

    def protect_rtcp(self, buffer: PacketBuffer, length: int) -> int:
        return self._copied(self._session.protect_rtcp, buffer, length)

    def unprotect_rtcp(self, buffer: PacketBuffer, length: int) -> int:
        return self._copied(self._session.unprotect_rtcp, buffer, length)

    @staticmethod
    def _copied(function: Any, buffer: PacketBuffer, length: int) -> int:
        try:
            result: bytes = function(bytes(buffer.view[:length]))
        except (pylibsrtp.Error, ValueError):
            return -1
        buffer.view[: len(result)] = result
        return len(result)


def _protect_copy(session: Session, slot: memoryview, cell: list[int]) -> int:
    try:
        result = session.protect(bytes(slot[: cell[0]]))
    except (pylibsrtp.Error, ValueError):
        return -1
    slot[: len(result)] = result
    cell[0] = len(result)
    return 0


def protect_all(contexts: Iterable[Any], pointers: list[Any], cells: list[Any]) -> list[int]:
    """Protect packets of `PacketSlots`, each with the context of its own session: 0 for each that was, another number
    for one that libsrtp refuses. As many as there are contexts or pointers.

    One C function mapped over columns: a loop that calls a method costs 0.2 µs more per packet.
    """
    return list(map(_protect, contexts, pointers, cells))


def in_place_works() -> bool:
    """Whether the in-place calls give the same bytes as the public ones, for every profile, and check what they must.

    Run once at import (about 0.2 ms).
    """
    if _lib is None:
        return False
    packet = bytes.fromhex("806f000a00000140decafbad") + bytes(range(160))
    report = bytes.fromhex("80c90001decafbad")
    try:
        for profile in PROFILES:
            key = bytes(range(profile.key + profile.salt))
            ours, theirs = SrtpSession(profile, key, inbound=False), CopyingSession(profile, key, inbound=False)
            back = SrtpSession(profile, key, inbound=True)
            buffer, other = PacketBuffer(400), PacketBuffer(400)
            for plain, protect, unprotect in (
                (packet, SrtpSession.protect, SrtpSession.unprotect),
                (report, SrtpSession.protect_rtcp, SrtpSession.unprotect_rtcp),
            ):
                buffer.view[: len(plain)] = other.view[: len(plain)] = plain
                length = protect(ours, buffer, len(plain))
                public = getattr(theirs, protect.__name__)(other, len(plain))
                if plain is packet and length != len(plain) + profile.tag:
                    return False
                if length <= len(plain) or length != public or buffer.view[:length] != other.view[:length]:
                    return False
                if unprotect(back, buffer, length) != len(plain) or buffer.view[: len(plain)] != plain:
                    return False
                if unprotect(back, other, length) >= 0:  # a replay must be refused
                    return False
    except (pylibsrtp.Error, AttributeError, TypeError, ValueError):
        return False
    return True


IN_PLACE = in_place_works()
_protect: Any = _lib.srtp_protect if IN_PLACE else _protect_copy


def session(profile: Profile, key: bytes, inbound: bool) -> SrtpSession:
    """A session for one direction. `key`: master key and salt, as DTLS exports them."""
    return (SrtpSession if IN_PLACE else CopyingSession)(profile, key, inbound)


__all__ = [
    "IN_PLACE",
    "PROFILES",
    "TRAILER",
    "PacketBuffer",
    "PacketSlots",
    "Profile",
    "SrtpSession",
    "protect_all",
    "session",
]
