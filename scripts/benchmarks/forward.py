"""What forwarding a packet costs the worker: a real worker process, clients with real ICE, DTLS and SRTP.

The server's place at the control link is taken by the benchmark, so that only the media plane is measured: the CPU
time of the worker process, user and system, over an interval in which all viewers are connected. Most viewers have
RTP dropped by the kernel (they cost the worker the same); the others decrypt, and stand for all in what arrived.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import typer

from media.limits import Limits
from media.load.connection import Crowd
from media.load.floor import Floor
from media.load.meter import Meter
from media.load.processes import cpu, rss_kib, waited
from media.load.publisher import SPEECH, Pacer, Pattern, Publisher, SentTrack
from media.load.viewer import Viewer
from media.srtp import PROFILES, Profile
from protocol.control import (
    Heartbeat,
    PublishAnswer,
    PublishOffer,
    SubscribeAnswer,
    SubscribeOffer,
    SubscribeOpen,
    TrackRoute,
    WorkerMessage,
)
from protocol.names import Source
from scripts.benchmarks import reference
from scripts.benchmarks.report import AsJson, Result, progress, show
from server.workers.worker import HEARTBEAT_S
from tests.media.worker_process import FakeServer, running_worker

LIMITS = Limits()
# One size for all video: what browsers send (their packets are at most 1,200 bytes of payload).
_VIDEO_SIZE = 1100
_IDLE_S = 3.0
# What is sent before the interval begins: first key frames, estimates, caches.
_WARM_UP_S = 1.0
_JOINING = 10
_SAMPLE_EVERY_S = 0.25
_MAX_SAMPLED = 12
_GROUP = "everybody"


class Srtp(enum.StrEnum):
    """The protection profile the clients offer."""

    CM = "cm"
    GCM = "gcm"

    @property
    def profile(self) -> Profile:
        """As the worker knows it."""
        name = b"SRTP_AES128_CM_SHA1_80" if self is Srtp.CM else b"SRTP_AEAD_AES_128_GCM"
        return next(profile for profile in PROFILES if profile.name == name)


@dataclass(frozen=True)
class Shape:
    """Who publishes what to whom. `publishers`: the tracks of each; `viewers`: the usual number of viewers, 0 when
    those who publish are the viewers; `to_reach`: CPU µs per delivered packet."""

    publishers: Sequence[Sequence[Pattern]]
    viewers: int
    to_reach: str

    @property
    def mean_size(self) -> int:
        """Of the packets that are sent, in bytes."""
        patterns = [pattern for tracks in self.publishers for pattern in tracks]
        return sum(each.size * each.packets_per_s for each in patterns) // sum(each.packets_per_s for each in patterns)


def _video(packets_per_s: int) -> Pattern:
    return Pattern(Source.VIDEO, packets_per_s, _VIDEO_SIZE)


class Scenario(enum.StrEnum):
    """The scenarios of the table of performance targets."""

    AUDIO = "audio"
    VIDEO200 = "video200"
    VIDEO1000 = "video1000"
    MEETING = "meeting"
    STAGE = "stage"


SHAPES = {
    Scenario.AUDIO: Shape([[SPEECH]], 300, "≤ 7"),
    Scenario.VIDEO200: Shape([[_video(200)]], 300, "≤ 4.5"),
    Scenario.VIDEO1000: Shape([[_video(1000)]], 300, "≤ 2.5"),
    Scenario.MEETING: Shape([[SPEECH, _video(100)]] * 10, 0, "≤ 7"),
    Scenario.STAGE: Shape([[SPEECH, _video(100)]] * 12 + [[SPEECH]] * 24, 200, "≤ 5"),
}


def watchers(crowd: Crowd, meter: Meter, names: list[str]) -> list[Viewer]:
    """A viewer for each name, some of them sampled."""
    every = max(1, len(names) // _MAX_SAMPLED)
    return [Viewer(crowd, name, meter, sampled=number % every == 0) for number, name in enumerate(names)]


class Served(Protocol):
    """A server that forwards, in a process of its own, and its clients."""

    pid: int
    publishers: list[Publisher]
    viewers: list[Viewer]

    async def connect(self, shape: Shape, viewers: int) -> None:
        """Bring up the publishers, then the viewers."""

    def expected(self, viewer: Viewer) -> int:
        """How many packets were sent for this viewer in the meter's interval."""


