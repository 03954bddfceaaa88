"""Packets to and from one far end, protected with SRTP in both directions.

It is what a client's connection (`Transport`) and a link between two workers (`relay/path.py`) have in common. How the
keys come about, and which addresses are believed, is theirs.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from media.limits import Limits
from media.outbox import Target
from media.srtp import TRAILER, PacketBuffer, SrtpSession
from media.tcp import TcpConnection, connection_of
from media.udp import MAX_DATAGRAM, Address, UdpPort
from protocol.control import TransportState

if TYPE_CHECKING:
    from media.forward import Part


class Receiver(Protocol):
    """What stands above a transport: the uplink of a publisher, or a subscriber."""

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """An SRTP packet, still protected."""

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """A compound RTCP packet, decrypted."""

    def sends(self, ssrc: int) -> bool:
        """Whether this SSRC is known as one of media."""

    def state_changed(self, state: TransportState) -> None:
        """The transport's new state; after `CLOSED` and `FAILED` nothing more comes."""


class PeerName:
    """Identity of a peer in a room; one object per peer, compared by identity."""

    __slots__ = ("peer", "room")

    def __init__(self, room: str, peer: str) -> None:
        self.room = room
        self.peer = peer


class SecurePath:
    """See the module. `address` is where packets go to; `rtt` in seconds, a guess until it has been measured.

    For the packet path: `target` is a UDP address in the kernel's form, `stream` a TCP connection, at most one of them
    set; `turn` is what it gets in this turn, `slots` where that lies: (slot, length).
    """

    def __init__(
        self, port: UdpPort, peer: PeerName, receiver: Receiver, dropped: Counter[str], limits: Limits
    ) -> None:
        self.peer = peer
        self.address: Address | None = None
        self.target: Target | None = None
        self.stream: TcpConnection | None = None
        self.turn: list[Part] = []
        self.slots: list[tuple[int, int]] = []
        self.state: TransportState | None = None
        self.heard = time.monotonic()
        self.rtt = 0.1
        self.bytes_in = 0
        self.bytes_out = 0
        self.inbound: SrtpSession | None = None
        self.outbound: SrtpSession | None = None
        self._limits = limits
        self._reporting: dict[int, None] = {}  # the SSRCs that reports came from, the newest last
        self._packets_allowed = limits.packets_per_s
        self._port = port
        self._receiver = receiver
        self._dropped = dropped

    def use(self, address: Address | None) -> None:
        """Send to this address from now on."""
        if address != self.address:
            self.address = address
            self.stream = None if address is None else connection_of(address)
            self.target = None if address is None or self.stream is not None else Target(address)
            self._port.outbox.moves += 1

    def _transmit(self, data: bytes | memoryview) -> None:
        if self.stream is not None:
            self.stream.send((data,))
        elif self.address is not None:
            self._port.send(data, self.address)

    def _admit(self) -> bool:
        self._packets_allowed -= 1
        return self._packets_allowed >= 0

    # --- SRTP -----------------------------------------------------------------------------------

    def receive_rtp(self, buffer: PacketBuffer, length: int) -> None:
        """An SRTP packet from a validated address."""
        self._packets_allowed -= 1
        if self._packets_allowed < 0:
            self._dropped["packet_rate"] += 1
            return
        if self.inbound is None:
            self._dropped["before_dtls"] += 1
            return
        self.bytes_in += length
        self._receiver.rtp(buffer, length, self.inbound)

    def receive_rtcp(self, buffer: PacketBuffer, length: int) -> bool:
        """An SRTCP packet from a validated address. Returns whether it is the peer's."""
        if not self._admit():
            self._dropped["packet_rate"] += 1
            return False
        if self.inbound is None:
            self._dropped["before_dtls"] += 1
            return False
        self.bytes_in += length
        plain = self._unprotect_rtcp(self.inbound, buffer, length)
        if plain < 0:
            self._dropped["srtcp"] += 1
            return False
        self.hear(time.monotonic())
        self._receiver.rtcp(buffer, plain)
        return True

    def _unprotect_rtcp(self, inbound: SrtpSession, buffer: PacketBuffer, length: int) -> int:
        """Decrypt SRTCP in place. libsrtp keeps every SSRC that an authentic packet came from, and goes through all of
        them for each packet: at 20,000 that takes half a millisecond. The one that has been silent for longest makes
        room, but none of media, which would lose its roll-over counter."""
        plain = inbound.unprotect_rtcp(buffer, length)
        if plain > 0:
            reporting, ssrc = self._reporting, int.from_bytes(buffer.view[4:8], "big")
            reporting.pop(ssrc, None)
            reporting[ssrc] = None
            if len(reporting) > self._limits.ssrcs:
                silent = next((known for known in reporting if not self._receiver.sends(known)), None)
                if silent is None:
                    del reporting[next(iter(reporting))]
                else:
                    del reporting[silent]
                    inbound.forget(silent)
        return plain

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send a compound packet; without a connection it is dropped."""
        if self.outbound is None or self.address is None:
            return
        out = self._port.sending
        length = len(packet)
        if length > MAX_DATAGRAM - TRAILER:
            self._dropped["rtcp_too_long"] += 1
            return
        out.view[:length] = packet
        length = self.outbound.protect_rtcp(out, length)
        if length > 0:
            self._transmit(out.view[:length])
            self.bytes_out += length

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send one packet outside the packet path (retransmissions)."""
        if self.outbound is None or self.address is None or len(packet) > MAX_DATAGRAM - TRAILER:
            return False
        out = self._port.sending
        out.view[: len(packet)] = packet
        length = self.outbound.protect(out, len(packet))
        if length < 0:
            self._dropped["srtp_protect"] += 1
            return False
        self._transmit(out.view[:length])
        self.bytes_out += length
        return True

    # --- life -----------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether packets can be exchanged (also while the peer is silent)."""
        return self.outbound is not None and self.state is not TransportState.CLOSED

    def hear(self, now: float) -> None:
        """Something authentic has come from the peer."""
        self.heard = now
        if self.state is TransportState.LOST:
            self._change(TransportState.CONNECTED)

    def close(self, state: TransportState = TransportState.CLOSED, *, quietly: bool = False) -> None:
        """End it. `quietly`: it is replaced, nobody needs to be told."""
        self.inbound = self.outbound = None
        if quietly:
            self.state = state
        else:
            self._change(state)

    def _change(self, state: TransportState) -> None:
        self.state = state
        self._receiver.state_changed(state)


__all__ = ["PeerName", "Receiver", "SecurePath"]
