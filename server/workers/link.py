"""The server's end of the control link to one worker: a stream of frames (protocol/control.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from protocol import codec
from protocol.control import (
    MAX_CONTROL_FRAME,
    Failed,
    PublishAnswer,
    PublishOffer,
    ServerMessage,
    Stats,
    StatsWanted,
    WorkerMessage,
)
from protocol.errors import Code
from protocol.statistics import Statistics

# What may wait to be written: a few complete plans. A worker that reads so little is as good as dead.
MAX_WAITING = 16 * 1024 * 1024
# The worker answers in milliseconds; protocol: after this the client is told `media_unavailable`.
REQUEST_S = 5.0
# Requests under way at one worker; each is an offer of up to 60 KB.
MAX_REQUESTS = 1000


class MediaRefused(Exception):
    """The media plane did not do what was asked: `code` says why."""

    def __init__(self, code: Code, message: str = "") -> None:
        super().__init__(message or code.value)
        self.code = code


class WorkerLink:
    """One connection of a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    def send(self, message: ServerMessage) -> None:
        """Send a message. To a link that is broken or does not take it nothing is sent: its worker is replaced."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_WAITING:
            self._writer.transport.abort()
            return
        data = codec.pack(message)
        self._writer.write(len(data).to_bytes(4, "big") + data)

    async def offer(self, room: str, peer: str, sdp: str, bindings: dict[str, str], restart: bool) -> str:
        """Hand over a client's offer; the worker's SDP answer. Raises `MediaRefused`."""

        def message(number: int) -> ServerMessage:
            return PublishOffer(request=number, room=room, peer=peer, sdp=sdp, bindings=bindings, restart=restart)

        answer: str = await self._ask(message)
        return answer

    async def statistics(self, room: str, peer: str) -> Statistics:
        """A peer's connections and tracks, as the worker measures them now. Raises `MediaRefused`."""
        answer: Statistics = await self._ask(lambda number: StatsWanted(request=number, room=room, peer=peer))
        return answer

    async def _ask(self, message: Callable[[int], ServerMessage]) -> Any:
        """Send a request; what the worker answers. Raises `MediaRefused`."""
        if len(self._requests) >= MAX_REQUESTS or self._writer.is_closing():
            raise MediaRefused(Code.MEDIA_UNAVAILABLE)
        self._number += 1
        number = self._number
        answer = self._requests[number] = asyncio.get_running_loop().create_future()
        self.send(message(number))
        try:
            async with asyncio.timeout(REQUEST_S):
                return await answer
        except TimeoutError:
            raise MediaRefused(Code.MEDIA_UNAVAILABLE, "the worker did not answer in time") from None
        finally:
            del self._requests[number]

    async def read(self) -> WorkerMessage:
        """The next message. Raises `OSError`, `IncompleteReadError`, `BadMessage`: then the link is useless."""
        size = int.from_bytes(await self._reader.readexactly(4), "big")
        if size > MAX_CONTROL_FRAME:
            raise codec.BadMessage("a control frame is too large")
        return codec.decode_worker(await self._reader.readexactly(size))

    async def messages(self) -> AsyncIterator[WorkerMessage]:
        """All messages that are no answers to requests, until the link ends."""
        while True:
            message = await self.read()
            if isinstance(message, PublishAnswer):
                self._settle(message.request, message.sdp)
            elif isinstance(message, Stats):
                self._settle(message.request, message.statistics)
            elif isinstance(message, Failed):
                self._settle(message.request, _refusal(message))
            else:
                yield message

    def close(self) -> None:
        """End the link; whoever waits for an answer is refused."""
        self._writer.close()
        for request in list(self._requests):
            self._settle(request, MediaRefused(Code.MEDIA_UNAVAILABLE, "the worker is gone"))

    def _settle(self, request: int, outcome: str | Statistics | MediaRefused) -> None:
        waiting = self._requests.get(request)
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, MediaRefused):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)


def _refusal(message: Failed) -> MediaRefused:
    try:
        return MediaRefused(Code(message.code), message.message)
    except ValueError:
        return MediaRefused(Code.MEDIA_UNAVAILABLE, message.message)
