"""The downlink: what one viewer gets.

Per viewer and track there is a `Downlink` with an SSRC of its own and one unbroken sequence of numbers, timestamps
and picture ids, whatever happens before it: gaps while the route was closed, a publisher that comes back with another
SSRC, a switch to another layer. Retransmissions go out under the RTX SSRC with its own numbers, because one number of
one SSRC must never be protected twice with different content.
"""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING

from media import rtcp
from media.codecs import Canonical, send_time
from media.cohort import NOTHING, Cohort, Look
from media.forward import Burst, Packet
from media.layer import Layer
from media.picture import NO_SHIFT, PICTURES, Shift, numbers, renumber
from media.rtp import signed, wrap_rtx, write_header
from media.securepath import SecurePath

if TYPE_CHECKING:
    from media.bandwidth.viewer import Viewer
    from media.feedback import Losses

# After so long without a recognisable key frame a viewer gets what there is: better a broken picture than none.
PATIENCE = 3.0
# The same packet is repeated to the same viewer at most once in half a round trip, within these limits: a browser
# asks again after what it believes the round trip to be, 0.1 s when it does not know.
MIN_REPEAT, MAX_REPEAT = 0.010, 0.080
# Where to look for the last picture id that was sent: browsers send a packet or two of padding alone at most.
_LOOK_BACK = 16
# So many of the last packets are sent again as padding, in turn; a packet of padding alone holds so much of it.
_PADS_WITH, _MOST_PADDING = 8, 255
# A stream is reported in its first two seconds, for lip-sync from the start even if one report is lost, and then
# as often as browsers report sound: a viewer's round trip is measured against the last report, however old that is. A
# report goes out alone and wakes whoever it goes to, which costs as much as ten packets of media.
FIRST_REPORTS, REPORT_EACH = 2, 4


