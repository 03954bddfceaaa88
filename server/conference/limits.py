"""How often a person may give the commands that write something down for others to read, or have others measure.

Everything else is held by the limit of the connection (session.py) alone.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from protocol import commands as c
from protocol.errors import Code
from server.ratelimit import MAX_KEYS, RateLimit
from server.room.refusal import Refusal

# Command → per second, at once.
LIMITS: dict[type[c.Command], tuple[float, float]] = {
    c.ChatSend: (1.0, 8.0),
    c.ChatEdit: (0.5, 5.0),
    # Each reads what the chat keeps, which is bounded.
    c.ChatSearch: (1.0, 5.0),
    c.QuestionAsk: (0.1, 3.0),
    c.QuestionUpvote: (1.0, 10.0),
    c.QuestionAnswer: (0.5, 5.0),
    c.PollCreate: (0.2, 5.0),
    c.PollAnswer: (1.0, 10.0),
    c.LinkPublish: (0.2, 5.0),
    # Through a deck in search of a page.
    c.SlidesPage: (5.0, 20.0),
    # A tile that is dragged says where it is some times a second.
    c.LayoutPlace: (5.0, 20.0),
    # A page says what it shows when that has stood still for a moment; windows are dragged, and people come.
    c.MediaPrefer: (4.0, 20.0),
    # A dialog that is open asks each two seconds; the worker measures for each.
    c.MediaStats: (2.0, 6.0),
    # Once for each page, then as long as the credentials last.
    c.MediaRelays: (0.2, 10.0),
    # Devices change when something is plugged in, which browsers tell in several steps.
    c.DevicesReport: (0.5, 5.0),
}

# What all together may do, per second and at once: more nobody can read, and each costs something for each reader. Who
# moderates the chat is not counted.
TOGETHER: dict[type[c.Command], tuple[float, float]] = {c.ChatSend: (25.0, 100.0)}
_EVERYBODY = ""


class SlowMode:
    """When each person has written to everybody last, for as long as the conference wants pauses between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def too_soon(self, person: str, every_s: int, command: str) -> Refusal | None:
        """The refusal when the person has to wait. `command` says which message it is: repeated because its answer was
        lost, it is the same one."""
        now = self._clock()
        at, last = self._last.get(person, (-every_s + now, ""))
        if now < at + every_s and command != last:
            return Refusal(Code.RATE_LIMITED, "slow mode", {"after_ms": str(round((at + every_s - now) * 1000))})
        return None

    def count(self, person: str, command: str) -> None:
        """The person writes a message now."""
        self._last[person] = (self._clock(), command)
        self._last.move_to_end(person)
        if len(self._last) > MAX_KEYS:
            self._last.popitem(last=False)


class Limits:
    """The allowances of the people of one conference."""

    def __init__(self) -> None:
        self._buckets = {command: RateLimit(rate, burst) for command, (rate, burst) in LIMITS.items()}
        self._together = {command: RateLimit(rate, burst) for command, (rate, burst) in TOGETHER.items()}

    def take(self, person: str, command: type[c.Command]) -> Refusal | None:
        """Count a command of this person; the refusal when it is one too many."""
        return _taken(self._buckets.get(command), person, "")

    def take_together(self, command: type[c.Command]) -> Refusal | None:
        """Count a command of anybody; the refusal when all together have given one too many."""
        return _taken(self._together.get(command), _EVERYBODY, "everybody together")


def _taken(bucket: RateLimit | None, key: str, whose: str) -> Refusal | None:
    wait_s = bucket.take(key) if bucket is not None else 0.0
    return Refusal(Code.RATE_LIMITED, whose, {"after_ms": str(round(wait_s * 1000))}) if wait_s > 0 else None
