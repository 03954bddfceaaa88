"""A receiver of webhooks in the test's process: real HTTP, and whatever else a receiver can do to its sender."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.harness import until


@dataclass
class Delivered:
    """One request. `at` is when it was read, monotonic."""

    path: str
    headers: dict[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def versions(self) -> list[int]:
        return [event["version"] for event in self.body["events"]]


Answer = Callable[[Delivered], bytes | None]


def status(number: int) -> bytes:
    """An answer with this status and a short body."""
    return b"HTTP/1.1 %d X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" % number


@dataclass
class Receiver:
    """`answer` makes the answer to a request, None for never; `requests` are those that were read."""

    answer: Answer = field(default=lambda _: status(200))
    requests: list[Delivered] = field(default_factory=list)
    taken: list[Delivered] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    # Sends for ever after the answer's head.
    endless: bool = False
    port: int = 0

    async def start(self, port: int = 0) -> Receiver:
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        # They end by themselves: a handler that is cancelled makes asyncio complain (Python 3.11).
        await until(lambda: self.open == 0, 5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?for=podium"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                await self._answer(reader, writer)
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers["content-length"]))
        request = Delivered(head[0].split()[1], headers, raw, time.monotonic())
        self.requests.append(request)
        answer = self.answer(request)
        if answer is None:
            await reader.read()  # until the other side gives up
            return
        if answer.startswith(b"HTTP/1.1 2"):
            self.taken.append(request)
        writer.write(answer)
        await writer.drain()
        while self.endless:
            writer.write(b"x" * 65536)
            await writer.drain()

    # --- what was taken ------------------------------------------------------------------

    def events(self, conference: str | None = None) -> list[dict[str, Any]]:
        """The events of all deliveries that were taken, in the order in which they came."""
        bodies = [one.body for one in self.taken]
        return [event for body in bodies if conference in (None, body["conference"]) for event in body["events"]]

    def versions(self, conference: str | None = None) -> list[int]:
        return [event["version"] for event in self.events(conference)]

    async def until_version(self, version: int, conference: str | None = None, timeout_s: float = 15.0) -> None:
        await until(lambda: version in self.versions(conference), timeout_s)
