"""What stands in front of a video payload: the numbers that pictures carry, and the size a key frame announces.

VP8 (RFC 7741 section 4.2) and VP9 (RFC 9628 section 4.2) number their pictures, and those of the lowest temporal
layer, in the payload. Receivers look for gaps in these numbers, so they must go on when a viewer is switched from one
simulcast layer to another: `renumber` adds to them. H.264 and AV1 have none in the payload.

Nothing here raises for bad input: a payload that is cut off has no numbers and no size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from media.rtp import Buffer

PICTURES = 0x8000
"""Picture ids are modulo this (or modulo 128 in the short form); TL0PICIDX is modulo 256."""

# What no codec here can code is a mistake of its sender, or a lie.
MAX_SIDE = 16_384

Size = tuple[int, int]
Measure = Callable[[Buffer, int, int], Size | None]


class Numbers(NamedTuple):
    """PictureID and TL0PICIDX of a payload, and where they stand in it; -1 for what there is not."""

    picture: int
    picture_at: int
    long: bool
    base: int
    base_at: int


class Shift(NamedTuple):
    """What is added to the picture ids and to the TL0PICIDX of a layer for one viewer."""

    picture: int
    base: int


NO_SHIFT = Shift(0, 0)


def numbers(codec: str, payload: Buffer) -> Numbers | None:
    """The numbers in a payload of a codec (its canonical name); `None` when it has none."""
    if codec == "VP8":
        return _vp8_numbers(payload)
    return _vp9_numbers(payload) if codec == "VP9" else None


def _vp8_numbers(payload: Buffer) -> Numbers | None:
    if len(payload) < 2 or not payload[0] & 0x80:
        return None
    extension = payload[1]
    pos = 2
    picture, picture_at, long, base, base_at = -1, -1, False, -1, -1
    if extension & 0x80:  # I: "PictureID present"
        if len(payload) < pos + 2:
            return None
        picture_at, long = pos, bool(payload[pos] & 0x80)  # M: 15 bits
        picture = (payload[pos] & 0x7F) << 8 | payload[pos + 1] if long else payload[pos]
        pos += 2 if long else 1
    if extension & 0x40 and len(payload) > pos:  # L: "TL0PICIDX present"
        base, base_at = payload[pos], pos
    return Numbers(picture, picture_at, long, base, base_at) if picture >= 0 or base >= 0 else None


def _vp9_numbers(payload: Buffer) -> Numbers | None:
    if len(payload) < 3 or not payload[0] & 0x80:  # I
        return None
    long = bool(payload[1] & 0x80)
    picture = (payload[1] & 0x7F) << 8 | payload[2] if long else payload[1]
    pos = 3 if long else 2
    base, base_at = -1, -1
    # L, and not F (flexible mode): layer indices, then TL0PICIDX
    if payload[0] & 0x30 == 0x20 and len(payload) > pos + 1:
        base, base_at = payload[pos + 1], pos + 1
    return Numbers(picture, 1, long, base, base_at)


def renumber(codec: str, payload: bytes, shift: Shift) -> bytes:
    """The payload with `shift` added to its numbers."""
    found = numbers(codec, payload)
    if found is None:
        return payload
    changed = bytearray(payload)
    if found.picture_at >= 0:
        picture = found.picture + shift.picture
        if found.long:
            changed[found.picture_at] = 0x80 | picture >> 8 & 0x7F
            changed[found.picture_at + 1] = picture & 0xFF
        else:
            changed[found.picture_at] = picture & 0x7F
    if found.base_at >= 0:
        changed[found.base_at] = (found.base + shift.base) & 0xFF
    return bytes(changed)


# --- sizes ----------------------------------------------------------------------------------------


def measure(codec: str) -> Measure:
    """What reads (width, height) from the first packet of a key frame; for other codecs one that never finds any."""
    read = {"VP8": vp8_size, "VP9": vp9_size, "H264": h264_size}.get(codec, _no_size)

    def size(buf: Buffer, offset: int, length: int) -> Size | None:
        found = read(buf, offset, length)
        return found if found is not None and all(0 < side <= MAX_SIDE for side in found) else None

    return size


def _no_size(buf: Buffer, offset: int, length: int) -> Size | None:
    return None


def vp8_size(buf: Buffer, offset: int, length: int) -> Size | None:
    """VP8 bitstream (RFC 6386 section 9.1): behind the frame tag of 3 bytes a start code, then 14 bits each."""
    data = bytes(buf[offset : offset + min(length, 16)])
    try:
        at = 1
        if data[0] & 0x80:  # X
            extension = data[1]
            at = 2
            if extension & 0x80:  # I
                at += 2 if data[at] & 0x80 else 1
            at += bool(extension & 0x40) + bool(extension & 0x30)  # L; T or K
        if data[at + 3 : at + 6] != b"\x9d\x01\x2a":
            return None
        width, height = data[at + 6] | (data[at + 7] & 0x3F) << 8, data[at + 8] | (data[at + 9] & 0x3F) << 8
        return (width, height) if width and height else None
    except IndexError:
        return None


def vp9_size(buf: Buffer, offset: int, length: int) -> Size | None:
    """The scalability structure of a VP9 payload descriptor: the largest spatial layer's."""
    sizes = vp9_sizes(buf, offset, length)
    return sizes[-1] if sizes else None


