"""How a picture moves: its frames, and how long it stood still, seen at the last packet of each frame.

A picture stands still when a frame comes later than three times the usual distance, and more than 150 ms later than
that: the definition of a freeze in "Identifiers for WebRTC's Statistics API" (freezeCount), with the arrival at the
server in place of the rendering.
"""

from __future__ import annotations

_TIMES = 3.0
_LATER = 0.150
# How fast the usual distance follows: "the average of the last 30 frames".
_OF = 30
_AT_MOST = 1.0
# Nobody's picture stands still for so long: it was switched off.
GONE = 5.0


class FrameMeter:
    """The frames of one encoding. `frames`: how many have come; `still`: seconds in which it stood still; `usual`:
    seconds from one to the next, 0 when unknown."""

    __slots__ = ("_counted", "_last", "frames", "still", "usual")

    def __init__(self) -> None:
        self.frames = 0
        self.still = 0.0
        self._last = 0.0  # 0: none yet, or what came before is over
        self.usual = 0.0
        self._counted = 0.0  # of the present distance, what is in `still` already

    def frame(self, now: float) -> None:
        """A frame is complete; `now` in seconds of any monotonic clock."""
        self.frames += 1
        last, self._last = self._last, now
        if last == 0.0:
            return
        gap = now - last
        if gap >= GONE:
            self._counted = 0.0
            return
        if self.usual and gap > max(_TIMES * self.usual, self.usual + _LATER):
            self.still += max(0.0, gap - self.usual - self._counted)
        self._counted = 0.0
        # A long hole says little about the pace, but a pace that stays slow must become the usual one.
        self.usual += (min(gap, _AT_MOST) - self.usual) / min(_OF, self.frames - 1)

    def look(self, now: float) -> None:
        """Count what the picture has stood still until now: a report must not wait for the end of it."""
        gap = now - self._last
        if self._last and self.usual and max(_TIMES * self.usual, self.usual + _LATER) < gap < GONE:
            self.still += max(0.0, gap - self.usual - self._counted)
            self._counted = gap - self.usual

    def pause(self) -> None:
        """No frames are expected any more, until the next one comes."""
        self._last = self._counted = 0.0
