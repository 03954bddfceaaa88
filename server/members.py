"""Who is attached to a room on this node, and how they are told what happens in it.

Everything here is synchronous: between a commit and the last frame of it there is no await, so a session that
attaches is either told an event or finds it in its snapshot, never both and never neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec
from msgspec.structs import replace

from protocol import events as e
from protocol.codec import Encoding
from protocol.errors import Code
from protocol.signals import Resync
from server.frames import Encoded, frame
from server.history import Told
from server.room.state import Room
from server.room.view import moderates, needs_resync, snapshot

# Why somebody's connections are closed when they are made to leave; who leaves by themselves keeps the connection.
_CLOSES_WITH = {
    e.LeaveReason.REMOVED: Code.REMOVED,
    e.LeaveReason.BLOCKED: Code.BLOCKED,
    e.LeaveReason.NO_ACCESS: Code.NO_ACCESS,
}


class Member(Protocol):
    """A connection in a room. `told` is the version it was last told of; `console`: without media."""

    person: str
    client: str
    console: bool
    encoding: Encoding
    told: int

    def send(self, frame: bytes) -> None:
        """Hand over a finished frame; never blocks, never raises."""

    def close(self, code: Code) -> None:
        """End the connection, saying why."""

    def gone(self, code: Code | None, note: str) -> None:
        """The person is not in the conference any more; None: they left by themselves or expired."""


class Members:
    """The members of one room on this node."""

    def __init__(self, epoch: int, version: int) -> None:
        self._epoch = epoch
        self._by_person: dict[str, list[Member]] = {}
        self._everyone_told = version
        self._going: list[tuple[Member, Code | None, str]] = []
        # Persons here who are told what moderators are told; in a crowd nobody else is looked at for such events.
        self._moderators: set[str] = set()

    def __iter__(self) -> Iterator[Member]:
        for members in list(self._by_person.values()):
            yield from list(members)

    def __len__(self) -> int:
        return sum(map(len, self._by_person.values()))

    def of(self, person: str) -> tuple[Member, ...]:
        """The connections of one person."""
        return tuple(self._by_person.get(person, ()))

    def attach(self, member: Member, told: int, room: Room) -> None:
        """From now on `member` is told what comes after version `told`; `room` is the state now."""
        member.told = told
        self._by_person.setdefault(member.person, []).append(member)
        self._look_at(room, member.person)

    def detach(self, member: Member) -> bool:
        """Not told any more. True when it was the person's last connection; false also when it was not attached."""
        members = self._by_person.get(member.person, [])
        if member not in members:
            return False
        members.remove(member)
        if not members:
            del self._by_person[member.person]
            self._moderators.discard(member.person)
        return not members

    def tell(self, before: Room, after: Room, told: Told) -> int:
        """The event that led from one state to the other, to everybody it is meant for; how many were told."""
        event = told.event
        if isinstance(event, e.RoleAssigned):
            self._look_at(after, event.person)
        # Variants differ in `after` only. Whoever is no moderator has missed nothing since the last event for
        # everyone, wherever they joined between, so one variant serves the crowd.
        variants: dict[int, Encoded] = {}
        count = 0
        for member in self._meant(told):
            since = member.told
            if event.version <= since:
                continue
            if since > self._everyone_told and member.person not in self._moderators:
                since = self._everyone_told
            variant = variants.get(since)
            if variant is None:
                variant = variants[since] = Encoded(replace(event, after=since))
            member.send(variant.frame(member.encoding))
            member.told = event.version
            count += 1
        if told.audience.everyone:
            self._everyone_told = event.version
        self._refresh(before, after, told)
        self._part(event)
        return count

    def tell_first(self, person: str, told: Told) -> None:
        """The event to one person ahead of all others, if it is meant for them; `tell` follows."""
        if told.audience.everyone or person in told.audience.persons or person in self._moderators:
            for member in self.of(person):
                if told.event.version > member.told:
                    member.send(frame(replace(told.event, after=member.told), member.encoding))
                    member.told = told.event.version

    def _meant(self, told: Told) -> Iterator[Member]:
        if told.audience.everyone:
            yield from self
            return
        for person in self._moderators.union(told.audience.persons):
            yield from self.of(person)

    def _look_at(self, room: Room, person: str) -> None:
        if person in self._by_person and moderates(room, person):
            self._moderators.add(person)
        else:
            self._moderators.discard(person)

    def _refresh(self, before: Room, after: Room, told: Told) -> None:
        """A snapshot for those whose whole picture changed."""
        if told.crowd_changed:
            persons = list(self._by_person)
        elif isinstance(told.event, e.RoleAssigned):
            persons = [told.event.person]
        elif isinstance(told.event, e.ConferenceModeChanged):
            for person in list(self._by_person):
                self.resync(after, person)
            return
        else:
            return
        for person in persons:
            if needs_resync(before, after, person):
                self.resync(after, person)

    def resync(self, room: Room, person: str) -> None:
        """A snapshot in place of everything the person knows."""
        members = self.of(person)
        if not members:
            return
        encoded = Encoded(Resync(snapshot=snapshot(room, person, self._epoch)))
        for member in members:
            member.send(encoded.frame(member.encoding))
            member.told = room.version

    def start_anew(self, epoch: int, room: Room) -> None:
        """The room's record was replaced: everybody gets a snapshot of what is there now, or is gone from it."""
        self._epoch = epoch
        self._everyone_told = room.version
        for person in list(self._by_person):
            if person in room.people:
                self._look_at(room, person)
                self.resync(room, person)
            else:
                self._gone(person, None, "")

    def dismiss(self) -> None:
        """Let those go who are not in the conference any more; after the answers, so that each has theirs first."""
        going, self._going = self._going, []
        for member, code, note in going:
            member.gone(code, note)

    def _part(self, event: e.RoomEvent) -> None:
        """Those who are not in the conference any more are not told what comes next."""
        if isinstance(event, e.ConferenceEnded):
            persons, code, note = list(self._by_person), Code.CONFERENCE_ENDED, ""
        elif isinstance(event, e.ParticipantLeft):
            self._gone(event.person, _CLOSES_WITH.get(event.reason), event.note)
            return
        else:
            return
        for person in persons:
            self._gone(person, code, note)

    def _gone(self, person: str, code: Code | None, note: str) -> None:
        self._moderators.discard(person)
        self._going += [(member, code, note) for member in self._by_person.pop(person, [])]

    def signal(self, message: msgspec.Struct, *, media: bool = False) -> None:
        """To everybody; `media`: not to consoles."""
        encoded = Encoded(message)
        for member in self:
            if not (media and member.console):
                member.send(encoded.frame(member.encoding))

    def signal_to(self, person: str, message: msgspec.Struct, *, media: bool = False) -> None:
        """To the connections of one person; `media`: not to consoles."""
        encoded = Encoded(message)
        for member in self.of(person):
            if not (media and member.console):
                member.send(encoded.frame(member.encoding))
