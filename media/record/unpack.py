"""From the payloads of one picture to what a file holds of it, without decoding.

Each codec has a function for the frame and one for the format, of which the file's head is made from the first key
frame. What is malformed is an empty frame, and left out; nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from media.picture import Bits, Size, h264_size, vp8_size, vp9_size
from media.record.matroska import Format
from media.record.order import Packet

# Of one picture. A 4K key frame of a screen is 2 MB.
MAX_FRAME = 8 * 1024 * 1024

# RFC 7845 section 5.1: version 1, two channels (mono comes out of both), nothing skipped, 48 kHz, no gain.
_OPUS_HEAD = b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00"


class Frame(NamedTuple):
    """`at`: when its last packet came. `size`: of a key frame's picture, where its first packet says it."""

    timestamp: int
    at: float
    key: bool
    data: bytes
    size: Size | None = None


class Unpacker:
    """The pictures of one track."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._packets: list[Packet] = []
        self._length = 0

    def reset(self) -> None:
        """What was begun is not continued."""
        self._packets.clear()
        self._length = 0

    def add(self, packet: Packet) -> list[Frame]:
        """The next packet in order; the pictures that are complete with it."""
        found: list[Frame] = []
        if self._packets and self._packets[-1].timestamp != packet.timestamp:
            found += self._complete()
        if packet.payload:
            self._packets.append(packet)
            self._length += len(packet.payload)
        if packet.marker or self._length > MAX_FRAME:
            found += self._complete()
        return found

    def _complete(self) -> list[Frame]:
        packets, length = list(self._packets), self._length
        self.reset()
        if not packets or length > MAX_FRAME:
            return []
        try:
            data = _FRAMES[self._codec]([packet.payload for packet in packets])
        except IndexError:
            return []
        if not data:
            return []
        key = any(packet.starts for packet in packets)
        size = _SIZES[self._codec]([packet.payload for packet in packets], data) if key else None
        return [Frame(packets[0].timestamp, packets[-1].at, key, data, size)]


def form(codec: str, frame: Frame, size: Size) -> Format | None:
    """What a file that begins with this frame is to say; `None`: none may begin with it. `size`: of the pictures, as
    far as somebody else knows it."""
    size = frame.size or size
    if codec == "opus":
        return Format("A_OPUS", _OPUS_HEAD, None)
    if not frame.key or not all(size):
        return None
    if codec in ("VP8", "VP9"):
        return Format(f"V_{codec}", b"", size)
    private = _avc_head(frame.data) if codec == "H264" else _av1_head(frame.data)
    if not private:
        return None
    return Format("V_AV1" if codec == "AV1" else "V_MPEG4/ISO/AVC", private, size, web=codec == "AV1")


# --- VP8 (RFC 7741 section 4.2) and VP9 (RFC 9628 section 4.2) -------------------------------------


def _vp8(payloads: Sequence[bytes]) -> bytes:
    return b"".join(payload[_vp8_descriptor(payload) :] for payload in payloads)


def _vp8_descriptor(payload: bytes) -> int:
    if not payload[0] & 0x80:  # X
        return 1
    extension, at = payload[1], 2
    if extension & 0x80:  # I
        at += 2 if payload[at] & 0x80 else 1
    return at + bool(extension & 0x40) + bool(extension & 0x30)  # L; T or K


def _vp9(payloads: Sequence[bytes]) -> bytes:
    """The frames of a picture with spatial layers are put together as a superframe (VP9 bitstream specification, annex
    B): one block of a file is what is shown at one time."""
    frames: list[list[bytes]] = []
    for payload in payloads:
        if payload[0] & 0x08 or not frames:  # B: a frame begins
            frames.append([])
        frames[-1].append(payload[_vp9_descriptor(payload) :])
    joined = [b"".join(parts) for parts in frames]
    if len(joined) == 1:
        return joined[0]
    width = (max(len(frame) for frame in joined).bit_length() + 7) // 8
    marker = bytes((0xC0 | (width - 1) << 3 | (len(joined) - 1) & 7,))
    sizes = b"".join(len(frame).to_bytes(width, "little") for frame in joined)
    return b"".join(joined) + marker + sizes + marker


def _vp9_descriptor(payload: bytes) -> int:
    first, at = payload[0], 1
    if first & 0x80:  # I
        at += 2 if payload[at] & 0x80 else 1
    if first & 0x20:  # L
        at += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:  # F and P: up to three references, the lowest bit says that another follows
        while payload[at] & 0x01:
            at += 1
        at += 1
    if first & 0x02:  # V: the scalability structure
        structure = payload[at]
        at += 1
        if structure & 0x10:  # Y: sizes
            at += 4 * ((structure >> 5) + 1)
        if structure & 0x08:  # G: the group of pictures
            count = payload[at]
            at += 1
            for _ in range(count):
                at += 1 + (payload[at] >> 2 & 0x03)
    return at


# --- H.264 (RFC 6184) -----------------------------------------------------------------------------

_SPS, _PPS, _DELIMITER = 7, 8, 9
_STAP_A, _FU_A = 24, 28


def _h264(payloads: Sequence[bytes]) -> bytes:
    """Units behind their lengths. Parameter sets stay among them: they change with the size of the picture, and the
    file's head has only the first."""
    return b"".join(
        len(unit).to_bytes(4, "big") + unit for unit in _units(payloads) if unit and unit[0] & 0x1F != _DELIMITER
    )


