"""What is measured of one room: the report of each two seconds, and one peer's statistics when somebody asks.

Whatever is measured per packet is counted where the packet passes; here it is only read. The intervals of layers are
those between two reports, so an answer in between repeats the last one's scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from media import score
from media.tcp import connection_of
from protocol.control import PeerReport, RoomReport
from protocol.statistics import LayerReport, PathReport, ReceivedTrack, Statistics, TrackReport

if TYPE_CHECKING:
    from media.egress import Downlink
    from media.layer import Layer
    from media.room import Room
    from media.securepath import SecurePath
    from media.subscription import Subscription, ViewerLine
    from media.track import Track


# Browsers report on sound each five seconds and on pictures each second. What is older is of something that is over.
FRESH = 7.0


class _Interval:
    """A layer's counters at the last report, and what has become of them since the one before."""

    __slots__ = ("_frames", "_lost", "_received", "_still", "fps", "loss", "received", "still")

    def __init__(self) -> None:
        self._received = self._lost = self._frames = 0
        self._still = 0.0
        self.received = 0
        self.loss = self.fps = self.still = 0.0

    def end(self, layer: Layer, now: float, seconds: float) -> None:
        """One more interval is over."""
        layer.frames.look(now)
        self.received = layer.received - self._received
        lost = max(0, layer.lost - self._lost)
        self.loss = 100.0 * lost / (self.received + lost) if self.received > 0 else 0.0
        self.fps = (layer.frames.frames - self._frames) / seconds if seconds > 0.0 else 0.0
        self.still = layer.frames.still - self._still
        self._received, self._lost = layer.received, layer.lost
        self._frames, self._still = layer.frames.frames, layer.frames.still

    def score(self, layer: Layer, rtt: float, seconds: float) -> float:
        """How good the layer is that arrives here; 0 when nothing did."""
        if layer.stream is None or self.received <= 0 or seconds <= 0.0:
            return 0.0
        if not layer.track.is_video:
            return score.speech(self.loss, rtt, layer.stream.loss.jitter)
        # What nobody looks at is not asked for again: it is judged as if it had been, once.
        loss = self.loss if layer.watched else self.loss * self.loss / 100.0
        return score.picture(loss, self.still / seconds)


