"""A link and a browser behind it, in simulated time: what the bandwidth controller is tried on.

`Link` is a bottleneck with a rate, a queue that loses what does not fit, a delay and random loss. `Receiver` answers as
Chromium does: a REMB each 0.23 s that falls to 0.85 of what arrives when the queue grows and rises by 8 % a second up
to 1.5 times what arrives, receiver reports each second, round trips. `Call` runs a controller against both.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from media.bandwidth.allocate import Offered, Rank, Wish
from media.bandwidth.controller import Controller
from media.bandwidth.estimator import Sent

STEP = 0.02
AUDIO = 50_000.0


class Link:
    """A bottleneck: first in, first out. Bits/s, seconds."""

    def __init__(
        self, rate: float, *, queue: float = 0.3, delay: float = 0.02, loss: float = 0.0, seed: int = 1
    ) -> None:
        self.rate, self.queue, self.delay, self.loss = rate, queue, delay, loss
        self.lost = {"audio": 0, "video": 0}
        self.came = {"audio": 0, "video": 0}
        self._waiting: deque[tuple[str, float]] = deque()
        self._bits = 0.0
        self._idle = 0.0
        self._random = random.Random(seed)

    def send(self, kind: str, bits: float) -> None:
        """A packet, which arrives or does not."""
        if self._random.random() < self.loss or self._bits + bits > max(self.rate * self.queue, 12_000):
            self.lost[kind] += 1
            return
        self._waiting.append((kind, bits))
        self._bits += bits

    def pass_time(self, seconds: float) -> float:
        """Let the link work; the bits of video that came out."""
        self._idle += self.rate * seconds
        video = 0.0
        while self._waiting and self._waiting[0][1] <= self._idle:
            kind, bits = self._waiting.popleft()
            self._idle -= bits
            self._bits -= bits
            self.came[kind] += 1
            if kind == "video":
                video += bits
        if not self._waiting:
            self._idle = 0.0
        return video

    @property
    def held_up(self) -> float:
        """How long a packet that comes now would wait."""
        return self._bits / self.rate


class Receiver:
    """The estimate of the other end, after WebRTC's rate control. `noise`: how often, per second, it takes its own
    business for a full link."""

    def __init__(self, noise: float = 0.0, seed: int = 1) -> None:
        self.estimate: float | None = None
        self._window: deque[tuple[float, float]] = deque()
        self._delays: deque[float] = deque(maxlen=4)
        self._sum, self._count = 0.0, 0
        self._at = 0.0
        self._random = random.Random(seed)
        self._noise = noise
        self._rising_after = 0.0
        self._began, self._heard = 0.0, float("-inf")

    def arrived(self, bits: float, held_up: float, now: float) -> None:
        """So much has come in this step, after so much waiting."""
        self._window.append((now, bits))
        while self._window[0][0] < now - 1.0:
            self._window.popleft()
        if bits:
            self._began = now if now - self._heard > 2.0 else self._began
            self._heard = now
        self._sum, self._count = self._sum + held_up, self._count + 1
        if now - self._at < 0.1:
            return
        passed, self._at = now - self._at, now
        delay, self._sum, self._count = self._sum / self._count, 0.0, 0
        # Delay that grows over 0.3 s, or has been pushed up against the queue's end.
        full = len(self._delays) == 4 and delay > max(self._delays) and delay - self._delays[0] > 0.02
        full = full or self._random.random() < self._noise * passed
        self._delays.append(delay)
        came = sum(bits for _, bits in self._window) / max(0.3, min(1.0, now - self._began))
        if now - self._heard > 2.0:
            self.estimate = None
        elif self.estimate is None:
            if full or now - self._began > 5.0:
                self.estimate = came * (0.85 if full else 1.0)
        elif full:
            self.estimate = min(self.estimate, 0.85 * came)
            self._rising_after = now + 0.5
        elif now > self._rising_after:
            self.estimate = max(self.estimate, min(self.estimate * 1.08**passed, 1.5 * came + 10_000))


@dataclass
class Call:
    """A viewer that watches pictures over a link. `layers`: of each picture; `switches` counts changes of layers."""

    link: Link
    pictures: list[Sequence[Offered]]
    heights: list[int | None]
    ranks: list[Rank] = field(default_factory=list)
    receiver: Receiver = field(default_factory=Receiver)
    hears: bool = True
    seed: int = 1
    now: float = 0.0
    switches: int = 0
    padded: float = 0.0
    history: list[tuple[float, tuple[int | None, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller = Controller(0.0, hears=self.hears, most=50e6)
        self.chosen: list[int | None] = [None] * len(self.pictures)
        self._random = random.Random(self.seed)
        self._sent: deque[tuple[float, float, float]] = deque()
        self._owed = [0.0] * len(self.pictures)
        self._next = {"decide": 0.0, "remb": 0.3, "report": 1.0}
        self._counted = (0, 0)
        self._told: float | None = None

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self.now + seconds
        while self.now < until:
            self._step()

    def _step(self) -> None:
        self.now += STEP
        now, link = self.now, self.link
        media = 0.0
        link.send("audio", AUDIO * STEP)
        for number, index in enumerate(self.chosen):
            if index is None:
                continue
            # Frames differ; the mean is the layer's bitrate.
            self._owed[number] += self.pictures[number][index].bitrate * STEP * self._random.uniform(0.5, 1.5)
            while self._owed[number] >= 9_000:
                self._owed[number] -= 9_000
                media += 9_000
                link.send("video", 9_000)
        sent = Sent(sum(media for _, media, _ in self._sent), sum(every for _, _, every in self._sent))
        # In whole packets, as on the wire.
        padding = 9_000 * -(-8 * self.controller.padding(sent, now) // 9_000)
        self.controller.padded(padding // 8)
        self.padded += padding
        rest = padding
        while rest > 0:
            link.send("video", min(9_000, rest))
            rest -= 9_000
        self._sent.append((now, media, media + padding))
        while self._sent[0][0] < now - 1.0:
            self._sent.popleft()
        self.receiver.arrived(link.pass_time(STEP), link.held_up, now)
        self._hear(sent, now)
        if now >= self._next["decide"]:
            self._next["decide"] = now + 0.3
            self._decide(sent)

    def _hear(self, sent: Sent, now: float) -> None:
        fell = False
        estimate = self.receiver.estimate
        if estimate is None:
            self._told = None
        urgent = estimate is not None and self._told is not None and estimate < 0.97 * self._told
        if self.hears and estimate is not None and (now >= self._next["remb"] or urgent):
            self._next["remb"] = now + 0.23
            self._told = estimate
            fell = self.controller.remb(estimate, sent, now)
        if now >= self._next["report"]:
            self._next["report"] = now + 1.0
            came, lost = sum(self.link.came.values()), sum(self.link.lost.values())
            packets = came + lost - sum(self._counted)
            fraction = (lost - self._counted[1]) / packets if packets else 0.0
            self._counted = (came, lost)
            trip = 2 * self.link.delay + self.link.held_up
            fell = self.controller.round_trip(trip, sent, now) or fell
            fell = self.controller.loss(fraction, packets, sent, now) or fell
        if fell:
            self._decide(sent)

    def wishes(self) -> list[Wish]:
        ranks = self.ranks or [Rank.OTHER] * len(self.pictures)
        return [
            Wish(rank, height, layers, index)
            for rank, height, layers, index in zip(ranks, self.heights, self.pictures, self.chosen, strict=True)
        ]

    def _decide(self, sent: Sent) -> None:
        chosen = self.controller.decide(self.wishes(), sent, self.now)
        if chosen != self.chosen:
            self.switches += sum(one != other for one, other in zip(chosen, self.chosen, strict=True))
            self.history.append((round(self.now, 2), tuple(chosen)))
        self.chosen = chosen

    def audio_lost(self, since: tuple[int, int] = (0, 0)) -> float:
        """The part of the sound that was lost, since (came, lost) of an earlier moment."""
        came, lost = self.link.came["audio"] - since[0], self.link.lost["audio"] - since[1]
        return lost / (came + lost)

    @property
    def audio(self) -> tuple[int, int]:
        return self.link.came["audio"], self.link.lost["audio"]


CAMERA = (Offered(180, 150e3), Offered(360, 500e3), Offered(720, 1_700e3))
"""What a browser sends of a camera in three layers."""
