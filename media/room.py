"""One room inside the worker: its routes as the server last said them, and the connections of its peers.

The routes are desired state. `apply` brings the room there: what is closed by them is closed when it returns. Opening
may take longer: viewers are offered new tracks in slices, so that a room of thousands does not hold the loop.
"""

from __future__ import annotations

from media.ingest import Uplink
from media.loudness import Loudness
from media.subscription import Subscription
from media.track import Track
from media.transport import PeerName
from protocol.control import Level as SpeakerLevel
from protocol.control import PeerReport, RoomReport, Routes, Speakers, TrackReport, TrackRoute

# As many as a page shows; the message goes to everybody in the room.
MAX_SPEAKERS = 8


class Room:
    """Routes, tracks and connections of one room. `to_show`: peers whose subscription must look at the tracks again."""

    def __init__(self, id: str, epoch: int) -> None:
        self.id = id
        self.epoch = epoch
        self.version = -1
        self.peers: dict[str, str] = {}
        self.names: dict[str, PeerName] = {}
        self.tracks: dict[str, Track] = {}
        self.uplinks: dict[str, Uplink] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.loudness: Loudness[str] = Loudness()
        self.to_show: dict[str, None] = {}
        self._said: tuple[SpeakerLevel, ...] = ()
        self._bytes: dict[str, tuple[int, int]] = {}

    @property
    def position(self) -> tuple[int, int]:
        """Where the routes are: (epoch, version)."""
        return self.epoch, self.version

    # --- routes -----------------------------------------------------------------------------------

    def apply(self, routes: Routes, now: float) -> list[str]:
        """Become what the routes say. Returns the peers that are gone: the caller closes their connections."""
        self.epoch, self.version = routes.epoch, routes.version
        gone_tracks, gone_peers = list(routes.gone_tracks), list(routes.gone_peers)
        if routes.base is None:
            listed = {route.track for route in routes.tracks}
            gone_tracks += [id for id in self.tracks if id not in listed]
            gone_peers += [peer for peer in self.peers if peer not in routes.peers]
        for id in gone_tracks:
            self._remove_track(id)
        for route in routes.tracks:
            self._set_track(route, now)
        left = [peer for peer in gone_peers if self.peers.pop(peer, None) is not None]
        for peer, group in routes.peers.items():
            if self.peers.get(peer) != group:
                self.peers[peer] = group
                self.names.setdefault(peer, PeerName(self.id, peer))
                self._regroup(peer)
        for peer in left:
            self.names.pop(peer, None)
            self.to_show.pop(peer, None)
            self._bytes.pop(peer, None)
        return left

    def _remove_track(self, id: str) -> None:
        track = self.tracks.pop(id, None)
        if track is None:
            return
        track.open = False
        track.hold()
        track.downlinks.clear()
        track.pending.clear()
        uplink = self.uplinks.get(track.peer)
        if uplink is not None:
            uplink.unbind(track)
        if not track.is_video:
            self.loudness.forget(track.peer)
        self._changed_for(track.to)

    def _set_track(self, route: TrackRoute, now: float) -> None:
        to = frozenset(route.to)
        track = self.tracks.get(route.track)
        if track is not None and (track.peer, track.source) != (route.peer, route.source):
            self._remove_track(route.track)
            track = None
        if track is None:
            self.tracks[route.track] = Track(route.track, route.peer, route.source, route.open, to)
            return  # it is shown to its viewers when its publisher's offer has bound it
        track.set_open(route.open, now)
        if not route.open and not track.is_video:
            self.loudness.forget(track.peer)
        if track.to != to:
            before, track.to = track.to, to
            for downlink in list(track.downlinks):
                if self.peers.get(downlink.transport.peer.peer) not in to:
                    track.detach(downlink)
            self._changed_for(before | to)

    def _regroup(self, peer: str) -> None:
        """A peer has come, or is in another group: what it must not see any more ends now."""
        subscription = self.subscriptions.get(peer)
        if subscription is not None:
            subscription.hide_others(self.visible(peer))
            self.to_show[peer] = None

    def _changed_for(self, groups: frozenset[str]) -> None:
        for peer in self.subscriptions:
            if self.peers.get(peer) in groups:
                self.to_show[peer] = None

    def bound(self, track: Track) -> None:
        """The track has a codec now, or another one: its viewers are to be offered it."""
        self._changed_for(track.to)

    def visible(self, peer: str) -> list[Track]:
        """The tracks a peer is to see: those routed to its group, never its own, and only with a known codec."""
        group = self.peers.get(peer)
        return [
            track
            for track in self.tracks.values()
            if group in track.to and track.peer != peer and track.codec is not None
        ]

    def show_some(self, limit: int, now: float) -> None:
        """Let some of the subscriptions that must look at the tracks again do so."""
        while self.to_show and limit > 0:
            peer = next(iter(self.to_show))
            del self.to_show[peer]
            limit -= 1
            subscription = self.subscriptions.get(peer)
            if subscription is not None:
                subscription.show(self.visible(peer), now)

    # --- reports ----------------------------------------------------------------------------------

    def level(self, peer: str, level: int, voice: bool, now: float) -> None:
        """An audio level of an open track."""
        self.loudness.heard(peer, level, voice, now)

    def speakers(self, now: float) -> Speakers | None:
        """Who speaks, when that has changed since the last call."""
        loud = self.loudness.speakers(now)[:MAX_SPEAKERS]
        levels = tuple(SpeakerLevel(peer=peer, level=level) for peer, level in loud)
        if levels == self._said:
            return None
        self._said = levels
        return Speakers(room=self.id, speakers=levels)

    def report(self) -> RoomReport | None:
        """The counters of tracks and peers, `None` for a room without connections."""
        peers = tuple(self._peer_report(peer) for peer in {**self.uplinks, **self.subscriptions})
        if not peers:
            return None
        tracks = tuple(
            TrackReport(
                track=track.id,
                received=track.received,
                received_bytes=track.received_bytes,
                lost=track.lost,
                forwarded=track.forwarded,
                dropped=track.dropped,
            )
            for track in self.tracks.values()
        )
        return RoomReport(room=self.id, tracks=tracks, peers=peers)

    def _peer_report(self, peer: str) -> PeerReport:
        uplink, subscription = self.uplinks.get(peer), self.subscriptions.get(peer)
        up = uplink.transport if uplink is not None else None
        down = subscription.transport if subscription is not None else None
        totals = (up.bytes_in if up else 0, down.bytes_out if down else 0)
        before = self._bytes.get(peer, (0, 0))
        self._bytes[peer] = totals
        rtt: float | None = None
        if subscription is not None and subscription.feedback.rtt is not None:
            rtt = subscription.feedback.rtt
        elif up is not None and up.state is not None:
            rtt = up.rtt
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
        )
