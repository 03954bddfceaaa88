"""ICE over TCP (RFC 6544) under the number of the UDP port, for networks that let no UDP through.

The worker is the passive side: clients connect. A connection carries what would be datagrams, each behind two bytes of
length (RFC 4571). To all that stands above it is one more address that datagrams come from: a tuple of host, port and
the connection itself, which no UDP address is equal to. Viewers here cost more, a system call per turn and viewer.

Media does not wait, and TCP would make it: what is not sent at once is sent late, and behind it everything else. So
the kernel may hold only a little that is not on its way yet (`UNSENT`), nothing is queued here but the rest of a frame
that has been begun, and what then finds no room is dropped in whole packets, as the network would.

Everybody can connect. Whoever has not made an authentic STUN check within `UNPROVEN_S` is cut off, and so many at once
as `MAX_UNPROVEN` may try.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from struct import Struct

from media.srtp import PacketBuffer
from media.udp import MAX_DATAGRAM, Address

# A check follows the connection at once; a browser that tries several networks makes some connections for nothing.
UNPROVEN_S = 5.0
# At once: a school behind one address that joins within the same second, and everybody.
MAX_UNPROVEN_OF_HOST = 256
MAX_UNPROVEN = 1024
# Each costs a file and some KiB here, and up to megabytes in the kernel where the network is slow.
MAX_CONNECTIONS = 4096
# Bytes that the kernel takes beyond what the network has room for: half a second at 2 Mbit/s, or most of a key frame.
UNSENT = 128 * 1024
# One turn takes so many bytes of one connection: some 6 packets of video, which may be owed to 500 viewers each.
_READ = 8 * 1024
# After so many datagrams a turn is over whatever they are: redundant audio may hold five packets each, and what goes to
# one viewer in a turn must fit into the outbox.
_DRAINED_EACH = 32
_ACCEPTS = 64
_BACKLOG = 512
# Without files to give away the listener would be readable for ever.
_ACCEPT_AGAIN = 1.0
_TCP_NOTSENT_LOWAT = 25  # linux/tcp.h
_length_of = Struct("!H")


class TcpConnection:
    """One client's connection. Sending never blocks, and what does not fit is dropped."""

    __slots__ = ("_partial", "_port", "_rest", "_socket", "address", "known_at", "party", "proven")

    def __init__(self, port: TcpPort, connected: socket.socket, host: str, number: int, now: float) -> None:
        self.address: Address = (host, number, self)
        self.party = _party(host)
        self.known_at = now
        self.proven = False
        self._port = port
        self._socket = connected
        self._partial = b""
        self._rest = b""

    def fileno(self) -> int:
        """The socket's, -1 when it is closed."""
        return self._socket.fileno()

    def send(self, packets: Sequence[bytes | memoryview]) -> None:
        """Send packets in one go. Those that the kernel does not take are dropped and counted."""
        port = self._port
        if self._rest:
            port.dropped["tcp_full"] += len(packets)
            return
        frames = b"".join([part for packet in packets for part in (_length_of.pack(len(packet)), packet)])
        try:
            sent = self._socket.send(frames)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client is gone, or we are; the reader sees it as well
            port.dropped["send"] += len(packets)
            return
        if sent == len(frames):
            port.packets_out += len(packets)
            return
        end = whole = 0
        while end < sent:  # up to the end of the packet that was begun
            end += 2 + len(packets[whole])
            whole += 1
        port.packets_out += whole
        port.dropped["tcp_full"] += len(packets) - whole
        if end > sent:
            self._rest = frames[sent:end]
            port.watch_writing(self, True)

    def writable(self) -> None:
        """There is room for the rest of the frame that has been begun."""
        try:
            self._rest = self._rest[self._socket.send(self._rest) :]
        except BlockingIOError:
            return
        except OSError:
            self._rest = b""
        if not self._rest:
            self._port.watch_writing(self, False)

    def readable(self) -> None:
        """Take what has come, and hand on every datagram that is whole."""
        port = self._port
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:  # it was reset
            data = b""
        if not data:
            port.forget(self)
            return
        if self._partial:
            data = self._partial + data
        start, end = 0, len(data)
        while end - start >= 2:
            begin = start + 2
            length = data[start] << 8 | data[start + 1]
            if length > MAX_DATAGRAM:  # hostile, or not what we speak: the frames behind it cannot be found
                port.dropped["tcp_frame"] += 1
                port.forget(self)
                return
            if begin + length > end:
                break
            start = begin + length
            if length:
                port.received.view[:length] = data[begin:start]
                port.handle(length, self)
        self._partial = data[start:]

    def close(self) -> None:
        """Close the socket; to be called by the port."""
        self._socket.close()


