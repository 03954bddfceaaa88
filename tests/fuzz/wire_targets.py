"""Hostile peers that have all the keys: what comes after decryption, in whole conversations.

A conversation is a row of datagrams, each with a byte that says from whom and two of length. It goes through demux,
uplink, layers, forwarding and feedback of a real router, whose SRTP takes everything for authentic.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterator

from msgspec.structs import replace

from media import codecs, rtcp
from media.limits import Limits
from media.picture import MAX_SIDE
from media.publication import publication
from media.relay import messages
from media.relay.feed import Feed
from media.relay.messages import Said, SaidLayer, Wish
from media.relay.path import Way, derived
from media.relay.source import Source as RelaySource
from media.scalable import MAX_LAYERS
from media.sdp import LocalTransport, SdpError, parse, write
from media.spatial import Carrier
from media.srtp import PacketBuffer
from media.tcp import TcpConnection
from media.track import Track
from media.udp import MAX_DATAGRAM
from protocol.control import PeerClose, RelayLink, RoomRelays, SubscribeAnswer, SubscribeOffer
from protocol.names import Source
from tests.media.camera import Camera
from tests.media.wire import AUDIO_SSRC, DELTA, KEYFRAME, RTX_SSRC, VIDEO_SSRC, Wire

# Longer conversations find nothing that shorter ones do not, and cost time.
MAX_DATAGRAMS = 60
PUBLISHER, VIEWER, TIME = 0, 1, 2
FEEDER, FED = PUBLISHER, VIEWER
RELAY_SECRET = "5e" * 32


class Open:
    """An SRTP session to which everything is authentic."""

    def unprotect(self, buffer: PacketBuffer, length: int) -> int:
        return length

    unprotect_rtcp = unprotect

    def forget(self, ssrc: int) -> None:
        """There is no context."""


def told(*datagrams: tuple[int, bytes]) -> bytes:
    """A conversation."""
    return b"".join(struct.pack("!BH", who, len(data)) + data for who, data in datagrams)


def heard(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The datagrams of a conversation; a length beyond the end means the rest."""
    at = 0
    for _ in range(MAX_DATAGRAMS):
        if at + 3 > len(data):
            return
        who, length = struct.unpack_from("!BH", data, at)
        yield who % 3, data[at + 3 : at + 3 + min(length, MAX_DATAGRAM)]
        at += 3 + length


def feed_conversation(data: bytes) -> None:
    wire = Wire()
    try:
        _talk(wire, data)
    finally:
        wire.close()


def feed_layers(data: bytes) -> None:
    """A conversation with a camera in layers of one stream; the first byte says of which codec."""
    wire = Wire()
    try:
        camera = Camera(wire, LAYERED[data[0] % len(LAYERED) if data else 0])
        camera.choose(1)
        _talk(wire, data[1:])
        carrier = camera.carrier
        assert isinstance(carrier, Carrier) and 0 <= carrier.top < MAX_LAYERS
        for layer in carrier.layers:
            assert len(layer.sieve._holes) <= 512
            assert max(layer.width, layer.height) <= MAX_SIDE
    finally:
        wire.close()


def feed_relay(data: bytes) -> None:
    """A worker between two others, which may say anything: `FEEDER` and `FED`."""
    wire = Wire()
    try:
        wire.router.peer_close(PeerClose(room="r", peer="anna"))
        wire.subscription.show(list(wire.room.tracks.values()), time.monotonic())
        ends = tuple(
            RelayLink(link=link, secret=RELAY_SECRET, far=(("127.0.0.1", at.getsockname()[1]),))
            for link, at in (("above", wire.publisher_socket), ("below", wire.viewer_socket))
        )
        # Otherwise the address is that of a viewer: the links have it to themselves.
        wire.demux.addresses.clear()
        wire.router.relays(RoomRelays(room="r", revision=1, source=ends[0], feeds=ends[1:]))
        links = wire.router.relay_table._rooms["r"].open
        source, feed = links["above"], links["below"]
        assert isinstance(source, RelaySource) and isinstance(feed, Feed)
        source.path.inbound = feed.path.inbound = Open()  # type: ignore[assignment]
        feed._new_ssrc = itertools.count(VIDEO_SSRC).__next__
        for who, datagram in heard(data):
            if who == TIME:
                for second in (False, True):
                    wire.tick()
                    wire.router.relay_table.tick(second, time.monotonic())
                wire.room.report(float(len(datagram)))
            else:
                at = wire.publisher_socket if who == FEEDER else wire.viewer_socket
                wire.receive(datagram, at.getsockname())
        wire.router.relay_table.tick(True, time.monotonic())
        assert len(source.uplink.streams) <= wire.router.relay_table._limits.ssrcs
        assert all(len(track.layers) <= MAX_LAYERS for track in wire.room.tracks.values())
        wire.router.relays(RoomRelays(room="r", revision=2))
        assert not source.path.open and not feed.path.open
    finally:
        wire.close()


