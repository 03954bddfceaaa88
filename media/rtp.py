"""The RTP header, read and written in place (RFC 3550 section 5.1, header extensions RFC 8285, RTX RFC 4588).

This is the packet path: a packet is never an object. `parse` walks the header once and answers plain numbers;
everything else takes those numbers and the same buffer. Untrusted bytes give `None`, never an exception.
"""

from __future__ import annotations

from struct import Struct

Buffer = bytes | bytearray | memoryview
Writable = bytearray | memoryview

# (payload type, marker, sequence, timestamp, ssrc, header length with CSRCs and extension,
#  extension offset, extension length, extension profile, padding length)
Parsed = tuple[int, int, int, int, int, int, int, int, int, int]

ONE_BYTE = 0xBEDE  # RFC 8285 section 4.2
TWO_BYTE = 0x1000  # RFC 8285 section 4.3; its low four bits are "appbits" and may be anything
_TWO_BYTE_MASK = 0xFFF0

_fixed = Struct("!BBHII")
_unpack_fixed = _fixed.unpack_from
_after_first = Struct("!BHII")
_pack_after_first = _after_first.pack_into
_two_shorts = Struct("!HH").unpack_from
_short = Struct("!H")


def parse(buf: Buffer, length: int) -> Parsed | None:
    """Read the header of the RTP packet in `buf[:length]`.

    Returns (payload_type, marker, sequence, timestamp, ssrc, header_length, extension_offset, extension_length,
    extension_profile, padding_length), or `None` when this is no RTP packet. `header_length` is where the payload
    begins; the extension's offset is that of its first element, and 0 with profile 0 when there is none.
    The payload is `buf[header_length : length - padding_length]` and may be empty.
    """
    if length < 12 or length > len(buf):
        return None
    first, second, sequence, timestamp, ssrc = _unpack_fixed(buf)
    if first == 0x90:  # what browsers send: version 2, an extension, no CSRC, no padding
        if length < 16:
            return None
        profile, words = _two_shorts(buf, 12)
        words *= 4
        header = 16 + words
        if header > length:
            return None
        return second & 0x7F, second >> 7, sequence, timestamp, ssrc, header, 16, words, profile, 0
    # RFC 3550 section 5.1: "version (V): 2 bits ... The version defined by this specification is two (2)."
    if first >> 6 != 2:
        return None
    header = 12 + 4 * (first & 0x0F)
    extension = words = profile = padding = 0
    if first & 0x10:
        if header + 4 > length:
            return None
        profile, words = _two_shorts(buf, header)
        words *= 4
        extension = header + 4
        header = extension + words
    if first & 0x20:
        # "The last octet of the padding contains a count of how many padding octets should be ignored,
        # including itself."
        padding = buf[length - 1]
        if padding == 0:
            return None
    if header + padding > length:
        return None
    return second & 0x7F, second >> 7, sequence, timestamp, ssrc, header, extension, words, profile, padding


# --- header extensions (RFC 8285) ----------------------------------------------------------


def extension(buf: Buffer, offset: int, length: int, profile: int, id: int) -> tuple[int, int] | None:
    """Where the value of extension `id` stands: (offset, length), or `None`. The arguments are those of `parse`."""
    end = offset + length
    if profile == ONE_BYTE:
        while offset < end:
            head = buf[offset]
            offset += 1
            if head == 0:  # padding (section 4.1.2)
                continue
            found = head >> 4
            # Section 4.2: "If the ID value 15 is used, its length field should be ignored, processing of the
            # entire extension should terminate at that point".
            if found == 15:
                return None
            size = (head & 0x0F) + 1
            if found == id:
                return (offset, size) if offset + size <= end else None
            offset += size
    elif profile & _TWO_BYTE_MASK == TWO_BYTE:
        while offset + 1 < end:
            found = buf[offset]
            if found == 0:
                offset += 1
                continue
            size = buf[offset + 1]
            offset += 2
            if found == id:
                return (offset, size) if offset + size <= end else None
            offset += size
    return None


def extensions(buf: Buffer, offset: int, length: int, profile: int) -> dict[int, tuple[int, int]]:
    """All extension elements: id → (offset of the value, its length). Stops at the first element that is cut off."""
    found: dict[int, tuple[int, int]] = {}
    end = offset + length
    if profile == ONE_BYTE:
        while offset < end:
            head = buf[offset]
            offset += 1
            if head == 0:
                continue
            size = (head & 0x0F) + 1
            if head >= 0xF0 or offset + size > end:
                break
            # An id of 0 with a length is not padding, but no extension either (section 4.2): stepped over.
            if head >= 0x10:
                found[head >> 4] = (offset, size)
            offset += size
    elif profile & _TWO_BYTE_MASK == TWO_BYTE:
        while offset + 1 < end:
            id = buf[offset]
            if id == 0:
                offset += 1
                continue
            size = buf[offset + 1]
            offset += 2
            if offset + size > end:
                break
            found[id] = (offset, size)
            offset += size
    return found


