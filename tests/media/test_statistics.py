"""What is measured of a room: of a publisher's tracks and layers, of a viewer's, and who is to blame for what."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from media import rtcp
from protocol.control import Failed, RoomReport, RoutesWanted, Stats, StatsWanted
from protocol.statistics import Statistics, TrackReport, TransportState
from tests.media.wire import DELTA, KEYFRAME, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


def reported(wire: Wire, at: float) -> RoomReport:
    found = wire.room.report(at)
    assert found is not None
    return found


def sent(wire: Wire, at: float, name: str) -> TrackReport:
    return next(track for track in reported(wire, at).tracks if track.track == f"anna/{name}")


def asked(wire: Wire, peer: str) -> Statistics:
    """The worker's answer to a question about somebody."""
    wire.router.stats_wanted(StatsWanted(request=7, room="r", peer=peer))
    answer = wire.said[-1]
    assert isinstance(answer, Stats) and answer.request == 7
    return answer.statistics


def blocks(wire: Wire, *losses: tuple[int, int, int]) -> None:
    """A report of the viewer: downlink SSRC, the highest number, how many it lacks in all."""
    found = [rtcp.ReportBlock(ssrc, 0, lost, highest, 480, 0, 0) for ssrc, highest, lost in losses]
    wire.from_viewer(rtcp.receiver_report(1, found))


def test_the_scores_of_an_interval_are_of_that_interval(wire: Wire) -> None:
    reported(wire, 100.0)
    for seq in range(1, 101):
        wire.audio(seq)
    # A little below the best: here packets come all at once, which is jitter.
    assert 4.0 < sent(wire, 102.0, "audio").score < 4.45
    for seq in range(101, 201):
        if seq % 5:
            wire.audio(seq)
    worse = sent(wire, 104.0, "audio")
    assert worse.loss == pytest.approx(20.0, abs=1.5) and worse.score < 3.0
    for seq in range(201, 301):
        wire.audio(seq)
    assert sent(wire, 106.0, "audio").score > 4.0
    silent = sent(wire, 108.0, "audio")
    assert silent.score == 0.0, "of nothing nothing is known"
    assert silent.received == 280 and silent.lost == 20


def test_a_closed_track_has_no_score(wire: Wire) -> None:
    reported(wire, 100.0)
    wire.audio(1)
    wire.routes(audio=False)
    found = sent(wire, 102.0, "audio")
    assert found.open is False and found.score == 0.0


def test_what_was_repaired_is_not_lost(wire: Wire) -> None:
    reported(wire, 100.0)
    wire.video(1, KEYFRAME)
    for seq in range(3, 60):
        wire.video(seq)
    wire.video(900, (2).to_bytes(2, "big") + DELTA, ssrc=1001, pt=124)
    found = sent(wire, 102.0, "video")
    assert (found.repaired, found.lost, found.loss) == (1, 0, 0.0) and found.score > 4.9
    assert found.viewers == 1 and found.codec == "VP8" and found.keyframes_asked >= 0
    assert [layer.rid for layer in found.layers] == [""]


def test_what_is_lost_before_the_server_is_not_the_viewers_fault(wire: Wire) -> None:
    reported(wire, 100.0)
    first = wire.audio(1)[0]
    ssrc, begin = first.ssrc, first.seq
    blocks(wire, (ssrc, begin, 0))
    for seq in range(2, 201):
        if seq % 4:
            wire.audio(seq)
    blocks(wire, (ssrc, begin + 198, 49))
    people = {peer.peer: peer for peer in reported(wire, 102.0).peers}
    assert people["anna"].score_up < 2.5
    assert people["vera"].score_down > 4.0 and people["vera"].loss_down == 0.0
    # The same on her own way is hers.
    for seq in range(201, 401):
        wire.audio(seq)
    blocks(wire, (ssrc, begin + 399, 50 + 50))
    people = {peer.peer: peer for peer in reported(wire, 104.0).peers}
    assert people["anna"].score_up > 4.0
    assert people["vera"].score_down < 3.5 and people["vera"].loss_down == pytest.approx(25, abs=1)


