"""Who is speaking, from the audio levels that clients put into each packet (RFC 6464), without decoding.

A level is believed only as far as it can do no harm: it is clamped, one packet moves the smoothed value a bounded
step, and nobody gains more than a place among the loudest. A peer that is muted or gone is taken out by `forget`.
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
# Below this (0 to 100) nobody is said to speak.
AUDIBLE = 8
# Another speaker takes over when louder by this much for this long: a cough does not turn the page.
MARGIN = 10
TAKE_OVER = 0.5
MAX_PEERS = 512

Peer = TypeVar("Peer", bound=Hashable)


class Loudness(Generic[Peer]):
    """The smoothed loudness of each peer of one room, and the active speaker."""

    __slots__ = ("_challenger", "_challenger_since", "_peers", "active")

    def __init__(self) -> None:
        self._peers: dict[Peer, list[float]] = {}  # peer → [smoothed 0..100, when]
        self.active: Peer | None = None
        self._challenger: Peer | None = None
        self._challenger_since = 0.0

    def heard(self, peer: Peer, level: int, voice: bool, now: float) -> None:
        """Note one packet's level (-dBov, 0 loudest … 127 silence) and V bit."""
        if not voice:
            level += NOISE_PENALTY
        value = 0.0 if level >= SILENT else 100.0 if level <= LOUD else (SILENT - level) * 100.0 / (SILENT - LOUD)
        entry = self._peers.get(peer)
        if entry is None:
            if len(self._peers) < MAX_PEERS:
                self._peers[peer] = [0.0, now]
            return
        passed = now - entry[1]
        if passed <= 0.0:
            return
        smoothed = entry[0]
        constant = ATTACK if value > smoothed else RELEASE
        # Linear for the usual 20 ms; a first packet after silence (DTX) moves no more than one constant's worth.
        entry[0] = smoothed + (value - smoothed) * (passed / constant if passed < constant / 2 else 0.5)
        entry[1] = now

    def forget(self, peer: Peer) -> None:
        """The peer is muted or gone."""
        self._peers.pop(peer, None)
        if self.active == peer:
            self.active = None

    def loudness(self, peer: Peer, now: float) -> float:
        """The smoothed loudness of a peer, 0 to 100, fading when nothing is heard."""
        entry = self._peers.get(peer)
        if entry is None:
            return 0.0
        silent = now - entry[1]
        # Discontinuous transmission sends a packet each 400 ms: the fade begins only after the packets that are due.
        return entry[0] if silent < 0.1 else entry[0] * exp(-(silent - 0.1) / RELEASE)

    def speakers(self, now: float) -> list[tuple[Peer, int]]:
        """Everybody audible, loudest first, with a loudness of 0 to 100; also decides the active speaker.

        To be called regularly (each 100 to 300 ms): the active speaker changes in here.
        """
        found = [(peer, round(value)) for peer in self._peers if (value := self.loudness(peer, now)) >= AUDIBLE]
        found.sort(key=lambda pair: -pair[1])
        self._decide(found, now)
        return found

    def _decide(self, found: list[tuple[Peer, int]], now: float) -> None:
        if not found:
            self._challenger = None  # in silence the last speaker stays in view
            return
        loudest, value = found[0]
        own = next((loudness for peer, loudness in found if peer == self.active), 0)
        if self.active is None:
            self.active = loudest
        if loudest == self.active or value < own + MARGIN:
            self._challenger = None
        elif self._challenger != loudest:
            self._challenger, self._challenger_since = loudest, now
        elif now - self._challenger_since >= TAKE_OVER:
            self.active, self._challenger = loudest, None
