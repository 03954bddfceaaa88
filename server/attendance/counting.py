"""What the workers say of one room's people, added up for each stay. Pure: times are arguments, in ms.

Who speaks is said when it changes, so what was said last holds on; but not for ever, since a worker may have died, and
since a level that stays the same to the hundredth is no speech. Connections are reported regularly
(protocol/control.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from protocol.signals import QualityGrade
from server.attendance.figures import Figures, Stay

# Of 0 to 100 (media/loudness.py): 55 -dBov, a voice some way off from a good microphone. Somebody is shown as speaking
# from 8 on; what a stay is said to have spoken must not grow by breaths and chairs.
SPEECH = 25
# So long does what was said last hold. In speech levels change five times a second.
HOLDS_MS = 3000
# Reports come each two seconds; of an interval in which some were missing no more than this is counted.
INTERVAL_MS, LONGEST_MS = 2000, 5000
# Over what the worst loss is a mean, and how many reports make one.
MINUTE_MS, LEAST_REPORTS = 60_000, 10

Named = tuple[str, int]
"""A person, and the version at which their stay began."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One person's connection in the last interval; `loss` in percent and `rtt` in ms are -1 when unknown."""

    stay: Named
    grade: QualityGrade
    loss: float = -1.0
    rtt: int = -1


class _Tally(msgspec.Struct):
    """What is counted of a stay and was not taken yet; the loss of the minute that runs."""

    figures: Figures
    minute_began: int = 0
    minute_loss: float = 0.0
    minute_reports: int = 0

    def lose(self, loss: float, now: int) -> None:
        """Note the loss of one interval, in percent."""
        if self.minute_reports and now - self.minute_began >= MINUTE_MS:
            self.end_minute()
        if not self.minute_reports:
            self.minute_began = now
        self.minute_loss += loss
        self.minute_reports += 1
        self.figures.loss += round(loss * 100)
        self.figures.losses += 1

    def end_minute(self) -> None:
        if self.minute_reports >= LEAST_REPORTS:
            mean = round(self.minute_loss * 100 / self.minute_reports)
            self.figures.worst_loss = max(self.figures.worst_loss, mean)
        self.minute_loss, self.minute_reports = 0.0, 0


class Counting:
    """The stays of one room that are counted on this node."""

    def __init__(self) -> None:
        self._tallies: dict[Named, _Tally] = {}
        self._speaking: tuple[Named, ...] = ()
        self._counted_at = 0
        self._holds_until = 0
        self._reported_at: int | None = None

    @property
    def stays(self) -> tuple[Named, ...]:
        """Those of which something was counted, and that are not over."""
        return tuple(self._tallies)

    def heard(self, speaking: Iterable[Named], now: int) -> None:
        """These speak from now on, and nobody else."""
        self._count_speech(now)
        self._speaking = tuple(speaking)
        self._holds_until = now + HOLDS_MS

    def reported(self, reports: Iterable[Report], now: int) -> None:
        """How connections were since the last report."""
        passed = INTERVAL_MS if self._reported_at is None else min(now - self._reported_at, LONGEST_MS)
        self._reported_at = now
        for report in reports:
            tally = self._tally(report.stay)
            figures = tally.figures
            match report.grade:
                case QualityGrade.EXCELLENT:
                    figures.excellent += passed
                case QualityGrade.GOOD:
                    figures.good += passed
                case QualityGrade.POOR:
                    figures.poor += passed
                case QualityGrade.LOST:
                    figures.lost += passed
            if report.rtt >= 0:
                figures.rtt += report.rtt
                figures.rtts += 1
            if report.loss >= 0:
                tally.lose(report.loss, now)

    def silent(self, now: int) -> None:
        """No worker has the room: nothing is heard or reported until one does."""
        self.heard((), now)
        self._reported_at = None

    def over(self, stay: Named, now: int) -> list[Stay]:
        """The stay has ended: what was counted of it, and was not taken."""
        self._count_speech(now)
        self._speaking = tuple(each for each in self._speaking if each != stay)
        tally = self._tallies.pop(stay, None)
        if tally is None:
            return []
        tally.end_minute()
        return [_stay(stay, tally.figures)]

    def take(self, now: int) -> list[Stay]:
        """What was counted of all stays since it was taken last; they go on."""
        self._count_speech(now)
        taken = [_stay(stay, tally.figures) for stay, tally in self._tallies.items() if tally.figures != _NOTHING]
        for tally in self._tallies.values():
            tally.figures = Figures()
        return taken

    def end(self, now: int) -> list[Stay]:
        """All is over, or goes on elsewhere: what was counted, and was not taken."""
        self._count_speech(now)
        stays = [found for stay in list(self._tallies) for found in self.over(stay, now)]
        self.silent(now)
        return stays

    def _tally(self, stay: Named) -> _Tally:
        tally = self._tallies.get(stay)
        if tally is None:
            tally = self._tallies[stay] = _Tally(Figures())
        return tally

    def _count_speech(self, now: int) -> None:
        passed = max(0, min(now, self._holds_until) - self._counted_at)
        self._counted_at = now
        for stay in self._speaking if passed else ():
            self._tally(stay).figures.speaking += passed


_NOTHING = Figures()


def _stay(named: Named, figures: Figures) -> Stay:
    return Stay(identity=named[0], since=named[1], figures=figures)
