"""A node without others: whatever is not this process has ended."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from server.nodes.base import Arrival


class Alone:
    """See `Nodes`."""

    def __init__(self) -> None:
        self.here = secrets.token_hex(6)
        self.ready = True
        self._arriving: set[str] = set()

    def gone(self, nodes: Iterable[str]) -> frozenset[str]:
        """See `Nodes.gone`."""
        return frozenset(nodes) - {self.here}

    async def opening(self, conference: str) -> None:
        """See `Nodes.opening`."""

    async def closed(self, conference: str) -> None:
        """See `Nodes.closed`."""

    async def arrive(self, person: str, conference: str) -> Arrival | None:
        """See `Nodes.arrive`."""
        if person in self._arriving:
            return None
        self._arriving.add(person)
        return Arrival(person=person, conference=conference)

    async def arrived(self, arrival: Arrival, there: tuple[str, ...]) -> bool:
        """See `Nodes.arrived`."""
        self._arriving.discard(arrival.person)
        return True
