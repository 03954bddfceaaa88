"""The socket: drained in bounded turns, and honest about the buffers it got."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter

import pytest

from media import udp
from media.udp import MAX_DRAIN, UdpPort


async def test_what_has_come_is_handled_in_bounded_turns_each_with_one_flush() -> None:
    turns: list[int] = [0]
    sizes: list[int] = []

    def datagram(length: int, address: udp.Address) -> None:
        turns[-1] += 1
        sizes.append(length)
        if len(sizes) == 2 * MAX_DRAIN + 10:
            all_came.set()

    all_came = asyncio.Event()
    port = UdpPort("127.0.0.1", 0, datagram, lambda: turns.append(0), Counter())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for size in range(2 * MAX_DRAIN + 10):
            sender.sendto(bytes(size), ("127.0.0.1", port.port))
        port.start(asyncio.get_running_loop())
        async with asyncio.timeout(5):
            await all_came.wait()
        port.close()
    assert sizes == list(range(2 * MAX_DRAIN + 10)), "also the empty one"
    assert max(turns) == MAX_DRAIN and port.packets_in == len(sizes)


def test_a_buffer_that_the_kernel_made_smaller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "RECEIVE_BUFFER", 1 << 30)
    monkeypatch.setattr(udp, "SEND_BUFFER", 1 << 30)
    port = UdpPort("127.0.0.1", 0, lambda *_: None, lambda: None, Counter())
    assert set(port.clamped()) == {"net.core.rmem_max", "net.core.wmem_max"}
    port.close()


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    port = UdpPort("127.0.0.1", 0, lambda *_: None, lambda: None, Counter())
    with pytest.raises(OSError, match="in use"):
        UdpPort("127.0.0.1", port.port, lambda *_: None, lambda: None, Counter())
    port.close()


def test_a_datagram_that_cannot_be_sent_is_counted() -> None:
    dropped: Counter[str] = Counter()
    port = UdpPort("127.0.0.1", 0, lambda *_: None, lambda: None, dropped)
    port.send(bytes(70_000), ("127.0.0.1", 9))
    assert dropped["send"] == 1 and port.packets_out == 0
    port.close()


class Bursts:
    """A port whose datagrams count as packets to be forwarded to 10 viewers, and how many each turn had."""

    def __init__(self, coalesce: float = 0.002) -> None:
        self.turns: list[int] = []
        self._came = 0
        self.port = UdpPort("127.0.0.1", 0, self._datagram, self._drained, Counter(), coalesce)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.connect(("127.0.0.1", self.port.port))
        self.port.start(asyncio.get_running_loop())

    def _datagram(self, length: int, address: udp.Address) -> None:
        self._came += 1
        self.port.noted += 1
        self.port.owed += 10

    def _drained(self) -> None:
        self.turns.append(self._came)
        self._came = 0

    async def send(self, count: int, pause: float) -> None:
        for _ in range(count):
            self.sender.send(bytes(100))
            await asyncio.sleep(pause)

    async def have_come(self, count: int) -> None:
        ends = time.monotonic() + 5
        while sum(self.turns) < count:
            assert time.monotonic() < ends, self.turns
            await asyncio.sleep(0.01)

    def close(self) -> None:
        self.port.close()
        self.sender.close()


async def test_a_lone_stream_is_passed_on_packet_by_packet() -> None:
    bursts = Bursts(0.0001)  # so that a busy machine does not make ten of them come at once
    await bursts.send(30, 0.01)
    assert bursts.turns == [1] * 30
    bursts.close()


async def test_under_load_packets_are_collected_for_a_moment_and_none_is_left() -> None:
    bursts = Bursts(0.2)  # a hundred times as long, to be told from a busy machine
    await bursts.send(1, 0.05)
    assert bursts.turns == [1], "nothing is to be expected yet"
    await bursts.send(20, 0.001)
    turns = len(bursts.turns)
    await bursts.send(20, 0.001)
    assert len(bursts.turns) <= turns + 1, "twenty at once, or not yet"
    await asyncio.sleep(1.5)
    assert sum(bursts.turns) == 41
    turns = len(bursts.turns)
    await asyncio.sleep(0.5)
    assert len(bursts.turns) == turns, "once it is quiet the socket is only watched"
    await bursts.send(1, 0.1)
    assert bursts.turns[-1] == 1 and sum(bursts.turns) == 42
    bursts.close()


async def test_a_turn_ends_when_it_owes_viewers_enough() -> None:
    bursts = Bursts()
    bursts.port.close()
    bursts.port = UdpPort("127.0.0.1", 0, bursts._datagram, bursts._drained, Counter())
    bursts.sender.connect(("127.0.0.1", bursts.port.port))
    for _ in range(100):
        bursts.sender.send(bytes(100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(udp, "MAX_OWED", 200)
        bursts.port.start(asyncio.get_running_loop())
        await bursts.have_come(100)
    assert max(bursts.turns) == 20 and sum(bursts.turns) == 100
    bursts.close()


async def test_a_turn_ends_when_so_much_is_to_be_forwarded_however_few_datagrams_that_came_in() -> None:
    bursts = Bursts()

    def five_each(length: int, address: udp.Address) -> None:
        bursts._datagram(length, address)
        bursts.port.noted += 4

    bursts.port.close()
    bursts.port = UdpPort("127.0.0.1", 0, five_each, bursts._drained, Counter())
    bursts.sender.connect(("127.0.0.1", bursts.port.port))
    for _ in range(100):
        bursts.sender.send(bytes(100))
    bursts.port.start(asyncio.get_running_loop())
    await bursts.have_come(100)
    assert max(bursts.turns) == MAX_DRAIN // 5 + 1 and sum(bursts.turns) == 100
    bursts.close()
