"""A room for tests: people by name, commands in one line, every event applied and checked."""

from __future__ import annotations

from typing import Any

from protocol import commands as c
from protocol import events as e
from protocol.control import Routes
from protocol.names import PersonKind, Role, Source
from server.room import inner
from server.room.apply import apply, stamp
from server.room.decide import AnyCommand, decide
from server.room.plan import Plan
from server.room.refusal import Refusal
from server.room.state import Room


def follow(known: Plan, routes: Routes) -> Plan:
    """What a worker holds after the routes."""
    peers = dict(known.peers) if routes.base is not None else {}
    tracks = dict(known.tracks) if routes.base is not None else {}
    for peer in routes.gone_peers:
        peers.pop(peer)
    for track in routes.gone_tracks:
        tracks.pop(track)
    return Plan(peers | routes.peers, tracks | {route.track: route for route in routes.tracks})


class House:
    """Decides and applies; `log` holds every event with its version."""

    def __init__(self, stage_places: int = 36, owner: str = "owner") -> None:
        self.room: Room | None = None
        self.now = 0
        self.log: list[e.RoomEvent] = []
        self.give(owner, inner.Create(conference="c", title="A conference", stage_places=stage_places))

    @property
    def state(self) -> Room:
        assert self.room is not None
        return self.room

    def give(self, actor: str, command: AnyCommand) -> tuple[e.RoomEvent, ...] | Refusal:
        """Decide; apply what follows. A refusal changes nothing."""
        self.now += 1
        decided = decide(self.room, actor, command, self.now)
        if isinstance(decided, Refusal):
            return decided
        for event in decided:
            stamped = stamp(self.room, event)
            before = 0 if self.room is None else self.room.version
            self.room = apply(self.room, stamped)
            assert self.room.version == stamped.version == before + 1
            self.log.append(stamped)
        return decided

    def enter(
        self,
        person: str,
        role: Role | None = Role.VIEWER,
        by_right: bool = False,
        kind: PersonKind = PersonKind.USER,
    ) -> Any:
        return self.give(person, inner.Enter(name=person.title(), kind=kind, by_right=by_right, inherits=role))

    def on_stage(self, person: str, role: Role = Role.SPEAKER) -> None:
        """Bring somebody in and up, with camera and microphone."""
        self.enter(person, role)
        self.give(person, c.StageRequest(id=0))
        if person not in self.state.stage:
            self.give("owner", c.StageGrant(id=0, target=person))
        self.give(person, c.MediaPublish(id=0, sdp="v=0", tracks={"0": Source.AUDIO, "1": Source.VIDEO}))
        assert person in self.state.stage

    def refused(self, actor: str, command: AnyCommand) -> str:
        """Give a command that must be refused and must change nothing; returns the code."""
        before = self.room
        answer = self.give(actor, command)
        assert isinstance(answer, Refusal), answer
        assert self.room == before
        return answer.code

    def accepted(self, actor: str, command: AnyCommand) -> tuple[e.RoomEvent, ...]:
        answer = self.give(actor, command)
        assert not isinstance(answer, Refusal), answer
        return answer
