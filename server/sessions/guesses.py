"""Wrong PINs: whoever guesses is slowed down until guessing is hopeless.

A wrong PIN is counted for the identity, for the address and for the conference, so that neither many identities behind
one address nor one person at many addresses get further. Where the count is used up, the right PIN is refused as well,
or the refusals would tell which one it is. Who is not asked for the PIN is not affected.
"""

from __future__ import annotations

from protocol.errors import Code
from server.metrics import Metrics
from server.ratelimit import Buckets, Count
from server.room import inner
from server.room.access import knows_pin, trusted
from server.room.refusal import Refusal
from server.room.state import Room

# Four digits have 10,000 values: at these rates half of them take a person 17 hours and everybody together 3.
OF_ONE_A_MINUTE = 5.0
OF_ALL_A_MINUTE = 30.0


class Guesses:
    """The wrong PINs of the last minutes, of all conferences; of all nodes, if they share the buckets."""

    def __init__(self, metrics: Metrics, buckets: Buckets) -> None:
        self._metrics = metrics
        self._buckets = buckets

    async def refusal(self, room: Room, person: str, enter: inner.Enter, address: str) -> Refusal | None:
        """Count a wrong PIN, which the room then refuses; or why none can be tried now. Raises `StoreUnavailable`."""
        by_right = enter.by_right
        if not room.pin or not enter.pin or person in room.people or trusted(room, person, by_right):
            return None
        counts = (
            Count("pins of one", person, OF_ONE_A_MINUTE),
            Count("pins from one address", address, OF_ONE_A_MINUTE),
            Count("pins for one conference", room.conference, OF_ALL_A_MINUTE),
        )
        wait_s = await self._buckets.wait_s(counts, take=not knows_pin(room, person, by_right, enter.pin))
        if wait_s == 0:
            return None
        self._metrics.rate_limited.labels("pins").inc()
        return Refusal(Code.RATE_LIMITED, "too many wrong PINs", {"after_ms": str(max(1, round(wait_s * 1000)))})
