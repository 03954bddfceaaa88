"""What a receiver outside may know of the events of a conference: a table of fields, event by event.

It is what moderators are told. What is not in the table does not leave: a field or an event that is new is withheld
until somebody has put it here.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from protocol import events as e
from protocol.events import RoomEvent

EVERYTHING = "*"

_PERSON = ("person",)
_SOURCE = ("person", "source")

# The names of fields are those of the events in protocol/events.
_FIELDS: dict[type[e.Event], tuple[str, ...]] = {
    e.ConferenceCreated: ("title", "owner", "stage_places"),
    e.ConferenceSettingsChanged: ("title", "stage_places", "settings"),
    e.ConferenceModeChanged: ("mode", "teacher"),
    e.ConferenceOwnerChanged: ("owner",),
    e.ConferenceEnded: (),
    e.ConferenceReopened: (),
    e.ConferenceStarted: (),
    # That there is another PIN, or none, says the event; which one is for organizers inside.
    e.ConferencePinChanged: (),
    e.ConferenceLayoutChanged: ("layout",),
    e.LobbyEntered: ("who",),
    e.LobbyLeft: ("person", "refused", "code", "note"),
    e.ParticipantJoined: ("person", "name", "kind", "role", "by_right"),
    e.ParticipantAway: _PERSON,
    e.ParticipantReturned: _PERSON,
    e.ParticipantLeft: ("person", "reason", "note"),
    e.ParticipantBlocked: ("person", "name", "note"),
    e.ParticipantUnblocked: _PERSON,
    e.RoleAssigned: ("person", "role", "inherited", "by_right"),
    e.StageRequested: _PERSON,
    e.StageWithdrawn: _PERSON,
    e.StageRefused: _PERSON,
    e.StageReordered: ("queue",),
    e.StageInvited: ("person", "until"),
    e.StageDeclined: ("person", "expired"),
    e.StageTaken: ("person", "who"),
    e.StageLeft: ("person", "reason"),
    e.RemarkRequested: _PERSON,
    e.RemarkWithdrawn: _PERSON,
    e.RemarkRefused: _PERSON,
    e.RemarkGranted: ("person", "until", "who"),
    e.RemarkEnded: ("person", "reason"),
    e.MediaMuted: ("person", "source", "locked"),
    e.MediaUnmuted: _SOURCE,
    e.MediaUnmuteAsked: ("person", "source", "forced"),
    e.TrackPublished: _SOURCE,
    e.TrackUnpublished: _SOURCE,
    # Which server writes it is nobody's business outside.
    e.RecordingStarted: ("recording",),
    e.RecordingStopped: ("recording", "reason"),
    e.QuestionAsked: ("question",),
    e.QuestionApproved: ("question",),
    e.QuestionAnswered: ("question", "answer"),
    e.QuestionDisplayed: ("question",),
    e.QuestionDismissed: ("question",),
    e.PollCreated: ("poll",),
    e.PollLaunched: ("poll",),
    e.PollClosed: ("poll", "answers", "counts"),
    e.PollRemoved: ("poll",),
    e.LinkPublished: ("link",),
    e.LinkPromoted: ("link",),
    e.LinkRemoved: ("link",),
    e.FileAdded: ("file",),
    e.FileRemoved: ("file",),
    e.SlidesOpened: ("slides",),
    e.SlidesTurned: ("page",),
    e.SlidesClosed: (),
    e.ChatClosed: (),
    e.ChatOpened: (),
    e.ChatDeleted: ("number", "person", "channel"),
}

# Of these not even that they happened: who voted, and what somebody chose in a poll that may be anonymous; the labels
# of somebody's devices; through which nodes somebody is connected.
WITHHELD = frozenset({e.QuestionUpvoted, e.PollAnswered, e.DevicesReported, e.DevicesSelected, e.ParticipantLinked})


def kind_of(event: type[e.Event]) -> str:
    """The name of a kind of events, as in `stage.taken`."""
    return str(event.__struct_config__.tag)


KINDS: frozenset[str] = frozenset(map(kind_of, _FIELDS))
"""The kinds of events that are told."""

ALL: tuple[type[e.Event], ...] = get_args(RoomEvent)


def known(pattern: str) -> bool:
    """Whether there is an event like this: a kind, `stage.*` for those that begin so, `*` for all."""
    return any(matches(pattern, kind) for kind in KINDS)


def matches(pattern: str, kind: str) -> bool:
    """Whether a kind is among those that the pattern means."""
    if pattern == EVERYTHING:
        return True
    return kind.startswith(pattern[:-1]) if pattern.endswith(".*") else kind == pattern


def shown(event: e.Event, time: int) -> dict[str, Any] | None:
    """The event as it is told, at `time` (ms since 1970) unless it says itself; None when it is withheld."""
    fields = _FIELDS.get(type(event))
    if fields is None:
        return None
    told: dict[str, Any] = {"type": kind_of(type(event)), "version": event.version, "time": event.time or time}
    if event.by is not None:
        told["by"] = event.by
    for name in fields:
        told[name] = msgspec.to_builtins(getattr(event, name))
    return told
