"""When which conference is looked at next: pure, without a clock of its own.

A conference is due at a moment, or is being looked at, or neither. What happens while it is looked at makes it due
again afterwards; what happens while it waits for another try changes nothing, or a busy conference would never wait.
"""

from __future__ import annotations

import heapq


class Agenda:
    """Conferences by the moment at which they are due. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._due: list[tuple[float, str]] = []
        self._waiting: set[str] = set()
        # Those looked at now, and whether anything has happened since.
        self._taken: dict[str, float | None] = {}

    def wake(self, conference: str, at: float) -> None:
        """Something has happened: it is due at `at`, unless it is due already."""
        if conference in self._taken:
            self._taken[conference] = at
        elif conference not in self._waiting:
            self._add(conference, at)

    def take(self, now: float) -> str | None:
        """A conference that is due, to be looked at; `done` must follow."""
        if not self._due or self._due[0][0] > now:
            return None
        _, conference = heapq.heappop(self._due)
        self._waiting.discard(conference)
        self._taken[conference] = None
        return conference

    def done(self, conference: str, again: float | None) -> None:
        """It was looked at. `again`: it is to be at that moment, whatever happens before; without, when something
        happens, or has happened meanwhile."""
        woken = self._taken.pop(conference, None)
        at = woken if again is None else again
        if at is not None:
            self._add(conference, at)

    @property
    def next(self) -> float | None:
        """When the first one is due; None when none is."""
        return self._due[0][0] if self._due else None

    def _add(self, conference: str, at: float) -> None:
        self._waiting.add(conference)
        heapq.heappush(self._due, (at, conference))
