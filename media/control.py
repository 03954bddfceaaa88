"""The link to the server: a stream of frames (4 bytes of length, big endian, then msgpack), kept up by the worker.

Media does not need the link: when it breaks, everything goes on as it was and the worker connects again. After
`GIVE_UP_AFTER` without a link the server has replaced this worker, or is gone: it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from protocol.codec import BadMessage, decode_server, pack
from protocol.control import MAX_CONTROL_FRAME, ServerMessage, Shutdown, WorkerHello, WorkerMessage, WorkerWelcome

GIVE_UP_AFTER = 10.0
RETRY_AFTER = 0.2
WELCOME_WITHIN = 5.0
CONNECT_WITHIN = 2.0
# What may wait to be written; a server that does not read is as good as gone.
MAX_WAITING = 16 * 1024 * 1024

log = structlog.get_logger("media.control")


class ControlAddress(NamedTuple):
    """Where the server listens: a path of a unix socket, or host and port."""

    path: str = ""
    host: str = ""
    port: int = 0


def control_address(text: str) -> ControlAddress:
    """Read `unix:/path` or `tcp:host:port`. Raises `ValueError` with a sentence."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest:
        return ControlAddress(path=rest)
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdigit() and 0 < int(port) < 65536:
        return ControlAddress(host=host.strip("[]"), port=int(port))
    raise ValueError(f"{text!r} is neither unix:/path nor tcp:host:port.")


class ControlLink:
    """The worker's end. `received(message)` is called for each message, in order; `welcomed(heartbeat_s)` whenever
    the link is up (again)."""

    def __init__(
        self,
        address: ControlAddress,
        hello: WorkerHello,
        received: Callable[[ServerMessage], None],
        welcomed: Callable[[float], None],
    ) -> None:
        self._address = address
        self._hello = hello
        self._received = received
        self._welcomed = welcomed
        self._writer: asyncio.StreamWriter | None = None

    def send(self, message: WorkerMessage) -> None:
        """Send a message; without a link it is dropped: the server learns the state from what follows."""
        writer = self._writer
        if writer is None or writer.transport.is_closing():
            return
        if writer.transport.get_write_buffer_size() > MAX_WAITING:
            log.warning("the server does not read")
            writer.transport.abort()
            return
        data = pack(message)
        writer.write(len(data).to_bytes(4, "big") + data)

    async def run(self) -> bool:
        """Keep the link up. Returns True after `Shutdown`, False when the link stayed lost."""
        loop = asyncio.get_running_loop()
        lost_at = loop.time()
        while loop.time() - lost_at < GIVE_UP_AFTER:
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    reader, writer = await self._connect()
            except (OSError, TimeoutError):
                await asyncio.sleep(RETRY_AFTER)
                continue
            try:
                if await self._serve(reader, writer):
                    return True
            except (OSError, TimeoutError, asyncio.IncompleteReadError, BadMessage) as error:
                log.warning("the control link broke", reason=f"{type(error).__name__}: {error}")
            finally:
                if self._writer is not None:
                    lost_at = loop.time()
                self._writer = None
                writer.close()
            await asyncio.sleep(RETRY_AFTER)
        return False

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.path:
            return await asyncio.open_unix_connection(self._address.path)
        return await asyncio.open_connection(self._address.host, self._address.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        data = pack(self._hello)
        writer.write(len(data).to_bytes(4, "big") + data)
        async with asyncio.timeout(WELCOME_WITHIN):
            message = await self._read(reader)
        if not isinstance(message, WorkerWelcome):
            raise BadMessage("the first message is not a welcome")
        self._writer = writer
        self._welcomed(message.heartbeat_s)
        while True:
            message = await self._read(reader)
            if isinstance(message, Shutdown):
                return True
            try:
                self._received(message)
            except Exception:
                # A mistake of ours with one peer's message must not cost all the others their media.
                log.exception("a message raised", kind=type(message).__name__)

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> ServerMessage:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if length > MAX_CONTROL_FRAME:
            raise BadMessage("a frame is larger than the limit")
        return decode_server(await reader.readexactly(length))
