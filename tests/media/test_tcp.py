"""ICE over TCP: frames in any pieces, packets dropped whole instead of queued, strangers cut off."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from media import tcp
from media.tcp import TcpConnection, TcpPort, connection_of
from media.udp import Address
from tests.harness import until


def frame(packet: bytes) -> bytes:
    """A packet as RFC 4571 puts it into a stream."""
    return struct.pack("!H", len(packet)) + packet


class Listening:
    """A port, what has come to it, and clients of it. Whoever sends `PROOF` is known."""

    PROOF = b"proof"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.dropped: Counter[str] = Counter()
        self.came: list[bytes] = []
        self.turns = 0
        self.known: set[Address] = set()
        self.ended: list[Address] = []
        self.clients: list[socket.socket] = []
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
            free.bind((host, 0))
            number = free.getsockname()[1]
        self.host, self.number = host, number
        self.port = TcpPort(
            host, number, self._datagram, self._drained, self.known.__contains__, self.ended.append, self.dropped
        )
        self.port.start(asyncio.get_running_loop())

    def _datagram(self, length: int, address: Address) -> None:
        data = bytes(self.port.received.view[:length])
        self.came.append(data)
        if data == self.PROOF:
            self.known.add(address)

    def _drained(self) -> None:
        self.turns += 1

    async def client(self) -> socket.socket:
        """A new connection."""
        found = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        found.setblocking(False)
        await asyncio.get_running_loop().sock_connect(found, (self.host, self.number))
        self.clients.append(found)
        return found

    async def pair(self) -> tuple[socket.socket, TcpConnection]:
        """A new connection and the port's side of it."""
        before = set(self.port.connections)
        client = await self.client()
        await until(lambda: set(self.port.connections) - before)
        (new,) = set(self.port.connections) - before
        return client, new


async def received(client: socket.socket, count: int) -> bytes:
    """So many bytes; fewer when the connection ends."""
    found = b""
    async with asyncio.timeout(5):
        while len(found) < count:
            data = await asyncio.get_running_loop().sock_recv(client, count - len(found))
            if not data:
                break
            found += data
    return found


def packets_in(stream: bytes) -> list[bytes]:
    """The packets of a stream that ends with one."""
    found, at = [], 0
    while at < len(stream):
        length = int.from_bytes(stream[at : at + 2], "big")
        assert at + 2 + length <= len(stream), "a frame is cut off"
        found.append(stream[at + 2 : at + 2 + length])
        at += 2 + length
    return found


@contextlib.contextmanager
def open_port(host: str = "127.0.0.1") -> Iterator[Listening]:
    found = Listening(host)
    try:
        yield found
    finally:
        found.port.close()
        for client in found.clients:
            client.close()


# --- frames -----------------------------------------------------------------------------------------


async def test_packets_arrive_whole_however_the_stream_is_cut() -> None:
    packets = [bytes((n,)) * size for n, size in enumerate((1, 200, 1500, 12, 700))]
    stream = b"".join(map(frame, packets))
    with open_port() as listening:
        for piece in (1, 2, 3, 7, 1000, len(stream)):
            listening.came.clear()
            client, _ = await listening.pair()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(stream), piece):
                await asyncio.get_running_loop().sock_sendall(client, stream[at : at + piece])
                if piece < 10 and at < 50:
                    await asyncio.sleep(0)  # some of them really arrive one by one
            await until(lambda: len(listening.came) == len(packets))
            assert listening.came == packets
        assert listening.port.packets_in == 6 * len(packets) and listening.turns >= 6


async def test_an_empty_frame_is_passed_over() -> None:
    with open_port() as listening:
        client, _ = await listening.pair()
        client.send(frame(b"") + frame(b"one"))
        await until(lambda: listening.came)
        assert listening.came == [b"one"]


async def test_a_frame_that_is_too_long_ends_the_connection() -> None:
    with open_port() as listening:
        client, connection = await listening.pair()
        client.send(frame(b"one") + struct.pack("!H", 1501) + bytes(1501))
        assert await received(client, 1) == b""
        assert listening.came == [b"one"] and listening.dropped == {"tcp_frame": 1}
        assert listening.ended == [connection.address] and not listening.port.connections


async def test_noise_ends_at_most_its_own_connection() -> None:
    noise = bytes(range(256)) * 40
    with open_port() as listening:
        other, _ = await listening.pair()
        for cut in range(0, 60, 7):
            client, _ = await listening.pair()
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(client, noise[cut:])
                client.shutdown(socket.SHUT_WR)
        await until(lambda: len(listening.port.connections) == 1)
        other.send(frame(b"still here"))
        await until(lambda: b"still here" in listening.came)


async def test_a_connection_over_ipv6_is_the_same() -> None:
    with open_port("::1") as listening:
        client, connection = await listening.pair()
        assert connection.address[0] == "::1" and connection_of(connection.address) is connection
        client.send(frame(b"six"))
        await until(lambda: listening.came == [b"six"])


# --- sending ----------------------------------------------------------------------------------------


async def test_several_packets_go_out_as_frames() -> None:
    with open_port() as listening:
        client, connection = await listening.pair()
        connection.send((b"one", memoryview(bytearray(b"two")), memoryview(b"three")))
        listening.port.send(b"four", connection.address)
        stream = await received(client, 3 + 3 + 5 + 4 + 8)
        assert packets_in(stream) == [b"one", b"two", b"three", b"four"] and listening.port.packets_out == 4


