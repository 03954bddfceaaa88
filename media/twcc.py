"""Transport-wide congestion control, the receiver's half: which packets of a transport came, and when.

(draft-holmer-rmcat-transport-wide-cc-extensions-01.) The browser's send-side estimator lives on this feedback: without
it the upper simulcast layers never start. All SSRCs of a transport share one sequence, carried in a header extension.

Arrivals are kept for half a second after they came, so that when a late packet moves the beginning of the next
report back, the packets between are reported truly once more instead of as lost.
"""

from __future__ import annotations

from media import rtcp

# The slowest that browsers' estimators are used to (50 to 100 ms): a report costs as much as several packets of media.
INTERVAL = 0.1
# Statuses in one feedback: at worst 2 bytes of delta and 2/7 of chunk each, which stays below 1,000 bytes.
MAX_STATUSES = 400
# A jump further than this is an outage or a new beginning; also the most arrivals kept.
MAX_KEPT = 2 * MAX_STATUSES
_TICKS_PER_S = 4000  # deltas are multiples of 250 µs
_TICKS_PER_REFERENCE = 256  # the reference time is in multiples of 64 ms
_KEPT_TICKS = _TICKS_PER_S // 2
_MAX_DELTA = 0x7FFF  # 8 s: a large delta is a signed number of 16 bits


class TwccGenerator:
    """The arrivals of one transport, and the feedback made of them. `now` in seconds of any monotonic clock."""

    __slots__ = ("_arrivals", "_begin", "_floor", "_highest", "_ordinal", "_reported_at", "interval")

    def __init__(self, interval: float = INTERVAL) -> None:
        self.interval = interval
        self._arrivals: dict[int, int] = {}  # number (extended beyond 16 bits) → ticks, in the order of arrival
        self._highest: int | None = None
        self._begin = 0  # the first number of the next report
        self._floor = 0  # below it arrivals have been forgotten
        self._reported_at = float("-inf")
        self._ordinal = 0

    def received(self, twcc_seq: int, now: float) -> None:
        """Note the arrival of transport-wide number `twcc_seq`. Duplicates and the far too late are ignored."""
        arrivals = self._arrivals
        highest = self._highest
        if highest is not None and (twcc_seq - highest) & 0xFFFF == 1:
            self._highest = number = highest + 1
        elif highest is None:
            self._highest = self._begin = number = twcc_seq
            self._floor = number - MAX_KEPT
        else:
            number = highest + ((twcc_seq - highest + 0x8000) & 0xFFFF) - 0x8000
            if not -MAX_KEPT < number - highest < MAX_KEPT:
                # There is no sense in reporting thousands as lost.
                arrivals.clear()
                self._highest = self._begin = self._floor = number
            elif number > highest:
                self._highest = number
            elif number < self._floor or number in arrivals:
                return
            elif number < self._begin:
                self._begin = number
        if len(arrivals) >= MAX_KEPT:
            self._forget(next(iter(arrivals)))
        arrivals[number] = int(now * _TICKS_PER_S)

    def feedback(self, now: float, sender_ssrc: int, media_ssrc: int) -> bytes | None:
        """The RTCP packet that is due now, or `None`. As long as a whole packet's worth is waiting it is due without
        regard to the interval: call again until `None`."""
        highest = self._highest
        if highest is None or self._begin > highest:
            return None
        if now - self._reported_at < self.interval and highest - self._begin + 1 < MAX_STATUSES:
            return None
        begin = self._begin
        reference: int | None = None
        previous = 0
        statuses: list[int | None] = []
        number = begin
        while number <= highest and len(statuses) < MAX_STATUSES:
            arrival = self._arrivals.get(number)
            if arrival is None:
                statuses.append(None)
            else:
                if reference is None:
                    reference = arrival // _TICKS_PER_REFERENCE
                    previous = arrival
                if not -_MAX_DELTA <= arrival - previous <= _MAX_DELTA:
                    break  # the next report begins here, with a reference of its own
                previous = arrival
                statuses.append(arrival - reference * _TICKS_PER_REFERENCE)
            number += 1
        self._begin = number
        self._reported_at = now
        self._forget_before(now)
        if reference is None:
            return None
        packet = rtcp.transport_feedback(
            sender_ssrc, media_ssrc, begin & 0xFFFF, reference & 0xFFFFFF, self._ordinal, statuses
        )
        self._ordinal = (self._ordinal + 1) & 0xFF
        return packet

    def _forget_before(self, now: float) -> None:
        limit = int(now * _TICKS_PER_S) - _KEPT_TICKS
        old = []
        for number, arrival in self._arrivals.items():
            if arrival >= limit:
                break
            if number < self._begin:
                old.append(number)
        for number in old:
            self._forget(number)

    def _forget(self, number: int) -> None:
        del self._arrivals[number]
        self._floor = max(self._floor, number + 1)
        self._begin = max(self._begin, self._floor)
