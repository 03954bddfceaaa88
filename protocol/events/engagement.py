"""Questions, polls, links, and what is done to the chat. The messages of the chat itself are no events."""

from __future__ import annotations

from protocol.engagement import Channel, Link, Poll, Question, WrittenAnswer
from protocol.events.base import Event


class QuestionAsked(Event, frozen=True, kw_only=True, tag="question.asked"):
    """Somebody asks; told to those who may see it."""

    question: Question


class QuestionUpvoted(Event, frozen=True, kw_only=True, tag="question.upvoted"):
    """Somebody votes for a question. They are told; everybody else hears of votes by the signal `question.votes`."""

    question: int
    person: str


class QuestionApproved(Event, frozen=True, kw_only=True, tag="question.approved"):
    """Everybody may see this question."""

    question: Question


class QuestionAnswered(Event, frozen=True, kw_only=True, tag="question.answered"):
    """A question has this answer."""

    question: int
    answer: WrittenAnswer


class QuestionDisplayed(Event, frozen=True, kw_only=True, tag="question.displayed"):
    """This question is shown on the stage; absent, none is."""

    question: Question | None = None


class QuestionDismissed(Event, frozen=True, kw_only=True, tag="question.dismissed"):
    """A question is not there any more."""

    question: int


class PollCreated(Event, frozen=True, kw_only=True, tag="poll.created"):
    """A poll is prepared; told to those who prepare polls."""

    poll: Poll


class PollLaunched(Event, frozen=True, kw_only=True, tag="poll.launched"):
    """A poll is open."""

    poll: Poll


class PollAnswered(Event, frozen=True, kw_only=True, tag="poll.answered"):
    """Somebody has answered. They are told, and where the poll is not anonymous who made it and moderators; everybody
    else hears of counts by the signal `poll.counts`."""

    poll: int
    person: str
    chosen: tuple[int, ...]


class PollClosed(Event, frozen=True, kw_only=True, tag="poll.closed"):
    """A poll takes no more answers: how many people answered, and how often each option was chosen."""

    poll: int
    answers: int
    counts: tuple[int, ...]


class PollRemoved(Event, frozen=True, kw_only=True, tag="poll.removed"):
    """A poll is not there any more."""

    poll: int


class LinkPublished(Event, frozen=True, kw_only=True, tag="link.published"):
    """Somebody has published a link."""

    link: Link


class LinkPromoted(Event, frozen=True, kw_only=True, tag="link.promoted"):
    """This link is on the stage; absent, none is."""

    link: Link | None = None


class LinkRemoved(Event, frozen=True, kw_only=True, tag="link.removed"):
    """A link is not there any more."""

    link: int


class ChatClosed(Event, frozen=True, kw_only=True, tag="chat.closed"):
    """Only those who moderate the chat write to everybody."""


class ChatOpened(Event, frozen=True, kw_only=True, tag="chat.opened"):
    """Everybody who may write to everybody can again."""


class ChatDeleted(Event, frozen=True, kw_only=True, tag="chat.deleted"):
    """A message of the chat, written by `person`, is not there any more."""

    number: int
    person: str
    channel: Channel = Channel.EVERYONE


EngagementEvent = (
    QuestionAsked
    | QuestionUpvoted
    | QuestionApproved
    | QuestionAnswered
    | QuestionDisplayed
    | QuestionDismissed
    | PollCreated
    | PollLaunched
    | PollAnswered
    | PollClosed
    | PollRemoved
    | LinkPublished
    | LinkPromoted
    | LinkRemoved
    | ChatClosed
    | ChatOpened
    | ChatDeleted
)
