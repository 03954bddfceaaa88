"""A WebSocket connection: the `websockets` library's own server connection, plugged into uvicorn by its `ws=` class.

uvicorn reads the request's headers (under a deadline, server/http/deadline.py) and hands the connection over. What is
added here are the guards that neither library has: a limit on bytes and frames before they are parsed (flood.py), a
bound on what waits for a slow reader (outbox.py), pings that find a half-open connection, the check of the origin,
and limits on connections by address.

Frames are written to the transport as finished bytes (frames.py). That is sound because nothing here sends
fragmented messages, and only while the protocol's state is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from protocol.codec import MAX_FRAME, Encoding
from protocol.errors import Code, retry, sentence
from protocol.signals import Closing
from server import log
from server.frames import frame
from server.sessions.flood import FloodGuard, TooLarge
from server.sessions.outbox import Outbox

if TYPE_CHECKING:
    from server.sessions.session import Gateway, Session

PATH = "/ws"
# A half-open connection is found within PING_EVERY_S + SILENCE_S (reliability.md: 25 s).
PING_EVERY_S = 8.0
SILENCE_S = 16.0
# Who has not said hello after this is closed, at the next ping.
HELLO_S = 10.0
# protocol.md: who does not read for this long is closed.
STALL_S = 10.0
# How long a closed connection may take to say good-bye.
CLOSE_S = 2.0
# asyncio calls `pause_writing` above the first number and `resume_writing` below the second.
WRITE_LIMIT = (64 * 1024, 16 * 1024)
# What the kernel holds for a connection; its default grows to megabytes before a stalled reader is seen at all.
SEND_BUFFER = 256 * 1024
# Messages that wait for the session before the socket is not read any more.
READ_AHEAD = 16

# An empty ping, and the beginning of the pong to it: final, masked, of no length (RFC 6455, sections 5.2 and 5.5.3).
# That anything at all is heard is enough, so `websockets` need not know which pong belongs to which ping.
_PING = b"\x89\x00"
_PONG = b"\x8a\x80"
_PONG_SIZE = 6

# Close codes (RFC 6455, section 7.4.1; 1012 and 1013 are registered with IANA).
NORMAL, POLICY, TOO_BIG, RESTART, TRY_LATER = 1000, 1008, 1009, 1012, 1013
_CLOSE_CODES = {
    Code.CONFERENCE_ENDED: NORMAL,
    Code.TOO_LARGE: TOO_BIG,
    Code.GOING_AWAY: RESTART,
    Code.TOO_SLOW: TRY_LATER,
    Code.RATE_LIMITED: TRY_LATER,
}

_log = log.get("podium.websocket")


class _Host:
    """What a `ServerConnection` wants of its server: who handles it, and where the task is kept."""

    def __init__(self, tasks: set[asyncio.Task[None]]) -> None:
        self.handler_tasks = tasks

    def handler(self, connection: PodiumWebSocket) -> Any:
        return connection.run()

    def is_serving(self) -> bool:
        return True


class PodiumWebSocket(ServerConnection):
    """One connection. The session sees `encoding`, `address`, `post` and `finish`, and is given every message."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        gateway: Gateway | None = None,
    ) -> None:
        protocol = ServerProtocol(
            subprotocols=[Subprotocol(encoding.value) for encoding in Encoding], max_size=MAX_FRAME
        )
        super().__init__(
            protocol,
            cast(Server, _Host(server_state.tasks)),
            ping_interval=None,
            close_timeout=CLOSE_S,
            max_queue=READ_AHEAD,
            write_limit=WRITE_LIMIT,
        )
        self._gateway: Gateway = gateway if gateway is not None else config.app.state.gateway  # type: ignore[union-attr]
        self._connections = server_state.connections
        self._tasks = server_state.tasks
        self._guard: FloodGuard | None = None
        self._session: Session | None = None
        self._outbox = Outbox(self._write, self._refresh, self._too_slow)
        self._heard = self._began = self.loop.time()
        self._ticking: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._finishing: asyncio.TimerHandle | None = None
        self._admitted = False
        self._muzzled = False
        self.address = ""

    @property
    def encoding(self) -> Encoding:
        """What the client and we agreed to speak."""
        return Encoding(self.subprotocol or Encoding.JSON)

    # --- for the session ----------------------------------------------------------------

    def post(self, data: bytes, *, keep: bool = False) -> None:
        """Hand over a finished frame; never blocks. `keep`: an answer (outbox.py)."""
        if self.protocol.state is OPEN and self._finishing is None:
            self._outbox.put(data, keep=keep)

    def finish(self, code: Code, message: str | None = None, after_ms: int = 0) -> None:
        """Tell the client why, and close; what still waits for it is let go."""
        if self.protocol.state is not OPEN or self._finishing is not None:
            return
        self._gateway.metrics.connections_closed.labels(code.value).inc()
        if code is Code.GOING_AWAY:
            after_ms = self._gateway.spread_ms()
        closing = Closing(code=code, message=message or sentence(code), retry=retry(code), after_ms=after_ms)
        self._outbox.clear()
        self._write(frame(closing, self.encoding))
        self.protocol.send_close(_CLOSE_CODES.get(code, POLICY), code.value)
        self.send_data()
        # Whoever does not answer the close, or does not read it, is cut off.
        self._finishing = self.loop.call_later(CLOSE_S, self.transport.abort)
        if self._session is not None:
            self._session.disconnected()

    # --- for uvicorn --------------------------------------------------------------------

    def shutdown(self) -> None:
        """The server stops."""
        if self.protocol.state is OPEN:
            self.finish(Code.GOING_AWAY)
        else:
            self.transport.close()

    # --- the life of the connection -----------------------------------------------------

    async def run(self) -> None:
        """From the handshake to the end. Runs as the connection's only task; nothing escapes from it."""
        try:
            async with asyncio.timeout(CLOSE_S * 2):
                await self.handshake(process_request=self._admit, server_header=None)
            if self.protocol.state is not OPEN:
                return
            self._session = self._gateway.connect(self)
            self._ticking = self.loop.call_later(PING_EVERY_S, self._tick)
            with contextlib.suppress(ConnectionClosed):
                async for message in self:
                    await self._session.receive(message)
        except (ConnectionClosed, TimeoutError):
            pass
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("a connection failed")
            self.finish(Code.INTERNAL)
        finally:
            if self._session is not None:
                self._session.disconnected()
            if self._finishing is None:
                self.transport.close()
            task = asyncio.current_task()
            if task is not None:
                self._tasks.discard(cast("asyncio.Task[None]", task))

    def _admit(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Refuse the handshake, or let it go on."""
        if urlsplit(request.path).path != PATH:
            return self.respond(HTTPStatus.NOT_FOUND, "The WebSocket is at /ws.\n")
        origins = request.headers.get_all("Origin")
        if origins and not self._gateway.allows_origin(origins[-1], request.headers.get("Host", ""), len(origins)):
            return self.respond(HTTPStatus.FORBIDDEN, "Pages of this origin may not connect.\n")
        peer = self.transport.get_extra_info("peername")
        forwarded = ",".join(request.headers.get_all("X-Forwarded-For"))
        self.address = self._gateway.proxies.client(str(peer[0]) if peer else "", forwarded)
        wait_s = self._gateway.admit(self.address)
        if wait_s > 0:
            response = self.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections; come back later.\n")
            response.headers["Retry-After"] = str(int(wait_s) + 1)
            return response
        self._admitted = True
        return None

    # --- asyncio's callbacks ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.add(cast(Any, self))
        # Not a method of the transport's socket, which uvloop's stand-in lacks.
        fd = transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError), socket.socket(fileno=socket.dup(fd)) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(cast(Any, self))
        for timer in (self._ticking, self._stalled, self._finishing):
            if timer is not None:
                timer.cancel()
        self._outbox.clear()
        if self._admitted:
            self._gateway.released(self.address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        now = self._heard = self.loop.time()
        if self._guard is None:
            # The first data is the request that uvicorn has read; frames follow.
            self._guard = FloodGuard(self._gateway.bytes_per_second, self._gateway.frames_per_second, now)
        elif self._muzzled:
            return
        else:
            # An empty pong says that the client is there, which is noted by now. Of thousands who listen it is all that
            # comes, and the parser would take ten times as long to find nothing in it.
            pong = len(data) == _PONG_SIZE and data[:2] == _PONG and self._guard.between
            refused = self._flooded(data, now)
            if refused is not None:
                # What comes after is not looked at: the kernel's buffer fills, and CLOSE_S later the connection is cut.
                self._muzzled = True
                self.finish(refused, after_ms=2000)
                self.transport.pause_reading()
                return
            if pong:
                return
        super().data_received(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._outbox.block()
        self._stalled = self.loop.call_later(STALL_S, self._too_slow)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        self._outbox.unblock()

    # --- guards -------------------------------------------------------------------------

    def _flooded(self, data: bytes, now: float) -> Code | None:
        if self._guard is None:
            return None
        try:
            if self._guard.allows(data, now):
                return None
        except TooLarge:
            return Code.TOO_LARGE
        self._gateway.metrics.rate_limited.labels("websocket").inc()
        return Code.RATE_LIMITED

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def _refresh(self) -> None:
        if self._session is not None:
            self._session.refresh()

    def _too_slow(self) -> None:
        self.finish(Code.TOO_SLOW, after_ms=1000)

    def _tick(self) -> None:
        """Ping, and look whether anything was heard since the pings before."""
        if self.protocol.state is not OPEN or self._finishing is not None:
            return
        if self.loop.time() - self._heard > SILENCE_S:
            self.transport.abort()
            return
        if self._session is not None and not self._session.introduced and self.loop.time() - self._began > HELLO_S:
            self.finish(Code.NOT_YET, "Nobody said hello.")
            return
        self._write(_PING)
        self._ticking = self.loop.call_later(PING_EVERY_S, self._tick)


def bound_to(gateway: Gateway) -> Callable[..., PodiumWebSocket]:
    """The `ws=` class for uvicorn whose connections belong to this gateway."""

    def connection(**arguments: Any) -> PodiumWebSocket:
        return PodiumWebSocket(**arguments, gateway=gateway)

    return connection
