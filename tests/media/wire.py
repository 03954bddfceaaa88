"""A router with one publisher and one viewer, SRTP on both sides, without handshakes and without waiting."""

from __future__ import annotations

import socket
import struct
import time
from collections import Counter
from typing import NamedTuple

from media import codecs, rtcp
from media.codecs import Canonical, Choice
from media.demux import Demux
from media.dtls import DtlsContext
from media.ingest import Uplink
from media.limits import Limits
from media.router import Router
from media.rtp import parse as parse_rtp
from media.sdp import LocalTransport, parse, write
from media.srtp import PROFILES, PacketBuffer, session
from media.stream import Line
from media.subscription import Subscription
from media.transport import Transport
from media.udp import UdpPort
from protocol.control import (
    Routes,
    SubscribeAnswer,
    SubscribeOffer,
    SubscribeOpen,
    TrackRoute,
    TransportState,
    WorkerMessage,
)
from protocol.names import Source

CONTEXT = DtlsContext()
PROFILE = PROFILES[0]
KEY = bytes(range(PROFILE.key + PROFILE.salt))
# VP8 payload descriptors: the first packet of a key frame, and of another frame.
KEYFRAME = b"\x10\x00" + bytes(50)
DELTA = b"\x10\x01" + bytes(50)
VIDEO_SSRC, RTX_SSRC, AUDIO_SSRC = 1000, 1001, 2000
# The publisher's id of that extension.
DESCRIPTOR = 9


class Seen(NamedTuple):
    """A packet at the viewer."""

    payload_type: int
    marker: int
    seq: int
    timestamp: int
    ssrc: int
    payload: bytes
    whole: bytes


