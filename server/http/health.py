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
from server.store import StoreUnavailable

# Anybody may ask, so the store is asked no more often than this.
READY_FOR_S = 1.0


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str
    version: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can do its work, part by part."""

    ready: bool
    store: bool
    workers: bool


def routes(services: Services) -> list[Route]:
    """`/healthz`, `/readyz`, `/metrics`."""

    async def healthz(_request: Request) -> Response:
        return json_response(Alive(status="ok", version=VERSION))

    looked_at, store = -READY_FOR_S, False
    looking = asyncio.Lock()

    async def readyz(_request: Request) -> Response:
        nonlocal looked_at, store
        async with looking:
            if time.monotonic() - looked_at >= READY_FOR_S:
                try:
                    await services.store.run(lambda connection: connection.execute("SELECT 1").fetchone())
                    store = True
                except StoreUnavailable:
                    store = False
                looked_at = time.monotonic()
        workers = services.workers.ready
        ready = store and workers
        return json_response(Ready(ready=ready, store=store, workers=workers), 200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(services.metrics.render(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    table: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in table.items()]
