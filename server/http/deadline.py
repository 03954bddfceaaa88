"""uvicorn's HTTP connection with the deadlines and bounds that it lacks.

A client has 5 s for the headers of a request (protocol.md, "One port"), counted from the connection for the first
and from the first byte for the next ones, within them at most 32 KiB, and then 8 s for the body, or as long as an
endpoint says that takes files (incoming.py). A response that nobody reads is given up. In each case the connection is
closed: neither one byte at a time nor silence keeps anything open. The headers of a WebSocket handshake pass through
here as well.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.http.incoming import EXPECT

HEADERS_WITHIN_S = 5.0
BODY_WITHIN_S = 8.0
MAX_HEADERS = 32 * 1024


class DeadlineProtocol(HttpToolsProtocol):
    """One HTTP connection."""

    _deadline: asyncio.TimerHandle | None = None
    _in_headers = True
    _header_bytes = 0
    _unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(HEADERS_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_headers and self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADERS:
                self._stop()
                self.send_400_response("Request headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][EXPECT] = self._expect_longer
        self._in_headers = True
        if self._deadline is None:
            self._header_bytes = 0
            self._expect(HEADERS_WITHIN_S)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._expect(BODY_WITHIN_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop()
        super().handle_websocket_upgrade()

    def timeout_keep_alive_handler(self) -> None:
        """The response was handed to the transport a while ago. Is it gone, or at least going?"""
        unread = self.transport.get_write_buffer_size()
        if unread == 0:
            super().timeout_keep_alive_handler()
        elif unread == self._unread:
            # `close` would wait for the reader for ever.
            self.transport.abort()
        else:
            self._unread = unread
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _expect(self, seconds: float) -> None:
        self._stop()
        self._deadline = self.loop.call_later(seconds, self._expired)

    def _expect_longer(self, seconds: float) -> None:
        # A body that is there already has no deadline any more.
        if self._deadline is not None:
            self._expect(seconds)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expired(self) -> None:
        self._deadline = None
        self.transport.abort()
