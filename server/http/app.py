"""The HTTP application: one list of routes, one shell around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol import documents
from protocol.errors import Code
from server.http import health, openapi
from server.http.api import API
from server.http.failure import Failure, json_response
from server.http.once import HEADER, REPLAYED
from server.http.pages import Pages
from server.http.services import Services
from server.http.shell import Shell


def application(services: Services) -> Starlette:
    """The application for these services. WebSockets do not come through it (server/sessions/websocket.py)."""
    settings, pages = services.settings, Pages(embed_origins=services.settings.embed_origins)

    async def http_exception(request: Request, error: Exception) -> Response:
        """What the routing itself refuses: an unknown path, a wrong method."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if status == 404:
            return pages.missing(request) or Failure(Code.NOT_FOUND, headers=headers).response()
        if status == 405:
            sentence = "This path does not take this method."
            return Failure(Code.UNSUPPORTED, sentence, headers=headers, status=405).response()
        return Failure(Code.BAD_MESSAGE, headers=headers, status=status).response()

    app = Starlette(
        routes=[
            *pages.routes(),
            *(endpoint.route(services) for endpoint in API),
            *health.routes(services),
            Route("/openapi.json", _document(openapi.document()), methods=["GET"]),
            Route("/asyncapi.json", _document(documents.asyncapi()), methods=["GET"]),
            Route("/ws", _not_a_websocket, methods=["GET"]),
        ],
        middleware=[
            Middleware(Shell, metrics=services.metrics, strict_transport=settings.tls_cert is not None),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", HEADER],
                expose_headers=[REPLAYED, "Retry-After"],
            ),
        ],
        exception_handlers={HTTPException: http_exception},
    )
    # To whatever host the request names: an address with a slash behind it is another one, and there is none.
    app.router.redirect_slashes = False
    return app


def _document(document: dict[str, Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        # For tools on other origins too: it is the same for everybody.
        return json_response(document, headers={"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"})

    return endpoint


async def _not_a_websocket(_request: Request) -> Response:
    return Failure(
        Code.BAD_MESSAGE,
        "This is the WebSocket; connect with Upgrade: websocket.",
        status=426,
        headers={"Upgrade": "websocket"},
    ).response()
