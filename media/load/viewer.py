"""A viewer. One that is sampled decrypts everything, notices gaps and measures delays; the others only report.

To the worker both are the same: checks, handshake, a receiver report with a block per stream each second.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter

from media import rtcp
from media.load.connection import Connection, Crowd
from media.load.meter import STAMP, Meter, unpack_stamp
from media.loss import LossRegister
from media.nack import NackGenerator
from media.rtp import parse as parse_rtp
from media.rtp import unwrap_rtx
from media.sdp import Description, Section, parse, write
from media.srtp import PacketBuffer

_NACK_EVERY = 0.02


class SeenStream:
    """What comes on one m-line. For a viewer that is not sampled it knows only the sender reports."""

    __slots__ = ("loss", "nack", "payload_type", "rtx_payload_type", "ssrc")

    def __init__(self, ssrc: int, section: Section) -> None:
        self.ssrc = ssrc
        self.payload_type, *repeats = section.codecs
        self.rtx_payload_type = repeats[0] if repeats else -1
        self.loss = LossRegister(section.codecs[self.payload_type].clock_rate)
        self.nack = NackGenerator() if section.kind == "video" else None


class Viewer:
    """One viewing client. `offered` answers the worker's offers; the first one starts the connection."""

    def __init__(self, crowd: Crowd, peer: str, meter: Meter, *, sampled: bool) -> None:
        self.peer = peer
        self.sampled = sampled
        self.connection = Connection(crowd, reads_rtp=sampled)
        self.connection.received_rtp = self._rtp
        self.connection.received_rtcp = self._rtcp
        self.connection.report = self._report
        self.counted = 0
        self.padding = 0
        self.repaired = 0
        self.per_stream: Counter[int] = Counter()
        self.first_packet_at = 0.0
        self._meter = meter
        self._ssrc = secrets.randbits(32)
        self.streams: dict[int, SeenStream] = {}
        self._repeats: dict[int, int] = {}
        self._nack_at = 0.0

    def offered(self, text: str, address: tuple[str, int]) -> str:
        """The worker's offer has come; returns the answer. Raises `SdpError` when it cannot be read."""
        offer = parse(text)
        reply = Description(bundle=offer.bundle)
        for section in offer.sections:
            direction = "recvonly" if section.direction == "sendonly" else "inactive"
            reply.sections.append(
                Section(
                    kind=section.kind,
                    mid=section.mid,
                    direction=direction,
                    codecs=section.codecs,
                    extensions=section.extensions,
                )
            )
            for ssrc in section.ssrcs[:1]:
                if section.direction == "sendonly" and ssrc not in self.streams:
                    self.streams[ssrc] = SeenStream(ssrc, section)
                    if ssrc in section.rtx_of:
                        self._repeats[section.rtx_of[ssrc]] = ssrc
        self.connection.start(offer.sections[0], address)
        return write(reply, self.connection.local, "active", 1, 1).replace("a=ice-lite\r\n", "")

    def _rtp(self, buffer: PacketBuffer, length: int) -> None:
        parsed = parse_rtp(buffer.bytes, length)
        if parsed is None:
            return
        now = time.monotonic()
        ssrc = parsed[4]
        repeats = self._repeats.get(ssrc)
        if repeats is not None:
            stream = self.streams[repeats]
            unwrapped = unwrap_rtx(buffer.bytes, length, parsed, repeats, stream.payload_type)
            parsed = parse_rtp(buffer.bytes, unwrapped) if unwrapped is not None else None
            if parsed is None or unwrapped is None:
                return
            length = unwrapped
            self.repaired += 1
        elif ssrc in self.streams:
            stream = self.streams[ssrc]
            stream.loss.received(parsed[2], parsed[3], now)
        else:
            return
        if stream.nack is not None:
            if not stream.nack.received(parsed[2], now):
                return
            if stream.nack.pending and now >= self._nack_at:
                self._nack_at = now + _NACK_EVERY
                missing = stream.nack.due(now, 0.05)
                if missing:
                    self.connection.send_rtcp(rtcp.nack(self._ssrc, stream.ssrc, missing))
        end = length - parsed[9]
        if end - parsed[5] < STAMP:
            return
        self.padding += parsed[9]
        if not self.first_packet_at:
            self.first_packet_at = now
        sent = unpack_stamp(buffer.bytes, end - STAMP)[0]
        meter = self._meter
        if meter.begin <= sent < meter.end:
            self.counted += 1
            self.per_stream[stream.ssrc] += 1
            meter.delays.append((self.connection.arrival - sent) / 1e9)

    def _rtcp(self, buffer: PacketBuffer, length: int) -> None:
        now = time.monotonic()
        for packet in rtcp.parse(buffer.view, length):
            if isinstance(packet, rtcp.SenderReport) and packet.ssrc in self.streams:
                loss = self.streams[packet.ssrc].loss
                loss.sender_report(packet.ntp, now)
                if not self.sampled:
                    # The number it would have seen by now, give or take where the sequence began.
                    loss.received(packet.packets & 0xFFFF, packet.timestamp, now)

    def _report(self, now: float) -> bytes | None:
        blocks = [
            block if self.sampled else block._replace(fraction=0, lost=0)
            for stream in self.streams.values()
            if stream.loss.expected
            for block in (stream.loss.report_block(stream.ssrc, now),)
        ]
        return rtcp.receiver_report(self._ssrc, blocks[:31]) + rtcp.sdes(self._ssrc, b"load")
