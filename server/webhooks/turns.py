"""Whose turn it is to deliver: one at a time for each subscription and conference, on whatever node.

Without it several nodes would tell the same things at the same time. It keeps order and saves requests; what it cannot
promise (a node that was frozen in the middle goes on when it wakes) is left to the positions.
"""

from __future__ import annotations

from typing import Protocol

from server.redis.leases import Held, Lease, Leases

# Longer than a delivery and the questions around it can take; a node that dies holds up its conferences for so long.
TURN_MS = 30_000
# How soon somebody else's turn is asked about again: usually it is over after one delivery.
AGAIN_S = 5.0


class Turns(Protocol):
    """Both raise `StoreUnavailable`."""

    async def take(self, name: str) -> float | None:
        """Take the turn; None when it is ours, otherwise in how many seconds to ask again."""

    async def give(self, name: str) -> None:
        """It is over."""


class OwnTurns:
    """The turns of the only node: it has one task for each at a time anyway."""

    async def take(self, name: str) -> float | None:
        """See `Turns.take`."""
        return None

    async def give(self, name: str) -> None:
        """See `Turns.give`."""


class LeasedTurns:
    """Turns by leases in Redis; `holder` names this node."""

    def __init__(self, leases: Leases, holder: str) -> None:
        self._leases = leases
        self._holder = holder
        self._mine: dict[str, Lease] = {}

    async def take(self, name: str) -> float | None:
        """See `Turns.take`."""
        found = await self._leases.acquire(f"webhook:{name}", self._holder, TURN_MS)
        if isinstance(found, Held):
            return min(AGAIN_S, found.left_ms / 1000 + 0.1)
        self._mine[name] = found
        return None

    async def give(self, name: str) -> None:
        """See `Turns.give`."""
        lease = self._mine.pop(name, None)
        if lease is not None:
            await self._leases.release(lease)
