"""What a client is told beside the room's events: nothing here is in the log, nothing has a version."""

from __future__ import annotations

import enum

from protocol.answers import ChatMessage
from protocol.errors import Code
from protocol.names import Message, Part, Source
from protocol.view import Snapshot


class Resync(Message, frozen=True, kw_only=True, tag="resync"):
    """Forget what you know: this is the conference now."""

    snapshot: Snapshot


class Admitted(Message, frozen=True, kw_only=True, tag="admitted"):
    """The wait at the door is over: the conference as one may see it, and the token to come back with."""

    snapshot: Snapshot
    resume: str


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


class MediaLayers(Message, frozen=True, kw_only=True, tag="media.layers"):
    """Which layers of one's own picture somebody looks at, by their names (`rid`); of what is sent in one layer it has
    no name, and layers within one stream (SVC) are `s0`, `s1` and `s2`, lowest first. The others may be paused until
    they are named here. Until it is said for a new publish connection, all are to be sent; whoever sends more than that
    loses nothing but bandwidth."""

    source: Source
    rids: tuple[str, ...] = ()


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
    """The worker's measure of one person's connection. `loss` in percent, `rtt_ms` in ms, rates in kbit/s.

    `sent` and `received`: the score (1.0 to 5.0, absent where nothing is known) of the worst they send and the worst
    they receive; `sources`: of each thing they send. The grade follows the worse of the two, slowly on the way up.
    """

    person: str
    grade: QualityGrade
    loss: float = 0.0
    rtt_ms: int = 0
    up_kbps: int = 0
    down_kbps: int = 0
    sent: float = 0.0
    received: float = 0.0
    sources: dict[Source, float] = {}


class MediaQuality(Message, frozen=True, kw_only=True, tag="media.quality"):
    """Connection quality: moderators are told everybody's, others their own and the stage's."""

    people: tuple[Quality, ...]


class MediaPaused(Message, frozen=True, kw_only=True, tag="media.paused"):
    """The pictures one would see, `identity/source`, if one's own network took more; sent when they change."""

    tracks: tuple[str, ...] = ()


class ChatShown(Message, frozen=True, kw_only=True, tag="chat.message"):
    """A new message in the chat."""

    message: ChatMessage


class ChatChanged(Message, frozen=True, kw_only=True, tag="chat.changed"):
    """A message has another text now; with none, a private one is not there any more. Of others `chat.deleted` says
    that."""

    message: ChatMessage


class ReactionShown(Message, frozen=True, kw_only=True, tag="reaction"):
    """Reactions since the last of these, by emoji; `person` when it was a single one."""

    counts: dict[str, int]
    person: str | None = None


class QuestionVotes(Message, frozen=True, kw_only=True, tag="question.votes"):
    """How many votes questions have now, by their number; coalesced."""

    votes: dict[str, int]


class PollCounts(Message, frozen=True, kw_only=True, tag="poll.counts"):
    """How many people have answered a poll, and how often each option was chosen; coalesced, for those who see it."""

    poll: int
    answers: int
    counts: tuple[int, ...]


Signal = (
    Resync
    | Admitted
    | Closing
    | PeopleCount
    | MediaOffer
    | MediaReset
    | MediaLayers
    | MediaSpeakers
    | MediaQuality
    | MediaPaused
    | ChatShown
    | ChatChanged
    | ReactionShown
    | QuestionVotes
    | PollCounts
)
