"""What came of a run, as one object: for programs, for the tables and for the report.

Two measures of loss that support each other. End to end: what was sent while everybody was there, beside what a
viewer got of it in the end, repetitions included; sampled viewers count packets by what they carry, for the others
the kernel counts what its filter dropped. And the streams' own numbers: what sampled viewers missed at first.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from media.loadtest.measure import Second
from media.loadtest.people import People
from media.loadtest.person import Person
from media.loadtest.plan import Plan


class Tester(msgspec.Struct, frozen=True, kw_only=True):
    """One person's line. `tracks`: received of those there were, or sent; `packets`, and `lost` of `expected` (None
    where it cannot be said); times in ms from the first byte."""

    name: str
    role: str
    tracks: int
    of_tracks: int
    kbps: float
    packets: int
    expected: int | None = None
    lost: int | None = None
    repaired: int = 0
    sampled: bool = False
    join_ms: float | None = None
    media_ms: float | None = None
    first_packet_ms: float | None = None
    resets: int = 0
    gaps: int = 0
    error: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `series` is second by second; `violations` are promises of the server that were not kept."""

    intention: str
    interrupted: bool
    duration_s: float
    conferences: int
    testers: tuple[Tester, ...]
    total: dict[str, Any]
    latency_ms: dict[str, float] | None
    join_ms: dict[str, float] | None
    media_ms: dict[str, float] | None
    storms: dict[str, dict[str, Any]]
    violations: tuple[str, ...]
    errors: dict[str, int]
    series: tuple[Second, ...]
    cpu: dict[str, float]
    machine: dict[str, Any]


class Interval:
    """The part of the run in which everybody is there: what had come before it to each of them."""

    def __init__(self, people: People, plan: Plan) -> None:
        self._people = people
        self._plan = plan
        self.seconds = 0.0
        self._before = {person: (person.received, _octets(person)) for person in people.viewers}
        self._after: dict[Person, tuple[int, int]] = {}
        self._numbers = {person: _numbers(person) for person in people.viewers if person.sampled}
        self._sent_before = {person: _sent(person) for person in people.publishers}
        self._sent: dict[Person, tuple[int, int]] = {}

    def end(self, seconds: float) -> None:
        """It is over, and so long it was."""
        self.seconds = seconds
        self._after = {person: (person.received, _octets(person)) for person in self._people.viewers}
        for person, (packets, octets) in self._sent_before.items():
            now = _sent(person)
            self._sent[person] = (now[0] - packets, now[1] - octets)

    def testers(self) -> list[Tester]:
        """Everybody's line, publishers first."""
        publishers = [self._publisher(person) for person in self._people.publishers]
        known = [self._viewer(person) for person in self._people.viewers if person.sampled]
        mean = self._mean_size()
        others = [self._viewer(person, mean) for person in self._people.viewers if not person.sampled]
        return [*publishers, *known, *others]

    def _mean_size(self) -> float:
        """Of the packets that viewers read, in octets: what the others got was as large."""
        sampled = [person for person in self._before if person.sampled and person in self._after]
        packets = sum(self._after[each][0] - self._before[each][0] for each in sampled)
        octets = sum(self._after[each][1] - self._before[each][1] for each in sampled)
        return octets / packets if packets else 0.0

    def _publisher(self, person: Person) -> Tester:
        packets, octets = self._sent.get(person, (0, 0))
        tracks = len({track.mid for track in person.publisher.tracks}) if person.publisher is not None else 0
        sends = person.publisher is not None and person.publisher.connection.outbound is not None
        return Tester(
            name=person.name,
            role="publisher",
            tracks=tracks if packets or sends else 0,
            of_tracks=self._plan.tracks,
            kbps=self._kbps(octets),
            packets=packets,
            **_common(person),
        )

    def _viewer(self, person: Person, mean_size: float = 0.0) -> Tester:
        packets, octets = (
            now - before
            for now, before in zip(self._after.get(person, (0, 0)), self._before.get(person, (0, 0)), strict=True)
        )
        viewer = person.viewer
        if not person.sampled:
            octets = round(packets * mean_size)
        expected, lost = self._loss(person, packets)
        first = viewer.first_packet_at if viewer is not None else 0.0
        began = person.began_at or 0.0
        return Tester(
            name=person.name,
            role="viewer",
            tracks=len(viewer.per_stream) if viewer is not None and person.sampled else len(person.tracks),
            of_tracks=self._plan.tracks * len(self._seen_by(person)),
            kbps=self._kbps(octets),
            packets=packets,
            expected=expected,
            lost=lost,
            repaired=viewer.repaired if viewer is not None else 0,
            sampled=person.sampled,
            first_packet_ms=round(1000 * (first - began), 1) if first else None,
            **_common(person),
        )

    def _seen_by(self, person: Person) -> list[Person]:
        conference = person.ticket.conference
        return [each for each in self._people.publishers if each.ticket.conference == conference]

    def _loss(self, person: Person, packets: int) -> tuple[int | None, int | None]:
        """What was sent for this viewer, and how much of it never came."""
        expected = self._expected(person)
        if expected is None or person.viewer is None:
            return None, None
        if self._plan.simulcast:
            # Which layer was sent only its own numbers tell.
            began, ended = self._numbers[person], _numbers(person)
            missed, repaired = ended.missed - began.missed, ended.repaired - began.repaired
            return ended.expected - began.expected, max(0, missed - repaired)
        # More than was sent are repetitions and padding.
        return expected, max(0, expected - (person.viewer.counted if person.sampled else packets))

    def _expected(self, person: Person) -> int | None:
        """What was sent for this viewer; None for who was not there all the time, or where nobody can say: what
        somebody behind a lossy line without repetitions gets is a matter of chance, what of several layers as well."""
        if person in self._people.churned or person.viewer is None or person.error or person.resets:
            return None
        if (self._plan.loss or self._plan.simulcast) and not person.sampled:
            return None
        publishers = self._seen_by(person)
        if any(each.resets for each in publishers):
            return None
        return sum(self._sent[each][0] for each in publishers if each in self._sent)

    def _kbps(self, octets: int) -> float:
        return round(octets * 8 / 1000 / self.seconds, 1) if self.seconds else 0.0


