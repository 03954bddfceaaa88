"""One viewer's pictures: what its reports say goes to the controller, and the controller's choice to its downlinks.

It costs nothing while there is nothing to decide: a viewer whose link has never complained and who has all it can show
is looked at only when something about its pictures changes, or when it says something. `restless` is whoever waits for
more, or takes more than it should.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from media.bandwidth.allocate import Rank, Wish
from media.bandwidth.controller import Controller
from media.bandwidth.estimator import Sent
from protocol.names import Source

if TYPE_CHECKING:
    from media.egress import Downlink
    from media.securepath import SecurePath
    from media.subscription import ViewerLine
    from media.track import Track

# What was sent is measured over so long, and anew when the last measurement is so old.
WINDOW, FINE = 1.0, 0.2
# Wishes taken up at once, and then one a second: each may have a key frame made, which everybody gets.
WISHES = 5
# Browsers report for each picture by itself, each second: put together, they say something of the link.
REPORTS_EVERY = 1.0


class Viewer:
    """See the module. `heights`: how high it draws its pictures (`Prefer`). `speaker()`: who speaks now.
    `starved`: the pictures that the link does not take; `paused(tracks)` is told whenever that changes."""

    def __init__(
        self,
        lines: list[ViewerLine],
        transport: SecurePath,
        most: float,
        speaker: Callable[[], str],
        paused: Callable[[tuple[str, ...]], None],
    ) -> None:
        self.heights: dict[str, int] = {}
        self._wishes = WISHES
        self._wished: dict[str, int] | None = None  # what waits for the next second
        self.controller: Controller | None = None  # once it is known whether it hears
        self.restless = False
        self._lines = lines
        self._transport = transport
        self._most = most
        self._speaker = speaker
        self._paused = paused
        self.starved: tuple[str, ...] = ()
        self._padded = 0
        self._samples: deque[tuple[float, int, int]] = deque()  # (moment, bytes of media, bytes with padding)
        self._reported_at = 0.0
        self._expected = self._lost = 0
        self._trip = float("inf")

    def begin(self, hears: bool, now: float) -> None:
        """The viewer's answer is there, and whether it will send its estimate. Said again, nothing happens."""
        if self.controller is None:
            self.controller = Controller(now, hears=hears, most=self._most)
            self._reported_at = now

    def prefer(self, heights: dict[str, int], now: float) -> None:
        """What it looks at has changed."""
        if self._wishes <= 0:
            self._wished = heights
            return
        self._wishes -= 1
        self.heights = heights
        self.reconsider(now)

    def each_second(self, now: float) -> None:
        """Take up what has waited."""
        self._wishes = min(WISHES, self._wishes + 1)
        if self._wished is not None:
            heights, self._wished = self._wished, None
            self.prefer(heights, now)

    # --- what it says -----------------------------------------------------------------------------

    def remb(self, bitrate: int, now: float) -> None:
        """Its estimate."""
        if self.controller is not None and self.controller.remb(bitrate, self._sent(now), now):
            self.reconsider(now)

    def reports(self, expected: int, lost: int, trip: float | None, now: float) -> None:
        """What its reports say since the ones before: packets expected and lost, and a round trip in seconds."""
        self._expected += expected
        self._lost += lost
        if trip is not None:
            self._trip = min(self._trip, trip)
        if self.controller is None or now - self._reported_at < REPORTS_EVERY:
            return
        sent, fell = self._sent(now), False
        if self._trip != float("inf"):
            fell = self.controller.round_trip(self._trip, sent, now)
        if self._expected:
            fell = self.controller.loss(min(1.0, self._lost / self._expected), self._expected, sent, now) or fell
        self._reported_at = now
        self._expected = self._lost = 0
        self._trip = float("inf")
        if fell:
            self.reconsider(now)

    def _sent(self, now: float) -> Sent:
        samples = self._samples
        if not samples or now - samples[-1][0] >= FINE:
            every = self._transport.bytes_out + sum(
                line.downlink.octets for line in self._lines if line.codec.kind == "video"
            )
            samples.append((now, every - self._padded, every))
            while len(samples) > 2 and samples[1][0] <= now - WINDOW:
                samples.popleft()
        (began, media, every), (at, media_now, every_now) = samples[0], samples[-1]
        passed = max(at - began, FINE)
        return Sent(8 * (media_now - media) / passed, 8 * (every_now - every) / passed)

    # --- what it gets -----------------------------------------------------------------------------

    def reconsider(self, now: float) -> None:
        """Decide about all pictures: something has changed, or time has passed for somebody restless."""
        controller = self.controller
        if controller is None:
            return
        shown = [
            (line.downlink, line.track)
            for line in self._lines
            if line.track is not None and line.track.is_video and line.downlink in line.track.viewers
        ]
        speaker = self._speaker()
        wishes = [self._wish(downlink, track, speaker) for downlink, track in shown]
        chosen = controller.decide(wishes, self._sent(now), now)
        for (downlink, track), index in zip(shown, chosen, strict=True):
            downlink.choose(None if index is None else track.usable[index], now)
        self.restless = controller.restless
        starved = tuple(shown[number][1].id for number in controller.starved)
        if starved != self.starved:
            self.starved = starved
            self._paused(starved)

    def _wish(self, downlink: Downlink, track: Track, speaker: str) -> Wish:
        layer = downlink.next or downlink.layer
        now = track.usable.index(layer) if layer in track.usable else None
        rank = Rank.SCREEN if track.source is Source.SCREEN else Rank.SPEAKER if track.peer == speaker else Rank.OTHER
        return Wish(rank, self.heights.get(track.id), track.offered, now)

    # --- padding ----------------------------------------------------------------------------------

    def pad(self, now: float) -> None:
        """Send the padding that is due; to be called each tick while it is restless."""
        if self.controller is None or not self.controller.prober.aim:
            return
        due = self.controller.padding(self._sent(now), now)
        lines = [line.downlink for line in self._lines if line.accepted and line.downlink.rtx_payload_type]
        if due <= 0 or not lines:
            return
        # One with a picture: its packets are larger.
        downlink = next((downlink for downlink in lines if downlink.flowing), lines[0])
        before = self._transport.bytes_out
        while self._transport.bytes_out - before < due and downlink.pad(now):
            pass
        sent = self._transport.bytes_out - before
        self.controller.padded(sent)
        self._padded += sent


__all__ = ["Viewer"]
