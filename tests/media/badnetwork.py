"""A bad network without a network: seeded loss, delay, jitter, duplication and reordering, in simulated time.

Nothing waits: the test asks for what has arrived until a moment it names. The same seed gives the same network.
"""

from __future__ import annotations

import heapq
import random
from typing import Generic, TypeVar

Item = TypeVar("Item")


class BadNetwork(Generic[Item]):
    """One direction of a path. `loss` and `duplicate` are probabilities, `delay` and `jitter` seconds; an item takes
    `delay` plus up to `jitter`, so that jitter above the packets' spacing reorders them. `burst` is how many items
    one loss takes on average."""

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        delay: float = 0.05,
        jitter: float = 0.0,
        duplicate: float = 0.0,
        burst: float = 1.0,
    ) -> None:
        self._random = random.Random(seed)
        self._loss, self._delay, self._jitter, self._duplicate = loss, delay, jitter, duplicate
        # A chain of two states (good, bad) with the wanted share of bad and mean stay in bad.
        self._stay = 1.0 - 1.0 / burst
        self._enter = loss * (1.0 - self._stay) / (1.0 - loss) if loss < 1.0 else 1.0
        self._bad = False
        self._flying: list[tuple[float, int, Item]] = []
        self.sent = 0
        self.dropped = 0

    def send(self, item: Item, now: float) -> None:
        """Put an item on the path; it may never arrive, or twice."""
        self.sent += 1
        self._bad = self._random.random() < (self._stay if self._bad and self._stay else self._enter_now())
        if self._bad:
            self.dropped += 1
            return
        for _ in range(2 if self._random.random() < self._duplicate else 1):
            heapq.heappush(self._flying, (now + self._delay + self._random.random() * self._jitter, self.sent, item))

    def _enter_now(self) -> float:
        return self._enter if self._stay else self._loss

    def arrived(self, now: float) -> list[tuple[float, Item]]:
        """Everything that has arrived until `now`, with its moment, in order of arrival."""
        found = []
        while self._flying and self._flying[0][0] <= now:
            at, _, item = heapq.heappop(self._flying)
            found.append((at, item))
        return found
