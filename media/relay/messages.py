"""What the two ends of a link say to each other, in RTCP packets of the application's own (RFC 3550 section 6.7).

The feeding end says of each track what it is (`Said`), the fed end which of its layers it needs (`Wished`). Tracks are
named by a number that the feeding end gives them. Its `version` grows with each change of what an SSRC may mean; a wish
names the version it was made under, and counts for no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec

from media import rtcp
from media.scalable import MAX_LAYERS

NAME = b"PODM"
SAID, WISHED = 1, 2
# One datagram stays below this with all that is around it.
MAX_DATA = 1100


Ssrc = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]
Side = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class SaidLayer(msgspec.Struct, frozen=True, array_like=True):
    """A layer: its name, the SSRCs of its packets and of their repetitions, how large its pictures are, what they take
    (bit/s, 0 unknown), and whether one may wait for it."""

    rid: str
    ssrc: Ssrc
    rtx_ssrc: Ssrc
    width: Side
    height: Side
    bitrate: Count
    available: bool


class Said(msgspec.Struct, frozen=True, array_like=True):
    """A track, under its number. `codec` is a canonical payload type; `layers`: lowest first."""

    number: int
    version: int
    track: str
    codec: int
    layers: Annotated[tuple[SaidLayer, ...], msgspec.Meta(min_length=1, max_length=MAX_LAYERS)]


class Wish(msgspec.Struct, frozen=True, array_like=True):
    """Of a track that is known under this version: the layers that are needed, bit n for the n-th that was said."""

    number: int
    version: int
    layers: Count


class Wished(msgspec.Struct, frozen=True, array_like=True):
    """Wishes; an `ordinal` below one that was heard was overtaken on its way."""

    ordinal: int
    wishes: tuple[Wish, ...]


_pack = msgspec.msgpack.Encoder().encode
_said = msgspec.msgpack.Decoder(tuple[Said, ...])
_wished = msgspec.msgpack.Decoder(Wished)

T = TypeVar("T")


def said(ssrc: int, tracks: Sequence[Said]) -> list[bytes]:
    """The packets that say this."""
    return [_packet(ssrc, SAID, _pack(some)) for some in _fitting(tracks)]


def wished(ssrc: int, ordinal: int, wishes: Sequence[Wish]) -> list[bytes]:
    """The packets that wish this; numbered from `ordinal` on."""
    return [
        _packet(ssrc, WISHED, _pack(Wished(ordinal + n, tuple(some)))) for n, some in enumerate(_fitting(wishes))
    ] or [_packet(ssrc, WISHED, _pack(Wished(ordinal, ())))]


def read(packet: rtcp.App) -> tuple[Said, ...] | Wished | None:
    """What a packet says; `None` when it is none of these."""
    length = int.from_bytes(packet.data[:2], "big")
    content = packet.data[2 : 2 + length]
    if packet.name != NAME or len(content) != length:
        return None
    try:
        if packet.subtype == SAID:
            return _said.decode(content)
        return _wished.decode(content) if packet.subtype == WISHED else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _packet(ssrc: int, subtype: int, content: bytes) -> bytes:
    return rtcp.app(ssrc, subtype, NAME, len(content).to_bytes(2, "big") + content)


def _fitting(items: Sequence[T]) -> list[list[T]]:
    """The items in as many messages as they take."""
    found: list[list[T]] = []
    room = 0
    for item in items:
        size = len(_pack(item))
        if size > room:
            found.append([])
            room = MAX_DATA
        found[-1].append(item)
        room -= size
    return found
