"""Workers without a node, for the nodes of a system: `podium worker`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

from protocol import control
from server import listen, log
from server.config import Settings
from server.redis import address
from server.redis.connection import Connection
from server.workers.announce import Announcer
from server.workers.own import OwnWorkers
from server.workers.registry import Registry
from server.workers.worker import Worker

_log = log.get("podium.workers")


class Station:
    """The workers of this machine, announced to all nodes. `start`, then `stop`; both once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = Connection(address.parse(settings.redis))
        self._own = OwnWorkers(settings, self, shared=True)
        self._announcer = Announcer(settings, self._own, Registry(self._connection, settings.media_kept_s))
        self.hurried = asyncio.Event()

    @property
    def workers(self) -> list[Worker]:
        """The workers, whether they are up or not."""
        return self._own.all

    async def start(self) -> None:
        """Start the workers and announce them. Raises `StoreUnavailable` when Redis is not there, `StartError` when a
        port is taken."""
        settings = self._settings
        await self._connection.ready()
        listen.check_udp(settings.media_host, settings.udp_port, settings.worker_count)
        await self._own.start()
        self._announcer.start()

    async def stop(self) -> None:
        """Have the nodes take their rooms elsewhere, as far as there is time, and end the workers."""
        drain = asyncio.create_task(self._announcer.drain(self._settings.drain_s), name="drain")
        hurried = asyncio.create_task(self.hurried.wait(), name="hurry")
        await asyncio.wait({drain, hurried}, return_when=asyncio.FIRST_COMPLETED)
        for task in (drain, hurried):
            task.cancel()
        await asyncio.gather(drain, hurried, return_exceptions=True)
        await self.kill()

    async def kill(self) -> None:
        """End the workers at once."""
        await self._announcer.stop()
        await self._own.stop()
        await self._connection.close()

    # --- as the watcher of the workers --------------------------------------------------

    def up(self, worker: Worker) -> None:
        """It can be announced."""
        self._announcer.changed()

    def counted(self) -> None:
        """A link has come or gone."""

    def ended(self, worker: Worker) -> None:
        """Its rooms have to go elsewhere, and the nodes know by themselves; the registration says so too."""
        self._announcer.ended(worker)

    def heard(self, worker: Worker, message: control.WorkerMessage) -> None:
        """Of its heartbeats the load is announced."""
        if isinstance(message, control.Heartbeat):
            worker.beat(message)


async def serve(settings: Settings, announce: Callable[[list[Worker]], None]) -> None:
    """Start, announce, work until SIGTERM or SIGINT, stop. A second signal does not wait for the nodes.

    Raises as `Station.start`.
    """
    station = Station(settings)
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            station.hurried.set()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await station.start()
        announce(station.workers)
        _log.info("started", udp_ports=[worker.udp_port for worker in station.workers])
        await stopping.wait()
        _log.info("stopping")
        await station.stop()
    except BaseException:
        with contextlib.suppress(Exception):
            await station.kill()
        raise
