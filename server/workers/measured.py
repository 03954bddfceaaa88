"""What the workers of one room measure, as its people are told it: who speaks, and the quality of connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from protocol import control
from protocol.signals import Loudness, MediaQuality, MediaSpeakers, Quality
from protocol.statistics import TransportState
from server.conference.replica import RoomReplica
from server.frames import Encoded
from server.metrics import Metrics
from server.room.view import a_students, hears_students, moderates
from server.workers.merge import merged
from server.workers.quality import Qualities

if TYPE_CHECKING:
    from server.workers.worker import Worker

# A message of so many people, with all that they send, stays well below 64 KiB.
QUALITIES_AT_ONCE = 200


class Listener(Protocol):
    """Whoever counts what is measured; asked for no answer, in the step in which people are told."""

    def speaking(self, heard: Iterable[Loudness]) -> None:
        """Who speaks from now on."""

    def reported(self, peers: Iterable[control.PeerReport], qualities: Mapping[str, Quality]) -> None:
        """How connections were since the last report, and how that was graded."""

    def silent(self) -> None:
        """The room has no connections any more."""


class Measured:
    """`report`: the newest of all workers together."""

    def __init__(self, replica: RoomReplica, metrics: Metrics) -> None:
        self.report: control.RoomReport | None = None
        self.listeners: list[Listener] = []
        self._replica = replica
        self._further: dict[Worker, control.RoomReport] = {}
        self._qualities = Qualities(metrics)

    def forget(self, person: str) -> None:
        """The person is gone."""
        self._qualities.forget(person)

    def without(self, worker: Worker) -> None:
        """A further worker does not have the room any more."""
        self._further.pop(worker, None)

    def clear(self) -> None:
        """The room has no connections any more."""
        self.report = None
        self._further.clear()
        self._qualities.clear()
        for listener in self.listeners:
            listener.silent()

    def speaking(self, message: control.Speakers) -> None:
        """Who speaks, to everybody who hears them: of a lecture's students those are told who lead it."""
        room = self._replica.room
        heard = [
            Loudness(person=level.peer, level=level.level) for level in message.speakers if level.peer in room.people
        ]
        for listener in self.listeners:
            listener.speaking(heard)
        everybody = Encoded(MediaSpeakers(speakers=tuple(heard)))
        stage = Encoded(MediaSpeakers(speakers=tuple(one for one in heard if not a_students(room, one.person))))
        for member in self._replica.members:
            member.send((everybody if hears_students(room, member.person) else stage).frame(member.encoding))

    def reported(self, worker: Worker, first: Worker | None, message: control.RoomReport) -> None:
        """Counters: kept, and told as connection quality when the first worker reports. Moderators are told
        everybody's, others their own and the stage's."""
        if worker is not first:
            self._further[worker] = message
            return
        self.report = merged(message, self._further.values())
        measured = self._qualities.reported(self.report, self._replica.room.people)
        for listener in self.listeners:
            listener.reported(self.report.peers, measured)
        self._tell(measured)

    def transport_changed(self, message: control.TransportChanged) -> None:
        """A transport that fell silent is told at once, not with the next report."""
        if message.state in (TransportState.LOST, TransportState.FAILED):
            lost = self._qualities.lost(message.peer)
            if lost is not None and message.peer in self._replica.room.people:
                self._tell({message.peer: lost})

    def _tell(self, measured: dict[str, Quality]) -> None:
        if not measured:
            return
        room = self._replica.room
        everybody = _messages(list(measured.values()))
        stage = _messages([measured[person] for person in room.stage if person in measured])
        for member in self._replica.members:
            person = member.person
            own = measured.get(person) if person not in room.stage else None
            told = everybody if moderates(room, person) else [*stage, *_messages([own] if own is not None else [])]
            for encoded in told:
                member.send(encoded.frame(member.encoding))


def _messages(qualities: list[Quality]) -> list[Encoded]:
    return [
        Encoded(MediaQuality(people=tuple(qualities[start : start + QUALITIES_AT_ONCE])))
        for start in range(0, len(qualities), QUALITIES_AT_ONCE)
    ]
