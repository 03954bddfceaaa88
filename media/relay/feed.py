"""The end of a link that sends: to the room's layers one more viewer, of all that the other worker needs.

It needs what its own viewers get or wait for, so a layer that nobody looks at on any worker has no viewers here either,
and its publisher is asked to pause it (`Wanted`). Requests for key frames come in like those of a viewer and become
one per layer together with theirs.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable

from media import rtcp
from media.codecs import OPUS, Canonical
from media.egress import Downlink
from media.feedback import Feedback
from media.layer import Layer
from media.limits import Limits
from media.relay import messages
from media.relay.messages import Said, SaidLayer, Wish, Wished
from media.relay.path import LOST_AFTER, RelayPath
from media.room import Room
from media.srtp import PacketBuffer, SrtpSession
from media.track import Track
from protocol.control import TransportState

# What is not confirmed is said again so often, and all of it each second.
AGAIN_EACH = 0.1
# Layers of one link that had packets since it was opened. A stage of 36 with screens has 220 at a time.
MAX_LINES = 4000


class RelayDownlink(Downlink):
    """A layer on its way to another worker: this one, and never another in its place."""

    __slots__ = ()

    def make_do(self, now: float) -> None:
        """It is this layer or nothing: the other worker sees to its viewers."""


class _Told:
    """What was said of a track. `lines`: its layers as they were said; `ordinal`: of the newest wish heard."""

    __slots__ = ("codec", "confirmed", "layers", "lines", "number", "ordinal", "said", "track", "version")

    def __init__(self, number: int, version: int, track: Track, codec: Canonical) -> None:
        self.number = number
        self.version = version
        self.track = track
        self.codec = codec
        self.layers = track.layers
        self.lines: list[tuple[Layer, RelayDownlink]] = []
        self.confirmed = False
        self.ordinal = -1
        self.said: Said | None = None


class _Nobody:
    """Between workers nothing is estimated: a machine room carries what a worker can send."""

    def remb(self, bitrate: int, now: float) -> None:
        """Not sent by workers."""

    def reports(self, expected: int, lost: int, trip: float | None, now: float) -> None:
        """Losses are asked for again, and sound goes out twice: nothing else follows from them."""


class Feed:
    """See the module. `new_ssrc()` gives one that this worker uses for nothing else between workers."""

    def __init__(
        self,
        room: Room,
        dropped: Counter[str],
        limits: Limits,
        new_ssrc: Callable[[], int],
        changed: Callable[[TransportState], None],
    ) -> None:
        self.path: RelayPath
        self.feedback: Feedback
        self.state_changed = changed
        self._room = room
        self._dropped = dropped
        self._limits = limits
        self._new_ssrc = new_ssrc
        self._cname = secrets.token_hex(8).encode()
        self._told: dict[str, _Told] = {}  # by track
        self._by_number: dict[int, _Told] = {}
        self._lines: dict[tuple[str, str], RelayDownlink] = {}  # by track and layer
        self._version = 0
        self._look_at = 0.0
        self._wished_at: float | None = None

    def start(self, path: RelayPath) -> None:
        """The path is made."""
        self.path = path
        self.feedback = Feedback(path, _Nobody(), self._dropped, self._limits)

    @property
    def ssrcs(self) -> set[int]:
        """Those that packets go out under."""
        return {ssrc for line in self._lines.values() for ssrc in (line.ssrc, line.rtx_ssrc)}

    # --- what comes in ----------------------------------------------------------------------------

    def sends(self, ssrc: int) -> bool:
        """The other end sends no media to this one."""
        return False

    def rtp(self, buffer: PacketBuffer, length: int, inbound: SrtpSession) -> None:
        """The other end sends no media to this one."""
        self._dropped["relay_rtp"] += 1

    def rtcp(self, buffer: PacketBuffer, length: int) -> None:
        """Wishes, reports and requests."""
        if not self.feedback.admit(length):
            return
        now = self.path.heard
        others: list[rtcp.Packet] = []
        for packet in rtcp.parse(buffer.view, length):
            if not isinstance(packet, rtcp.App):
                others.append(packet)
                continue
            content = messages.read(packet)
            if isinstance(content, Wished):
                self._wished_at = now
                for wish in content.wishes:
                    self._wish(wish, content.ordinal, now)
            else:
                self._dropped["relay_message"] += 1
        self.feedback.received(others, now)

    def _wish(self, wish: Wish, ordinal: int, now: float) -> None:
        told = self._by_number.get(wish.number)
        if told is None or wish.version != told.version or ordinal <= told.ordinal:
            return
        told.ordinal = ordinal
        told.confirmed = True
        for n, (layer, line) in enumerate(told.lines):
            line.choose(layer if wish.layers >> n & 1 else None, now)

    # --- what goes out ----------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Say what is new, and what is not confirmed. To be called each 20 ms."""
        self.path.tick(now)
        if self._wished_at is not None and now - self._wished_at > LOST_AFTER:
            self._wished_at = None
            self._withdraw(now)
        tracks = self._room.tracks
        for gone in [told for id, told in self._told.items() if tracks.get(id) is not told.track]:
            self._forget(gone, now)
        new = [
            self._tell(track, track.codec, now)
            for track in tracks.values()
            if track.codec is not None and not self._is_told(track)
        ]
        if self.path.open:
            if now >= self._look_at:
                self._look_at = now + AGAIN_EACH
                self._say([told for told in self._told.values() if not told.confirmed or _said(told) != told.said])
            elif new:
                self._say(new)
        if self.feedback.repeats.waiting:
            self.feedback.repeat(now)

    def each_second(self, now: float) -> None:
        """Everything once more, sender reports, and redundant sound where the link loses."""
        self.path.watch(now)
        if self.path.open:
            self._say(list(self._told.values()))
        self.feedback.each_second(self._cname, now)
        lossy = self.feedback.lossy(now)
        for line in self._lines.values():
            line.carry_former(lossy)

    def close(self, now: float) -> None:
        """The link is closed: nothing goes out any more."""
        self._withdraw(now)
        self.path.close(quietly=True)

    def _is_told(self, track: Track) -> bool:
        told = self._told.get(track.id)
        return told is not None and told.codec is track.codec and told.layers is track.layers

    def _tell(self, track: Track, codec: Canonical, now: float) -> _Told:
        """A track that is new, or has other layers than before: nothing of it is sent until that has been heard."""
        former = self._told.get(track.id)
        if former is not None:
            self._forget(former, now)
        self._version += 1
        told = _Told(self._version, self._version, track, codec)
        told.lines = [(layer, self._line(track, layer, codec)) for layer in track.layers]
        self._told[track.id] = self._by_number[told.number] = told
        return told

    def _line(self, track: Track, layer: Layer, codec: Canonical) -> RelayDownlink:
        key = track.id, layer.rid
        line = self._lines.get(key)
        if line is None:
            self._make_room()
            line = self._lines[key] = RelayDownlink(self.path, self._new_ssrc(), self._new_ssrc())
            self.feedback.by_ssrc[line.ssrc] = line
        line.carry(codec)
        line.rtx_payload_type = codec.rtx
        line.takes_redundant = codec is OPUS
        return line

    def _make_room(self) -> None:
        """The line that is longest out of use gives way. Its SSRC is never used again, and so its key stream is not."""
        if len(self._lines) < MAX_LINES:
            return
        in_use = {id(line) for told in self._told.values() for _, line in told.lines}
        unused = next((key for key, line in self._lines.items() if id(line) not in in_use), None)
        if unused is not None and self.path.outbound is not None:
            line = self._lines.pop(unused)
            del self.feedback.by_ssrc[line.ssrc]
            self.path.outbound.forget(line.ssrc)
            self.path.outbound.forget(line.rtx_ssrc)

    def _forget(self, told: _Told, now: float) -> None:
        for _, line in told.lines:
            line.choose(None, now)
        del self._told[told.track.id], self._by_number[told.number]

    def _withdraw(self, now: float) -> None:
        for told in self._told.values():
            for _, line in told.lines:
                line.choose(None, now)

    def _say(self, some: list[_Told]) -> None:
        for told in some:
            told.said = _said(told)
        for packet in messages.said(self.path.ssrc, [told.said for told in some if told.said is not None]):
            self.path.send_rtcp(packet)


def _said(told: _Told) -> Said:
    """What is to be said of a track now. Bitrates only roughly: they are said when something else changes, too."""
    known = {layer.rid: layer for layer in (told.said.layers if told.said is not None else ())}
    layers = []
    for layer, line in told.lines:
        before = known.get(layer.rid)
        bitrate = int(layer.usual)
        if before is not None and abs(bitrate - before.bitrate) * 4 < before.bitrate:
            bitrate = before.bitrate
        layers.append(
            SaidLayer(layer.rid, line.ssrc, line.rtx_ssrc, layer.width, layer.height, bitrate, layer.available)
        )
    return Said(told.number, told.version, told.track.id, told.codec.payload_type, tuple(layers))
