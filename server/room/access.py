"""What the conference's settings make of a class of people: general access, and what guests are kept from.

An assignment of one's own wins over general access (authority.md, "Session roles"); what guests are kept from they
are kept from in any role.
"""

from __future__ import annotations

from protocol.names import KIND_OF, MediaKind, PersonKind, Role, Source
from protocol.settings import Access, Settings
from server.room.state import Participant, Room


def general(settings: Settings, kind: PersonKind) -> Access | None:
    """What the settings make of this kind of person; None: nothing was chosen."""
    return settings.outsiders if kind is PersonKind.GUEST else settings.members


def role_of(access: Access) -> Role | None:
    """The role that general access gives; None: no access."""
    return None if access is Access.NO_ACCESS else Role(access.value)


def inherits(room: Room, person: Participant) -> bool:
    """Whether somebody present has their role from the conference, not by right nor by an assignment."""
    return not person.by_right and person.id not in room.assigned


def may_write(room: Room, person: Participant) -> bool:
    """Whether the settings let this person's messages through."""
    return person.kind is not PersonKind.GUEST or room.settings.guests_may.messages


def may_send(room: Room, person: Participant, source: Source) -> bool:
    """Whether the settings let this person's track through."""
    if person.kind is not PersonKind.GUEST:
        return True
    may = room.settings.guests_may
    return may.audio if KIND_OF[source] is MediaKind.AUDIO else may.video
