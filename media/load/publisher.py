"""A publisher that sends packets shaped like a browser's: Opus each 20 ms, video in frames paced over their interval.

The content is noise behind a true VP8 payload descriptor; the last bytes say when the packet was sent. Requests for
key frames and for lost packets are answered, since a server that asks must get what it asks for.
"""

from __future__ import annotations

import heapq
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from media import codecs, rtcp
from media.cache import PacketCache
from media.clock import unix_now
from media.load.connection import Connection, Crowd
from media.load.meter import STAMP, Meter, pack_stamp
from media.rtp import wrap_rtx
from media.sdp import Description, Section, parse, write
from media.srtp import TRAILER, PacketBuffer
from protocol.names import Source, track_id

# Pacers of browsers send each 5 ms what is due.
GRID = 0.005
# Opus packets of speech differ from one to the next by about so many bytes.
_SPREAD = 16
_CNAME = b"load"
# The extensions browsers send, under their usual numbers.
_AUDIO_LEVEL, _TRANSPORT_CC, _MID, _RID, _REPAIRED_RID = 1, 3, 4, 10, 11
# RFC 6386 section 9.1: a key frame begins with this, behind its three-byte tag; width and height follow.
_VP8_START = bytes((0x9D, 0x01, 0x2A))
_rtp = Struct("!BBHII").pack_into
_block = Struct("!HH").pack_into
_dimensions = Struct("<HH").pack_into


@dataclass(frozen=True)
class Pattern:
    """How a track is sent: packets per second, and their size in bytes (RTP header and extensions included); of a
    picture how often it changes, what its key frames say of its size, and, where it is sent in several sizes, which
    layer this is (one character, `rid`). The layers of a source follow each other."""

    source: Source
    packets_per_s: int
    size: int
    frames_per_s: int = 25
    width: int = 0
    height: int = 0
    rid: str = ""


SPEECH = Pattern(Source.AUDIO, 50, 120)


class SentTrack:
    """One track, or one layer of it: its numbers, and what of it was sent in the meter's interval."""

    def __init__(self, publisher: Publisher, mid: str, pattern: Pattern, meter: Meter) -> None:
        self.publisher = publisher
        self.mid = mid
        self.pattern = pattern
        self.id = track_id(publisher.peer, pattern.source)
        self.codec = codecs.VP8 if pattern.source in (Source.VIDEO, Source.SCREEN) else codecs.OPUS
        self.ssrc = secrets.randbits(32)
        self.rtx_ssrc = secrets.randbits(32)
        self.counted = 0
        self.packets = 0
        self.octets = 0
        self.keyframes = 0
        self._cache: PacketCache[bytes] | None = PacketCache() if self.codec.rtx else None
        self._meter = meter
        self._seq = secrets.randbelow(0x8000)
        self._rtx_seq = secrets.randbelow(0x8000)
        self._timestamp = secrets.randbits(31)
        self._ticks = 0
        self._keyframe_wanted = True
        self._keyframe = False
        self._noise = random.Random(self.ssrc)
        self._plain = PacketBuffer(pattern.size + _SPREAD)
        self._plain.view[:] = self._noise.randbytes(len(self._plain.view))
        video = bool(self.codec.rtx)
        # Packets of one frame and of one turn of the pacer; a frame begins where the count says.
        self._per_frame = max(1, round(pattern.packets_per_s / pattern.frames_per_s)) if video else 1
        self.interval = GRID if video else 1 / pattern.packets_per_s
        self._clock = 90000 // pattern.frames_per_s if video else 48000 // pattern.packets_per_s

    def want_keyframe(self) -> None:
        """The next frame is to be a key frame."""
        self._keyframe_wanted = True

    def turn(self) -> None:
        """Send what is due in this turn of the pacer."""
        self._ticks += 1
        rate = self.pattern.packets_per_s * self.interval
        for _ in range(round(self._ticks * rate) - round((self._ticks - 1) * rate)):
            self._send_one()

    def _send_one(self) -> None:
        place = self.packets % self._per_frame
        first, last = place == 0, place == self._per_frame - 1
        if first:
            self._timestamp = (self._timestamp + self._clock) & 0xFFFFFFFF
            self._keyframe = self._keyframe_wanted
            self._keyframe_wanted = False
        self._seq = (self._seq + 1) & 0xFFFF
        now = time.time_ns()
        length = self._write(first, last, now)
        if self._cache is not None:
            self._cache.store(self._seq, bytes(self._plain.view[:length]))
        if self._meter.begin <= now < self._meter.end:
            self.counted += 1
        self.packets += 1
        self.octets += length - 12
        self.publisher.send(self._plain.view, length)

    def _write(self, first: bool, last: bool, now: int) -> int:
        out = self._plain.bytes
        marker = 0x80 if last and self.codec.rtx else 0
        _rtp(out, 0, 0x90, marker | self.codec.payload_type, self._seq, self._timestamp, self.ssrc)
        # mid 1 byte, transport-wide number 2, audio level 1: eight bytes with their heads, in words.
        number = self.publisher.next_transport_number()
        _block(out, 12, 0xBEDE, 2)
        mid = self.mid.encode()[0]
        out[16:24] = bytes((_MID << 4, mid, _TRANSPORT_CC << 4 | 1, number >> 8, number & 0xFF, 0, 0, 0))
        if not self.codec.rtx:
            out[21:23] = bytes((_AUDIO_LEVEL << 4, 0x80 | 30))
            length = self.pattern.size + self._noise.randrange(-_SPREAD, _SPREAD + 1)
        else:
            if self.pattern.rid:
                out[21:23] = bytes((_RID << 4, ord(self.pattern.rid)))
            # RFC 7741 section 4.2: S begins a partition; the byte behind it has the inverse key frame bit.
            out[24] = 0x10 if first else 0x00
            out[25] = 0x00 if first and self._keyframe else 0x01
            if first and self._keyframe:
                self.keyframes += 1
                if self.pattern.width:
                    out[28:31] = _VP8_START
                    _dimensions(out, 31, self.pattern.width, self.pattern.height)
            # An encoder's frame is cut into packets that differ by a byte.
            length = self.pattern.size - self.packets % 2
        pack_stamp(out, length - STAMP, now)
        return length

    def repeat(self, seqs: Sequence[int]) -> None:
        """Send again, on the RTX stream."""
        if self._cache is None:
            return
        for seq in seqs:
            packet = self._cache.get(seq)
            if packet is not None:
                repeated = bytearray(wrap_rtx(packet, self.rtx_ssrc, self.codec.rtx, self._rtx_seq))
                if self.pattern.rid:
                    repeated[21] = _REPAIRED_RID << 4
                self._rtx_seq = (self._rtx_seq + 1) & 0xFFFF
                self.publisher.send(repeated, len(repeated))

    def report(self) -> bytes:
        """The sender report of this second."""
        return rtcp.sender_report(
            self.ssrc, rtcp.ntp(unix_now()), self._timestamp, self.packets, self.octets
        ) + rtcp.sdes(self.ssrc, _CNAME)


