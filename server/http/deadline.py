"""uvicorn's HTTP connection with a deadline and a bound on headers, which it lacks.

A client has 5 s for the headers of a request (protocol.md, "One port"), counted from the connection for the first
and from the first byte for the next ones; within them at most 32 KiB. Else the connection is closed: one byte at a
time keeps nothing open. The headers of a WebSocket handshake pass through here as well.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN_S = 5.0
MAX_HEADERS = 32 * 1024


class DeadlineProtocol(HttpToolsProtocol):
    """One HTTP connection."""

    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADERS:
                self._stop()
                self.send_400_response("Request headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._start()

    def on_headers_complete(self) -> None:
        self._stop()
        super().on_headers_complete()

    def _start(self) -> None:
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADERS_WITHIN_S, self._expired)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expired(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
