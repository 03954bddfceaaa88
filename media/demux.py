"""Whose datagram is it? By its first byte (RFC 7983), then by the table of addresses that ICE has validated.

Everything here comes from anybody: what does not fit is counted under its reason and dropped, nothing is raised and
nothing is answered but an authentic STUN check.
"""

from __future__ import annotations

import time
from collections import Counter

from media import stun
from media.transport import Transport
from media.udp import MAX_DATAGRAM, Address, UdpPort

# A transport may take over the address of another one that has been silent for so long (a NAT reuses its ports).
# Before that, somebody with a password of his own could claim the address of somebody else.
TAKE_OVER_AFTER = 5.0


class Demux:
    """The tables `addresses` and `ufrags`, and the counters of what was dropped."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.addresses: dict[Address, Transport] = {}
        self.ufrags: dict[str, Transport] = {}
        self.dropped = dropped

    def register(self, transport: Transport) -> None:
        """Make the transport's ufrags known."""
        for ufrag in transport.passwords:
            self.ufrags[ufrag] = transport

    def forget(self, transport: Transport) -> None:
        """The transport is gone: nothing of it is accepted from now on."""
        for ufrag in [ufrag for ufrag, owner in self.ufrags.items() if owner is transport]:
            del self.ufrags[ufrag]
        for address in transport.validated:
            if self.addresses.get(address) is transport:
                del self.addresses[address]

    def datagram(self, port: UdpPort, length: int, address: Address) -> None:
        """Handle the datagram in `port.received`."""
        if not 12 <= length <= MAX_DATAGRAM:  # the shortest of all, an RTP header, has 12 bytes; SRTCP has more
            self.dropped["size"] += 1
            return
        buffer = port.received
        first = buffer.bytes[0]
        if 128 <= first < 192:
            transport = self.addresses.get(address)
            if transport is None:
                self.dropped["unknown_address"] += 1
            elif 192 <= buffer.bytes[1] <= 223:  # RFC 5761 section 4: RTCP packet types
                transport.receive_rtcp(buffer, length)
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

    def _check(self, port: UdpPort, data: bytes, address: Address) -> None:
        request = stun.parse(data)
        if request is None:
            self.dropped["stun_malformed"] += 1
            return
        transport = self.ufrags.get(request.ufrag)
        if transport is None:
            self.dropped["stun_unknown"] += 1
            return
        password = transport.passwords[request.ufrag]
        if not stun.is_authentic(request, password):
            self.dropped["stun_forged"] += 1
            return
        now = time.monotonic()
        owner = self.addresses.get(address)
        if owner is not None and owner is not transport:
            if owner.peer is not transport.peer and now - owner.heard < TAKE_OVER_AFTER:
                self.dropped["address_taken"] += 1
                return
            owner.lose(address)
        self.addresses[address] = transport
        for gone in transport.validate(address, request.ufrag, request.use_candidate, now):
            if isinstance(gone, str):
                self.ufrags.pop(gone, None)
            elif self.addresses.get(gone) is transport:
                del self.addresses[gone]
        answer = stun.success(request, address[0], address[1], password)
        if answer is None:
            self.dropped["stun_short"] += 1
        else:
            port.send(answer, address)
