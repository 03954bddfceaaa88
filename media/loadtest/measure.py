"""What is counted, second by second and over the whole interval.

Memory is the same for a minute and a day: delays go into a histogram whose steps are 2 % apart, and of the seconds
the last few thousand are kept.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable

import msgspec

MAX_SECONDS = 7_200
PARTS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# Steps of 2 %: a figure is at most 2 % too large. The first is a microsecond.
_STEP = math.log(1.02)
_LEAST = 1e-6


class Delays:
    """A histogram of times in seconds."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.most = 0.0

    def add(self, seconds: Iterable[float]) -> None:
        """Count them; what the clock's resolution made negative counts as nothing."""
        for each in seconds:
            self._counts[max(0, math.ceil(math.log(max(each, _LEAST) / _LEAST) / _STEP))] += 1
            self.count += 1
            self.most = max(self.most, each)

    def ms(self, part: float) -> float:
        """The time in ms that this part (0 to 1) of them stayed below."""
        wanted = part * self.count
        seen = 0
        for step, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return 1000 * min(_LEAST * math.exp(step * _STEP), self.most)
        return 0.0

    def summary(self) -> dict[str, float] | None:
        """p50, p95, p99 and max in ms; None when there are none."""
        if not self.count:
            return None
        return {**{name: round(self.ms(part), 3) for name, part in PARTS.items()}, "max": round(1000 * self.most, 3)}


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """One second of the run, `at` seconds after its beginning.

    `sent` and `received` packets per second, `lost` those that sampled viewers missed (before repetition), `delay_ms`
    of what they got; `joins` those who came in, `joined` and `connected` those who are there and who have media;
    `cpu`: process → share of a core.
    """

    at: float
    sent: float
    received: float
    lost: float
    joins: int
    joined: int
    connected: int
    errors: int
    delay_ms: dict[str, float] = {}
    cpu: dict[str, float] = {}


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counters as they stand at one moment, from the beginning."""

    at: float
    sent: int
    received: int
    lost: int
    joins: int
    cpu: dict[str, float]


class Seconds:
    """The series."""

    def __init__(self) -> None:
        self.rows: deque[Second] = deque(maxlen=MAX_SECONDS)
        self._last: Totals | None = None
        self._began = 0.0

    def add(self, now: Totals, *, joined: int, connected: int, errors: int, delays: Delays) -> None:
        """The state of now beside that of the last time makes one row; the first only begins."""
        last, self._last = self._last, now
        if last is None:
            self._began = now.at
            return
        passed = max(0.001, now.at - last.at)

        def rate(more: int) -> float:
            # Fewer than before: somebody left and has taken their counters along.
            return round(max(0, more) / passed, 1)

        self.rows.append(
            Second(
                at=round(now.at - self._began, 1),
                sent=rate(now.sent - last.sent),
                received=rate(now.received - last.received),
                lost=rate(now.lost - last.lost),
                joins=now.joins - last.joins,
                joined=joined,
                connected=connected,
                errors=errors,
                delay_ms={name: round(delays.ms(part), 2) for name, part in PARTS.items()} if delays.count else {},
                cpu={
                    name: round(max(0.0, used - last.cpu[name]) / passed, 3)
                    for name, used in now.cpu.items()
                    if name in last.cpu
                },
            )
        )
