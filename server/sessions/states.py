"""The table of a session's states: which message belongs to which.

    CONNECTED --hello--> WELCOMED --conference.join--> JOINED --leave, removed, ended--> WELCOMED or CLOSED
    CONNECTED --hello with resume--> JOINED
    WELCOMED --conference.join, held--> WAITING --admitted--> JOINED
    WAITING --leave, refused, ended--> WELCOMED or CLOSED

Who waits may go away, and is told nothing of the conference. Anything else is refused and changes nothing.
"""

from __future__ import annotations

import enum
from typing import get_args

from protocol import commands as c
from protocol.errors import Code


class State(enum.Enum):
    """Where a session stands."""

    CONNECTED = "connected"
    WELCOMED = "welcomed"
    WAITING = "waiting"
    JOINED = "joined"
    CLOSED = "closed"


MEDIA_COMMANDS: tuple[type[c.Command], ...] = get_args(c.MediaCommand)
ENGAGEMENT_QUERIES: tuple[type[c.Command], ...] = get_args(c.EngagementQuery)
TALK_COMMANDS: tuple[type[c.Command], ...] = get_args(c.TalkCommand)
# What the room decides; the offer of media is more than a decision, and has its own way (orders.py).
ROOM_COMMANDS: tuple[type[c.Command], ...] = tuple(set(get_args(c.RoomCommand)) - set(MEDIA_COMMANDS))

ALLOWED: dict[State, frozenset[type[c.Command]]] = {
    State.CONNECTED: frozenset((c.Hello,)),
    State.WELCOMED: frozenset((c.ConferenceJoin,)),
    State.WAITING: frozenset((c.ConferenceLeave,)),
    State.JOINED: frozenset(
        (c.Can, c.Explain, c.PeopleList, *ROOM_COMMANDS, *MEDIA_COMMANDS, *ENGAGEMENT_QUERIES, *TALK_COMMANDS)
    ),
    State.CLOSED: frozenset(),
}


def misplaced(state: State, message: type[c.Command]) -> Code | None:
    """Why a message does not belong to a state; None when it does."""
    if message in ALLOWED[state]:
        return None
    inside = (c.Hello, c.ConferenceJoin)
    earlier = {State.WELCOMED: (c.Hello,), State.WAITING: inside, State.JOINED: inside}.get(state, ())
    return Code.ALREADY if message in earlier else Code.NOT_YET
