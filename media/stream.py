"""What a publisher's packets belong to: m-lines, bound to tracks, and SSRCs, bound to layers."""

from __future__ import annotations

from typing import NamedTuple

from media.codecs import Choice
from media.layer import Layer
from media.loss import LossRegister
from media.nack import NackGenerator
from media.sender_clock import SenderClock
from media.sound import Sound
from media.spatial import Carrier
from media.track import Track


class Line:
    """An m-line of the publisher that is bound to a track. `rids`: the names of its layers; empty when it has one."""

    __slots__ = ("choice", "mid", "rids", "rtx_of", "ssrcs", "track")

    def __init__(
        self,
        mid: str,
        track: Track,
        choice: Choice,
        ssrcs: list[int],
        rtx_of: dict[int, int],
        rids: tuple[str, ...] = (),
    ) -> None:
        self.mid = mid
        self.track = track
        self.choice = choice
        self.rtx_of = rtx_of
        self.ssrcs = [ssrc for ssrc in ssrcs if ssrc not in rtx_of.values()]
        self.rids = rids


class Binding(NamedTuple):
    """What an SSRC is: of which m-line and layer (`rid` "" where there is one), packets or their repetitions."""

    mid: str
    rid: str
    repeats: bool


class Stream:
    """One SSRC of a publisher: a layer's own packets, or (`repeats` set) their retransmissions. `recovered` counts
    those that were lost at first. `carrier`: its layer, where it holds several. `replaced_at`: when another one took
    its place in the layer."""

    __slots__ = (
        "carrier",
        "clock",
        "layer",
        "line",
        "loss",
        "nack",
        "recovered",
        "repeats",
        "replaced_at",
        "sound",
        "ssrc",
    )

    def __init__(self, ssrc: int, line: Line, layer: Layer, repeats: bool) -> None:
        self.ssrc = ssrc
        self.line = line
        self.layer = layer
        self.repeats = repeats
        self.loss = LossRegister(line.choice.codec.clock_rate)
        self.clock = SenderClock(line.choice.codec.clock_rate)
        # Viewers begin anew behind an outage, with numbers that go on: of two jumps by half a round, the first of which
        # is lost on the way to them, their SRTP would count one, and never read anything under that SSRC again.
        self.nack = NackGenerator(layer.interrupt) if layer.track.is_video else None
        self.sound = None if layer.track.is_video else Sound()
        self.carrier = layer if isinstance(layer, Carrier) else None
        self.recovered = 0
        self.replaced_at = -1e9

    def reset(self) -> None:
        """What was missed while nobody needed it is not missed. Nor is it taken from what the next packet repeats:
        what was said while a microphone was closed stays unheard."""
        if self.nack is not None:
            self.nack.reset()
        if self.sound is not None:
            self.sound.begin_anew()
