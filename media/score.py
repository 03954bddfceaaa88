"""How good speech and pictures are after their way, as an estimated mean opinion score: 1.0 useless, 5.0 perfect.

**Speech** by the E-model of ITU-T G.107 (06/2015), simplified: of its impairments those that a network makes,
R = 93.2 - Id - Ie_eff, and from R the opinion by its Annex B. 93.2 is the rating with every other parameter at its
default (clause 7.7), so 4.4 is the best there is. Id, the delay's, is the fit by Cole and Rosenbluth, "Voice over IP
performance monitoring" (ACM CCR 31(2), 2001); Ie_eff, the loss's, is equation 7-29 with independent losses.

**Pictures** have no model that holds for any size and codec: G.1070 has one with coefficients for each. Its form is
taken, an exponential in what is lost: 1 + 4 · size · exp(-loss / D) · exp(-still / S), which says nothing about how
good the camera is, only how much of what was to be seen arrived.
"""

from __future__ import annotations

import math

BEST_RATING = 93.2
# Opus conceals about as well as G.711 with its appendix I (25.1, ITU-T G.113 table I.4); a little less is assumed.
_ROBUSTNESS = 20.0
# Beside the way: a frame of 20 ms, Opus' own 6.5 ms and the pieces a sound card takes.
_CODEC_MS = 30.0
# A jitter buffer that loses little holds about two mean deviations (RFC 3550's jitter) more than the least delay.
_BUFFER = 2.0
# Percent of packets that nobody could repair: each costs a frame and those that build on it. With 2.5 a hundredth
# lost is "good", a twentieth is hardly watched.
_LOSS = 2.5
# Share of the time in which the picture stood still. Half a second in two annoys (2.7), a fifth of one is seen (3.9).
_STILL = 0.3
# What half the width and height that was to be seen takes away.
_PER_HALVING = 0.25


def rating(loss: float, one_way_ms: float) -> float:
    """The E-model's R for `loss` in percent and the delay from mouth to ear."""
    delay = 0.024 * one_way_ms + 0.11 * max(0.0, one_way_ms - 177.3)
    return BEST_RATING - delay - 95.0 * loss / (loss + _ROBUSTNESS)


def opinion(rating: float) -> float:
    """ITU-T G.107, Annex B: R as a mean opinion score."""
    if rating <= 0.0:
        return 1.0
    # The polynomial dips below 1 between 0 and 6.5.
    return max(1.0, 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6)


def speech(loss: float, rtt: float, jitter: float) -> float:
    """Speech over one person's way to or from the server. `loss` in percent, after what could be repaired; `rtt` and
    `jitter` in seconds.

    The other person's way is taken to be as long as this one, so the delay from mouth to ear is a whole round trip:
    what is told as this person's quality must not depend on whom they talk to.
    """
    return opinion(rating(loss, 1000 * (rtt + _BUFFER * jitter) + _CODEC_MS))


def picture(loss: float, still: float, size: float = 1.0) -> float:
    """A camera's or screen's picture. `loss` in percent, after repair; `still`: the share of the time in which it stood
    still though it should have moved; `size`: its width as a share of the width that was to be seen."""
    if size <= 0.0:
        return 1.0
    sharp = max(0.0, 1.0 + _PER_HALVING * math.log2(min(1.0, size)))
    return 1.0 + 4.0 * sharp * math.exp(-max(0.0, loss) / _LOSS) * math.exp(-min(1.0, max(0.0, still)) / _STILL)
