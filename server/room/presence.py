"""Through which nodes somebody is connected: what a node's word about its own connections leads to.

A node speaks of its own connections only, and of those of nodes that are no more. So whatever order their words come
in, each is decided on what the others have said, and a word that says nothing new changes nothing.
"""

from __future__ import annotations

from protocol import events as e
from server.room import inner
from server.room.state import Knock, Participant, Room

Events = tuple[e.RoomEvent, ...]


def with_link(links: dict[str, bool], node: str, main: bool) -> dict[str, bool]:
    """The links of somebody who comes through a node. There is one main connection: the former is void, and with it,
    as far as is known here, the former node."""
    if not main:
        return {node: False, **links}
    return {**{other: was for other, was in links.items() if not was and other != node}, node: True}


def came(person: str, links: dict[str, bool], command: inner.Enter, now: int) -> Events:
    """Somebody who is there already has one more connection."""
    if not command.node:
        return ()
    after = with_link(links, command.node, command.main)
    if after == links and not (command.main or command.recorded):
        return ()
    return (e.ParticipantLinked(time=now, person=person, links=after, moved=command.main),)


def lost(person: str, links: dict[str, bool], command: inner.Drop, now: int) -> Events | None:
    """Some connections broke; None when those were all."""
    left = {node: main for node, main in links.items() if node not in command.nodes}
    if not left or not command.nodes:
        return None
    return () if left == links else (e.ParticipantLinked(time=now, person=person, links=left),)


def stay(room: Room, actor: Participant, command: inner.Stay, now: int) -> Events:
    """Who is away comes back by coming, not by having stayed."""
    after = {**actor.links, command.node: command.main}
    if actor.away or after == actor.links:
        return ()
    return (e.ParticipantLinked(time=now, person=actor.id, links=after),)


def known(room: Room, person: str) -> Participant | Knock | None:
    """Somebody inside, or at the door."""
    return room.people.get(person) or room.lobby.get(person)


def everybody(room: Room) -> dict[str, Participant | Knock]:
    """All who are inside or at the door."""
    return {**room.people, **room.lobby}


def linked(room: Room) -> set[str]:
    """All nodes through which anybody is connected."""
    return {node for someone in everybody(room).values() for node in someone.links}
