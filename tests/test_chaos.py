"""The network that tests put between a client and the media port does what they say of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from tests.chaos import HEADERS, UdpChaos


class Ends:
    """A client and a server, with the network between them."""

    def __init__(self, network: UdpChaos, client: socket.socket, server: socket.socket) -> None:
        self.network = network
        self._client = client
        self._server = server
        self._loop = asyncio.get_running_loop()

    async def up(self, data: bytes) -> int | None:
        """Send to the server; the port it came from, `None` when it did not come."""
        await self._loop.sock_sendto(self._client, data, ("127.0.0.1", self.network.port))
        try:
            async with asyncio.timeout(0.2):
                got, address = await self._loop.sock_recvfrom(self._server, 2000)
        except TimeoutError:
            return None
        assert got == data
        return int(address[1])

    async def down(self, data: list[bytes], port: int | None) -> list[bytes]:
        """Send to the client at once; what came of it."""
        for each in data:
            await self._loop.sock_sendto(self._server, each, ("127.0.0.1", port))
        got = []
        try:
            while True:
                async with asyncio.timeout(0.2):
                    got.append(await self._loop.sock_recv(self._client, 2000))
        except TimeoutError:
            return got


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    with socket.socket(type=socket.SOCK_DGRAM) as client, socket.socket(type=socket.SOCK_DGRAM) as server:
        for each in (client, server):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        async with UdpChaos(server.getsockname()) as network:
            yield Ends(network, client, server)


async def test_datagrams_pass_both_ways_in_order(ends: Ends) -> None:
    port = await ends.up(b"first")
    sent = [bytes((n,)) for n in range(50)]
    assert await ends.down(sent, port) == sent
    assert ends.network.passed == {"up": 1, "down": 50}


async def test_a_rate_holds_up_what_its_queue_takes_and_loses_the_rest(ends: Ends) -> None:
    port = await ends.up(b"first")
    # Ten datagrams a second: each takes 0.1 s, and three at most are there at once.
    ends.network.down.rate = (100 + HEADERS) * 8 * 10
    ends.network.down.queue = 0.25
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert len(await ends.down([bytes(100)] * 10, port)) == 3
    assert loop.time() - begun > 0.3
    assert ends.network.lost["down"] == 7
    ends.network.down.rate = None
    assert len(await ends.down([bytes(100)] * 10, port)) == 10


async def test_what_is_blocked_does_not_pass(ends: Ends) -> None:
    port = await ends.up(b"first")
    ends.network.block()
    assert await ends.up(b"x") is None
    assert await ends.down([b"x"], port) == []


async def test_after_a_rebinding_the_server_sees_another_port_and_the_former_leads_nowhere(ends: Ends) -> None:
    port = await ends.up(b"first")
    ends.network.rebind()
    other = await ends.up(b"x")
    assert other is not None and other != port
    assert await ends.down([b"x"], port) == []
    assert await ends.down([b"x"], other) == [b"x"]
