"""A node without others: whatever is not this process has ended.

How long ago that was says a file in the data folder, which the process that lives touches every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterable
from pathlib import Path

from server import log
from server.nodes.base import Arrival, Inhabited

BEAT_S = 5.0
# Touched by the process that lives.
FILE_NAME = "alive"

_log = log.get("podium.nodes")


class Alone:
    """See `Nodes`. Without a data folder nothing is known of former processes."""

    def __init__(self, data: Path | None = None) -> None:
        self.here = secrets.token_hex(6)
        self.ready = True
        self._file = data / FILE_NAME if data is not None else None
        self._former_until = 0
        self._arriving: set[str] = set()
        self._beating: asyncio.Task[None] | None = None

    # --- beginning and end --------------------------------------------------------------

    async def start(self) -> None:
        """Live from now on. Until when a former process did is known then."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._former_until = self._file.stat().st_mtime_ns // 1_000_000

    async def watch(self, rooms: Inhabited) -> None:
        """From now on be seen to live. Not before the rooms know who was there: ended until then, this one was not."""
        self._beating = asyncio.create_task(self._keep_beating(), name="nodes")

    async def accompanied(self) -> bool:
        """There is no other node."""
        return False

    async def stop(self) -> None:
        """Live no more."""
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
            await asyncio.to_thread(self._beat)

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.to_thread(self._beat)  # the disk may hang
            await asyncio.sleep(BEAT_S)

    def _beat(self) -> None:
        try:
            if self._file is not None:
                self._file.touch()
        except OSError as error:
            _log.warning("that this server lives cannot be noted", reason=str(error))

    # --- what others ask ----------------------------------------------------------------

    def gone(self, nodes: Iterable[str]) -> dict[str, int]:
        """See `Nodes.gone`."""
        return {node: self._former_until for node in nodes if node != self.here}

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