def _talk(wire: Wire, data: bytes) -> None:
    publisher, viewer = wire.uplink.transport, wire.subscription.transport
    assert publisher is not None
    publisher.inbound = viewer.inbound = Open()  # type: ignore[assignment]
    for who, datagram in heard(data):
        if who == TIME:
            wire.tick(0.05)
            wire.uplink.each_second(0.0)
            wire.subscription.each_second(0.0)
            wire.room.report(float(len(datagram)))
        else:
            at = wire.publisher_socket if who == PUBLISHER else wire.viewer_socket
            wire.receive(datagram, at.getsockname())
    assert len(wire.uplink.streams) <= Limits().ssrcs
    wire.seen()


def feed_offer(data: bytes) -> None:
    try:
        offer = parse(data.decode("utf-8", "replace"))
        tracks = {
            mid: Track(f"a/{source}", "a", source, True, frozenset(), Limits())
            for mid, source in (("0", Source.AUDIO), ("1", Source.VIDEO))
        }
        found = publication(offer, tracks, Limits())
    except SdpError as error:
        assert str(error).endswith((".", "'"))
        return
    assert len({line.track.id for line in found.lines}) == len(found.lines), "no track is bound twice"
    local = LocalTransport("ufrag", "password" * 3, ":".join(["AA"] * 32), ("192.0.2.1",), 9)
    answer = parse(write(found.answer, local, "passive", 1, 1))
    assert [section.mid for section in answer.sections] == [section.mid for section in found.answer.sections]


def feed_answer(data: bytes) -> None:
    wire = Wire()
    try:
        offer = [message for message in wire.said if isinstance(message, SubscribeOffer)][-1]
        text = data.decode("utf-8", "replace")
        wire.subscription._answered = False
        wire.router.subscribe_answer(
            SubscribeAnswer(room="r", peer="vera", generation=1, revision=offer.revision, sdp=text)
        )
        wire.video(1, KEYFRAME)
    finally:
        wire.close()


