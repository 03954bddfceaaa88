"""The stage and turns to speak."""

from __future__ import annotations

import enum

from protocol.events.base import Event
from protocol.view import Person


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


StageEvent = (
    StageRequested
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
)
