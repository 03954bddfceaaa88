"""What happens to the conference as a whole."""

from __future__ import annotations

from protocol.errors import Code
from protocol.events.base import Event
from protocol.layout import Layout
from protocol.names import Mode, Role
from protocol.settings import Settings
from protocol.view import Waiting


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


class ConferenceOwnerChanged(Event, frozen=True, kw_only=True, tag="conference.owner_changed"):
    """The account of the owner was removed, and the conference has passed to this one."""

    owner: str


class ConferenceEnded(Event, frozen=True, kw_only=True, tag="conference.ended"):
    """Nobody is in the conference any more."""


class ConferenceReopened(Event, frozen=True, kw_only=True, tag="conference.reopened"):
    """Somebody entitled came to a conference that had ended: it runs again."""


class ConferenceStarted(Event, frozen=True, kw_only=True, tag="conference.started"):
    """The conference has begun; those who waited for it come in after this."""


class ConferencePinChanged(Event, frozen=True, kw_only=True, tag="conference.pin_changed"):
    """The PIN at the door, empty for none; told to those who may set it."""

    pin: str = ""


class ConferenceLayoutChanged(Event, frozen=True, kw_only=True, tag="conference.layout_changed"):
    """The stage is laid out like this for everybody."""

    layout: Layout


class LobbyEntered(Event, frozen=True, kw_only=True, tag="lobby.entered"):
    """Somebody waits at the door, or from now on for another reason; moderators are told. The coming of who is let in
    settles it. `inherits`, `links`: see `participant.joined`."""

    who: Waiting
    inherits: Role | None = None
    links: dict[str, bool] = {}


class LobbyLeft(Event, frozen=True, kw_only=True, tag="lobby.left"):
    """Somebody does not wait any more: they went, or were `refused`; `code`: why, when no moderator refused them but
    the door itself, such as `conference_full`."""

    person: str
    refused: bool = False
    code: Code | None = None
    note: str = ""


ConferenceEvent = (
    ConferenceCreated
    | ConferenceSettingsChanged
    | ConferenceModeChanged
    | ConferenceOwnerChanged
    | ConferenceEnded
    | ConferenceReopened
    | ConferenceLayoutChanged
    | ConferenceStarted
    | ConferencePinChanged
    | LobbyEntered
    | LobbyLeft
)