class Forwarding:
    """One worker, one room, its publishers and viewers."""

    def __init__(self, server: FakeServer, crowd: Crowd, meter: Meter) -> None:
        self.publishers: list[Publisher] = []
        self.viewers: list[Viewer] = []
        self.heartbeat: Heartbeat | None = None
        self._by_peer: dict[str, Viewer] = {}
        self.crowd = crowd
        self.meter = meter
        self._server = server
        assert server.hello is not None and server.process is not None
        self.pid = server.process.pid
        self.address = ("127.0.0.1", server.hello.udp_port)
        server.listener = self._heard

    def _heard(self, message: WorkerMessage) -> None:
        if isinstance(message, SubscribeOffer):
            answer = self._by_peer[message.peer].offered(message.sdp, self.address)
            self._server.send(
                SubscribeAnswer(
                    room=message.room,
                    peer=message.peer,
                    generation=message.generation,
                    revision=message.revision,
                    sdp=answer,
                )
            )
        elif isinstance(message, PublishAnswer):
            self.publishers[message.request].answered(message.sdp, self.address)
        elif isinstance(message, Heartbeat):
            self.heartbeat = message

    @property
    def tracks(self) -> list[SentTrack]:
        """All tracks that are published."""
        return [track for publisher in self.publishers for track in publisher.tracks]

    async def connect(self, shape: Shape, viewers: int) -> None:
        """Bring up the publishers, then the viewers."""
        names = [f"publisher-{number}" for number in range(len(shape.publishers))]
        watching = [f"viewer-{number}" for number in range(viewers)] if shape.viewers else names
        for name, patterns in zip(names, shape.publishers, strict=True):
            self.publishers.append(Publisher(self.crowd, name, patterns, self.meter))
        routes = tuple(
            TrackRoute(track=track.id, peer=track.publisher.peer, source=track.pattern.source, open=True, to=(_GROUP,))
            for track in self.tracks
        )
        self._server.version += 1
        await self._server.routes(routes, dict.fromkeys([*names, *watching], _GROUP))
        for number, publisher in enumerate(self.publishers):
            sdp, bindings = publisher.offer()
            self._server.send(PublishOffer(request=number, room="r", peer=publisher.peer, sdp=sdp, bindings=bindings))
            await asyncio.wait_for(publisher.connection.connected, 10)
        self.viewers += watchers(self.crowd, self.meter, watching)
        self._by_peer = {viewer.peer: viewer for viewer in self.viewers}
        for begin in range(0, len(self.viewers), _JOINING):
            joining = self.viewers[begin : begin + _JOINING]
            for viewer in joining:
                self._server.send(SubscribeOpen(room="r", peer=viewer.peer, generation=1))
            await asyncio.wait_for(asyncio.gather(*(viewer.connection.connected for viewer in joining)), 20)

    def expected(self, viewer: Viewer) -> int:
        """How many packets were sent for this viewer in the meter's interval: of a large stage so many voices as are
        forwarded. All speak alike, so it does not matter which."""
        tracks = [track for track in self.tracks if track.publisher.peer != viewer.peer]
        voices = [track.counted for track in tracks if track.pattern.source is Source.AUDIO]
        heard = len(voices) if self.voices <= LIMITS.audio_everybody else LIMITS.audio_tracks
        pictures = sum(track.counted for track in tracks if track.pattern.source is not Source.AUDIO)
        return pictures + round(sum(voices) * heard / max(1, len(voices)))

    @property
    def voices(self) -> int:
        """How many people speak."""
        return sum(track.pattern.source is Source.AUDIO for track in self.tracks)


async def run(scenario: Scenario, viewers: int | None, srtp: Srtp, seconds: float, coalesce_us: int) -> Result:
    """One measurement; about `seconds` + 6 s, and what the viewers take to come."""
    crowd, meter = Crowd(srtp.profile), Meter()
    async with running_worker("--limit", f"coalesce_us={coalesce_us}", heartbeat_s=HEARTBEAT_S) as server:
        forwarding = Forwarding(server, crowd, meter)
        found = await measured(forwarding, crowd, meter, scenario, viewers, srtp, seconds)
        heartbeat = forwarding.heartbeat
        server.listener = lambda message: None
    return {
        **found,
        "worker_lag_ms": heartbeat.lag_ms if heartbeat is not None else None,
        "workers": 1,
        "coalesce_us": coalesce_us,
    }