class TcpPort:
    """The listener and its connections. `datagram(length, address)` finds the bytes in `received`, `drained` follows
    each turn of a connection; `known(address)` says whether an authentic check has come from there; `closed(address)`
    that there is nobody any more.

    Raises `OSError` when it cannot listen.
    """

    def __init__(
        self,
        host: str,
        port: int,
        datagram: Callable[[int, Address], None],
        drained: Callable[[], None],
        known: Callable[[Address], bool],
        closed: Callable[[Address], None],
        dropped: Counter[str],
    ) -> None:
        self._listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        # A worker that is started again finds connections of the former one in TIME-WAIT.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            self._listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            self._listener.bind((host, port))
            self._listener.listen(_BACKLOG)
        except OSError:
            self._listener.close()
            raise
        self.received = PacketBuffer(MAX_DATAGRAM + 1)
        self.dropped = dropped
        self.packets_in = 0
        self.packets_out = 0
        self.connections: dict[TcpConnection, None] = {}
        self._datagram = datagram
        self._drained = drained
        self._known = known
        self._closed = closed
        self._unproven: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pause: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept."""
        self._loop = loop
        loop.add_reader(self._listener.fileno(), self._acceptable)

    def close(self) -> None:
        """End it and every connection."""
        for connection in list(self.connections):
            self.forget(connection)
        if self._loop is not None:
            if self._pause is not None:
                self._pause.cancel()
            self._loop.remove_reader(self._listener.fileno())
            self._loop = None
        self._listener.close()

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send one datagram, or drop it: media does not wait."""
        address[2].send((data,))

    def watch(self, now: float) -> None:
        """Cut off who has not proven to belong here in time, or does not any more; to be called each second."""
        for connection in list(self.connections):
            if self._known(connection.address):
                connection.known_at = now
            elif now - connection.known_at > UNPROVEN_S:
                self.dropped["tcp_unproven"] += not connection.proven
                self.forget(connection)

    # --- for the connections ----------------------------------------------------------------------

    def handle(self, length: int, connection: TcpConnection) -> None:
        """A datagram has come on it."""
        self.packets_in += 1
        self._datagram(length, connection.address)
        if self.packets_in % _DRAINED_EACH == 0:
            self._drained()
        if not connection.proven and self._known(connection.address):
            connection.proven = True
            self._has_proven(connection)

    def watch_writing(self, connection: TcpConnection, on: bool) -> None:
        """Call its `writable` when there is room again, or not any more."""
        if self._loop is not None and connection.fileno() >= 0:
            if on:
                self._loop.add_writer(connection.fileno(), connection.writable)
            else:
                self._loop.remove_writer(connection.fileno())

    def forget(self, connection: TcpConnection) -> None:
        """It has ended, or is to."""
        if connection not in self.connections:
            return
        del self.connections[connection]
        if not connection.proven:
            self._has_proven(connection)
        if self._loop is not None:
            self._loop.remove_reader(connection.fileno())
            self._loop.remove_writer(connection.fileno())
        connection.close()
        self._closed(connection.address)

    # --- inside -----------------------------------------------------------------------------------

    def _has_proven(self, connection: TcpConnection) -> None:
        self._unproven[connection.party] -= 1
        if not self._unproven[connection.party]:
            del self._unproven[connection.party]

    def _acceptable(self) -> None:
        for _ in range(_ACCEPTS):
            try:
                connected, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                self.dropped["tcp_accept"] += 1
                self._wait()
                return
            connected.setblocking(False)
            self._accepted(connected, address[0], address[1])

    def _accepted(self, connected: socket.socket, host: str, number: int) -> None:
        connection = TcpConnection(self, connected, host, number, time.monotonic())
        if (
            len(self.connections) >= MAX_CONNECTIONS
            or self._unproven[connection.party] >= MAX_UNPROVEN_OF_HOST
            or self._unproven.total() >= MAX_UNPROVEN
            or self._loop is None
        ):
            self.dropped["tcp_refused"] += 1
            connected.close()
            return
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT)
        self.connections[connection] = None
        self._unproven[connection.party] += 1
        self._loop.add_reader(connected.fileno(), self._readable, connection)

    def _readable(self, connection: TcpConnection) -> None:
        connection.readable()
        self._drained()

    def _wait(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._pause = self._loop.call_later(_ACCEPT_AGAIN, self._accept_again)

    def _accept_again(self) -> None:
        self._pause = None
        if self._loop is not None:
            self._loop.add_reader(self._listener.fileno(), self._acceptable)


def connection_of(address: Address) -> TcpConnection | None:
    """The connection that an address stands for, `None` for one of UDP."""
    return address[2] if len(address) == 3 else None


def _party(host: str) -> str:
    """Who is counted as one: an IPv4 address, or an IPv6 network of the size that one customer gets."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is not None:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))


__all__ = ["TcpConnection", "TcpPort", "connection_of"]
