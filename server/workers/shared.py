"""Rooms on workers that all nodes share: Redis says which room is on which (registry.py), and this node follows.

Each room has one task at most that has changed in Redis what this node needs otherwise, finds out how the room is laid
out, and reaches its first worker; only then is the room put there, so that one that moves stays where it is as long as
it can. What makes a layout change: a worker is lost to a node, or says that it drains; viewers come for whom there is
no room, or nobody views at a worker any more. What another node has changed is looked at each second, and when a worker
says that it was told something newer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from typing import Protocol

import msgspec

from server import log
from server.config import Settings
from server.redis.trouble import RedisUnavailable
from server.workers.announce import Announcer
from server.workers.far import FarWatcher, FarWorker
from server.workers.layout import Layout
from server.workers.own import OwnWorkers, machine
from server.workers.registry import Placement, Registration, Registry
from server.workers.roommedia import RoomMedia
from server.workers.worker import Worker

FOLLOW_S = 1.0
AGAIN_S = 0.3
# A worker that this node did not reach is not given rooms by it for so long.
AVOIDED_S = 10.0
# An own worker whose link is away is back within this, or is replaced.
OWN_S = 2.0
# When all workers are full, whoever comes views at the first; so often it is looked whether there is another.
CROWDED_S = 2.0

_log = log.get("podium.workers")


class Need(msgspec.Struct, eq=False):
    """What this node wants otherwise of a room's placement. `lost`: workers that it cannot reach or that leave, and
    whether that is certain; `idle`: those at which nobody views; `worn`: links that need another name; `grow`: one more
    worker is needed."""

    lost: dict[str, bool] = {}
    idle: set[str] = set()
    worn: set[str] = set()
    grow: bool = False

    def __bool__(self) -> bool:
        return bool(self.lost or self.idle or self.worn or self.grow)


class Pool(FarWatcher, Protocol):
    """The rooms of this node."""

    def wants(self, media: RoomMedia) -> bool:
        """Whether the room still needs a worker."""

    def lay(self, media: RoomMedia, layout: Layout, workers: Mapping[str, Worker]) -> None:
        """The room is on these workers from now on."""


class SharedWorkers:
    """Where this node's rooms are, and the workers elsewhere that they are on."""

    def __init__(self, settings: Settings, registry: Registry, own: OwnWorkers, pool: Pool) -> None:
        self._settings = settings
        self._registry = registry
        self._own = own
        self._pool = pool
        self._announcer = Announcer(settings, own, registry)
        self._far: dict[str, FarWorker] = {}
        self._avoided: dict[str, float] = {}
        self._placed: dict[str, tuple[RoomMedia, Placement]] = {}
        self._settling: dict[str, tuple[asyncio.Task[None], Need]] = {}
        self._crowded = 0.0  # until then there is no further worker that is not full
        self._following: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._followed = False

    @property
    def ready(self) -> bool:
        """Whether Redis says where rooms are, and there is a worker for them that this node has a link to."""
        return self._followed and self._usable() > 0

    @property
    def far(self) -> list[Worker]:
        """The workers elsewhere that this node talks to, or tries to."""
        return [far.worker for far in self._far.values()]

    async def start(self) -> None:
        """Announce own workers, and begin to follow."""
        with contextlib.suppress(RedisUnavailable):
            await self._announcer.once()
            await self._follow()
        self._announcer.start()
        self._following = asyncio.create_task(self._keep_following(), name="follow placements")

    async def stop(self) -> None:
        """Let go of all workers; other nodes take their rooms off own ones first, as far as there is time."""
        await self._announcer.drain(self._settings.drain_s)
        tasks = [task for task, _ in self._settling.values()]
        if self._following is not None:
            tasks.append(self._following)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._announcer.stop()
        await asyncio.gather(*(far.close() for far in self._far.values()), *self._closing)
        self._far.clear()

    def _usable(self) -> int:
        return sum(worker.link is not None and not worker.draining for worker in [*self._own.all, *self.far])

    # --- rooms --------------------------------------------------------------------------

    def settle(self, media: RoomMedia) -> None:
        """Find out where the room is, and put it there."""
        self._need(media)

    def lose(self, media: RoomMedia, worker: Worker, certain: bool) -> None:
        """Have the room on this worker no more, which this node has lost; `certain`: it is gone, or leaving."""
        need = self._need(media)
        need.lost[worker.id] = certain or need.lost.get(worker.id, False)

    def release(self, media: RoomMedia, worker: Worker) -> None:
        """Have the room on this worker no more, at which nobody views."""
        self._need(media).idle.add(worker.id)

    def renew(self, media: RoomMedia, link: str) -> None:
        """Have a link of the room named otherwise."""
        self._need(media).worn.add(link)

    def grow(self, media: RoomMedia) -> None:
        """Have the room on one more worker; it is told when there is none."""
        if asyncio.get_running_loop().time() < self._crowded:
            media.full()
        else:
            self._need(media).grow = True

    def _need(self, media: RoomMedia) -> Need:
        """What is wanted of a room; it is seen to."""
        found = self._settling.get(media.room)
        if found is not None:
            return found[1]
        need = Need()
        media.settles()
        task = asyncio.create_task(self._settle(media, need), name=f"settle {media.room}")
        self._settling[media.room] = task, need

        def done(task: asyncio.Task[None]) -> None:
            if self._settling.get(media.room) == (task, need):
                del self._settling[media.room]
                media.settled()
            if not task.cancelled() and task.exception() is not None:
                _log.error("a room could not be placed", conference=media.room, reason=repr(task.exception()))

        task.add_done_callback(done)
        return need

    def removed(self, media: RoomMedia) -> None:
        """The room needs no worker any more."""
        self._placed.pop(media.room, None)
        task, _ = self._settling.pop(media.room, (None, None))
        if task is not None:
            task.cancel()
            media.settled()

    def ended(self, worker: Worker) -> None:
        """An own worker's process is gone."""
        self._announcer.ended(worker)

    def lost(self, worker: Worker) -> None:
        """A far worker is given up."""
        self._far.pop(worker.id, None)
        self._avoided[worker.id] = asyncio.get_running_loop().time() + AVOIDED_S

    async def _settle(self, media: RoomMedia, need: Need) -> None:
        while self._pool.wants(media):
            asked = dict(need.lost)  # more may be lost while this is agreed upon
            try:
                found = await self._agree(media, need)
            except RedisUnavailable as error:
                _log.warning("a room cannot be placed", conference=media.room, reason=str(error))
                await asyncio.sleep(AGAIN_S)
                continue
            except Exception:
                # Whatever it is may pass, and nothing else tries.
                _log.exception("a room cannot be placed", conference=media.room)
                await asyncio.sleep(AGAIN_S)
                continue
            if found is None:
                self._placed.pop(media.room, None)
                media.settled()  # whoever waits is refused, and told when there is one
                media.waits()
                await asyncio.sleep(AGAIN_S)
                continue
            first = await self._reach(found.first)
            if not self._pool.wants(media):
                return
            self._placed[media.room] = (media, found)
            if not isinstance(first, Worker):
                need.lost[found.first.worker] = first or need.lost.get(found.first.worker, False)
                await asyncio.sleep(AGAIN_S / 3)
                continue
            if asked.keys() & set(found.layout.workers):
                # They were left in, since others may reach them. This node tries to, and says so when it does not.
                await asyncio.sleep(AGAIN_S)
            for id in asked:
                need.lost.pop(id, None)
            self._pool.lay(media, found.layout, {one.worker: self._worker(one) for one in found.laid.workers})
            if not need:
                return

    async def _agree(self, media: RoomMedia, need: Need) -> Placement | None:
        """Where the room is, after what is needed was changed, or another node has changed something else; None when
        there is no worker for it. Raises `RedisUnavailable`."""
        room, region = media.room, self._settings.region
        _, known = self._placed.get(room, (None, None))
        if known is None:
            return await self._registry.place(room, region, unreachable=self._unreachable())
        lost = {id: certain for id, certain in need.lost.items() if id in known.layout.workers}
        # Of a room that has lost a worker, one that is idle may be needed.
        layout = known.layout.without(lost or need.idle.difference(known.layout.workers[:1]))
        if not layout.workers:
            certain = all(lost.values())
            unreachable = {*self._unreachable(), *lost}
            return await self._registry.place(room, region, fence=known.token, certain=certain, unreachable=unreachable)
        for link in need.worn:
            layout = layout.renewed(link)
        grow, need.grow = need.grow, False
        need.idle.clear()
        need.worn.clear()
        more = await self._another(region, layout) if grow else None
        if more is not None:
            layout = layout.joined(more.worker)
        if layout == known.layout:
            return await self._registry.place(room, region, unreachable=self._unreachable())
        doubted = [id for id, certain in lost.items() if not certain]
        found = await self._registry.change(room, known.token, known.changed(layout, more), doubted)
        if found is None:
            await self._registry.keep({room: known})
            return known
        return found

    async def _another(self, region: str, layout: Layout) -> Registration | None:
        """One more worker for a room, to which there is a link."""
        while True:
            found = await self._registry.another(region, {*layout.workers, *self._unreachable()})
            if found is None:
                self._crowded = asyncio.get_running_loop().time() + CROWDED_S
                return None
            if isinstance(await self._reach(found), Worker):
                return found
            self._avoided[found.worker] = asyncio.get_running_loop().time() + AVOIDED_S

    def _unreachable(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        self._avoided = {id: until for id, until in self._avoided.items() if until > now}
        return list(self._avoided)

    async def _reach(self, found: Registration) -> Worker | bool:
        """The worker, once there is a link to it; otherwise whether it is certainly gone."""
        own = self._own.find(found.worker)
        if own is not None:
            for _ in range(round(OWN_S / 0.05)):
                if own.link is not None or own.id != found.worker:
                    break
                await asyncio.sleep(0.05)
            return own if own.link is not None and own.id == found.worker else own.id != found.worker
        far = self._far.get(found.worker) or self._dial(found)
        return far.worker if await far.reached() else False

    def _worker(self, found: Registration) -> Worker:
        """The worker, whether there is a link to it or not yet."""
        own = self._own.find(found.worker)
        if own is not None:
            return own
        return (self._far.get(found.worker) or self._dial(found)).worker

    def _dial(self, registration: Registration) -> FarWorker:
        far = self._far[registration.worker] = FarWorker(registration, self._settings, machine(), self._pool)
        return far

    # --- following ----------------------------------------------------------------------

    async def _keep_following(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_S)
            try:
                await self._follow()
            except RedisUnavailable:
                self._followed = False
            except Exception:
                _log.exception("placements could not be followed")
            self._let_go()

    async def _follow(self) -> None:
        known = dict(self._placed)
        found = await self._registry.keep({room: placement for room, (_, placement) in known.items()})
        self._followed = True
        for room, token in found.items():
            media, before = known[room]
            if token != before.token and self._placed.get(room) == (media, before):
                self.settle(media)
        await self._seek()

    async def _seek(self) -> None:
        """Without a room there is no link, and nobody knows whether there can be one: it is made to find that out."""
        if self._usable() or any(not worker.draining for worker in self.far):
            return
        avoided = self._unreachable()
        found = [one for one in await self._registry.some() if one.worker not in avoided and not one.draining]
        near = [one for one in found if one.region == self._settings.region] or found
        if near:
            self._dial(random.choice(near))

    def _let_go(self) -> None:
        now = asyncio.get_running_loop().time()
        for id, far in list(self._far.items()):
            worker = far.worker
            # The last one that takes rooms is kept: it shows that there are workers for this node.
            if worker.link is not None and far.idle(now) and (worker.draining or self._usable() > 1):
                del self._far[id]
                task = asyncio.create_task(far.close(), name="let a worker go")
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
