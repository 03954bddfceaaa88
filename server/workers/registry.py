"""Which workers there are and which room is on which, as Redis says to all nodes alike.

A worker is registered under a lease that its parent renews each second. Where a room is, is a key of its own: one
value, the layout (layout.py) with the registrations of its workers, and a token. It is compared and set: whoever wants
it otherwise says the token it knows; of several nodes that notice a death the first changes it, and the others are told
how it is now. Nodes that have a room keep its key, and give it back should Redis have lost it; a room that nobody has
is forgotten when its workers no longer keep its media.

A lease that has ended says that nothing new is put on the worker, and no more: Redis may have stood still. That a
worker is dead is for the nodes to say, who talk to it. What stands here is believed for nothing (protocol/proof.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from protocol.control import CONTROL_VERSION
from server import log
from server.redis.connection import Connection, Script
from server.workers.layout import Layout, Link

# Three heartbeats.
LEASE_MS = 3_000
# A room is moved away from a worker that others may reach no oftener than this.
PAUSE_MS = 10_000
# Until the worker itself says what is on it: so much more is expected of a room that was just put there.
ROOM_LOAD = 10
FORGOTTEN_MS = 60_000
# Rooms, or workers, asked for in one script; some milliseconds.
AT_ONCE = 500

# All keys are for one script, so in a cluster on one server.
_WORKERS = "podium:{workers}"
_REGISTERED = (_WORKERS, f"{_WORKERS}:ends", f"{_WORKERS}:loads")
_REGISTER, _FORGET, _CHANGE, _KEEP, _SOME = (
    Script.of("server.workers", name) for name in ("register", "forget", "change", "keep", "some")
)
_PLACE, _ANOTHER = (Script.of("server.workers", "choose", name) for name in ("place", "another"))

_log = log.get("podium.workers")


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as others see it: `worker` is another for each process, `name` stays. `host` and `port` are where it
    takes links, `fingerprint` is that of its certificate. `capacity`: transports that are not too many for it; with
    `viewers`, or `packets` per second, further viewers of its rooms had better be elsewhere."""

    worker: str
    name: str
    host: str
    port: int
    fingerprint: str
    media: tuple[str, ...]
    udp_port: int
    region: str
    capacity: int
    draining: bool
    viewers: int = 500
    packets: int = 100_000
    version: int = CONTROL_VERSION