def canonical_ids(mapping: dict[int, int]) -> bytes:
    """A peer's extension ids → ours, 1 to 15, in the form that `places` takes: 256 of them, 0 for those not known."""
    return bytes(mapping.get(id, 0) for id in range(256))


def places(buf: Buffer, parsed: Parsed, ids: bytes) -> list[int]:
    """Where the values of the extensions that we know begin, by our ids; 0 for those that are not there. `ids` is of
    `canonical_ids`. The value's length is `value_length(buf, place, profile)`. Stops at an element that is cut off."""
    found = [0] * 16
    pos = parsed[6]
    end = pos + parsed[7]
    profile = parsed[8]
    if profile == ONE_BYTE:
        while pos < end:
            head = buf[pos]
            pos += 1
            if head == 0:  # padding (section 4.1.2)
                continue
            after = pos + (head & 0x0F) + 1
            if after > end or head >= 0xF0:  # section 4.2: id 15 ends them
                break
            found[ids[head >> 4]] = pos
            pos = after
    elif profile & _TWO_BYTE_MASK == TWO_BYTE:
        while pos + 1 < end:
            id = buf[pos]
            if id == 0:
                pos += 1
                continue
            after = pos + 2 + buf[pos + 1]
            if after > end:
                break
            found[ids[id]] = pos + 2
            pos = after
    found[0] = 0
    return found


def value_length(buf: Buffer, place: int, profile: int) -> int:
    """Length of the extension value that begins at `place`, from the byte before it."""
    return (buf[place - 1] & 0x0F) + 1 if profile == ONE_BYTE else buf[place - 1]


# --- writing --------------------------------------------------------------------------------


def write_header(out: Writable, seq: int, timestamp: int, ssrc: int, payload_type: int, marker: int) -> None:
    """Write bytes 1 to 11 of the header. Byte 0 (version, padding, extension, CSRC count) stays as it is."""
    _pack_after_first(out, 1, marker << 7 | payload_type, seq, timestamp, ssrc)


def unwrap_rtx(buf: Writable, length: int, parsed: Parsed, original_ssrc: int, original_pt: int) -> int | None:
    """Turn a retransmission back into the original packet, in place. Returns the new length.

    `None` for a packet without an original inside: browsers probe the path with RTX packets that hold only padding.
    The RTX packet's own padding is removed.
    """
    header = parsed[5]
    end = length - parsed[9]
    # RFC 4588 section 4: the payload begins with the OSN, the original sequence number, in two bytes.
    if end - header <= 2:
        return None
    original = buf[header] << 8 | buf[header + 1]
    buf[header : end - 2] = bytes(buf[header + 2 : end])
    buf[0] &= 0xDF
    _pack_after_first(buf, 1, parsed[1] << 7 | original_pt, original, parsed[3], original_ssrc)
    return end - 2


def wrap_rtx(packet: Buffer, rtx_ssrc: int, rtx_pt: int, rtx_seq: int) -> bytes:
    """The retransmission of a whole RTP packet, under the RTX stream's own ssrc, payload type and sequence number.

    `packet` is one of ours (it has gone through `parse` before). Raises `ValueError` when it is no RTP packet.
    """
    parsed = parse(packet, len(packet))
    if parsed is None:
        raise ValueError("not an RTP packet")
    header = parsed[5]
    # RFC 4588 section 4: padding of the original "MUST be removed before constructing the retransmission packet".
    end = len(packet) - parsed[9]
    out = bytearray(end + 2)
    out[:header] = packet[:header]
    out[0] &= 0xDF
    _pack_after_first(out, 1, parsed[1] << 7 | rtx_pt, rtx_seq, parsed[3], rtx_ssrc)
    _short.pack_into(out, header, parsed[2])
    out[header + 2 :] = packet[header:end]
    return bytes(out)


# --- sequence numbers ------------------------------------------------------------------------


class SequenceExtender:
    """16-bit sequence numbers to integers that do not wrap: each is put where it is nearest to the highest so far.

    A packet from before the very first one may get a negative number; `& 0xFFFF` always gives back the number sent.
    """

    __slots__ = ("highest",)

    def __init__(self) -> None:
        self.highest: int | None = None

    def extend(self, seq: int) -> int:
        """The extended number of `seq`; moves the highest forward."""
        highest = self.highest
        if highest is None:
            self.highest = seq
            return seq
        extended = highest + ((seq - highest + 0x8000) & 0xFFFF) - 0x8000
        if extended > highest:
            self.highest = extended
        return extended


def signed(difference: int) -> int:
    """A difference of timestamps, which are modulo 2**32."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000
