"""A bad network in user space: a UDP proxy that loses, repeats, reorders and delays, the same way for the same seed.

Each client that sends to the proxy gets a socket of its own towards the target, as behind a NAT. What happens to a
datagram is decided by a generator seeded per direction, so that a run is repeatable as far as the traffic is.
"""

from __future__ import annotations

import asyncio
import random
import socket
from dataclasses import dataclass
from typing import Any

Address = tuple[Any, ...]
Held = tuple[asyncio.DatagramTransport, bytes, Address | None]


@dataclass
class Weather:
    """What happens to datagrams of one direction: probabilities 0 to 1, times in s; may be changed at any time."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0


class UdpChaos:
    """The proxy. `port` is where clients send to; `up` is the weather towards the target, `down` back.

    `passed` and `lost` count datagrams per direction.
    """

    def __init__(self, target: Address, seed: int = 1, up: Weather | None = None, down: Weather | None = None) -> None:
        self.target = target
        self.up = up or Weather()
        self.down = down or Weather()
        self.port = 0
        self.passed = {"up": 0, "down": 0}
        self.lost = {"up": 0, "down": 0}
        self._random = {"up": random.Random(f"{seed}up"), "down": random.Random(f"{seed}down")}
        self._outside: asyncio.DatagramTransport | None = None
        self._inside: dict[Address, asyncio.DatagramTransport] = {}
        self._held: dict[str, Held | None] = {
            "up": None,
            "down": None,
        }
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

    def rebind(self) -> None:
        """Give every client another address towards the target, as a NAT that was restarted."""
        for transport in self._inside.values():
            transport.close()
        self._inside.clear()

    def _from_client(self, data: bytes, client: Address) -> None:
        transport = self._inside.get(client)
        if transport is None:
            inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            inside.setblocking(False)
            inside.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            inside.connect(self.target)
            self._loop.create_task(self._connect(inside, client, data))
            return
        self._pass("up", self.up, transport, data, None)

    async def _connect(self, inside: socket.socket, client: Address, data: bytes) -> None:
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _Received(lambda answer, _: self._from_target(answer, client)), sock=inside
        )
        former = self._inside.setdefault(client, transport)
        if former is not transport:  # a second datagram of a new client was faster
            transport.close()
        self._pass("up", self.up, former, data, None)

    def _from_target(self, data: bytes, client: Address) -> None:
        if self._outside is not None:
            self._pass("down", self.down, self._outside, data, client)

    def _pass(
        self, way: str, weather: Weather, transport: asyncio.DatagramTransport, data: bytes, to: Address | None
    ) -> None:
        chance = self._random[way].random
        # Always the same number of draws per datagram: one setting does not shift the others' luck.
        lost, twice, late, wait = chance(), chance(), chance(), chance()
        if lost < weather.loss:
            self.lost[way] += 1
            return
        delay = weather.delay + weather.jitter * wait
        held, self._held[way] = self._held[way], None
        if late < weather.reorder and held is None:
            self._held[way] = (transport, data, to)
            # It is overtaken by the next one, or comes after 50 ms when there is none.
            self._loop.call_later(0.05, self._release, way, self._held[way])
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
