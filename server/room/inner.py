"""Commands that no client can send: what a session, a timer or the server itself asks of the core.

They are a union of their own, so that the wire's decoder cannot produce them.
"""

from __future__ import annotations

import msgspec

from protocol.names import PersonKind, Role


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    """A command from inside the server; the actor is the person it is about."""


class Create(Inner, frozen=True, kw_only=True):
    """Make a room; the actor is its owner."""

    conference: str
    title: str
    stage_places: int


class Enter(Inner, frozen=True, kw_only=True):
    """A person comes in. `by_right`: organizer by right (owner, operator, admin); `inherits`: the role that the
    server or the link gives to somebody without an assignment of their own as long as the conference's settings
    have chosen none, None for no access."""

    name: str
    kind: PersonKind
    by_right: bool = False
    inherits: Role | None = None


class Drop(Inner, frozen=True, kw_only=True):
    """The person's last connection broke."""


class Expire(Inner, frozen=True, kw_only=True):
    """The grace period of somebody away is over."""


class Close(Inner, frozen=True, kw_only=True):
    """The server's own operator ends the conference (command line); the actor need not be present."""


class Elapse(Inner, frozen=True, kw_only=True):
    """Time has passed: whatever is due to end ends; the actor does not matter."""


InnerCommand = Create | Enter | Drop | Expire | Close | Elapse
