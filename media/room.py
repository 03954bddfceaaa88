"""One room inside the worker: its routes as the server last said them, and the connections of its peers.

The routes are desired state. `apply` brings the room there: what is closed by them is closed when it returns. Opening
may take longer: viewers are offered new tracks in slices, so that a room of thousands does not hold the loop.
"""

from __future__ import annotations

from media.ingest import Uplink
from media.lastn import LastN
from media.layer import Layer
from media.limits import Limits
from media.link import Link
from media.loudness import Loudness, Voice
from media.statistics import Measures
from media.subscription import Subscription
from media.track import Track
from media.transport import PeerName
from protocol.control import Level as SpeakerLevel
from protocol.control import RoomReport, Routes, Speakers, TrackRoute
from protocol.names import Source
from protocol.statistics import Statistics

# As many as a page shows; the message goes to everybody in the room.
MAX_SPEAKERS = 8
# What a microphone without audio levels counts as, in -dBov: it is heard, and gives way to who is known to speak.
_UNKNOWN_LEVEL = 40


class Room:
    """Routes, tracks and connections of one room. `to_show`: peers whose subscription must look at the tracks again;
    `ready`: layers with packets to be forwarded in this turn; `heights`: what peers say they look at (`Prefer`);
    `repeating`: to whom something is to be sent again yet; `restless`: whose pictures are thought over
    again and again; `links`: the nodes that have the room; `owners`: those that speak for its peers; `kept_until`:
    no node has it, and this is when it is closed (media/links.py); `source`: what is relayed from another worker
    (`relay/`)."""

    def __init__(self, id: str, epoch: int, limits: Limits) -> None:
        self.id = id
        self.epoch = epoch
        self._limits = limits
        self.version = -1
        self.peers: dict[str, str] = {}
        self.names: dict[str, PeerName] = {}
        self.tracks: dict[str, Track] = {}
        self.uplinks: dict[str, Uplink] = {}
        self.source: Uplink | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.loudness: Loudness[str] = Loudness()
        self._lastn: dict[frozenset[str], LastN[str]] = {}  # by the groups that microphones go to
        self.to_show: dict[str, None] = {}
        self.ready: dict[Layer, None] = {}  # a set that keeps its order
        self.repeating: dict[Subscription, None] = {}
        self.restless: dict[str, Subscription] = {}
        self.heights: dict[str, dict[str, int]] = {}
        self.links: set[Link] = set()
        self.owners: dict[str, Link] = {}
        self.kept_until: float | None = None
        self._said: tuple[SpeakerLevel, ...] = ()
        self._told: tuple[SpeakerLevel, ...] | None = ()
        self._measures = Measures()

    @property
    def position(self) -> tuple[int, int]:
        """Where the routes are: (epoch, version)."""
        return self.epoch, self.version

    # --- routes -----------------------------------------------------------------------------------

    def apply(self, routes: Routes, now: float, closed: dict[str, float]) -> list[str]:
        """Become what the routes say. Returns the peers that are gone: the caller closes their connections. The tracks
        that go to nobody, or to fewer groups, from now on are noted in `closed` (`RoutesApplied`)."""
        self.epoch, self.version = routes.epoch, routes.version
        gone_tracks, gone_peers = list(routes.gone_tracks), list(routes.gone_peers)
        if routes.base is None:
            listed = {route.track for route in routes.tracks}
            gone_tracks += [id for id in self.tracks if id not in listed]
            gone_peers += [peer for peer in self.peers if peer not in routes.peers]
        for id in gone_tracks:
            self._remove_track(id, now, closed)
        for route in routes.tracks:
            self._set_track(route, now, closed)
        left = [peer for peer in gone_peers if self.peers.pop(peer, None) is not None]
        for peer, group in routes.peers.items():
            if self.peers.get(peer) != group:
                self.peers[peer] = group
                self.names.setdefault(peer, PeerName(self.id, peer))
                self._regroup(peer)
        for peer in left:
            self.names.pop(peer, None)
            self.to_show.pop(peer, None)
            self.heights.pop(peer, None)
        return left

    def _remove_track(self, id: str, now: float, closed: dict[str, float]) -> None:
        track = self.tracks.pop(id, None)
        if track is None:
            return
        if track.open:
            closed[id] = _age(track, now)
        track.end()
        for uplink in (self.uplinks.get(track.peer), self.source):
            if uplink is not None:
                uplink.unbind(track)
        self._unheard(track)
        self._changed_for(track.to)

    def _set_track(self, route: TrackRoute, now: float, closed: dict[str, float]) -> None:
        to = frozenset(route.to)
        track = self.tracks.get(route.track)
        if track is not None and (track.peer, track.source) != (route.peer, route.source):
            self._remove_track(route.track, now, closed)
            track = None
        if track is None:
            track = self.tracks[route.track] = Track(
                route.track, route.peer, route.source, route.open, to, self._limits
            )
            track.pinned = route.pinned
            return  # it is shown to its viewers when its publisher's offer has bound it
        if track.open and (not route.open or not track.to <= to):
            closed[track.id] = _age(track, now)
        track.set_open(route.open, now)
        if not route.open:
            self._unheard(track)
        if track.pinned != route.pinned or track.to != to:
            self._leave(track)
            track.pinned = route.pinned
        if track.to != to:
            before, track.to = track.to, to
            for downlink in list(track.viewers):
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
        return [track for track in self.tracks.values() if track.codec is not None and self.sees(peer, track)]

    def sees(self, peer: str, track: Track) -> bool:
        """Whether the routes send this track to this peer."""
        return self.peers.get(peer) in track.to and track.peer != peer

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

    def heard(self, track: Track, level: int, now: float) -> bool:
        """A packet of an open microphone has come, with this audio level (the byte of RFC 6464, -1: none). Is it
        forwarded?"""
        voice: Voice | None
        if level >= 0:
            voice = self.loudness.heard(track.peer, level & 0x7F, level & 0x80 != 0, now)
        else:
            voice = track.voice = track.voice or Voice(now)
            voice.hear(_UNKNOWN_LEVEL, True, now)
        if track.pinned:
            return True
        lastn = self._lastn.get(track.to)
        if lastn is None:
            lastn = self._lastn[track.to] = LastN(self._limits.audio_tracks, self._limits.audio_everybody)
        return voice is not None and lastn.admits(track.id, voice, now)

    def heard_elsewhere(self, track: Track, level: int, now: float) -> bool:
        """A packet of a microphone that is relayed has come: where its publisher is connected it was among the loudest,
        and it is not chosen from again."""
        if level >= 0:
            self.loudness.heard(track.peer, level & 0x7F, level & 0x80 != 0, now)
        return True

    def _unheard(self, track: Track) -> None:
        """The track is closed or gone."""
        if track.source is Source.AUDIO:
            self.loudness.forget(track.peer)
            self._leave(track)

    def _leave(self, track: Track) -> None:
        lastn = self._lastn.get(track.to)
        if lastn is not None and not lastn.leave(track.id):
            del self._lastn[track.to]

    def speakers(self, now: float) -> Speakers | None:
        """Who speaks, when that has changed since the last call."""
        loud = self.loudness.speakers(now)[:MAX_SPEAKERS]
        levels = tuple(SpeakerLevel(peer=peer, level=level) for peer, level in loud)
        self._said = levels
        if levels == self._told:
            return None
        self._told = levels
        return Speakers(room=self.id, speakers=levels)

    def tell_speakers_again(self) -> None:
        """Somebody has come who was not told."""
        self._told = () if not self._said else None

    def speaker(self) -> str:
        """Who speaks now, the loudest; nobody is the empty word."""
        return self._said[0].peer if self._said else ""

    def report(self, now: float) -> RoomReport | None:
        """The counters of tracks and peers, `None` for a room without connections."""
        return self._measures.report(self, now)

    def statistics(self, peer: str, now: float) -> Statistics:
        """What is measured of one peer, now."""
        return self._measures.statistics(self, peer, now)


def _age(track: Track, now: float) -> float:
    """How long ago the track's last packet went out, in ms; -1 when none did."""
    at = track.forwarded_at
    return -1.0 if at is None else round(max(0.0, now - at) * 1000, 3)
