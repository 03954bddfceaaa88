"""A worker's measurements of people's connections as grades: four words instead of numbers.

The worker scores what somebody sends and receives (media/score.py); the worse of the two counts. A grade gets worse
within two reports and better only when the score has stayed clearly above the border, so that it does not flicker
while a connection stands at one. Silence is no matter of scores: whose transport is lost is `lost` at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from protocol.control import PeerReport, RoomReport
from protocol.names import Source
from protocol.signals import Quality, QualityGrade
from protocol.statistics import TransportState
from server.metrics import Metrics

# The worker reports each two seconds (protocol/control.py).
INTERVAL_S = 2.0

# ITU-T G.107, table B.1: from 4.03 users are satisfied, below 3.10 nearly all are dissatisfied.
BORDERS = ((QualityGrade.EXCELLENT, 4.0), (QualityGrade.GOOD, 3.1))
# So far above a border must a score come before the grade gets better.
MARGIN = 0.15
# How much of a new score counts: of a worse one half, of a better one a quarter. A connection that breaks down is told
# within two reports, one that has recovered from the worst is good after eight seconds and excellent after eighteen.
WORSE, BETTER = 0.5, 0.25

_LOST = (TransportState.LOST, TransportState.FAILED)


class Grade(msgspec.Struct, eq=False):
    """One person's grade; `score` is the smoothed one, 0 before the first."""

    score: float = 0.0
    word: QualityGrade = QualityGrade.EXCELLENT

    def note(self, score: float) -> QualityGrade:
        """The grade after one more score; 0 says that nothing is known, and changes nothing."""
        begins = self.score == 0.0 or self.word is QualityGrade.LOST
        if score <= 0.0:
            if self.word is QualityGrade.LOST:
                self.word = QualityGrade.EXCELLENT
        elif begins:
            self.score, self.word = score, _word(score, 0.0)
        else:
            self.score += (score - self.score) * (WORSE if score < self.score else BETTER)
            self.word = max(_word(self.score, MARGIN), min(self.word, _word(self.score, 0.0), key=_RANK), key=_RANK)
        return self.word

    def lose(self) -> None:
        """Nothing is heard of them any more. Whatever comes after that is a new beginning."""
        self.word = QualityGrade.LOST


_ORDER = (QualityGrade.LOST, QualityGrade.POOR, QualityGrade.GOOD, QualityGrade.EXCELLENT)
_RANK = {grade: rank for rank, grade in enumerate(_ORDER)}.__getitem__


def _word(score: float, margin: float) -> QualityGrade:
    return next((grade for grade, border in BORDERS if score >= border + margin), QualityGrade.POOR)


class Qualities:
    """The grades of one room's people, and what the metrics show of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._grades: dict[str, Grade] = {}
        self._last: dict[str, Quality] = {}
        self._shown: Counter[QualityGrade] = Counter()

    def reported(self, report: RoomReport, present: Iterable[str]) -> dict[str, Quality]:
        """The quality of everybody present who has a connection."""
        here = set(present)
        # Whoever has no connection has no quality.
        peers = [
            peer
            for peer in report.peers
            if peer.peer in here and (peer.publish is not None or peer.subscribe is not None)
        ]
        self._grades = {peer.peer: self._grades.get(peer.peer) or Grade() for peer in peers}
        sources: dict[str, dict[Source, float]] = {}
        for track in report.tracks:
            person, _, source = track.track.rpartition("/")
            if track.score > 0 and person in self._grades:
                sources.setdefault(person, {})[Source(source)] = round(track.score, 1)
        self._last = {peer.peer: quality(peer, self._grades[peer.peer], sources.get(peer.peer, {})) for peer in peers}
        self._measure(report, peers)
        self._show()
        return self._last

    def lost(self, person: str) -> Quality | None:
        """Nothing is heard of this person: their quality from now on, when it was known before."""
        known = self._last.get(person)
        if known is None or known.grade is QualityGrade.LOST:
            return None
        self._grades[person].lose()
        found = self._last[person] = msgspec.structs.replace(known, grade=QualityGrade.LOST)
        self._show()
        return found

    def forget(self, person: str) -> None:
        """The person is gone."""
        self._grades.pop(person, None)
        if self._last.pop(person, None) is not None:
            self._show()

    def clear(self) -> None:
        """The room has no connections any more."""
        self._grades.clear()
        self._last.clear()
        self._show()

    def _show(self) -> None:
        now = Counter(known.grade for known in self._last.values())
        for grade in QualityGrade:
            if now[grade] != self._shown[grade]:
                self._metrics.qualities.labels(grade.value).inc(now[grade] - self._shown[grade])
        self._shown = now

    def _measure(self, report: RoomReport, peers: list[PeerReport]) -> None:
        metrics = self._metrics
        for peer in peers:
            if peer.rtt_ms >= 0:
                metrics.media_rtt_seconds.observe(peer.rtt_ms / 1000)
            for direction, loss, score in (
                ("up", peer.loss_up, peer.score_up),
                ("down", peer.loss_down, peer.score_down),
            ):
                if loss >= 0:
                    metrics.media_loss_ratio.labels(direction).observe(loss / 100)
                if score > 0:
                    metrics.media_score.labels(direction).observe(score)
        for track in report.tracks:
            if track.score > 0:
                metrics.track_score.labels(track.track.rpartition("/")[2]).observe(track.score)


def quality(report: PeerReport, grade: Grade, sources: dict[Source, float]) -> Quality:
    """The report of one peer as people are told it; moves the grade."""
    if report.publish in _LOST or report.subscribe in _LOST:
        grade.lose()
    else:
        grade.note(min((score for score in (report.score_up, report.score_down) if score > 0), default=0.0))
    return Quality(
        person=report.peer,
        grade=grade.word,
        loss=round(max(report.loss_up, report.loss_down, 0.0), 1),
        rtt_ms=max(report.rtt_ms, 0),
        up_kbps=_kbps(report.up_bytes),
        down_kbps=_kbps(report.down_bytes),
        sent=round(report.score_up, 1),
        received=round(report.score_down, 1),
        sources=sources,
    )


def _kbps(count: int) -> int:
    return round(count * 8 / 1000 / INTERVAL_S)