class Measures:
    """What one room remembers from one report to the next."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._now = 0.0
        self._layers: dict[Layer, _Interval] = {}
        self._scores: dict[str, float] = {}
        self._sent: dict[str, float] = {}  # the worst of each peer's
        self._bytes: dict[str, tuple[int, int]] = {}
        self._reported = False

    def report(self, room: Room, now: float) -> RoomReport | None:
        """The room's report; `None` for a room without connections, once it has been said that there are none."""
        seconds = now - self._at if self._at is not None else 0.0
        self._at = self._now = now
        layers = [layer for track in room.tracks.values() for layer in track.layers]
        self._layers = {layer: self._layers.get(layer) or _Interval() for layer in layers}
        for layer, interval in self._layers.items():
            interval.end(layer, now, seconds)
        self._scores = {track.id: self._score(room, track, seconds) for track in room.tracks.values()}
        self._sent = {}
        for track in room.tracks.values():
            if found := self._scores[track.id]:
                self._sent[track.peer] = min(found, self._sent.get(track.peer, found))
        connected = {**room.uplinks, **room.subscriptions}
        totals = {peer: _totals(room, peer) for peer in connected}
        peers = tuple(self._peer(room, peer, totals[peer]) for peer in connected)
        self._bytes = totals
        if not peers and not self._reported:
            return None
        self._reported = bool(peers)
        tracks = tuple(self._track(track) for track in room.tracks.values()) if peers else ()
        return RoomReport(room=room.id, tracks=tracks, peers=peers)

    def statistics(self, room: Room, peer: str, now: float) -> Statistics:
        """All that is known of one peer now."""
        self._now = now
        uplink, subscription = room.uplinks.get(peer), room.subscriptions.get(peer)
        bytes_in, bytes_out = totals = _totals(room, peer)
        report = self._peer(room, peer, totals)
        up = down = None
        if uplink is not None and uplink.transport is not None:
            up = _path(uplink.transport, bytes_in, report.rtt_ms, report.loss_up, report.score_up, now)
        received: list[ReceivedTrack] = []
        if subscription is not None:
            transport = subscription.transport
            down = _path(transport, bytes_out, report.rtt_ms, report.loss_down, report.score_down, now)
            controller = subscription.viewer.controller
            if controller is not None and controller.estimator.settled:
                down = replace(down, kbps_limit=round(controller.estimator.bitrate / 1000))
            received = [self._received(room, peer, line.downlink, track) for line, track in _shown(subscription)]
        return Statistics(
            person=peer,
            at=round(now * 1000),
            up=up,
            down=down,
            sent=tuple(self._track(track) for track in room.tracks.values() if track.peer == peer),
            received=tuple(received),
        )

    # --- tracks -----------------------------------------------------------------------------------

    def _score(self, room: Room, track: Track, seconds: float) -> float:
        """Of the best that arrives of a track in this interval; 0 when nothing is to be forwarded of it."""
        if not track.open:
            return 0.0
        rtt = _rtt(room, track.peer) or 0.0
        return max(self._layers[layer].score(layer, rtt, seconds) for layer in track.layers)

    def _track(self, track: Track) -> TrackReport:
        streams = [layer.stream for layer in track.sources if layer.stream is not None]
        best = track.best()
        interval = self._layers.get(best) or _Interval()
        return TrackReport(
            track=track.id,
            received=track.received,
            received_bytes=track.received_bytes,
            lost=track.lost,
            forwarded=track.forwarded,
            dropped=track.dropped,
            open=track.open,
            codec=track.codec.name if track.codec is not None else "",
            repaired=sum(stream.recovered for stream in streams),
            keyframes_asked=sum(layer.keyframes.sent for layer in track.sources),
            viewers=len(track.viewers),
            loss=round(interval.loss, 1),
            jitter_ms=round(best.stream.loss.jitter * 1000, 1) if best.stream is not None else 0.0,
            still_ms=round(interval.still * 1000),
            score=round(self._scores.get(track.id, 0.0), 2),
            layers=tuple(self._layer(layer) for layer in track.layers),
        )

    def _layer(self, layer: Layer) -> LayerReport:
        interval = self._layers.get(layer)
        return LayerReport(
            rid=layer.rid,
            live=layer.live,
            kbps=layer.bitrate // 1000,
            width=layer.width,
            height=layer.height,
            fps=round(interval.fps, 1) if interval is not None and layer.live else 0.0,
        )

    # --- peers ------------------------------------------------------------------------------------

    def _peer(self, room: Room, peer: str, totals: tuple[int, int]) -> PeerReport:
        uplink, subscription = room.uplinks.get(peer), room.subscriptions.get(peer)
        up = uplink.transport if uplink is not None else None
        down = subscription.transport if subscription is not None else None
        before = self._bytes.get(peer, (0, 0))
        rtt = _rtt(room, peer)
        return PeerReport(
            peer=peer,
            publish=up.state if up else None,
            subscribe=down.state if down else None,
            rtt_ms=-1 if rtt is None else round(rtt * 1000),
            loss_up=round(uplink.loss_percent, 1) if uplink else -1.0,
            loss_down=round(subscription.feedback.loss, 1) if subscription else -1.0,
            # A transport that was replaced begins at zero again.
            up_bytes=totals[0] - before[0] if totals[0] >= before[0] else totals[0],
            down_bytes=totals[1] - before[1] if totals[1] >= before[1] else totals[1],
            score_up=round(self._sent.get(peer, 0.0), 2),
            score_down=round(self._downward(room, peer, subscription, rtt or 0.0), 2) if subscription else 0.0,
        )

    def _downward(self, room: Room, peer: str, subscription: Subscription, rtt: float) -> float:
        """The worst of what somebody receives; before anything is sent to them, what their round trip promises."""
        if subscription.transport.state is None:
            return 0.0
        scores = [self._received_score(room, peer, line.downlink, track, rtt) for line, track in _shown(subscription)]
        return min(filter(None, scores), default=None) or score.speech(0.0, rtt, 0.0)

    def _received(self, room: Room, peer: str, downlink: Downlink, track: Track) -> ReceivedTrack:
        report, layer = downlink.report, downlink.layer
        interval = self._layers.get(layer) if layer is not None else None
        wanted = downlink.next or layer
        return ReceivedTrack(
            track=track.id,
            flowing=downlink.flowing,
            packets=downlink.packets,
            bytes=downlink.octets,
            rid=layer.rid if layer is not None else "",
            wanted=wanted.rid if wanted is not None else "",
            repeated=downlink.repeats,
            keyframes_asked=downlink.keyframes_asked,
            loss=-1.0 if downlink.losses is None else round(100 * downlink.losses.share, 1),
            jitter_ms=-1.0 if report is None else round(1000 * report.jitter / downlink.clock_rate, 1),
            width=layer.width if layer is not None else 0,
            height=layer.height if layer is not None else 0,
            fps=round(interval.fps, 1) if interval is not None and downlink.flowing else 0.0,
            score=round(self._received_score(room, peer, downlink, track, _rtt(room, peer) or 0.0), 2),
        )

    def _received_score(self, room: Room, peer: str, downlink: Downlink, track: Track, rtt: float) -> float:
        """Of one track at one viewer; 0 where nothing is to be seen, or not reported on yet."""
        layer, report = downlink.layer, downlink.report
        if not track.open:
            return 0.0
        wish = room.heights.get(peer, {}).get(track.id)
        best = track.best()
        if layer is None:
            # A picture that is looked at and not sent is one that their network does not carry.
            return score.picture(0.0, 0.0, 0.0) if track.is_video and best.live and wish != 0 else 0.0
        if not downlink.flowing or report is None or self._now - downlink.reported_at > FRESH:
            return 0.0
        lost = downlink.losses.share if downlink.losses is not None else 0.0
        if not track.is_video:
            # With redundancy a frame is missing only when its packet and the next are.
            missing = lost * lost if downlink.redundant else lost
            return score.speech(100 * missing, rtt, report.jitter / downlink.clock_rate)
        # What is lost is asked for again, where the viewer can: it is missing when that is lost as well.
        missing = lost * lost if downlink.rtx_payload_type else lost
        wanted = min(best.height, wish) if wish else best.height
        return score.picture(100 * missing, 0.0, layer.height / wanted if layer.height and wanted else 1.0)


