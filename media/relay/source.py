"""The end of a link that receives: to this worker a publisher of everything in the room.

The tracks, and whether they are open, come with the routes as everywhere; the other end says how they are encoded. What
of them is needed here is wished for as soon as it changes, three times because a wish may be lost, and each second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from media import codecs, rtcp
from media.codecs import Canonical, Choice
from media.ingest import Uplink
from media.layer import Layer
from media.limits import Limits
from media.relay import messages
from media.relay.messages import Said, Wish
from media.relay.path import RelayPath
from media.room import Room
from media.srtp import PacketBuffer, SrtpSession
from media.stream import Binding, Line
from media.track import Track
from media.udp import UdpPort
from protocol.control import TransportState

WISHED_TIMES, WISHED_EACH = 3, 0.1
# Tracks that may be said; above that those that are in no routes are forgotten.
MAX_SAID = 2000

_CODECS = {
    codec.payload_type: codec
    for codec in (
        codecs.OPUS,
        codecs.VP8,
        codecs.VP9,
        codecs.AV1,
        codecs.H264_CONSTRAINED_BASELINE,
        codecs.H264_BASELINE,
        codecs.H264_MAIN,
        codecs.H264_HIGH,
    )
}
_EXTENSIONS = {id: id for id in (codecs.EXTENSION_IDS[codecs.AUDIO_LEVEL],)}


class RelayUplink(Uplink):
    """What comes in over a link. `announced`: what the other end has said that SSRCs are."""

    announced: dict[int, Binding]

    def _identify(self, ssrc: int, payload_type: int, mid: str, rid: str, repaired: str) -> Binding | None:
        return self.announced.get(ssrc)


class _Bound:
    """A track as it was said, and the one of this worker that its packets go to, as long as there is one."""

    __slots__ = ("again", "said", "track", "wish")

    def __init__(self, said: Said) -> None:
        self.said = said
        self.track: Track | None = None
        self.wish: Wish | None = None  # the newest that was sent
        self.again = 0  # times that it is to be sent yet


class Source:
    """See the module. `announced(ssrc)` is called with each SSRC that packets may come under, `withdrawn(ssrc)` when
    they may not any more."""

    def __init__(
        self,
        room: Room,
        port: UdpPort,
        dropped: Counter[str],
        limits: Limits,
        ready: Callable[[Layer], None],
        announced: Callable[[int], None],
        withdrawn: Callable[[int], None],
        changed: Callable[[TransportState], None],
    ) -> None:
        self.path: RelayPath
        self.state_changed = changed
        self.uplink = RelayUplink(
            port,
            dropped,
            limits,
            ready,
            room.heard_elsewhere,
            lambda state: None,
            lambda track, rids: None,
            lambda: None,  # no stream here holds several layers: those of one were taken apart before
        )
        self.uplink.announced = {}
        self._room = room
        self._dropped = dropped
        self._announced = announced
        self._withdrawn = withdrawn
        self._said: dict[str, _Bound] = {}  # by track
        self._rebind = False
        self._ordinal = 0
        self._wish_at = 0.0

    def start(self, path: RelayPath) -> None:
        """The path is made."""
        self.path = path
        self.uplink.transport = path
        self.uplink.ssrc = path.ssrc
        self._room.source = self.uplink

    # --- what comes in ----------------------------------------------------------------------------

    def sends(self, ssrc: int) -> bool:
        """Whether this SSRC has brought media."""
        return self.uplink.sends(ssrc)

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """Media."""
        self.uplink.rtp(buffer, length, inbound)

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """Sender reports, and what there is."""
        now = self.path.heard
        for packet in rtcp.parse(buffer.view, length):
            if isinstance(packet, rtcp.SenderReport):
                self.uplink.sender_report(packet)
            elif isinstance(packet, rtcp.App):
                content = messages.read(packet)
                if isinstance(content, tuple):
                    for said in content:
                        self._hear(said, now)
                else:
                    self._dropped["relay_message"] += 1

    def _hear(self, said: Said, now: float) -> None:
        bound = self._said.get(said.track)
        if bound is not None and said.version < bound.said.version:
            return  # overtaken on its way
        if bound is None or said.version > bound.said.version:
            self._make_room()
            if bound is not None:
                self._withdraw(bound.said)
            self._said[said.track] = _Bound(said)
            self._rebind = True
            for layer in said.layers:
                for ssrc, repeats in ((layer.ssrc, False), (layer.rtx_ssrc, True)):
                    self.uplink.announced[ssrc] = Binding(said.track, layer.rid, repeats)
                    self._announced(ssrc)
            return
        bound.said = said
        if bound.track is not None:
            _describe(bound.track, said)

    def _make_room(self) -> None:
        if len(self._said) >= MAX_SAID:
            for id in [id for id in self._said if id not in self._room.tracks]:
                self._withdraw(self._said.pop(id).said)

    def _withdraw(self, said: Said) -> None:
        for layer in said.layers:
            for ssrc in (layer.ssrc, layer.rtx_ssrc):
                if self.uplink.announced.pop(ssrc, None) is not None:
                    self._withdrawn(ssrc)

    # --- what it is bound to ----------------------------------------------------------------------

    def _target(self, said: Said) -> Track | None:
        """The track here that is meant. One whose publisher has a connection here comes from there."""
        track, codec = self._room.tracks.get(said.track), _CODECS.get(said.codec)
        if track is None or codec is None or track.is_video != (codec.kind == "video"):
            return None
        return None if track.peer in self._room.uplinks else track

    def _bind(self) -> None:
        self._rebind = False
        lines = []
        new = []
        for bound in self._said.values():
            said, track = bound.said, self._target(bound.said)
            if track is not None:
                lines.append(_line(said, track, _CODECS[said.codec]))
                if track is not bound.track:
                    new.append((bound, track))
            bound.track = track
        self.uplink.bind(lines, _EXTENSIONS, False)
        for bound, track in new:
            _describe(track, bound.said)
            self._room.bound(track)

    # --- what is wished ---------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Take over what is new, ask for what is missing, wish for what is needed. To be called each 20 ms."""
        self.path.tick(now)
        if self._rebind or any(self._target(bound.said) is not bound.track for bound in self._said.values()):
            self._bind()
        self.uplink.tick(now)
        for bound in self._said.values():
            wish = _wish(bound)
            if wish != bound.wish:
                bound.wish, bound.again = wish, WISHED_TIMES
                self._wish_at = 0.0
        if now >= self._wish_at and self.path.open:
            self._wish_at = now + WISHED_EACH
            some = [bound for bound in self._said.values() if bound.again]
            for bound in some:
                bound.again -= 1
            if some:
                self._send(some)

    def each_second(self, now: float) -> None:
        """Everything once more, and receiver reports."""
        self.path.watch(now)
        self.uplink.each_second(now)
        if self.path.open:
            self._send(list(self._said.values()))

    def _send(self, some: list[_Bound]) -> None:
        wishes = [bound.wish for bound in some if bound.wish is not None]
        packets = messages.wished(self.path.ssrc, self._ordinal, wishes)
        self._ordinal += len(packets)
        for packet in packets:
            self.path.send_rtcp(packet)

    def close(self) -> None:
        """The link is closed: nothing comes any more. Another one may follow, or the publishers themselves."""
        self.uplink.end()
        for bound in self._said.values():
            for layer in bound.track.layers if bound.track is not None else ():
                layer.elsewhere = None
        if self._room.source is self.uplink:
            self._room.source = None
        self.path.close(quietly=True)


def _line(said: Said, track: Track, codec: Canonical) -> Line:
    choice = Choice(codec, codec.payload_type, codec.rtx or None, codecs.RED if codec is codecs.OPUS else None)
    rids = tuple(layer.rid for layer in said.layers)
    return Line(said.track, track, choice, [], {}, () if rids == ("",) else rids)


def _describe(track: Track, said: Said) -> None:
    for each in said.layers:
        layer = track.layer(each.rid)
        if layer is not None:
            if each.width and each.height:
                track.sized(layer, each.width, each.height)
            layer.relayed(each.available, each.bitrate)


def _wish(bound: _Bound) -> Wish:
    """Which layers somebody here gets or waits for. Of a track that is closed nothing comes anyway."""
    needed = 0
    if bound.track is not None:
        for n, each in enumerate(bound.said.layers):
            layer = bound.track.layer(each.rid)
            if layer is not None and layer.watched:
                needed |= 1 << n
    return Wish(bound.said.number, bound.said.version, needed)
