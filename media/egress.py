"""The downlink: what one viewer gets.

Per viewer and track there is a `Downlink` with an SSRC of its own and one unbroken sequence of numbers and
timestamps, whatever happens before it: gaps while the route was closed, a publisher that comes back with another
SSRC. Retransmissions go out under the RTX SSRC with its own numbers, because one number of one SSRC must never be
protected twice with different content.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter

from media import rtcp
from media.clock import unix_now
from media.codecs import Canonical
from media.nack import NackBudget
from media.rtp import wrap_rtx, write_header
from media.track import Track
from media.transport import Transport

# After so long without a recognisable key frame a viewer gets what there is: better a broken picture than none.
PATIENCE = 3.0
# One NACK, PLI or report per downlink and 20 ms is what a browser sends at most; a hundred a second per viewer and
# track is generous, 400 in total bounds the work one viewer can cause.
MAX_RTCP_PER_S = 400
# The same packet is repeated to the same viewer at most once in half a round trip, within these limits: a browser
# asks again after what it believes the round trip to be, 0.1 s when it does not know.
MIN_REPEAT, MAX_REPEAT = 0.010, 0.080
# Sender reports in one compound packet: 28 bytes each and 20 to 90 of CNAME must stay within one datagram.
REPORTS_PER_PACKET = 10


class Downlink:
    """One m-line to one viewer, and the track it carries now.

    It is `flowing` from the packet it may start at until it is held. `seq_offset` and `timestamp_offset` are added to
    the publisher's numbers; `highest` and `timestamp` are the publisher's, of the newest packet sent; `span` is how
    far back the numbers are of one piece.
    """

    __slots__ = (
        "_held_at",
        "_new_clock",
        "_repeated",
        "_sent_at",
        "budget",
        "clock_rate",
        "flowing",
        "highest",
        "octets",
        "packets",
        "payload_type",
        "reported_packets",
        "rtx_payload_type",
        "rtx_seq",
        "rtx_ssrc",
        "seq_offset",
        "span",
        "ssrc",
        "timestamp",
        "timestamp_offset",
        "track",
        "transport",
    )

    def __init__(self, transport: Transport, ssrc: int, rtx_ssrc: int, budget: NackBudget) -> None:
        self.track: Track | None = None
        self.transport = transport
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.payload_type = 0
        self.clock_rate = 90000
        self.rtx_payload_type = 0  # set when the viewer's answer takes RTX
        # RFC 3550 section 5.1: random beginnings. Below 2**15, so that the roll-over counter is surely 0 at both ends.
        self.rtx_seq = secrets.randbelow(0x8000)
        self.highest = 0
        self.seq_offset = secrets.randbelow(0x8000)
        self.timestamp = 0
        self.timestamp_offset = secrets.randbits(32)
        self.span = 0
        self.packets = 0
        self.octets = 0
        self.reported_packets = 0
        self.budget = budget
        self.flowing = False
        self._held_at: float | None = None
        self._sent_at: float | None = None
        self._new_clock = False
        self._repeated: dict[int, float] = {}

    def carry(self, track: Track, codec: Canonical) -> None:
        """This track from now on; it begins when it is attached."""
        self.track = track
        self.payload_type = codec.payload_type
        self.clock_rate = codec.clock_rate
        self.hold(new_clock=True)

    def hold(self, *, new_clock: bool = False) -> None:
        """Wait for a packet to start at. `new_clock`: the publisher's timestamps begin anew as well."""
        if self.flowing:
            self._sent_at = time.monotonic()
        self.flowing = False
        self._held_at = None
        self._new_clock = self._new_clock or new_clock
        self._repeated.clear()

    def resume(self, starts: bool, seq: int, timestamp: int, now: float) -> bool:
        """Shall this packet be the first one? Then the numbers go on from the last one sent."""
        if not starts:
            if self._held_at is None:
                self._held_at = now
            if now - self._held_at < PATIENCE:
                return False
        self.seq_offset = (self.highest + self.seq_offset + 1 - seq) & 0xFFFF
        if self._new_clock and self._sent_at is not None:
            # Another clock: time has passed for the viewer as it has for us.
            passed = int((now - self._sent_at) * self.clock_rate)
            self.timestamp_offset = (self.timestamp + self.timestamp_offset + passed - timestamp) & 0xFFFFFFFF
        self._new_clock = False
        self.highest = seq
        self.timestamp = timestamp
        self.span = 0
        self.flowing = True
        return True

    def repeat(self, seqs: tuple[int, ...], now: float) -> None:
        """Send again what the viewer asks for, as far as it is kept and the budget allows."""
        track = self.track
        if not self.rtx_payload_type or not self.flowing or track is None or not track.open:
            return
        for out_seq in seqs:
            seq = (out_seq - self.seq_offset) & 0xFFFF
            if (self.highest - seq) & 0xFFFF > self.span:
                continue
            last = self._repeated.get(out_seq)
            if last is not None and now - last < max(MIN_REPEAT, min(self.transport.rtt / 2, MAX_REPEAT)):
                continue
            packet = track.cache.get(seq)
            if packet is None or not self.budget.spend(len(packet), now):
                continue
            copy = bytearray(packet)
            timestamp = (int.from_bytes(copy[4:8], "big") + self.timestamp_offset) & 0xFFFFFFFF
            write_header(copy, out_seq, timestamp, self.ssrc, self.payload_type, copy[1] >> 7)
            if self.transport.send_rtp(wrap_rtx(copy, self.rtx_ssrc, self.rtx_payload_type, self.rtx_seq)):
                self.rtx_seq = (self.rtx_seq + 1) & 0xFFFF
                if len(self._repeated) >= 1024:
                    self._repeated.clear()
                self._repeated[out_seq] = now

    def sender_report(self, ntp_now: int, now: float) -> bytes | None:
        """The report for this second, or `None` when nothing was sent or the publisher has not reported yet."""
        clock = self.track.clock if self.track is not None else None
        if clock is None or not self.flowing or self.packets == self.reported_packets:
            return None
        self.reported_packets = self.packets
        at, timestamp = clock
        # Which timestamp would the publisher's packet have that was captured now?
        current = timestamp + int((now - at) * self.clock_rate)
        return rtcp.sender_report(
            self.ssrc, ntp_now, (current + self.timestamp_offset) & 0xFFFFFFFF, self.packets, self.octets
        )


