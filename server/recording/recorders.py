"""The recorder: one process of this machine, started when something is recorded for the first time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocol import control
from server import log
from server.config import Settings
from server.workers.own import OwnWorkers
from server.workers.worker import Worker

if TYPE_CHECKING:
    from server.recording.room import RoomRecording

_log = log.get("podium.recording")


class Recorders:
    """See the module; a `Watcher` of its process."""

    def __init__(self, settings: Settings) -> None:
        self._own = OwnWorkers(settings, self, recorder=True)
        self._rooms: dict[str, RoomRecording] = {}
        self._starting: asyncio.Task[None] | None = None

    @property
    def worker(self) -> Worker | None:
        """The recorder, when it can be reached."""
        return next((worker for worker in self._own.all if worker.link is not None), None)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process, if it runs."""
        return tuple(each.process.pid for each in self._own.all if each.process and each.process.pid is not None)

    def add(self, room: RoomRecording) -> None:
        """A room is to be recorded: now, or as soon as there is a recorder."""
        self._rooms[room.conference] = room
        if self._starting is None:
            self._starting = asyncio.create_task(self._own.start(), name="recorder")
        if self.worker is not None:
            room.go_on(self.worker)

    def remove(self, room: RoomRecording) -> None:
        """It is recorded no more."""
        if self._rooms.get(room.conference) is room:
            del self._rooms[room.conference]

    async def stop(self) -> None:
        """Finish what is recorded, and end the process."""
        if self._starting is not None:
            await self._starting
            await self._own.stop()

    # --- the process ------------------------------------------------------------------------

    def up(self, worker: Worker) -> None:
        """See `Watcher`."""
        for room in list(self._rooms.values()):
            room.go_on(worker)

    def counted(self) -> None:
        """See `Watcher`."""

    def ended(self, worker: Worker) -> None:
        """See `Watcher`."""
        for room in list(self._rooms.values()):
            room.interrupted()

    def heard(self, worker: Worker, message: control.WorkerMessage) -> None:
        """See `Watcher`."""
        room = self._rooms.get(getattr(message, "room", ""))
        if isinstance(message, control.Heartbeat):
            worker.beat(message)
            for each in list(self._rooms.values()):
                each.look(worker, message)
        elif room is None:
            return
        elif isinstance(message, control.RecordingReport):
            room.recorder_says(message)
        elif isinstance(message, control.RoutesWanted):
            room.media.push_all(worker)
