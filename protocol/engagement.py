"""What people ask, vote on and share: questions, polls and links, as their readers see them."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from protocol.names import Part

QuestionText = Annotated[str, Meta(min_length=1, max_length=500)]
AnswerText = Annotated[str, Meta(min_length=1, max_length=2000)]
OptionText = Annotated[str, Meta(min_length=1, max_length=200)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
# The position of an option in its poll, from 0.
Option = Annotated[int, Meta(ge=0, le=9)]


class Channel(enum.StrEnum):
    """Where a chat message is read: by everybody, by those who have the moderators' channel, or by two people alone:
    who wrote it and to whom."""

    EVERYONE = "everyone"
    MODERATORS = "moderators"
    PRIVATE = "private"


class WrittenAnswer(Part, frozen=True, kw_only=True):
    """The answer to a question: by whom, who they were then, and when (ms since 1970)."""

    person: str
    name: str
    text: str
    time: int


class Question(Part, frozen=True, kw_only=True):
    """A question. `number` counts the conference's questions from 1; `person` and `name` are who asked, `time` is ms
    since 1970. A `private` one is seen by who asked and by those who may see private ones; one that is not `approved`
    yet by who asked and by those who may approve it. `voted`: the reader has voted for it.
    """

    number: int
    person: str
    name: str
    text: str
    time: int
    private: bool = False
    approved: bool = True
    votes: int = 0
    voted: bool = False
    answer: WrittenAnswer | None = None


class PollState(enum.StrEnum):
    """Where a poll stands."""

    PREPARED = "prepared"
    OPEN = "open"
    CLOSED = "closed"


class Poll(Part, frozen=True, kw_only=True):
    """A poll. `number` counts the conference's polls from 1; `person` and `name` are who made it, `time` is when it was
    made, in ms since 1970. `multiple`: several options may be chosen; `anonymous`: nobody is shown who chose what;
    `live`: the results are seen while it is open, otherwise when it is closed.

    `answers` is how many people have answered, `counts` how often each option was chosen; empty as long as the reader
    may not see it. `answered`: the reader has answered, and of a poll that is not anonymous `chosen` is what.
    """

    number: int
    person: str
    name: str
    time: int
    question: str
    options: tuple[str, ...]
    multiple: bool = False
    anonymous: bool = False
    live: bool = True
    state: PollState = PollState.PREPARED
    answers: int = 0
    counts: tuple[int, ...] = ()
    answered: bool = False
    chosen: tuple[int, ...] = ()


class Choice(Part, frozen=True, kw_only=True):
    """What somebody chose in a poll, as positions of its options from 0."""

    person: str
    name: str
    chosen: tuple[int, ...]


class Link(Part, frozen=True, kw_only=True):
    """A link that somebody published. `number` counts the conference's links from 1, `time` is ms since 1970."""

    number: int
    person: str
    name: str
    time: int
    url: str
    title: str
