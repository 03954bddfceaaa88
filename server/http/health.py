"""Is the server alive, may it be given work, what does it measure: for orchestrators and Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server import VERSION
from server.http.failure import json_response
from server.http.services import Services
from server.metrics import CONTENT_TYPE
from server.storage.store import StoreUnavailable

# Anybody may ask, so the store and the room log are asked no more often than this.
READY_FOR_S = 1.0


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str
    version: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can do its work, part by part."""

    ready: bool
    store: bool
    room_log: bool
    workers: bool
    # Whether the other nodes know that this one lives.
    node: bool
    draining: bool


async def _can(work: Awaitable[object]) -> bool:
    try:
        await work
    except StoreUnavailable:
        return False
    return True


def routes(services: Services) -> list[Route]:
    """`/healthz`, `/readyz`, `/metrics`."""

    async def healthz(_request: Request) -> Response:
        return json_response(Alive(status="ok", version=VERSION))

    looked_at, store, room_log = -READY_FOR_S, False, False
    looking = asyncio.Lock()

    async def readyz(_request: Request) -> Response:
        nonlocal looked_at, store, room_log
        async with looking:
            if time.monotonic() - looked_at >= READY_FOR_S:
                store, room_log = await asyncio.gather(
                    _can(services.store.ready()),
                    _can(services.rooms.log.ready()),
                )
                looked_at = time.monotonic()
        parts = {"store": store, "room_log": room_log, "workers": services.workers.ready}
        parts["node"] = services.rooms.nodes.ready
        draining = services.sessions.draining
        ready = all(parts.values()) and not draining
        return json_response(Ready(ready=ready, draining=draining, **parts), 200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(services.metrics.render(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    table: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in table.items()]
