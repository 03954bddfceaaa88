"""How many bits a second of video the way to one viewer takes.

Nobody has said so in the beginning, and most ways take more than is wanted: it begins gently and doubles each half
second until something speaks against it. What speaks against it:

- REMB that *falls*. A receiver lowers it to 0.85 of what arrived when delays grow, and raises it by 8 % a second
  otherwise, up to 1.5 times what arrives (draft-ietf-rmcat-gcc-02, sections 5.5 and 6). So its height says little while
  little is sent, but the moment it falls says how much came through. When that is nearly all that was sent, a busy
  browser or a moment's jitter is as likely as a full link: believed when the round trip or loss agree.
- Loss above a tenth, in the receiver's reports. What went through is what the way takes. Loss that stays when less is
  sent, and holds nothing up, is not ours: it is bad radio, and then only what comes on top counts.
- A queue that stands: delays that are long and do not grow are none to a receiver, which then even raises its estimate.

After that it rises where it is shown to be right: with a REMB that is higher, or 8 % a second while as much as that is
being sent (padding is, when somebody waits for more: `probe`). Each blow shortly after another doubles the pause before
the next attempt.
"""

from __future__ import annotations

from typing import NamedTuple

# bit/s. Audio alone is below; the smallest picture that is worth the name needs 100 kbit/s.
LEAST = 60_000.0
# A first small picture, at once.
START = 600_000.0
DOUBLES_IN = 0.5
# Whoever has all they want is not looked at for hours. More than this makes no difference, and is no number in the end.
LONGEST_STEP = 60.0
# A receiver that lowers its estimate by less is only breathing.
FALLS = 0.97
# The factor by which it lowers it below what arrived.
BACKS_OFF = 0.85
# What arrives of a burst is not measured in the same second as what was sent; less so when the receiver has only begun.
NEARLY_ALL, MOST_OF_IT = 0.85, 0.7
RISES = 1.08
# What has arrived unharmed says as much of a little more.
TESTED = 1.1
MUCH_LOSS = 0.10
# Packets a report must speak of before its loss says anything.
ENOUGH_PACKETS = 20
# Seconds of queue above the shortest round trip that was seen: a sign beside others, and one by itself.
LATE, STANDS = 0.080, 0.200
SOME_LOSS = 0.02
RECENT = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 20.0
# A receiver speaks four times a second, while video comes.
REMB_IS_FRESH = 2.0
# A receiver's estimate that has not risen for so long speaks of a link that is full, or of too little to estimate from.
STALLS = 1.0
# The shortest round trip is forgotten after so long: ways change.
SHORTEST_FOR = 30.0


class Sent(NamedTuple):
    """How much went out in about the last second, in bit/s: pictures and repetitions, and with the padding `all`."""

    media: float
    all: float


