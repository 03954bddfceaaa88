"""The packet path: from a room's packets of this turn to its viewers.

Ingest leaves each packet in the form it goes out in: canonical payload type, extensions that end at the worker taken
off. Per viewer only SSRC, sequence number, timestamp, after a switch of layers picture ids, and the redundancy of
sound could differ; for most they do not. So a packet is written once for all who get the same bytes (`Cohort`),
copied into as many slots, and protected in each under another key. What is left to do in Python for each packet and
viewer is to remember where it lies; what was sent to those in step is counted by the layer.

The moment of sending (abs-send-time) is written in front of each payload of video. It is the same for all viewers of a
turn, who are served within a few milliseconds, so it costs nothing per viewer.

Only the others are looked at one by one (`Downlink.admit`): who waits for a packet to start at, and everybody when a
packet comes late. Viewers that wait for a layer's key frame are switched before it is sent.

All packets of one viewer in a turn, of all layers, go out together: neighbours of one size become one message that
the kernel cuts up. That needs equal sizes, and an encoder's packets differ by a few bytes: packets of nearly one size
get RTP padding up to the largest of them (RFC 3550 section 5.1). A last, shorter one goes along as it is.
"""

from __future__ import annotations

from collections import Counter
from struct import Struct

from media.codecs import OPUS, RED, send_time
from media.cohort import Look, Sent
from media.layer import Layer
from media.outbox import PACKETS, Outbox, slots_of
from media.picture import NO_SHIFT, Shift, renumber
from media.red import with_former
from media.securepath import SecurePath

# Packets this much smaller than the largest are padded: an eighth at most, or so many bytes (Opus at 50 packets/s
# differs by that from one to the next). More would cost the viewer's network more than it saves us.
MAX_PADDING = 32
_PADDING = tuple(bytes(n - 1) + bytes((n,)) if n else b"" for n in range(256))
_PADDED = 0x2000
_EXTENDED = 0x1000
_header = Struct("!HHII").pack

Packet = tuple[int, int, int, bytes, int, int, bool]
"""(first two bytes, sequence number, timestamp, all behind the header, how many bytes of padding go behind that, octets
of payload in it, may one start here)"""


class Burst:
    """A layer's packets of one turn, taken out of it. Whoever is in step gets them all; `starts`: whether one may
    start somewhere among them."""

    __slots__ = ("_front", "_parts", "layer", "packets", "starts")

    def __init__(self, layer: Layer, widths: dict[int, int], now: float) -> None:
        """Take what is pending in the layer; `widths`: what each size is padded to."""
        newest, newest_timestamp = layer.newest, layer.newest_timestamp
        ahead = octets = 0
        self.starts = False
        sent = layer.sent
        oldest: int | None = None  # where the oldest of those that come late is, counted as `sent.span`
        packets: list[Packet] = []
        extended, self._front = (_EXTENDED, send_time(now)) if layer.track.is_video else (0, b"")
        for seq, timestamp, words, rest, starts in layer.pending:
            payload = size = len(rest)
            step = (seq - newest) & 0xFFFF if newest >= 0 else 1
            if 0 < step < 0x8000:
                newest, newest_timestamp = seq, timestamp
                ahead += step
            else:
                late = sent.span + ahead + step - 0x10000
                oldest = late if oldest is None else min(oldest, late)
            padding = 0
            if words & _PADDED:
                payload -= rest[-1]
            elif padding := widths.get(size, size) - size:
                words |= _PADDED
            octets += payload
            packets.append((words | extended, seq, timestamp, rest, padding, payload, starts))
            if starts:
                self.starts = True
        layer.pending.clear()
        if oldest is not None:
            layer.break_step(oldest)  # of those who began later each one's own numbers say whether it gets it
        layer.newest, layer.newest_timestamp, layer.newest_at = newest, newest_timestamp, now
        layer.sent = Sent(sent.span + ahead, sent.packets + len(packets), sent.octets + octets)
        self.layer = layer
        self.packets = packets
        self._parts: dict[Look, Part] = {}

    def part(self, packets: list[Packet], look: Look) -> Part:
        """Some of its packets as one with this look gets them."""
        if len(packets) < len(self.packets):
            return self._written(packets, look)
        part = self._parts.get(look)
        if part is None:
            part = self._parts[look] = self._written(packets, look)
        return part

    def _written(self, packets: list[Packet], look: Look) -> Part:
        if look.redundant:
            packets = [_with_former(self.layer, packet) for packet in packets]
        elif look.shift != NO_SHIFT:
            packets = self._shifted(packets, look.shift)
        ssrc, seq_offset, timestamp_offset = look[:3]
        front = self._front
        written = []
        for words, seq, timestamp, rest, padding, _, _ in packets:
            header = _header(words, (seq + seq_offset) & 0xFFFF, (timestamp + timestamp_offset) & 0xFFFFFFFF, ssrc)
            written.append(b"".join((header, front, rest, _PADDING[padding])))
        return Part(written, look.tag)

    def _shifted(self, packets: list[Packet], shift: Shift) -> list[Packet]:
        codec = self.layer.track.codec
        name = codec.name if codec is not None else ""
        return [
            (words, seq, timestamp, renumber(name, rest, shift), padding, payload, starts)
            for words, seq, timestamp, rest, padding, payload, starts in packets
        ]


