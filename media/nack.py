"""Lost packets, asked for again: the receiver's list of what is missing, and the sender's budget for repeating.

A hole is asked for once it has outlived the network's reordering, and again once per round trip, since requests and
repetitions get lost as well: without that retry 3 % loss costs 20 % of the frames. After so many tries or so long, the
packet has missed its frame's moment; only a key frame helps then.
"""

from __future__ import annotations

from media.rtp import SequenceExtender

# Packets that overtake each other on real paths differ by a few milliseconds.
REORDERING = 0.010
# Never more often than this: on a LAN the round trip is shorter than the peer's own turn-around.
MIN_INTERVAL = 0.020
# With 20 % loss both ways a try succeeds with 0.64: ten fail together once in 27,000 packets.
MAX_TRIES = 10
# A receiver shows the last picture for so long before it gives up as well.
MAX_AGE = 1.0
# A hole larger than this is an outage, not loss: no repetition, a key frame. Also bounds the list.
MAX_MISSING = 500


class NackGenerator:
    """What one received stream lacks. `now` is in seconds of any monotonic clock.

    `wants_keyframe` is set when something was given up; the owner acts on it and clears it.
    `given_up` and `recovered` count packets.
    """

    __slots__ = ("_extender", "_missing", "given_up", "recovered", "wants_keyframe")

    def __init__(self) -> None:
        self._extender = SequenceExtender()
        # extended number → [when first missed, when last asked for, tries]; in order, as numbers only grow
        self._missing: dict[int, list[float]] = {}
        self.wants_keyframe = False
        self.given_up = 0
        self.recovered = 0

    def received(self, seq: int, now: float) -> bool:
        """Note that packet `seq` came, by itself or repeated. False when it is a duplicate or far too late."""
        highest = self._extender.highest
        extended = self._extender.extend(seq)
        if highest is None or extended == highest + 1:
            return True
        if extended <= highest:
            if self._missing.pop(extended, None) is None:
                return False
            self.recovered += 1
            return True
        gap = extended - highest - 1
        missing = self._missing
        if gap + len(missing) > MAX_MISSING:
            self.given_up += gap + len(missing)
            missing.clear()
            self.wants_keyframe = True
            return True
        for number in range(highest + 1, extended):
            missing[number] = [now, 0.0, 0]
        return True

    @property
    def pending(self) -> int:
        """How many packets are missing now."""
        return len(self._missing)

    def due(self, now: float, rtt: float) -> list[int]:
        """The sequence numbers to ask for now, oldest first; to be called every 10 to 20 ms while `pending`."""
        if not self._missing:
            return []
        interval = max(MIN_INTERVAL, rtt)
        ask: list[int] = []
        lost: list[int] = []
        for number, entry in self._missing.items():
            since, asked, tries = entry
            if now - since > MAX_AGE or (tries >= MAX_TRIES and now - asked >= interval):
                lost.append(number)
            elif (now - since >= REORDERING) if tries == 0 else (tries < MAX_TRIES and now - asked >= interval):
                entry[1] = now
                entry[2] = tries + 1
                ask.append(number & 0xFFFF)
        for number in lost:
            del self._missing[number]
        if lost:
            self.given_up += len(lost)
            self.wants_keyframe = True
        return ask

    def keyframe_received(self, seq: int) -> None:
        """A key frame begins at packet `seq`: what is missing before it is not needed any more."""
        highest = self._extender.highest
        if highest is None:
            return
        start = highest + ((seq - highest + 0x8000) & 0xFFFF) - 0x8000
        for number in [number for number in self._missing if number < start]:
            del self._missing[number]

    def reset(self) -> None:
        """The stream begins anew."""
        self._extender = SequenceExtender()
        self._missing.clear()


class NackBudget:
    """How much may be repeated to one viewer: packets and bytes per second, with half a second saved up at most.

    A viewer that asks for everything again gets this much and no more, and costs nobody else.
    """

    __slots__ = ("_at", "_bytes", "_packets", "bytes_per_s", "packets_per_s", "refused")

    def __init__(self, packets_per_s: float = 400.0, bytes_per_s: float = 500_000.0) -> None:
        self.packets_per_s = packets_per_s
        self.bytes_per_s = bytes_per_s
        self._packets = packets_per_s / 2
        self._bytes = bytes_per_s / 2
        self._at: float | None = None
        self.refused = 0

    def spend(self, size: int, now: float) -> bool:
        """May a packet of `size` bytes be repeated at `now`? Spends it if so."""
        if self._at is not None and now > self._at:
            passed = now - self._at
            self._packets = min(self.packets_per_s / 2, self._packets + passed * self.packets_per_s)
            self._bytes = min(self.bytes_per_s / 2, self._bytes + passed * self.bytes_per_s)
        if self._at is None or now > self._at:
            self._at = now
        if self._packets < 1 or self._bytes < size:
            self.refused += 1
            return False
        self._packets -= 1
        self._bytes -= size
        return True
