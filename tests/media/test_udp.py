"""The socket: drained in bounded turns, and honest about the buffers it got."""

from __future__ import annotations

import asyncio
import socket
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
    monkeypatch.setattr(udp, "SOCKET_BUFFER", 1 << 30)
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
