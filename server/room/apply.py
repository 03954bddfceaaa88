"""An event to the next state. Nothing is judged here: the event holds the result.

One function for each event, in a table: an event without a row is unknown to this node, which then serves reads for
the room and decides nothing (a rolling upgrade).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec.structs import replace

from protocol import events as e
from protocol.names import MuteSource, Source
from protocol.view import Blocked
from server.room.state import CROWDED_FROM, CROWDED_UNTIL, Mute, Participant, Room

K = TypeVar("K")
V = TypeVar("V")


class UnknownEvent(Exception):
    """The log holds an event that this node does not know."""


def apply(room: Room | None, event: e.RoomEvent) -> Room:
    """The room after the event, one version later. Raises `UnknownEvent`."""
    if room is None:
        if not isinstance(event, e.ConferenceCreated):
            raise UnknownEvent("a room begins with its creation")
        return Room(
            conference=event.conference,
            title=event.title,
            owner=event.owner,
            stage_places=event.stage_places,
            version=1,
        )
    step = _APPLY.get(type(event))
    if step is None:
        raise UnknownEvent(type(event).__name__)
    return replace(step(room, event), version=room.version + 1)


def stamp(room: Room | None, event: e.RoomEvent) -> e.RoomEvent:
    """The event with the version it will have in this room."""
    return replace(event, version=1 if room is None else room.version + 1)


def played(room: Room, events: Iterable[e.RoomEvent]) -> Room:
    """The room as these events will leave it: for decisions whose parts follow from one another."""
    for event in events:
        room = apply(room, event)
    return room


def _with(table: dict[K, V], key: K, value: V) -> dict[K, V]:
    return {**table, key: value}


def _without(table: dict[K, V], key: K) -> dict[K, V]:
    return {k: v for k, v in table.items() if k != key}


def _drop(items: tuple[str, ...], item: str) -> tuple[str, ...]:
    return tuple(i for i in items if i != item) if item in items else items


def _person(room: Room, person: str, **changes: Any) -> Room:
    before = room.people.get(person)
    return room if before is None else replace(room, people=_with(room.people, person, replace(before, **changes)))


def _crowd(room: Room) -> Room:
    count = len(room.people)
    crowded = count > CROWDED_FROM or (room.crowded and count >= CROWDED_UNTIL)
    return room if crowded is room.crowded else replace(room, crowded=crowded)


def _lasting(room: Room, person: str) -> dict[MuteSource, Mute]:
    """What a moderator silenced stays so for a return; what people muted themselves goes with them."""
    return {source: mute for source, mute in room.mutes.get(person, {}).items() if mute.by != person}


def _settings_changed(room: Room, event: e.ConferenceSettingsChanged) -> Room:
    return replace(room, title=event.title, stage_places=event.stage_places, settings=event.settings)


def _mode_changed(room: Room, event: e.ConferenceModeChanged) -> Room:
    return replace(room, mode=event.mode, teacher=event.teacher)


def _ended(room: Room, event: e.ConferenceEnded) -> Room:
    mutes = {person: kept for person in room.mutes if (kept := _lasting(room, person))}
    return replace(
        room,
        ended=True,
        people={},
        stage=(),
        queue=(),
        invited=(),
        expires={},
        asking=(),
        remarks={},
        mutes=mutes,
        crowded=False,
    )


def _reopened(room: Room, event: e.ConferenceReopened) -> Room:
    return replace(room, ended=False)


def _joined(room: Room, event: e.ParticipantJoined) -> Room:
    person = Participant(
        id=event.person,
        name=event.name,
        kind=event.kind,
        role=event.role,
        by_right=event.by_right,
        since=room.version + 1,
    )
    return _crowd(replace(room, people=_with(room.people, event.person, person)))


def _away(room: Room, event: e.ParticipantAway) -> Room:
    return _person(room, event.person, away=True)


def _returned(room: Room, event: e.ParticipantReturned) -> Room:
    return _person(room, event.person, away=False)


def _left(room: Room, event: e.ParticipantLeft) -> Room:
    kept = _lasting(room, event.person)
    mutes = _with(room.mutes, event.person, kept) if kept else _without(room.mutes, event.person)
    return _crowd(
        replace(
            room,
            people=_without(room.people, event.person),
            stage=_drop(room.stage, event.person),
            queue=_drop(room.queue, event.person),
            invited=_drop(room.invited, event.person),
            expires=_without(room.expires, event.person),
            asking=_drop(room.asking, event.person),
            remarks=_without(room.remarks, event.person),
            mutes=mutes,
        )
    )


def _blocked(room: Room, event: e.ParticipantBlocked) -> Room:
    kept = Blocked(id=event.person, name=event.name, by=event.by or "", time=event.time, note=event.note)
    return replace(room, blocked=_with(room.blocked, event.person, kept))


def _unblocked(room: Room, event: e.ParticipantUnblocked) -> Room:
    return replace(room, blocked=_without(room.blocked, event.person))


def _role_assigned(room: Room, event: e.RoleAssigned) -> Room:
    if not event.inherited:
        room = replace(room, assigned=_with(room.assigned, event.person, event.role))
    return _person(room, event.person, role=event.role)


def _requested(room: Room, event: e.StageRequested) -> Room:
    return replace(room, queue=(*room.queue, event.person))


def _out_of_queue(room: Room, event: e.StageWithdrawn | e.StageRefused) -> Room:
    return replace(room, queue=_drop(room.queue, event.person))


def _reordered(room: Room, event: e.StageReordered) -> Room:
    return replace(room, queue=event.queue)


def _invited(room: Room, event: e.StageInvited) -> Room:
    expires = _with(room.expires, event.person, event.until) if event.until else room.expires
    return replace(room, invited=(*room.invited, event.person), expires=expires)


def _declined(room: Room, event: e.StageDeclined) -> Room:
    return replace(room, invited=_drop(room.invited, event.person), expires=_without(room.expires, event.person))


def _taken(room: Room, event: e.StageTaken) -> Room:
    return replace(
        room,
        stage=(*room.stage, event.person),
        queue=_drop(room.queue, event.person),
        invited=_drop(room.invited, event.person),
        expires=_without(room.expires, event.person),
        asking=_drop(room.asking, event.person),
        remarks=_without(room.remarks, event.person),
    )


def _stage_left(room: Room, event: e.StageLeft) -> Room:
    return _person(replace(room, stage=_drop(room.stage, event.person)), event.person, tracks=())


def _remark_requested(room: Room, event: e.RemarkRequested) -> Room:
    return replace(room, asking=(*room.asking, event.person))


def _asks_no_more(room: Room, event: e.RemarkWithdrawn | e.RemarkRefused) -> Room:
    return replace(room, asking=_drop(room.asking, event.person))


def _remark_granted(room: Room, event: e.RemarkGranted) -> Room:
    asking, remarks = _drop(room.asking, event.person), _with(room.remarks, event.person, event.until)
    return replace(room, asking=asking, remarks=remarks)


def _remark_ended(room: Room, event: e.RemarkEnded) -> Room:
    return _person(replace(room, remarks=_without(room.remarks, event.person)), event.person, tracks=())


def _muted(room: Room, event: e.MediaMuted) -> Room:
    mute = Mute(by=event.by or event.person, locked=event.locked)
    mutes = _with(room.mutes.get(event.person, {}), event.source, mute)
    return replace(room, mutes=_with(room.mutes, event.person, mutes))


def _unmuted(room: Room, event: e.MediaUnmuted) -> Room:
    left: dict[MuteSource, Mute] = _without(room.mutes.get(event.person, {}), event.source)
    return replace(room, mutes=_with(room.mutes, event.person, left) if left else _without(room.mutes, event.person))


def _asked(room: Room, event: e.MediaUnmuteAsked) -> Room:
    """What is asked is said once; nothing of it stays."""
    return room


def _published(room: Room, event: e.TrackPublished) -> Room:
    person = room.people.get(event.person)
    return room if person is None else _person(room, event.person, tracks=(*person.tracks, event.source))


def _unpublished(room: Room, event: e.TrackUnpublished) -> Room:
    person = room.people.get(event.person)
    if person is None:
        return room
    kept: tuple[Source, ...] = tuple(source for source in person.tracks if source != event.source)
    return _person(room, event.person, tracks=kept)


_APPLY: dict[type[e.Event], Callable[[Room, Any], Room]] = {
    e.ConferenceSettingsChanged: _settings_changed,
    e.ConferenceModeChanged: _mode_changed,
    e.ConferenceEnded: _ended,
    e.ConferenceReopened: _reopened,
    e.ParticipantJoined: _joined,
    e.ParticipantAway: _away,
    e.ParticipantReturned: _returned,
    e.ParticipantLeft: _left,
    e.ParticipantBlocked: _blocked,
    e.ParticipantUnblocked: _unblocked,
    e.RoleAssigned: _role_assigned,
    e.StageRequested: _requested,
    e.StageWithdrawn: _out_of_queue,
    e.StageRefused: _out_of_queue,
    e.StageReordered: _reordered,
    e.StageInvited: _invited,
    e.StageDeclined: _declined,
    e.StageTaken: _taken,
    e.StageLeft: _stage_left,
    e.RemarkRequested: _remark_requested,
    e.RemarkWithdrawn: _asks_no_more,
    e.RemarkRefused: _asks_no_more,
    e.RemarkGranted: _remark_granted,
    e.RemarkEnded: _remark_ended,
    e.MediaMuted: _muted,
    e.MediaUnmuted: _unmuted,
    e.MediaUnmuteAsked: _asked,
    e.TrackPublished: _published,
    e.TrackUnpublished: _unpublished,
}
