"""What has happened in a room. Past tense, frozen; an event holds the result, so applying it needs no judgement.

The room core makes them, the room log keeps them, clients are told those meant for them.
"""

from __future__ import annotations

import enum

from protocol.names import Message, Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import Settings
from protocol.view import Person


class Event(Message, frozen=True, kw_only=True):
    """A fact with its place in the room's order.

    `version` counts the room's events from 1. `after` is the version before it that the same audience
    was told: a client whose position is not below `after` has missed nothing. `time` is ms since 1970.
    `by` is the identity whose command caused it; absent when nobody's did.
    """

    version: int = 0
    after: int = 0
    time: int = 0
    by: str | None = None


class LeaveReason(enum.StrEnum):
    """Why somebody is no longer in the conference."""

    LEFT = "left"
    EXPIRED = "expired"
    REMOVED = "removed"
    BLOCKED = "blocked"
    NO_ACCESS = "no_access"
    ENDED = "ended"


class StageLeaveReason(enum.StrEnum):
    """Why somebody is no longer on the stage."""

    LEFT = "left"
    TAKEN_DOWN = "taken_down"
    GONE = "gone"
    MODE = "mode"
    ENDED = "ended"


class RemarkEndReason(enum.StrEnum):
    """Why a turn to speak is over."""

    TIME = "time"
    ENDED = "ended"
    MODE = "mode"


class ConferenceCreated(Event, frozen=True, kw_only=True, tag="conference.created"):
    """The first event of every room."""

    conference: str
    title: str
    owner: str
    stage_places: int


class ConferenceSettingsChanged(Event, frozen=True, kw_only=True, tag="conference.settings_changed"):
    """The settings as they now are."""

    title: str
    stage_places: int
    settings: Settings = Settings()


class ConferenceModeChanged(Event, frozen=True, kw_only=True, tag="conference.mode_changed"):
    """The conference is held in this mode; what follows for each person's place and tracks comes after it.

    `teacher` is who was named, empty for the owner.
    """

    mode: Mode
    teacher: str = ""


class ConferenceEnded(Event, frozen=True, kw_only=True, tag="conference.ended"):
    """Nobody is in the conference any more."""


class ConferenceReopened(Event, frozen=True, kw_only=True, tag="conference.reopened"):
    """Somebody entitled came to a conference that had ended: it runs again."""


class ParticipantJoined(Event, frozen=True, kw_only=True, tag="participant.joined"):
    """Somebody is in the conference."""

    person: str
    name: str
    kind: PersonKind
    role: Role
    # Organizer by right (owner, operator, admin): nobody below them may touch them.
    by_right: bool = False


class ParticipantAway(Event, frozen=True, kw_only=True, tag="participant.away"):
    """The connection of somebody broke; role, seat and mutes are kept for the grace period."""

    person: str


class ParticipantReturned(Event, frozen=True, kw_only=True, tag="participant.returned"):
    """Somebody who was away is back."""

    person: str


class ParticipantLeft(Event, frozen=True, kw_only=True, tag="participant.left"):
    """Somebody is not in the conference any more."""

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

    `inherited`: not by an assignment of their own, but because the conference's general access has changed.
    """

    person: str
    role: Role
    inherited: bool = False


class StageRequested(Event, frozen=True, kw_only=True, tag="stage.requested"):
    """Somebody asks for the stage and stands at the end of the queue."""

    person: str


class StageWithdrawn(Event, frozen=True, kw_only=True, tag="stage.withdrawn"):
    """Somebody took their request back."""

    person: str


class StageRefused(Event, frozen=True, kw_only=True, tag="stage.refused"):
    """Somebody's request was refused."""

    person: str


class StageReordered(Event, frozen=True, kw_only=True, tag="stage.reordered"):
    """The queue, front first, as it now is."""

    queue: tuple[str, ...]


class StageInvited(Event, frozen=True, kw_only=True, tag="stage.invited"):
    """Somebody is invited to the stage, until that moment (ms since 1970) if one is given."""

    person: str
    until: int = 0


class StageDeclined(Event, frozen=True, kw_only=True, tag="stage.declined"):
    """Somebody declined the invitation, or it has `expired`."""

    person: str
    expired: bool = False


class StageTaken(Event, frozen=True, kw_only=True, tag="stage.taken"):
    """Somebody has a place on the stage; their request, invitation and turn to speak are settled by it.

    `who` is the person as others see them, for those in a crowded conference who were not told of their coming; its
    tracks hold for everybody: what a student of a lecture sends already is seen by all from here on.
    """

    person: str
    who: Person


class StageLeft(Event, frozen=True, kw_only=True, tag="stage.left"):
    """Somebody is not on the stage any more; their tracks are gone with the place."""

    person: str
    reason: StageLeaveReason


class RemarkRequested(Event, frozen=True, kw_only=True, tag="remark.requested"):
    """Somebody off the stage asks for a short turn to speak."""

    person: str


class RemarkWithdrawn(Event, frozen=True, kw_only=True, tag="remark.withdrawn"):
    """Somebody does not want their turn any more."""

    person: str


class RemarkRefused(Event, frozen=True, kw_only=True, tag="remark.refused"):
    """Somebody does not get a turn."""

    person: str


class RemarkGranted(Event, frozen=True, kw_only=True, tag="remark.granted"):
    """Somebody may send their microphone until that moment (ms since 1970); `who` they are, as in `stage.taken`."""

    person: str
    until: int
    who: Person


class RemarkEnded(Event, frozen=True, kw_only=True, tag="remark.ended"):
    """Somebody's turn is over; their track is gone with it."""

    person: str
    reason: RemarkEndReason


class MediaMuted(Event, frozen=True, kw_only=True, tag="media.muted"):
    """A source of somebody is silent at the media plane; `locked`: they cannot undo it."""

    person: str
    source: MuteSource
    locked: bool = False


class MediaUnmuted(Event, frozen=True, kw_only=True, tag="media.unmuted"):
    """A source of somebody may be heard or seen again."""

    person: str
    source: MuteSource


class MediaUnmuteAsked(Event, frozen=True, kw_only=True, tag="media.unmute_asked"):
    """Somebody is asked to unmute; `forced`: their client switches the device on. They and moderators are told."""

    person: str
    source: MuteSource
    forced: bool = False


class TrackPublished(Event, frozen=True, kw_only=True, tag="track.published"):
    """Somebody sends this source: from the stage, as a student of a lecture, or in a turn to speak."""

    person: str
    source: Source


class TrackUnpublished(Event, frozen=True, kw_only=True, tag="track.unpublished"):
    """Somebody does not send this source any more."""

    person: str
    source: Source


RoomEvent = (
    ConferenceCreated
    | ConferenceSettingsChanged
    | ConferenceModeChanged
    | ConferenceEnded
    | ConferenceReopened
    | ParticipantJoined
    | ParticipantAway
    | ParticipantReturned
    | ParticipantLeft
    | ParticipantBlocked
    | ParticipantUnblocked
    | RoleAssigned
    | StageRequested
    | StageWithdrawn
    | StageRefused
    | StageReordered
    | StageInvited
    | StageDeclined
    | StageTaken
    | StageLeft
    | RemarkRequested
    | RemarkWithdrawn
    | RemarkRefused
    | RemarkGranted
    | RemarkEnded
    | MediaMuted
    | MediaUnmuted
    | MediaUnmuteAsked
    | TrackPublished
    | TrackUnpublished
)
