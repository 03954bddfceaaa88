"""The connections of those who wait at a conference's door.

They are no members: nothing that the room says reaches them. With the commit that lets somebody in their connections
become members, and are told so with a snapshot; with the one that sends them away they are closed, and told why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import events as e
from protocol.errors import Code
from server.conference.members import Member
from server.conference.visitor import Visitor
from server.room.state import Knock, Room
from server.room.table import Table

if TYPE_CHECKING:
    from server.conference.openroom import OpenRoom


class Doorway:
    """Who waits on this node; an observer of the room's replica."""

    def __init__(self, room: OpenRoom) -> None:
        self._room = room
        self._by_person: dict[str, list[Visitor]] = {}
        # The lobby as it was looked at last, and why those went who went since.
        self._seen: Table[Knock] = room.replica.room.lobby
        self._left: dict[str, e.LobbyLeft] = {}

    def of(self, person: str) -> tuple[Visitor, ...]:
        """The waiting connections of one person."""
        return tuple(self._by_person.get(person, ()))

    def persons(self) -> tuple[str, ...]:
        """Everybody who waits."""
        return tuple(self._by_person)

    def add(self, session: Visitor) -> None:
        """The session waits from now on."""
        self._by_person.setdefault(session.person, []).append(session)

    def remove(self, member: Member) -> bool:
        """It does not wait any more. True when it was the person's last; false also when it did not wait."""
        waiting = self._by_person.pop(member.person, [])
        left = [session for session in waiting if session is not member]
        if left:
            self._by_person[member.person] = left
        return bool(waiting) and not left

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.LobbyLeft):
            self._left[event.person] = event

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        left, self._left = self._left, {}
        if after.lobby is self._seen:
            return
        self._seen = after.lobby
        for person in [person for person in self._by_person if person not in after.lobby]:
            sessions = self._by_person.pop(person)
            why = left.get(person)
            for session in sessions:
                if person in after.people:
                    self._room.let_in(session)
                elif after.ended:
                    session.gone(Code.CONFERENCE_ENDED, "")
                elif why is not None and not why.refused:
                    session.gone(why.code, "")
                else:
                    session.gone((why.code if why is not None else None) or Code.NOT_ADMITTED, why.note if why else "")
