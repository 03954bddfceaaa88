"""What is measured of one stay, as sums: two parts of a stay are added to the whole."""

from __future__ import annotations

import msgspec

from protocol.signals import QualityGrade

# A connection is called as good as it was for nine tenths of the time.
BAD_SHARE = 0.1
_WORST_FIRST = (QualityGrade.LOST, QualityGrade.POOR, QualityGrade.GOOD, QualityGrade.EXCELLENT)


class Figures(msgspec.Struct, kw_only=True):
    """Times in ms: heard speaking, and with a connection of each grade. `loss`, in hundredths of a percent, and `rtt`,
    in ms, are summed over as many reports as `losses` and `rtts` say. `worst_loss`: the mean loss of the worst minute.
    """

    speaking: int = 0
    excellent: int = 0
    good: int = 0
    poor: int = 0
    lost: int = 0
    loss: int = 0
    losses: int = 0
    rtt: int = 0
    rtts: int = 0
    worst_loss: int = 0

    def add(self, more: Figures) -> None:
        """Make this the figures of both parts of a stay."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(more, name))
        self.worst_loss = max(self.worst_loss, more.worst_loss)

    @property
    def measured(self) -> int:
        """For how long (ms) there was a connection of any grade."""
        return self.excellent + self.good + self.poor + self.lost

    def share(self, grade: QualityGrade) -> float | None:
        """How much of the measured time a grade had, in percent."""
        return getattr(self, grade.value) / self.measured * 100 if self.measured else None

    @property
    def quality(self) -> QualityGrade | None:
        """The connection in a word; None when nothing is known of one."""
        so_far = 0
        for grade in _WORST_FIRST:
            so_far += getattr(self, grade.value)
            if so_far > BAD_SHARE * self.measured:
                return grade
        return None

    @property
    def mean_loss(self) -> float | None:
        """In percent."""
        return self.loss / self.losses / 100 if self.losses else None

    @property
    def highest_loss(self) -> float | None:
        """Of the worst minute, in percent; of a shorter stay its mean."""
        mean = self.mean_loss
        return max(self.worst_loss / 100, mean) if mean is not None else None

    @property
    def mean_rtt(self) -> int | None:
        """In ms."""
        return round(self.rtt / self.rtts) if self.rtts else None


NAMES = Figures.__struct_fields__
# All but the last are summed.
SUMS = NAMES[:-1]


class Stay(msgspec.Struct, kw_only=True):
    """Whose stay it is, the version of the room at which it began, and what was measured of it."""

    identity: str
    since: int
    figures: Figures