class _Pieces:
    """A socket that gives what it is asked for in pieces."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size

    def recv(self, most: int) -> bytes:
        piece, self._data = self._data[: min(most, self._size)], self._data[min(most, self._size) :]
        return piece


class _Port:
    """What a TCP connection hands its datagrams to."""

    def __init__(self) -> None:
        self.received = PacketBuffer(MAX_DATAGRAM + 1)
        self.dropped: dict[str, int] = {"tcp_frame": 0}
        self.datagrams: list[bytes] = []
        self.ended = False

    def handle(self, length: int, connection: TcpConnection) -> None:
        self.datagrams.append(bytes(self.received.view[:length]))

    def forget(self, connection: TcpConnection) -> None:
        self.ended = True


def _unframed(data: bytes, size: int) -> tuple[list[bytes], bool]:
    port = _Port()
    connection = TcpConnection(port, _Pieces(data, size), "192.0.2.1", 9, 0.0)  # type: ignore[arg-type]
    while not port.ended:
        connection.readable()
        assert len(connection._partial) < MAX_DATAGRAM + 2, "what waits for its end is bounded"
    return port.datagrams, port.dropped["tcp_frame"] > 0


def feed_frames(data: bytes) -> None:
    whole = _unframed(data, 8192)
    for size in (1, 7):
        assert _unframed(data, size) == whole, "how the stream comes in does not matter"


def _rtp(pt: int, seq: int, ssrc: int, payload: bytes, extensions: bytes = b"") -> bytes:
    block = struct.pack("!HH", 0xBEDE, len(extensions) // 4) + extensions if extensions else b""
    return struct.pack("!BBHII", 0x90 if extensions else 0x80, 0x80 | pt, seq, 3000 * seq, ssrc) + block + payload


_BLOCK = rtcp.ReportBlock(VIDEO_SSRC, 2, 3, 4, 5, 6, 7)
_LONG = b"\x90\xe0\x81\x05\x07\x20" + KEYFRAME
CONVERSATIONS = [
    told(
        *((PUBLISHER, _rtp(120, seq, VIDEO_SSRC, KEYFRAME if seq == 1 else DELTA)) for seq in (1, 2, 4, 6)),
        (TIME, b"\0"),
        (PUBLISHER, _rtp(124, 1, RTX_SSRC, b"\0\3" + DELTA)),
        (VIEWER, rtcp.receiver_report(1, [_BLOCK]) + rtcp.nack(1, 2, [1, 2, 3]) + rtcp.pli(1, 2)),
        (TIME, b"\0\0"),
    ),
    told(
        *((PUBLISHER, _rtp(109, seq, AUDIO_SSRC, b"opus", b"\x50\x9e\x60\x30")) for seq in (1, 2, 3)),
        (PUBLISHER, rtcp.sender_report(AUDIO_SSRC, 1 << 60, 2, 3, 4) + rtcp.bye([AUDIO_SSRC])),
        (VIEWER, rtcp.fir(1, [(2, 3)]) + rtcp.remb(1, 200_000, [4])),
        (TIME, b""),
    ),
    told(
        (PUBLISHER, _rtp(120, 65_535, 77, _LONG, b"\x60\x31\0\0")),
        (PUBLISHER, _rtp(120, 0, 77, _LONG, b"\x60\x31\0\0")),
        (PUBLISHER, b"\xb0" + _rtp(120, 1, 77, _LONG + b"\0\0\0\4", b"\x60\x31\0\0")[1:]),
        (VIEWER, _rtp(120, 1, 78, DELTA)),
        (TIME, b""),
    ),
]
LAYERED = (codecs.VP9, codecs.AV1)


def _of_layers(codec: codecs.Canonical) -> bytes:
    """A camera that begins, loses a layer and the beginning of a key picture, and is watched in others."""
    wire = Wire()
    try:
        camera = Camera(wire, codec)
        said = [packet for _, packet in camera.packets(key=True) + camera.packets()]
        camera.layers = 2
        late = camera.packets(key=True)
        said += [packet for _, packet in late[1:] + camera.packets()]
        number, packet = late[0]
        again = camera.repetition(number, packet)
    finally:
        wire.close()
    viewer = rtcp.receiver_report(1, [_BLOCK]) + rtcp.nack(1, camera.viewer.ssrc, [1, 2, 3]) + rtcp.pli(1, 2)
    talk = told(*((PUBLISHER, each) for each in said), (TIME, b"\0"), (PUBLISHER, again), (VIEWER, viewer), (TIME, b""))
    return bytes((LAYERED.index(codec),)) + talk


CONVERSATIONS_IN_LAYERS = [_of_layers(codec) for codec in LAYERED]
FRAMES = [
    b"".join(struct.pack("!H", len(data)) + data for data in (b"\0\1" + bytes(18), b"", bytes(1200), b"\x80" * 40)),
    struct.pack("!H", MAX_DATAGRAM) + bytes(MAX_DATAGRAM) + b"\xff\xff",
]

_ABOVE, _BELOW = (
    derived(bytes.fromhex(RELAY_SECRET), link, way)[1] for link, way in (("above", Way.DOWN), ("below", Way.UP))
)


def _layer(rid: str, ssrc: int, height: int) -> SaidLayer:
    return SaidLayer(rid, ssrc, ssrc + 100, 2 * height, height, 100_000, True)


_SOUND = Said(1, 1, "anna/audio", codecs.OPUS.payload_type, (_layer("", AUDIO_SSRC, 0),))
_PICTURE = Said(2, 2, "anna/video", codecs.VP8.payload_type, (_layer("", VIDEO_SSRC, 240),))
_IN_LAYERS = Said(
    3, 3, "anna/video", codecs.VP9.payload_type, tuple(_layer(f"s{n}", 3000 + n, 135 << n) for n in range(3))
)
# A key frame with its sizes.
_VP9 = b"\xaa\x81\x05\x00\x07\x38\x01\x40\x00\xb4\x02\x80\x01\x68" + bytes(20)
MESSAGES = [
    *messages.said(_ABOVE, [_SOUND, _PICTURE, _IN_LAYERS]),
    *messages.wished(_BELOW, 7, [Wish(1, 1, 1), Wish(2, 2, 5)]),
]
RELAYED = [
    told(
        (FEEDER, messages.said(_ABOVE, [_SOUND, _PICTURE])[0]),
        (FED, rtcp.receiver_report(_BELOW, [_BLOCK])),
        (TIME, b""),
        (FED, messages.wished(_BELOW, 1, [Wish(1, 1, 1), Wish(2, 2, 1)])[0]),
        *(
            (FEEDER, _rtp(codecs.VP8.payload_type, seq, VIDEO_SSRC, KEYFRAME if seq == 1 else DELTA))
            for seq in (1, 2, 4)
        ),
        *((FEEDER, _rtp(codecs.OPUS.payload_type, seq, AUDIO_SSRC, b"opus", b"\x10\x9e\0\0")) for seq in (1, 2)),
        (TIME, b"\0"),
        (FED, rtcp.receiver_report(_BELOW, [_BLOCK]) + rtcp.nack(_BELOW, VIDEO_SSRC + 2, [1, 2]) + rtcp.pli(1, 1002)),
        (FEEDER, rtcp.sender_report(_ABOVE, 1 << 60, 2, 3, 4)),
        (TIME, b""),
    ),
    told(
        (FEEDER, messages.said(_ABOVE, [_SOUND, _IN_LAYERS])[0]),
        (FED, rtcp.receiver_report(_BELOW, [_BLOCK])),
        (TIME, b""),
        (FED, messages.wished(_BELOW, 1, [Wish(3, 3, 5), Wish(1, 1, 1)])[0]),
        *((FEEDER, _rtp(codecs.VP9.payload_type, 1, 3000 + n, _VP9)) for n in range(3)),
        (TIME, b"\0"),
        (FEEDER, messages.said(_ABOVE, [replace(_PICTURE, version=4)])[0]),
        (TIME, b""),
    ),
]
