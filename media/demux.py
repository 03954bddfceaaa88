"""Whose datagram is it? By its first byte (RFC 7983), then by the table of addresses that ICE has validated.

Everything here comes from anybody: what does not fit is counted under its reason and dropped, nothing is raised and
nothing is answered but an authentic STUN check.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Protocol

from media import stun
from media.srtp import PacketBuffer
from media.tcp import TcpPort, connection_of
from media.transport import Transport
from media.udp import MAX_DATAGRAM, Address, UdpPort

# How often in a second an unknown port of a host that somebody is at is looked at, and against how many of those who
# are there: 100 µs each time. Above that, as behind the one address of a whole school, they wait for their next check.
MOVES_PER_S = 100
MOVERS = 16
# A report that was overtaken on its way is not that much late, and the next one comes within seconds.
LATE = 0.2
# A transport may take over the address of another one that has been silent for so long (a NAT reuses its ports).
# Before that, somebody with a password of his own could claim the address of somebody else.
TAKE_OVER_AFTER = 5.0


class Workers(Protocol):
    """The links to other workers (`relay/table.py`)."""

    def knows(self, address: Address) -> bool:
        """Whether another worker may be there."""

    def rtp(self, buffer: PacketBuffer, length: int, address: Address) -> None:
        """An SRTP packet from such an address."""

    def rtcp(self, buffer: PacketBuffer, length: int, address: Address, now: float) -> None:
        """An SRTCP packet from such an address."""


class Demux:
    """The tables `addresses` and `ufrags`, and the counters of what was dropped."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.addresses: dict[Address, Transport] = {}
        self.ufrags: dict[str, Transport] = {}
        self.dropped = dropped
        self.workers: Workers | None = None
        self._hosts: set[str] = set()
        self._moves_allowed = MOVES_PER_S
        self._copy = PacketBuffer(MAX_DATAGRAM + 1)

    def register(self, transport: Transport) -> None:
        """Make the transport's ufrags known."""
        for ufrag in transport.keys:
            self.ufrags[ufrag] = transport

    def forget(self, transport: Transport) -> None:
        """The transport is gone: nothing of it is accepted from now on."""
        for ufrag in [ufrag for ufrag, owner in self.ufrags.items() if owner is transport]:
            del self.ufrags[ufrag]
        for address in transport.validated:
            if self.addresses.get(address) is transport:
                del self.addresses[address]

    def gone(self, address: Address) -> None:
        """The connection that this address stood for has ended."""
        transport = self.addresses.pop(address, None)
        if transport is not None:
            transport.lose(address)

    def datagram(self, port: UdpPort | TcpPort, length: int, address: Address) -> None:
        """Handle the datagram in `port.received`."""
        if not 12 <= length <= MAX_DATAGRAM:  # the shortest of all, an RTP header, has 12 bytes; SRTCP has more
            self.dropped["size"] += 1
            return
        buffer = port.received
        first = buffer.bytes[0]
        if 128 <= first < 192:
            transport = self.addresses.get(address)
            if transport is None and self.workers is not None and self.workers.knows(address):
                if 192 <= buffer.bytes[1] <= 223:
                    self.workers.rtcp(buffer, length, address, time.monotonic())
                else:
                    self.workers.rtp(buffer, length, address)
            elif transport is None:
                self.dropped["moved" if self._has_moved(buffer, length, address) else "unknown_address"] += 1
            elif 192 <= buffer.bytes[1] <= 223:  # RFC 5761 section 4: RTCP packet types
                if transport.receive_rtcp(buffer, length) and address != transport.address:
                    self._has_returned(transport, address)
            else:
                transport.receive_rtp(buffer, length)
        elif first < 4:
            self._check(port, bytes(buffer.view[:length]), address)
        elif 20 <= first < 64:
            transport = self.addresses.get(address)
            if transport is None:
                self.dropped["unknown_address"] += 1
            else:
                transport.receive_dtls(bytes(buffer.view[:length]))
        else:
            self.dropped["kind"] += 1

    def _check(self, port: UdpPort | TcpPort, data: bytes, address: Address) -> None:
        owner = self.addresses.get(address)
        request = stun.parse(data, None if owner is None else owner.checked)
        if request is None:
            self.dropped["stun_malformed"] += 1
            return
        transport = self.ufrags.get(request.ufrag)
        if transport is None:
            self.dropped["stun_unknown"] += 1
            return
        if not transport.may_ask(address):
            self.dropped["check_rate"] += 1
            return
        key = transport.keys[request.ufrag]
        if not stun.is_authentic(request, key):
            self.dropped["stun_forged"] += 1
            return
        if self.workers is not None and self.workers.knows(address):
            # Whoever could send in another worker's name would else take its packets to himself.
            self.dropped["address_taken"] += 1
            return
        now = time.monotonic()
        if owner is not None and owner is not transport:
            if owner.peer is not transport.peer and now - owner.heard < TAKE_OVER_AFTER:
                self.dropped["address_taken"] += 1
                return
            owner.lose(address)
        self.addresses[address] = transport
        transport.checked = request
        for gone in transport.validate(address, request.ufrag, request.use_candidate, now):
            self._void(gone, transport)
        answer = stun.success(request, address[0], address[1], key)
        if answer is None:
            self.dropped["stun_short"] += 1
        else:
            port.send(answer, address)

    def _void(self, gone: Address | str, transport: Transport) -> None:
        """An address or a ufrag that is not the transport's any more."""
        if isinstance(gone, str):
            self.ufrags.pop(gone, None)
        elif self.addresses.get(gone) is transport:
            del self.addresses[gone]

    def each_second(self) -> None:
        """Give a fresh allowance."""
        self._hosts = {address[0] for address in self.addresses}
        self._moves_allowed = MOVES_PER_S

    def _has_returned(self, transport: Transport, address: Address) -> None:
        """A report came from an address that proved itself earlier: a NAT has given a port again, and what goes to the
        one between is lost. Not at once after a check or a move, when it is the report that is late."""
        now = time.monotonic()
        selected = transport.address
        if selected is None or connection_of(selected) is not None or connection_of(address) is not None:
            return
        if now - transport.validated.get(selected, 0.0) > LATE:
            self.dropped["moved"] += 1
            for gone in transport.move(address, now):
                self._void(gone, transport)

    def _has_moved(self, buffer: PacketBuffer, length: int, address: Address) -> bool:
        """Whether this is SRTP or SRTCP of somebody whose NAT was restarted: same host, another port. Their next check
        comes in seconds (2.5 from Chromium), and a call would be silent until then; their packets prove who they are
        as well. The packet itself is used up by the proof.

        Another host is not believed: whoever repeats a packet faster than it comes by itself could have a viewer's
        pictures sent to a victim. To the same host it would gain them nothing, until the next check from the real one.
        """
        host = address[0]
        if host not in self._hosts or self._moves_allowed <= 0 or connection_of(address) is not None:
            return False
        self._moves_allowed -= 1
        there = {
            owner: None
            for known, owner in self.addresses.items()
            if known[0] == host and owner.address == known and owner.target is not None
        }
        is_rtcp = 192 <= buffer.bytes[1] <= 223
        # The silent ones first: who has been found already is heard.
        for transport in sorted(there, key=lambda owner: owner.heard)[:MOVERS]:
            self._copy.view[:length] = buffer.view[:length]
            if transport.is_from_peer(self._copy, length, is_rtcp):
                self.addresses[address] = transport
                for gone in transport.move(address, time.monotonic()):
                    self._void(gone, transport)
                return True
        return False
