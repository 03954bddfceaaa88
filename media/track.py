"""A published track inside the worker: what the routes say of it, what is received of it, and who gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.cache import PacketCache
from media.codecs import Canonical
from media.keyframe import Detector, KeyframeArbiter, detector
from protocol.names import KIND_OF, MediaKind, Source

if TYPE_CHECKING:
    from media.egress import Downlink
    from media.ingest import Stream

# Audio is not asked for again; its cache only carries a packet to the end of the turn, in which one track of 128
# datagrams at most comes in.
_AUDIO_PACKETS = 128
_VIDEO_PACKETS = 512


class Track:
    """State of one track. `pending`: (sequence number, timestamp, length, may a viewer start here) of this turn.

    `clock`: (unix time at the publisher, RTP timestamp) of its last sender report, in our time.
    """

    __slots__ = (
        "cache",
        "clock",
        "codec",
        "downlinks",
        "dropped",
        "forwarded",
        "id",
        "is_video",
        "keyframes",
        "lost_before",
        "open",
        "peer",
        "pending",
        "received",
        "received_bytes",
        "source",
        "starts_keyframe",
        "stream",
        "to",
    )

    def __init__(self, id: str, peer: str, source: Source, open: bool, to: frozenset[str]) -> None:
        self.id = id
        self.peer = peer
        self.source = source
        self.open = open
        self.to = to
        self.is_video = KIND_OF[source] is MediaKind.VIDEO
        self.codec: Canonical | None = None
        self.starts_keyframe: Detector = detector("")
        self.stream: Stream | None = None
        self.cache = PacketCache(_VIDEO_PACKETS if self.is_video else _AUDIO_PACKETS)
        self.keyframes = KeyframeArbiter()
        self.clock: tuple[float, int] | None = None
        self.pending: list[tuple[int, int, int, bool]] = []
        self.downlinks: dict[Downlink, None] = {}  # a set that keeps its order
        self.received = 0
        self.received_bytes = 0
        self.forwarded = 0
        self.dropped = 0
        self.lost_before = 0  # of earlier streams (the publisher reloaded)

    @property
    def lost(self) -> int:
        """Packets lost on the way from the publisher, recovered ones not counted, since the track began."""
        return self.lost_before + (max(0, self.stream.loss.lost - self.stream.recovered) if self.stream else 0)

    def set_codec(self, codec: Canonical) -> None:
        """The publisher's description has said what it sends."""
        self.codec = codec
        self.starts_keyframe = detector(codec.name)

    def begin(self, stream: Stream) -> None:
        """The track's packets come under this SSRC from now on: a new sequence and a new clock."""
        self.lost_before = self.lost
        self.stream = stream
        self.clock = None
        self.pending.clear()
        self.cache.clear()
        self.hold(new_clock=True)

    def end(self) -> None:
        """The stream is gone; the track may come back with another."""
        self.lost_before = self.lost
        self.stream = None
        self.pending.clear()

    def set_open(self, open: bool, now: float) -> None:
        """Open or close the route. Closed, nothing is forwarded from this moment; opened, viewers begin at a key
        frame, which is asked for at once."""
        if open == self.open:
            return
        self.open = open
        self.pending.clear()
        if open:
            if self.stream is not None:
                self.stream.reset()
            self.keyframes.request(now)
        else:
            self.cache.clear()
            self.keyframes.withdraw()
            self.hold()

    def hold(self, *, new_clock: bool = False) -> None:
        """Make every viewer wait for a packet it can start at."""
        for downlink in self.downlinks:
            downlink.hold(new_clock=new_clock)

    def attach(self, downlink: Downlink, now: float) -> None:
        """A viewer more; it needs a key frame."""
        if downlink not in self.downlinks:
            downlink.hold()
            self.downlinks[downlink] = None
            if self.open:
                self.keyframes.request(now)

    def detach(self, downlink: Downlink) -> None:
        """A viewer less."""
        if downlink in self.downlinks:
            del self.downlinks[downlink]
            downlink.hold()
            if not self.downlinks:
                self.keyframes.withdraw()
