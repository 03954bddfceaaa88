"""One connection of one peer: ICE-lite below, DTLS above it, SRTP above that.

It is connected when the handshake is done *and* the certificate is the one the peer's description announced. On the
subscribe side the handshake may be done before that description has arrived; until then nothing is sent or accepted.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable

from media.dtls import DtlsContext, DtlsServer, DtlsState
from media.limits import Limits
from media.securepath import PeerName, Receiver, SecurePath
from media.srtp import PacketBuffer, session
from media.stun import Key, Request
from media.tcp import connection_of
from media.udp import Address, UdpPort
from protocol.control import Direction, TransportState

# Consent checks come each 2.5 s from Chromium, each 4 to 6 s from Firefox and aiortc (RFC 7675 section 5.1).
LOST_AFTER = 7.0
CLOSED_AFTER = 30.0
# Chromium checks the path it uses each 2.5 s.
STALE_AFTER = 3.0
# A browser has a handful of candidates; each needs the password, so this bounds only a broken or hostile peer.
MAX_ADDRESSES = 8


class Transport(SecurePath):
    """See the module. `validated`: all addresses that proved to know a password."""

    def __init__(
        self,
        port: UdpPort,
        context: DtlsContext,
        peer: PeerName,
        direction: Direction,
        receiver: Receiver,
        dropped: Counter[str],
        limits: Limits,
        gone: Callable[[Transport], None],
    ) -> None:
        super().__init__(port, peer, receiver, dropped, limits)
        self.direction = direction
        self.ufrag = ""
        self.keys: dict[str, Key] = {}
        self.checked: Request | None = None  # the newest authentic check
        self.remote_ufrag = ""
        self.fingerprints: list[tuple[str, str]] | None = None
        self.validated: dict[Address, float] = {}
        self._checks_allowed = limits.checks_per_s
        self._dtls_allowed = limits.dtls_per_s
        self._nominated_at = 0.0
        self._dtls = DtlsServer(context)
        self._flight_at = 0.0
        self._timer_at: float | None = None
        self._gone = gone
        self.new_credentials()

    # --- ICE ------------------------------------------------------------------------------------

    def new_credentials(self) -> list[str]:
        """Take a new ufrag and password (an ICE restart). The former stay good until the new ones are used; returns
        those before them, which are void."""
        void = [ufrag for ufrag in self.keys if ufrag != self.ufrag]
        for ufrag in void:
            del self.keys[ufrag]
        self.ufrag = secrets.token_hex(4)
        # RFC 8445 section 5.3 asks for 128 bits of password.
        self.keys[self.ufrag] = Key(secrets.token_hex(16).encode())
        return void

    @property
    def password(self) -> str:
        """The password that goes with `ufrag`."""
        return self.keys[self.ufrag].password.decode()

    def validate(self, address: Address, ufrag: str, nominated: bool, now: float) -> list[Address | str]:
        """An authentic check came from `address`. Returns addresses and ufrags that are void now.

        The newest address that was nominated wins; before any nomination the first one is used. Some stacks do not
        nominate again when a NAT has moved them: an address without checks gives way to one that has them. Firefox
        nominates whatever works: TCP does not take the place of a UDP address that is being nominated as well.
        """
        gone: list[Address | str] = []
        selected = self.validated.get(self.address) if self.address is not None else None
        if connection_of(address) is not None and self.target is not None:
            nominated = nominated and now - self._nominated_at > STALE_AFTER
        if nominated or selected is None or now - selected > STALE_AFTER:
            self.use(address)
        if nominated:
            self._nominated_at = now
        self.validated[address] = now
        if ufrag == self.ufrag and len(self.keys) > 1:
            gone += [old for old in self.keys if old != ufrag]
            self.keys = {ufrag: self.keys[ufrag]}
        gone += self._forget_oldest()
        self.hear(now)
        return gone

    def _forget_oldest(self) -> list[Address]:
        if len(self.validated) <= MAX_ADDRESSES:
            return []
        oldest = min((known for known in self.validated if known != self.address), key=self.validated.__getitem__)
        del self.validated[oldest]
        return [oldest]

    def is_from_peer(self, buffer: PacketBuffer, length: int, is_rtcp: bool) -> bool:
        """Whether this SRTP or SRTCP packet is one of the peer that has not come before. It is decrypted in place, and
        does not count as new a second time."""
        if self.inbound is None:
            return False
        if is_rtcp:
            return self._unprotect_rtcp(self.inbound, buffer, length) > 0
        # Another SSRC is not looked at here: what makes room for new ones is the uplink.
        known = self._receiver.sends(int.from_bytes(buffer.view[8:12], "big"))
        return known and self.inbound.unprotect(buffer, length) > 0

    def move(self, address: Address, now: float) -> list[Address]:
        """The peer's packets come from this address now. Returns addresses that are void."""
        self.use(address)
        self.validated[address] = now
        self.hear(now)
        return self._forget_oldest()

    def may_ask(self, address: Address) -> bool:
        """Whether a check from this address is looked at. Strangers cannot use up what those who are known need."""
        if address in self.validated:
            return self._admit()
        self._checks_allowed -= 1
        return self._checks_allowed >= 0

    def lose(self, address: Address) -> None:
        """The address belongs to another transport now."""
        self.validated.pop(address, None)
        if self.address == address:
            self.use(max(self.validated, key=self.validated.__getitem__, default=None))

    # --- DTLS -----------------------------------------------------------------------------------

    def receive_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram from a validated address."""
        self._dtls_allowed -= 1
        if self._dtls_allowed < 0 or not self._admit():
            self._dropped["packet_rate" if self._dtls_allowed >= 0 else "dtls_rate"] += 1
            return
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
                self._transmit(datagram)
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

    # --- life -----------------------------------------------------------------------------------

    def watch(self, now: float) -> None:
        """Notice silence, and give fresh allowances; to be called each second."""
        self._packets_allowed = self._limits.packets_per_s
        self._checks_allowed = self._limits.checks_per_s
        self._dtls_allowed = self._limits.dtls_per_s
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
        self._gone(self)
        super().close(state, quietly=quietly)


__all__ = ["CLOSED_AFTER", "LOST_AFTER", "PeerName", "Receiver", "Transport"]
