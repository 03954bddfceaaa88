"""What a line of each report says: its columns in CSV, its fields in JSON, and what the API's document tells of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.names import PersonKind
from protocol.signals import QualityGrade

Moment = Annotated[str, Meta(description="A time in UTC.", examples=["2026-03-01T09:30:00.250Z"])]
Share = Annotated[float | None, Meta(description="In percent; null when nothing was measured.", examples=[1.4])]
Loss = Annotated[float | None, Meta(description="In percent; null when nothing is known.", examples=[0.3])]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of any report."""


class PersonLine(Line, frozen=True, kw_only=True):
    """Somebody who was in the conference; `role` is what they have there now, or would come back with."""

    identity: str
    name: str
    kind: PersonKind
    role: str
    present: bool
    blocked: bool
    first_came: Moment
    last_came: Moment
    came: Annotated[int, Meta(description="How often.", examples=[2])]


class StayLine(Line, frozen=True, kw_only=True):
    """One stay of somebody. The grades' percentages are shares of the time in which a media connection was measured;
    `quality` is the connection in a word: as good as it was for nine tenths of that time. `loss_percent` is the mean of
    the worse direction, `worst_loss_percent` that of the worst minute, `rtt_ms` the mean way there and back."""

    identity: str
    name: str
    came: Moment
    left: Annotated[str, Meta(description="A time in UTC; empty while they are there.", examples=[""])]
    seconds: Annotated[int, Meta(description="How long, so far.", examples=[3120])]
    speaking_seconds: Annotated[int, Meta(description="How long they were heard speaking.", examples=[412])]
    quality: Annotated[QualityGrade | None, Meta(examples=["good"])]
    excellent_percent: Share
    good_percent: Share
    poor_percent: Share
    lost_percent: Share
    loss_percent: Loss
    worst_loss_percent: Loss
    rtt_ms: Annotated[int | None, Meta(description="There and back; null when nothing is known.", examples=[48])]


class LinkLine(Line, frozen=True, kw_only=True):
    """A link that the conference was given."""

    number: int
    time: Moment
    person: str
    name: str
    title: str
    url: str
    on_stage: bool


class ChatLine(Line, frozen=True, kw_only=True):
    """A message of the chat."""

    number: int
    time: Moment
    person: str
    name: str
    text: str


class QuestionLine(ChatLine, frozen=True, kw_only=True):
    """A question with its answer, which is empty when there is none."""

    private: bool
    approved: bool
    votes: int
    answer: str
    answered_by: str
    answered: str


class PollLine(Line, frozen=True, kw_only=True):
    """An option of a poll, and how often it was chosen; `chosen_by` is empty of anonymous ones."""

    number: int
    time: Moment
    person: str
    name: str
    question: str
    state: str
    multiple: bool
    anonymous: bool
    answers: int
    option: str
    chosen: int
    chosen_by: list[str]
