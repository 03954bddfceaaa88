"""Who is attached to a room on this node, and how they are told what happens in it.

Everything here is synchronous: between a commit and the last frame of it there is no await, so a session that
attaches is either told an event or finds it in its snapshot, never both and never neither.

A snapshot costs a quarter of a millisecond. When a crowd's whole picture changes, those who moderate and some others
have theirs at once, the rest in turns of the loop that follow; until then they are told no events: those are in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

import msgspec
from msgspec.structs import replace

from protocol import events as e
from protocol.codec import Encoding
from protocol.errors import Code
from protocol.signals import Resync
from server.conference.history import Told
from server.frames import Encoded, EncodedRow
from server.room.state import Room
from server.room.view import moderates, needs_resync, public, sees, snapshot

# Why somebody's connections are closed when they are made to leave; who leaves by themselves keeps the connection.
_CLOSES_WITH = {
    e.LeaveReason.REMOVED: Code.REMOVED,
    e.LeaveReason.BLOCKED: Code.BLOCKED,
    e.LeaveReason.NO_ACCESS: Code.NO_ACCESS,
    e.LeaveReason.WAITING: Code.WAITING,
    e.LeaveReason.MOVED: Code.TAKEN_OVER,
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


# Snapshots in one turn of the loop: some 15 ms.
SNAPSHOTS_AT_ONCE = 64

Step = tuple[Room, Room, Told]
# What more follows from than being told: a snapshot, somebody's going, another way of being told.
_FOLLOWED = (e.RoleAssigned, e.ConferenceModeChanged, e.ConferenceEnded, e.ParticipantLeft)


def _plain(step: Step) -> bool:
    told = step[2]
    return told.audience.everyone and not told.crowd_changed and not isinstance(told.event, _FOLLOWED)


def _linked(events: list[e.RoomEvent], since: int) -> list[e.RoomEvent]:
    """Events as they are told in a row to somebody who was told of `since`."""
    afters = (since, *(event.version for event in events))
    return [replace(event, after=after) for event, after in zip(events, afters, strict=False)]


class Members:
    """The members of one room on this node."""

    def __init__(self, epoch: int, version: int) -> None:
        self._epoch = epoch
        # With each connection the room's version at which it was attached: what ended before it does not end it.
        self._by_person: dict[str, dict[Member, int]] = {}
        self._everyone_told = version
        self._going: list[tuple[Member, Code | None, str]] = []
        # Persons here who are told what moderators are told; in a crowd nobody else is looked at for such events.
        self._moderators: set[str] = set()
        # Persons whose snapshot is still to come, in this order.
        self._due: dict[str, None] = {}
        self._newest: Room | None = None

    def __iter__(self) -> Iterator[Member]:
        for members in list(self._by_person.values()):
            yield from list(members)

    def __len__(self) -> int:
        return sum(map(len, self._by_person.values()))

    def persons(self) -> tuple[str, ...]:
        """Everybody with a connection."""
        return tuple(self._by_person)

    def of(self, person: str) -> tuple[Member, ...]:
        """The connections of one person."""
        return tuple(self._by_person.get(person, ()))

    def attach(self, member: Member, told: int, room: Room) -> None:
        """From now on `member` is told what comes after version `told`; `room` is the state now."""
        member.told = told
        self._newest = room
        self._by_person.setdefault(member.person, {})[member] = room.version
        self._look_at(room, member.person)

    def detach(self, member: Member) -> bool:
        """Not told any more. True when it was the person's last connection; false also when it was not attached."""
        members = self._by_person.get(member.person, {})
        if member not in members:
            return False
        del members[member]
        if not members:
            self._forget(member.person)
        return not members

    def tell(self, steps: Sequence[Step]) -> int:
        """The events of a commit to everybody they are meant for; how many frames were handed over.

        Events in a row that everybody is told, and that nothing else follows from, are one write for each: mute-all is
        up to 36 events, and for each of thousands the kernel is the most of it."""
        count = 0
        if steps:
            self._newest = steps[-1][1]
        for alike, group in groupby(steps, _plain):
            run = list(group)
            if alike and len(run) > 1:
                count += self._tell_everyone([told.event for _, _, told in run])
            else:
                count += sum(self._tell(before, after, told) for before, after, told in run)
        return count

    def _tell_everyone(self, events: list[e.RoomEvent]) -> int:
        first, last = events[0].version, events[-1].version
        variants: dict[tuple[int, int], EncodedRow] = {}
        count = 0
        for member in self._listening():
            known, since = max(member.told, first - 1), member.told
            if known >= last:
                continue
            if known < first and since > self._everyone_told and member.person not in self._moderators:
                since = self._everyone_told  # as in `_tell`
            row = variants.get((known, since))
            if row is None:
                row = variants[known, since] = EncodedRow(_linked(events[known + 1 - first :], since))
            member.send(row.frames(member.encoding))
            member.told = last
            count += last - known
        self._everyone_told = last
        return count

    def _tell(self, before: Room, after: Room, told: Told) -> int:
        event, to_most = told.event, public(told.event)
        if isinstance(event, e.RoleAssigned):
            self._look_at(after, event.person)
        # Variants differ in `after`, and in what only some may read. Whoever is no moderator has missed nothing since
        # the last event for everyone, wherever they joined between, so one variant serves the crowd.
        variants: dict[tuple[int, bool], Encoded] = {}
        left = event.person if isinstance(event, e.ParticipantLeft) else ""
        count = 0
        for member in self._meant(told):
            since = member.told
            if event.version <= since:
                continue
            if since > self._everyone_told and member.person not in self._moderators:
                since = self._everyone_told
            whole = event is to_most or member.person in self._moderators or member.person == left
            variant = variants.get((since, whole))
            if variant is None:
                shown = event if whole else to_most
                variant = variants[since, whole] = Encoded(replace(shown, after=since))
            member.send(variant.frame(member.encoding))
            member.told = event.version
            count += 1
        if told.audience.everyone:
            self._everyone_told = event.version
        self._refresh(before, after, told)
        self._part(event)
        return count

    def tell_first(self, persons: Iterable[str], steps: Sequence[Step]) -> None:
        """The events of a commit to these people ahead of all others, as far as they are meant for them as they are by
        then; `tell` follows.

        A commit may hold the commands of fifty people, who all hear of all: what is alike for them is encoded once. Who
        comes with this commit is not attached yet, and will know it from a snapshot: of a hundred joins in one commit
        nobody need be asked about a hundred events each.
        """
        here = self._by_person.keys() & persons - self._due.keys()
        if not here:
            return
        for before, after, told in steps:
            event, to_most = told.event, public(told.event)
            left = event.person if isinstance(event, e.ParticipantLeft) else ""
            variants: dict[tuple[int, bool], Encoded] = {}
            for person in here:
                if person not in before.people or not sees(after, person, told.audience):
                    continue
                whole = event is to_most or person == left or moderates(after, person)
                for member in self.of(person):
                    since = member.told
                    if event.version > since:
                        variant = variants.get((since, whole))
                        if variant is None:
                            shown = replace(event if whole else to_most, after=since)
                            variant = variants[since, whole] = Encoded(shown)
                        member.send(variant.frame(member.encoding))
                        member.told = event.version

    def _meant(self, told: Told) -> Iterator[Member]:
        if told.audience.everyone:
            yield from self._listening()
            return
        persons = told.audience.persons
        for person in self._moderators.union(persons) if told.audience.moderators else persons:
            if person not in self._due:
                yield from self.of(person)

    def _listening(self) -> Iterator[Member]:
        """Everybody who is told events now."""
        return (member for member in self if member.person not in self._due) if self._due else iter(self)

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
            self._resync(after, self._by_person)
            return
        else:
            return
        self._resync(after, [person for person in persons if needs_resync(before, after, person)])

    def _resync(self, room: Room, persons: Iterable[str]) -> None:
        waiting = sorted(persons, key=lambda person: person not in self._moderators)
        for person in waiting[:SNAPSHOTS_AT_ONCE]:
            self.resync(room, person)
        later = waiting[SNAPSHOTS_AT_ONCE:]
        if later:
            if not self._due:
                asyncio.get_running_loop().call_soon(self._resync_next)
            self._due |= dict.fromkeys(later)

    def _resync_next(self) -> None:
        room = self._newest
        for person in list(self._due)[:SNAPSHOTS_AT_ONCE]:
            del self._due[person]
            # Who waits at the door again, or is gone, is no member any more.
            if room is not None and person in room.people:
                self.resync(room, person)
        if self._due:
            asyncio.get_running_loop().call_soon(self._resync_next)

    def resync(self, room: Room, person: str) -> None:
        """A snapshot in place of everything the person knows."""
        self._due.pop(person, None)
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
        self._newest = room
        for person in list(self._by_person):
            if person in room.people:
                self._look_at(room, person)
                self._by_person[person] = dict.fromkeys(self._by_person[person], room.version)
            else:
                self._gone(person, None, "")
        self._resync(room, self._by_person)

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
            self._gone(event.person, _CLOSES_WITH.get(event.reason), event.note, event.version)
            return
        else:
            return
        for person in persons:
            self._gone(person, code, note, event.version)

    def _gone(self, person: str, code: Code | None, note: str, version: int | None = None) -> None:
        """The person went, with this version: who came back in the same commit was attached after it, and stays."""
        members = self._by_person.get(person, {})
        for member in [member for member, attached in members.items() if version is None or attached < version]:
            del members[member]
            self._going.append((member, code, note))
        if not members:
            self._forget(person)

    def _forget(self, person: str) -> None:
        self._by_person.pop(person, None)
        self._moderators.discard(person)
        self._due.pop(person, None)

    def signal_to_crowd(self, message: msgspec.Struct) -> None:
        """To everybody who is not told what moderators are told."""
        encoded = Encoded(message)
        for member in self:
            if member.person not in self._moderators:
                member.send(encoded.frame(member.encoding))

    def signal(self, message: msgspec.Struct, *, media: bool = False) -> None:
        """To everybody; `media`: not to consoles."""
        encoded = Encoded(message)
        for member in self:
            if not (media and member.console):
                member.send(encoded.frame(member.encoding))

    def signal_row(self, messages: Sequence[msgspec.Struct]) -> None:
        """Several messages to everybody, one write for each."""
        if messages:
            row = EncodedRow(messages)
            for member in self:
                member.send(row.frames(member.encoding))

    def signal_to(self, person: str, message: msgspec.Struct, *, media: bool = False) -> None:
        """To the connections of one person; `media`: not to consoles."""
        encoded = Encoded(message)
        for member in self.of(person):
            if not (media and member.console):
                member.send(encoded.frame(member.encoding))
