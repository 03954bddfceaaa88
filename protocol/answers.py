"""What the server answers: `ok` with a typed result, or `refused` with a code, a sentence and a retry flag."""

from __future__ import annotations

from typing import Any

from protocol.errors import Code
from protocol.names import Message, Part
from protocol.view import Person, Snapshot


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """Answer to `hello`. After a resume, `resume` is the next single-use token, and the events missed
    (or a `resync`) follow."""

    identity: str
    name: str
    resumed: bool = False
    resume: str | None = None


class Joined(Message, frozen=True, kw_only=True, tag="joined"):
    """Answer to `conference.join`: the conference as one may see it, and the token to come back with."""

    snapshot: Snapshot
    resume: str


class Allowed(Message, frozen=True, kw_only=True, tag="allowed"):
    """Answer to `can`: the commands one may give now; moderators are told the rule that decided each."""

    commands: tuple[str, ...]
    rules: dict[str, str] = {}


class People(Message, frozen=True, kw_only=True, tag="people"):
    """Answer to `people.list`; `more` when another page follows."""

    people: tuple[Person, ...]
    more: bool = False


class Accepted(Message, frozen=True, kw_only=True, tag="answer"):
    """Answer to `media.publish`: the SDP answer of the media worker."""

    sdp: str


class ChatMessage(Part, frozen=True, kw_only=True):
    """One message of the chat; `number` counts the conference's messages from 1, `time` is ms since 1970."""

    number: int
    time: int
    person: str
    name: str
    text: str


class ChatPage(Message, frozen=True, kw_only=True, tag="chat"):
    """Answer to `chat.history`."""

    messages: tuple[ChatMessage, ...]
    more: bool = False


Result = Welcome | Joined | Allowed | People | Accepted | ChatPage


class Ok(Message, frozen=True, kw_only=True, tag="ok"):
    """Accepted. `version` is the room's version that holds the outcome."""

    id: int
    version: int | None = None
    result: Result | None = None


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """Not accepted, and nothing has changed. `id` is absent when the message had none that could be read."""

    id: int | None = None
    code: Code
    message: str
    retry: bool = False
    details: dict[str, Any] = {}
