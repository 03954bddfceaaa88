"""What becomes of the packets of one audio stream: which go on, under which numbers, and how they look then.

Redundant audio is taken apart here, once: what goes on is plain Opus, and what was lost on the way from the publisher
is made up for from the packet after it. While a track has no place among those that are forwarded (last-N) its numbers
stand still, so that nobody sees a loss.

A pause ends with a frame of one byte: Opus' way of saying that nothing follows (RFC 6716 section 3.1, a frame of no
length; "DTX"). A decoder goes over to comfort noise then, where after a word that is cut off it would go on humming.
"""

from __future__ import annotations

from struct import Struct

from media.codecs import AUDIO_LEVEL, EXTENSION_IDS
from media.numbering import Numbering
from media.red import Block, split
from media.rtp import ONE_BYTE, Parsed

Outgoing = tuple[int, int, int, bytes]
"""(sequence number, timestamp, marker, all behind the header)"""

# An Opus frame of so few bytes says nothing but that it is silent, whatever level the packet claims.
SILENT_FRAME = 3
SILENT_LEVEL = 127
_TOC_ONE_FRAME = 0xFC  # RFC 6716 section 3.1: c is 0, one frame in the packet
# The extension block of each level, of one word; the last one, at -1, is that of a packet without a level.
_block = Struct("!HHBBH").pack
_HEADS = (*(_block(ONE_BYTE, 1, EXTENSION_IDS[AUDIO_LEVEL] << 4, level, 0) for level in range(256)), b"")


def blocks(buf: bytearray, parsed: Parsed, length: int, redundant: bool) -> list[Block]:
    """The frames in a packet, oldest first; empty when it is malformed or has none."""
    begin, end = parsed[5], length - parsed[9]
    if not redundant:
        return [(0, 0, begin, end)] if end > begin else []
    found = split(buf, begin, end)
    return found if found is not None and found[-1][3] > found[-1][2] else []


def is_silent(frames: list[Block]) -> bool:
    """Whether the newest frame is a silent one."""
    return frames[-1][3] - frames[-1][2] <= SILENT_FRAME


class Sound:
    """One stream. `recovered` counts the packets that were lost and made up for."""

    __slots__ = ("_numbering", "recovered")

    def __init__(self) -> None:
        self.recovered = 0
        self._numbering = Numbering()

    def begin_anew(self) -> None:
        """What comes next continues nothing: nothing from before it goes on."""
        self._numbering.pause()

    def take(self, buf: bytearray, parsed: Parsed, frames: list[Block], level: int, admitted: bool) -> list[Outgoing]:
        """What goes on of this packet, in order. `level`: the byte of its audio level, -1 when it has none;
        `admitted`: its track has a place."""
        numbering = self._numbering
        flowing = numbering.flowing
        if not admitted and not flowing:
            return []
        _, marker, seq, timestamp, *_ = parsed
        head = _HEADS[level]
        newest = len(frames) - 1
        if not admitted:
            number = numbering.take(seq)
            numbering.pause()
            if number is None:
                return []
            return [(number, timestamp, 0, head + bytes((buf[frames[newest][2]] & _TOC_ONE_FRAME,)))]
        if not flowing:
            marker = 1  # RFC 3551 section 4.1: the first packet after silence
        outgoing: list[Outgoing] = []
        for place, (_, earlier, begin, end) in enumerate(frames):
            before = seq - (newest - place) & 0xFFFF
            if place != newest and (begin == end or not numbering.lacks(before)):
                continue
            number = numbering.take(before)
            if number is None:
                continue
            self.recovered += place != newest
            frame = head + buf[begin:end]
            outgoing.append((number, (timestamp - earlier) & 0xFFFFFFFF, marker if place == newest else 0, frame))
        return outgoing
