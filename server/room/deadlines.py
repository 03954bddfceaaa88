"""What ends by itself: turns to speak and invitations. The state holds the moments; a timer only asks what is due."""

from __future__ import annotations

from protocol import events as e
from server.room.state import Room

Events = tuple[e.RoomEvent, ...]


def earliest(room: Room) -> int | None:
    """When the next thing ends (ms since 1970); None: nothing does."""
    return min((*room.remarks.values(), *room.expires.values()), default=None)


def elapse(room: Room, now: int) -> Events:
    """What has ended by now. Asked too early or twice, nothing."""
    return (
        *(
            e.RemarkEnded(time=now, person=person, reason=e.RemarkEndReason.TIME)
            for person, until in room.remarks.items()
            if until <= now
        ),
        *(
            e.StageDeclined(time=now, person=person, expired=True)
            for person, until in room.expires.items()
            if until <= now
        ),
    )
