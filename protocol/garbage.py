"""When Python's cyclic collector goes through everything.

Rooms, sessions and media connections hold each other in circles, so that nobody's going frees them: the collector does.
By the thresholds below it would hardly ever look at what has lived for long: after 20 million objects, of which those
that were freed meanwhile are taken off. A hundred conferences left 23,000 objects and 4 MB, each person at a worker 175
with their DTLS and SRTP, and so for weeks. By Python's own thresholds it would look too often, and everybody waits for
it: 0.25 µs for each object that lives.

So it looks regularly, and when something has ended.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

# Seconds between two looks, and between two questions whether one is due.
EVERY_S = 300.0
ASK_S = 30.0


class Collector:
    """The collector of this process; `now` is in seconds of any monotonic clock."""

    def __init__(self, now: float) -> None:
        """What is made up to here stays: it is not looked at again, nor often what a crowd brings."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self._due = now + EVERY_S
        self._ended = 0

    def look(self, ended: int, now: float) -> bool:
        """Collect if it is time; `ended` counts what has ended so far and left something. Whether it did."""
        if now < self._due or ended == self._ended:
            return False
        self._due, self._ended = now + EVERY_S, ended
        gc.collect()
        return True


async def keep_collecting(ended: Callable[[], int]) -> None:
    """Let go of what has ended; see `Collector.look`. Runs for ever."""
    collector = Collector(time.monotonic())
    while True:
        await asyncio.sleep(ASK_S)
        collector.look(ended(), time.monotonic())
