"""The connection itself: who is there, what they may do, who else is there."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.names import END, ConferenceId, Count, Identity, Part, TokenText


class Resume(Part, frozen=True, kw_only=True):
    """Where a returning client stopped: its position and its single-use resume token."""

    conference: ConferenceId
    epoch: Count
    version: Count
    token: TokenText


class Hello(Command, frozen=True, kw_only=True, tag="hello"):
    """The first message: who is there, proven by a token. `client` is random for each page load."""

    token: TokenText
    client: Annotated[str, Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+" + END)]
    resume: Resume | None = None


class Can(Command, frozen=True, kw_only=True, tag="can"):
    """Which commands may I give now, about nobody in particular or about `target`?"""

    target: Identity | None = None


class Explain(Command, frozen=True, kw_only=True, tag="explain"):
    """Why may I, or may `about`, give a command (to `target`), or not? `command` is a name as `can` has it, such as
    `media.mute:audio`, or an action of the table of permissions. About others whoever moderates may ask."""

    command: Annotated[str, Meta(min_length=1, max_length=64)]
    about: Identity | None = None
    target: Identity | None = None


class PeopleList(Command, frozen=True, kw_only=True, tag="people.list"):
    """A page of everybody present, in order of joining; `after` is the last identity of the page before."""

    after: Identity | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 100
