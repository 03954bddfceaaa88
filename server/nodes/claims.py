"""One conference at a time for each person, whichever nodes they come to.

In Redis stands for each person in which conferences they may be: the one they have entered last, and while they enter
another, that one too. It is written before anybody enters, so it says too much at times and never too little; whether
they are there really, the room says. Nobody is taken out of it on leaving, which would be a write for each; who comes
next finds that the room knows nothing of them.

While somebody enters a conference nobody else does so as them (`ends`). A node that is stopped in the middle for longer
than that finds out when it is over: its token is not the newest any more, and what it did is undone.
"""

from __future__ import annotations

from server.nodes.base import Arrival
from server.redis.connection import Connection, Script

# An arrival is two or three commits. A node that dies within one keeps the person waiting for so long.
ARRIVAL_MS = 5_000
# Kept after the last arrival; whoever stays in a conference for longer could enter a second one.
KEPT_MS = 30 * 86_400_000
# Conferences remembered of one person; each crash in mid-arrival adds one until the next arrival.
MAX_CONFERENCES = 8

_ARRIVE, _ARRIVED = (Script.of("server.nodes", name) for name in ("arrive", "arrived"))


class Claims:
    """The persons' places. Every method raises `RedisUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def arrive(self, person: str, conference: str, holder: str) -> Arrival | None:
        """See `Nodes.arrive`. `holder` is the arrival's own: asking again after a lost answer is harmless."""
        arguments = (conference, holder, ARRIVAL_MS, KEPT_MS, MAX_CONFERENCES)
        found = await self._connection.run(_ARRIVE, [_key(person)], arguments, repeatable=True)
        if not found:
            return None
        token, *others = found
        elsewhere = tuple(other.decode() for other in others)
        return Arrival(person=person, conference=conference, elsewhere=elsewhere, token=int(token))

    async def arrived(self, arrival: Arrival, there: tuple[str, ...]) -> bool:
        """See `Nodes.arrived`."""
        arguments: tuple[str | int, ...] = (arrival.token, KEPT_MS, *there)
        return bool(await self._connection.run(_ARRIVED, [_key(arrival.person)], arguments, repeatable=True))


def _key(person: str) -> str:
    return f"podium:person:{{{person}}}"
