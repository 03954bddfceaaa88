"""One connection of one peer: ICE-lite below, DTLS above it, SRTP above that.

It is connected when the handshake is done *and* the certificate is the one the peer's description announced. On the
subscribe side the handshake may be done before that description has arrived; until then nothing is sent or accepted.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from media.dtls import DtlsContext, DtlsServer, DtlsState
from media.srtp import TRAILER, PacketBuffer, SrtpSession, session
from media.udp import MAX_DATAGRAM, Address, UdpPort
from protocol.control import Direction, TransportState

# Consent checks come each 2.5 s from Chromium, each 4 to 6 s from Firefox and aiortc (RFC 7675 section 5.1).
LOST_AFTER = 7.0
CLOSED_AFTER = 30.0
# Chromium checks the path it uses each 2.5 s.
STALE_AFTER = 3.0
# A browser has a handful of candidates; each needs the password, so this bounds only a broken or hostile peer.
MAX_ADDRESSES = 8


class Receiver(Protocol):
    """What stands above a transport: the uplink of a publisher, or a subscriber."""

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """An SRTP packet, still protected."""

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """A compound RTCP packet, decrypted."""

    def state_changed(self, state: TransportState) -> None:
        """The transport's new state; after `CLOSED` and `FAILED` nothing more comes."""


class PeerName:
    """Identity of a peer in a room; one object per peer, compared by identity."""

    __slots__ = ("peer", "room")

    def __init__(self, room: str, peer: str) -> None:
        self.room = room
        self.peer = peer


