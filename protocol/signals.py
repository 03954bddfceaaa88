"""What a client is told beside the room's events: nothing here is in the log, nothing has a version."""

from __future__ import annotations

import enum

from protocol.answers import ChatMessage
from protocol.errors import Code
from protocol.names import Message, Part
from protocol.view import Snapshot


class Resync(Message, frozen=True, kw_only=True, tag="resync"):
    """Forget what you know: this is the conference now."""

    snapshot: Snapshot


class Closing(Message, frozen=True, kw_only=True, tag="closing"):
    """Why this connection, or this presence, ends. `after_ms`: how long to wait before coming back."""

    code: Code
    message: str
    retry: bool = False
    after_ms: int = 0


class PeopleCount(Message, frozen=True, kw_only=True, tag="people.count"):
    """How many are present, coalesced, for those who are not told each coming and going."""

    count: int


class MediaOffer(Message, frozen=True, kw_only=True, tag="media.offer"):
    """The media worker's offer for the subscribe connection. `tracks`: m-line → track, `identity/source`."""

    generation: int
    revision: int
    sdp: str
    tracks: dict[str, str]


class MediaReset(Message, frozen=True, kw_only=True, tag="media.reset"):
    """The media worker is another one now: open both connections anew."""

    reason: str


class Loudness(Part, frozen=True, kw_only=True):
    """How loud somebody is: `level` 0 (silent) to 100."""

    person: str
    level: int


class MediaSpeakers(Message, frozen=True, kw_only=True, tag="media.speakers"):
    """Who speaks now, loudest first; empty when nobody does."""

    speakers: tuple[Loudness, ...]


class QualityGrade(enum.StrEnum):
    """A person's connection as a word."""

    EXCELLENT = "excellent"
    GOOD = "good"
    POOR = "poor"
    LOST = "lost"


class Quality(Part, frozen=True, kw_only=True):
    """The worker's measure of one person's connection. `loss` in percent, `rtt_ms` in ms, rates in kbit/s."""

    person: str
    grade: QualityGrade
    loss: float = 0.0
    rtt_ms: int = 0
    up_kbps: int = 0
    down_kbps: int = 0


class MediaQuality(Message, frozen=True, kw_only=True, tag="media.quality"):
    """Connection quality: moderators are told everybody's, others their own and the stage's."""

    people: tuple[Quality, ...]


class ChatShown(Message, frozen=True, kw_only=True, tag="chat.message"):
    """A new message in the chat."""

    message: ChatMessage


class ReactionShown(Message, frozen=True, kw_only=True, tag="reaction"):
    """Reactions since the last of these, by emoji; `person` when it was a single one."""

    counts: dict[str, int]
    person: str | None = None


Signal = (
    Resync | Closing | PeopleCount | MediaOffer | MediaReset | MediaSpeakers | MediaQuality | ChatShown | ReactionShown
)
