"""One received encoding of a track, and who gets it.

A track has one layer, or several: pictures of one camera in different sizes, each complete in itself (simulcast). A
viewer gets one of them at a time. The layers know nothing of one another; a viewer that is to get another one waits
at it for its next key frame, while the layer it has goes on for it (`Downlink.choose`).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from media.cache import PacketCache
from media.cohort import NOTHING, Cohort, Look
from media.frames import FrameMeter
from media.keyframe import KeyframeArbiter

if TYPE_CHECKING:
    from media.egress import Downlink
    from media.stream import Stream
    from media.track import Track

Incoming = tuple[int, int, int, bytes, bool]
"""A packet in its canonical form: (sequence number, timestamp, the header's first two bytes, all that is behind the
header, may a viewer start here)."""

_header = Struct("!HHII").pack

# Audio is not asked for again; its cache only carries a packet to the end of the turn, in which one track of 128
# datagrams at most comes in.
_AUDIO_PACKETS = 128
_VIDEO_PACKETS = 512
# A layer without a packet for so long has been stopped, by the publisher's browser when its network is narrow. A
# camera in the dark still gives five pictures a second.
LIVE_FOR = 0.5
# Where other layers of the track go on, it has been stopped when it misses so many of its own frames, and so long.
MISSES, MISSED_FOR = 4.0, 0.25
# A browser that is asked to send a layer again makes a key frame of it at once. One that does not cannot, and is asked
# again after a while.
WAKES_IN, TRIED_AGAIN_AFTER = 3.0, 15.0
# The bitrate is that of the last second, measured each half second.
MEASURED_EVERY = 0.5


class Layer:
    """State of one layer. `pending`: what came in this turn; `cache`: that, and what came before it. `newest`: the
    highest number forwarded, -1 when nobody can be in step; `newest_at`: when that was, monotonic; `newest_timestamp`:
    which timestamp it had.

    `downlinks`: the viewers who get it; `waiting`: those who will get it from its next key frame on. Of the former
    some are in step, in `cohorts`, and have got what `sent` counts; the others are `behind`.
    `clock`: (unix time at the publisher, RTP timestamp) of its last sender report, in our time.
    `frames`: how its picture moves. `live`: packets come; `heard_at`: the last one. `paused`: its publisher was asked
    not to send it. `available`: a viewer may wait for it; it is live, or fell silent while nobody watched. `bitrate`:
    bit/s; `usual`: while it was live last, smoothed. `elsewhere`: whether one may wait for it, as the worker says that
    it is relayed from; `None` where it comes from its publisher. `width` and `height`: of its last key frame, 0 when
    unknown.
    """

    __slots__ = (
        "_measured",
        "_measured_at",
        "_rate",
        "_seen",
        "_tired_until",
        "_woken_at",
        "available",
        "behind",
        "bitrate",
        "cache",
        "clock",
        "cohorts",
        "downlinks",
        "elsewhere",
        "forwarded",
        "frames",
        "heard_at",
        "height",
        "keyframes",
        "live",
        "lost_before",
        "newest",
        "newest_at",
        "newest_timestamp",
        "paused",
        "pending",
        "received",
        "received_bytes",
        "rid",
        "sent",
        "stream",
        "track",
        "usual",
        "waiting",
        "width",
    )

    def __init__(self, track: Track, rid: str, keyframe_interval: float) -> None:
        self.track = track
        self.rid = rid
        self.stream: Stream | None = None
        self.cache: PacketCache[Incoming] = PacketCache(_VIDEO_PACKETS if track.is_video else _AUDIO_PACKETS)
        self.keyframes = KeyframeArbiter(keyframe_interval)
        self.clock: tuple[float, int] | None = None
        self.pending: list[Incoming] = []
        self.newest = -1
        self.newest_at = 0.0
        self.newest_timestamp = 0
        self.sent = NOTHING
        self.downlinks: dict[Downlink, None] = {}  # sets that keep their order
        self.waiting: dict[Downlink, None] = {}
        self.behind: dict[Downlink, None] = {}
        self.cohorts: dict[Look, Cohort] = {}
        self.received = 0
        self.received_bytes = 0
        self.forwarded = 0
        self.lost_before = 0  # of earlier streams (the publisher reloaded)
        self.frames = FrameMeter()
        self.live = self.available = self.paused = False
        self.bitrate = 0
        self.usual = 0.0
        self.elsewhere: bool | None = None
        self._woken_at = self._tired_until = 0.0
        self.width = self.height = 0
        self._seen = 0
        self.heard_at = 0.0
        self._measured = 0
        self._measured_at = 0.0
        self._rate = 0.0

    @property
    def lost(self) -> int:
        """Packets lost on the way from the publisher, recovered ones not counted, since the layer began."""
        return self.lost_before + (max(0, self.stream.loss.lost - self.stream.recovered) if self.stream else 0)

    @property
    def source(self) -> Layer:
        """What its packets come from: two of one source have the same clock and the same picture ids."""
        return self

    @property
    def watched(self) -> bool:
        """Whether its packets are needed."""
        return bool(self.downlinks or self.waiting)

    def packet(self, seq: int) -> bytes | None:
        """Packet `seq` as long as it is kept, under no SSRC."""
        kept = self.cache.get(seq)
        if kept is None:
            return None
        _, timestamp, words, rest, _ = kept
        return _header(words, seq, timestamp, 0) + rest

    # --- what comes in ----------------------------------------------------------------------------

    def begin(self, stream: Stream, now: float) -> None:
        """The layer's packets come under this SSRC from now on: a new sequence and a new clock."""
        self.lost_before = self.lost
        self.hold(new_clock=True)
        if self.stream is not None:
            self.stream.replaced_at = now
        self.stream = stream
        self.clock = None
        self.pending.clear()
        self.newest = -1
        self.cache.clear()
        if self.watched:
            self.keyframes.request(now)

    def end(self) -> None:
        """The stream is gone; the layer may come back with another."""
        self.lost_before = self.lost
        self.stream = None
        self.pending.clear()

    def close(self) -> None:
        """Nothing of it is forwarded from now on."""
        self.pending.clear()
        self.hold()
        self.cache.clear()
        self.keyframes.withdraw()
        self.frames.pause()

    def open(self, now: float) -> None:
        """It is forwarded again: viewers begin at a key frame, which is asked for at once."""
        self.pending.clear()
        self.newest = -1
        if self.stream is not None:
            self.stream.reset()
        if self.watched:
            self.keyframes.request(now)

    def measure(self, now: float) -> bool:
        """Look whether it is live, and at which bitrate; to be called often. Returns whether it has come to life."""
        before = self.live
        if self.received != self._seen:
            self._seen = self.received
            self.heard_at = now
            self.live = True
        elif before and now - self.heard_at > LIVE_FOR:
            self._stop()
        passed = now - self._measured_at
        if passed >= MEASURED_EVERY and self.live:
            rate = 8 * (self.received_bytes - self._measured) / passed
            if before:
                self.bitrate = int((rate + self._rate) / 2 if self._rate else rate)
                self._rate = rate
                self.usual += (rate - self.usual) / 4 if self.usual else rate
            self._measured = self.received_bytes
            self._measured_at = now
        return self.live and not before

    def _stop(self) -> None:
        self.live = False
        self.bitrate = 0
        self._rate = 0.0
        if self.paused:
            self.frames.pause()

    def look(self, newest: float, now: float) -> bool:
        """Look whether one may wait for it; `newest`: when the track was heard last, in any layer. Returns whether that
        has changed."""
        before = self.available
        left_behind = newest - self.heard_at > min(LIVE_FOR, max(MISSED_FOR, MISSES * self.frames.usual))
        if self.live and left_behind:
            self._stop()
        if self.live:
            self.available = True
        elif self.elsewhere is not None:
            self.available = self.elsewhere
        elif before and left_behind:
            # The others go on. The publisher's network does not take this one, or it has been told that nobody watches.
            if not self.watched:
                return False
            self.available = now - self._woken_at < WAKES_IN
            self._tired_until = now + TRIED_AGAIN_AFTER
        elif not before and self.usual and not self.watched:
            self.available = now > self._tired_until
        return self.available is not before

    def relayed(self, available: bool, bitrate: int) -> None:
        """What the worker says that it is relayed from: here it comes only while somebody gets it."""
        self.elsewhere = available
        if not self.live and bitrate:
            self.usual = float(bitrate)

    def pause(self, paused: bool, now: float) -> None:
        """Its publisher is asked not to send it, or to send it."""
        if self.paused and not paused:
            self._woken_at = now  # also where it has not fallen silent yet
        self.paused = paused

    def interrupt(self) -> None:
        """More is missing than can be asked for: viewers begin anew, with numbers that go on."""
        self.hold()
        self.cache.clear()

    # --- who gets it ------------------------------------------------------------------------------

    def hold(self, *, new_clock: bool = False) -> None:
        """Make every viewer wait for a packet it can start at."""
        for downlink in self.downlinks:
            downlink.hold(new_clock=new_clock)

    def add(self, downlink: Downlink, now: float, *, waiting: bool = False) -> None:
        """A viewer more, now or from the next key frame on."""
        if not self.watched:
            if not self.live:
                self._woken_at = now
            self._begin_anew()
        if waiting:
            self.waiting[downlink] = None
        else:
            self._let_in(downlink)
        if self.track.open:
            self.keyframes.request(now)

    def remove(self, downlink: Downlink) -> None:
        """A viewer less."""
        if self.downlinks.pop(downlink, self) is None:
            self.fall_behind(downlink)
            del self.behind[downlink]
        self.waiting.pop(downlink, None)
        if not self.watched:
            self._deserted()

    def _begin_anew(self) -> None:
        """Somebody watches it again: what came while nobody did was not kept. What was kept before that may be half a
        round of the numbers ago, where it would look newer than what comes now."""
        self.newest = -1
        self.cache.clear()
        if self.stream is not None:
            self.stream.reset()

    def _deserted(self) -> None:
        """Nobody watches it any more."""
        self.keyframes.withdraw()
        self.pending.clear()

    def switch(self) -> None:
        """A key frame begins in what is pending: whoever waits for it gets this layer from there on."""
        waiting, self.waiting = self.waiting, {}
        for downlink in waiting:
            self._let_in(downlink)
            downlink.move(self)

    def _let_in(self, downlink: Downlink) -> None:
        self.downlinks[downlink] = None
        self.behind[downlink] = None

    # --- who is in step ---------------------------------------------------------------------------

    def catch_up(self, downlink: Downlink) -> None:
        """It has got the newest packet: from here on it is in step, if it is still to get anything."""
        outbound = downlink.transport.outbound
        if downlink.cohort is not None or outbound is None:
            return
        look = downlink.look(outbound.tag)
        cohort = self.cohorts.get(look)
        if cohort is None:
            cohort = self.cohorts[look] = Cohort(look)
        del self.behind[downlink]
        cohort.add(downlink, self.sent.span - downlink.span)
        downlink.cohort = cohort
        downlink.joined = self.sent

    def fall_behind(self, downlink: Downlink) -> None:
        """It is looked at by itself from here on. One that is not in step stays as it is."""
        cohort = downlink.cohort
        if cohort is None:
            return
        downlink.settle()
        downlink.cohort = None
        cohort.remove(downlink)
        if not cohort.members:
            del self.cohorts[cohort.look]
        self.behind[downlink] = None

    def break_step(self, oldest: int) -> None:
        """A packet comes late: whoever began behind it is looked at by itself, for this turn at least. `oldest`: where
        it stands, counted as `sent.span`."""
        for cohort in [cohort for cohort in self.cohorts.values() if cohort.began > oldest]:
            for downlink in list(cohort.members):
                self.fall_behind(downlink)
