"""Which layers of a track its publisher is asked to send: those that somebody gets or waits for.

A layer that nobody has needed for a while is not wanted; it is wanted again the moment somebody chooses it. So that
switching to and fro costs no pauses at the publisher, the last viewer's leaving counts only after `UNWATCHED`. A track
without any viewer is not wanted at all after `DESERTED`, not even its lowest layer: a lecturer who prepares alone, or
sends to pages in the background, pays nothing for it, and a layer kept warm would not save the one who comes anything
but the way to the publisher, for a browser begins a layer it resumes with a key frame.

What may not come is always wanted, and nobody can be said not to want it: a layer for which the uplink was too narrow
shall come when that has widened. While somebody watches and nothing comes at all, that is every layer: whichever the
publisher's network lets through soonest is the first picture.

The publisher is told what changes, and everything once more after each of its descriptions: one that has made a new
connection sends everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

UNWATCHED = 2.5
# Longer: who comes to a track that is asleep waits for it, and people reload their pages.
DESERTED = 5.0


class Need(NamedTuple):
    """A layer: does somebody get it or wait for it; would it come if somebody did?"""

    rid: str
    watched: bool
    available: bool


class Wanted:
    """What is wanted of one track. `rids`: what the publisher was told last; `None`: nothing, it sends all."""

    __slots__ = ("_needed_at", "rids")

    def __init__(self) -> None:
        self.rids: tuple[str, ...] | None = None
        self._needed_at: dict[str, float] = {}  # of those that are wanted

    def begin(self, rids: Iterable[str], now: float) -> None:
        """The publisher sends these layers from now on, or it is not known which: each has its while."""
        self.rids = None
        self._needed_at = dict.fromkeys(rids, now)

    def repeat(self) -> None:
        """The publisher may not have been told: say it again."""
        self.rids = None

    def look(self, needs: Sequence[Need], now: float) -> tuple[str, ...] | None:
        """What the publisher is to be told now, lowest layer first as they were given; `None` for nothing new. To be
        called often."""
        within = UNWATCHED if any(need.watched for need in needs) else DESERTED
        needed_at: dict[str, float] = {}
        for need in needs:
            at = now if need.watched or not need.available else self._needed_at.get(need.rid, -1e9)
            if now - at < within:
                needed_at[need.rid] = at
        self._needed_at = needed_at
        if self.rids is not None and set(self.rids) == needed_at.keys():
            return None
        self.rids = tuple(needed_at)
        return self.rids
