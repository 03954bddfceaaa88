"""One client's connection to a worker: a socket of its own, ICE, DTLS, SRTP.

All connections of a `Crowd` share one event loop, one receive buffer and one timer; a connection of its own does not
have a task. What comes is handed to `received_rtp` and `received_rtcp`, decrypted.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import time
from collections.abc import Callable
from struct import Struct

from media.dtls import DtlsState
from media.load.dtls import ClientContext, DtlsClient
from media.load.filter import NO_RTP, attach
from media.load.ice import IceClient
from media.sdp import LocalTransport, Section
from media.srtp import TRAILER, PacketBuffer, Profile, SrtpSession, session

# RFC 8445 section 14.3 begins with 500 ms and doubles; a load test on a good network may ask sooner.
_CHECK_AGAIN = 0.2
# As Chromium does.
_CONSENT_EVERY = 2.5
_REPORT_EVERY = 1.0
_TICK = 0.05
_MAX_DATAGRAM = 1500
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h
_SO_MEMINFO = 55
_timespec = Struct("=qq")
# linux/sock_diag.h: the ninth number is SK_MEMINFO_DROPS, which counts what the filter did not let in.
_meminfo = Struct("=9I")


class Crowd:
    """What connections share. `tick` runs by itself from `start` to `stop`.

    `loss` (0 to 1): the part of all datagrams that is lost in each direction, as on a bad network.
    """

    def __init__(self, profile: Profile, loss: float = 0.0) -> None:
        self.loss = loss
        self.loop = asyncio.get_running_loop()
        self.context = ClientContext(profile)
        self.buffer = PacketBuffer(_MAX_DATAGRAM + TRAILER)
        self.connections: dict[Connection, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to tick."""
        self._timer = self.loop.call_later(_TICK, self._tick)

    def stop(self) -> None:
        """Close every connection, and tick no more."""
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self.connections):
            connection.close()

    def _tick(self) -> None:
        now = time.monotonic()
        for connection in list(self.connections):
            if now >= connection.next_at:
                connection.tick(now)
        self._timer = self.loop.call_later(_TICK, self._tick)


