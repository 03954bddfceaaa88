"""This node's word about who is connected through it, and what it does when the room knows otherwise.

The room's state says through which nodes each person is connected. A node tells it what changes here, and what is so
at the moment in which it is decided counts, not what was so when it was told. And a node closes connections that the
state does not know: somebody's main connection is another one now, or this node was taken for dead and its people for
lost. They come back as after any broken connection.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from protocol import events as e
from protocol.errors import Code
from server.conference.replica import Commands, Order
from server.room import inner
from server.room.decide import AnyCommand
from server.room.presence import everybody, known
from server.room.refusal import Refusal
from server.room.state import Knock, Participant, Room

if TYPE_CHECKING:
    from server.conference.openroom import OpenRoom

# A word that the store could not take is said again, so nobody is present for ever because the disk was full.
RETRY_S = 1.0
_AGAIN = (Code.STORE_UNAVAILABLE, Code.INTERNAL)
# Events after which somebody's links may be others.
_LINKING = (e.ParticipantLinked, e.ParticipantAway, e.ParticipantReturned, e.ParticipantJoined, e.LobbyEntered)
# What is said of somebody: the word about their connections here, or that these nodes are lost.
What = Literal["word"] | frozenset[str]


class Links:
    """The links of one room on this node; an observer of its replica. `here`: the node."""

    def __init__(self, room: OpenRoom, here: str) -> None:
        self._room = room
        self._here = here
        self._seen = room.replica.room
        self._touched: set[str] = set()
        # Whose coming is being decided: they have no connection here yet, and will have one in the step of the commit.
        self._coming: dict[str, int] = {}
        # Of what is said again: about whom, and what.
        self._timers: dict[tuple[str, What], asyncio.TimerHandle] = {}
        self._stopped = False

    def stop(self) -> None:
        """Say nothing more."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # --- what this node says ------------------------------------------------------------

    def coming(self, person: str) -> None:
        """Somebody's coming is about to be decided; `came` follows."""
        self._coming[person] = self._coming.get(person, 0) + 1

    def came(self, person: str) -> None:
        """It is decided; whether they are connected now is looked at."""
        left = self._coming.pop(person) - 1
        if left:
            self._coming[person] = left
        if not self._room.connections(person):
            self.report(person)

    def report(self, person: str) -> None:
        """A connection of somebody broke: say what is left of them here."""
        self._say(person, "word", lambda state: self._word(state, person))

    def lost(self, nodes: Mapping[str, int]) -> None:
        """These nodes are no more, and lived last at that time (see `Nodes.gone`). Who is there by none at all was
        recorded before there were several."""
        for person, someone in everybody(self._room.replica.room).items():
            without = not someone.links and not _away(someone)
            theirs = frozenset(someone.links).intersection(nodes)
            if without or theirs:
                until = max((nodes[node] for node in theirs), default=0)
                self._say(person, theirs, functools.partial(_without, person, tuple(theirs), until or None))

    def _word(self, state: Room, person: str) -> tuple[AnyCommand, ...]:
        someone = known(state, person)
        connections = self._room.connections(person)
        if someone is None or person in self._coming:
            return ()
        if not connections:
            return (inner.Drop(nodes=(self._here,)),)
        main = any(not member.console for member in connections)
        # That the main connection is here is said by coming.
        if main or someone.links.get(self._here) is False:
            return ()
        return (inner.Stay(node=self._here, main=False),)

    def _say(self, person: str, what: What, commands: Commands) -> None:
        if self._stopped:
            return

        def settle(refusal: Refusal | None) -> None:
            if refusal is not None and refusal.code in _AGAIN and not self._stopped:
                self._again(person, what, commands)

        self._room.replica.submit(Order(actor=person, commands=commands, settle=settle))

    def _again(self, person: str, what: What, commands: Commands) -> None:
        timer = self._timers.pop((person, what), None)
        if timer is not None:
            timer.cancel()

        def due() -> None:
            self._timers.pop((person, what), None)
            self._say(person, what, commands)

        self._timers[person, what] = asyncio.get_running_loop().call_later(RETRY_S, due)

    # --- what the room says -------------------------------------------------------------

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        self._seen = after
        if isinstance(event, e.LobbyEntered):
            self._touched.add(event.who.id)
        elif isinstance(event, _LINKING):
            self._touched.add(event.person)

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        touched, self._touched = self._touched, set()
        if after is not self._seen:
            # The record was replaced: what led to it is not known.
            self._seen = after
            touched = self._room.connected()
        for person in touched:
            self._compare(after, person)

    def _compare(self, room: Room, person: str) -> None:
        someone, connections = known(room, person), self._room.connections(person)
        if someone is None or not connections or someone.links.get(self._here):
            return
        elsewhere = any(someone.links.values())
        lost = not someone.links or _away(someone)
        for member in connections:
            if lost or not (member.console or elsewhere):
                member.close(Code.GOING_AWAY)
            elif not member.console:
                self._room.take_over(member)
        if self._room.connections(person) and self._here not in someone.links:
            self.report(person)


def _away(someone: Participant | Knock) -> bool:
    return isinstance(someone, Participant) and someone.away


def _without(person: str, nodes: tuple[str, ...], until: int | None, room: Room) -> tuple[AnyCommand, ...]:
    someone = known(room, person)
    # Without nodes it is about somebody who was connected through none, and may be by now.
    return () if someone is None or (someone.links and not nodes) else (inner.Drop(nodes=nodes, until=until),)