class Downlink:
    """One m-line to one viewer, and the layer its packets come from now.

    It is `flowing` from the packet it may start at until it is held. `seq_offset` and `timestamp_offset` are added to
    the publisher's numbers, `shift` to its picture ids. `highest` and `timestamp` are the publisher's, of the newest
    packet sent; `span` is how far back the numbers are of one piece. `next`: the layer it is to be switched to at that
    layer's next key frame.

    While it is in step, in a `cohort`, the layer counts what has been sent: `settle` before `highest`, `timestamp` or
    `span` is read.
    """

    __slots__ = (
        "_clock",
        "_held_at",
        "_new_clock",
        "_numbers",
        "_octets",
        "_packets",
        "_padded",
        "_repeated",
        "_seconds",
        "_sent_at",
        "clock_rate",
        "codec",
        "cohort",
        "flowing",
        "highest",
        "joined",
        "keyframe_asked_at",
        "keyframes_asked",
        "layer",
        "losses",
        "next",
        "payload_type",
        "redundant",
        "repeats",
        "report",
        "reported_at",
        "reported_packets",
        "rtx_payload_type",
        "rtx_seq",
        "rtx_ssrc",
        "seq_offset",
        "shift",
        "span",
        "ssrc",
        "takes_redundant",
        "timestamp",
        "timestamp_offset",
        "transport",
        "viewer",
    )

    def __init__(self, transport: SecurePath, ssrc: int, rtx_ssrc: int, viewer: Viewer | None = None) -> None:
        self.viewer = viewer
        self.layer: Layer | None = None
        self.next: Layer | None = None
        self.cohort: Cohort | None = None
        self.joined = NOTHING
        self.transport = transport
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.codec = ""
        self.payload_type = 0
        self.clock_rate = 90000
        self.rtx_payload_type = 0  # set when the viewer's answer takes RTX
        # RFC 3550 section 5.1: random beginnings. Below 2**15, so that the roll-over counter is surely 0 at both ends.
        self.rtx_seq = secrets.randbelow(0x8000)
        self.highest = 0
        self.seq_offset = 0
        self.timestamp = 0
        # The publisher's numbers are random already (RFC 3550 section 5.1), and nobody else's would be alike for all.
        self.timestamp_offset = 0
        self.shift = NO_SHIFT
        self.span = 0
        self._packets = 0
        self._octets = 0
        self.reported_packets = 0
        self._seconds = 0  # how many there was something to report in
        self.report: rtcp.ReportBlock | None = None  # the viewer's newest
        self.reported_at = 0.0
        self.losses: Losses | None = None  # since the first report
        self.repeats = 0
        self.keyframes_asked = 0
        self.keyframe_asked_at = -1e9
        self.flowing = False
        self.takes_redundant = False  # set when the viewer's answer takes RED
        self.redundant = False
        self._held_at: float | None = None
        # What was sent last: when, of which clock, and with which picture numbers.
        self._sent_at: float | None = None
        self._clock: tuple[float, int] | None = None
        self._numbers: tuple[int, int] | None = None
        self._new_clock = False
        self._repeated: dict[int, float] = {}
        self._padded = 0

    def carry(self, codec: Canonical) -> None:
        """Another track from now on; it begins when it is attached."""
        self.codec = codec.name
        self.payload_type = codec.payload_type
        self.clock_rate = codec.clock_rate
        self.report = None
        self.hold(new_clock=True)

    def reconsider(self, now: float) -> None:
        """Other layers are to be had than before."""
        if self.viewer is not None:
            self.viewer.reconsider(now)

    def carry_former(self, wanted: bool) -> None:
        """Whether each audio packet is to carry the one before it too, if the viewer takes that."""
        redundant = wanted and self.takes_redundant
        if redundant is not self.redundant and self.layer is not None:
            self.layer.fall_behind(self)  # who is in step with it gets other bytes now
        self.redundant = redundant

    # --- which layer ------------------------------------------------------------------------------

    def choose(self, layer: Layer | None, now: float) -> None:
        """Get this layer from its next key frame on, and go on with the present one until then. `None`: paused,
        nothing is sent from this moment."""
        if layer is (self.next or self.layer):
            return
        if self.next is not None:
            self.next.remove(self)
            self.next = None
        if layer is self.layer:
            return
        if layer is not None and self.flowing:
            self.next = layer
            layer.add(self, now, waiting=True)
        else:
            self.move(layer)
            if layer is not None:
                layer.add(self, now)
                self.make_do(now)

    def make_do(self, now: float) -> None:
        """Get a smaller picture as long as there is none of the layer that was chosen, since it has to be woken."""
        wish = self.layer
        if wish is None or wish.live or self.flowing or self.next is not None:
            return
        meanwhile = wish.track.live_below(wish)
        if meanwhile is not None:
            self.move(meanwhile)
            meanwhile.add(self, now)
            self.next = wish
            wish.add(self, now, waiting=True)

    def move(self, layer: Layer | None) -> None:
        """Leave the present layer for this one, which has seen to its own list. It begins with a packet one can start
        at."""
        former, self.next = self.layer, None
        self.hold(new_clock=former is None or layer is None or former.source is not layer.source)
        self.layer = layer
        if former is not None:
            former.remove(self)

    def hold(self, *, new_clock: bool = False) -> None:
        """Wait for a packet to start at. `new_clock`: timestamps and picture ids are others from there on."""
        layer = self.layer
        if layer is not None:
            layer.fall_behind(self)
        if self.flowing and layer is not None:
            self._sent_at = layer.newest_at
            self._clock = layer.clock
            last = self._last_numbers(layer)
            if last is not None:
                self._numbers = last
        self.flowing = False
        self._seconds = 0
        self._held_at = None
        self._new_clock = self._new_clock or new_clock
        self._repeated.clear()

    def _last_numbers(self, layer: Layer) -> tuple[int, int] | None:
        """The picture id and TL0PICIDX this viewer has got last; -1 for what there is not."""
        for back in range(min(self.span + 1, _LOOK_BACK)):
            kept = layer.cache.get((self.highest - back) & 0xFFFF)
            found = numbers(self.codec, kept[3]) if kept is not None else None
            if found is not None:
                return (
                    (found.picture + self.shift.picture) % PICTURES if found.picture >= 0 else -1,
                    (found.base + self.shift.base) & 0xFF if found.base >= 0 else -1,
                )
        return None

    def resume(self, packet: Packet, now: float) -> bool:
        """Shall this packet be the first one? Then the numbers go on from the last one sent."""
        _, seq, timestamp, payload, _, _, starts = packet
        if not starts:
            if self._held_at is None:
                self._held_at = now
            if now - self._held_at < PATIENCE:
                return False
        if self.packets:
            self.seq_offset = (self.highest + self.seq_offset + 1 - seq) & 0xFFFF
        else:  # below 2**15, so that the roll-over counter is surely 0 at both ends
            self.seq_offset = seq & 0x8000
        if self._new_clock and self._sent_at is not None:
            ahead = self._passed(timestamp, now)
            self.timestamp_offset = (self.timestamp + self.timestamp_offset + ahead - timestamp) & 0xFFFFFFFF
            self._renumber(payload)
        self._new_clock = False
        self.highest = seq
        self.timestamp = timestamp
        self.span = 0
        self.flowing = True
        return True

    def _passed(self, timestamp: int, now: float) -> int:
        """How far this packet's picture is ahead of the last one sent, in units of the timestamp; at least 1 ms.

        The sender reports of both layers tell when their pictures were taken. Without them, or when they are far
        from it, as much time has passed as for us.
        """
        assert self._sent_at is not None
        arrived = now - self._sent_at
        clock = self.layer.clock if self.layer is not None else None
        if clock is not None and self._clock is not None:
            taken = clock[0] + signed(timestamp - clock[1]) / self.clock_rate
            before = self._clock[0] + signed(self.timestamp - self._clock[1]) / self.clock_rate
            if abs(taken - before - arrived) < 1.0:
                arrived = taken - before
        return max(self.clock_rate // 1000, int(arrived * self.clock_rate))

    def _renumber(self, payload: bytes) -> None:
        """Let the picture ids go on from the last one sent."""
        self.shift = NO_SHIFT
        first = numbers(self.codec, payload)
        if first is not None and self._numbers is not None:
            picture, base = self._numbers
            self.shift = Shift(
                (picture + 1 - first.picture) % PICTURES if picture >= 0 and first.picture >= 0 else 0,
                (base + 1 - first.base) & 0xFF if base >= 0 and first.base >= 0 else 0,
            )

    # --- packets ----------------------------------------------------------------------------------

    def look(self, tag: int) -> Look:
        """What its packets look like, for a protection that makes them longer by `tag`."""
        return Look(self.ssrc, self.seq_offset, self.timestamp_offset, self.shift, self.redundant, tag)

    def settle(self) -> None:
        """Take over what the layer has counted since this viewer came into step, or since the last call. Octets are
        those of the frames, without what redundancy adds."""
        layer, joined = self.layer, self.joined
        if self.cohort is None or layer is None or layer.sent is joined:
            return
        sent = self.joined = layer.sent
        self.highest, self.timestamp = layer.newest, layer.newest_timestamp
        self.span += sent.span - joined.span
        self._packets += sent.packets - joined.packets
        self._octets += sent.octets - joined.octets

    def progress(self) -> tuple[int, int]:
        """The number of the newest packet sent, and how many packets (`packets`)."""
        self.settle()
        return (self.highest + self.seq_offset) & 0xFFFF, self._packets

    @property
    def packets(self) -> int:
        """How many packets it has got since it began, repetitions not counted."""
        self.settle()
        return self._packets

    @property
    def octets(self) -> int:
        """The payload in them, in bytes."""
        self.settle()
        return self._octets

    def count(self, packets: list[Packet]) -> None:
        """These have been admitted, and are sent."""
        self._packets += len(packets)
        self._octets += sum(packet[5] for packet in packets)

    def admit(self, burst: Burst, now: float) -> list[Packet]:
        """Those of the burst's packets that this viewer is to get: none before one it can start at, none that is
        older than its numbering. For viewers that are not in step with the others."""
        admitted: list[Packet] = []
        if not self.flowing and not burst.starts and self._held_at is not None and now - self._held_at < PATIENCE:
            return admitted
        for packet in burst.packets:
            _, seq, timestamp, _, _, _, _ = packet
            if not self.flowing and not self.resume(packet, now):
                continue
            ahead = (seq - self.highest) & 0xFFFF
            if ahead < 0x8000:
                self.highest = seq
                self.timestamp = timestamp
                self.span += ahead
            elif 0x10000 - ahead > self.span:
                continue  # from before the first one: its number would be that of another packet
            admitted.append(packet)
        return admitted

    def repeat(self, out_seq: int, now: float) -> int:
        """Send again what the viewer asks for, if it is kept. Returns how many bytes that took."""
        layer = self.layer
        if not self.rtx_payload_type or not self.flowing or layer is None or not layer.track.open:
            return 0
        self.settle()
        seq = (out_seq - self.seq_offset) & 0xFFFF
        if (self.highest - seq) & 0xFFFF > self.span:
            return 0
        last = self._repeated.get(out_seq)
        if last is not None and now - last < max(MIN_REPEAT, min(self.transport.rtt / 2, MAX_REPEAT)):
            return 0
        packet = layer.packet(seq)
        if packet is None:
            return 0
        sent = self._send_again(packet, out_seq, now)
        if not sent:
            return 0
        if len(self._repeated) >= 1024:
            self._repeated.clear()
        self._repeated[out_seq] = now
        self.repeats += 1
        layer.track.forwarded_at = now
        return sent

    def _send_again(self, packet: bytes, out_seq: int, now: float) -> int:
        copy = bytearray(packet)
        if self.shift != NO_SHIFT:
            copy[12:] = renumber(self.codec, bytes(copy[12:]), self.shift)
        timestamp = (int.from_bytes(copy[4:8], "big") + self.timestamp_offset) & 0xFFFFFFFF
        write_header(copy, out_seq, timestamp, self.ssrc, self.payload_type, copy[1] >> 7)
        copy[0] |= 0x10
        copy[12:12] = send_time(now)
        return self._send_rtx(wrap_rtx(copy, self.rtx_ssrc, self.rtx_payload_type, self.rtx_seq))

    def _send_rtx(self, packet: bytes) -> int:
        if not self.transport.send_rtp(packet):
            return 0
        self.rtx_seq = (self.rtx_seq + 1) & 0xFFFF
        return len(packet)

    def pad(self, now: float) -> int:
        """Send something the viewer has no use for, to find out whether its link takes more: one of the last packets
        once more, or padding where there are none. Returns how many bytes that took; 0 where it takes no
        repetitions."""
        layer = self.layer
        if not self.rtx_payload_type:
            return 0
        self.settle()
        if self.flowing and layer is not None and layer.track.open:
            self._padded += 1
            seq = (self.highest - self._padded % min(self.span + 1, _PADS_WITH)) & 0xFFFF
            packet = layer.packet(seq)
            if packet is not None and len(packet) > _MOST_PADDING:
                return self._send_again(packet, (seq + self.seq_offset) & 0xFFFF, now)
        timestamp = (self.timestamp + self.timestamp_offset) & 0xFFFFFFFF
        header = struct.pack("!BBHII", 0xB0, self.rtx_payload_type, self.rtx_seq, timestamp, self.rtx_ssrc)
        return self._send_rtx(header + send_time(now) + bytes(_MOST_PADDING - 1) + bytes((_MOST_PADDING,)))

    def sender_report(self, ntp_now: int, now: float) -> bytes | None:
        """The report for this second, or `None` when nothing was sent or the publisher has not reported yet."""
        clock = self.layer.clock if self.layer is not None else None
        if clock is None or not self.flowing or self.packets == self.reported_packets:
            return None
        self._seconds += 1
        if self._seconds > FIRST_REPORTS and self._seconds % REPORT_EACH:
            return None
        self.reported_packets = self.packets
        at, timestamp = clock
        # Which timestamp would the publisher's packet have that was captured now?
        current = timestamp + int((now - at) * self.clock_rate)
        return rtcp.sender_report(
            self.ssrc, ntp_now, (current + self.timestamp_offset) & 0xFFFFFFFF, self.packets, self.octets
        )