class Wire:
    """Anna publishes `anna/audio` and `anna/video`, Vera watches."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.said: list[WorkerMessage] = []
        self.demux = Demux(self.dropped)
        self.port = UdpPort("127.0.0.1", 0, lambda *_: None, lambda: None, self.dropped)
        self.router = Router(self.port, self.demux, CONTEXT, ("127.0.0.1",), self.said.append, self.dropped, Limits())
        self.version = 0
        self.routes()
        self.room = self.router.rooms["r"]
        self._protect = session(PROFILE, KEY, inbound=False)
        self._from_worker = session(PROFILE, KEY, inbound=True)
        self._viewer_protect = session(PROFILE, KEY, inbound=False)
        self._buffer = PacketBuffer(1600)
        self.viewer_socket, self.publisher_socket = self._socket(), self._socket()
        self.uplink = self.publish()
        self.router.subscribe_open(SubscribeOpen(room="r", peer="vera", generation=1))
        self.subscription: Subscription = self.room.subscriptions["vera"]
        self._secure(self.subscription.transport, self.viewer_socket)
        self.answer()
        self.subscription.connected(time.monotonic())

    @staticmethod
    def _socket() -> socket.socket:
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found.bind(("127.0.0.1", 0))
        found.setblocking(False)
        return found

    def _secure(self, transport: Transport, peer: socket.socket) -> None:
        transport.inbound = session(PROFILE, KEY, inbound=True)
        transport.outbound = session(PROFILE, KEY, inbound=False)
        transport.state = TransportState.CONNECTED
        address = peer.getsockname()
        transport.use(address)
        transport.validated = {address: time.monotonic()}
        self.demux.addresses[address] = transport

    def routes(self, audio: bool = True, video: bool = True, to: str = "g") -> None:
        """The next version of the routes."""
        self.version += 1
        tracks = tuple(
            TrackRoute(track=f"anna/{source}", peer="anna", source=source, open=open, to=(to,))
            for source, open in ((Source.AUDIO, audio), (Source.VIDEO, video))
        )
        self.router.routes(
            Routes(room="r", epoch=1, version=self.version, peers={"anna": "s", "vera": "g"}, tracks=tracks)
        )

    def publish(
        self, video_ssrc: int = VIDEO_SSRC, rids: tuple[str, ...] = (), codec: Canonical = codecs.VP8
    ) -> Uplink:
        """A publish connection of Anna's, in the place of a former one. With `rids` the picture comes in layers, whose
        SSRCs the description does not say."""
        self._protect = session(PROFILE, KEY, inbound=False)
        self.router._end_uplink(self.room, "anna")
        uplink = self.router._new_uplink(self.room, "anna")
        assert isinstance(uplink.transport, Transport)
        self._secure(uplink.transport, self.publisher_socket)
        self.bind(uplink, video_ssrc, rids, codec)
        return uplink

    def bind(
        self, uplink: Uplink, video_ssrc: int = VIDEO_SSRC, rids: tuple[str, ...] = (), codec: Canonical = codecs.VP8
    ) -> None:
        """What a description of Anna's says."""
        tracks = self.room.tracks
        ssrcs, repeats = ([], {}) if rids else ([video_ssrc], {video_ssrc: RTX_SSRC})
        named = {5: codecs.AUDIO_LEVEL, 6: codecs.MID, 7: codecs.RID, 8: codecs.REPAIRED_RID}
        if codec is codecs.AV1:
            named[DESCRIPTOR] = codecs.DEPENDENCY_DESCRIPTOR
        uplink.bind(
            [
                Line("0", tracks["anna/audio"], Choice(codecs.OPUS, 109, None, 63), [AUDIO_SSRC], {}),
                Line("1", tracks["anna/video"], Choice(codec, 120, 124), ssrcs, repeats, rids),
            ],
            {id: codecs.EXTENSION_IDS[uri] for id, uri in named.items()},
            False,
        )

    def answer(self, rtx: bool = True, red: bool = False, remb: bool = False) -> None:
        """Vera's answer to the newest offer: takes everything, redundant audio only when `red`, and says something of
        her network only when `remb`."""
        offer = [message for message in self.said if isinstance(message, SubscribeOffer)][-1]
        description = parse(offer.sdp)
        for section in description.sections:
            section.direction = "recvonly" if section.direction == "sendonly" else "inactive"
            for codec in section.codecs.values():
                codec.feedback = [each for each in codec.feedback if remb or each != codecs.REMB]
            refused = {name for name, taken in (("rtx", rtx), ("red", red)) if not taken}
            section.codecs = {pt: codec for pt, codec in section.codecs.items() if codec.name not in refused}
        local = LocalTransport("vera", "p" * 24, CONTEXT.fingerprint, (), 9)
        text = write(description, local, "active", 1, 1)
        self.router.subscribe_answer(
            SubscribeAnswer(room="r", peer="vera", generation=1, revision=offer.revision, sdp=text)
        )

    def receive(self, datagram: bytes, address: tuple[str, int]) -> None:
        """A datagram comes in, and the turn ends."""
        self.port.received.view[: len(datagram)] = datagram
        self.demux.datagram(self.port, len(datagram), address)
        self.router.drained()

    def receive_together(self, datagrams: list[bytes]) -> list[Seen]:
        """Datagrams of the publisher that come in one turn; what the viewer gets of them."""
        for datagram in datagrams:
            self.port.received.view[: len(datagram)] = datagram
            self.demux.datagram(self.port, len(datagram), self.publisher_socket.getsockname())
        self.router.drained()
        return self.seen()

    def protected(self, packet: bytes) -> bytes:
        """The publisher's SRTP."""
        self._buffer.view[: len(packet)] = packet
        length = self._protect.protect(self._buffer, len(packet))
        assert length > 0
        return bytes(self._buffer.view[:length])

    def video(
        self, seq: int, payload: bytes = DELTA, timestamp: int = 0, ssrc: int = VIDEO_SSRC, pt: int = 120
    ) -> list[Seen]:
        """A video packet is sent; what the viewer gets of it."""
        packet = self.protected_video(seq, payload, timestamp, ssrc, pt)
        self.receive(packet, self.publisher_socket.getsockname())
        return self.seen()

    def protected_video(
        self, seq: int, payload: bytes = DELTA, timestamp: int = 0, ssrc: int = VIDEO_SSRC, pt: int = 120
    ) -> bytes:
        """A video packet of the publisher as it comes in."""
        return self.protected(struct.pack("!BBHII", 0x80, 0x80 | pt, seq, timestamp, ssrc) + payload)

    def audio(self, seq: int, level: int = 30, mid: bytes = b"0") -> list[Seen]:
        """An audio packet with its level and mid in extensions 5 and 6."""
        self.receive(self.protected_audio(seq, level, mid), self.publisher_socket.getsockname())
        return self.seen()

    def protected_audio(self, seq: int, level: int = 30, mid: bytes = b"0", payload: bytes = b"opus") -> bytes:
        """An audio packet of the publisher as it comes in."""
        values = bytes((0x50, level, 0x60 | len(mid) - 1)) + mid
        block = struct.pack("!HH", 0xBEDE, (len(values) + 3) // 4) + values + bytes(-len(values) % 4)
        return self.protected(struct.pack("!BBHII", 0x90, 109, seq, 960 * seq, AUDIO_SSRC) + block + payload)

    def from_viewer(self, packet: bytes) -> None:
        """The viewer's RTCP."""
        self._buffer.view[: len(packet)] = packet
        length = self._viewer_protect.protect_rtcp(self._buffer, len(packet))
        self.receive(bytes(self._buffer.view[:length]), self.viewer_socket.getsockname())

    def from_publisher(self, packet: bytes) -> None:
        """The publisher's RTCP."""
        self._buffer.view[: len(packet)] = packet
        length = self._protect.protect_rtcp(self._buffer, len(packet))
        self.receive(bytes(self._buffer.view[:length]), self.publisher_socket.getsockname())

    def _datagrams(self, at: socket.socket) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(at.recv(2000))
            except BlockingIOError:
                return found

    def seen(self) -> list[Seen]:
        """The RTP packets that have come to the viewer since the last call."""
        packets = []
        for datagram in self._datagrams(self.viewer_socket):
            if 192 <= datagram[1] <= 223:
                continue
            self._buffer.view[: len(datagram)] = datagram
            length = self._from_worker.unprotect(self._buffer, len(datagram))
            assert length > 0, "the viewer cannot decrypt it"
            parsed = parse_rtp(self._buffer.bytes, length)
            assert parsed is not None
            whole = bytes(self._buffer.view[:length])
            packets.append(Seen(*parsed[:5], whole[parsed[5] : length - parsed[9]], whole))
        return packets

    def lose(self) -> None:
        """What has come to the viewer since the last call does not reach it."""
        self._datagrams(self.viewer_socket)

    def reports(self, at: socket.socket) -> list[rtcp.Packet]:
        """The RTCP packets that have come to the viewer's or the publisher's socket."""
        back = session(PROFILE, KEY, inbound=True)
        packets: list[rtcp.Packet] = []
        for datagram in self._datagrams(at):
            if 192 <= datagram[1] <= 223:
                self._buffer.view[: len(datagram)] = datagram
                length = back.unprotect_rtcp(self._buffer, len(datagram))
                assert length > 0
                packets += rtcp.parse(self._buffer.view, length)
        return packets

    def tick(self, seconds: float = 0.02) -> None:
        """The router's timer, as if so much time had passed."""
        self.router.tick(time.monotonic() + seconds)

    def close(self) -> None:
        """Close the sockets."""
        self.port.close()
        self.viewer_socket.close()
        self.publisher_socket.close()
