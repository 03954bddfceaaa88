"""What a node knows of itself and of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is on the way into `conference`, and nobody else as them meanwhile. `elsewhere`: other conferences in
    which they may be. `token` tells this arrival from later ones; `until` it is certain that there is none (monotonic,
    s)."""

    person: str
    conference: str
    elsewhere: tuple[str, ...] = ()
    token: int = 0
    until: float = 0.0


class Inhabited(Protocol):
    """The rooms of this node, as what watches over the nodes sees them."""

    def linked(self) -> set[str]:
        """The nodes through which people in the open rooms are connected."""

    def lost(self, nodes: Mapping[str, int]) -> None:
        """These nodes are no more, and lived last at that time (see `Nodes.gone`): their people are away."""

    async def care(self, conference: str) -> None:
        """Open a room that a lost node had, if there is such a room. Raises `StoreUnavailable`."""

    async def restart(self) -> None:
        """The others have taken this node for lost: close everything, which is opened anew under another name. What has
        that name already is left alone, so that this can be done again."""

    def names(self) -> tuple[str, ...]:
        """The rooms that are open."""


class Nodes(Protocol):
    """This node and the others."""

    @property
    def here(self) -> str:
        """The name of this node. No node had it before, and none has it again."""

    @property
    def ready(self) -> bool:
        """Whether the others know that this node lives."""

    def gone(self, nodes: Iterable[str]) -> dict[str, int]:
        """Those of them that are known to be no more, and never again: when each was last known to live (ms since 1970;
        0 when that is not known)."""

    async def opening(self, conference: str) -> None:
        """A room is about to be open here: whoever finds this node lost, finds the room. Raises `StoreUnavailable`."""

    async def closed(self, conference: str) -> None:
        """A room is not open here any more, and nobody in it depends on this node."""

    async def arrive(self, person: str, conference: str) -> Arrival | None:
        """Somebody is about to enter a conference; None when they are about to do so elsewhere at this moment.
        Raises `StoreUnavailable`."""

    async def arrived(self, arrival: Arrival, there: tuple[str, ...]) -> bool:
        """The arrival is over, and they are in these conferences only; false when another arrival has come in between,
        because this one took too long: it must not count."""