class Publisher:
    """One publishing client. `offer()` makes its description, `answered` takes the worker's."""

    def __init__(self, crowd: Crowd, peer: str, patterns: Sequence[Pattern], meter: Meter) -> None:
        self.peer = peer
        self.connection = Connection(crowd, reads_rtp=True)
        self.connection.received_rtcp = self._rtcp
        self.connection.report = self._report
        sources = list(dict.fromkeys(pattern.source for pattern in patterns))
        self.tracks = [SentTrack(self, str(sources.index(each.source)), each, meter) for each in patterns]
        self._by_ssrc = {track.ssrc: track for track in self.tracks}
        self._number = 0
        self._buffer = PacketBuffer(1500 + TRAILER)

    def next_transport_number(self) -> int:
        """The number of the next packet for transport-wide feedback."""
        self._number = (self._number + 1) & 0xFFFF
        return self._number

    def offer(self) -> tuple[str, dict[str, str]]:
        """The description, and which m-line (mid) is which track."""
        sections: list[Section] = []
        for track in self.tracks:
            codec, rid = track.codec, track.pattern.rid
            if sections and sections[-1].mid == track.mid:
                sections[-1].rids.append(rid)
                continue
            section = Section(
                kind=codec.kind,
                mid=track.mid,
                direction="sendonly",
                codecs=codecs.downlink_codecs(codec),
                extensions={_TRANSPORT_CC: codecs.TRANSPORT_CC, _MID: codecs.MID},
                cname=_CNAME.decode(),
            )
            if rid:  # its SSRCs are known by their first packets
                section.rids.append(rid)
                section.extensions |= {_RID: codecs.RID, _REPAIRED_RID: codecs.REPAIRED_RID}
            elif codec.rtx:
                section.ssrcs += [track.ssrc, track.rtx_ssrc]
                section.rtx_of = {track.ssrc: track.rtx_ssrc}
            else:
                section.ssrcs.append(track.ssrc)
                section.extensions[_AUDIO_LEVEL] = codecs.AUDIO_LEVEL
            for each in section.codecs.values():
                each.feedback.append("transport-cc")
            sections.append(section)
        description = Description(sections, [section.mid for section in sections])
        text = write(description, self.connection.local, "active", 1, 1).replace("a=ice-lite\r\n", "")
        return text, {track.mid: track.id for track in self.tracks}

    def answered(self, text: str, address: tuple[str, int]) -> None:
        """The answer has come. Raises `SdpError` when it cannot be read."""
        self.connection.start(parse(text).sections[0], address)

    def send(self, packet: bytes | bytearray | memoryview, length: int) -> None:
        """Protect and send one packet."""
        outbound = self.connection.outbound
        if outbound is None:
            return
        self._buffer.view[:length] = packet[:length]
        protected = outbound.protect(self._buffer, length)
        if protected > 0:
            try:
                self.connection.send(self._buffer.view[:protected])
            except OSError:  # lost, as on a network
                return

    def _rtcp(self, buffer: PacketBuffer, length: int) -> None:
        for packet in rtcp.parse(buffer.view, length):
            if isinstance(packet, rtcp.Pli | rtcp.Nack):
                track = self._by_ssrc.get(packet.media_ssrc)
                if track is None:
                    continue
                if isinstance(packet, rtcp.Pli):
                    track.want_keyframe()
                else:
                    track.repeat(packet.seqs)

    def _report(self, now: float) -> bytes | None:
        return b"".join(track.report() for track in self.tracks if track.packets) or None


class Pacer:
    """Sends the packets of all publishers when they are due. Each track keeps a phase of its own."""

    def __init__(self, crowd: Crowd, tracks: Sequence[SentTrack], seed: int = 1) -> None:
        self._loop = crowd.loop
        phases = random.Random(seed)
        now = self._loop.time()
        self._due = [(now + phases.random() * track.interval, index, track) for index, track in enumerate(tracks)]
        heapq.heapify(self._due)
        self._timer = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Send no more."""
        self._timer.cancel()

    def _turn(self) -> None:
        now = self._loop.time()
        due = self._due
        while due and due[0][0] <= now:
            at, index, track = due[0]
            track.turn()
            # What could not be sent for a second is not made up for in one burst.
            heapq.heapreplace(due, (max(at, now - 1.0) + track.interval, index, track))
        if due:
            self._timer = self._loop.call_at(due[0][0], self._turn)