class Feedback:
    """A subscriber's RTCP: its reports and requests, and the sender reports to it."""

    def __init__(self, transport: Transport, dropped: Counter[str]) -> None:
        self.transport = transport
        self.by_ssrc: dict[int, Downlink] = {}
        self.rtt: float | None = None
        self.loss = -1.0
        self._dropped = dropped
        self._allowance = MAX_RTCP_PER_S
        self._lost: dict[int, tuple[int, int]] = {}

    def received(self, packets: list[rtcp.Packet], now: float) -> None:
        """Act on a compound packet of the viewer."""
        self._allowance -= 1
        if self._allowance < 0:
            self._dropped["rtcp_rate"] += 1
            return
        for packet in packets:
            if isinstance(packet, rtcp.ReceiverReport | rtcp.SenderReport):
                self._reports(packet.blocks)
            elif isinstance(packet, rtcp.Nack):
                downlink = self.by_ssrc.get(packet.media_ssrc)
                if downlink is not None:
                    downlink.repeat(packet.seqs, now)
            elif isinstance(packet, rtcp.Pli):
                self._want_keyframe(packet.media_ssrc, now)
            elif isinstance(packet, rtcp.Fir):
                for ssrc, _number in packet.requests:
                    self._want_keyframe(ssrc, now)

    def _want_keyframe(self, ssrc: int, now: float) -> None:
        downlink = self.by_ssrc.get(ssrc)
        track = downlink.track if downlink is not None else None
        if track is not None and track.open and downlink in track.downlinks:
            track.keyframes.request(now)

    def _reports(self, blocks: tuple[rtcp.ReportBlock, ...]) -> None:
        ntp_now = rtcp.ntp(unix_now())
        lost = expected = 0
        for block in blocks:
            if block.ssrc not in self.by_ssrc:
                continue
            trip = rtcp.round_trip(ntp_now, block)
            if trip is not None:
                # RFC 6298's smoothing: one report that was held up says little.
                self.rtt = trip if self.rtt is None else self.rtt + (trip - self.rtt) / 8
                self.transport.rtt = max(0.001, self.rtt)
            before = self._lost.get(block.ssrc)
            self._lost[block.ssrc] = (block.highest, block.lost)
            if before is not None and block.highest > before[0]:
                expected += block.highest - before[0]
                lost += max(0, block.lost - before[1])
        if expected:
            self.loss = min(100.0, 100.0 * lost / expected)

    def each_second(self, cname: bytes) -> None:
        """Sender reports for what was sent, and a fresh allowance. An idle viewer costs a look at its downlinks."""
        self._allowance = MAX_RTCP_PER_S
        now = unix_now()
        ntp_now = rtcp.ntp(now)
        reports: list[bytes] = []
        for downlink in self.by_ssrc.values():
            report = downlink.sender_report(ntp_now, now)
            if report is not None:
                reports.append(report + rtcp.sdes(downlink.ssrc, cname))
        for start in range(0, len(reports), REPORTS_PER_PACKET):
            self.transport.send_rtcp(b"".join(reports[start : start + REPORTS_PER_PACKET]))
