"""The grace period: who loses the connection keeps seat, role and mutes for a while, then is gone.

The room's state says who is away; the timers here only ask for what is due, on every node that has the room open: the
first that asks is heeded, and the others change nothing. A question that the store could not answer is asked again, so
nobody stays in a conference for ever because the disk was full for a moment.
"""

from __future__ import annotations

import asyncio

from protocol import events as e
from protocol.errors import Code
from server.conference.replica import Order, RoomReplica
from server.room import inner
from server.room.refusal import Refusal
from server.room.state import Room

RETRY_S = 1.0
_AGAIN = (Code.STORE_UNAVAILABLE, Code.INTERNAL)


class Grace:
    """The timers of one room; an observer of its replica."""

    def __init__(self, replica: RoomReplica, grace_s: float) -> None:
        self._replica = replica
        self._grace_s = grace_s
        self._seen = replica.room
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopped = False

    def start(self) -> None:
        """Those who are away have the whole period from now on: nobody knows how much of it has passed."""
        self._replaced(self._replica.room)

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        self._seen = after
        if isinstance(event, e.ParticipantAway):
            self._later(event.person, self._grace_s)
        elif isinstance(event, e.ParticipantReturned | e.ParticipantLeft):
            self._cancel(event.person)
        elif isinstance(event, e.ConferenceEnded):
            for person in list(self._timers):
                self._cancel(person)

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        if after is not self._seen:
            # The record was replaced: what led to it is not known.
            self._seen = after
            self._replaced(after)

    def _replaced(self, room: Room) -> None:
        away = {person.id for person in room.people.values() if person.away}
        for person in self._timers.keys() - away:
            self._cancel(person)
        for person in away - self._timers.keys():
            self._later(person, self._grace_s)

    def _expire(self, person: str) -> None:
        self._timers.pop(person, None)

        def settle(refusal: Refusal | None) -> None:
            if refusal is not None and refusal.code in _AGAIN:
                self._later(person, RETRY_S)

        self._replica.submit(Order(actor=person, commands=lambda _: (inner.Expire(),), settle=settle))

    def _later(self, person: str, seconds: float) -> None:
        self._cancel(person)
        if not self._stopped:
            self._timers[person] = asyncio.get_running_loop().call_later(seconds, self._expire, person)

    def _cancel(self, person: str) -> None:
        timer = self._timers.pop(person, None)
        if timer is not None:
            timer.cancel()
