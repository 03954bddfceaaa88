"""Which time a stream's RTP timestamps are, by its sender reports.

Each report (RFC 3550, 6.4.1) says of one timestamp when it was. A publisher whose microphone has just stood still says
something else by a tenth of a second and more, once (measured with Chromium, where the sound of a page that was busy
came late). Viewers and recordings would have the picture beside the wrong sound until the next report, five seconds
later. So it is the middle one of the last three that counts, and of two the earlier: sound comes late, and never early.
"""

from __future__ import annotations

from media.rtp import signed

_HEARD = 3
# What differs by more seconds is a clock that was set, and not a report that is wrong.
_SET = 1.0
# Sound cards count 0.1 ms a second too fast or too slow: what was said so many seconds ago is as far off as a wrong
# report. Sound is reported each five seconds.
_TOLD_FOR = 30.0


class SenderClock:
    """Of one stream; `rate` of its timestamps in Hz."""

    __slots__ = ("_rate", "_reports")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._reports: list[tuple[float, int]] = []

    def hear(self, at: float, timestamp: int) -> float:
        """When this timestamp was, in seconds by the publisher's clock; its report says that it was `at`."""
        # Of a stream that rested meanwhile, muted or unwatched.
        if self._reports and at - self._reports[-1][0] > _TOLD_FOR:
            self._reports.clear()
        by_others = [other + signed(timestamp - of) / self._rate for other, of in self._reports]
        if by_others and abs(at - _middle(by_others)) > _SET:
            by_others.clear()
            self._reports.clear()
        self._reports = [*self._reports[1 - _HEARD :], (at, timestamp)]
        return _middle([*by_others[1 - _HEARD :], at])


def _middle(times: list[float]) -> float:
    return sorted(times)[(len(times) - 1) // 2]
