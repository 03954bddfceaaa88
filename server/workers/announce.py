"""This machine's workers, announced in Redis to all nodes: each second anew, and taken back when one ends."""

from __future__ import annotations

import asyncio
import contextlib
import math

from protocol import control
from server import log
from server.config import Settings
from server.redis.trouble import RedisUnavailable
from server.workers.own import OwnWorkers, ip, machine
from server.workers.registry import Registration, Registry
from server.workers.worker import HEARTBEAT_S, Worker

_log = log.get("podium.workers")


class Announcer:
    """Keeps own workers registered."""

    def __init__(self, settings: Settings, own: OwnWorkers, registry: Registry) -> None:
        self._settings = settings
        self._own = own
        self._registry = registry
        self._gone: set[str] = set()
        self._news = asyncio.Event()
        self._announcing: asyncio.Task[None] | None = None
        self._troubled = False
        self._draining = False

    def start(self) -> None:
        """Begin to announce."""
        self._announcing = asyncio.create_task(self._keep_announcing(), name="announce workers")

    async def stop(self) -> None:
        """Take back what was announced."""
        if self._announcing is not None:
            self._announcing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._announcing
        with contextlib.suppress(RedisUnavailable):
            await self._registry.forget(self._gone | {worker.id for worker in self._own.all})

    def changed(self) -> None:
        """There is something new to say."""
        self._news.set()

    async def drain(self, within_s: float) -> None:
        """Have the nodes take their rooms elsewhere; returns when they have, or in time. Nothing new is put here."""
        self._draining = True
        self._news.set()
        for worker in self._own.all:
            worker.send(control.Drain())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._own.empty()

    def ended(self, worker: Worker) -> None:
        """The worker is gone, and with it what was placed on it."""
        self._gone.add(worker.id)
        self._news.set()

    async def once(self) -> None:
        """Announce all workers that are up. Raises `RedisUnavailable`."""
        self._news.clear()
        gone = set(self._gone)
        await self._registry.forget(gone)
        self._gone -= gone
        for worker in self._own.all:
            if worker.link is not None and worker.control_port:
                # Full is full, of connections or of viewers.
                load = max(worker.load, math.ceil(worker.fullness * self._settings.worker_capacity))
                await self._registry.register(self._registration(worker), load)

    def _registration(self, worker: Worker) -> Registration:
        settings = self._settings
        bound = ip(settings.worker_links[0])
        # Bound to every address, it is reached at the one that stands first among those for browsers.
        reached = worker.addresses[0] if bound in ("0.0.0.0", "::") else bound
        return Registration(
            worker=worker.id,
            name=f"{machine()}-{worker.name}",
            # A name is resolved by whoever dials: what it stands for may change while the worker lives.
            host=settings.worker_address or reached,
            port=worker.control_port,
            fingerprint=self._own.fingerprint,
            media=worker.addresses,
            udp_port=worker.udp_port,
            region=settings.region,
            capacity=settings.worker_capacity,
            draining=self._draining,
            viewers=settings.viewers_per_worker,
            packets=settings.packets_per_worker,
        )

    async def _keep_announcing(self) -> None:
        while True:
            try:
                await self.once()
                self._troubled = False
            except RedisUnavailable as error:
                if not self._troubled:
                    _log.warning("the workers cannot be announced", reason=str(error))
                self._troubled = True
            except Exception:
                _log.exception("the workers could not be announced")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._news.wait()
            # What ends and starts over and over is not announced oftener than this.
            await asyncio.sleep(0.05)