class Part:
    """What a viewer gets of one layer in a turn: whole packets, which become `tag` bytes longer when they are
    protected. The same object for all who get the same."""

    __slots__ = ("packets", "tag")

    def __init__(self, packets: list[bytes], tag: int) -> None:
        self.packets = packets
        self.tag = tag


class Forwarder:
    """Sends the packets of layers to their viewers, through one outbox."""

    def __init__(self, outbox: Outbox, dropped: Counter[str]) -> None:
        self.sent = 0
        self._outbox = outbox
        self._dropped = dropped
        self._viewers: list[SecurePath] = []  # who has something in its `turn`
        self._written: list[SecurePath] = []  # who has something in its `slots`
        self._packets_written = 0
        self._slot = 0  # the first one behind them

    def forward(self, layers: list[Layer], now: float) -> None:
        """Send what is pending in these layers of one room, and clear it."""
        # A publisher that begins anew in the middle of a turn takes back what it had brought.
        layers = [layer for layer in layers if layer.pending]
        try:
            if any(layer.waiting for layer in layers):
                layers = self._switch(layers, now)
            if len(layers) == 1:
                self._one_layer(layers[0], now)
            else:
                self._packets(layers, now)
        except Exception:
            # A mistake of ours must not leave anything for the next turn, which may be no longer allowed then.
            for transport in self._viewers:
                transport.turn.clear()
            for transport in self._written:
                transport.slots.clear()
            self._viewers.clear()
            self._written.clear()
            self._packets_written = self._slot = 0
            self._outbox.discard()
            raise

    def _switch(self, layers: list[Layer], now: float) -> list[Layer]:
        """Where a key frame begins that viewers wait for, they change over, after they have got what their former
        layer has brought in this turn. Returns the layers that are to be sent now."""
        begun = [layer for layer in layers if layer.waiting and any(packet[4] for packet in layer.pending)]
        if not begun:
            return layers
        others = [layer for layer in layers if layer not in begun]
        if others:
            self._packets(others, now)
        for layer in begun:
            layer.switch()
        return begun

    def _one_layer(self, layer: Layer, now: float) -> None:
        """The usual turn at low load, with nothing of other layers to put together: whole cohorts at once."""
        outbox = self._outbox
        burst = Burst(layer, _widths([layer]) if len(layer.pending) > 1 else {}, now)
        for look, cohort in layer.cohorts.items():
            part = burst.part(burst.packets, look)
            crowd = cohort.crowd(outbox.moves)
            self.sent += outbox.spread(part.packets, crowd)
            self._give(part, crowd.streamed)
            layer.forwarded += len(crowd.transports) * len(part.packets)
        if layer.behind:
            for part, transport in self._look_at_each(burst, now):
                self._give(part, [transport])
        if self._viewers:
            self._send()

    def _packets(self, layers: list[Layer], now: float) -> None:
        """Several packets: those of one viewer, of all layers, go out together."""
        # Pictures first: a sound packet, being shorter, can then end the message of the pictures before it.
        layers.sort(key=_sound_last)
        widths = _widths(layers)
        moves = self._outbox.moves
        # Few are written at once; for many the slots are shared out viewer by viewer.
        most = sum(len(layer.pending) * len(layer.downlinks) for layer in layers)
        take = self._write if most <= PACKETS else self._give
        for layer in layers:
            burst = Burst(layer, widths, now)
            for look, cohort in layer.cohorts.items():
                part = burst.part(burst.packets, look)
                transports = cohort.crowd(moves).transports
                take(part, transports)
                layer.forwarded += len(transports) * len(part.packets)
            if layer.behind:
                for part, transport in self._look_at_each(burst, now):
                    take(part, [transport])
        self._send()

    def _look_at_each(self, burst: Burst, now: float) -> list[tuple[Part, SecurePath]]:
        """Of those who are not in step each gets what it is to get, and may be in step then."""
        layer = burst.layer
        found = []
        for downlink in list(layer.behind):
            transport = downlink.transport
            if transport.outbound is None or not (packets := downlink.admit(burst, now)):
                continue
            downlink.count(packets)
            layer.forwarded += len(packets)
            found.append((burst.part(packets, downlink.look(transport.outbound.tag)), transport))
            if downlink.highest == layer.newest:
                layer.catch_up(downlink)
        return found

    def _give(self, part: Part, transports: list[SecurePath]) -> None:
        """These viewers are to get this part in this turn."""
        viewers = self._viewers
        for transport in transports:
            turn = transport.turn
            if not turn:
                viewers.append(transport)
            turn.append(part)

    def _write(self, part: Part, transports: list[SecurePath]) -> None:
        """Write and protect a part for these viewers; there must be room."""
        outbox, written, slot = self._outbox, self._written, self._slot
        contexts = [transport.outbound.context for transport in transports if transport.outbound is not None]
        for packet in part.packets:
            length, width = len(packet) + part.tag, slots_of(len(packet))
            refused = outbox.fill(slot, packet, contexts)
            for transport in transports:
                slots = transport.slots
                if not slots:
                    written.append(transport)
                slots.append((slot, length))
                slot += width
            if any(refused):
                self._take_back(transports, refused)
        self._slot = slot
        self._packets_written += len(contexts) * len(part.packets)

    def _take_back(self, transports: list[SecurePath], refused: list[int]) -> None:
        """What was written last is not sent to those for whom it was refused: it may be unprotected."""
        for transport, status in zip(transports, refused, strict=True):
            if status:
                transport.slots.pop()
        self._dropped["srtp_protect"] += len(refused) - refused.count(0)

    def _send(self) -> None:
        """Each viewer's `turn`, as many viewers at a time as there is room for; and what has been written."""
        some: list[SecurePath] = []
        room = PACKETS - self._packets_written
        for transport in self._viewers:
            count = sum(len(part.packets) for part in transport.turn)
            if count > room:
                self._write_turns(some)
                self._flush()
                some, room = [], PACKETS
            room -= count
            some.append(transport)
        self._write_turns(some)
        self._viewers.clear()
        self._flush()

    def _write_turns(self, viewers: list[SecurePath]) -> None:
        takers: dict[Part, list[SecurePath]] = {}
        for transport in viewers:
            for part in transport.turn:
                takers.setdefault(part, []).append(transport)
            transport.turn.clear()
        for part, transports in takers.items():
            self._write(part, transports)

    def _flush(self) -> None:
        """Send what has been written."""
        outbox = self._outbox
        for transport in self._written:
            target, stream, slots = transport.target, transport.stream, transport.slots
            if target is not None:
                outbox.put(target, slots)
                self.sent += len(slots)
            elif stream is not None:  # it counts itself what the network took
                stream.send([outbox.slots.packet(slot, length) for slot, length in slots])
            slots.clear()
        self._written.clear()
        self._packets_written = self._slot = 0
        outbox.flush()


def _with_former(layer: Layer, packet: Packet) -> Packet:
    words, seq, timestamp, _, _, payload, starts = packet
    rest = with_former(layer.packet, seq, OPUS.payload_type)
    if rest is None:
        return packet
    # The padding was the plain packet's.
    return words & ~(_PADDED | 0x7F) | RED, seq, timestamp, rest, 0, payload, starts


def _sound_last(layer: Layer) -> bool:
    return not layer.track.is_video


def _widths(layers: list[Layer]) -> dict[int, int]:
    """What each size of packet is padded to: size → the largest size it is near to."""
    sizes = {len(packet[3]) for layer in layers for packet in layer.pending}
    widths: dict[int, int] = {}
    widest = 0
    for size in sorted(sizes, reverse=True):
        if size < widest - max(MAX_PADDING, widest >> 3) or not widest:
            widest = size
        widths[size] = widest
    return widths


__all__ = ["Burst", "Forwarder", "Packet"]
