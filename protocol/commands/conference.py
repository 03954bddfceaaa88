"""The conference as a whole: coming, going, how it is held."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.layout import LayoutKind, Tile
from protocol.names import ConferenceId, DisplayName, Identity, Mode, Pin, Reason, Title
from protocol.settings import Access, GuestsMayChange, Lobby, Outsiders, PrivateChat


class ConferenceJoin(Command, frozen=True, kw_only=True, tag="conference.join"):
    """Enter a conference. `take_over` closes an earlier presence of the same person, wherever it is.

    `console`: a connection without media beside the person's own, such as the moderator console. It sees and
    commands as the person does; the person is present while any of their connections is.

    `pin`: the conference's PIN, where it asks for one. Who must wait at the door is answered `held`.
    """

    conference: ConferenceId
    name: DisplayName | None = None
    take_over: bool = False
    console: bool = False
    pin: Pin | None = None


class ConferenceLeave(Command, frozen=True, kw_only=True, tag="conference.leave"):
    """Leave for good: the seat is free at once, the role is kept for a return."""


class ConferenceEnd(Command, frozen=True, kw_only=True, tag="conference.end"):
    """End the conference for everybody."""


class ConferenceSettings(Command, frozen=True, kw_only=True, tag="conference.settings"):
    """Change settings (see `Settings`); what is absent stays as it is."""

    title: Title | None = None
    stage_places: Annotated[int, Meta(ge=1, le=36)] | None = None
    members: Access | None = None
    outsiders: Outsiders | None = None
    public: bool | None = None
    lobby: Lobby | None = None
    backstage: bool | None = None
    guests_may: GuestsMayChange | None = None
    capacity: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    list_hidden: bool | None = None
    force_unmute: bool | None = None
    remark_s: Annotated[int, Meta(ge=1, le=600)] | None = None
    speakers_moderate_chat: bool | None = None
    speakers_see_private_questions: bool | None = None
    questions_approved: bool | None = None
    private_chat: PrivateChat | None = None
    slow_mode_s: Annotated[int, Meta(ge=0, le=3600)] | None = None


class ConferenceSetMode(Command, frozen=True, kw_only=True, tag="conference.set_mode"):
    """Hold the conference in another mode, or name another teacher; everybody's place is decided anew.

    `teacher`: who teaches a `video_lecture`, the owner until somebody is named; absent, it stays who it is.
    """

    mode: Mode
    teacher: Identity | None = None


class ConferenceStart(Command, frozen=True, kw_only=True, tag="conference.start"):
    """Begin a conference that is held back (`backstage` of the settings): who waits for it comes in."""


class ConferenceSetPin(Command, frozen=True, kw_only=True, tag="conference.set_pin"):
    """The PIN that is asked for at the door; empty for none."""

    pin: Pin


class ConferenceLayout(Command, frozen=True, kw_only=True, tag="conference.layout"):
    """Lay the stage out for everybody; without `spotlight`, whoever speaks is large where the kind makes one large.
    Tiles placed by hand stay, unless the kind changes."""

    kind: LayoutKind
    spotlight: Identity | None = None


class LayoutPlace(Command, frozen=True, kw_only=True, tag="layout.place"):
    """Place the tile of somebody on the stage (one's own without `target`), within the stage and at least 5 % wide
    and high; without `tile` it goes back into the arrangement."""

    tile: Tile | None = None
    target: Identity | None = None


class LobbyAdmit(Command, frozen=True, kw_only=True, tag="lobby.admit"):
    """Let somebody in who waits at the door."""

    target: Identity


class LobbyAdmitAll(Command, frozen=True, kw_only=True, tag="lobby.admit_all"):
    """Let everybody in who waits to be admitted, as far as there is room."""


class LobbyRefuse(Command, frozen=True, kw_only=True, tag="lobby.refuse"):
    """Send somebody away who waits at the door; they may ask again, unless blocked."""

    target: Identity
    reason: Reason = ""


ConferenceCommand = (
    ConferenceLeave
    | ConferenceEnd
    | ConferenceSettings
    | ConferenceSetMode
    | ConferenceLayout
    | LayoutPlace
    | ConferenceStart
    | ConferenceSetPin
    | LobbyAdmit
    | LobbyAdmitAll
    | LobbyRefuse
)