class Connection:
    """See the module. `connected` is done when packets can be exchanged, or has an exception with a sentence; `lost` is
    called when the worker ends a connection that there was.

    `report(now)` is asked each second for a compound RTCP packet to send. Without `reads_rtp` the kernel drops RTP;
    with it `arrival` is when the kernel got the last datagram, in nanoseconds since 1970.
    """

    def __init__(self, crowd: Crowd, *, reads_rtp: bool) -> None:
        self.crowd = crowd
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.connected: asyncio.Future[None] = crowd.loop.create_future()
        self.received_rtp: Callable[[PacketBuffer, int], None] = lambda buffer, length: None
        self.received_rtcp: Callable[[PacketBuffer, int], None] = lambda buffer, length: None
        self.lost: Callable[[], None] = lambda: None
        self.report: Callable[[float], bytes | None] = lambda now: None
        self.arrival = 0
        # RTP that came, and its octets as long as it is read.
        self.octets = 0
        self._packets = 0
        self.outbound: SrtpSession | None = None
        self.next_at = 0.0
        self._inbound: SrtpSession | None = None
        self._reads_rtp = reads_rtp
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if reads_rtp:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        else:
            attach(self._socket, NO_RTP)
        self.send: Callable[[bytes | memoryview], int] = self._socket.send if not crowd.loss else self._send_perhaps
        self._host = ""
        self._ice: IceClient | None = None
        self._dtls: DtlsClient | None = None
        self._fingerprints: list[tuple[str, str]] = []
        self._dtls_at: float | None = None
        self._consent_at = self._report_at = 0.0

    @property
    def local(self) -> LocalTransport:
        """What goes into our description. A worker learns our address from our checks; see `name_itself`."""
        addresses, port = ((self._host,), self._socket.getsockname()[1]) if self._host else ((), 9)
        return LocalTransport(self.ufrag, self.password, self.crowd.context.fingerprint, addresses, port)

    def name_itself(self, host: str) -> None:
        """Be at this address, and say so in our description: for servers that are full agents, which check us too."""
        self._host = host
        self._socket.bind((host, 0))

    @property
    def open(self) -> bool:
        """Whether packets can be sent."""
        return self.outbound is not None

    @property
    def packets(self) -> int:
        """RTP packets that have come; without `reads_rtp` those that the kernel has dropped."""
        if self._reads_rtp or self._socket.fileno() < 0:
            return self._packets
        return int(_meminfo.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _meminfo.size))[8])

    def start(self, remote: Section, address: tuple[str, int]) -> None:
        """The other side's description has come: connect to `address`. A second call changes nothing."""
        if self._ice is not None:
            return
        self._ice = IceClient(remote.ufrag, remote.password, self.ufrag, self.password)
        self._fingerprints = remote.fingerprints
        self._socket.connect(address)
        self.crowd.loop.add_reader(self._socket.fileno(), self._readable)
        self.crowd.connections[self] = None
        self.tick(time.monotonic())

    def close(self) -> None:
        """Say goodbye."""
        if self in self.crowd.connections:
            del self.crowd.connections[self]
            self.crowd.loop.remove_reader(self._socket.fileno())
            if self._dtls is not None:
                self._dtls.close()
                self._flush_dtls(0.0)
        self.outbound = self._inbound = None
        self._packets = self.packets
        self._socket.close()
        if not self.connected.done():
            self.connected.cancel()

    def tick(self, now: float) -> None:
        """What is due: checks, a repeated handshake flight, the report."""
        assert self._ice is not None
        if now >= self._consent_at:
            self._consent_at = now + (_CONSENT_EVERY if self.open else _CHECK_AGAIN)
            self._send(self._ice.request())
        if self._dtls is not None and self._dtls_at is not None and now >= self._dtls_at:
            self._dtls.on_timer()
            self._flush_dtls(now)
            self._dtls_changed(now)
        if self.open and now >= self._report_at:
            # Each client keeps its own second, as clients do that came at different times.
            self._report_at = max(self._report_at + _REPORT_EVERY, now)
            packet = self.report(now)
            if packet is not None:
                self.send_rtcp(packet)
        self.next_at = min(self._consent_at, self._report_at if self.open else self._dtls_at or self._consent_at)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send a compound packet."""
        if self.outbound is not None:
            buffer = self.crowd.buffer
            buffer.view[: len(packet)] = packet
            length = self.outbound.protect_rtcp(buffer, len(packet))
            if length > 0:
                self._send(buffer.view[:length])

    def _send(self, data: bytes | memoryview) -> None:
        try:
            self.send(data)
        except OSError:  # nobody there yet, or the buffer is full: the next one counts
            return

    def _send_perhaps(self, data: bytes | memoryview) -> int:
        return len(data) if random.random() < self.crowd.loss else self._socket.send(data)

    def _readable(self) -> None:
        buffer = self.crowd.buffer
        for _ in range(64):
            try:
                if self._reads_rtp:
                    length, ancillary, _flags, _address = self._socket.recvmsg_into([buffer.bytes], 64)
                    if ancillary:
                        seconds, nanoseconds = _timespec.unpack_from(ancillary[0][2])
                        self.arrival = seconds * 1_000_000_000 + nanoseconds
                else:
                    length = self._socket.recv_into(buffer.bytes)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error: the worker is not there (any more)
                return
            if length and not (self.crowd.loss and random.random() < self.crowd.loss):
                self._datagram(buffer, length)
            if self not in self.crowd.connections:
                return

    def _datagram(self, buffer: PacketBuffer, length: int) -> None:
        first = buffer.bytes[0]
        if 128 <= first < 192:
            inbound = self._inbound
            if inbound is None:
                return
            if 192 <= buffer.bytes[1] <= 223:
                length = inbound.unprotect_rtcp(buffer, length)
                if length > 0:
                    self.received_rtcp(buffer, length)
            else:
                self._packets += 1
                self.octets += length
                length = inbound.unprotect(buffer, length)
                if length > 0:
                    self.received_rtp(buffer, length)
        elif first < 4:
            assert self._ice is not None
            datagram = bytes(buffer.view[:length])
            answer = self._ice.answer(datagram, self._socket.getpeername())
            if answer is not None:
                self._send(answer)
            elif self._ice.answered(datagram) and self._dtls is None:
                self._dtls = DtlsClient(self.crowd.context)
                self._dtls.start()
                self._flush_dtls(time.monotonic())
        elif 20 <= first < 64 and self._dtls is not None:
            now = time.monotonic()
            self._dtls.receive(bytes(buffer.view[:length]))
            self._flush_dtls(now)
            self._dtls_changed(now)

    def _flush_dtls(self, now: float) -> None:
        assert self._dtls is not None
        for datagram in self._dtls.outgoing():
            self._send(datagram)
        left = self._dtls.timeout()
        self._dtls_at = None if left is None else now + left
        if self._dtls_at is not None:
            self.next_at = min(self.next_at, self._dtls_at)

    def _dtls_changed(self, now: float) -> None:
        assert self._dtls is not None
        if self._dtls.state is DtlsState.CONNECTED and self.outbound is None:
            keys = self._dtls.keys() if self._dtls.is_peer(self._fingerprints) else None
            if keys is None:
                self._fail("The worker's certificate or SRTP profile is not the one expected.")
                return
            self._inbound = session(keys.profile, keys.inbound, inbound=True)
            self.outbound = session(keys.profile, keys.outbound, inbound=False)
            # The first report after a random part of a second: clients that join together do not report together.
            self._report_at = now + secrets.randbelow(1000) / 1000 * _REPORT_EVERY
            self._consent_at = now + secrets.randbelow(1000) / 1000 * _CONSENT_EVERY
            self.next_at = min(self._report_at, self._consent_at)
            if not self.connected.done():
                self.connected.set_result(None)
        elif self._dtls.state in (DtlsState.FAILED, DtlsState.CLOSED):
            self._fail("The DTLS connection failed." if not self.open else "The worker closed the connection.")

    def _fail(self, text: str) -> None:
        was_open = self.connected.done()
        if not was_open:
            self.connected.set_exception(ConnectionError(text))
        self.close()
        if was_open:
            self.lost()
