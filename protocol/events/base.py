"""What every event is."""

from __future__ import annotations

from protocol.names import Message


class Event(Message, frozen=True, kw_only=True):
    """A fact with its place in the room's order.

    `version` counts the room's events from 1. `after` is the version before it that the same audience
    was told: a client whose position is not below `after` has missed nothing. `time` is ms since 1970.
    `by` is the identity whose command caused it; absent when nobody's did.
    """

    version: int = 0
    after: int = 0
    time: int = 0
    by: str | None = None
