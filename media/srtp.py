"""SRTP sessions that work in place.

`pylibsrtp.Session.protect` copies a packet in and out of a buffer of its own: 1.4 µs for 1,200 bytes. The same call
of libsrtp through `pylibsrtp._binding`, on our own buffer, takes 0.6 µs. That private name stays in this file: at
import a known packet goes through both, and if they differ, or the name is gone, the public class is used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pylibsrtp
from pylibsrtp import Policy, Session

# RFC 7714 and RFC 3711 add at most 16 bytes of tag; SRTCP adds 4 of index. No MKI is negotiated.
TRAILER = 24
# A retransmission recovered on the uplink may be as late as the cache is long; libsrtp wants at least 64.
REPLAY_WINDOW = 1024


class Profile(NamedTuple):
    """An SRTP protection profile: OpenSSL's name, libsrtp's number, and the sizes of its key and salt in bytes."""

    name: bytes
    number: int
    key: int
    salt: int


# In our order of preference, which is the one that counts: we are always the DTLS server. GCM is half the price of
# counter mode with SHA-1; 256 bit is for those that offer nothing else.
PROFILES = (
    Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    Profile(b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
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


class SrtpSession:
    """One direction of a connection. The methods work on `buffer[0:length]` in place and return the new length, or
    a number below zero when libsrtp refuses: authentication, replay, or a sequence number sent before.
    """

    __slots__ = ("_context", "_session")

    def __init__(self, profile: Profile, key: bytes, inbound: bool) -> None:
        policy = Policy(
            key=key,
            ssrc_type=Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=profile.number,
        )
        policy.window_size = REPLAY_WINDOW
        # To protect two different packets under one sequence number gives away the AEAD key stream: libsrtp refuses.
        policy.allow_repeat_tx = False
        self._session = Session(policy)
        self._context: Any = self._session._srtp[0] if _lib is not None else None

    def protect(self, buffer: PacketBuffer, length: int) -> int:
        """Protect an RTP packet; `buffer` has room for `TRAILER` more bytes."""
        _length[0] = length
        status: int = _lib.srtp_protect(self._context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def unprotect(self, buffer: PacketBuffer, length: int) -> int:
        """Check and decrypt an SRTP packet."""
        _length[0] = length
        status: int = _lib.srtp_unprotect(self._context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def protect_rtcp(self, buffer: PacketBuffer, length: int) -> int:
        """Protect a compound RTCP packet; `buffer` has room for `TRAILER` more bytes."""
        _length[0] = length
        status: int = _lib.srtp_protect_rtcp(self._context, buffer.pointer, _length)
        return _length[0] if status == 0 else -status

    def unprotect_rtcp(self, buffer: PacketBuffer, length: int) -> int:
        """Check and decrypt a compound SRTCP packet."""
        _length[0] = length
        status: int = _lib.srtp_unprotect_rtcp(self._context, buffer.pointer, _length)
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


def session(profile: Profile, key: bytes, inbound: bool) -> SrtpSession:
    """A session for one direction. `key`: master key and salt, as DTLS exports them."""
    return (SrtpSession if IN_PLACE else CopyingSession)(profile, key, inbound)


__all__ = ["IN_PLACE", "PROFILES", "TRAILER", "PacketBuffer", "Profile", "SrtpSession", "session"]
