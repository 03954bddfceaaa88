"""A camera in layers of one stream, and a decoder that finds whether what a viewer gets of it can be shown."""

from __future__ import annotations

import re
import struct
import time

from media import codecs, rtp
from media.codecs import Canonical
from media.egress import Downlink
from media.layer import Layer
from media.picture import numbers
from media.track import Track
from tests.media.descriptors import descriptor, layered
from tests.media.wire import DESCRIPTOR, RTX_SSRC, VIDEO_SSRC, Seen, Wire

SIZES = ((240, 135), (480, 270), (960, 540))
# Packets of a frame, by layer, and bytes in each.
PACKETS, BYTES = (1, 2, 3), (100, 300, 900)


class Frame:
    """One layer of one picture, as its packets say it."""

    def __init__(self, body: bytes) -> None:
        name = re.search(rb"<(\d+)/(\d+)/(\d+)/([01])>", body)
        assert name is not None
        self.picture, self.spatial, self.part, key = (int(part) for part in name.groups())
        self.key = bool(key)
        self.last = self.part == PACKETS[self.spatial] - 1


class Decoder:
    """What a viewer does with its packets: each picture has to be shown, with what has come before."""

    def __init__(self, codec: Canonical) -> None:
        self._codec = codec
        self.shown: list[int] = []
        self._had: dict[int, int] = {}  # layer → the picture it was had of last
        self._last: Seen | None = None
        self._picture: list[tuple[Seen, Frame]] = []
        self._number = 0
        self.bytes = self.missed = 0

    def take(self, seen: list[Seen]) -> None:
        for packet in seen:
            before, self._last = self._last, packet
            if before is not None:
                assert (packet.seq - before.seq) & 0xFFFF == 1 and packet.ssrc == before.ssrc
                assert (packet.timestamp == before.timestamp) is not bool(before.marker)
            self._picture.append((packet, Frame(packet.payload)))
            self.bytes += len(packet.payload)
            if packet.marker:
                self._decode()

    def _decode(self) -> None:
        picture, self._picture = self._picture, []
        frames = [frame for _, frame in picture]
        if self._codec is codecs.AV1:
            announced = self._number + 1
            rows = [(packet.payload[0] >> 7, packet.payload[0] >> 6 & 1) for packet, _ in picture]
            assert [z for z, _ in rows] == [0] + [1] * (len(rows) - 1), "one frame for who has no descriptor"
            assert [y for _, y in rows] == [1] * (len(rows) - 1) + [0]
        else:
            found = {numbers("VP9", packet.payload) for packet, _ in picture}
            (announced,) = {each.picture for each in found if each is not None}
        if self.shown:
            missing = ((announced - self._number) & 0x7FFF) - 1
            assert missing == 0 or frames[0].key, "the pictures' ids go on"
            self.missed += missing
        self._number = announced
        assert len({frame.picture for frame in frames}) == 1
        got = [(frame.spatial, frame.part) for frame in frames]
        layers = sorted({spatial for spatial, _ in got})
        assert got == [(spatial, part) for spatial in layers for part in range(PACKETS[spatial])], "whole, and once"
        for spatial in layers:
            if frames[0].key:
                assert spatial == 0 or self._had.get(spatial - 1) == frames[0].picture
            else:
                assert self._had.get(spatial) == frames[0].picture - 1, "what it was made of has come"
            self._had[spatial] = frames[0].picture
        if frames[0].key:
            self._had = dict.fromkeys(layers, frames[0].picture)
        self.shown.append(layers[-1])


