"""Token buckets: so much at once, so much per second, for each key (an address, a person)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

# A full table forgets whoever has been silent the longest: a flood from many addresses costs memory for this many.
MAX_KEYS = 10_000


class Bucket:
    """One bucket: `burst` tokens at most, filled with `rate` tokens per second."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Take tokens, when there are enough; `now` in seconds, monotonic."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < amount:
            return False
        self._level -= amount
        return True

    def wait_s(self, amount: float = 1.0) -> float:
        """Seconds until `amount` tokens are there, counted from the last `take`."""
        return max(0.0, (amount - self._level) / self._rate)


class RateLimit:
    """A bucket for each key, in a bounded table."""

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        max_keys: int = MAX_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._max_keys = max_keys
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, amount: float = 1.0) -> float:
        """Seconds that `key` has to wait; 0 when it may go on, in which case the tokens are taken."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, now)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return 0.0 if bucket.take(now, amount) else max(0.001, bucket.wait_s(amount))

    def due_s(self, key: str, amount: float = 1.0) -> float:
        """Seconds until `key` may take that much; nothing is taken."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return 0.0
        bucket.take(self._clock(), 0.0)  # filled up to now
        return bucket.wait_s(amount)


class Count(NamedTuple):
    """One of `key`, of which there may be so many a minute, and at once; `name` tells the kinds apart."""

    name: str
    key: str
    a_minute: float


class Buckets(Protocol):
    """Buckets of several kinds, for what several of them count."""

    async def wait_s(self, counts: Sequence[Count], *, take: bool) -> float:
        """Seconds until each of these has a token; 0 when all have, in which case one of each is taken if wanted."""


class OwnBuckets:
    """Those of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits: dict[str, RateLimit] = {}

    async def wait_s(self, counts: Sequence[Count], *, take: bool) -> float:
        """As `Buckets` says."""
        limits = [(self._limit(count), count.key) for count in counts]
        wait_s = max(limit.due_s(key) for limit, key in limits)
        if wait_s == 0 and take:
            for limit, key in limits:
                limit.take(key)
        return wait_s

    def _limit(self, count: Count) -> RateLimit:
        return self._limits.setdefault(count.name, RateLimit(count.a_minute / 60, count.a_minute, clock=self._clock))