class Transport:
    """See the module. `address` is where packets go to; `validated` all addresses that proved to know a password."""

    def __init__(
        self,
        port: UdpPort,
        context: DtlsContext,
        peer: PeerName,
        direction: Direction,
        receiver: Receiver,
        dropped: Counter[str],
        gone: Callable[[Transport], None],
    ) -> None:
        self.peer = peer
        self.direction = direction
        self.ufrag = ""
        self.passwords: dict[str, bytes] = {}
        self.remote_ufrag = ""
        self.fingerprints: list[tuple[str, str]] | None = None
        self.address: Address | None = None
        self.validated: dict[Address, float] = {}
        self.state: TransportState | None = None
        self.heard = time.monotonic()
        self.rtt = 0.1  # seconds; a guess until the handshake has measured it
        self.bytes_in = 0
        self.bytes_out = 0
        self.inbound: SrtpSession | None = None
        self.outbound: SrtpSession | None = None
        self._port = port
        self._dtls = DtlsServer(context)
        self._flight_at = 0.0
        self._timer_at: float | None = None
        self._receiver = receiver
        self._dropped = dropped
        self._gone = gone
        self.new_credentials()

    # --- ICE ------------------------------------------------------------------------------------

    def new_credentials(self) -> list[str]:
        """Take a new ufrag and password (an ICE restart). The former stay good until the new ones are used; returns
        those before them, which are void."""
        void = [ufrag for ufrag in self.passwords if ufrag != self.ufrag]
        for ufrag in void:
            del self.passwords[ufrag]
        self.ufrag = secrets.token_hex(4)
        # RFC 8445 section 5.3 asks for 128 bits of password.
        self.passwords[self.ufrag] = secrets.token_hex(16).encode()
        return void

    @property
    def password(self) -> str:
        """The password that goes with `ufrag`."""
        return self.passwords[self.ufrag].decode()

    def validate(self, address: Address, ufrag: str, nominated: bool, now: float) -> list[Address | str]:
        """An authentic check came from `address`. Returns addresses and ufrags that are void now.

        The newest address that was nominated wins; before any nomination the first one is used. Some stacks do not
        nominate again when a NAT has moved them: an address without checks gives way to one that has them.
        """
        gone: list[Address | str] = []
        selected = self.validated.get(self.address) if self.address is not None else None
        if nominated or selected is None or now - selected > STALE_AFTER:
            self.address = address
        self.validated[address] = now
        if ufrag == self.ufrag and len(self.passwords) > 1:
            gone += [old for old in self.passwords if old != ufrag]
            self.passwords = {ufrag: self.passwords[ufrag]}
        if len(self.validated) > MAX_ADDRESSES:
            oldest = min((known for known in self.validated if known != self.address), key=self.validated.__getitem__)
            del self.validated[oldest]
            gone.append(oldest)
        self.hear(now)
        return gone

    def lose(self, address: Address) -> None:
        """The address belongs to another transport now."""
        self.validated.pop(address, None)
        if self.address == address:
            self.address = max(self.validated, key=self.validated.__getitem__, default=None)

    # --- DTLS -----------------------------------------------------------------------------------

    def receive_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram from a validated address."""
        now = time.monotonic()
        if self._dtls.state is DtlsState.HANDSHAKE and self._flight_at > 0.0:
            self.rtt = max(0.001, now - self._flight_at)
            self._flight_at = -1.0
        self._dtls.receive(datagram)
        self._flush_dtls(now)
        self._dtls_changed()

    def expect(self, fingerprints: list[tuple[str, str]]) -> None:
        """The peer's description has arrived and announces these certificates."""
        if self.fingerprints is None:
            self.fingerprints = fingerprints
            self._dtls_changed()

    def on_timer(self, now: float) -> None:
        """Repeat a handshake flight when it is time. To be called while `handshaking`."""
        if self._timer_at is not None and now >= self._timer_at:
            self._dtls.on_timer()
            self._flight_at = -1.0  # which of the two flights is answered cannot be told: no round trip from it
            self._flush_dtls(now)
            self._dtls_changed()

    @property
    def handshaking(self) -> bool:
        """Whether a handshake has begun and not ended."""
        return self._timer_at is not None

    def _flush_dtls(self, now: float) -> None:
        for datagram in self._dtls.outgoing():
            if self.address is not None:
                self._port.send(datagram, self.address)
                if self._flight_at == 0.0 and self._dtls.state is DtlsState.HANDSHAKE:
                    self._flight_at = now
        left = self._dtls.timeout()
        self._timer_at = None if left is None else now + left

    def _dtls_changed(self) -> None:
        state = self._dtls.state
        if state is DtlsState.CONNECTED and self.inbound is None and self.fingerprints is not None:
            keys = self._dtls.keys() if self._dtls.is_peer(self.fingerprints) else None
            if keys is None:
                self.close(TransportState.FAILED)
                return
            self.inbound = session(keys.profile, keys.inbound, inbound=True)
            self.outbound = session(keys.profile, keys.outbound, inbound=False)
            self._change(TransportState.CONNECTED)
        elif state is DtlsState.FAILED:
            self.close(TransportState.FAILED)
        elif state is DtlsState.CLOSED:
            self.close(TransportState.CLOSED)

    # --- SRTP -----------------------------------------------------------------------------------

    def receive_rtp(self, buffer: PacketBuffer, length: int) -> None:
        """An SRTP packet from a validated address."""
        if self.inbound is None:
            self._dropped["before_dtls"] += 1
            return
        self.bytes_in += length
        self._receiver.rtp(buffer, length, self.inbound)

    def receive_rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """An SRTCP packet from a validated address."""
        if self.inbound is None:
            self._dropped["before_dtls"] += 1
            return
        self.bytes_in += length
        plain = self.inbound.unprotect_rtcp(buffer, length)
        if plain < 0:
            self._dropped["srtcp"] += 1
            return
        self.hear(time.monotonic())
        self._receiver.rtcp(buffer, plain)

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
            self._port.send(out.view[:length], self.address)
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
        self._port.send(out.view[:length], self.address)
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

    def watch(self, now: float) -> None:
        """Notice silence; to be called each second."""
        silent = now - self.heard
        if silent > CLOSED_AFTER:
            self.close(TransportState.CLOSED)
        elif silent > LOST_AFTER and self.state is TransportState.CONNECTED:
            self._change(TransportState.LOST)

    def close(self, state: TransportState = TransportState.CLOSED, *, quietly: bool = False) -> None:
        """End it: say goodbye, forget the keys. `quietly`: it is replaced, nobody needs to be told."""
        if self.state in (TransportState.CLOSED, TransportState.FAILED):
            return
        self._dtls.close()
        self._flush_dtls(0.0)
        self._timer_at = None
        self.inbound = self.outbound = None
        self._gone(self)
        if quietly:
            self.state = state
        else:
            self._change(state)

    def _change(self, state: TransportState) -> None:
        self.state = state
        self._receiver.state_changed(state)


__all__ = ["CLOSED_AFTER", "LOST_AFTER", "PeerName", "Receiver", "Transport"]