class Camera:
    """Sends VP9 or AV1 in one stream as Chromium does in the mode L3T3_KEY."""

    def __init__(self, wire: Wire, codec: Canonical = codecs.VP9) -> None:
        self.wire = wire
        self.codec = codec
        wire.uplink = wire.publish(codec=codec)
        wire.room.bound(self.track)
        wire.room.show_some(9, time.monotonic())
        wire.answer()
        self.seq, self.picture, self.stamp, self.number = 65_500, 32_760, 0xFFFF0000, 65_530
        self.layers = 3
        self._repeats = 0
        self.decoder = Decoder(codec)

    @property
    def track(self) -> Track:
        return self.wire.room.tracks["anna/video"]

    def layer(self, spatial: int) -> Layer:
        return self.track.layers[spatial]

    @property
    def viewer(self) -> Downlink:
        return next(iter(self.track.viewers))

    @property
    def carrier(self) -> Layer:
        return self.track.sources[0]

    def packets(self, key: bool = False) -> list[tuple[int, bytes]]:
        """The next picture: its packets, with their numbers, not protected."""
        self.picture += 1
        self.stamp = (self.stamp + 3000) & 0xFFFFFFFF
        found = []
        for spatial in range(self.layers):
            self.number = (self.number + 1) & 0xFFFF
            for part in range(PACKETS[spatial]):
                self.seq = (self.seq + 1) & 0xFFFF
                ends = part == PACKETS[spatial] - 1
                say = self._av1 if self.codec is codecs.AV1 else self._vp9
                extension, front = say(key, spatial, part, ends)
                payload = front + b"<%d/%d/%d/%d>" % (self.picture, spatial, part, key)
                payload = payload.ljust(BYTES[spatial], b".")
                marker = spatial == self.layers - 1 and ends
                first = 0x90 if extension else 0x80
                header = struct.pack("!BBHII", first, marker << 7 | 120, self.seq, self.stamp, VIDEO_SSRC)
                found.append((self.seq, header + extension + payload))
        return found

    def _vp9(self, key: bool, spatial: int, part: int, ends: bool) -> tuple[bytes, bytes]:
        """The header extensions of a packet, and what stands in front of its payload."""
        tells = key and not spatial and part == 0
        first = 0xB0 | (not key) << 6 | (part == 0) << 3 | ends << 2 | tells << 1 | (not key)
        inter = b"" if key else b"\x02"
        structure = bytes(((self.layers - 1) << 5 | 0x10,)) + b"".join(
            struct.pack("!HH", *size) for size in SIZES[: self.layers]
        )
        indices = spatial << 1 | (key and spatial > 0)
        front = struct.pack("!BHB", first, 0x8000 | self.picture & 0x7FFF, indices) + inter
        return b"", front + (structure if tells else b"")

    def _av1(self, key: bool, spatial: int, part: int, ends: bool) -> tuple[bytes, bytes]:
        """The same of AV1. A key picture's first descriptor needs the two-byte form."""
        tells = key and not spatial and part == 0
        value = descriptor(
            2 * spatial + (not key),
            self.number,
            part == 0,
            ends,
            described=layered(SIZES) if tells else None,
            active=((1 << self.layers) - 1, 3) if tells else None,
            diffs=(self.layers,) if not key and self.layers < 3 else None,
        )
        form = 0xBEDE if len(value) <= 16 else 0x1000
        element = bytes((DESCRIPTOR << 4 | len(value) - 1,) if form == 0xBEDE else (DESCRIPTOR, len(value))) + value
        element += bytes(-len(element) % 4)
        aggregation = (part > 0) << 7 | (not ends) << 6 | 0x10 | tells << 3
        return struct.pack("!HH", form, len(element) // 4) + element, bytes((aggregation, 0x30))

    def send(self, key: bool = False, together: bool = True) -> list[Seen]:
        """The next picture, in one turn or in one for each packet; what the viewer gets, which can be decoded."""
        packets = [self.wire.protected(packet) for _, packet in self.packets(key)]
        if together:
            seen = self.wire.receive_together(packets)
        else:
            seen = [each for packet in packets for each in self.wire.receive_together([packet])]
        self.decoder.take(seen)
        return seen

    def repeated(self, number: int, packet: bytes) -> list[Seen]:
        """A packet that was lost comes on the repair stream."""
        return self.wire.receive_together([self.wire.protected(self.repetition(number, packet))])

    def repetition(self, number: int, packet: bytes) -> bytes:
        """A packet as the repair stream has it, not protected."""
        self._repeats += 1
        head = struct.pack("!BBHII", packet[0], packet[1] & 0x80 | 124, self._repeats, self.stamp, RTX_SSRC)
        parsed = rtp.parse(packet, len(packet))
        assert parsed is not None
        extension, payload = packet[12 : parsed[5]], packet[parsed[5] :]
        return head + extension + number.to_bytes(2, "big") + payload

    def choose(self, spatial: int | None) -> None:
        self.viewer.choose(None if spatial is None else self.layer(spatial), time.monotonic())
