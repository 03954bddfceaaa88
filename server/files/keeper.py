"""The disk follows the record: what is not in a conference's state any more is deleted, some time soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from protocol import events as e
from server import log
from server.files.depot import Depot
from server.room.state import Room
from server.storage.store import StoreUnavailable

# How often it is looked for files that are kept no longer. They are kept for days.
SWEEP_S = 6 * 3600.0

_log = log.get("podium.files")


class RoomsWithFiles(Protocol):
    """The part of `server.conference.rooms.Rooms` that is needed here."""

    async def state(self, conference_id: str) -> Room | None: ...

    async def outdate_files(self, conference_id: str, before: int) -> None: ...


class Keeper:
    """An observer of every room."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, room: Room) -> None:
        """A room was opened: what died with a server may have left something."""
        self._soon(self.depot.tidy(room.conference, {file.key for file in room.entries.files.values()}))

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.FileRemoved) and (file := before.entries.files.get(str(event.file))) is not None:
            self._soon(self.depot.drop(self.depot.place(before.conference, file.key)))

    def committed(self, after: Room) -> None:
        """See `Observer`."""

    async def forget(self, conference: str) -> None:
        """The conference is about to be forgotten. Raises `StoreUnavailable`."""
        await self.depot.forget(conference)

    async def keep_swept(self, rooms: RoomsWithFiles, days: int) -> None:
        """Let go of what is older than so many days, and of what belongs to no conference. Runs for ever."""
        while True:
            try:
                await self.depot.tidy_arriving()
                for conference in await self.depot.conferences():
                    await self._sweep(rooms, conference, int((time.time() - days * 86_400) * 1000))
            except StoreUnavailable as error:
                _log.warning("the files could not be swept", reason=str(error))
            except Exception:
                _log.exception("the files could not be swept")
            await asyncio.sleep(SWEEP_S)

    async def _sweep(self, rooms: RoomsWithFiles, conference: str, before: int) -> None:
        room = await rooms.state(conference)
        if room is None:
            await self.depot.tidy(conference, ())
        elif any(file.time < before for file in room.entries.files.values()):
            await rooms.outdate_files(conference, before)

    async def stop(self) -> None:
        """Finish what was begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        async def do() -> None:
            try:
                await work
            except StoreUnavailable as error:
                # It is found again when the room is opened.
                _log.warning("files could not be deleted", reason=str(error))

        task = asyncio.create_task(do(), name="files")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
