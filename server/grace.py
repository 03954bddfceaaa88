"""The grace period: who loses the connection keeps seat, role and mutes for a while, then is gone.

The room's state says who is away; the timers here only ask for what is due. A question that the store could not
answer is asked again, so nobody stays in a conference for ever because the disk was full for a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocol import events as e
from protocol.errors import Code
from server.replica import Order, RoomReplica, Settle
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
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopped = False

    def start(self) -> None:
        """After a start nobody is connected: everybody present is away, and those away have the whole period."""
        for participant in self._replica.room.people.values():
            if participant.away:
                self._later(participant.id, self._grace_s, self._expire)
            else:
                self.dropped(participant.id)

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def dropped(self, person: str) -> None:
        """The person's last connection broke."""
        if self._stopped:
            return

        def settle(refusal: Refusal | None) -> None:
            if refusal is not None and refusal.code in _AGAIN:
                self._later(person, RETRY_S, self.dropped)

        self._ask(person, inner.Drop(), settle)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.ParticipantAway):
            self._later(event.person, self._grace_s, self._expire)
        elif isinstance(event, e.ParticipantReturned | e.ParticipantLeft):
            self._cancel(event.person)
        elif isinstance(event, e.ConferenceEnded):
            for person in list(self._timers):
                self._cancel(person)

    def committed(self, after: Room) -> None:
        """See `Observer`."""

    def _expire(self, person: str) -> None:
        def settle(refusal: Refusal | None) -> None:
            if refusal is not None and refusal.code in _AGAIN:
                self._later(person, RETRY_S, self._expire)

        self._ask(person, inner.Expire(), settle)

    def _ask(self, person: str, command: inner.Drop | inner.Expire, settle: Settle) -> None:
        def commands(_room: Room) -> tuple[inner.Drop | inner.Expire, ...]:
            # Somebody who came back while this waited is not dropped.
            connected = isinstance(command, inner.Drop) and self._replica.members.of(person)
            return () if connected else (command,)

        self._replica.submit(Order(actor=person, commands=commands, settle=settle))

    def _later(self, person: str, seconds: float, what: Callable[[str], None]) -> None:
        self._cancel(person)
        if not self._stopped:
            self._timers[person] = asyncio.get_running_loop().call_later(seconds, self._due, person, what)

    def _due(self, person: str, what: Callable[[str], None]) -> None:
        self._timers.pop(person, None)
        what(person)

    def _cancel(self, person: str) -> None:
        timer = self._timers.pop(person, None)
        if timer is not None:
            timer.cancel()
