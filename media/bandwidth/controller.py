"""One viewer: what is heard of its link goes in, the layer of each of its pictures comes out.

Down is quick, up is slow. What the estimator has cut is taken away at once; a layer that merely takes a little more
than the estimate for a moment is left alone, since nothing speaks against it. Up needs room to spare (`allocate.ROOM`)
and an estimate that was put to the test (`probe`).
"""

from __future__ import annotations

from collections.abc import Sequence

from media.bandwidth.allocate import ROOM, Wish, allocate, enough
from media.bandwidth.estimator import Estimator, Sent
from media.bandwidth.probe import Prober

# A picture's bitrate moves with what is in it. What takes more than the estimate for longer has outgrown it.
TOLERATED = 3.0


class Controller:
    """See the module; `sent` and `now` as in `Estimator`."""

    __slots__ = ("_cut", "_over_since", "estimator", "prober", "restless", "starved")

    def __init__(self, now: float, *, hears: bool, most: float) -> None:
        self.estimator = Estimator(now, hears=hears, most=most)
        self.prober = Prober()
        self.starved: tuple[int, ...] = ()  # the wishes that got nothing, though they are on the screen
        self.restless = False  # whether `decide` is to be called again soon
        self._cut = False
        self._over_since: float | None = None

    def remb(self, bitrate: float, sent: Sent, now: float) -> bool:
        """See `Estimator.remb`. After a fall `decide` is to be called at once."""
        return self._heard(self.estimator.remb(bitrate, sent, now))

    def loss(self, fraction: float, packets: int, sent: Sent, now: float) -> bool:
        """See `Estimator.loss`. After a fall `decide` is to be called at once."""
        return self._heard(self.estimator.loss(fraction, packets, sent, now))

    def round_trip(self, seconds: float, sent: Sent, now: float) -> bool:
        """See `Estimator.round_trip`. After a fall `decide` is to be called at once."""
        return self._heard(self.estimator.round_trip(seconds, sent, now))

    def _heard(self, fell: bool) -> bool:
        if fell:
            self._cut = True
            self.prober.stop()
        return fell

    def decide(self, wishes: Sequence[Wish], sent: Sent, now: float) -> list[int | None]:
        """The layer for each wish, `None` for none; a few times a second, and after each fall."""
        estimator = self.estimator
        estimator.step(sent, now)
        budget = estimator.budget(now)
        if not estimator.settled:
            # Until something speaks against it, nobody waits for the smallest picture.
            shown = (wish for wish in wishes if enough(wish.layers, wish.height) is not None)
            budget = max(budget, ROOM * sum(wish.layers[0].bitrate for wish in shown))
        taken = sum(wish.layers[wish.now].bitrate for wish in wishes if wish.now is not None)
        if taken <= budget:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = now
        if self._over_since is not None and not self._cut and now - self._over_since < TOLERATED:
            budget = taken
        self._cut = False
        chosen = allocate(budget, wishes)
        self._want_more(wishes, chosen, now)
        return chosen

    def _want_more(self, wishes: Sequence[Wish], chosen: Sequence[int | None], now: float) -> None:
        used, step = 0.0, float("inf")
        starved: list[int] = []
        for number, (wish, index) in enumerate(zip(wishes, chosen, strict=True)):
            top = enough(wish.layers, wish.height)
            if index is not None:
                used += wish.layers[index].bitrate
            if top is None or index == top:
                continue
            if index is None:
                starved.append(number)
                step = min(step, wish.layers[0].bitrate * ROOM)
            else:
                step = min(step, wish.layers[index + 1].bitrate * ROOM - wish.layers[index].bitrate)
        self.starved = tuple(starved)
        self.restless = step != float("inf") or self._over_since is not None
        estimator = self.estimator
        if step == float("inf") or not estimator.settled or now < estimator.resumes_at:
            self.prober.want(0.0, estimator.bitrate, now)
        else:
            self.prober.want(used + step, estimator.bitrate, now)

    def padding(self, sent: Sent, now: float) -> int:
        """Bytes of padding that are due; what is sent of them is told to `padded`."""
        return self.prober.padding(sent.media, now)

    def padded(self, bytes: int) -> None:
        """So much padding has been sent."""
        self.prober.padded(bytes)


__all__ = ["Controller"]
