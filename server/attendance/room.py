"""One room's part of the attendance book on this node: of the people whose main connection is here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from protocol import events as e
from protocol.control import PeerReport
from protocol.signals import Loudness, Quality
from server.attendance.book import Book
from server.attendance.counting import SPEECH, Counting, Named, Report
from server.attendance.figures import Stay
from server.conference.replica import RoomReplica
from server.room.state import Room


class RoomAttendance:
    """An observer of the replica, and of what its workers measure. `here`: the node."""

    def __init__(self, replica: RoomReplica, book: Book, here: str) -> None:
        self.conference = replica.room.conference
        self._replica = replica
        self._book = book
        self._here = here
        self._counting = Counting()

    def start(self) -> None:
        """Begin to count."""
        self._book.rooms.add(self)

    def stop(self) -> None:
        """The room is closed on this node."""
        self._book.rooms.discard(self)
        self._book.note(self.conference, self._counting.end(_now()))

    def take(self) -> list[Stay]:
        """See `Source`."""
        people, now = self._replica.room.people, _now()
        # Where the record was read anew, nobody was told who has left.
        gone = [
            (identity, since)
            for identity, since in self._counting.stays
            if (present := people.get(identity)) is None or present.since != since
        ]
        ended = [found for stay in gone for found in self._counting.over(stay, now)]
        return [*ended, *self._counting.take(now)]

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.ParticipantLeft):
            left = before.people.get(event.person)
            if left is not None:
                self._book.note(self.conference, self._counting.over((left.id, left.since), _now()))
        elif isinstance(event, e.ConferenceEnded):
            self._book.note(self.conference, self._counting.end(_now()))

    def committed(self, after: Room) -> None:
        """See `Observer`."""

    def speaking(self, heard: Iterable[Loudness]) -> None:
        """See `Listener`."""
        speak = (self._stay(one.person) for one in heard if one.level >= SPEECH)
        self._counting.heard([stay for stay in speak if stay is not None], _now())

    def reported(self, peers: Iterable[PeerReport], qualities: Mapping[str, Quality]) -> None:
        """See `Listener`."""
        found = []
        for peer in peers:
            quality, stay = qualities.get(peer.peer), self._stay(peer.peer)
            if quality is not None and stay is not None:
                loss = max(peer.loss_up, peer.loss_down)
                found.append(Report(stay=stay, grade=quality.grade, loss=loss, rtt=peer.rtt_ms))
        self._counting.reported(found, _now())

    def silent(self) -> None:
        """See `Listener`."""
        self._counting.silent(_now())

    def _stay(self, person: str) -> Named | None:
        """Somebody's stay, when it is this node that counts it: others hear of them as well."""
        present = self._replica.room.people.get(person)
        return (person, present.since) if present is not None and present.links.get(self._here) else None


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
