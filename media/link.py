"""One control connection, whoever has made it: frames (4 bytes of length, big endian, then msgpack)."""

from __future__ import annotations

import asyncio

import structlog

from protocol.codec import BadMessage, decode_server, pack
from protocol.control import MAX_CONTROL_FRAME, ServerMessage, WorkerMessage

# What may wait to be written; whoever does not read is as good as gone.
MAX_WAITING = 16 * 1024 * 1024

log = structlog.get_logger("media.control")


class Link:
    """A connection. `name`: whose, for the log. `home`: it is that of the process that started this worker, which alone
    may end it. `heartbeat_s`, `kept_s`: what the other end wants (`WorkerWelcome`)."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, name: str = "", home: bool = False
    ) -> None:
        self.name = name
        self.home = home
        self.heartbeat_s = 1.0
        self.kept_s = 0.0
        self._reader = reader
        self._writer = writer

    def send(self, message: WorkerMessage) -> None:
        """Send a message; one to a link that is broken is dropped: the other end learns the state from what follows."""
        self.write(framed(message))

    def write(self, frame: bytes) -> None:
        """Send what is packed already."""
        if self._writer.transport.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_WAITING:
            log.warning("a control link is not read", link=self.name)
            self._writer.transport.abort()
            return
        self._writer.write(frame)

    async def read(self, limit: int = MAX_CONTROL_FRAME) -> ServerMessage:
        """The next message. Raises `OSError`, `IncompleteReadError`, `BadMessage`: then the link is useless."""
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        if length > limit:
            raise BadMessage("a frame is larger than the limit")
        return decode_server(await self._reader.readexactly(length))

    def close(self) -> None:
        """End it; what waits is still written."""
        self._writer.close()

    def abort(self) -> None:
        """End it at once."""
        self._writer.transport.abort()


def framed(message: WorkerMessage) -> bytes:
    """A message as it goes over a link."""
    data = pack(message)
    return len(data).to_bytes(4, "big") + data
