"""Who is speaking, from the audio levels that clients put into each packet (RFC 6464), without decoding.

A level is believed only as far as it can do no harm: it is clamped, one packet moves the smoothed value a bounded
step, and who is loud without ever pausing counts less and less (`Voice.rank`): people pause, and what does not is a
forged level, a radio or a fan. A peer that is muted or gone is taken out by `forget`.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import exp
from typing import Generic, TypeVar

# Levels in -dBov: speech of a close microphone is at 15 to 35, a quiet room at 60 to 80.
SILENT = 70
LOUD = 10
# RFC 6464 section 3: the V bit tells speech from noise. It counts as so many dB, not as a switch: some clients never
# set it, and they must be heard too.
NOISE_PENALTY = 15
# Seconds: up within a syllable, down over the pause between two words.
ATTACK = 0.06
RELEASE = 0.40
# Below this (0 to 100) nobody is said to speak: 65 -dBov.
AUDIBLE = 8
# Louder than ordinary speech (34 -dBov) gains nobody a better rank: who shouts, or says so, is not more important.
ORDINARY = 60
# As loud as speech all the time costs up to half of that. The square spares who speaks at length: the syllables and
# pauses of a lecture fill about 0.7 of the time, which costs half of what a tone costs that fills all of it.
FATIGUE = 30
# Packets this loud count as filling the time: 40 -dBov, below which the ends of syllables and breaths are.
FILLED = 50
# Seconds over which it is averaged: two sentences.
MEMORY = 8.0
# Another speaker takes over when louder by this much for this long: a cough does not turn the page.
MARGIN = 10
TAKE_OVER = 0.5
MAX_PEERS = 512

Peer = TypeVar("Peer", bound=Hashable)


class Voice:
    """What has been heard of one microphone. `audible_at`: when the last packet came that one can hear;
    `activity`: the share of the last seconds, 0 to 1, that was as loud as speech."""

    __slots__ = ("_at", "_smoothed", "activity", "audible_at")

    def __init__(self, now: float) -> None:
        self.activity = 0.0
        self.audible_at = -1e9
        self._at = now
        self._smoothed = 0.0

    def hear(self, level: int, voice: bool, now: float) -> None:
        """Note one packet's level (-dBov, 0 loudest … 127 silence) and V bit."""
        if not voice:
            level += NOISE_PENALTY
        value = 0.0 if level >= SILENT else 100.0 if level <= LOUD else (SILENT - level) * 100.0 / (SILENT - LOUD)
        if value >= AUDIBLE:
            self.audible_at = now
        passed = now - self._at
        if passed <= 0.0:
            return
        self._at = now
        smoothed = self._smoothed
        constant = ATTACK if value > smoothed else RELEASE
        # Linear for the usual 20 ms; a first packet after silence (DTX) moves no more than one constant's worth.
        self._smoothed = smoothed + (value - smoothed) * (passed / constant if passed < constant / 2 else 0.5)
        if passed > 0.1:  # nothing came meanwhile: that was silence
            self.activity *= exp(-passed / MEMORY)
        elif value >= FILLED:
            self.activity += (1.0 - self.activity) * passed / MEMORY
        else:
            self.activity -= self.activity * passed / MEMORY

    def loudness(self, now: float) -> float:
        """The smoothed loudness, 0 to 100, fading when nothing is heard."""
        silent = now - self._at
        # Discontinuous transmission sends a packet each 400 ms: the fade begins only after the packets that are due.
        return self._smoothed if silent < 0.1 else self._smoothed * exp(-(silent - 0.1) / RELEASE)

    def rank(self, now: float) -> float:
        """How much it counts beside others, -`FATIGUE` to `ORDINARY`."""
        return min(self.loudness(now), ORDINARY) - FATIGUE * self.activity * self.activity


class Loudness(Generic[Peer]):
    """The voices of the peers of one room, and the active speaker."""

    __slots__ = ("_challenger", "_challenger_since", "_voices", "active")

    def __init__(self) -> None:
        self._voices: dict[Peer, Voice] = {}
        self.active: Peer | None = None
        self._challenger: Peer | None = None
        self._challenger_since = 0.0

    def heard(self, peer: Peer, level: int, voice: bool, now: float) -> Voice | None:
        """Note one packet's level (-dBov, 0 loudest … 127 silence) and V bit. `None` when there are too many peers."""
        found = self._voices.get(peer)
        if found is None:
            if len(self._voices) >= MAX_PEERS:
                return None
            found = self._voices[peer] = Voice(now)
        found.hear(level, voice, now)
        return found

    def forget(self, peer: Peer) -> None:
        """The peer is muted or gone."""
        self._voices.pop(peer, None)
        if self.active == peer:
            self.active = None

    def loudness(self, peer: Peer, now: float) -> float:
        """The smoothed loudness of a peer, 0 to 100, fading when nothing is heard."""
        voice = self._voices.get(peer)
        return 0.0 if voice is None else voice.loudness(now)

    def speakers(self, now: float) -> list[tuple[Peer, int]]:
        """Everybody audible, with a loudness of 0 to 100, by rank; also decides the active speaker.

        To be called regularly (each 100 to 300 ms): the active speaker changes in here.
        """
        found = [
            (voice.rank(now), peer, round(value))
            for peer, voice in self._voices.items()
            if (value := voice.loudness(now)) >= AUDIBLE
        ]
        found.sort(key=lambda each: (-each[0], -each[2]))
        self._decide([(peer, rank) for rank, peer, _ in found], now)
        return [(peer, value) for _, peer, value in found]

    def _decide(self, found: list[tuple[Peer, float]], now: float) -> None:
        if not found:
            self._challenger = None  # in silence the last speaker stays in view
            return
        first, rank = found[0]
        own = next((rank for peer, rank in found if peer == self.active), -FATIGUE)
        if self.active is None:
            self.active = first
        if first == self.active or rank < own + MARGIN:
            self._challenger = None
        elif self._challenger != first:
            self._challenger, self._challenger_since = first, now
        elif now - self._challenger_since >= TAKE_OVER:
            self.active, self._challenger = first, None
