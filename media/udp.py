"""The worker's one UDP socket: drained in bounded turns, everything received into one buffer, sent from another.

Whoever handles datagrams may only note what is to be forwarded; `drained` is called once at the end of each turn
and sends it. That order (all of a turn's packets for one viewer, then the next viewer) is what batches are made of.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from media.srtp import TRAILER, PacketBuffer

Address = tuple[Any, ...]
"""What the socket says of a peer: (host, port) or, on IPv6, (host, port, flow, scope)."""

# Ethernet's 1,500 bytes less nothing: larger ones are no packets of WebRTC.
MAX_DATAGRAM = 1500
# One turn of the loop handles at most this many, some 2 ms, so that timers and the control link have their turn too.
MAX_DRAIN = 128
# 4 MiB hold 0.3 s of 100,000 small packets/s; the kernel clamps it silently to net.core.rmem_max.
SOCKET_BUFFER = 4 * 1024 * 1024


class UdpPort:
    """One bound socket. `datagram(length, address)` finds the bytes in `received`; `sending` is for whoever sends."""

    def __init__(
        self,
        host: str,
        port: int,
        datagram: Callable[[int, Address], None],
        drained: Callable[[], None],
        dropped: Counter[str],
    ) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if host == "::":
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        # One byte more than is allowed, to tell a datagram that is too long from one that just fits.
        self.received = PacketBuffer(MAX_DATAGRAM + 1)
        self.sending = PacketBuffer(MAX_DATAGRAM + TRAILER)
        # For the packet path, which counts and catches for itself; everybody else uses `send`.
        self.sendto = self._socket.sendto
        self.packets_in = 0
        self.packets_out = 0
        self._datagram = datagram
        self._drained = drained
        self._dropped = dropped
        self._loop: asyncio.AbstractEventLoop | None = None

    def clamped(self) -> dict[str, int]:
        """The buffers that the kernel made smaller than asked for: option → bytes granted."""
        found = {}
        for name, option in (("net.core.rmem_max", socket.SO_RCVBUF), ("net.core.wmem_max", socket.SO_SNDBUF)):
            # socket(7): the kernel doubles the value for its own bookkeeping and returns the doubled value.
            granted = self._socket.getsockopt(socket.SOL_SOCKET, option) // 2
            if granted < SOCKET_BUFFER:
                found[name] = granted
        return found

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to receive."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """End it; what is sent afterwards is dropped."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def _readable(self) -> None:
        receive = self._socket.recvfrom_into
        handle = self._datagram
        buffer = self.received.bytes
        count = 0
        for _ in range(MAX_DRAIN):
            try:
                length, address = receive(buffer)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier send, reported here by some kernels
                continue
            count += 1
            handle(length, address)
        self.packets_in += count
        self._drained()

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send one datagram, or drop it when the kernel does not take it: media does not wait."""
        try:
            self.sendto(data, address)
            self.packets_out += 1
        except OSError:  # its buffer is full, or there is no way to the address
            self._dropped["send"] += 1
