"""The worker's one UDP socket: drained in bounded turns, everything received into one buffer.

Whoever handles datagrams may only note what is to be forwarded; `drained` is called once at the end of each turn and
sends it. So the packets of one viewer that came together go out together, which is what batches are made of.

A turn begins when the socket is readable. While more is to be expected within `coalesce`, it begins that much later,
and the socket is asked again after each such pause instead of being watched: fewer, larger turns, and fewer wake-ups.
A lone stream whose next packet is 5 ms away is passed on at once.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Callable

from media.outbox import Address, Outbox
from media.srtp import TRAILER, PacketBuffer

# Ethernet's 1,500 bytes less nothing: larger ones are no packets of WebRTC.
MAX_DATAGRAM = 1500
# One turn of the loop handles at most this many datagrams, some 2 ms, and what they owe to viewers: some 5 ms. Timers
# and the control link, and with it every mute, wait no longer than that. Nor do more packets come of them: redundant
# audio may hold five in each datagram, and all that goes to one viewer in a turn must fit into the outbox.
MAX_DRAIN = 128
MAX_OWED = 2000
# How fast the rate that decides it follows, in seconds: some frames of a camera.
_RATE_WINDOW = 0.1
# Bytes, of which the kernel takes twice as many for its bookkeeping, and which it clamps silently to net.core.rmem_max
# and wmem_max. In: 900 packets of video, 0.3 s of 3,000 a second. More would only make a worker that cannot keep up
# late, by seconds, instead of telling its publishers by loss. Out: a key frame to 300 viewers waits for the network.
RECEIVE_BUFFER, SEND_BUFFER = 1024 * 1024, 4 * 1024 * 1024


class UdpPort:
    """One bound socket. `datagram(length, address)` finds the bytes in `received`; `sending` is for whoever sends.

    Whoever notes a packet to be forwarded adds 1 to `noted` and the number of its viewers to `owed`. `coalesce`: how
    long a packet may wait for others, in seconds (`Limits.coalesce_us`).
    """

    def __init__(
        self,
        host: str,
        port: int,
        datagram: Callable[[int, Address], None],
        drained: Callable[[], None],
        dropped: Counter[str],
        coalesce: float = 0.002,
    ) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if host == "::":
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        # One byte more than is allowed, to tell a datagram that is too long from one that just fits.
        self.received = PacketBuffer(MAX_DATAGRAM + 1)
        self.sending = PacketBuffer(MAX_DATAGRAM + TRAILER)
        self.outbox = Outbox(self._socket, dropped)
        self.packets_in = 0
        self.packets_out = 0
        self.noted = 0
        self.owed = 0
        self._coalesce = coalesce
        self._rate = 0.0
        self._turned_at = time.monotonic()
        self._datagram = datagram
        self._drained = drained
        self._dropped = dropped
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pause: asyncio.TimerHandle | None = None

    def clamped(self) -> dict[str, int]:
        """The buffers that the kernel made smaller than asked for: option → bytes granted."""
        found = {}
        for name, option, wanted in (
            ("net.core.rmem_max", socket.SO_RCVBUF, RECEIVE_BUFFER),
            ("net.core.wmem_max", socket.SO_SNDBUF, SEND_BUFFER),
        ):
            # socket(7): the kernel doubles the value for its own bookkeeping and returns the doubled value.
            granted = self._socket.getsockopt(socket.SOL_SOCKET, option) // 2
            if granted < wanted:
                found[name] = granted
        return found

    def address_of(self, host: str, port: int) -> Address | None:
        """The address as datagrams from there will show it; `None` for what is none, or cannot be reached from here."""
        try:
            found = ipaddress.ip_address(host)
        except ValueError:
            return None
        if self._socket.family == socket.AF_INET:
            return (str(found), port) if found.version == 4 else None
        return (f"::ffff:{found}" if found.version == 4 else str(found), port, 0, 0)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to receive."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """End it; what is sent afterwards is dropped."""
        if self._loop is not None:
            if self._pause is not None:
                self._pause.cancel()
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def _readable(self) -> None:
        if self._rate * self._coalesce < 1.0:
            self._turn()
        elif self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._pause = self._loop.call_later(self._coalesce, self._ask)

    def _ask(self) -> None:
        """The pause is over. As long as there is something each time, the socket need not be watched."""
        full = self._turn()
        if self._loop is None:
            return
        if full or self._rate * self._coalesce >= 1.0:
            self._pause = self._loop.call_later(0.0 if full else self._coalesce, self._ask)
        else:
            self._pause = None
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def _turn(self) -> bool:
        """Handle what has come. Returns whether there may be more than one turn takes."""
        receive = self._socket.recvfrom_into
        handle = self._datagram
        buffer = self.received.bytes
        count = 0
        full = True
        self.noted = self.owed = 0
        while count < MAX_DRAIN and self.noted < MAX_DRAIN and self.owed < MAX_OWED:
            try:
                length, address = receive(buffer)
            except BlockingIOError:
                full = False
                break
            except OSError:  # an ICMP error of an earlier send, reported here by some kernels
                continue
            count += 1
            handle(length, address)
        self.packets_in += count
        now = time.monotonic()
        passed = now - self._turned_at
        self._turned_at = now
        # An average over the time, not over the turns: a burst of packets is one of them or many.
        self._rate += (self.noted - self._rate * passed) / max(passed, _RATE_WINDOW)
        self._drained()
        return full

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send one datagram, or drop it when the kernel does not take it: media does not wait."""
        try:
            self._socket.sendto(data, address)
            self.packets_out += 1
        except OSError:  # its buffer is full, or there is no way to the address
            self._dropped["send"] += 1


__all__ = ["MAX_DATAGRAM", "Address", "UdpPort"]
