"""Several layers in one stream (SVC): what a packet says of the layer it belongs to, without decoding.

VP9 says it in front of each payload (RFC 9628 section 4.2), AV1 in a header extension (`media.dependency`). From
either comes a `Unit`: of which spatial layer the packet is, and who needs it.

Nothing here raises for bad input: what cannot be read is `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from media.dependency import Descriptors, Structure
from media.keyframe import av1
from media.picture import MAX_SIDE, Size, vp9_sizes
from media.rtp import Buffer
from media.seam import joined

# Browsers make three spatial layers at most; what is above is left out.
MAX_LAYERS = 3


class Unit(NamedTuple):
    """One packet of a stream with layers. `spatial`: its layer; `begins`, `ends`: it is the first, the last of its
    layer's frame; `lasting`: layers above need it as well; `key`: one may start here; then `sizes` are those of the
    layers, where they are said, and `layers` is how many there are from here on; `builds`: its frame is made of one of
    the same picture, as far as that is said."""

    spatial: int
    begins: bool
    ends: bool
    lasting: bool
    key: bool = False
    layers: int = 0
    sizes: tuple[Size, ...] = ()
    builds: bool = False


class Reader(Protocol):
    """What reads the units of one stream, packet by packet."""

    def read(self, buf: Buffer, offset: int, length: int, extension: Buffer) -> Unit | None:
        """The unit of the payload of `length` bytes at `offset`, with this dependency descriptor (empty: none)."""

    def join(self, payload: bytes, before: bool, after: bool) -> bytes:
        """The payload as it is where a frame of the same picture goes out in front of it, or behind it."""


class Vp9Reader:
    """VP9. How many layers there are is said at key pictures; not all of them repeat it."""

    __slots__ = ("_count", "_sizes")

    def __init__(self) -> None:
        self._count = MAX_LAYERS
        self._sizes: tuple[Size, ...] = ()

    def read(self, buf: Buffer, offset: int, length: int, extension: Buffer) -> Unit | None:
        """See `Reader`."""
        if length < 2:
            return None
        first = buf[offset]
        begins, ends = bool(first & 0x08), bool(first & 0x04)
        spatial, lasting = 0, True
        if first & 0x20:  # L: layer indices
            pos = offset + 1
            if first & 0x80:  # I: picture id of 7 or (M bit) 15 bits
                pos += 2 if buf[pos] & 0x80 else 1
            if pos >= offset + length:
                return None
            spatial = buf[pos] >> 1 & 0x07  # TID (3) U (1) SID (3) D (1)
            # "Z: Not a reference frame for upper spatial layers."
            lasting = not first & 0x01
        # P: inter-picture predicted
        if spatial or not begins or first & 0x40:
            return Unit(spatial, begins, ends, lasting)
        if first & 0x02:  # V: the scalability structure
            sizes = vp9_sizes(buf, offset, length)
            self._sizes, self._count = _possible(sizes), len(sizes) or MAX_LAYERS
        if not first & 0x20:
            self._count = 1
        return Unit(0, begins, ends, lasting, True, self._count, self._sizes)

    def join(self, payload: bytes, before: bool, after: bool) -> bytes:
        """See `Reader`. It says itself of which layer it is."""
        return payload


class Av1Reader:
    """AV1, by its dependency descriptors. A packet without one is of no layer; but where none ever said what there
    is, a stream has one layer: not all who negotiate descriptors send them."""

    __slots__ = ("_descriptors",)

    def __init__(self) -> None:
        self._descriptors = Descriptors()

    def read(self, buf: Buffer, offset: int, length: int, extension: Buffer) -> Unit | None:
        """See `Reader`."""
        descriptors = self._descriptors
        if not extension and descriptors.structure is None:
            key = av1(buf, offset, length)
            return Unit(0, key, False, True, key, int(key))
        frame = descriptors.read(extension)
        structure = descriptors.structure
        if frame is None or structure is None:
            return None
        spatial, _, targets, diffs, _ = frame.template
        lasting = any(kind and above > spatial for kind, above in zip(targets, structure.spatial, strict=True))
        if spatial or diffs or not frame.begins:
            # Those of a lower layer in the same picture have the numbers just before.
            builds = any(diff <= spatial for diff in diffs)
            return Unit(spatial, frame.begins, frame.ends, lasting, builds=builds)
        layers, sizes = _sent(structure, descriptors.active), _possible(structure.sizes)
        return Unit(0, True, frame.ends, lasting, True, layers, sizes)

    def join(self, payload: bytes, before: bool, after: bool) -> bytes:
        """See `Reader`."""
        return joined(payload, before, after)


def _sent(structure: Structure, active: int) -> int:
    """How many layers are sent, when these decode targets are."""
    return 1 + max((layer for target, layer in enumerate(structure.spatial) if active >> target & 1), default=0)


def _possible(sizes: Iterable[Size]) -> tuple[Size, ...]:
    found = tuple(sizes)
    return found if all(0 < side <= MAX_SIDE for size in found for side in size) else ()


def reader_of(codec: str, described: bool) -> Callable[[], Reader] | None:
    """What reads streams of this codec (its canonical name), with dependency descriptors or without; `None` where
    nothing can tell their layers apart."""
    if codec == "VP9":
        return Vp9Reader
    return Av1Reader if codec == "AV1" and described else None