def _common(person: Person) -> dict[str, Any]:
    began = person.began_at

    def after(moment: float | None) -> float | None:
        return round(1000 * (moment - began), 1) if moment is not None and began is not None else None

    return {
        "join_ms": after(person.joined_at),
        "media_ms": after(person.connected_at),
        "resets": person.resets,
        "gaps": person.signaling.gaps if person.signaling is not None else 0,
        "error": person.error,
    }


class _Numbers(NamedTuple):
    """What the numbers of a viewer's streams say so far."""

    expected: int
    missed: int
    repaired: int


def _numbers(person: Person) -> _Numbers:
    viewer = person.viewer
    if viewer is None:
        return _Numbers(0, 0, 0)
    return _Numbers(sum(each.loss.expected for each in viewer.streams.values()), person.missed, viewer.repaired)


def _sent(person: Person) -> tuple[int, int]:
    tracks = person.publisher.tracks if person.publisher is not None else []
    return sum(track.packets for track in tracks), sum(track.octets + 12 * track.packets for track in tracks)


def _octets(person: Person) -> int:
    return person.viewer.connection.octets if person.viewer is not None else 0


def total(testers: Sequence[Tester]) -> dict[str, Any]:
    """The sums over all viewers, and over those of whom the loss is known."""
    viewers = [each for each in testers if each.role == "viewer"]
    judged = [each for each in viewers if each.expected]
    expected, lost = sum(each.expected or 0 for each in judged), sum(each.lost or 0 for each in judged)
    return {
        "viewers": len(viewers),
        "tracks": sum(each.tracks for each in viewers),
        "of_tracks": sum(each.of_tracks for each in viewers),
        "kbps": round(sum(each.kbps for each in viewers), 1),
        "packets": sum(each.packets for each in viewers),
        "sent_packets": sum(each.packets for each in testers if each.role == "publisher"),
        "judged_viewers": len(judged),
        "expected": expected,
        "lost": lost,
        "loss_percent": round(100 * lost / expected, 4) if expected else None,
        "repaired": sum(each.repaired for each in viewers),
        "errors": sum(bool(each.error) for each in testers),
    }


def gaps(testers: Sequence[Tester]) -> tuple[str, ...]:
    """The violation, if there is one, that somebody was not told events in sequence."""
    count = sum(bool(each.gaps) for each in testers)
    return (f"{count} people were told events with a gap between them.",) if count else ()


def silent(testers: Sequence[Tester]) -> tuple[str, ...]:
    """The sentence, if it is so, that publishers were there and sent nothing: then nothing was measured."""
    publishers = [each for each in testers if each.role == "publisher"]
    sent = not publishers or any(each.packets for each in publishers)
    return () if sent else ("Nothing was sent in the whole interval: what was measured is the silence.",)


def machine() -> dict[str, Any]:
    """What the crowd ran on; a local server ran on it as well."""
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def cpu_shares(series: Sequence[Second]) -> dict[str, float]:
    """Process → mean share of a core over these seconds."""
    names = {name for second in series for name in second.cpu}
    return {name: round(sum(second.cpu.get(name, 0.0) for second in series) / len(series), 3) for name in sorted(names)}
