"""When a frame was captured, in seconds since 1970, from its RTP timestamp.

The publisher's sender reports say which timestamp is which time, and what the link says of them is one time for all
tracks. The first one counts as it is; what comes before it (a second at most) is guessed from when packets arrive.
Later ones correct it: each by a part, since a report may have been held up, and slowly, since what is put right in one
step is heard. How fast goes by the time that passes and not by frames: whatever moves all tracks of a person, moves
sound and picture alike.
"""

from __future__ import annotations

from media.rtp import signed

# What a report counts for that is not the first one.
_SHARE = 0.5
# Seconds in a second by which time may be stretched: less than is heard. Quartz is off by a ten-thousandth; a
# microphone of a computer that stood still for a moment goes on by its samples, a tenth of a second late.
_STRETCH = 0.02
# What differs by more is another clock, and not one that drifts.
_JUMP = 0.5
# A report that is so far from when packets arrive is not believed.
_INCREDIBLE = 10.0


class Times:
    """The clock of one layer at a time; `rate` in Hz. `sure`: a report has been heard."""

    __slots__ = ("_delay", "_heard", "_last", "_offset", "_rate", "_wanted", "sure")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._last = 0
        self._offset: float | None = None  # from the timestamps' seconds to time
        self._wanted = 0.0  # where the offset is on its way to
        self._heard: tuple[float, int] | None = None
        self._delay = 0.0
        self.sure = False

    def restart(self) -> None:
        """Timestamps are another clock's from now on."""
        self._offset = None
        self.sure = False

    def time(self, timestamp: int, at: float, clock: tuple[float, int] | None) -> float:
        """When the frame was captured that came at `at`; `clock` as in `Layer`."""
        if self._offset is None:
            self._last = timestamp
            self._offset = self._wanted = at - self._delay - timestamp / self._rate
            self._heard = None
        # Timestamps are modulo 2**32: this one goes on from the last one.
        passed = signed(timestamp - self._last)
        self._last += passed
        seconds = self._last / self._rate
        if clock is not None and clock != self._heard:
            self._hear(clock, at - seconds)
        most = _STRETCH * max(0, passed) / self._rate
        self._offset += max(-most, min(most, self._wanted - self._offset))
        found = self._offset + seconds
        self._delay = at - found
        return found

    def _hear(self, clock: tuple[float, int], arrival: float) -> None:
        self._heard = clock
        told = clock[0] - (self._last + signed(clock[1] - self._last)) / self._rate
        if abs(arrival - told) >= _INCREDIBLE:
            return
        if not self.sure or abs(told - self._wanted) > _JUMP:
            self._offset = self._wanted = told
        else:
            self._wanted += _SHARE * (told - self._wanted)
        self.sure = True
