"""Who writes the figures of stays: what is over within seconds, of those who are there each minute.

There is one for each node, so what waits is written in its order and nothing twice. A node that dies loses what it has
counted in the last minute. What the store cannot take waits for it, within bounds; of what may have been written
nobody knows, and it is let go of, since a minute too little is nearer to the truth than one too many.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Protocol

from server import log
from server.attendance.figures import Stay
from server.attendance.kept import Kept
from server.storage.store import StoreUnavailable

# How soon what is over is written, and each how many of these what is not.
TICK_S = 5.0
TICKS = 12
# Stays written at once: some milliseconds for the store's only thread, or for Redis.
PORTION = 200
# Stays that wait to be written while the store is away: two conferences of ten thousand.
MAX_WAITING = 20_000
_DAY_MS = 86_400_000

_log = log.get("podium.attendance")


class Source(Protocol):
    """One room's part."""

    conference: str

    def take(self) -> list[Stay]:
        """What was counted since it was taken last."""


class Book:
    """The writer of one node. `now`: the time in ms since 1970; `days`: as long is everything kept."""

    def __init__(self, kept: Kept, now: Callable[[], int], days: int) -> None:
        self.rooms: set[Source] = set()
        self._kept = kept
        self._now = now
        self._days = days
        self._waiting: dict[str, dict[tuple[str, int], Stay]] = {}
        self._many = self._dropped = 0
        self._alone = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._writing = asyncio.create_task(self._keep_writing(), name="attendance")

    async def stop(self) -> None:
        """Write what waits, and nothing more."""
        if self._writing is not None:
            async with self._alone:  # not in the middle of it
                self._writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writing
        await self._write(everything=True)

    def note(self, conference: str, stays: Iterable[Stay]) -> None:
        """Have these figures added to what is kept."""
        for stay in stays:
            waiting = self._waiting.setdefault(conference, {})
            known = waiting.get((stay.identity, stay.since))
            if known is not None:
                known.figures.add(stay.figures)
            elif self._many < MAX_WAITING:
                waiting[stay.identity, stay.since] = stay
                self._many += 1
            else:
                self._dropped += 1

    async def of(self, conference: str) -> list[Stay]:
        """What is known of the stays in a conference: of those on this node to the moment, on others to the minute.
        Raises `StoreUnavailable`."""
        for room in self.rooms:
            if room.conference == conference:
                self.note(conference, room.take())
        await self._write()
        return await self._kept.of(conference)

    async def forget(self, conference: str) -> None:
        """Let go of a conference. Raises `StoreUnavailable`."""
        async with self._alone:
            self._many -= len(self._waiting.pop(conference, ()))
            await self._kept.forget(conference)

    async def _keep_writing(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TICK_S)
            tick += 1
            try:
                await self._write(everything=tick % TICKS == 0)
            except Exception:
                _log.exception("attendance could not be written")

    async def _write(self, *, everything: bool = False) -> None:
        async with self._alone:
            for room in self.rooms if everything else ():
                self.note(room.conference, room.take())
            if self._dropped:
                _log.warning("attendance of some stays is not kept: too many waited", stays=self._dropped)
            waiting, self._waiting, self._many, self._dropped = self._waiting, {}, 0, 0
            portions = [
                (conference, stays[start : start + PORTION])
                for conference, stays in ((name, list(found.values())) for name, found in waiting.items())
                for start in range(0, len(stays), PORTION)
            ]
            portions.reverse()
            try:
                while portions:
                    conference, portion = portions.pop()
                    now = self._now()
                    await self._kept.add(conference, portion, now, now - self._days * _DAY_MS)
            except StoreUnavailable as error:
                _log.warning("attendance could not be written", reason=str(error))
                if not error.uncertain:
                    portions.append((conference, portion))
            finally:
                for conference, portion in portions:
                    self.note(conference, portion)
