"""Last-N: of the microphones of a large stage only the loudest few are forwarded, and none that is silent.

Fifty open microphones heard by fifty people are 122,000 packets a second, of which two or three voices are understood.
What is not forwarded ends at ingest, so it costs nothing per viewer; the decision is one per packet that comes in.

A place is taken at the very packet that begins to be audible when one is free, so that no syllable is lost, and given
back a while after the last audible one. When none is free, the newcomer takes the place of the least in rank as soon
as it is clearly above it, which takes two or three packets. Rank (`Voice.rank`) is loudness, less what one has who is
loud without pause: levels are what clients say, and whoever says "loudest" all the time would keep a place for ever.
So it holds no place against somebody who speaks, however many they are; one who speaks as people do gains what a
person gains by speaking: one place.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from media.loudness import FATIGUE, Voice

# Seconds: the pause between two sentences does not cost the place, and discontinuous transmission, which begins after
# 0.2 s of silence, has said goodbye to the decoders.
HANGOVER = 0.5
# Rank (of some 60) by which a newcomer must be above who holds the place: 4 dB.
MARGIN = 6
# Of one who is silent for longer than the hangover, and has not been asked since.
_ABSENT = -2.0 * FATIGUE
# Seconds for which the least of the holders is not looked for again.
_DECIDED = 0.05

Track = TypeVar("Track", bound=Hashable)


class LastN(Generic[Track]):
    """The microphones that go to one and the same audience. `places`: how many of them are forwarded at once when
    there are more than `everybody`; up to that number all are."""

    __slots__ = ("_everybody", "_holders", "_least", "_least_rank", "_look_at", "_places", "_voices")

    def __init__(self, places: int, everybody: int) -> None:
        self._places = places
        self._everybody = max(places, everybody)
        self._voices: dict[Track, Voice] = {}
        self._holders: dict[Track, Voice] = {}
        self._least: Track | None = None
        self._least_rank = 0.0
        self._look_at = 0.0

    @property
    def holders(self) -> list[Track]:
        """Who has a place."""
        return list(self._holders)

    def leave(self, track: Track) -> bool:
        """The microphone is closed, or goes to another audience. Returns whether there are any left."""
        self._voices.pop(track, None)
        self._free(track)
        return bool(self._voices)

    def admits(self, track: Track, voice: Voice, now: float) -> bool:
        """Is the packet forwarded that has just been heard (`Voice.hear`) of this track?"""
        self._voices[track] = voice
        holders = self._holders
        if len(self._voices) <= self._everybody:
            holders[track] = voice
            return True
        while len(holders) > self._places:  # the stage has become a large one
            self._free(self._find_least(now))
        if track in holders:
            if now - voice.audible_at > HANGOVER:
                self._free(track)
                return False
            return True
        if voice.audible_at < now:
            return False
        if len(holders) == self._places:
            self._find_least(now)
            rank = voice.rank(now)
            if rank <= self._least_rank + MARGIN:
                return False
            self._look_at = 0.0  # it may have grown louder since
            least = self._find_least(now)
            if rank <= self._least_rank + MARGIN:
                return False
            self._free(least)
        holders[track] = voice
        self._look_at = 0.0
        return True

    def _free(self, track: Track) -> None:
        if self._holders.pop(track, None) is not None:
            self._look_at = 0.0

    def _find_least(self, now: float) -> Track:
        if now >= self._look_at or self._least is None:
            self._look_at = now + _DECIDED
            ranks = {
                track: voice.rank(now) if now - voice.audible_at <= HANGOVER else _ABSENT
                for track, voice in self._holders.items()
            }
            self._least = min(ranks, key=ranks.__getitem__)
            self._least_rank = ranks[self._least]
        return self._least
