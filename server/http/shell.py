"""Around every response: security headers, a count, and an answer when something went wrong.

Plain ASGI instead of Starlette's base class for middleware, which starts a task for each request.
"""

from __future__ import annotations

import logging

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocol.errors import Code
from server.http.failure import Failure
from server.metrics import Metrics

_log = logging.getLogger("server.http")

# No inline script or style, nothing from elsewhere. `blob:` is for pictures a page makes itself.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)


def policy(ancestors: tuple[str, ...] = ()) -> str:
    """The content security policy of a page that pages of these origins may show in a frame."""
    allowed = " ".join(ancestors) or "'none'"
    return f"{_POLICY}; frame-ancestors {allowed}"


HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), "
    "geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Only with a certificate that was given: a browser that has seen this refuses a self-signed one without a way around.
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000"}


class Shell:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, strict_transport: bool = False) -> None:
        self._app = app
        self._metrics = metrics
        self._headers = HEADERS | (STRICT_TRANSPORT if strict_transport else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # The path without its query, which is the client's text; the traceback is for the log alone.
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if status:
                raise
            await Failure(Code.INTERNAL).response()(scope, receive, send_with_headers)
        finally:
            route = scope.get("route")
            self._metrics.http_requests.labels(getattr(route, "path", "none"), str(status)).inc()
