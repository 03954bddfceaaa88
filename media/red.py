"""Redundant audio (RFC 2198): a packet that carries the one before it as well, so that a single loss costs nothing.

1 | payload type (7) | how much earlier, in samples (14) | length (10)     for each earlier block
0 | payload type (7)                                                       for the newest block, which is the rest
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from media.rtp import Buffer

MAX_OFFSET = (1 << 14) - 1
MAX_LENGTH = (1 << 10) - 1
# Browsers send one or two earlier blocks.
MAX_BLOCKS = 4
# A packet with its former one in it is no longer than the packets of browsers are: larger ones are cut up on their way,
# and at some length there is no room for them in the outbox. Speech is a tenth of that; what is as large is no speech.
MAX_PACKET = 1200
_head = Struct("!I")
_unpack_head = _timestamp = _head.unpack_from

Block = tuple[int, int, int, int]
"""(payload type, how much earlier in samples, where it begins, where it ends)"""


def split(buf: Buffer, begin: int, end: int) -> list[Block] | None:
    """The blocks of the payload `buf[begin:end]`, oldest first, the newest last. `None` when it is malformed."""
    heads: list[int] = []
    at = begin
    while True:
        if at >= end or len(heads) > MAX_BLOCKS:
            return None
        if buf[at] < 0x80:
            break
        if at + 4 > end:
            return None
        heads.append(_unpack_head(buf, at)[0])
        at += 4
    newest = buf[at]
    at += 1
    blocks: list[Block] = []
    for head in heads:
        after = at + (head & MAX_LENGTH)
        if after > end:
            return None
        blocks.append((head >> 24 & 0x7F, head >> 10 & MAX_OFFSET, at, after))
        at = after
    blocks.append((newest, 0, at, end))
    return blocks


def join(payload_type: int, earlier: list[tuple[int, bytes]], newest: bytes) -> bytes:
    """The payload that carries `earlier` blocks too: (how much earlier in samples, content), oldest first. Those that
    the heads cannot describe are left out."""
    fitting = [each for each in earlier if each[0] <= MAX_OFFSET and len(each[1]) <= MAX_LENGTH]
    heads = [_head.pack(1 << 31 | payload_type << 24 | offset << 10 | len(content)) for offset, content in fitting]
    return b"".join((*heads, bytes((payload_type,)), *(content for _, content in fitting), newest))


def with_former(kept: Callable[[int], bytes | None], seq: int, payload_type: int) -> bytes | None:
    """All that is behind the header of packet `seq` when it carries the one before it as well, as far as both are kept.
    The packets are ours: 12 bytes of header, at most one extension, no padding."""
    packet = kept(seq)
    if packet is None:
        return None
    begin = _payload_at(packet)
    earlier = []
    former = kept((seq - 1) & 0xFFFF)
    if former is not None:
        content = former[_payload_at(former) :]
        # A frame of a byte or two is silence: nothing is lost with it.
        if len(content) > 2 and len(packet) + len(content) <= MAX_PACKET:
            offset = (_timestamp(packet, 4)[0] - _timestamp(former, 4)[0]) & 0xFFFFFFFF
            earlier.append((offset, content))
    return packet[12:begin] + join(payload_type, earlier, packet[begin:])


def _payload_at(packet: bytes) -> int:
    return 16 + 4 * (packet[14] << 8 | packet[15]) if packet[0] & 0x10 else 12
