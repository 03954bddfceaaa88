"""What a viewer says of what it gets: reports, requests for packets and key frames; and the sender reports to it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from media import rtcp
from media.clock import unix_now
from media.limits import Limits
from media.nack import Repeats
from media.rtp import SequenceExtender
from media.securepath import SecurePath

if TYPE_CHECKING:
    from media.egress import Downlink

# A viewer whose reports say that it loses this share of what is sent gets redundant audio for so many seconds more.
# Reports on audio come each 5 s; two of them without loss do not mean that the Wi-Fi has become a good one.
LOSSY, LOSSY_FOR = 0.01, 30.0
# Holes of which no report has spoken yet: those of some seconds at a fifth lost.
MAX_AHEAD = 200
# Sender reports in one compound packet: 28 bytes each and 20 to 90 of CNAME must stay within one datagram.
REPORTS_PER_PACKET = 10


class Losses:
    """What of one downlink was lost on the way to its viewer, from one report to the next; `share` is the last one's.

    A number that was never sent, since its packet was lost before it came here, is missing at every viewer and is
    reported by each. It is taken off: somebody's bad uplink is not their viewers' bad network. Numbers and packets
    sent are read at the same moment, so what is on its way just now counts on both sides; a hole in it is reported
    one report later, and waits for that (`_ahead`).
    """

    __slots__ = ("_ahead", "_holes", "_numbers", "expected", "highest", "lost", "share")

    def __init__(self, downlink: Downlink, block: rtcp.ReportBlock) -> None:
        self._numbers = SequenceExtender()
        self._holes = self._unsent(downlink)
        self._ahead = 0
        self.highest, self.lost = block.highest, block.lost
        self.expected = 0
        self.share = 0.0

    def report(self, downlink: Downlink, block: rtcp.ReportBlock) -> int:
        """One more report. Returns how many packets were lost, of `expected`."""
        holes = self._unsent(downlink)
        self.expected = max(0, block.highest - self.highest)
        lost = block.lost - self.lost - (holes - self._holes) - self._ahead
        self._ahead = min(MAX_AHEAD, -min(0, lost))
        self._holes, self.highest, self.lost = holes, block.highest, block.lost
        if self.expected == 0:
            return 0
        lost = min(max(0, lost), self.expected)
        self.share = lost / self.expected
        return lost

    def _unsent(self, downlink: Downlink) -> int:
        newest, packets = downlink.progress()
        return self._numbers.extend(newest) - packets


class Hearer(Protocol):
    """Who is told what is said of the network: `Viewer`."""

    def remb(self, bitrate: int, now: float) -> None:
        """The receiver's estimate."""

    def reports(self, expected: int, lost: int, trip: float | None, now: float) -> None:
        """Packets expected and lost since the reports before, and a round trip in seconds."""


