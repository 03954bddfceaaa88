"""A worker's measurements of a person's connection as a grade and round numbers."""

from __future__ import annotations

from protocol.control import PeerReport, TransportState
from protocol.signals import Quality, QualityGrade

# The worker reports each two seconds (protocol/control.py).
INTERVAL_S = 2.0

# Up to these, speech stays clear (ITU-T G.114 for delay; Opus conceals single losses) and video recovers by NACK.
_GRADES = (
    (QualityGrade.EXCELLENT, 2.0, 150),
    (QualityGrade.GOOD, 6.0, 350),
)
_LOST = (TransportState.LOST, TransportState.FAILED)


def quality(report: PeerReport) -> Quality:
    """The report of one peer as people are told it."""
    loss = max(report.loss_up, report.loss_down, 0.0)
    rtt_ms = max(report.rtt_ms, 0)
    return Quality(
        person=report.peer,
        grade=_grade(report, loss, rtt_ms),
        loss=round(loss, 1),
        rtt_ms=rtt_ms,
        up_kbps=_kbps(report.up_bytes),
        down_kbps=_kbps(report.down_bytes),
    )


def _grade(report: PeerReport, loss: float, rtt_ms: int) -> QualityGrade:
    if report.publish in _LOST or report.subscribe in _LOST:
        return QualityGrade.LOST
    return next((grade for grade, most, slowest in _GRADES if loss <= most and rtt_ms <= slowest), QualityGrade.POOR)


def _kbps(count: int) -> int:
    return round(count * 8 / 1000 / INTERVAL_S)
