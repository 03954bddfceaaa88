"""Mute, lock, unmute, and which tracks there are: the decisions that the media workers enforce."""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import Role, Source
from server.room.refusal import Refusal
from server.room.state import Participant, Room, mute_of

Events = tuple[e.RoomEvent, ...]


def mute(room: Room, actor: Participant, target: Participant, command: c.MediaMute, now: int) -> Events | Refusal:
    """A mute of somebody muted already changes nothing; in particular it takes no lock away."""
    if mute_of(room, target.id, command.source) is not None:
        return ()
    return (e.MediaMuted(time=now, by=actor.id, person=target.id, source=command.source),)


def lock(room: Room, actor: Participant, target: Participant, command: c.MediaLock, now: int) -> Events | Refusal:
    """Mute so that the person cannot undo it."""
    standing = mute_of(room, target.id, command.source)
    if standing is not None and standing.locked:
        return ()
    return (e.MediaMuted(time=now, by=actor.id, person=target.id, source=command.source, locked=True),)


def unmute(room: Room, actor: Participant, target: Participant, command: c.MediaUnmute, now: int) -> Events | Refusal:
    """A plain mute may be undone by the person; a lock by moderators only, and it does not bind an organizer."""
    standing = mute_of(room, target.id, command.source)
    if standing is None:
        return ()
    if standing.locked and actor.id == target.id and actor.role is not Role.ORGANIZER:
        return Refusal(Code.LOCKED, "a lock is undone by a moderator", {"by": standing.by})
    return (e.MediaUnmuted(time=now, by=actor.id, person=target.id, source=command.source),)


def publish(room: Room, actor: Participant, command: c.MediaPublish, now: int) -> Events | Refusal:
    """The tracks given are all there are; each source once. Muted ones may be published: their routes are closed."""
    wanted = list(command.tracks.values())
    if len(set(wanted)) != len(wanted):
        return Refusal(Code.BAD_OFFER, "each source is published once")
    stopped = [source for source in actor.tracks if source not in wanted]
    # In the order of the enum, not of the client's dict, so that every replica computes the same.
    begun = [source for source in Source if source in wanted and source not in actor.tracks]
    return (
        *(e.TrackUnpublished(time=now, by=actor.id, person=actor.id, source=source) for source in stopped),
        *(e.TrackPublished(time=now, by=actor.id, person=actor.id, source=source) for source in begun),
    )