async def measured(
    served: Served, crowd: Crowd, meter: Meter, scenario: Scenario, viewers: int | None, srtp: Srtp, seconds: float
) -> Result:
    """What a server of forwarding costs in a scenario; its clients, a `crowd`, are closed then."""
    shape = SHAPES[scenario]
    number = (shape.viewers if viewers is None else viewers) if shape.viewers else len(shape.publishers)
    floor = Floor(srtp.profile, shape.mean_size)
    first = reference.measure()
    crowd.start()
    pid = served.pid
    before, memory = cpu(pid), rss_kib(pid)
    progress(f"{number} viewers join")
    await served.connect(shape, number)
    await asyncio.sleep(0.5)
    joined, grown = cpu(pid) - before, rss_kib(pid) - memory
    begin = cpu(pid)
    await asyncio.sleep(_IDLE_S)
    idle = cpu(pid) - begin
    pacer = Pacer(crowd, [track for publisher in served.publishers for track in publisher.tracks])
    await asyncio.sleep(_WARM_UP_S)
    progress(f"measuring for {seconds:.0f} s")
    meter.start(time.time_ns())
    started, begin, queued = time.monotonic(), cpu(pid), waited(pid)
    while (left := started + seconds - time.monotonic()) > 0:
        floor.sample()
        await asyncio.sleep(min(left, _SAMPLE_EVERY_S))
    meter.stop(time.time_ns())
    passed, used, queued = time.monotonic() - started, cpu(pid) - begin, waited(pid) - queued
    await asyncio.sleep(0.7)  # what is under way arrives, what was lost is repeated
    pacer.stop()
    floor.close()
    crowd.stop()
    last = reference.measure()
    expected = sum(served.expected(viewer) for viewer in served.viewers)
    sampled = [viewer for viewer in served.viewers if viewer.sampled]
    share = sum(viewer.counted for viewer in sampled) / max(1, sum(map(served.expected, sampled)))
    delivered = max(1, round(expected * share))
    return {
        "scenario": scenario.value,
        "viewers": number,
        "srtp": srtp.value,
        "cpu_us_per_packet": 1e6 * used.total / delivered,
        "user_us": 1e6 * used.user / delivered,
        "sys_us": 1e6 * used.system / delivered,
        "floor_us": floor.us,
        "times_floor": 1e6 * used.total / delivered / floor.us,
        "reference_us": (first.total_us + last.total_us) / 2,
        "delivered": delivered,
        "expected": expected,
        "delivered_per_s": round(delivered / passed),
        "cpu_share": used.total / passed,
        "waited_share": queued / passed,
        "latency_ms": {"p50": meter.delay_ms(0.5), "p99": meter.delay_ms(0.99)},
        "idle_cpu_us_per_viewer_s": 1e6 * idle.total / _IDLE_S / number,
        "join_cpu_ms": 1000 * joined.total / (number + (len(shape.publishers) if shape.viewers else number)),
        "rss_kib_per_viewer": grown / number,
        "sampled_viewers": len(sampled),
    }


def command(
    scenario: Annotated[Scenario, typer.Option(help="What is sent to whom.")] = Scenario.VIDEO200,
    viewers: Annotated[int | None, typer.Option(min=1, max=5000, help="How many viewers; not for meeting.")] = None,
    srtp: Annotated[Srtp, typer.Option(help="cm: AES-CM with SHA-1, gcm: AES-GCM, as browsers choose.")] = Srtp.GCM,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to measure.")] = 10.0,
    coalesce_us: Annotated[
        int, typer.Option(min=1, max=20_000, help="How long a packet waits for others (the worker's limit).")
    ] = LIMITS.coalesce_us,
    as_json: AsJson = False,
) -> None:
    """CPU time of a media worker for each RTP packet it delivers."""
    result = asyncio.run(run(scenario, viewers, srtp, seconds, coalesce_us))
    targets = {
        "cpu_us_per_packet": SHAPES[scenario].to_reach,
        "latency_ms": "p99 ≤ 10",
        "idle_cpu_us_per_viewer_s": "≤ 100",
        "join_cpu_ms": "≤ 2 (with the server)",
        "rss_kib_per_viewer": "≤ 120",
    }
    show(f"forward {scenario.value}: CPU of the worker", result, as_json, targets)
    if result["delivered"] != result["expected"]:
        typer.echo("Not everything was delivered in time: these are the figures of an overloaded machine.", err=True)
