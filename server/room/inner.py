"""Commands that no client can send: what a session, a timer or the server itself asks of the core.

They are a union of their own, so that the wire's decoder cannot produce them.
"""

from __future__ import annotations

import msgspec

from protocol.engagement import Channel
from protocol.files import FileKind
from protocol.names import PersonKind, Role


class Inner(msgspec.Struct, frozen=True, kw_only=True, tag=str.lower):
    """A command from inside the server; the actor is the person it is about. Its name (`enter`, `expire`) has no noun,
    so that nobody takes it for one that a client gave."""


class Create(Inner, frozen=True, kw_only=True):
    """Make a room; the actor is its owner."""

    conference: str
    title: str
    stage_places: int


class Enter(Inner, frozen=True, kw_only=True):
    """A person comes in. `by_right`: organizer by right (owner, operator, admin); `inherits`: the role that the
    server or the link gives to somebody without an assignment of their own as long as the conference's settings
    have chosen none, None for no access; `pin`: the PIN they know. Outcome: they are present, or wait at the door.

    `node`: through which they are connected from now on; `main`: by their main connection, which is the only one then.
    `recorded`: it is put down also when it changes nothing, so that it is known to have been done."""

    name: str
    kind: PersonKind
    by_right: bool = False
    inherits: Role | None = None
    pin: str = ""
    node: str = ""
    main: bool = False
    recorded: bool = False


class Drop(Inner, frozen=True, kw_only=True):
    """The person's last connection through each of these nodes broke, or without nodes their very last one: who is
    connected through no other is away, or waits no more. `until`: when nodes that are no more were last known to
    live, ms since 1970; for the record."""

    nodes: tuple[str, ...] = ()
    until: int | None = None


class Stay(Inner, frozen=True, kw_only=True):
    """The person is connected through the node still, and by their main connection or without it."""

    node: str
    main: bool


class Move(Inner, frozen=True, kw_only=True):
    """The person's newest connection is in another conference: they are in this one no more."""


class Expire(Inner, frozen=True, kw_only=True):
    """The grace period of somebody away is over."""


class Pass(Inner, frozen=True, kw_only=True):
    """The conference passes to the actor, who need not be present: the account of its owner is no more."""


class Right(Inner, frozen=True, kw_only=True):
    """Somebody present got or lost the right to be an organizer everywhere."""

    by_right: bool


class Bar(Inner, frozen=True, kw_only=True):
    """What let the person in (their account, their guest link) does so no more."""


class Appoint(Inner, frozen=True, kw_only=True):
    """The event that this conference is a session of gives an identity a role, or with None takes it back; the actor,
    who did that, need not be present."""

    target: str
    role: Role | None


class DeleteMessage(Inner, frozen=True, kw_only=True, tag="chat.delete"):
    """A client's `chat.delete` (hence its name), with what the chat knows of the message: `target` wrote it."""

    channel: Channel
    number: int
    target: str


class AddFile(Inner, frozen=True, kw_only=True, tag="file.upload"):
    """A file that the actor has uploaded is there (see `File`); `quota`: bytes that the conference's files may have."""

    kind: FileKind
    label: str
    size: int
    key: str
    quota: int
    pages: int = 0


class OutdateFiles(Inner, frozen=True, kw_only=True):
    """What was uploaded before this time (ms since 1970) is not kept any longer; the actor does not matter."""

    before: int


class Close(Inner, frozen=True, kw_only=True):
    """The server's own operator ends the conference (command line); the actor need not be present."""


class Elapse(Inner, frozen=True, kw_only=True):
    """Time has passed: whatever is due to end ends; the actor does not matter."""


class EndRecording(Inner, frozen=True, kw_only=True):
    """The recording of this number cannot go on; `reason` is a `RecordingEnd`."""

    number: int
    reason: str


# What nobody asks for: time, connections that break, and rights that end elsewhere.
BY_NOBODY = (Drop, Stay, Expire, Elapse, Pass, Right, Bar, OutdateFiles, EndRecording)

InnerCommand = (
    Create
    | Enter
    | Drop
    | Stay
    | Move
    | Expire
    | Pass
    | Right
    | Bar
    | Appoint
    | DeleteMessage
    | AddFile
    | OutdateFiles
    | Close
    | Elapse
    | EndRecording
)
