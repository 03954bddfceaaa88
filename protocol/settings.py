"""The settings of a conference beside its title and its places: one record in the state, the event and the snapshot."""

from __future__ import annotations

import enum

from protocol.names import Part


class Access(enum.StrEnum):
    """What somebody without an assignment of their own is in a conference. `default`: nothing was chosen, so members of
    this server are speakers and guests what their link says; `no_access`: not let in."""

    DEFAULT = "default"
    MODERATOR = "moderator"
    SPEAKER = "speaker"
    VIEWER = "viewer"
    NO_ACCESS = "no_access"


class Lobby(enum.StrEnum):
    """Who waits at the door until they are admitted. Organizers by right and whoever has a role of their own in the
    conference never do."""

    OFF = "off"
    GUESTS = "guests"
    EVERYONE = "everyone"


class PrivateChat(enum.StrEnum):
    """Who may write to one person alone: everybody; only to and from those who moderate the chat; nobody."""

    EVERYONE = "everyone"
    MODERATORS = "moderators"
    OFF = "off"


class GuestsMay(Part, frozen=True, kw_only=True):
    """What guests as a class may send, whatever their role."""

    messages: bool = True
    audio: bool = True
    # Camera and shared screen.
    video: bool = True


class GuestsMayChange(Part, frozen=True, kw_only=True):
    """Changes of `GuestsMay`; what is absent stays as it is."""

    messages: bool | None = None
    audio: bool | None = None
    video: bool | None = None


class Outsiders(enum.StrEnum):
    """What can be chosen for guests as a class; each by themselves may be made moderator."""

    DEFAULT = "default"
    SPEAKER = "speaker"
    VIEWER = "viewer"
    NO_ACCESS = "no_access"


class Settings(Part, frozen=True, kw_only=True):
    """How a conference is held.

    `members` and `outsiders`: the general-access roles of members of this server and of guests. `public`: guests may
    come in. `lobby`: who waits at the door until they are let in. `backstage`: viewers wait until the conference is
    started. `capacity`: how many may be present, 0 for no limit; organizers by right come in always. `list_hidden`:
    only moderators see who is present beside the stage. `force_unmute`: to ask somebody to unmute lifts the mute and
    has the device switched on, where otherwise the person is only asked (a browser still asks its user). `remark_s`:
    how long a turn to speak is. `speakers_moderate_chat`, `speakers_see_private_questions`: speakers may do what
    otherwise moderators do. `questions_approved`: questions are seen by others when a moderator has approved them.
    `private_chat`: who may write to one person alone. `slow_mode_s`: how many seconds pass between two messages of one
    person to everybody; 0 for no such wait, and for those who moderate the chat there is none.
    """

    members: Access = Access.DEFAULT
    outsiders: Access = Access.DEFAULT
    public: bool = True
    lobby: Lobby = Lobby.OFF
    backstage: bool = False
    guests_may: GuestsMay = GuestsMay()
    capacity: int = 0
    list_hidden: bool = False
    force_unmute: bool = False
    remark_s: int = 60
    speakers_moderate_chat: bool = False
    speakers_see_private_questions: bool = False
    questions_approved: bool = False
    private_chat: PrivateChat = PrivateChat.EVERYONE
    slow_mode_s: int = 0
