"""The sequence numbers of a track of which not everything is forwarded: what is left out leaves no gap.

A receiver takes a gap for loss, conceals it and reports it. So while a track is paused its numbers stand still, and go
on with the next one when it flows again. The timestamps do not stand still: they are what tells silence.
"""

from __future__ import annotations

from bisect import bisect_left

# How many numbers back a packet may come late, or a second time.
_WINDOW = 64
_ALL = (1 << _WINDOW) - 1


class Numbering:
    """From the numbers that come in to those that go out. `flowing` from the packet that begins a piece to `pause`."""

    __slots__ = ("_highest", "_shift", "_taken", "flowing")

    def __init__(self) -> None:
        self.flowing = False
        self._highest = -1
        self._shift = 0
        self._taken = _ALL

    def pause(self) -> None:
        """What comes now is left out, until the next `take`."""
        self.flowing = False

    def lacks(self, seq: int) -> bool:
        """Whether `take` would give this packet a number without beginning a new piece."""
        if not self.flowing:
            return False
        behind = (self._highest - seq) & 0xFFFF
        return behind >= 0x8000 or (behind < _WINDOW and not self._taken >> behind & 1)

    def take(self, seq: int) -> int | None:
        """The number this packet goes out under; `None` when it must not: it has gone out, or is from before."""
        if not self.flowing:
            if self._highest >= 0:
                self._shift += seq - self._highest - 1
            self.flowing = True
            self._highest = seq
            self._taken = _ALL  # what is older belongs to the piece before, or to the pause
            return (seq - self._shift) & 0xFFFF
        behind = (self._highest - seq) & 0xFFFF
        if behind >= 0x8000:
            ahead = 0x10000 - behind
            # Behind so large a hole another piece begins. Of two jumps by half a round, the first of which is lost on
            # the way to a viewer, its SRTP would count one, and never read anything under that SSRC again.
            if ahead > _WINDOW:
                self.flowing = False
                return self.take(seq)
            self._taken = (self._taken << ahead | 1) & _ALL
            self._highest = seq
        elif behind >= _WINDOW or self._taken >> behind & 1:
            return None
        else:
            self._taken |= 1 << behind
        return (seq - self._shift) & 0xFFFF


# How many holes are remembered, and how long one may be: nobody asks for what a longer one lacks (`nack.MAX_MISSING`).
_HOLES = 512


class Sieve:
    """The numbers of a part of a stream, one layer of several: what is not of the part leaves no gap in them.

    A number that did not come leaves a hole, for it may be of the part; when it comes late and is not, the hole must
    be filled with an empty packet all the same, or receivers would wait for what nobody has. `others`: the numbers
    missing before this packet are known to be not of the part either.
    """

    __slots__ = ("_highest", "_holes", "_shift")

    def __init__(self) -> None:
        self._highest = -1  # it does not wrap, nor do those of the holes
        self._shift = 0
        # In order: the first number that did not come, the one behind the last, the shift at their place.
        self._holes: list[tuple[int, int, int]] = []

    def take(self, seq: int) -> int | None:
        """The number this packet of the part goes out under; `None` when it must not: it has no place any more."""
        if self._advance(seq, False):
            return (seq - self._shift) & 0xFFFF
        return self._fill(seq)

    def leave_out(self, seq: int, *, others: bool = False) -> int | None:
        """This packet is not of the part. Returns the number that an empty one has to go out under, if so."""
        if self._advance(seq, others):
            self._shift += 1
            return None
        return self._fill(seq)

    def _advance(self, seq: int, others: bool) -> bool:
        """Whether the packet is the newest; then note what is missing before it."""
        ahead = (seq - self._highest) & 0xFFFF if self._highest >= 0 else 1
        if not 0 < ahead < 0x8000:
            return False
        if others:
            self._shift += ahead - 1
        elif 1 < ahead <= _HOLES:
            self._remember(len(self._holes), (self._highest + 1, self._highest + ahead, self._shift))
        self._highest = self._highest + ahead if self._highest >= 0 else seq
        return True

    def _fill(self, seq: int) -> int | None:
        number = self._highest - ((self._highest - seq) & 0xFFFF)
        index = bisect_left(self._holes, (number + 1, 0, 0)) - 1
        if index < 0 or number >= self._holes[index][1]:
            return None
        first, end, shift = self._holes.pop(index)
        if number + 1 < end:
            self._remember(index, (number + 1, end, shift))
        if first < number:
            self._remember(index, (first, number, shift))
        return (seq - shift) & 0xFFFF

    def _remember(self, index: int, hole: tuple[int, int, int]) -> None:
        self._holes.insert(index, hole)
        del self._holes[:-_HOLES]