class Feedback:
    """A subscriber's RTCP: its reports and requests, and the sender reports to it."""

    def __init__(self, transport: SecurePath, viewer: Hearer, dropped: Counter[str], limits: Limits) -> None:
        self.transport = transport
        self._viewer = viewer
        self.repeats: Repeats[tuple[Downlink, int]] = Repeats(
            limits.repeated_packets_per_s, limits.repeated_bitrate / 8
        )
        self.by_ssrc: dict[int, Downlink] = {}
        self.rtt: float | None = None
        self.loss = -1.0
        self._dropped = dropped
        self._limits = limits
        self._allowance = limits.viewer_rtcp_per_s
        self._nacked = limits.viewer_nacked_per_s
        # Who asked for a key frame again too soon, and when: it is asked for when it is time, unless it has come.
        self._keyframes_later: dict[Downlink, float] = {}
        self._lossy_until: float | None = None  # unknown yet

    def admit(self, length: int) -> bool:
        """Whether a compound packet of so many bytes is looked at. Parsing costs more than anything else of it."""
        self._allowance -= rtcp.weight(length)
        if self._allowance < 0:
            self._dropped["rtcp_rate"] += 1
            return False
        return True

    def received(self, packets: list[rtcp.Packet], now: float) -> None:
        """Act on a compound packet of the viewer."""
        for packet in packets:
            if isinstance(packet, (rtcp.ReceiverReport, rtcp.SenderReport)):
                self._reports(packet.blocks, now)
            elif isinstance(packet, rtcp.Remb):
                self._viewer.remb(packet.bitrate, now)
            elif isinstance(packet, rtcp.Nack):
                downlink = self.by_ssrc.get(packet.media_ssrc)
                if downlink is not None:
                    self._repeat_later(downlink, packet.seqs)
                    self.repeat(now)
            elif isinstance(packet, rtcp.Pli):
                self._want_keyframe(packet.media_ssrc, now)
            elif isinstance(packet, rtcp.Fir):
                for ssrc, _number in packet.requests:
                    self._want_keyframe(ssrc, now)

    def _repeat_later(self, downlink: Downlink, seqs: tuple[int, ...]) -> None:
        taken = seqs[: max(0, self._nacked)]
        self._nacked -= len(taken)
        if len(taken) < len(seqs):
            self._dropped["nack_rate"] += len(seqs) - len(taken)
        for seq in taken:
            self.repeats.ask((downlink, seq))

    def repeat(self, now: float) -> None:
        """Send of what was asked for again as much as may go now; to be called each 20 ms while something waits."""
        self.repeats.serve(lambda request: request[0].repeat(request[1], now), now)

    def _want_keyframe(self, ssrc: int, now: float) -> None:
        downlink = self.by_ssrc.get(ssrc)
        layer = downlink.layer if downlink is not None else None
        if downlink is None or layer is None or not layer.track.open:
            return
        if now - downlink.keyframe_asked_at < self._limits.viewer_keyframe_interval_ms / 1000:
            self._keyframes_later[downlink] = now
            self._dropped["keyframe_rate"] += 1
            return
        downlink.keyframe_asked_at = now
        downlink.keyframes_asked += 1
        layer.keyframes.request(now)

    def _ask_keyframes(self, now: float) -> None:
        """Those that had to wait."""
        interval = self._limits.viewer_keyframe_interval_ms / 1000
        for downlink, asked_at in list(self._keyframes_later.items()):
            layer = downlink.layer
            if layer is None or layer.keyframes.seen_at > asked_at:
                del self._keyframes_later[downlink]
            elif now - downlink.keyframe_asked_at >= interval:
                del self._keyframes_later[downlink]
                self._want_keyframe(downlink.ssrc, now)

    def lossy(self, now: float) -> bool:
        """Whether the viewer has lost something lately; also as long as it has not said."""
        return self._lossy_until is None or now < self._lossy_until

    def _reports(self, blocks: tuple[rtcp.ReportBlock, ...], now: float) -> None:
        ntp_now = rtcp.ntp(unix_now())
        lost = expected = 0
        measured: float | None = None
        for block in blocks:
            downlink = self.by_ssrc.get(block.ssrc)
            if downlink is None:
                continue
            downlink.report, downlink.reported_at = block, now
            trip = rtcp.round_trip(ntp_now, block)
            if trip is not None:
                measured = trip
                # RFC 6298's smoothing: one report that was held up says little.
                self.rtt = trip if self.rtt is None else self.rtt + (trip - self.rtt) / 8
                self.transport.rtt = max(0.001, self.rtt)
            if downlink.losses is None:
                downlink.losses = Losses(downlink, block)
            else:
                lost += downlink.losses.report(downlink, block)
                expected += downlink.losses.expected
        if expected:
            self.loss = min(100.0, 100.0 * lost / expected)
            if lost >= LOSSY * expected:
                self._lossy_until = now + LOSSY_FOR
            elif self._lossy_until is None:
                self._lossy_until = now
        self._viewer.reports(expected, lost, measured, now)

    def each_second(self, cname: bytes, monotonic: float) -> None:
        """Sender reports for what was sent, and fresh allowances. An idle viewer costs a look at its downlinks."""
        self._allowance = self._limits.viewer_rtcp_per_s
        self._nacked = self._limits.viewer_nacked_per_s
        if self._keyframes_later:
            self._ask_keyframes(monotonic)
        now = unix_now()
        ntp_now = rtcp.ntp(now)
        reports: list[bytes] = []
        for downlink in self.by_ssrc.values():
            report = downlink.sender_report(ntp_now, now)
            if report is not None:
                reports.append(report + rtcp.sdes(downlink.ssrc, cname))
        for start in range(0, len(reports), REPORTS_PER_PACKET):
            self.transport.send_rtcp(b"".join(reports[start : start + REPORTS_PER_PACKET]))
