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


class PersonKind(enum.StrEnum):
    """What an identity is: a user has an account, a guest came by a link."""

    USER = "user"
    GUEST = "guest"


class Mode(enum.StrEnum):
    """How a conference is held: who gets on the stage, and who sees and hears whom."""

    ALL_ON_SCREEN = "all_on_screen"
    VIDEO_LECTURE = "video_lecture"
    ROLE_BASED = "role_based"


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
"""A server-issued name of a person: `u_…` for accounts, `g_…` for guests."""

ConferenceId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+" + END)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=64)]
Title = Annotated[str, Meta(min_length=1, max_length=120)]
ChatText = Annotated[str, Meta(min_length=1, max_length=2000)]
Emoji = Annotated[str, Meta(min_length=1, max_length=16)]
Reason = Annotated[str, Meta(max_length=200)]
# A Chromium offer with three video m-lines is about 12 KB; a frame is 64 KiB at most.
Sdp = Annotated[str, Meta(min_length=1, max_length=60_000)]
Mid = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9_-]+" + END)]
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
