"""A bad network in user space: a UDP proxy that loses, repeats, reorders, delays and throttles, the same way for the
same seed.

Each client that sends to the proxy gets a socket of its own towards the target, as behind a NAT. What happens to a
datagram is decided by a generator seeded per direction, so that a run is repeatable as far as the traffic is.

A browser's page is led through it by the script `lead`: every UDP candidate that a description names is the proxy then.
ICE-lite answers whoever knows the password, so nothing of the server has to be changed for it.

And one for streams, between a node and Redis: a network that is cut, so that nothing comes and nothing is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Address = tuple[Any, ...]
Held = tuple[asyncio.DatagramTransport, bytes, Address | None]
# What a datagram takes on the wire beside its payload: the headers of IPv4 and UDP.
HEADERS = 28

_LEAD = """
(() => {
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const candidate = /^(a=candidate:\\S+ \\d+ udp \\d+ )\\S+ \\d+ /gim;
    const sdp = description?.sdp?.replace(candidate, (_, head) => `${head}127.0.0.1 PORT `);
    return set.call(this, sdp === undefined ? description : { type: description.type, sdp });
  };
})();
"""


@dataclass
class Weather:
    """What happens to datagrams of one direction: probabilities 0 to 1, times in s; may be changed at any time.

    `rate`: bits/s of all clients together, `None` for as fast as they come; what would wait longer than `queue` for its
    turn is lost.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    rate: float | None = None
    queue: float = 0.3


class UdpChaos:
    """The proxy. `port` is where clients send to; `up` is the weather towards the target, `down` back.

    `passed` and `lost` count datagrams per direction; `seen` is told each that comes in, with its direction.
    """

    def __init__(self, target: Address, seed: int = 1, up: Weather | None = None, down: Weather | None = None) -> None:
        self.target = target
        self.up = up or Weather()
        self.down = down or Weather()
        self.port = 0
        self.passed = {"up": 0, "down": 0}
        self.lost = {"up": 0, "down": 0}
        self.seen: Callable[[str, bytes], None] = lambda way, data: None
        self._random = {"up": random.Random(f"{seed}up"), "down": random.Random(f"{seed}down")}
        self._outside: asyncio.DatagramTransport | None = None
        self._inside: dict[Address, asyncio.DatagramTransport] = {}
        self._held: dict[str, Held | None] = {
            "up": None,
            "down": None,
        }
        self._free_at = {"up": 0.0, "down": 0.0}
        self._loop: asyncio.AbstractEventLoop

    async def start(self) -> UdpChaos:
        """Listen on a free port of 127.0.0.1."""
        self._loop = asyncio.get_running_loop()
        outside, _ = await self._loop.create_datagram_endpoint(
            lambda: _Received(self._from_client), local_addr=("127.0.0.1", 0)
        )
        outside.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._outside = outside
        self.port = outside.get_extra_info("sockname")[1]
        return self

    async def __aenter__(self) -> UdpChaos:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        if self._outside is not None:
            self._outside.close()
        for transport in self._inside.values():
            transport.close()
        self._inside.clear()

    def lead(self) -> str:
        """The script that leads a page's connections through here, for the page's `add_init_script`."""
        return _LEAD.replace("PORT", str(self.port))

    def block(self) -> None:
        """Let nothing through in either direction."""
        self.up.loss = self.down.loss = 1.0

    def rebind(self) -> None:
        """Give every client another address towards the target, as a NAT that was restarted."""
        for transport in self._inside.values():
            transport.close()
        self._inside.clear()

    async def expect(self, client: Address) -> int:
        """Give this client its address towards the target before it sends anything. Returns its port."""
        transport = await self._connected(self._new_inside(), client)
        port: int = transport.get_extra_info("sockname")[1]
        return port

    def _new_inside(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        inside = socket.socket(family, socket.SOCK_DGRAM)
        inside.setblocking(False)
        inside.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        inside.connect(self.target)
        return inside

    def _from_client(self, data: bytes, client: Address) -> None:
        transport = self._inside.get(client)
        if transport is None:
            self._loop.create_task(self._connect(self._new_inside(), client, data))
            return
        self._pass("up", self.up, transport, data, None)

    async def _connect(self, inside: socket.socket, client: Address, data: bytes) -> None:
        self._pass("up", self.up, await self._connected(inside, client), data, None)

    async def _connected(self, inside: socket.socket, client: Address) -> asyncio.DatagramTransport:
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _Received(lambda answer, _: self._from_target(answer, client)), sock=inside
        )
        former = self._inside.setdefault(client, transport)
        if former is not transport:  # a second datagram of a new client was faster
            transport.close()
        return former

    def _from_target(self, data: bytes, client: Address) -> None:
        if self._outside is not None:
            self._pass("down", self.down, self._outside, data, client)

    def _pass(
        self, way: str, weather: Weather, transport: asyncio.DatagramTransport, data: bytes, to: Address | None
    ) -> None:
        self.seen(way, data)
        chance = self._random[way].random
        # Always the same number of draws per datagram: one setting does not shift the others' luck.
        lost, twice, late, wait = chance(), chance(), chance(), chance()
        now = self._loop.time()
        turn = max(self._free_at[way], now)
        if lost < weather.loss or (weather.rate is not None and turn - now > weather.queue):
            self.lost[way] += 1
            return
        if weather.rate is not None:
            turn = self._free_at[way] = turn + (len(data) + HEADERS) * 8 / weather.rate
        delay = turn - now + weather.delay + weather.jitter * wait
        held, self._held[way] = self._held[way], None
        if late < weather.reorder and held is None:
            self._held[way] = overtaken = (transport, data, to)
            # It is overtaken by the next one, or comes after 50 ms when there is none.
            self._loop.call_later(0.05, self._release, way, overtaken)
        else:
            self._send(way, transport, data, to, delay)
            if twice < weather.duplicate:
                self._send(way, transport, data, to, delay)
        if held is not None:
            self._send(way, *held, delay)

    def _release(self, way: str, held: Held) -> None:
        if self._held[way] is held:
            self._held[way] = None
            self._send(way, *held, 0.0)

    def _send(
        self, way: str, transport: asyncio.DatagramTransport, data: bytes, to: Address | None, delay: float
    ) -> None:
        self.passed[way] += 1
        if delay:
            self._loop.call_later(delay, self._now, transport, data, to)
        else:
            self._now(transport, data, to)

    @staticmethod
    def _now(transport: asyncio.DatagramTransport, data: bytes, to: Address | None) -> None:
        if not transport.is_closing():
            transport.sendto(data, to)


class _Received(asyncio.DatagramProtocol):
    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._handle(data, addr)

    def error_received(self, exc: Exception) -> None:
        """The other end is closed just now: the network does not care."""


class StreamChaos:
    """A TCP port of 127.0.0.1 in front of a unix socket. While it is cut, connections stand and are taken, and not a
    byte passes; once it is whole again, what was sent meanwhile arrives, as TCP sees to it. It runs in a thread of its
    own, so that a test may wait for a server behind it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.port = 0
        self._whole = asyncio.Event()
        self._passing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stream chaos")

    def __enter__(self) -> StreamChaos:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Let nothing through in either direction."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def heal(self) -> None:
        """Let everything through."""
        self._loop.call_soon_threadsafe(self._whole.set)

    async def _begin(self) -> None:
        self._whole.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._whole.wait()
            back, forth = await asyncio.open_unix_connection(str(self.target))
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._copy(reader, forth))
                    ways.create_task(self._copy(back, writer))
            finally:
                forth.transport.abort()
        except OSError:  # nobody is there
            pass
        finally:
            writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
            await self._whole.wait()
            writer.close()
