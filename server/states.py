"""The table of a session's states: which message belongs to which.

    CONNECTED --hello--> WELCOMED --conference.join--> JOINED --leave, removed, ended--> WELCOMED or CLOSED
    CONNECTED --hello with resume--> JOINED

Anything else is refused and changes nothing.
"""

from __future__ import annotations

import enum

from protocol import commands as c
from protocol.errors import Code


class State(enum.Enum):
    """Where a session stands."""

    CONNECTED = "connected"
    WELCOMED = "welcomed"
    JOINED = "joined"
    CLOSED = "closed"


ROOM_COMMANDS: tuple[type[c.Command], ...] = (
    c.ConferenceLeave,
    c.ConferenceEnd,
    c.ConferenceSettings,
    c.ConferenceSetMode,
    c.StageRequest,
    c.StageWithdraw,
    c.StageGrant,
    c.StageRefuse,
    c.StageInvite,
    c.StageAccept,
    c.StageDecline,
    c.StageLeave,
    c.StageTakeDown,
    c.StageReorder,
    c.RemarkRequest,
    c.RemarkWithdraw,
    c.RemarkGrant,
    c.RemarkRefuse,
    c.RemarkEnd,
    c.MediaMute,
    c.MediaUnmute,
    c.MediaLock,
    c.MediaMuteAll,
    c.MediaUnmuteAll,
    c.MediaAskUnmute,
    c.ShareStop,
    c.ParticipantRemove,
    c.ParticipantBlock,
    c.ParticipantUnblock,
    c.RoleAssign,
)
MEDIA_COMMANDS: tuple[type[c.Command], ...] = (c.MediaPublish, c.MediaSubscribe, c.MediaAnswer)
TALK_COMMANDS: tuple[type[c.Command], ...] = (c.ChatSend, c.ChatHistory, c.ReactionSend)

ALLOWED: dict[State, frozenset[type[c.Command]]] = {
    State.CONNECTED: frozenset((c.Hello,)),
    State.WELCOMED: frozenset((c.ConferenceJoin,)),
    State.JOINED: frozenset((c.Can, c.PeopleList, *ROOM_COMMANDS, *MEDIA_COMMANDS, *TALK_COMMANDS)),
    State.CLOSED: frozenset(),
}


def misplaced(state: State, message: type[c.Command]) -> Code | None:
    """Why a message does not belong to a state; None when it does."""
    if message in ALLOWED[state]:
        return None
    earlier = {State.WELCOMED: (c.Hello,), State.JOINED: (c.Hello, c.ConferenceJoin)}.get(state, ())
    return Code.ALREADY if message in earlier else Code.NOT_YET
