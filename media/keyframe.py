"""Key frames: recognised in the payload without decoding, and asked for without a storm.

`is_keyframe` looks only at the first bytes of one packet. It says whether a viewer may start at this packet, so it is
true for the *first* packet of a key frame (or, in H.264 and AV1, of its parameter sets) and false for all others.
"""

from __future__ import annotations

from collections.abc import Callable

from media.rtp import Buffer

Detector = Callable[[Buffer, int, int], bool]


def vp8(buf: Buffer, offset: int, length: int) -> bool:
    """VP8 payload descriptor (RFC 7741 section 4.2), then the inverse key frame bit of section 4.3."""
    end = offset + length
    if length < 1:
        return False
    first = buf[offset]
    # "S: Start of VP8 partition" and "PID: Partition index" 0: only there stands the VP8 payload header.
    if not first & 0x10 or first & 0x07:
        return False
    pos = offset + 1
    if first & 0x80:  # X: the extension byte follows
        if pos >= end:
            return False
        extension = buf[pos]
        pos += 1
        if extension & 0x80:  # I: PictureID, of 7 or (M bit) 15 bits
            if pos >= end:
                return False
            pos += 2 if buf[pos] & 0x80 else 1
        if extension & 0x40:  # L: TL0PICIDX
            pos += 1
        if extension & 0x30:  # T or K: TID, Y, KEYIDX
            pos += 1
    # Section 4.3: "P: Inverse key frame flag. When set to 0, the current frame is a key frame."
    return pos < end and not buf[pos] & 0x01


# RFC 6184 section 5.2, table 1, and ITU-T H.264 table 7-1
_H264_IDR, _H264_SPS, _H264_STAP_A, _H264_FU_A = 5, 7, 24, 28


def h264(buf: Buffer, offset: int, length: int) -> bool:
    """An IDR slice or a sequence parameter set: alone, in a STAP-A, or at the start of an FU-A (RFC 6184)."""
    if length < 2:
        return False
    kind = buf[offset] & 0x1F
    if kind in (_H264_IDR, _H264_SPS):
        return True
    end = offset + length
    if kind == _H264_STAP_A:  # section 5.7.1: units, each behind its 16-bit size
        pos = offset + 1
        while pos + 2 < end:
            if buf[pos + 2] & 0x1F in (_H264_IDR, _H264_SPS):
                return True
            pos += 2 + (buf[pos] << 8 | buf[pos + 1])
        return False
    # Section 5.8: the FU header's S bit marks the first fragment; its low five bits are the unit's type.
    return kind == _H264_FU_A and bool(buf[offset + 1] & 0x80) and buf[offset + 1] & 0x1F in (_H264_IDR, _H264_SPS)


def slice_only(buf: Buffer, offset: int) -> bool:
    """Whether what `h264` finds a key frame in is a slice of it, alone or fragmented, without parameter sets."""
    kind = buf[offset] & 0x1F
    return kind == _H264_IDR or (kind == _H264_FU_A and buf[offset + 1] & 0x1F == _H264_IDR)


def vp9(buf: Buffer, offset: int, length: int) -> bool:
    """VP9 payload descriptor (RFC 9628 section 4.2): not inter-predicted, beginning of a frame, spatial layer 0."""
    end = offset + length
    if length < 2:
        return False
    first = buf[offset]
    # "P: Inter-picture predicted frame" clear, "B: Start of frame" set.
    if first & 0x40 or not first & 0x08:
        return False
    if not first & 0x20:  # L: no layer indices, so there is one layer
        return True
    pos = offset + 1
    if first & 0x80:  # I: picture id of 7 or (M bit) 15 bits
        pos += 2 if buf[pos] & 0x80 else 1
    # TID (3) U (1) SID (3) D (1)
    return pos < end and not buf[pos] & 0x0E


# AV1 bitstream specification, section 6.2.2
_AV1_SEQUENCE_HEADER = 1


def av1(buf: Buffer, offset: int, length: int) -> bool:
    """The N bit of the aggregation header (AV1 RTP payload format, section 4.4), or a sequence header OBU first."""
    if length < 2:
        return False
    first = buf[offset]
    # "N: MUST be set to 1 if the packet is the first packet of a coded video sequence".
    if first & 0x08:
        # "If N equals 1 then Z must equal 0": a new sequence cannot continue an OBU of the packet before.
        return not first & 0x80
    if first & 0x80:
        return False
    pos = offset + 1
    end = offset + length
    if first & 0x30 != 0x10:  # W = 1: the only element has no length; otherwise a leb128 stands before it
        for _ in range(8):
            if pos >= end:
                return False
            pos += 1
            if not buf[pos - 1] & 0x80:
                break
    return pos < end and buf[pos] >> 3 & 0x0F == _AV1_SEQUENCE_HEADER


def _never(buf: Buffer, offset: int, length: int) -> bool:
    return False


_DETECTORS: dict[str, Detector] = {"VP8": vp8, "H264": h264, "VP9": vp9, "AV1": av1}


def detector(codec: str) -> Detector:
    """The detector of a codec by its SDP name in any case, to be bound once per track; for others one that never
    finds a key frame."""
    return _DETECTORS.get(codec.upper(), _never)


def is_keyframe(codec: str, buf: Buffer, offset: int, length: int) -> bool:
    """Does a key frame begin in the payload of `length` bytes (padding excluded) at `offset`?"""
    return detector(codec)(buf, offset, length)


class KeyframeArbiter:
    """Key frame requests for one layer, from any number of viewers, as few requests to the publisher.

    `request` notes that somebody needs one; `due` says that a request goes out now, at most one per `interval`
    seconds, repeated until `keyframe_seen`. A key frame costs a publisher ten times an ordinary frame, so a
    storm of requests would starve all viewers of the layer.
    """

    __slots__ = ("_interval", "_sent_at", "seen_at", "sent", "wanted")

    def __init__(self, interval: float = 0.4) -> None:
        self._interval = interval
        self._sent_at: float | None = None
        self.wanted = False
        self.sent = 0
        self.seen_at = -1e9

    def request(self, now: float) -> None:
        """Somebody needs a key frame."""
        self.wanted = True

    def due(self, now: float) -> bool:
        """Shall a request be sent now? Counts it as sent if so."""
        if not self.wanted or (self._sent_at is not None and now - self._sent_at < self._interval):
            return False
        self._sent_at = now
        self.sent += 1
        return True

    def keyframe_seen(self, now: float) -> None:
        """A key frame has begun: all who asked are served."""
        self.wanted = False
        self.seen_at = now

    def withdraw(self) -> None:
        """Nobody needs one any more: the last viewer of the layer has gone."""
        self.wanted = False