class Laid(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a room: its workers, the first in front, and the links between them."""

    workers: tuple[Registration, ...]
    links: tuple[Link, ...]

    def __post_init__(self) -> None:
        """Raises `ValueError` for what no node has written."""
        ids = {worker.worker for worker in self.workers}
        if not ids or len(ids) != len(self.workers):
            raise ValueError("a room is on workers, on each once")
        if {link.fed for link in self.links} != ids - {self.workers[0].worker}:
            raise ValueError("each further worker is fed")
        if not {link.feeder for link in self.links} <= ids:
            raise ValueError("a room's workers feed each other")


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a room is. `token` is greater than that of every placement before."""

    token: int
    laid: Laid

    @property
    def first(self) -> Registration:
        """The worker with the room's publishers."""
        return self.laid.workers[0]

    @property
    def layout(self) -> Layout:
        """As all nodes are to have it."""
        return Layout(self.token, tuple(worker.worker for worker in self.laid.workers), self.laid.links)

    def changed(self, layout: Layout, more: Registration | None = None) -> Laid:
        """What is to be kept for another layout of the same workers, or fewer; `more`: one that was not there."""
        known = {one.worker: one for one in (*self.laid.workers, *((more,) if more is not None else ()))}
        return Laid(workers=tuple(known[id] for id in layout.workers), links=layout.links)


class Registry:
    """The workers and placements in one Redis. `kept_s`: how long a worker keeps the media of a room that no node has.
    Every method raises `RedisUnavailable`."""

    def __init__(self, connection: Connection, kept_s: float) -> None:
        self._connection = connection
        self._kept_ms = round(kept_s * 1000)

    async def register(self, registration: Registration, load: int) -> None:
        """The worker is there, for `LEASE_MS` from now."""
        text = msgspec.json.encode(registration)
        await self._run(_REGISTER, _REGISTERED, (registration.worker, text, load, LEASE_MS))

    async def some(self) -> list[Registration]:
        """Workers whose lease runs, `AT_ONCE` at most."""
        texts = await self._run(_SOME, _REGISTERED[:2], (AT_ONCE,))
        found = [_decoded(text) for text in texts]
        return [one for one in found if one is not None and one.version == CONTROL_VERSION]

    async def forget(self, workers: Iterable[str]) -> None:
        """The workers are gone."""
        gone = tuple(workers)
        if gone:
            await self._run(_FORGET, _REGISTERED, gone)

    async def place(
        self,
        room: str,
        region: str,
        *,
        fence: int | None = None,
        certain: bool = False,
        unreachable: Iterable[str] = (),
    ) -> Placement | None:
        """Where a room is, or from now on; None when there is no worker for it that this node understands. `fence`:
        the token of a placement that is to end, `certain` because its worker is gone or leaving, otherwise because this
        node does not reach it."""
        given: list[str | int] = ["" if fence is None else fence, "1" if certain else "", region, self._kept_ms]
        given += [CONTROL_VERSION, PAUSE_MS, ROOM_LOAD, FORGOTTEN_MS, *unreachable]
        return _placement(room, await self._run(_PLACE, (_room(room), *_REGISTERED), given))

    async def another(self, region: str, avoided: Iterable[str]) -> Registration | None:
        """A worker that is not full, for a room whose own are; none of `avoided`. None when there is no such worker."""
        text = await self._run(_ANOTHER, _REGISTERED, (region, CONTROL_VERSION, ROOM_LOAD, *avoided))
        return _decoded(text) if text else None

    async def change(self, room: str, token: int, laid: Laid, unreachable: Iterable[str] = ()) -> Placement | None:
        """Have a room laid out like this, if its token is this one still; how it is from now on. `unreachable`: those
        that are left out because this node does not reach them, which is done once in a while. None when Redis does not
        know the room any more."""
        given: list[str | bytes | int] = [token, laid.workers[0].worker, msgspec.json.encode(laid)]
        given += [self._kept_ms, PAUSE_MS, *unreachable]
        return _placement(room, await self._run(_CHANGE, (_room(room), *_REGISTERED[:2]), given))

    async def keep(self, rooms: Mapping[str, Placement]) -> dict[str, int]:
        """This node has these rooms, there; their tokens by now."""
        found: dict[str, int] = {}
        names = list(rooms)
        for start in range(0, max(1, len(names)), AT_ONCE):
            # Without rooms it shows that Redis is there.
            some = {name: rooms[name] for name in names[start : start + AT_ONCE]}
            found |= await self._keep(some, whole=False)
            lost = {name: placement for name, placement in some.items() if found[name] < placement.token}
            if lost:
                found |= await self._keep(lost, whole=True)
        return found

    async def _keep(self, rooms: Mapping[str, Placement], *, whole: bool) -> dict[str, int]:
        given: list[str | bytes | int] = [self._kept_ms]
        for placement in rooms.values():
            given += placement.token, placement.first.worker, msgspec.json.encode(placement.laid) if whole else ""
        answer = await self._run(_KEEP, (_REGISTERED[0], *map(_room, rooms)), given)
        return {name: int(token) for name, token in zip(rooms, answer, strict=True)}

    async def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:
        return await self._connection.run(script, keys, arguments, repeatable=True)


def _decoded(text: bytes) -> Registration | None:
    """A registration; None for one that another version of this program has written in another way."""
    try:
        return msgspec.json.decode(text, type=Registration)
    except msgspec.DecodeError:
        return None


def _placement(room: str, answer: Sequence[bytes]) -> Placement | None:
    """What a script answers: token and layout, or nothing."""
    if not answer:
        return None
    try:
        return Placement(token=int(answer[0]), laid=msgspec.json.decode(answer[1], type=Laid))
    except msgspec.DecodeError:
        _log.error("what Redis has of a room cannot be read", conference=room)
        return None


def _room(room: str) -> str:
    return f"{_WORKERS}:room:{room}"
