"""Questions, polls and links."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.engagement import AnswerText, Option, OptionText, QuestionText, Url
from protocol.names import Count, Identity, Title

# A page of entries with their longest texts is a frame of some hundred kilobytes.
PageSize = Annotated[int, Meta(ge=1, le=50)]


class QuestionAsk(Command, frozen=True, kw_only=True, tag="question.ask"):
    """Ask a question; a `private` one is read by those only who may see private ones."""

    text: QuestionText
    private: bool = False


class QuestionUpvote(Command, frozen=True, kw_only=True, tag="question.upvote"):
    """Vote for somebody else's question, once."""

    question: Count


class QuestionApprove(Command, frozen=True, kw_only=True, tag="question.approve"):
    """Let everybody see a question, where the setting `questions_approved` holds them back."""

    question: Count


class QuestionAnswer(Command, frozen=True, kw_only=True, tag="question.answer"):
    """Answer a question in writing; a second answer takes the place of the first."""

    question: Count
    text: AnswerText


class QuestionDisplay(Command, frozen=True, kw_only=True, tag="question.display"):
    """Show a question on the stage, in place of the one that is shown; without `question`, show none."""

    question: Count | None = None


class QuestionDismiss(Command, frozen=True, kw_only=True, tag="question.dismiss"):
    """Take a question away (one's own too)."""

    question: Count


class QuestionList(Command, frozen=True, kw_only=True, tag="question.list"):
    """A page of the questions one may see, in order of asking; `after` is the last number of the page before."""

    after: Count = 0
    limit: PageSize = 50


class PollCreate(Command, frozen=True, kw_only=True, tag="poll.create"):
    """Prepare a poll (see `Poll`); nobody is asked before it is launched."""

    question: QuestionText
    options: Annotated[tuple[OptionText, ...], Meta(min_length=2, max_length=10)]
    multiple: bool = False
    anonymous: bool = False
    live: bool = True


class PollLaunch(Command, frozen=True, kw_only=True, tag="poll.launch"):
    """Put a prepared poll on the stage: everybody may answer."""

    poll: Count


class PollAnswer(Command, frozen=True, kw_only=True, tag="poll.answer"):
    """Answer an open poll, once and for good; `chosen` are positions of its options from 0."""

    poll: Count
    chosen: Annotated[tuple[Option, ...], Meta(min_length=1, max_length=10)]


class PollClose(Command, frozen=True, kw_only=True, tag="poll.close"):
    """Take no more answers; the results are seen by everybody."""

    poll: Count


class PollRemove(Command, frozen=True, kw_only=True, tag="poll.remove"):
    """Take a poll away, with what was answered."""

    poll: Count


class PollList(Command, frozen=True, kw_only=True, tag="poll.list"):
    """A page of the polls one may see, in order of making; `after` is the last number of the page before."""

    after: Count = 0
    limit: PageSize = 50


class PollAnswers(Command, frozen=True, kw_only=True, tag="poll.answers"):
    """A page of who answered what, for who made the poll and for moderators; of an anonymous one for nobody. `after` is
    the last identity of the page before."""

    poll: Count
    after: Identity | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class LinkPublish(Command, frozen=True, kw_only=True, tag="link.publish"):
    """Publish a link (http or https)."""

    url: Url
    title: Title


class LinkPromote(Command, frozen=True, kw_only=True, tag="link.promote"):
    """Put a published link on the stage, in place of the one that is there; without `link`, none."""

    link: Count | None = None


class LinkRemove(Command, frozen=True, kw_only=True, tag="link.remove"):
    """Take a link away (one's own too)."""

    link: Count


class LinkList(Command, frozen=True, kw_only=True, tag="link.list"):
    """A page of the links, in order of publishing; `after` is the last number of the page before."""

    after: Count = 0
    limit: PageSize = 50


EngagementCommand = (
    QuestionAsk
    | QuestionUpvote
    | QuestionApprove
    | QuestionAnswer
    | QuestionDisplay
    | QuestionDismiss
    | PollCreate
    | PollLaunch
    | PollAnswer
    | PollClose
    | PollRemove
    | LinkPublish
    | LinkPromote
    | LinkRemove
)
EngagementQuery = QuestionList | PollList | PollAnswers | LinkList