def test_a_hole_that_is_reported_later_is_not_the_viewers_fault_then(wire: Wire) -> None:
    first = wire.audio(1)[0]
    ssrc, begin = first.ssrc, first.seq
    blocks(wire, (ssrc, begin, 0))
    for seq in range(2, 101):
        if not 90 <= seq < 100:
            wire.audio(seq)
    # The last twenty are on their way when the viewer reports.
    blocks(wire, (ssrc, begin + 79, 0))
    assert wire.subscription.feedback.loss == 0.0
    blocks(wire, (ssrc, begin + 99, 10))
    assert wire.subscription.feedback.loss == 0.0


def test_a_viewers_video_is_judged_by_what_repetition_cannot_bring(wire: Wire) -> None:
    reported(wire, 100.0)
    ssrc = wire.video(1, KEYFRAME)[0].ssrc
    blocks(wire, (ssrc, 1000, 0))
    blocks(wire, (ssrc, 1100, 10))
    repaired = {peer.peer: peer for peer in reported(wire, 102.0).peers}["vera"].score_down
    for downlink in wire.subscription.feedback.by_ssrc.values():
        downlink.rtx_payload_type = 0
    broken = {peer.peer: peer for peer in reported(wire, 104.0).peers}["vera"].score_down
    assert repaired > 3.5 > 2.0 > broken


def test_a_report_of_what_is_over_says_nothing_of_now(wire: Wire) -> None:
    reported(wire, 100.0)
    ssrc = wire.audio(1)[0].ssrc
    blocks(wire, (ssrc, 1000, 0))
    blocks(wire, (ssrc, 1100, 80))
    now = time.monotonic()
    assert {peer.peer: peer for peer in reported(wire, now + 2).peers}["vera"].score_down < 3.0
    assert {peer.peer: peer for peer in reported(wire, now + 9).peers}["vera"].score_down > 4.0


def test_statistics_of_a_publisher_and_of_a_viewer(wire: Wire) -> None:
    reported(wire, time.monotonic())
    video = wire.video(1, KEYFRAME)[0]
    wire.audio(1)
    blocks(wire, (video.ssrc, 1000, 0))
    blocks(wire, (video.ssrc, 1100, 50))
    wire.from_viewer(rtcp.nack(1, video.ssrc, [video.seq]) + rtcp.pli(1, video.ssrc))
    anna, vera = asked(wire, "anna"), asked(wire, "vera")
    assert anna.up is not None and anna.up.state is TransportState.CONNECTED and anna.up.bytes > 0
    assert anna.down is None and anna.received == () and anna.up.network == "udp"
    assert {track.track for track in anna.sent} == {"anna/audio", "anna/video"}
    assert vera.up is None and vera.sent == () and vera.down is not None and vera.down.silent_ms < 5000
    seen = {track.track: track for track in vera.received}
    assert set(seen) == {"anna/audio", "anna/video"}
    picture, sound = seen["anna/video"], seen["anna/audio"]
    assert picture.flowing and (picture.packets, picture.repeated, picture.keyframes_asked) == (1, 1, 1)
    assert picture.loss == 50.0 and picture.jitter_ms == pytest.approx(480 / 90, abs=0.1)
    assert sound.loss == sound.jitter_ms == -1.0 and sound.score == 0.0
    assert vera.at >= anna.at > 0


def test_asking_in_between_does_not_end_the_interval(wire: Wire) -> None:
    reported(wire, 100.0)
    for seq in range(1, 51):
        wire.audio(seq)
        asked(wire, "anna")
    found = reported(wire, 102.0)
    anna = next(peer for peer in found.peers if peer.peer == "anna")
    assert anna.up_bytes > 50 * 30 and anna.score_up > 4.0


def test_whoever_is_not_in_the_routes_has_no_statistics(wire: Wire) -> None:
    wire.router.stats_wanted(StatsWanted(request=8, room="r", peer="nobody"))
    failed = wire.said[-1]
    assert isinstance(failed, Failed) and failed.request == 8 and failed.code == "media_unavailable"
    wire.router.stats_wanted(StatsWanted(request=9, room="elsewhere", peer="anna"))
    assert [type(message) for message in wire.said[-2:]] == [RoutesWanted, Failed]


def test_a_room_that_has_emptied_says_so_once(wire: Wire) -> None:
    reported(wire, 100.0)
    wire.room.uplinks.clear()
    wire.room.subscriptions.clear()
    assert reported(wire, 102.0) == RoomReport(room="r")
    assert wire.room.report(104.0) is None
