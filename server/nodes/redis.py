"""Several nodes on one Redis.

A node has a name that no node had before, and a lease on it (`node:NAME`), which it renews each second. A node whose
lease has ended is *buried* before anybody acts on it: its lease is taken for good, so that it cannot come back under
this name. Everything that follows can then be done by anybody, at any time and twice: in each room it was linked to,
its people are away from now on, and have the grace period to come back by another node. A buried node that was only
stopped for a while finds out with its next beat; it closes what it had and begins anew, under another name.

    podium:lease:{node:NAME}   the lease, with the node's address (server/redis/leases.py)
    podium:nodes               the names of all nodes that are not buried, or whose rooms nobody has looked after yet,
                               with the time of the last beat (ms since 1970)
    podium:node:NAME:rooms     the rooms that the node has open: where its people may be

An outage of Redis ends all leases, and so does its loss. So a node buries others only after its own beats went without
a failure or a delay for as long as a lease lasts: by then those that live have theirs again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

import msgspec

from server import log
from server.nodes.base import Arrival, Inhabited
from server.nodes.claims import ARRIVAL_MS, Claims
from server.redis.connection import Connection
from server.redis.leases import Held, Lease, Leases
from server.redis.trouble import RedisUnavailable
from server.storage.store import StoreUnavailable

BEAT_S = 1.0
# Five beats may be lost. The people of a dead node are away after this and a beat.
LEASE_S = 5.0
# So often it is looked whether anybody is linked to a node of which nothing is known; costs a walk over all people.
LOOK_EVERY = 5
# A name is buried for longer than anybody could be linked to it without being looked at.
BURIED_MS = 30 * 86_400_000
# Names of buried nodes that are remembered here; the others are asked for again.
MAX_GONE = 1024
# The file in the data folder in which a node's name outlives it.
FILE_NAME = "node"

_NODES = "podium:nodes"
_GRAVE = "the dead"
_log = log.get("podium.nodes")


class Neighbour(msgspec.Struct, frozen=True):
    """Another node that lives, and where it is."""

    name: str
    url: str


class RedisNodes:
    """See `Nodes`. `start` before the rooms are used, `watch` when they can be, `stop` after them."""

    def __init__(self, connection: Connection, data: Path, url: str) -> None:
        self.here = _new_name()
        self.living: tuple[Neighbour, ...] = ()
        self._connection = connection
        self._leases = Leases(connection)
        self._claims = Claims(connection)
        self._url = url
        self._file = data / FILE_NAME
        self._lease: Lease | None = None
        self._gone: dict[str, int] = {}
        self._rooms: Inhabited | None = None
        self._watching: asyncio.Task[None] | None = None
        # Since when all beats went well, and when the lease was renewed last; monotonic.
        self._settled_at = self._renewed_at = 0.0
        self._beats = 0
        # The rooms that are open may be of a name that is buried.
        self._to_restart = False

    # --- what others ask ----------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """See `Nodes.ready`."""
        return self._lease is not None and time.monotonic() - self._renewed_at < LEASE_S

    def gone(self, nodes: Iterable[str]) -> dict[str, int]:
        """See `Nodes.gone`."""
        return {node: self._gone[node] for node in nodes if node in self._gone}

    async def opening(self, conference: str) -> None:
        """See `Nodes.opening`."""
        await self._connection.ask("SADD", _rooms_of(self.here), conference, repeatable=True)

    async def closed(self, conference: str) -> None:
        """See `Nodes.closed`."""
        with contextlib.suppress(RedisUnavailable):  # whoever looks after it finds nobody there
            await self._connection.ask("SREM", _rooms_of(self.here), conference, repeatable=True)

    async def arrive(self, person: str, conference: str) -> Arrival | None:
        """See `Nodes.arrive`."""
        until = time.monotonic() + ARRIVAL_MS / 2000
        found = await self._claims.arrive(person, conference, f"{self.here}/{secrets.token_hex(4)}")
        return None if found is None else msgspec.structs.replace(found, until=until)

    async def arrived(self, arrival: Arrival, there: tuple[str, ...]) -> bool:
        """See `Nodes.arrived`."""
        try:
            return await self._claims.arrived(arrival, there)
        except RedisUnavailable:
            # Nobody can come in between before the arrival's time is over.
            return time.monotonic() < arrival.until

    # --- beginning and end --------------------------------------------------------------

    async def start(self) -> None:
        """Live from now on. Whoever had this data folder before has ended, and is buried. Raises `RedisUnavailable`."""
        former = self._file.read_text(encoding="ascii").strip() if self._file.exists() else ""
        if former:
            # With its own name: the lease of a process that was killed a moment ago lasts still.
            lease = await self._leases.acquire(_lease_of(former), former, 1)
            if isinstance(lease, Lease):
                await self._leases.release(lease)
            await self._bury(former)
        await self._begin()

    async def watch(self, rooms: Inhabited) -> None:
        """From now on renew, and look after those of the others that die. Raises `StoreUnavailable`."""
        self._rooms = rooms
        await self._alive_while(self._look_after(self._gone))
        self._watching = asyncio.create_task(self._keep_watching(), name="nodes")

    async def accompanied(self) -> bool:
        """Whether another node lives now; while Redis is away, whether one did at the last beat."""
        with contextlib.suppress(RedisUnavailable):
            await self._look_around()
        return bool(self.living)

    async def stop(self) -> None:
        """Live no more: the others look after the rooms that are left at once."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        lease, self._lease = self._lease, None
        with contextlib.suppress(RedisUnavailable):
            if lease is not None:
                await self._leases.release(lease)
                if not await self._connection.ask("SCARD", _rooms_of(self.here), repeatable=True):
                    await self._connection.ask("HDEL", _NODES, self.here, repeatable=True)

    async def _begin(self) -> None:
        """Take the lease on a name that nobody has had."""
        # First: a beat goes on with what fails here, and writes no file. To bury who never lived does no harm.
        self._file.write_text(self.here, encoding="ascii")
        held = await self._leases.acquire(_lease_of(self.here), self.here, _LEASE_MS, self._url)
        if isinstance(held, Held):
            raise RuntimeError("a name that was made by chance is taken")
        await self._note_beat()
        self._lease = held
        self._settled_at = self._renewed_at = time.monotonic()

    # --- the heart ----------------------------------------------------------------------

    async def _keep_watching(self) -> None:
        troubled = False
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._beat()
            except StoreUnavailable as error:
                self._settled_at = time.monotonic()
                if not troubled:
                    _log.warning("the other nodes cannot be seen", reason=str(error))
                troubled = True
            except Exception:
                _log.exception("the nodes could not be looked at")
            else:
                troubled = False

    async def _beat(self) -> None:
        began = time.monotonic()
        if not await self._renew():
            await self._anew()
        if self._to_restart:
            await self._restart()
            return
        suspects = await self._look_around()
        self._beats += 1
        if self._beats % LOOK_EVERY == 0 and self._rooms is not None:
            living = {node.name for node in self.living}
            suspects |= self._rooms.linked() - living - self._gone.keys() - {self.here}
        if time.monotonic() - began > LEASE_S / 4:
            self._settled_at = time.monotonic()
        if suspects and time.monotonic() - self._settled_at > LEASE_S:
            dead = [name for name in suspects if await self._bury(name)]
            await self._alive_while(self._look_after(dead))

    async def _look_around(self) -> set[str]:
        """See who lives; the others that are not buried. Raises `RedisUnavailable`."""
        names = [name.decode() for name in await self._connection.ask("HKEYS", _NODES, repeatable=True)]
        others = [name for name in names if name != self.here]
        holders = await asyncio.gather(*(self._leases.holder(_lease_of(name)) for name in others))
        living = {name: held for name, held in zip(others, holders, strict=True) if held and held.holder == name}
        self.living = tuple(Neighbour(name, held.note) for name, held in sorted(living.items()))
        return set(others) - living.keys()

    async def _renew(self) -> bool:
        """Whether this node is taken for living by all the others. Raises `RedisUnavailable`."""
        if self._lease is not None and await self._leases.renew(self._lease, _LEASE_MS):
            self._renewed_at = time.monotonic()
            await self._note_beat()
            return True
        # It has ended, and Redis perhaps forgot about it; nobody was told yet that this node is no more.
        held = await self._leases.acquire(_lease_of(self.here), self.here, _LEASE_MS, self._url)
        if isinstance(held, Held):
            return False
        await self._note_beat()
        if self._rooms is not None and (names := self._rooms.names()):
            await self._connection.ask("SADD", _rooms_of(self.here), *names, repeatable=True)
        # Last: what has failed before is done again with the next beat.
        self._lease = held
        self._settled_at = self._renewed_at = time.monotonic()
        return True

    async def _note_beat(self) -> None:
        await self._connection.ask("HSET", _NODES, self.here, time.time_ns() // 1_000_000, repeatable=True)

    async def _anew(self) -> None:
        """This node was taken for dead: what it had is others' now. Raises `RedisUnavailable`."""
        _log.warning("this node was stopped for too long, and begins anew", former=self.here)
        self._lease = None
        self._remember(self.here, 0)
        self.here = _new_name()
        self._to_restart = True
        await self._begin()

    async def _restart(self) -> None:
        """Tried again with the next beat when it fails. Raises `StoreUnavailable`."""
        if self._rooms is not None:
            await self._alive_while(self._rooms.restart())
        self._to_restart = False

    async def _alive_while(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what may take longer than a lease lasts. Raises what it raises."""
        working = asyncio.create_task(work, name="nodes at work")
        try:
            while not (await asyncio.wait({working}, timeout=BEAT_S))[0]:
                try:
                    if self._lease is not None and await self._leases.renew(self._lease, _LEASE_MS):
                        self._renewed_at = time.monotonic()
                except RedisUnavailable:
                    self._settled_at = time.monotonic()
        finally:
            working.cancel()
            await asyncio.wait({working})
        await working

    # --- the dead -----------------------------------------------------------------------

    async def _bury(self, name: str) -> bool:
        """See to it that a node cannot come back; false when it lives. Raises `RedisUnavailable`."""
        held = await self._leases.acquire(_lease_of(name), _GRAVE, BURIED_MS)
        if isinstance(held, Held):
            return False
        if name not in self._gone:
            _log.info("a node is gone", name=name)
            self._remember(name, int(await self._connection.ask("HGET", _NODES, name, repeatable=True) or 0))
        return True

    def _remember(self, name: str, lived: int) -> None:
        self._gone[name] = lived
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    async def _look_after(self, names: Iterable[str]) -> None:
        """Everybody whom these nodes had is away, also in rooms that nobody has open. Raises `StoreUnavailable`."""
        dead = self.gone(names)
        if not dead or self._rooms is None:
            return
        self._rooms.lost(dead)
        for name in dead:
            for room in await self._connection.ask("SMEMBERS", _rooms_of(name), repeatable=True):
                await self._rooms.care(room.decode())
                await self._connection.ask("SREM", _rooms_of(name), room, repeatable=True)
            await self._connection.ask("HDEL", _NODES, name, repeatable=True)


_LEASE_MS = round(LEASE_S * 1000)


def _new_name() -> str:
    return secrets.token_hex(6)


def _lease_of(name: str) -> str:
    return f"node:{name}"


def _rooms_of(name: str) -> str:
    return f"podium:node:{name}:rooms"
