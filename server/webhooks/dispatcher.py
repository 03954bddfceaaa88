"""The couriers of a node: one for each subscription that works, begun anew when it was changed.

Subscriptions are read again now and then, since a command, or another node, may have changed them. Commits are heard of
from the rooms of this node; each minute all rooms are looked at, for what was not heard of: rooms that nobody has open
here, and what happened while the server was down.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

from server import log
from server.directory.conferences import Conferences
from server.metrics import Metrics
from server.roomlog import RoomLog
from server.storage.store import Store, StoreUnavailable
from server.webhooks import subscriptions
from server.webhooks.courier import DAY_MS, GATHER_S, Courier, Errand, Way, end
from server.webhooks.positions import Positions
from server.webhooks.subscriptions import Webhook
from server.webhooks.turns import Turns

# How soon a subscription is noticed that was made elsewhere.
POLL_S = 2.0
LOOK_S = 60.0
# Rooms looked at without a pause between.
PORTION = 50
PAUSE_S = 0.05
# Events of each conference that the log keeps for those who lag, beside the some hundred that it has anyway: hours of
# a busy conference, a megabyte at most.
HISTORY = 4096

_log = log.get("podium.webhooks")
T = TypeVar("T")


class Dispatcher:
    """`start`, then `stop`. `positions` is where receivers are."""

    def __init__(
        self,
        store: Store,
        roomlog: RoomLog,
        positions: Positions,
        turns: Turns,
        way: Way,
        metrics: Metrics,
        days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.positions = positions
        self.way = way
        self._store = store
        self._roomlog = roomlog
        self._clock = clock
        self._metrics = metrics
        self._directory = Conferences(store)
        self._couriers: dict[str, Courier] = {}
        self._webhooks: dict[str, Webhook] = {}
        self._changed = asyncio.Event()
        self._to_sweep = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._errand = Errand(
            roomlog=roomlog,
            positions=positions,
            turns=turns,
            way=way,
            metrics=metrics,
            exists=self._exists,
            pause=self._pause,
            patience_ms=days * DAY_MS,
            clock=clock,
        )
        metrics.webhook_lag_seconds.set_function(self._lag_s)

    def start(self) -> None:
        """Begin to deliver."""
        self._tasks = [
            asyncio.create_task(self._keep_reading(), name="webhooks"),
            asyncio.create_task(self._keep_sweeping(), name="webhooks' sweep"),
        ]

    async def stop(self) -> None:
        """Deliver nothing more."""
        await end(self._tasks)
        couriers = list(self._couriers.values())
        self._couriers.clear()
        await asyncio.gather(*(courier.stop() for courier in couriers))

    def committed(self, conference: str) -> None:
        """Something has happened in a conference, or it was opened here."""
        for courier in self._couriers.values():
            courier.wake(conference, GATHER_S)

    def look(self) -> None:
        """A subscription was made, changed or removed."""
        self._changed.set()

    # --- subscriptions ------------------------------------------------------------------

    async def _keep_reading(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._read()
            except StoreUnavailable as error:
                _log.warning("webhooks cannot be read", reason=str(error))
            except Exception:
                _log.exception("webhooks cannot be read")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._changed.wait()

    async def _read(self) -> None:
        found = {webhook.id: webhook for webhook in await self._store.run(subscriptions.listed)}
        # Also for those that are paused: they may go on.
        self._roomlog.history = HISTORY if found else 0
        for id in self._webhooks.keys() - found.keys():
            await self._end(id)
            await self._errand.positions.forget(id)
            del self._webhooks[id]
        for id, webhook in found.items():
            running = self._couriers.get(id)
            if running is None or running.webhook.revision != webhook.revision:
                await self._end(id)
                if not webhook.paused:
                    courier = Courier(webhook, self._errand)
                    await courier.start()
                    self._couriers[id] = courier
                    self._to_sweep.set()
            self._webhooks[id] = webhook
        paused = sum(bool(webhook.paused) for webhook in found.values())
        self._metrics.webhooks.labels("active").set(len(found) - paused)
        self._metrics.webhooks.labels("paused").set(paused)

    async def _end(self, id: str) -> None:
        courier = self._couriers.pop(id, None)
        if courier is not None:
            await courier.stop()

    async def _pause(self, webhook: Webhook, reason: str) -> None:
        now = int(self._clock() * 1000)
        if await self._store.run(lambda connection: subscriptions.pause(connection, now, webhook.id, reason)):
            _log.error("a webhook is paused", webhook=webhook.id, reason=reason)
        self.look()

    async def _exists(self, conference: str) -> bool:
        return await self._directory.find(conference) is not None

    def _lag_s(self) -> float:
        now = self._clock()
        return max((courier.lag_s(now) for courier in self._couriers.values()), default=0.0)

    # --- what nobody told of ------------------------------------------------------------

    async def _keep_sweeping(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._to_sweep.wait()
            self._to_sweep.clear()
            try:
                await self._sweep()
            except StoreUnavailable as error:
                _log.warning("webhooks cannot look into the room log", reason=str(error))
            except Exception:
                _log.exception("webhooks cannot look into the room log")

    async def _sweep(self) -> None:
        if not self._couriers:
            return
        rooms = await self._roomlog.rooms()
        for number, room in enumerate(rooms):
            position = await self._roomlog.position(room)
            for courier in list(self._couriers.values()):
                if position is not None and courier.behind(room, position):
                    courier.wake(room)
            if number % PORTION == PORTION - 1:
                await asyncio.sleep(PAUSE_S)
        there = frozenset(rooms)
        for courier in list(self._couriers.values()):
            for room in courier.conferences:
                if room not in there:
                    courier.wake(room)
