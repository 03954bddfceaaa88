"""A layer's packets in the order in which they were sent: what comes late is waited for, as it is asked for again.

What does not come in time is given up. Then the pictures that build upon it are of no use, and nothing more comes out
until one that needs nothing before it.
"""

from __future__ import annotations

from typing import NamedTuple

# Seconds. A lost packet is asked for again some ten times in that time; nobody watches, so there is no hurry.
PATIENCE = 1.0
# A second of the highest bitrate that a track may have is 2,000.
MAX_WAITING = 4000


class Packet(NamedTuple):
    """`starts`: a key frame begins here; `marker`: a frame ends here; `at`: when it came, seconds since 1970."""

    seq: int
    timestamp: int
    marker: bool
    starts: bool
    payload: bytes
    at: float


class Order:
    """One layer. `broken`: something is missing, a key frame is needed."""

    __slots__ = ("_next", "_waiting", "_waits_since", "broken")

    def __init__(self) -> None:
        self._next = -1
        self._waiting: dict[int, Packet] = {}
        self._waits_since = 0.0
        self.broken = False

    def reset(self) -> None:
        """Other packets follow, which continue nothing."""
        self._next = -1
        self._waiting.clear()
        self.broken = False

    def add(self, packet: Packet, now: float) -> list[Packet]:
        """The packets that are complete up to here, beginning with one that starts a key frame."""
        if self._next < 0:
            if not packet.starts:
                return []
            self._next = packet.seq
        if (packet.seq - self._next) & 0x8000:
            return []  # given up, or from before the beginning
        if not self._waiting:
            self._waits_since = now
        if len(self._waiting) < MAX_WAITING:
            self._waiting[packet.seq] = packet
        return self.due(now)

    def due(self, now: float) -> list[Packet]:
        """What can go on now. To be called also while nothing comes."""
        found: list[Packet] = []
        waiting = self._waiting
        while waiting:
            packet = waiting.pop(self._next, None)
            if packet is not None:
                self._next = (self._next + 1) & 0xFFFF
                self._waits_since = now
                if self.broken and packet.starts:
                    self.broken = False
                if not self.broken:
                    found.append(packet)
            elif now - self._waits_since < PATIENCE and len(waiting) < MAX_WAITING:
                break
            else:
                self.broken = True
                self._next = min(waiting, key=lambda seq: (seq - self._next) & 0xFFFF)
        return found