def _units(payloads: Sequence[bytes]) -> list[bytes]:
    units: list[bytes] = []
    parts: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == _STAP_A:
            at = 1
            while at + 2 < len(payload):
                size = payload[at] << 8 | payload[at + 1]
                units.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == _FU_A:
            if payload[1] & 0x80:  # S: the first part; its header is put together of two bytes
                parts = [bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))]
            if parts:
                parts.append(payload[2:])
            if payload[1] & 0x40:  # E: the last one
                units.append(b"".join(parts))
                parts = []
        elif kind < _STAP_A:
            units.append(payload)
    return units


def _avc_head(frame: bytes) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1)."""
    sets: dict[int, bytes] = {}
    at = 0
    while at + 4 < len(frame):
        size = int.from_bytes(frame[at : at + 4], "big")
        unit = frame[at + 4 : at + 4 + size]
        sets.setdefault(unit[0] & 0x1F, unit)
        at += 4 + size
    sps, pps = sets.get(_SPS, b""), sets.get(_PPS, b"")
    if len(sps) < 4 or not pps:
        return b""
    return (
        b"\x01"
        + sps[1:4]
        + b"\xff\xe1"
        + len(sps).to_bytes(2, "big")
        + sps
        + b"\x01"
        + len(pps).to_bytes(2, "big")
        + pps
    )


# --- AV1 (RTP payload format for AV1, section 4; bitstream specification, section 5) ---------------

_SEQUENCE, _TEMPORAL_DELIMITER, _TILE_LIST, _PADDING = 1, 2, 8, 15


def _av1(payloads: Sequence[bytes]) -> bytes:
    """OBUs that say their size, as files have them, without those that are for the way alone."""
    units: list[bytes] = []
    for payload in payloads:
        continues, continued = payload[0] & 0x80, payload[0] & 0x40
        elements = _elements(payload)
        for n, element in enumerate(elements):
            if n == 0 and continues and units:
                units[-1] += element
            else:
                units.append(element)
        if not continued:
            units.append(b"")  # nothing may continue what is complete
    return b"".join(_sized(unit) for unit in units if unit)


def _elements(payload: bytes) -> list[bytes]:
    found: list[bytes] = []
    count, at = payload[0] >> 4 & 0x03, 1
    while at < len(payload):
        if len(found) + 1 == count:
            return [*found, payload[at:]]
        size, at = _leb128(payload, at)
        found.append(payload[at : at + size])
        at += size
    return found


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(8):
        value |= (data[at + n] & 0x7F) << 7 * n
        if not data[at + n] & 0x80:
            return value, at + n + 1
    raise IndexError


def _sized(unit: bytes) -> bytes:
    kind = unit[0] >> 3 & 0x0F
    if kind in (_TEMPORAL_DELIMITER, _TILE_LIST, _PADDING):
        return b""
    if unit[0] & 0x02:  # it says its size already
        return unit
    head = 2 if unit[0] & 0x04 else 1  # with the extension byte
    length, size = len(unit) - head, b""
    while length > 0x7F:
        size += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return bytes((unit[0] | 0x02,)) + unit[1:head] + size + bytes((length,)) + unit[head:]


def _sequence(frame: bytes) -> bytes:
    """The sequence header in a frame, with its head; empty when there is none."""
    at = 0
    try:
        while at < len(frame):
            head = 2 if frame[at] & 0x04 else 1
            size, content = _leb128(frame, at + head)
            if frame[at] >> 3 & 0x0F == _SEQUENCE:
                return frame[at : content + size]
            at = content + size
    except IndexError:
        pass
    return b""


class _Sequence(NamedTuple):
    profile: int
    level: int
    tier: int
    size: Size


def _read_sequence(unit: bytes) -> _Sequence | None:
    """Section 5.5.1."""
    try:
        _, at = _leb128(unit, 2 if unit[0] & 0x04 else 1)
        bits = Bits(unit[at:])
        profile = bits.read(3)
        bits.read(1)
        tier = delays = 0
        if bits.read(1):  # reduced_still_picture_header
            level = bits.read(5)
        else:
            model = False
            if bits.read(1):  # timing_info_present_flag
                bits.read(64)
                if bits.read(1):
                    bits.golomb()  # equal_picture_interval: uvlc is the same code
                model = bool(bits.read(1))
                if model:
                    delays = bits.read(5) + 1
                    bits.read(42)
            display = bits.read(1)
            level = 0
            for n in range(bits.read(5) + 1):
                bits.read(12)
                its_level = bits.read(5)
                its_tier = bits.read(1) if its_level > 7 else 0
                if n == 0:
                    level, tier = its_level, its_tier
                if model and bits.read(1):
                    bits.read(2 * delays + 1)
                if display and bits.read(1):
                    bits.read(4)
        width, height = bits.read(4) + 1, bits.read(4) + 1
        return _Sequence(profile, level, tier, (bits.read(width) + 1, bits.read(height) + 1))
    except IndexError:
        return None


def _av1_head(frame: bytes) -> bytes:
    """AV1CodecConfigurationRecord (AV1 in ISOBMFF, section 2.3). Browsers send 8 bits and 4:2:0."""
    unit = _sequence(frame)
    found = _read_sequence(unit) if unit else None
    if found is None:
        return b""
    return bytes((0x81, found.profile << 5 | found.level, found.tier << 7 | 0x0C, 0)) + unit


def _av1_size(payloads: Sequence[bytes], frame: bytes) -> Size | None:
    unit = _sequence(frame)
    found = _read_sequence(unit) if unit else None
    return found.size if found is not None else None


def _said(read: Callable[[bytes, int, int], Size | None]) -> Callable[[Sequence[bytes], bytes], Size | None]:
    def size(payloads: Sequence[bytes], frame: bytes) -> Size | None:
        return next((found for each in payloads if (found := read(each, 0, len(each)))), None)

    return size


def _no_size(payloads: Sequence[bytes], frame: bytes) -> Size | None:
    return None


_FRAMES: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "opus": b"".join,
    "VP8": _vp8,
    "VP9": _vp9,
    "H264": _h264,
    "AV1": _av1,
}
_SIZES: dict[str, Callable[[Sequence[bytes], bytes], Size | None]] = {
    "opus": _no_size,
    "VP8": _said(vp8_size),
    "VP9": _said(vp9_size),
    "H264": _said(h264_size),
    "AV1": _av1_size,
}
