"""The settings of a conference beside its title and its places: one record in the state, the event and the snapshot."""

from __future__ import annotations

import enum

from protocol.names import Part


class Access(enum.StrEnum):
    """What somebody without an assignment of their own is in a conference; `no_access`: not let in."""

    MODERATOR = "moderator"
    SPEAKER = "speaker"
    VIEWER = "viewer"
    NO_ACCESS = "no_access"


class GuestsMay(Part, frozen=True, kw_only=True):
    """What guests as a class may send, whatever their role."""

    messages: bool = True
    audio: bool = True
    # Camera and shared screen.
    video: bool = True


class Settings(Part, frozen=True, kw_only=True):
    """How a conference is held.

    `members` and `outsiders`: the general-access roles of members of this server and of guests; absent until chosen:
    members are speakers, guests what their link says. `public`: guests may come in. `capacity`: how many may be
    present, 0 for no limit; organizers by right come in always. `list_hidden`: only moderators see who is present
    beside the stage. `force_unmute`: to ask somebody to unmute lifts the mute and has the device switched on, where
    otherwise the person is only asked (a browser still asks its user). `remark_s`: how long a turn to speak is.
    """

    members: Access | None = None
    outsiders: Access | None = None
    public: bool = True
    guests_may: GuestsMay = GuestsMay()
    capacity: int = 0
    list_hidden: bool = False
    force_unmute: bool = False
    remark_s: int = 60
