"""What a receiver knows of one RTP stream: received, expected, lost, jitter (RFC 3550 section 6.4.1, A.1, A.3, A.8).

The probation of A.1 (two packets in sequence before a source is believed) is left out: what arrives here has been
authenticated by SRTP.
"""

from __future__ import annotations

from media.rtcp import ReportBlock

# RFC 3550 A.1: MAX_DROPOUT and MAX_MISORDER, its typical values.
MAX_DROPOUT = 3000
MAX_MISORDER = 100


class LossRegister:
    """The register of one SSRC. `now` is in seconds of any monotonic clock; `clock_rate` in Hz."""

    __slots__ = (
        "_bad_seq",
        "_base",
        "_expected_prior",
        "_jitter",
        "_last_sr",
        "_last_sr_at",
        "_received_prior",
        "_transit",
        "clock_rate",
        "highest",
        "received_count",
    )

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self._last_sr = 0
        self._last_sr_at = 0.0
        self._start(None)

    def _start(self, seq: int | None) -> None:
        self.highest = -1 if seq is None else seq  # extended by the count of cycles
        self._base = 0 if seq is None else seq
        self._bad_seq = -1
        self.received_count = 0
        self._expected_prior = 0
        self._received_prior = 0
        self._jitter = 0.0
        self._transit: float | None = None

    def received(self, seq: int, timestamp: int, now: float) -> bool:
        """Note a packet. False when its number jumped too far to belong to the stream: not counted (A.1); the
        second in sequence after such a jump starts the register anew, as a restarted sender."""
        highest = self.highest
        if highest < 0:
            self._start(seq)
        else:
            delta = (seq - highest) & 0xFFFF
            if delta < MAX_DROPOUT:
                self.highest = highest + delta
            elif delta <= 0x10000 - MAX_MISORDER:
                if seq != self._bad_seq:
                    self._bad_seq = (seq + 1) & 0xFFFF
                    return False
                self._start(seq)
        self.received_count += 1
        # A.8: D(i,j) = (Rj - Ri) - (Sj - Si); J += (|D| - J) / 16. Transit is kept modulo 2**32 like the timestamp.
        transit = now * self.clock_rate - timestamp
        previous = self._transit
        self._transit = transit
        if previous is not None:
            change = (transit - previous) % 4294967296.0
            if change > 2147483648.0:
                change = 4294967296.0 - change
            self._jitter += (change - self._jitter) / 16.0
        return True

    @property
    def expected(self) -> int:
        """Packets that should have come since the first."""
        return 0 if self.highest < 0 else self.highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets lost since the first; negative when some came twice (A.3)."""
        return self.expected - self.received_count

    @property
    def jitter(self) -> float:
        """Interarrival jitter in seconds."""
        return self._jitter / self.clock_rate

    def sender_report(self, ntp: int, now: float) -> None:
        """Note a sender report's 64-bit NTP time, for LSR and DLSR."""
        self._last_sr = ntp >> 16 & 0xFFFFFFFF
        self._last_sr_at = now

    def report_block(self, ssrc: int, now: float) -> ReportBlock:
        """The report block for `ssrc`; begins the next interval of the fraction lost."""
        expected = self.expected
        # A.3: fraction lost since the previous report, as a fixed point number with the point at the left edge. At
        # most 255/256, because the packet that made `expected` grow was itself received.
        expected_interval = expected - self._expected_prior
        lost_interval = expected_interval - (self.received_count - self._received_prior)
        self._expected_prior = expected
        self._received_prior = self.received_count
        fraction = (lost_interval << 8) // expected_interval if expected_interval > 0 and lost_interval > 0 else 0
        dlsr = int((now - self._last_sr_at) * 65536) if self._last_sr else 0
        return ReportBlock(
            ssrc=ssrc,
            fraction=fraction,
            lost=max(-0x800000, min(0x7FFFFF, self.lost)),  # "clamped" to 24 bits, A.3
            highest=max(self.highest, 0) & 0xFFFFFFFF,
            jitter=int(self._jitter) & 0xFFFFFFFF,
            lsr=self._last_sr,
            dlsr=max(0, min(dlsr, 0xFFFFFFFF)),
        )
