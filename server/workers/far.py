"""Workers elsewhere: dialled when a room of this node is on them, and given up when they are not heard of."""

from __future__ import annotations

import asyncio
from typing import Protocol

from protocol import control
from protocol.codec import BadMessage
from server import log
from server.config import Settings
from server.workers.dial import NotBelieved, dial
from server.workers.registry import Registration
from server.workers.worker import Worker

# The rooms of a worker are to be elsewhere within 3 s; it says each second that it lives.
SILENCE_S = 2.5
RETRY_S = 0.2
# A link that carries nothing is let go.
IDLE_S = 60.0

_log = log.get("podium.workers")


class FarWatcher(Protocol):
    """Who is told of far workers."""

    def up(self, worker: Worker) -> None:
        """Its link is there, for the first time or again."""

    def counted(self) -> None:
        """A link has come or gone."""

    def lost(self, worker: Worker) -> None:
        """It is given up. Whether it is dead, or only this node does not reach it, nobody can know from here: also that
        a connection is refused may be the doing of something between."""

    def heard(self, worker: Worker, message: control.WorkerMessage) -> None:
        """A message of the worker's."""


class FarWorker:
    """One of them. The link is kept up until it is lost or closed; `lost` is called once at most."""

    def __init__(self, registration: Registration, settings: Settings, node: str, watcher: FarWatcher) -> None:
        self.worker = Worker(registration.worker, registration.name, None, registration.viewers, registration.packets)
        self.worker.addresses, self.worker.udp_port = registration.media, registration.udp_port
        self._registration = registration
        self._settings = settings
        self._node = node
        self._watcher = watcher
        self._linked = asyncio.Event()
        self._idle_since: float | None = None
        self._dropped = False
        self.worker.heard = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(), name=f"link to {registration.name}")

    async def reached(self) -> bool:
        """Wait until it can be reached; whether it can."""
        linked = asyncio.create_task(self._linked.wait())
        await asyncio.wait({linked, self._task}, return_when=asyncio.FIRST_COMPLETED)
        linked.cancel()
        return self.worker.link is not None

    async def close(self) -> None:
        """Let it go."""
        self._dropped = True
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        watch = asyncio.create_task(self._watch(), name="far watch")
        keep = asyncio.create_task(self._keep(), name="far link")
        try:
            await asyncio.wait({watch, keep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watch, keep):
                task.cancel()
            await asyncio.gather(watch, keep, return_exceptions=True)
            if not self._dropped:
                _log.warning("a worker is given up", worker=self.worker.name)
                self._watcher.lost(self.worker)

    async def _watch(self) -> None:
        """Returns when it has been silent for too long."""
        loop = asyncio.get_running_loop()
        while True:
            left = self.worker.heard + SILENCE_S - loop.time()
            if left <= 0:
                return
            await asyncio.sleep(left)

    async def _keep(self) -> None:
        """Keep the link up. Returns when nothing listens there, or something else does."""
        while True:
            try:
                settings = self._settings
                link, beat = await dial(self._registration, settings.worker_secret, self._node, settings.media_kept_s)
            except NotBelieved as error:
                _log.error("a worker is not believed", worker=self.worker.name, reason=str(error))
                return
            except ConnectionRefusedError:
                return
            except (OSError, TimeoutError):
                await asyncio.sleep(RETRY_S)
                continue
            worker = self.worker
            worker.link = link
            worker.heard = asyncio.get_running_loop().time()
            worker.beat(beat)
            self._linked.set()
            self._watcher.counted()
            self._watcher.up(worker)
            try:
                async for message in link.messages():
                    worker.heard = asyncio.get_running_loop().time()
                    self._watcher.heard(worker, message)
            except (OSError, asyncio.IncompleteReadError, BadMessage) as error:
                _log.info("a worker's link ended", worker=worker.name, reason=type(error).__name__)
            finally:
                worker.link = None
                self._linked.clear()
                link.close()
                self._watcher.counted()

    def idle(self, now: float) -> bool:
        """Whether no room of this node has been on it for a while."""
        if self.worker.rooms:
            self._idle_since = None
            return False
        self._idle_since = self._idle_since or now
        return now - self._idle_since > IDLE_S
