"""AV1: frames of several layers that are one picture are made one frame for whoever has no dependency descriptor.

Browsers without one begin a frame where a packet does not continue an OBU (Z of the aggregation header), and end it
where none is continued in the next packet (Y); two frames of one picture they do not put together. So between the two
an OBU of padding is put, of which one packet holds the first byte and the next one the second.

See the AV1 RTP payload format, section 4, and the AV1 bitstream specification, sections 5.3 and 6.2.1.
"""

from __future__ import annotations

_CONTINUES, _CONTINUED = 0x80, 0x40  # Z, Y
_COUNT = 0x30  # W: how many elements there are, the last one without its length; 0: each has one
# obu_type 15 (padding), neither extension nor size; then nothing but the trailing bit.
_HEAD, _TAIL = b"\x78", b"\x80"
# A packet of a browser holds four at most. Empty ones take a byte each.
_MAX_ELEMENTS = 32


def joined(payload: bytes, before: bool, after: bool) -> bytes:
    """The payload of a packet with which a frame begins (`before`: another one of the same picture is in front of it)
    or ends (`after`: another one follows). What cannot be read, or is continued already, stays as it is."""
    elements = _elements(payload)
    if not elements or (before and payload[0] & _CONTINUES) or (after and payload[0] & _CONTINUED):
        return payload
    first = payload[0] & ~_COUNT
    if before:
        elements.insert(0, _TAIL)
        first |= _CONTINUES
    if after:
        elements.append(_HEAD)
        first |= _CONTINUED
    if len(elements) > 3:
        return bytes((first,)) + b"".join(_length(element) + element for element in elements)
    sized = b"".join(_length(element) + element for element in elements[:-1])
    return bytes((first | len(elements) << 4,)) + sized + elements[-1]


def _elements(payload: bytes) -> list[bytes]:
    """The OBUs, and parts of such, in a payload; none where it is cut off, or holds too many."""
    found: list[bytes] = []
    if not payload:
        return found
    count = (payload[0] & _COUNT) >> 4
    pos = 1
    while pos < len(payload):
        if len(found) + 1 == count:
            return [*found, payload[pos:]]
        if len(found) == _MAX_ELEMENTS:
            return []
        size = shift = 0
        while True:  # leb128; no element of a packet needs more than two bytes for its length
            if pos == len(payload) or shift > 14:
                return []
            size |= (payload[pos] & 0x7F) << shift
            shift += 7
            pos += 1
            if not payload[pos - 1] & 0x80:
                break
        if pos + size > len(payload):
            return []
        found.append(payload[pos : pos + size])
        pos += size
    return found if count == 0 else []


def _length(element: bytes) -> bytes:
    size = len(element)
    return bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))
