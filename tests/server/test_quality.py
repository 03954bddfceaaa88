"""A worker's numbers as grades."""

from __future__ import annotations

import pytest

from protocol.control import PeerReport, TransportState
from protocol.signals import QualityGrade
from server.workers.quality import quality


@pytest.mark.parametrize(
    ("report", "grade"),
    [
        (PeerReport(peer="u_a"), "excellent"),
        (PeerReport(peer="u_a", rtt_ms=40, loss_up=0.5, loss_down=1.9), "excellent"),
        (PeerReport(peer="u_a", rtt_ms=40, loss_up=0.0, loss_down=5.0), "good"),
        (PeerReport(peer="u_a", rtt_ms=300), "good"),
        (PeerReport(peer="u_a", rtt_ms=900), "poor"),
        (PeerReport(peer="u_a", rtt_ms=20, loss_up=30.0), "poor"),
        (PeerReport(peer="u_a", publish=TransportState.LOST, subscribe=TransportState.CONNECTED), "lost"),
        (PeerReport(peer="u_a", subscribe=TransportState.CLOSED), "excellent"),
    ],
)
def test_grades(report: PeerReport, grade: str) -> None:
    assert quality(report).grade is QualityGrade(grade)


def test_rates_are_per_second_and_unknown_is_zero() -> None:
    found = quality(PeerReport(peer="u_a", up_bytes=250_000, down_bytes=1_000_000))
    assert (found.up_kbps, found.down_kbps, found.loss, found.rtt_ms) == (1000, 4000, 0.0, 0)
