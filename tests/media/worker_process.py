"""A real worker process, and the server it believes to talk to: what the tests of the media plane are made with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from protocol.codec import decode_worker, pack
from protocol.control import (
    Heartbeat,
    RoomReport,
    Routes,
    RoutesApplied,
    TrackReport,
    TrackRoute,
    WorkerHello,
    WorkerMessage,
    WorkerWelcome,
)
from protocol.names import Source, track_id

SECRET = "a secret of these tests"
ROOT = Path(__file__).parents[2]
M = TypeVar("M")


class FakeServer:
    """Accepts one worker, keeps all it says, and sends what a test wants. `listener` is told each message as well."""

    def __init__(self, heartbeat_s: float = 0.25) -> None:
        self._heartbeat_s = heartbeat_s
        self.heard: list[WorkerMessage] = []
        self.hello: WorkerHello | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.version = 0
        self.links = 0
        self.listener: Callable[[WorkerMessage], None] = lambda message: None
        self._writer: asyncio.StreamWriter | None = None
        self._news = asyncio.Event()
        self._request = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.links += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(4), "big")
                message = decode_worker(await reader.readexactly(length))
                if isinstance(message, WorkerHello):
                    self.hello = message
                    self.send(WorkerWelcome(heartbeat_s=self._heartbeat_s))
                self.heard.append(message)
                self.listener(message)
                self._news.set()
        writer.close()

    def send(self, message: msgspec.Struct) -> None:
        """One message to the worker."""
        assert self._writer is not None
        data = pack(message)
        self._writer.write(len(data).to_bytes(4, "big") + data)

    def drop_link(self) -> None:
        """Cut the connection, as a server that died."""
        assert self._writer is not None
        self._writer.transport.abort()

    def request(self) -> int:
        """A new number for a request."""
        self._request += 1
        return self._request

    def all(self, kind: type[M]) -> list[M]:
        """Everything of one kind that the worker has said."""
        return [message for message in self.heard if isinstance(message, kind)]

    async def expect(self, kind: type[M], within: float = 10.0, after: int = 0, **fields: object) -> M:
        """The first message of a kind with these fields, from number `after` of `heard` on; waits for it."""
        async with asyncio.timeout(within):
            while True:
                for message in self.heard[after:]:
                    if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                        return message
                self._news.clear()
                await self._news.wait()

    async def routes(
        self, tracks: tuple[TrackRoute, ...] = (), peers: dict[str, str] | None = None, **rest: object
    ) -> None:
        """Send complete routes of room `r` at the next version, and wait until they are applied."""
        self.version += 1
        message = Routes(room="r", epoch=1, version=self.version, peers=peers or {}, tracks=tracks)
        self.send(msgspec.structs.replace(message, **rest))
        await self.expect(RoutesApplied, version=self.version)

    async def report(self, track: str) -> TrackReport:
        """The track's counters of a report made after this call."""
        report = await self.expect(RoomReport, after=len(self.heard))
        return next(each for each in report.tracks if each.track == track)

    async def heartbeat(self) -> Heartbeat:
        """A heartbeat made after this call."""
        return await self.expect(Heartbeat, after=len(self.heard))


def route(peer: str, source: Source | str, *to: str, open: bool = True) -> TrackRoute:
    """A track's route."""
    return TrackRoute(track=track_id(peer, source), peer=peer, source=Source(source), open=open, to=to)


@contextlib.asynccontextmanager
async def running_worker(
    *arguments: str,
    clean_exit: bool = True,
    address: str = "127.0.0.1",
    module: str = "media",
    heartbeat_s: float = 0.25,
) -> AsyncIterator[FakeServer]:
    """A worker process, with more arguments if any, and its server. `module`: what is run.

    At the end it must go by SIGTERM with code 0 and without an error logged."""
    server = FakeServer(heartbeat_s)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/control"
        listener = await asyncio.start_unix_server(server.accept, path)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, "--control", f"unix:{path}", "--udp-host", address),
            *("--address", address, "--worker", "w1", *arguments),
            cwd=ROOT,
            env={**os.environ, "PODIUM_WORKER_SECRET": SECRET},
            stderr=asyncio.subprocess.PIPE,
        )
        server.process = process
        log = asyncio.create_task(_read_all(process))
        try:
            await server.expect(WorkerHello)
            yield server
        finally:
            if process.returncode is None:
                process.terminate()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
            text = await log
            listener.close()
            if server._writer is not None:
                server._writer.close()
        assert '"level": "error"' not in text, text
        if clean_exit:
            assert process.returncode == 0, text


async def _read_all(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    return (await process.stderr.read()).decode()