async def test_what_the_network_has_no_room_for_is_dropped_in_whole_packets() -> None:
    with open_port() as listening:
        client, connection = await listening.pair()
        numbers = itertools.count()
        sent = 0
        stream = b""
        while listening.dropped["tcp_full"] < 500:
            connection.send([struct.pack("!I", next(numbers)) + bytes(1196) for _ in range(20)])
            sent += 20
            if sent % 100 == 0:  # the client reads slower than it is sent to
                stream += await received(client, 60_000)
            await asyncio.sleep(0.001)
        taken = listening.port.packets_out
        assert taken + listening.dropped["tcp_full"] == sent
        # It reads the rest: all that was taken comes, in order, and nothing in pieces.
        packets = packets_in(stream + await received(client, taken * 1202 - len(stream)))
        order = [int.from_bytes(packet[:4], "big") for packet in packets]
        assert len(packets) == taken and all(len(packet) == 1200 for packet in packets)
        assert order == sorted(set(order)) and order[-1] > taken
        connection.send((b"and on",))
        assert packets_in(await received(client, 8)) == [b"and on"]


async def test_the_kernel_is_given_little_more_than_the_network_takes() -> None:
    """Megabytes in a socket's buffer would be seconds of delay behind a thin link."""
    with open_port() as listening:
        client, connection = await listening.pair()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        started = time.monotonic()
        while not listening.dropped["tcp_full"]:
            connection.send([bytes(1200)] * 10)
            await asyncio.sleep(0)
        assert time.monotonic() - started < 2
        # What the other side's kernel holds unread, and what ours holds unsent.
        assert listening.port.packets_out * 1202 < tcp.UNSENT + 256 * 1024


async def test_a_connection_that_ends_is_said_and_takes_nothing_more() -> None:
    with open_port() as listening:
        client, connection = await listening.pair()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # a reset
        await until(lambda: listening.ended)
        assert listening.ended == [connection.address]
        connection.send((b"too late",))
        assert listening.dropped["send"] == 1 and listening.port.packets_out == 0


# --- strangers --------------------------------------------------------------------------------------


async def test_who_proves_nothing_is_cut_off_and_who_is_forgotten_too() -> None:
    with open_port() as listening:
        stranger, _ = await listening.pair()
        friend, connection = await listening.pair()
        friend.send(frame(Listening.PROOF))
        stranger.send(frame(b"hello"))
        await until(lambda: len(listening.came) == 2)
        now = time.monotonic()
        listening.port.watch(now + tcp.UNPROVEN_S - 1)
        assert len(listening.port.connections) == 2
        listening.port.watch(now + tcp.UNPROVEN_S + 1)
        assert list(listening.port.connections) == [connection]
        assert await received(stranger, 1) == b"" and listening.dropped == {"tcp_unproven": 1}
        listening.known.clear()
        listening.port.watch(now + 2 * tcp.UNPROVEN_S + 3)
        assert await received(friend, 1) == b"" and listening.dropped == {"tcp_unproven": 1}


async def test_strangers_of_one_address_are_limited_and_who_has_proven_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "MAX_UNPROVEN_OF_HOST", 3)
    with open_port() as listening:
        for _ in range(5):
            friend, _ = await listening.pair()
            friend.send(frame(Listening.PROOF))
            await until(lambda: all(each.proven for each in listening.port.connections))
        for _ in range(3):
            await listening.pair()
        refused = await listening.client()
        assert await received(refused, 1) == b"" and listening.dropped == {"tcp_refused": 1}
        listening.port.forget(list(listening.port.connections)[-1])
        await listening.pair()
        assert len(listening.port.connections) == 8


@pytest.mark.parametrize("limit", ["MAX_UNPROVEN", "MAX_CONNECTIONS"])
async def test_connections_are_limited_in_all(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(tcp, limit, 2)
    with open_port() as listening:
        for _ in range(2):
            await listening.pair()
        assert await received(await listening.client(), 1) == b""
        assert listening.dropped == {"tcp_refused": 1}


def test_an_ipv6_network_counts_as_one_party() -> None:
    assert tcp._party("2001:db8::1") == tcp._party("2001:db8::ffff:2") == "2001:db8::/64"
    assert tcp._party("2001:db8:0:1::1") != tcp._party("2001:db8::1")
    assert tcp._party("192.0.2.1") == "192.0.2.1" and tcp._party("::ffff:192.0.2.1") == "::ffff:192.0.2.1"


async def test_a_listener_without_files_to_give_waits_instead_of_spinning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_ACCEPT_AGAIN", 0.2)
    with open_port() as listening:

        class Full:
            tries = 0

            def __init__(self, listener: socket.socket) -> None:
                self.listener = listener

            def accept(self) -> tuple[socket.socket, Address]:
                Full.tries += 1
                if Full.tries <= 2:
                    raise OSError(24, "Too many open files")
                return self.listener.accept()

            def fileno(self) -> int:
                return self.listener.fileno()

            def close(self) -> None:
                self.listener.close()

        monkeypatch.setattr(listening.port, "_listener", Full(listening.port._listener))
        client = await listening.client()
        client.send(frame(b"patience"))
        await asyncio.sleep(0.1)
        assert Full.tries == 1 and not listening.came
        await until(lambda: listening.came)
        assert listening.dropped["tcp_accept"] == 2


async def test_a_turn_is_over_after_so_many_datagrams_however_small() -> None:
    with open_port() as listening:
        client, _ = await listening.pair()
        client.send(frame(b"tiny") * 200)
        await until(lambda: len(listening.came) == 200)
        assert listening.turns >= 200 // 32


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            TcpPort(
                "127.0.0.1",
                taken.getsockname()[1],
                lambda *_: None,
                lambda: None,
                lambda _: True,
                lambda _: None,
                Counter(),
            )
