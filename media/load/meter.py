"""What is counted: packets sent and received between two moments, and how long they took.

Both ends judge a packet by the moment it was *sent*, which it carries in its last bytes; so what is under way when the
interval begins or ends is counted by both or by neither.
"""

from __future__ import annotations

from array import array
from struct import Struct

_stamp = Struct("!Q")
STAMP = _stamp.size
pack_stamp = _stamp.pack_into
unpack_stamp = _stamp.unpack_from

_NEVER = 1 << 63


class Meter:
    """One interval of measurement; times in nanoseconds since 1970. `delays` in seconds, of sampled viewers."""

    def __init__(self) -> None:
        self.begin = _NEVER
        self.end = _NEVER
        self.delays = array("d")

    def start(self, now: int) -> None:
        """Count what is sent from now on."""
        self.begin, self.end = now, _NEVER
        self.delays = array("d")

    def stop(self, now: int) -> None:
        """Count nothing that is sent from now on."""
        self.end = now

    def delay_ms(self, part: float) -> float:
        """The delay that this part (0 to 1) of the packets stayed below."""
        if not self.delays:
            return -1.0
        ordered = sorted(self.delays)
        return 1000.0 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]
