"""What a load test is asked to do, and whether that is possible here."""

from __future__ import annotations

import enum
import math
import re
import resource
from urllib.parse import urlsplit

import msgspec

from media.load.publisher import SPEECH, Pattern
from protocol.client import invitation
from protocol.names import STAGE_PLACES, Source

MAX_VIEWERS = 5_000
MAX_PUBLISHERS = 360
MAX_CONFERENCES = 50
MAX_DURATION_S = 24 * 3600.0
# What browsers send at most: 1,200 bytes with their headers.
PACKET = 1_100
_LEAST_SIZE = 80
_LEAST_KBPS = 50
# What Chromium makes of a camera: rid, which part of the bitrate, which part of the width.
_LAYERS = (("q", 11, 4), ("h", 3, 2), ("f", 1, 1))
# Files beside the sockets of people: the server's pipes, libraries, the report.
_OTHER_FILES = 100


class PlanError(Exception):
    """It cannot be done as asked; the text is a sentence."""


class Storm(enum.StrEnum):
    """Many who want the same at once."""

    JOIN = "join"
    STAGE = "stage"
    MUTE = "mute"
    ALL = "all"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. Without `url` a local server is started. Who tests another one gives either `token` (of an
    account, which makes conferences or invites to `conference`) or guest links: `url` with `#invite=` is the viewers'.

    `ramp_s` None: as fast as they get in, a few at a time. `churn`: people who leave and come back, per second.
    `loss`: percent, in each direction. `sample`: how many viewers decrypt everything.
    """

    url: str = ""
    token: str = ""
    conference: str = ""
    speaker_link: str = ""
    moderator_link: str = ""
    insecure: bool = False
    publishers: int = 1
    viewers: int = 10
    conferences: int = 1
    workers: int = 1
    duration_s: float = 15.0
    ramp_s: float | None = None
    audio: bool = True
    video_kbps: int = 1_500
    fps: int = 25
    size: str = "1280x720"
    simulcast: bool = False
    churn: float = 0.0
    loss: float = 0.0
    storm: Storm | None = None
    sample: int = 12
    json: bool = False
    report: str = ""

    @property
    def local(self) -> bool:
        """Whether the server is our own."""
        return not self.url

    @property
    def storms(self) -> frozenset[Storm]:
        """The single ones."""
        if self.storm is Storm.ALL:
            return frozenset((Storm.JOIN, Storm.STAGE, Storm.MUTE))
        return frozenset((self.storm,)) if self.storm is not None else frozenset()

    @property
    def tracks(self) -> int:
        """How many each publisher has."""
        return int(self.audio) + bool(self.video_kbps)

    @property
    def moderated(self) -> bool:
        """Whether somebody has to moderate."""
        return bool(self.storms & {Storm.STAGE, Storm.MUTE})

    def patterns(self) -> list[Pattern]:
        """What each publisher sends."""
        return [*([SPEECH] if self.audio else []), *(self._pictures() if self.video_kbps else [])]

    def _pictures(self) -> list[Pattern]:
        """The picture, or its layers: each half as wide and high as the next."""
        width, height = map(int, self.size.split("x"))
        if not self.simulcast:
            return [self._picture(self.video_kbps, width, height)]
        return [
            self._picture(max(_LEAST_KBPS, self.video_kbps // part), width // halved, height // halved, rid)
            for rid, part, halved in _LAYERS
        ]

    def _picture(self, kbps: int, width: int, height: int, rid: str = "") -> Pattern:
        """Whole frames, cut into packets of one size."""
        octets = kbps * 125 / self.fps
        packets = max(1, math.ceil(octets / PACKET))
        size = max(_LEAST_SIZE, round(octets / packets))
        return Pattern(Source.VIDEO, packets * self.fps, size, self.fps, width, height, rid)

    def check(self) -> None:
        """Raises `PlanError` when it cannot be done."""
        self._check_numbers()
        self._check_access()
        files = 2 * self.viewers + 3 * self.publishers + 2 * self.conferences + _OTHER_FILES
        _allow_files(files)

    def _check_numbers(self) -> None:
        bounds: dict[str, tuple[float, float, float]] = {
            "--publishers": (self.publishers, 0, MAX_PUBLISHERS),
            "--viewers": (self.viewers, 0, MAX_VIEWERS),
            "--conferences": (self.conferences, 1, MAX_CONFERENCES),
            "--workers": (self.workers, 1, 64),
            "--duration": (self.duration_s, 1, MAX_DURATION_S),
            "--ramp": (self.ramp_s or 0.0, 0, 3600),
            "--video-kbps": (self.video_kbps, 0, 20_000),
            "--fps": (self.fps, 1, 60),
            "--churn": (self.churn, 0, 50),
            "--loss": (self.loss, 0, 90),
            "--sample": (self.sample, 1, 200),
        }
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise PlanError(f"{name} must be {least:,g} to {most:,g}, not {value:,g}.")
        if not re.fullmatch(r"[1-9][0-9]{1,3}x[1-9][0-9]{1,3}", self.size):
            raise PlanError(f"--size is a width and a height, such as 1280x720, not {self.size}.")
        if self.publishers + self.viewers == 0:
            raise PlanError("Nobody would come: ask for some --publishers or --viewers.")
        if self.publishers > STAGE_PLACES * self.conferences:
            raise PlanError(
                f"A stage has {STAGE_PLACES} places: {self.publishers} publishers need "
                f"--conferences {-(-self.publishers // STAGE_PLACES)}."
            )
        if self.publishers and not self.patterns():
            raise PlanError("Publishers without sound and picture publish nothing: leave out --no-audio.")
        if self.churn and not self.viewers:
            raise PlanError("--churn needs --viewers who leave and come back.")

    def _check_access(self) -> None:
        if self.local:
            given = {"--token": self.token, "--conference": self.conference, "--speaker-link": self.speaker_link}
            for name, value in {**given, "--moderator-link": self.moderator_link}.items():
                if value:
                    raise PlanError(f"{name} belongs to a server that is running: give its address as well.")
            return
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise PlanError("The server's address has the form https://host, or is a guest link.")
        if self.workers != 1:
            raise PlanError("--workers is for the local server; another one has its own.")
        if self.token:
            if self.conference and self.conferences != 1:
                raise PlanError("--conference and --conferences exclude each other.")
            if parts.fragment or self.speaker_link or self.moderator_link:
                raise PlanError("--token makes the guest links itself: give either it or links.")
            return
        try:
            places = {invitation(link)[0] for link in (self.url, self.speaker_link, self.moderator_link) if link}
        except ValueError as error:
            raise PlanError(f"Give a guest link, or the server's address with --token: {error}") from None
        if len(places) != 1:
            raise PlanError("The guest links are of different servers.")
        if self.conferences != 1 or self.conference:
            raise PlanError("A guest link is for one conference: leave out --conference and --conferences.")
        if self.publishers and not self.speaker_link:
            raise PlanError("Publishers need a speaker's guest link: --speaker-link LINK, or --publishers 0.")
        if self.moderated and not self.moderator_link:
            raise PlanError(f"--storm {self.storm} needs a moderator's guest link: --moderator-link LINK.")

    def intention(self) -> str:
        """What is about to happen, in a sentence."""
        who = []
        if self.publishers:
            layers = " in three layers" if self.simulcast else ""
            sent = ["sound"] if self.audio else []
            if self.video_kbps:
                sent.append(f"{self.video_kbps} kbit/s of picture{layers}")
            who.append(f"{_count(self.publishers, 'publisher')} with {' and '.join(sent)}")
        if self.viewers:
            who.append(_count(self.viewers, "viewer"))
        where = (
            f"a local server with {_count(self.workers, 'worker')}, on loopback only"
            if self.local
            else f"the server at {self.url.partition('#')[0]}"
        )
        rooms = "" if self.conferences == 1 else f" in {self.conferences} conferences"
        more = []
        if self.churn:
            more.append(f"{self.churn:g} a second leave and come back")
        if self.loss:
            more.append(f"{self.loss:g} % of their packets are lost in each direction")
        if self.storm is not None:
            more.append(f"storms: {', '.join(sorted(self.storms))}")
        tail = f" ({'; '.join(more)})" if more else ""
        return f"{' and '.join(who)} come to {where}{rooms}, for {self.duration_s:g} s{tail}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _allow_files(needed: int) -> None:
    """As many open files as that, raising our own limit where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise PlanError(
                f"This needs {needed:,} open files, and the system allows {hard:,}: "
                f"raise the limit (ulimit -Hn {needed}), or ask for fewer people."
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
