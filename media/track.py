"""A published track inside the worker: what the routes say of it, its layers, and who sees it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from media.bandwidth.offers import offers
from media.codecs import Canonical
from media.keyframe import Detector, detector
from media.layer import Layer
from media.limits import Limits
from media.loudness import Voice
from media.picture import Measure, measure
from media.scalable import Reader, reader_of
from media.spatial import NAMES, Carrier
from media.wanted import Need, Wanted
from protocol.names import KIND_OF, MediaKind, Source

if TYPE_CHECKING:
    from media.egress import Downlink


# A layer's bitrate is measured each half second.
OFFERED_EVERY = 0.5
# Of what is watched nothing comes in any layer: then all are asked for.
STALLED = 1.0


class Track:
    """State of one track. `layers`: lowest first, never empty. `viewers`: all who are to see it, whatever layer.
    `sources`: what its publisher's streams belong to; the layers, or (SVC) the one that carries them all.
    `usable`: the layers a viewer may choose, and `offered`: what they are and cost; never empty.
    `allowance`: bytes it may still bring in this second, all layers together.

    `ssrcs`: those of the track and of its repetitions at its viewers, where they are free: alike for all, so that their
    packets are. `forwarded_at`: when the last packet was handed to the kernel, monotonic; `None` when none was.
    """

    __slots__ = (
        "_described",
        "_former",
        "_keyframe_interval",
        "_offered_at",
        "allowance",
        "bytes_per_s",
        "codec",
        "dropped",
        "forwarded_at",
        "id",
        "is_video",
        "layers",
        "measure",
        "offered",
        "open",
        "peer",
        "pinned",
        "source",
        "sources",
        "ssrcs",
        "starts_keyframe",
        "to",
        "usable",
        "viewers",
        "voice",
        "wanted",
    )

    def __init__(self, id: str, peer: str, source: Source, open: bool, to: frozenset[str], limits: Limits) -> None:
        self.id = id
        self.peer = peer
        self.source = source
        self.open = open
        self.to = to
        self.pinned = False  # forwarded whoever else is louder
        self.voice: Voice | None = None  # of a microphone that says no audio levels
        self.is_video = KIND_OF[source] is MediaKind.VIDEO
        self.codec: Canonical | None = None
        self.starts_keyframe: Detector = detector("")
        self.measure: Measure = measure("")
        self._keyframe_interval = limits.keyframe_interval_ms / 1000
        self.layers: list[Layer] = [Layer(self, "", self._keyframe_interval)]
        self.sources = self.layers
        self.viewers: dict[Downlink, None] = {}  # a set that keeps its order
        self.ssrcs = secrets.randbits(32), secrets.randbits(32)
        self.bytes_per_s = (limits.video_bitrate if self.is_video else limits.audio_bitrate) // 8
        self.allowance = self.bytes_per_s
        self.wanted = Wanted()
        self.forwarded_at: float | None = None
        self.dropped = 0
        self._offer(0.0)
        self._former = (0, 0, 0, 0)  # the counters of layers it had before
        self._described: tuple[Callable[[], Reader] | None, list[str]] = (None, [])  # what `layers` were made of

    @property
    def received(self) -> int:
        """Packets that came, of all layers."""
        return self._former[0] + sum(layer.received for layer in self.sources)

    @property
    def received_bytes(self) -> int:
        """The same in bytes."""
        return self._former[1] + sum(layer.received_bytes for layer in self.sources)

    @property
    def lost(self) -> int:
        """Packets lost on the way from the publisher and not recovered, of all layers."""
        return self._former[2] + sum(layer.lost for layer in self.sources)

    @property
    def forwarded(self) -> int:
        """Packets sent to viewers."""
        return self._former[3] + sum(layer.forwarded for layer in self.layers)

    def describe(self, codec: Canonical, rids: tuple[str, ...], described: bool, now: float) -> None:
        """The publisher's description has said what it sends: in layers of these names, or in one without a name;
        `described`: with dependency descriptors."""
        self.codec = codec
        self.starts_keyframe = detector(codec.name)
        self.measure = measure(codec.name)
        reader = reader_of(codec.name, described) if not rids else None
        self.wanted.begin(rids or (NAMES if reader is not None else ("",)), now)
        if self._described == (reader, sorted(rids)):
            return
        self._described = reader, sorted(rids)
        viewers = list(self.viewers)
        for downlink in viewers:
            downlink.choose(None, now)
        self._former = (self.received, self.received_bytes, self.lost, self.forwarded)
        for layer in self.layers:
            layer.close()
        if reader is not None:
            carrier = Carrier(self, reader, self._keyframe_interval)
            self.sources, self.layers = [carrier], list(carrier.layers)
        else:
            self.layers = [Layer(self, rid, self._keyframe_interval) for rid in rids or ("",)]
            self.sources = self.layers
        self._offer(now)
        for downlink in viewers:
            downlink.choose(self.usable[-1], now)
            downlink.reconsider(now)

    def layer(self, rid: str) -> Layer | None:
        """The layer of this name; without a name the only one, if it has none."""
        return next((layer for layer in self.layers if layer.rid == rid), None)

    def origin(self, rid: str) -> Layer | None:
        """What a stream of this name belongs to; like `layer`, but among the `sources`."""
        return next((layer for layer in self.sources if layer.rid == rid), None)

    def sized(self, layer: Layer, width: int, height: int) -> None:
        """A key frame says how large the layer's pictures are: that, and not their names, is the layers' order."""
        if (layer.width, layer.height) != (width, height):
            layer.width, layer.height = width, height
            if all(each.height for each in self.layers):
                self.layers.sort(key=_lines)

    def best(self) -> Layer:
        """The highest layer that is live; the lowest when none is."""
        return next((layer for layer in reversed(self.layers) if layer.live), self.layers[0])

    def live_below(self, layer: Layer) -> Layer | None:
        """The highest live layer below this one."""
        below = self.layers[: self.layers.index(layer)]
        return next((each for each in reversed(below) if each.live), None)

    def tick(self, now: float) -> tuple[str, ...] | None:
        """Look at the layers, and let the viewers choose anew where others are to be had. To be called often. Returns
        the names of the layers that the publisher is to send, when it has to be told."""
        come = changed = False
        for layer in self.layers:
            come |= layer.measure(now)
        newest = max(layer.heard_at for layer in self.layers)
        for layer in self.layers:
            changed |= layer.look(newest, now)
        if changed or now - self._offered_at >= OFFERED_EVERY:
            self._offer(now)
        if changed:
            for downlink in list(self.viewers):
                downlink.reconsider(now)
        if come:
            for downlink in list(self.viewers):
                downlink.make_do(now)
        return self._want(newest, now) if self.is_video and self.open else None

    def _want(self, newest: float, now: float) -> tuple[str, ...] | None:
        # The layer that is watched may be one that the publisher's network has just ceased to take.
        stalled = now - newest > STALLED and any(layer.watched for layer in self.layers)
        needs = [Need(layer.rid, layer.watched, layer.available and not stalled) for layer in self.layers]
        rids = self.wanted.look(needs, now)
        if rids is not None:
            for layer in self.layers:
                layer.pause(layer.rid not in rids, now)
        return rids

    def _offer(self, now: float) -> None:
        self._offered_at = now
        self.usable = [layer for layer in self.layers if layer.available] or self.layers[:1]
        self.offered = offers(self.layers, self.usable)

    def set_open(self, open: bool, now: float) -> None:
        """Open or close the route. Closed, nothing is forwarded from this moment; opened, viewers begin at a key
        frame, which is asked for at once."""
        if open == self.open:
            return
        self.open = open
        for layer in self.layers:
            if open:
                layer.open(now)
            else:
                layer.close()

    def end(self) -> None:
        """It is published no more: nobody sees it from this moment."""
        self.open = False
        for downlink in list(self.viewers):
            downlink.choose(None, 0.0)
        self.viewers.clear()
        for layer in self.layers:
            layer.close()

    def attach(self, downlink: Downlink, now: float) -> None:
        """A viewer more; it needs a key frame."""
        if downlink not in self.viewers:
            self.viewers[downlink] = None
            if not self.is_video:
                downlink.choose(self.layers[0], now)

    def detach(self, downlink: Downlink) -> None:
        """A viewer less."""
        if downlink in self.viewers:
            del self.viewers[downlink]
            downlink.choose(None, 0.0)


def _lines(layer: Layer) -> int:
    return layer.height
