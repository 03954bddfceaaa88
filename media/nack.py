"""Lost packets, asked for again: the receiver's list of what is missing, and the sender's paced repetitions.

A hole is asked for once it has outlived the network's reordering, and again once per round trip, since requests and
repetitions get lost as well: without that retry 3 % loss costs 20 % of the frames. After so many tries or so long, the
packet has missed its frame's moment; only a key frame helps then.

The round trip is measured by the asking itself: from a first request to its answer. (A second one might be the answer
to the first: those say nothing, as in RFC 6298 section 3.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from media.rtp import SequenceExtender

# Packets that overtake each other on real paths differ by a few milliseconds.
REORDERING = 0.010
# Never more often than this: on a LAN the round trip is shorter than the peer's own turn-around. The n-th try waits for
# n times as long at least, or all ten would fall into one stall of Wi-Fi or of a busy browser; so they take 0.9 s.
MIN_INTERVAL = 0.020
MAX_INTERVAL = 0.250
# With 20 % loss both ways a try succeeds with 0.64: ten fail together once in 27,000 packets.
MAX_TRIES = 10
# A receiver shows the last picture for so long before it gives up as well.
MAX_AGE = 1.0
# A hole larger than this is an outage, not loss: no repetition, a key frame. Also bounds the list.
MAX_MISSING = 500
# Seconds' worth of repetitions that may go out at once: 10 packets at the usual 400 a second.
BURST = 0.025
# Seconds' worth that may wait. What would come later is asked for again by then.
WAIT = 0.25

Request = TypeVar("Request", bound=Hashable)


class NackGenerator:
    """What one received stream lacks. `now` is in seconds of any monotonic clock.

    `wants_keyframe` is set when something was given up; the owner acts on it and clears it. `outage()` is called at the
    packet behind a hole that is too large to be asked for.
    `given_up` and `recovered` count packets; `rtt` is in seconds, `None` until the first answer.
    """

    __slots__ = ("_deviation", "_extender", "_missing", "_outage", "given_up", "recovered", "rtt", "wants_keyframe")

    def __init__(self, outage: Callable[[], None] = lambda: None) -> None:
        self._outage = outage
        self._extender = SequenceExtender()
        # extended number → [when first missed, when last asked for, tries]; in order, as numbers only grow
        self._missing: dict[int, list[float]] = {}
        self.wants_keyframe = False
        self.given_up = 0
        self.recovered = 0
        self.rtt: float | None = None
        self._deviation = 0.0

    def received(self, seq: int, now: float) -> bool:
        """Note that packet `seq` came by itself. False when it is a duplicate or far too late."""
        highest = self._extender.highest
        if highest is not None and seq == (highest + 1) & 0xFFFF:
            self._extender.highest = highest + 1
            return True
        extended = self._extender.extend(seq)
        if highest is None:
            return True
        if extended <= highest:
            return self._filled(extended, now)
        gap = extended - highest - 1
        missing = self._missing
        if gap + len(missing) > MAX_MISSING:
            self.given_up += gap + len(missing)
            missing.clear()
            self.wants_keyframe = True
            self._outage()
            return True
        for number in range(highest + 1, extended):
            missing[number] = [now, 0.0, 0]
        return True

    def repeated(self, seq: int, now: float) -> bool:
        """Whether packet `seq`, which came on the repair stream, is one that is missing; it is not any more then.

        Only such are taken: browsers probe with repetitions of anything they sent lately, and where the register has
        just begun anew that would look like the first packet.
        """
        highest = self._extender.highest
        return highest is not None and self._filled(highest + ((seq - highest + 0x8000) & 0xFFFF) - 0x8000, now)

    def _filled(self, number: int, now: float) -> bool:
        entry = self._missing.pop(number, None)
        if entry is None:
            return False
        if entry[2] == 1:
            self._answered(now - entry[1])
        self.recovered += 1
        return True

    def _answered(self, trip: float) -> None:
        # RFC 6298 section 2.
        if self.rtt is None:
            self.rtt, self._deviation = trip, trip / 2
        else:
            self._deviation += (abs(trip - self.rtt) - self._deviation) / 4
            self.rtt += (trip - self.rtt) / 8

    @property
    def pending(self) -> int:
        """How many packets are missing now."""
        return len(self._missing)

    def due(self, now: float, rtt: float) -> list[int]:
        """The sequence numbers to ask for now, oldest first; to be called every 10 to 20 ms while `pending`. `rtt` is
        what to believe of the round trip (seconds) until it has been measured."""
        if not self._missing:
            return []
        interval = max(MIN_INTERVAL, min(rtt if self.rtt is None else self.rtt + 2 * self._deviation, MAX_INTERVAL))
        ask: list[int] = []
        lost: list[int] = []
        for number, entry in self._missing.items():
            since, asked, tries = entry
            due = now - asked >= max(interval, tries * MIN_INTERVAL) if tries else now - since >= REORDERING
            if now - since > MAX_AGE or (due and tries >= MAX_TRIES):
                lost.append(number)
            elif due:
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


class Repeats(Generic[Request]):
    """What one viewer has asked for again, on its way out: packets and bytes per second, a few at once.

    A link that loses is often a link that is full. So a long hole is not repeated in one burst, which would be lost as
    well, and a viewer that asks for everything again gets this much and no more, and costs nobody else.
    """

    __slots__ = ("_at", "_bytes", "_packets", "_waiting", "bytes_per_s", "packets_per_s", "refused")

    def __init__(self, packets_per_s: float = 400.0, bytes_per_s: float = 500_000.0) -> None:
        self.packets_per_s = packets_per_s
        self.bytes_per_s = bytes_per_s
        self.refused = 0
        self._packets = max(1.0, packets_per_s * BURST)
        self._bytes = bytes_per_s * BURST
        self._at: float | None = None
        self._waiting: dict[Request, None] = {}  # a set that keeps its order

    @property
    def waiting(self) -> int:
        """How many are to be sent yet."""
        return len(self._waiting)

    def ask(self, request: Request) -> None:
        """Put it at the end, unless it waits already or too much waits."""
        if len(self._waiting) < max(1.0, self.packets_per_s * WAIT):
            self._waiting[request] = None
        elif request not in self._waiting:
            self.refused += 1

    def serve(self, send: Callable[[Request], int], now: float) -> None:
        """Send what may go now; to be called when something was asked, and each 20 ms while anything waits. `send`
        returns how many bytes it took, 0 when there was nothing to send (any more)."""
        if self._at is not None and now > self._at:
            passed = now - self._at
            self._packets = min(self._packets + passed * self.packets_per_s, max(1.0, self.packets_per_s * BURST))
            self._bytes = min(self._bytes + passed * self.bytes_per_s, self.bytes_per_s * BURST)
        if self._at is None or now > self._at:
            self._at = now
        waiting = self._waiting
        while waiting and self._packets >= 1.0 and self._bytes > 0.0:
            request = next(iter(waiting))
            del waiting[request]
            size = send(request)
            if size:
                self._packets -= 1.0
                self._bytes -= size
