"""Finding out whether more fits, without anybody's picture being the price.

A receiver's estimate rises to 1.5 times what arrives and no further. While somebody waits for a larger picture, what is
sent is filled up with padding to a little more than the estimate; when that arrives unharmed the estimate follows, and
padding with it, until the larger picture fits. When it does not, the estimator says when to try again.
"""

from __future__ import annotations

# Above the estimate, so that it is put to the test. More would fill the queue of a link that has no more to give.
ABOVE = 1.2
# Padding of one step at most, in bytes: a tick of 20 ms at 8 Mbit/s. A stalled loop does not catch up.
MOST_PER_STEP = 20_000
# A burst that has brought nothing by then ends, and so long is nothing tried.
LASTS, RESTS = 5.0, 5.0


class Prober:
    """When one viewer gets how much padding. `now` in seconds of any monotonic clock."""

    __slots__ = ("_began_at", "_debt", "_from", "_rests_until", "_stepped_at", "aim")

    def __init__(self) -> None:
        self.aim = 0.0  # bit/s in all; 0: nothing is tried
        self._from = 0.0
        self._began_at = 0.0
        self._stepped_at = 0.0
        self._debt = 0.0
        self._rests_until = float("-inf")

    def want(self, bitrate: float, estimate: float, now: float) -> None:
        """Somebody waits for `bitrate` in all, in bit/s, above the estimate; 0: nobody waits."""
        if bitrate <= estimate or now < self._rests_until:
            self.aim = 0.0
            return
        if self.aim == 0.0 or estimate > 1.05 * self._from:
            # It begins, or goes on because it succeeds.
            if self.aim == 0.0:
                self._stepped_at = now
                self._debt = 0.0
            self._from = estimate
            self._began_at = now
        elif now - self._began_at > LASTS:
            self.aim = 0.0
            self._rests_until = now + RESTS
            return
        self.aim = min(bitrate, ABOVE * estimate)

    def stop(self) -> None:
        """Something spoke against it."""
        self.aim = 0.0

    def padding(self, sent: float, now: float) -> int:
        """Bytes of padding that are due now; `sent`: bit/s of media in about the last second, without padding. What is
        sent of them is told to `padded`."""
        if self.aim <= sent:
            self._stepped_at = now
            return 0
        self._debt = min(MOST_PER_STEP, self._debt + (self.aim - sent) / 8 * (now - self._stepped_at))
        self._stepped_at = now
        return max(0, int(self._debt))

    def padded(self, bytes: int) -> None:
        """So much has been sent: packets are whole, so it may be more than was due, and then less is due later."""
        self._debt -= bytes


__all__ = ["Prober"]
