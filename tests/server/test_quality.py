"""A worker's scores as grades that do not flicker, and as metrics."""

from __future__ import annotations

import pytest

from protocol.control import PeerReport, RoomReport, TrackReport, TransportState
from protocol.names import Source
from protocol.signals import QualityGrade
from server.metrics import Metrics
from server.workers.quality import Grade, Qualities, quality


def grades(*scores: float) -> str:
    """The grade after each score, by its first letter."""
    grade = Grade()
    return "".join(grade.note(score).value[0] for score in scores)


@pytest.mark.parametrize(
    ("report", "grade"),
    [
        (PeerReport(peer="u_a"), "excellent"),  # nothing is known against it
        (PeerReport(peer="u_a", score_up=4.4, score_down=4.1), "excellent"),
        (PeerReport(peer="u_a", score_up=4.4, score_down=3.9), "good"),
        (PeerReport(peer="u_a", score_up=3.1), "good"),
        (PeerReport(peer="u_a", score_up=3.0, score_down=4.4), "poor"),
        (PeerReport(peer="u_a", publish=TransportState.LOST, subscribe=TransportState.CONNECTED), "lost"),
        (PeerReport(peer="u_a", subscribe=TransportState.CLOSED), "excellent"),
    ],
)
def test_the_worse_direction_is_the_grade(report: PeerReport, grade: str) -> None:
    assert quality(report, Grade(), {}).grade is QualityGrade(grade)


def test_a_grade_falls_within_two_reports_and_rises_within_ten() -> None:
    assert grades(4.4, 1.0, 1.0) == "epp" and grades(4.4, 2.0, 2.0) == "egp"
    assert grades(1.5, *[4.4] * 10) == "ppppgggggee"


def test_a_connection_at_a_border_does_not_flicker() -> None:
    assert set(grades(*[4.05, 3.95] * 20)[6:]) == {"g"}
    assert set(grades(4.4, *[4.05] * 20)) == {"e"}
    assert set(grades(3.9, *[4.1] * 20)) == {"g"}
    assert grades(3.9, *[4.3] * 20)[-1] == "e"


def test_one_interval_that_was_bad_does_not_make_a_connection_poor() -> None:
    assert set(grades(*[4.4] * 5, 2.6, *[4.4] * 10)[:5]) == {"e"}
    assert "p" not in grades(*[4.4] * 5, 2.6, *[4.4] * 10)


def test_an_interval_without_a_score_changes_nothing() -> None:
    assert grades(2.0, 0.0, 0.0) == "ppp"


def test_whoever_was_lost_begins_anew() -> None:
    grade = Grade()
    grade.note(1.2)
    grade.lose()
    assert grade.word is QualityGrade.LOST and grade.note(4.4) is QualityGrade.EXCELLENT


def test_rates_are_per_second_and_unknown_is_zero() -> None:
    found = quality(PeerReport(peer="u_a", up_bytes=250_000, down_bytes=1_000_000), Grade(), {})
    assert (found.up_kbps, found.down_kbps, found.loss, found.rtt_ms) == (1000, 4000, 0.0, 0)
    assert (found.sent, found.received, found.sources) == (0.0, 0.0, {})


# --- a room's -----------------------------------------------------------------------------------------

UP = TransportState.CONNECTED


def track(name: str, score: float) -> TrackReport:
    return TrackReport(track=name, received=9, received_bytes=9, lost=0, forwarded=9, dropped=0, score=score)


def shown(metrics: Metrics) -> dict[str, float]:
    value = metrics.registry.get_sample_value
    return {grade: value("podium_connection_quality", {"grade": grade}) or 0.0 for grade in QualityGrade}


def test_a_rooms_people_are_counted_by_grade_until_they_are_gone() -> None:
    metrics = Metrics()
    room, other = Qualities(metrics), Qualities(metrics)
    report = RoomReport(
        room="a",
        tracks=(track("u_a/video", 3.3), track("u_a/audio", 4.4), track("u_b/audio", 0.0)),
        peers=(
            PeerReport(peer="u_a", publish=UP, score_up=3.3, score_down=4.4, rtt_ms=30, loss_up=1.0, loss_down=0.0),
            PeerReport(peer="u_b", subscribe=UP, score_down=4.4),
            PeerReport(peer="u_gone", subscribe=UP),
            PeerReport(peer="u_without"),
        ),
    )
    told = room.reported(report, ("u_a", "u_b", "u_without"))
    other.reported(report, ("u_b",))
    assert {person: one.grade.value for person, one in told.items()} == {"u_a": "good", "u_b": "excellent"}
    assert told["u_a"].sources == {Source.VIDEO: 3.3, Source.AUDIO: 4.4} and told["u_b"].sources == {}
    assert shown(metrics) == {"excellent": 2, "good": 1, "poor": 0, "lost": 0}
    lost = room.lost("u_a")
    assert lost is not None and lost.grade is QualityGrade.LOST and room.lost("u_a") is None
    assert room.lost("u_nobody") is None
    assert shown(metrics) == {"excellent": 2, "good": 0, "poor": 0, "lost": 1}
    room.forget("u_a")
    other.clear()
    assert shown(metrics) == {"excellent": 1, "good": 0, "poor": 0, "lost": 0}
    room.reported(RoomReport(room="a"), ("u_a", "u_b"))
    assert sum(shown(metrics).values()) == 0


def test_what_is_measured_is_in_the_metrics_without_names() -> None:
    metrics = Metrics()
    report = RoomReport(
        room="a",
        tracks=(track("u_anna/video", 3.3), track("u_anna/screen_audio", 0.0)),
        peers=(PeerReport(peer="u_anna", publish=UP, score_up=3.3, rtt_ms=30, loss_up=10.0),),
    )
    Qualities(metrics).reported(report, ("u_anna",))
    value = metrics.registry.get_sample_value
    assert value("podium_media_score_sum", {"direction": "up"}) == 3.3
    assert value("podium_media_score_count", {"direction": "down"}) is None
    assert value("podium_media_track_score_count", {"source": "video"}) == 1
    assert value("podium_media_loss_ratio_sum", {"direction": "up"}) == pytest.approx(0.1)
    assert value("podium_media_rtt_seconds_sum") == pytest.approx(0.03)
    assert "anna" not in metrics.render().decode()
