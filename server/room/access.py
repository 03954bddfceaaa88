"""What the conference's settings make of people: general access, the door, and what guests are kept from.

An assignment of one's own wins over general access (authority.md, "Session roles"); what guests are kept from they
are kept from in any role.
"""

from __future__ import annotations

from protocol.names import KIND_OF, MediaKind, PersonKind, Role, Source
from protocol.settings import Access, Lobby, Settings
from server.room.rules import RANK, permits
from server.room.state import Participant, Room


def general(settings: Settings, kind: PersonKind) -> Access:
    """What the settings make of this kind of person: members of this server, or everybody else."""
    return settings.members if kind is PersonKind.USER else settings.outsiders


def inherited_role(settings: Settings, kind: PersonKind, brings: Role | None) -> Role | None:
    """The role of somebody without an assignment of their own; `brings`: what the server or the link gives them as long
    as nothing was chosen. None: no access."""
    chosen = general(settings, kind)
    if chosen is Access.DEFAULT:
        return brings
    return None if chosen is Access.NO_ACCESS else Role(chosen.value)


def effective_role(room: Room, person: str, by_right: bool, kind: PersonKind, brings: Role | None) -> Role | None:
    """authority.md, "Session roles": the first that matches. None: no access."""
    if by_right or person == room.owner:
        return Role.ORGANIZER
    return room.assigned.get(person) or inherited_role(room.settings, kind, brings)


def shut_out(room: Room, person: str, by_right: bool) -> bool:
    """Whether a block keeps this identity out. An organizer by right cannot be kept out by anybody below them."""
    return person in room.blocked and not (by_right or person == room.owner)


def trusted(room: Room, person: str, by_right: bool) -> bool:
    """Whether the door asks nothing of this identity: organizers by right, and who was given a role here. A lower role
    than one had is no key, and who was sent out needs leave again (`Room.admitted`)."""
    return by_right or person == room.owner or (person in room.assigned and room.admitted.get(person) is not False)


def outside(room: Room, person: str, kind: PersonKind, by_right: bool) -> bool:
    """Whether a conference that is not public is closed to somebody of this kind. Of outsiders only somebody of another
    server can be added by hand."""
    added = kind is PersonKind.FEDERATED and person in room.assigned
    return kind is not PersonKind.USER and not room.settings.public and not (added or by_right)


def knows_pin(room: Room, person: str, by_right: bool, pin: str) -> bool:
    """Whether the PIN is right, or none is asked for."""
    return not room.pin or trusted(room, person, by_right) or pin == room.pin


def held_back(room: Room, role: Role) -> bool:
    """Whether somebody of this role is kept out until the conference begins."""
    return room.settings.backstage and not room.started and not permits(role, "stage.join_backstage")


def must_be_admitted(room: Room, person: str, kind: PersonKind, by_right: bool, role: Role) -> bool:
    """Whether somebody waits until they are let in. Who moderates never does."""
    asks = room.settings.lobby
    asked = asks is Lobby.EVERYONE or (asks is Lobby.GUESTS and kind is not PersonKind.USER)
    if not asked or RANK[role] >= RANK[Role.MODERATOR]:
        return False
    return not (trusted(room, person, by_right) or room.admitted.get(person))


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
