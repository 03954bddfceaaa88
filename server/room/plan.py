"""What the media workers must do: who may have transports, and which tracks go to whom.

A worker knows no roles. It is told groups of peers and, for each track, whether it is open and to which groups it
goes. Effects follow state: the plan is computed from the room alone, and the difference between what the worker was
told and what is desired is sent; repeating it is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from protocol.control import Routes, TrackRoute
from protocol.names import Mode, track_id
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


def plan(room: Room) -> Plan:
    """The routes that follow from the room. A track that is muted, or that the settings keep guests from, is there and
    closed; without a place there are the tracks of students, which go to those who lead the lecture, and
    the microphone of who has a turn to speak."""
    if room.ended:
        return NOTHING
    lecture = room.mode is Mode.VIDEO_LECTURE
    tracks: dict[str, TrackRoute] = {}
    for participant, to in _senders(room, lecture):
        for source in participant.tracks:
            name = track_id(participant.id, source)
            tracks[name] = TrackRoute(
                track=name,
                peer=participant.id,
                source=source,
                open=not silenced(room, participant.id, source) and may_send(room, participant, source),
                to=to,
            )
    if not lecture:
        return Plan(dict.fromkeys(room.people, AUDIENCE), tracks)
    return Plan({p.id: LEADERS if leads(room, p) else AUDIENCE for p in room.people.values()}, tracks)


def _senders(room: Room, lecture: bool) -> Iterator[tuple[Participant, tuple[str, ...]]]:
    """Everybody whose tracks are forwarded, and to which groups: the stage and remarks to all, students to
    those who lead."""
    to_all = (LEADERS, AUDIENCE) if lecture else (AUDIENCE,)
    for person in room.stage:
        yield room.people[person], to_all
    if lecture:
        for participant in room.people.values():
            if participant.tracks and not on_stage(room, participant.id):
                yield participant, (LEADERS,)
    for person in room.remarks:
        yield room.people[person], to_all


def difference(room: str, epoch: int, version: int, desired: Plan, told: tuple[int, Plan] | None) -> Routes:
    """What to send to a worker that was last told `told` (its version and plan); None: the whole plan."""
    if told is None:
        return Routes(
            room=room, epoch=epoch, version=version, peers=desired.peers, tracks=tuple(desired.tracks.values())
        )
    base, known = told
    return Routes(
        room=room,
        epoch=epoch,
        version=version,
        base=base,
        peers={peer: group for peer, group in desired.peers.items() if known.peers.get(peer) != group},
        tracks=tuple(route for name, route in desired.tracks.items() if known.tracks.get(name) != route),
        gone_peers=tuple(peer for peer in known.peers if peer not in desired.peers),
        gone_tracks=tuple(name for name in known.tracks if name not in desired.tracks),
    )
