"""A client of UDP alone, over TCP: a proxy that carries its datagrams in a stream, as ICE over TCP does (RFC 4571)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

Address = tuple[Any, ...]


class TcpTunnel:
    """`port` is where clients send datagrams to; each gets a connection of its own to `target`.

    `carried` counts the datagrams in both directions.
    """

    def __init__(self, target: Address) -> None:
        self.port = 0
        self.carried = {"up": 0, "down": 0}
        self._target = target
        self._streams: dict[Address, asyncio.Queue[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outside: asyncio.DatagramTransport

    async def __aenter__(self) -> TcpTunnel:
        self._outside, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Received(self), local_addr=("127.0.0.1", 0)
        )
        self.port = self._outside.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._outside.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection; a client that goes on sending gets a new one."""
        self._streams.clear()
        for task in self._tasks:
            task.cancel()

    def received(self, data: bytes, client: Address) -> None:
        """A datagram of a client."""
        if client not in self._streams:
            self._streams[client] = asyncio.Queue()
            task = asyncio.create_task(self._carry(client, self._streams[client]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._streams[client].put_nowait(data)

    async def _carry(self, client: Address, queue: asyncio.Queue[bytes]) -> None:
        reader, writer = await asyncio.open_connection(*self._target[:2])
        both = (asyncio.create_task(self._up(queue, writer)), asyncio.create_task(self._back(client, reader)))
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whoever closed it, the client's next datagram opens another one.
            if self._streams.get(client) is queue:
                del self._streams[client]
            for task in both:
                task.cancel()
            writer.transport.abort()

    async def _up(self, queue: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        while True:
            data = await queue.get()
            self.carried["up"] += 1
            writer.write(len(data).to_bytes(2, "big") + data)

    async def _back(self, client: Address, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                data = await reader.readexactly(length)
                self.carried["down"] += 1
                self._outside.sendto(data, client)


class _Received(asyncio.DatagramProtocol):
    def __init__(self, tunnel: TcpTunnel) -> None:
        self._tunnel = tunnel

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._tunnel.received(data, addr)
