"""What several workers report of one room as one report.

The first worker has everybody's publish connection and all tracks as they come from their publishers. The others have
some of the subscribe connections, and to them the tracks come from another worker.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from protocol.control import PeerReport, RoomReport, TrackReport
from protocol.statistics import Statistics


def merged(first: RoomReport, others: Iterable[RoomReport]) -> RoomReport:
    """The first worker's report with what the others know of those who view there."""
    others = list(others)
    if not others:
        return first
    peers = {peer.peer: peer for peer in first.peers}
    viewers: dict[str, int] = {}
    forwarded: dict[str, int] = {}
    for report in others:
        for track in report.tracks:
            viewers[track.track] = viewers.get(track.track, 0) + track.viewers
            forwarded[track.track] = forwarded.get(track.track, 0) + track.forwarded
        for peer in report.peers:
            peers[peer.peer] = _both(peers.get(peer.peer), peer)
    return replace(
        first,
        tracks=tuple(_of_all(track, viewers, forwarded) for track in first.tracks),
        peers=tuple(peers.values()),
    )


def _of_all(track: TrackReport, viewers: dict[str, int], forwarded: dict[str, int]) -> TrackReport:
    """`forwarded` counts what went to the other workers as well, each packet once."""
    return replace(
        track,
        viewers=track.viewers + viewers.get(track.track, 0),
        forwarded=track.forwarded + forwarded.get(track.track, 0),
    )


def _both(sends: PeerReport | None, views: PeerReport) -> PeerReport:
    if sends is None or sends.subscribe is not None:
        return views if sends is None else sends
    return replace(
        views, publish=sends.publish, loss_up=sends.loss_up, up_bytes=sends.up_bytes, score_up=sends.score_up
    )


def merged_statistics(first: Statistics, views: Statistics) -> Statistics:
    """What somebody sends, as the first worker measures it, and what they receive at another."""
    return replace(first, down=views.down, received=views.received)
