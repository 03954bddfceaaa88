"""The path between two workers: its keys, and where the other end is.

The secret comes from the control plane. Both directions' keys follow from it, and the SSRC under which each end reports
(HKDF-Expand of RFC 5869 with one block of output: 16 bytes of key, 12 of salt, 4 of SSRC). A secret serves one link
once: a counter that begins again under the same key would give away the key stream of AES-GCM.

The other end may have several addresses. Until something authentic was heard all of them are greeted; what comes from
one of them and is authentic makes it the one that is used. From elsewhere nothing is looked at.
"""

from __future__ import annotations

import hmac
from collections import Counter
from enum import Enum

from media import rtcp
from media.limits import Limits
from media.securepath import PeerName, Receiver, SecurePath
from media.srtp import PROFILES, PacketBuffer, session
from media.udp import Address, UdpPort
from protocol.control import TransportState

# Each end is heard each second. A room whose other worker is silent for so long sends it nothing any more.
LOST_AFTER = 3.0
# Another address is used when the present one has said nothing for so long.
STALE_AFTER = 1.5
GREET_EACH, STAY_EACH = 0.2, 1.0

_PROFILE = PROFILES[0]


class Way(Enum):
    """The two directions of a link: from the feeding end, and back to it."""

    DOWN = b"down"
    UP = b"up"


def derived(secret: bytes, link: str, way: Way) -> tuple[bytes, int]:
    """Key with salt, and the SSRC of reports, of one direction."""
    block = hmac.digest(secret, b"podium relay " + way.value + b" " + link.encode() + b"\x01", "sha256")
    return block[:28], int.from_bytes(block[28:], "big")


class RelayPath(SecurePath):
    """See the module. `ssrc` is that of our reports, `far_ssrc` of theirs; `candidates`: where the other end may be."""

    def __init__(
        self,
        port: UdpPort,
        name: PeerName,
        secret: bytes,
        ways: tuple[Way, Way],
        candidates: tuple[Address, ...],
        receiver: Receiver,
        dropped: Counter[str],
        limits: Limits,
    ) -> None:
        """`ways`: that in which we send, and that in which we receive. The path's name names the link too."""
        super().__init__(port, name, receiver, dropped, limits)
        self.candidates = candidates
        outbound, self.ssrc = derived(secret, name.peer, ways[0])
        inbound, self.far_ssrc = derived(secret, name.peer, ways[1])
        self.outbound = session(_PROFILE, outbound, inbound=False)
        self.inbound = session(_PROFILE, inbound, inbound=True)
        self._heard_here = 0.0  # at `address`
        self._greeted_at = 0.0

    def datagram_rtcp(self, buffer: PacketBuffer, length: int, address: Address, now: float) -> None:
        """An SRTCP packet from one of the candidates."""
        if not self.receive_rtcp(buffer, length):
            return
        if address != self.address and now - self._heard_here > STALE_AFTER:
            self.use(address)
        if address == self.address:
            self._heard_here = now
        if self.state is None:
            self._change(TransportState.CONNECTED)

    def send_rtcp(self, packet: bytes) -> None:
        """As for everybody, but the first SSRC is always that of our reports: the other end knows the link by it."""
        if packet[4:8] != self.ssrc.to_bytes(4, "big"):
            packet = rtcp.receiver_report(self.ssrc) + packet
        super().send_rtcp(packet)

    @property
    def open(self) -> bool:
        """Whether the other end is heard."""
        return self.state is TransportState.CONNECTED

    def tick(self, now: float) -> None:
        """Greet the other end while it is not heard, and say now and then that we are here."""
        heard = self.address is not None and now - self._heard_here < STALE_AFTER
        if now - self._greeted_at < (STAY_EACH if heard else GREET_EACH):
            return
        self._greeted_at = now
        if heard:
            self.send_rtcp(rtcp.receiver_report(self.ssrc))
            return
        for candidate in self.candidates:
            self._greet(candidate)

    def _greet(self, candidate: Address) -> None:
        if self.outbound is None:
            return
        out, packet = self._port.sending, rtcp.receiver_report(self.ssrc)
        out.view[: len(packet)] = packet
        length = self.outbound.protect_rtcp(out, len(packet))
        if length > 0:
            self._port.send(out.view[:length], candidate)

    def watch(self, now: float) -> None:
        """Notice silence, and give a fresh allowance; to be called each second."""
        self._packets_allowed = self._limits.packets_per_s
        if self.open and now - self.heard > LOST_AFTER:
            self._change(TransportState.LOST)
