"""What the media workers must do: who may have transports, and which tracks go to whom.

A worker knows no roles. It is told groups of peers and, for each track, whether it is open and to which groups it
goes. Effects follow state: the plan is a function of the room alone, and what a worker is sent is the difference
between the plans of the room that it was last told and of the room as it is; repeating it is harmless.

Of a room of thousands a join changes one row. So the difference of two plans is found without making either: states
share what did not change (table.py), and only people whose rows differ are looked at. That this is as comparing
the plans is a test (test_machine.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from protocol.control import Routes, TrackRoute
from protocol.names import Mode, Source, track_id
from server.room.access import may_send
from server.room.modes import leads
from server.room.state import Participant, Room, on_stage, silenced

# Everybody who sees and hears the stage.
AUDIENCE = "audience"
# Those of a lecture who see and hear the students too.
LEADERS = "leaders"


class Plan(msgspec.Struct, frozen=True):
    """`peers`: identity → group; `tracks`: track id → route."""

    peers: dict[str, str] = {}
    tracks: dict[str, TrackRoute] = {}


NOTHING = Plan()
# What everybody's routes follow from; with one of these changed nobody is left out of the comparison.
_OF_EVERYBODY = ("ended", "mode", "teacher", "settings")


def plan(room: Room) -> Plan:
    """The routes that follow from the room. A track that is muted, or that the settings keep guests from, is there and
    closed; without a place there are the tracks of students, which go to those who lead the lecture, and
    the microphone of who has a turn to speak."""
    if room.ended:
        return NOTHING
    return Plan({p.id: _group(room, p) for p in room.people.values()}, _routes(room, _senders(room)))


def difference(room: Room, epoch: int, told: tuple[int, Room] | None) -> Routes | None:
    """What to send to a worker that was last told `told`, the plan of this room at this version; None: nothing is new.
    A worker that was told nothing gets the whole plan."""
    if told is None:
        whole = plan(room)
        tracks = tuple(whole.tracks.values())
        return Routes(room=room.conference, epoch=epoch, version=room.version, peers=whole.peers, tracks=tracks)
    base, before = told
    known, desired = _parts(before, room)
    routes = Routes(
        room=room.conference,
        epoch=epoch,
        version=room.version,
        base=base,
        peers={peer: group for peer, group in desired.peers.items() if known.peers.get(peer) != group},
        tracks=tuple(route for name, route in desired.tracks.items() if known.tracks.get(name) != route),
        gone_peers=tuple(peer for peer in known.peers if peer not in desired.peers),
        gone_tracks=tuple(name for name in known.tracks if name not in desired.tracks),
    )
    return routes if routes.peers or routes.tracks or routes.gone_peers or routes.gone_tracks else None


def closed(before: Room, after: Room) -> tuple[str, ...]:
    """The tracks that were forwarded and are not any more, or not to everybody any more."""
    known, desired = _parts(before, after)
    found = []
    for name, was in known.tracks.items():
        route = desired.tracks.get(name)
        if was.open and (route is None or not route.open or (AUDIENCE in was.to and AUDIENCE not in route.to)):
            found.append(name)
    return tuple(found)


def _parts(before: Room, after: Room) -> tuple[Plan, Plan]:
    """The plans of both states, without what is certain to be equal in them."""
    if any(getattr(before, name) != getattr(after, name) for name in _OF_EVERYBODY):
        return plan(before), plan(after)
    if after.ended:
        return NOTHING, NOTHING
    came = after.people.differing(before.people)
    touched = came | after.mutes.differing(before.mutes)
    if before.stage is not after.stage:
        touched.update(set(before.stage) ^ set(after.stage))
    if before.remarks is not after.remarks:
        touched.update(before.remarks.keys() ^ after.remarks.keys())
    return _part(before, came, touched), _part(after, came, touched)


def _part(room: Room, came: set[str], touched: set[str]) -> Plan:
    people = [room.people[person] for person in sorted(came) if person in room.people]
    senders = [sender for sender in _senders(room) if sender in touched] if touched else []
    return Plan({person.id: _group(room, person) for person in people}, _routes(room, senders))


def _group(room: Room, person: Participant) -> str:
    return LEADERS if room.mode is Mode.VIDEO_LECTURE and leads(room, person) else AUDIENCE


def sends(person: Participant) -> bool:
    """Whether somebody has tracks at all."""
    return bool(person.tracks)


def _senders(room: Room) -> Iterator[str]:
    """Everybody whose tracks are forwarded: the stage, the students of a lecture, and who has a turn to speak."""
    yield from room.stage
    if room.mode is Mode.VIDEO_LECTURE:
        yield from (person.id for person in room.people.choose(sends) if not on_stage(room, person.id))
    yield from room.remarks


def _routes(room: Room, senders: Iterable[str]) -> dict[str, TrackRoute]:
    """The routes of these senders' tracks: the stage's and remarks' to all, students' to those who lead."""
    to_all = (LEADERS, AUDIENCE) if room.mode is Mode.VIDEO_LECTURE else (AUDIENCE,)
    tracks: dict[str, TrackRoute] = {}
    for person in senders:
        participant, speaks = room.people[person], person in room.remarks
        for source in participant.tracks:
            name = track_id(person, source)
            tracks[name] = TrackRoute(
                track=name,
                peer=person,
                source=source,
                open=not silenced(room, person, source) and may_send(room, participant, source),
                to=to_all if speaks or on_stage(room, person) else (LEADERS,),
                # Whoever was given a turn to speak is heard, however loud the stage is.
                pinned=source is Source.AUDIO and speaks,
            )
    return tracks