def vp9_sizes(buf: Buffer, offset: int, length: int) -> list[Size]:
    """The sizes of all spatial layers, lowest first; empty when the packet does not announce them (RFC 9628, 4.2.1)."""
    data = bytes(buf[offset : offset + min(length, 64)])
    try:
        first = data[0]
        if not first & 0x02:  # V
            return []
        pos = 1
        if first & 0x80:  # I
            pos += 2 if data[pos] & 0x80 else 1
        if first & 0x20:  # L
            pos += 1 if first & 0x10 else 2
        if first & 0x50 == 0x50:  # F and P: up to three P_DIFF, N says that another follows
            while data[pos] & 0x01:
                pos += 1
            pos += 1
        structure = data[pos]
        if not structure & 0x10:  # Y: each spatial layer's frame resolution
            return []
        found = []
        for layer in range((structure >> 5) + 1):
            at = pos + 1 + 4 * layer
            found.append((data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]))
        return found
    except IndexError:
        return []


class Bits:
    """Bits from the left, with the Exp-Golomb codes of H.264 (section 9.1). Raises `IndexError` at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def golomb(self) -> int:
        zeroes = 0
        while not self.read(1):
            zeroes += 1
            if zeroes > 32:
                raise IndexError
        return (1 << zeroes) - 1 + self.read(zeroes)

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def h264_size(buf: Buffer, offset: int, length: int) -> Size | None:
    """The sequence parameter set that stands alone or in a STAP-A."""
    # More than a parameter set of browsers (30 bytes), and a bound for a hostile one.
    data = bytes(buf[offset : offset + min(length, 256)])
    if not data:
        return None
    kind = data[0] & 0x1F
    units = [data]
    if kind == 24:  # RFC 6184 section 5.7.1
        units, pos = [], 1
        while pos + 2 < len(data):
            size = data[pos] << 8 | data[pos + 1]
            units.append(data[pos + 2 : pos + 2 + size])
            pos += 2 + size
    for unit in units:
        if unit and unit[0] & 0x1F == 7:
            try:
                return _parameter_set(Bits(unit[1:].replace(b"\0\0\3", b"\0\0")))
            except IndexError:
                return None
    return None


# The profiles whose parameter sets say their chroma format (ITU-T H.264 section 7.3.2.1.1).
_CHROMA_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def _parameter_set(bits: Bits) -> Size | None:
    profile = bits.read(8)
    bits.read(16)
    bits.golomb()  # seq_parameter_set_id
    chroma = 1
    if profile in _CHROMA_PROFILES:
        chroma = bits.golomb()
        if chroma == 3:
            bits.read(1)
        bits.golomb()
        bits.golomb()
        bits.read(1)
        if bits.read(1):  # scaling matrices: nobody sends them in a call, and they would have to be read
            return None
    bits.golomb()  # log2_max_frame_num_minus4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.read(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed()
    bits.golomb()  # max_num_ref_frames
    bits.read(1)
    width = 16 * (bits.golomb() + 1)
    height = 16 * (bits.golomb() + 1)
    frames_only = bits.read(1)
    if not frames_only:
        height *= 2
        bits.read(1)
    bits.read(1)
    if bits.read(1):  # cropping, in units of two samples (4:2:0), of one otherwise
        unit = 2 if chroma == 1 else 1
        left, right, top, bottom = bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()
        width -= unit * (left + right)
        height -= unit * (top + bottom) * (1 if frames_only else 2)
    return (width, height) if 0 < width < 1 << 16 and 0 < height < 1 << 16 else None
