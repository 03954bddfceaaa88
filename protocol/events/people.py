"""Who is there, who may be, and in which role."""

from __future__ import annotations

import enum

from protocol.devices import Device, DeviceKind
from protocol.events.base import Event
from protocol.names import PersonKind, Role


class LeaveReason(enum.StrEnum):
    """Why somebody is no longer in the conference."""

    LEFT = "left"
    EXPIRED = "expired"
    REMOVED = "removed"
    BLOCKED = "blocked"
    NO_ACCESS = "no_access"
    # Sent out until the conference begins.
    WAITING = "waiting"
    ENDED = "ended"
    # To another conference, by their newest connection.
    MOVED = "moved"


class ParticipantJoined(Event, frozen=True, kw_only=True, tag="participant.joined"):
    """Somebody is in the conference. `inherits`: their role without an assignment of their own, as long as general
    access has chosen none; absent for no access. `links`: see `participant.linked`."""

    person: str
    name: str
    kind: PersonKind
    role: Role
    # Organizer by right (owner, operator, admin): nobody below them may touch them.
    by_right: bool = False
    inherits: Role | None = None
    links: dict[str, bool] = {}


class ParticipantAway(Event, frozen=True, kw_only=True, tag="participant.away"):
    """The connection of somebody broke; role, seat and mutes are kept for the grace period."""

    person: str


class ParticipantReturned(Event, frozen=True, kw_only=True, tag="participant.returned"):
    """Somebody who was away is back. `links`, `moved`: see `participant.linked`."""

    person: str
    links: dict[str, bool] = {}
    moved: bool = False


class ParticipantLinked(Event, frozen=True, kw_only=True, tag="participant.linked"):
    """Through which nodes somebody is connected from now on, who is in the conference or at its door: each node, and
    whether their main connection is there. `moved`: that is another connection now. The nodes know it; no client is
    told."""

    person: str
    links: dict[str, bool]
    moved: bool = False


class ParticipantLeft(Event, frozen=True, kw_only=True, tag="participant.left"):
    """Somebody is not in the conference any more. `note`: the reason that was given, for moderators and the person."""

    person: str
    reason: LeaveReason
    note: str = ""


class ParticipantBlocked(Event, frozen=True, kw_only=True, tag="participant.blocked"):
    """An identity cannot come in until it is unblocked. Moderators are told."""

    person: str
    name: str
    note: str = ""


class ParticipantUnblocked(Event, frozen=True, kw_only=True, tag="participant.unblocked"):
    """A blocked identity may come in again. Moderators are told."""

    person: str


class RoleAssigned(Event, frozen=True, kw_only=True, tag="role.assigned"):
    """Somebody's role is now this one, also when they return.

    `inherited`: not by an assignment of their own, but because the conference's general access has changed, or because
    their assignment was taken back. `by_right`: whether they are an organizer by right from now on, when that is what
    changed; an assignment of their own stays beneath it.
    """

    person: str
    role: Role
    inherited: bool = False
    by_right: bool | None = None


class DevicesReported(Event, frozen=True, kw_only=True, tag="devices.reported"):
    """The devices of somebody's client; told to them and to moderators."""

    person: str
    devices: tuple[Device, ...] = ()


class DevicesSelected(Event, frozen=True, kw_only=True, tag="devices.selected"):
    """Somebody's client is to use this device of theirs; told to them and to moderators."""

    person: str
    kind: DeviceKind
    device: str


PeopleEvent = (
    ParticipantJoined
    | ParticipantAway
    | ParticipantReturned
    | ParticipantLinked
    | ParticipantLeft
    | ParticipantBlocked
    | ParticipantUnblocked
    | RoleAssigned
    | DevicesReported
    | DevicesSelected
)
