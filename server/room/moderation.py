"""Mute, lock, unmute, and which tracks there are: the decisions that the media workers enforce."""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import Role, Source
from server.room.modes import sources_of
from server.room.plan import sends
from server.room.refusal import Refusal
from server.room.rules import Relation, relation
from server.room.state import Participant, Room, mute_of, on_stage

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
    """A plain mute may be undone by the person; a lock by moderators only, and it does not bind an organizer. Whose own
    wish it is to be silent is asked."""
    standing = mute_of(room, target.id, command.source)
    if standing is None:
        return ()
    if standing.by == target.id != actor.id:
        return ask_unmute(
            room, actor, target, c.MediaAskUnmute(id=command.id, target=target.id, source=command.source), now
        )
    if standing.locked and actor.id == target.id and actor.role is not Role.ORGANIZER:
        return Refusal(Code.LOCKED, "a lock is undone by a moderator", {"by": standing.by})
    return (e.MediaUnmuted(time=now, by=actor.id, person=target.id, source=command.source),)


def senders(room: Room) -> tuple[str, ...]:
    """Who may be seen or heard now: the stage, and whoever else sends something."""
    return (*room.stage, *(one.id for one in room.people.choose(sends) if not on_stage(room, one.id)))


def mute_all(room: Room, actor: Participant, command: c.MediaMuteAll, now: int) -> Events | Refusal:
    """Everybody but the actor, organizers too. Who is muted already stays as they are, or is locked now."""
    quiet = [
        person
        for person in senders(room)
        if person != actor.id
        and ((standing := mute_of(room, person, command.source)) is None or (command.lock and not standing.locked))
    ]
    return tuple(
        e.MediaMuted(time=now, by=actor.id, person=person, source=command.source, locked=command.lock)
        for person in quiet
    )


def unmute_all(room: Room, actor: Participant, command: c.MediaUnmuteAll, now: int) -> Events | Refusal:
    """What was done to people is undone; nobody's microphone is opened whose own wish it was to be silent."""
    silenced = [
        person
        for person in senders(room)
        if person != actor.id
        and (standing := mute_of(room, person, command.source)) is not None
        and standing.by != person
    ]
    return tuple(e.MediaUnmuted(time=now, by=actor.id, person=person, source=command.source) for person in silenced)


def ask_unmute(
    room: Room, actor: Participant, target: Participant, command: c.MediaAskUnmute, now: int
) -> Events | Refusal:
    """Ask, and with the setting switch on: but not the device of an organizer by right, who is only ever asked by those
    below. A lock is lifted with the question, which would otherwise ask for what is not possible."""
    if Source(command.source.value) not in sources_of(room, target.id):
        return Refusal(Code.NOT_ON_STAGE, "only who may send is asked to")
    source, standing = command.source, mute_of(room, target.id, command.source)
    forced = room.settings.force_unmute and relation(room, actor, target) is not Relation.PROTECTED
    asked = e.MediaUnmuteAsked(time=now, by=actor.id, person=target.id, source=source, forced=forced)
    if standing is None or not (forced or standing.locked):
        return (asked,)
    if forced:
        return (e.MediaUnmuted(time=now, by=actor.id, person=target.id, source=source), asked)
    return (e.MediaMuted(time=now, by=actor.id, person=target.id, source=source), asked)


def inspect(room: Room, actor: Participant, target: Participant, command: c.MediaStats, now: int) -> Events | Refusal:
    """Looking at somebody's connection changes nothing; what there is to see, the media worker knows."""
    return ()


def stop_share(room: Room, actor: Participant, target: Participant, command: c.ShareStop, now: int) -> Events | Refusal:
    """The screen and its sound; camera and microphone go on."""
    shared = [source for source in (Source.SCREEN, Source.SCREEN_AUDIO) if source in target.tracks]
    if not shared:
        return Refusal(Code.NO_SUCH_TRACK, "nothing is shared")
    return tuple(e.TrackUnpublished(time=now, by=actor.id, person=target.id, source=source) for source in shared)


def publish(room: Room, actor: Participant, command: c.MediaPublish, now: int) -> Events | Refusal:
    """The tracks given are all there are; each source once. Muted ones may be published: their routes are closed."""
    wanted = list(command.tracks.values())
    if len(set(wanted)) != len(wanted):
        return Refusal(Code.BAD_OFFER, "each source is published once")
    if Source.SCREEN_AUDIO in wanted and Source.SCREEN not in wanted:
        return Refusal(Code.BAD_OFFER, "the sound of a screen comes with the screen")
    may = sources_of(room, actor.id)
    if not may.issuperset(wanted) or not (may or actor.tracks):
        return Refusal(Code.NOT_ON_STAGE, "this is not sent without a place on the stage")
    stopped = [source for source in actor.tracks if source not in wanted]
    # In the order of the enum, not of the client's dict, so that every replica computes the same.
    begun = [source for source in Source if source in wanted and source not in actor.tracks]
    return (
        *(e.TrackUnpublished(time=now, by=actor.id, person=actor.id, source=source) for source in stopped),
        *(e.TrackPublished(time=now, by=actor.id, person=actor.id, source=source) for source in begun),
    )
