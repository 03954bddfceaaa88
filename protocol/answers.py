"""What the server answers: `ok` with a typed result, or `refused` with a code, a sentence and a retry flag."""

from __future__ import annotations

from typing import Any

from protocol.devices import Device
from protocol.engagement import Channel, Choice, Link, Poll, Question
from protocol.errors import Code
from protocol.names import CameraCodec, Message, Part, Role, RoleRule, WaitReason
from protocol.statistics import Statistics
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
    camera_codec: CameraCodec = CameraCodec.VP8


class Held(Message, frozen=True, kw_only=True, tag="held"):
    """Answer to `conference.join`: one waits at the door, and is told nothing of the conference. The signal `admitted`
    follows, or a closing."""

    reason: WaitReason


class Allowed(Message, frozen=True, kw_only=True, tag="allowed"):
    """Answer to `can`: the commands one may give now; moderators are told the rule that decided each."""

    commands: tuple[str, ...]
    rules: dict[str, str] = {}


class Explanation(Message, frozen=True, kw_only=True, tag="explanation"):
    """Answer to `explain`: what would be decided, and why, as a sentence and in its parts.

    `role` and the rule that gave it; `rule`: the row of the table that decided, absent where none was reached; `code`:
    how it would be refused. `absent`: they are not in the conference, and this is how it would be if they came.
    """

    allowed: bool
    message: str
    role: Role | None = None
    role_rule: RoleRule
    rule: str = ""
    code: Code | None = None
    absent: bool = False


class People(Message, frozen=True, kw_only=True, tag="people"):
    """Answer to `people.list`; `more` when another page follows. Moderators are told their `devices` as well."""

    people: tuple[Person, ...]
    more: bool = False
    devices: dict[str, tuple[Device, ...]] = {}


class Accepted(Message, frozen=True, kw_only=True, tag="answer"):
    """Answer to `media.publish`: the SDP answer of the media worker."""

    sdp: str


class Relays(Message, frozen=True, kw_only=True, tag="relays"):
    """Answer to `media.relays`: TURN servers, and the credentials for them, which end `ttl_s` seconds from now. Without
    `urls` there are none, and nothing else is said."""

    urls: tuple[str, ...] = ()
    username: str = ""
    credential: str = ""
    ttl_s: int = 0


class Receipt(Message, frozen=True, kw_only=True, tag="receipt"):
    """Answer to a command that closed `tracks` tracks at the media plane: what the media worker has confirmed.

    `version` is the room's version that closed them. `applied`: the worker has confirmed that nothing of them goes out
    any more; if not, no worker is there, or it has not answered within a second. `silence_ms`: at most so long after
    the command was accepted the last packet went out; absent when nothing was flowing.
    """

    version: int
    applied: bool
    tracks: int
    silence_ms: float | None = None


class ChatMessage(Part, frozen=True, kw_only=True):
    """One message of the chat; `number` grows from message to message of its channel, `time` is ms since 1970.

    `to` is whom a private one was written to. `reply_to` is the number of the message of the same channel that it
    replies to, 0 for none. `mentions` are the people it names, of those who read it. `edited`: when its text was
    changed last, 0 for never.
    """

    number: int
    time: int
    person: str
    name: str
    text: str
    channel: Channel = Channel.EVERYONE
    to: str = ""
    reply_to: int = 0
    mentions: tuple[str, ...] = ()
    edited: int = 0


class ChatPage(Message, frozen=True, kw_only=True, tag="chat"):
    """Answer to `chat.history` and `chat.search`."""

    messages: tuple[ChatMessage, ...]
    more: bool = False


class Questions(Message, frozen=True, kw_only=True, tag="questions"):
    """Answer to `question.list`; `more` when another page follows."""

    questions: tuple[Question, ...]
    more: bool = False


class Polls(Message, frozen=True, kw_only=True, tag="polls"):
    """Answer to `poll.list`; `more` when another page follows."""

    polls: tuple[Poll, ...]
    more: bool = False


class Choices(Message, frozen=True, kw_only=True, tag="choices"):
    """Answer to `poll.answers`; `more` when another page follows."""

    choices: tuple[Choice, ...]
    more: bool = False


class Links(Message, frozen=True, kw_only=True, tag="links"):
    """Answer to `link.list`; `more` when another page follows."""

    links: tuple[Link, ...]
    more: bool = False


Result = (
    Welcome
    | Joined
    | Held
    | Allowed
    | Explanation
    | People
    | Accepted
    | Relays
    | Receipt
    | Statistics
    | ChatPage
    | Questions
    | Polls
    | Choices
    | Links
)


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
