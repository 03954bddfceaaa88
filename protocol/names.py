"""The words every message is made of: roles, sources, bounded strings."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta


class Role(enum.StrEnum):
    """A person's session role in one conference; it follows the person when they come back."""

    ORGANIZER = "organizer"
    MODERATOR = "moderator"
    GUEST_SPEAKER = "guest_speaker"
    SPEAKER = "speaker"
    VIEWER = "viewer"


class RoleRule(enum.StrEnum):
    """Which rule gave somebody their role; the first that matches: the conference is theirs, they are organizer by
    right everywhere, the role was assigned to them here, general access of members, general access of outsiders or
    their link; or none, and they are not let in."""

    OWNER = "owner"
    BY_RIGHT = "by_right"
    ASSIGNED = "assigned"
    MEMBERS = "members"
    OUTSIDERS = "outsiders"
    NO_ACCESS = "no_access"


class PersonKind(enum.StrEnum):
    """What an identity is: a user has an account, a guest came by a link or through another program, a federated user
    has an account on a peer."""

    USER = "user"
    GUEST = "guest"
    FEDERATED = "federated"


class Mode(enum.StrEnum):
    """How a conference is held: who gets on the stage, and who sees and hears whom."""

    ALL_ON_SCREEN = "all_on_screen"
    VIDEO_LECTURE = "video_lecture"
    ROLE_BASED = "role_based"


class WaitReason(enum.StrEnum):
    """Why somebody at the door is not in the conference yet: to be admitted, or until it begins."""

    LOBBY = "lobby"
    BACKSTAGE = "backstage"


class CameraCodec(enum.StrEnum):
    """What browsers are to send their cameras in: VP8 and H.264 in several streams (simulcast), VP9 and AV1 in one
    stream with layers (SVC). Who cannot sends VP8."""

    VP8 = "vp8"
    H264 = "h264"
    VP9 = "vp9"
    AV1 = "av1"


class Source(enum.StrEnum):
    """Where a track comes from. Each person has at most one track of each source."""

    AUDIO = "audio"
    VIDEO = "video"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"


class MediaKind(enum.StrEnum):
    """The kind of an m-line."""

    AUDIO = "audio"
    VIDEO = "video"


class MuteSource(enum.StrEnum):
    """What can be muted. Muting `screen` also silences the sound of the shared screen."""

    AUDIO = "audio"
    VIDEO = "video"
    SCREEN = "screen"


KIND_OF: dict[Source, MediaKind] = {
    Source.AUDIO: MediaKind.AUDIO,
    Source.VIDEO: MediaKind.VIDEO,
    Source.SCREEN: MediaKind.VIDEO,
    Source.SCREEN_AUDIO: MediaKind.AUDIO,
}

MUTED_BY: dict[Source, MuteSource] = {
    Source.AUDIO: MuteSource.AUDIO,
    Source.VIDEO: MuteSource.VIDEO,
    Source.SCREEN: MuteSource.SCREEN,
    Source.SCREEN_AUDIO: MuteSource.SCREEN,
}

# The design's hard cap of the stage: a setting may lower it, nothing raises it.
STAGE_PLACES = 36

# Python's `$` also matches before a last newline, JavaScript's does not: this is the end of the text in both.
END = r"$(?!\n)"

Identity = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.@-]+" + END)]
"""A name of a person: `u_…` for accounts, `g_…` for guests by a link, `name@peer` for federated users,
`name@key-…` for those whom a program vouches for."""

ConferenceId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+" + END)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=64)]
# What people read out and type on a phone's keyboard.
Pin = Annotated[str, Meta(max_length=16, pattern=r"^[A-Za-z0-9]*" + END)]
Title = Annotated[str, Meta(min_length=1, max_length=120)]
ChatText = Annotated[str, Meta(min_length=1, max_length=2000)]
Emoji = Annotated[str, Meta(min_length=1, max_length=16)]
Reason = Annotated[str, Meta(max_length=200)]
# A Chromium offer with three video m-lines is about 12 KB; a frame is 64 KiB at most.
Sdp = Annotated[str, Meta(min_length=1, max_length=60_000)]
Mid = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9_-]+" + END)]
TrackName = Annotated[str, Meta(min_length=3, max_length=80, pattern=r"^[A-Za-z0-9_.@-]+/[a-z_]+" + END)]
"""A track, as in `u_anna/video` (`track_id`)."""

# Device pixels: twice the height of an 8K screen.
PictureHeight = Annotated[int, Meta(ge=0, le=8640)]
TokenText = Annotated[str, Meta(min_length=1, max_length=4096)]
# 2**53 - 1: the largest integer a JavaScript number holds exactly.
Count = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]


def track_id(person: str, source: Source | str) -> str:
    """The name of a person's track of one source, as in `u_anna/video`."""
    return f"{person}/{source}"


class Message(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"
):
    """Anything on the wire: a frozen record whose `type` names it; unknown fields are refused."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A piece of a message: as a message, without a `type` of its own."""