class Estimator:
    """The estimate of one viewer, `bitrate` in bit/s. `now` in seconds of any monotonic clock.

    `most` bounds it whatever the viewer claims. `hears`: whether the viewer has agreed to send REMB; of one that does
    not, nothing is held back until it reports loss.
    """

    __slots__ = (
        "_grown_at",
        "_held",
        "_late_at",
        "_late_reports",
        "_lossy_at",
        "_own_loss",
        "_pause",
        "_peak",
        "_peak_at",
        "_remb",
        "_remb_at",
        "_risen_at",
        "_shortest",
        "_shortest_at",
        "_struck_at",
        "_tested",
        "_weighed",
        "bitrate",
        "most",
        "resumes_at",
    )

    def __init__(self, now: float, *, hears: bool, most: float) -> None:
        self.most = most
        self.bitrate = min(START, most) if hears else most
        self.resumes_at = now  # until then nothing is tried
        self._held = self.bitrate
        self._tested = False
        self._grown_at = now
        self._remb: float | None = None
        self._remb_at = 0.0
        self._risen_at = now
        self._shortest: float | None = None
        self._shortest_at = now
        self._late_at = float("-inf")
        self._late_reports = 0
        self._lossy_at = float("-inf")
        self._own_loss = 0.0
        self._weighed: tuple[float, float] | None = None  # (sent, loss) at the last cut for loss
        self._struck_at = float("-inf")
        self._pause = FIRST_PAUSE
        self._peak, self._peak_at = 0.0, now  # the most that was sent lately

    # --- what is heard ----------------------------------------------------------------------------

    def remb(self, bitrate: float, sent: Sent, now: float) -> bool:
        """The receiver's estimate. Returns whether ours fell."""
        before = self._remb if now - self._remb_at < REMB_IS_FRESH else None
        bitrate = self._remb = min(bitrate, self.most)
        self._remb_at = now
        came, expected = bitrate / BACKS_OFF, sent.all * (1.0 - self._own_loss)
        agreed = now - max(self._late_at, self._lossy_at) < RECENT
        if before is not None and bitrate < before * FALLS:
            if came < expected * NEARLY_ALL or (agreed and came < expected):
                return self._strike(bitrate, came, sent, now)
            self._hold(now, now + FIRST_PAUSE)  # a hint, and no more
        elif before is None and agreed and came < expected * MOST_OF_IT:
            return self._strike(bitrate, came, sent, now)
        elif before is not None and before < bitrate and not agreed:
            self._risen_at = now
            self._grow(min(bitrate, TESTED * sent.all), now)
        return False

    def loss(self, fraction: float, packets: int, sent: Sent, now: float) -> bool:
        """A receiver's report: the fraction lost of this many packets. Returns whether the estimate fell."""
        if packets < ENOUGH_PACKETS:
            return False
        on_time = now - self._late_at > RECENT
        if self._weighed is not None:
            cut_at, loss_then = self._weighed
            if sent.all < 0.9 * cut_at:
                # Less is sent now. The loss that did not go with it is not ours.
                if fraction > 0.7 * loss_then and on_time:
                    self._own_loss = fraction
                self._weighed = None
        own = self._own_loss
        if own and (fraction < own or on_time):
            self._own_loss += (fraction - own) / 8
        excess = fraction - own
        if excess > SOME_LOSS:
            self._lossy_at = now
        # Of a hundred packets the fraction is a guess: three standard deviations.
        if excess <= max(MUCH_LOSS, 3 * (own * (1 - own) / packets) ** 0.5):
            return False
        self._weighed = (sent.all, fraction)
        came = sent.all * (1.0 - excess)
        return self._strike(came, came, sent, now)

    def round_trip(self, seconds: float, sent: Sent, now: float) -> bool:
        """A round trip that a report has measured. Returns whether the estimate fell."""
        if sent.all >= self._peak or now - self._peak_at > 2 * RECENT:
            self._peak, self._peak_at = sent.all, now
        if self._shortest is None or seconds < self._shortest or now - self._shortest_at > SHORTEST_FOR:
            self._shortest, self._shortest_at = seconds, now
        queue = seconds - self._shortest
        if queue < LATE:
            self._late_reports = 0
            return False
        self._late_at = now
        self._late_reports += 1
        stands = queue > STANDS or now - self._lossy_at < RECENT
        if self._late_reports < 2 or not stands or now - self._struck_at < RECENT:
            return False
        # A stalled machine looks the same, and has sent little: half of what was believed is enough of a cut.
        came = max(sent.all, min(self.bitrate, self._peak) / 2)
        return self._strike(came * BACKS_OFF, came, sent, now)

    def _strike(self, bitrate: float, came: float, sent: Sent, now: float) -> bool:
        if sent.all > TESTED * sent.media and sent.media < came:
            bitrate = max(bitrate, min(TESTED * sent.media, came))  # it was the padding that was too much
        if bitrate >= self.bitrate:
            return False
        if now - self._struck_at > RECENT:
            again = now - self.resumes_at < LONGEST_PAUSE and self._tested
            self._pause = min(LONGEST_PAUSE, 2 * self._pause) if again else FIRST_PAUSE
        self._struck_at = self._grown_at = now
        self._tested = True
        self.bitrate = max(LEAST, bitrate)
        self.resumes_at = now
        self._hold(now, now + self._pause)
        return True

    def _grow(self, bitrate: float, now: float) -> None:
        if bitrate > self.bitrate:
            self.bitrate = min(bitrate, self.most)
            self._grown_at = now

    def _hold(self, now: float, until: float) -> None:
        if now >= self.resumes_at:
            self._held = self.bitrate
        self.resumes_at = max(self.resumes_at, until)

    # --- time -------------------------------------------------------------------------------------

    def budget(self, now: float) -> float:
        """What may be used of it: nothing is tried for a while after a blow, though the estimate rises."""
        return self.bitrate if now >= self.resumes_at else min(self.bitrate, self._held)

    @property
    def settled(self) -> bool:
        """Whether anything has ever spoken against it: until then it rises by itself."""
        return self._tested

    def step(self, sent: Sent, now: float) -> None:
        """Time has passed; to be called a few times a second."""
        passed = min(now - self._grown_at, LONGEST_STEP)
        self._grown_at = now
        if not self._tested:
            self.bitrate = min(self.most, self.bitrate * 2 ** (passed / DOUBLES_IN))
            return
        if now < self.resumes_at or now - self._lossy_at < RECENT:
            return
        heard = self._remb if now - self._remb_at < REMB_IS_FRESH else None
        if heard is not None and heard < TESTED * self.bitrate and now - self._risen_at > STALLS:
            return
        if sent.media < LEAST and heard is None:
            # Without pictures nobody estimates anything: hope, and the small picture that is tried then, have to do.
            self.bitrate = min(self.most, self.bitrate * RISES**passed)
        else:
            self.bitrate = max(self.bitrate, min(self.most, TESTED * sent.all, self.bitrate * RISES**passed))


__all__ = ["LEAST", "Estimator", "Sent"]