def _shown(subscription: Subscription) -> list[tuple[ViewerLine, Track]]:
    """The m-lines that carry something now."""
    return [(line, line.track) for line in subscription.lines if line.track is not None and not line.ended]


def _totals(room: Room, peer: str) -> tuple[int, int]:
    """Bytes that came from a peer, and that were sent to them, since the connections began."""
    uplink, subscription = room.uplinks.get(peer), room.subscriptions.get(peer)
    up = uplink.transport if uplink is not None else None
    return (up.bytes_in if up is not None else 0, subscription.bytes_out if subscription is not None else 0)


def _rtt(room: Room, peer: str) -> float | None:
    """Seconds, as the viewer's reports tell it all the time, or as the publisher's handshake told it once."""
    subscription, uplink = room.subscriptions.get(peer), room.uplinks.get(peer)
    if subscription is not None and subscription.feedback.rtt is not None:
        return subscription.feedback.rtt
    if uplink is not None and uplink.transport is not None and uplink.transport.state is not None:
        return uplink.transport.rtt
    return None


def _path(transport: SecurePath, octets: int, rtt_ms: int, loss: float, worst: float, now: float) -> PathReport:
    return PathReport(
        state=transport.state,
        network="udp" if transport.address is None or connection_of(transport.address) is None else "tcp",
        bytes=octets,
        rtt_ms=rtt_ms,
        loss=loss,
        silent_ms=round(max(0.0, now - transport.heard) * 1000),
        score=worst,
    )
