"""The clock of a room: when something in its state is due to end, the core is asked to end it.

The state says what ends when, so a restarted node, or another one, ends it as well; asking twice is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocol import events as e
from protocol.errors import Code
from server.conference.replica import Order, RoomReplica
from server.room import inner
from server.room.deadlines import earliest
from server.room.refusal import Refusal
from server.room.state import Room

# A question that the store could not answer is asked again; also the least time between two questions.
RETRY_S = 1.0
LEAST_S = 0.005


class Deadlines:
    """The timer of one room; an observer of its replica. `now` is the clock that the room decides by, in ms."""

    def __init__(self, replica: RoomReplica, now: Callable[[], int]) -> None:
        self._replica = replica
        self._now = now
        self._due_at: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Whatever was due while no node ran is due now."""
        self.committed(self._replica.room)

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopped = True
        self._wait(None)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        due_at = earliest(after)
        if due_at != self._due_at:
            self._due_at = due_at
            self._wait(None if due_at is None else (due_at - self._now()) / 1000)

    def _wait(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(max(seconds, LEAST_S), self._ask)

    def _ask(self) -> None:
        self._timer = None

        def settle(refusal: Refusal | None) -> None:
            # Nothing was due yet (a timer may run a moment early), or it could not be written: wait again. What was
            # done has brought the next deadline with its commit.
            if refusal is not None:
                self._wait(RETRY_S if refusal.code in (Code.STORE_UNAVAILABLE, Code.INTERNAL) else None)
            elif self._timer is None and self._due_at is not None:
                self._wait((self._due_at - self._now()) / 1000)

        room = self._replica.room
        self._replica.submit(Order(actor=room.owner, commands=lambda _: (inner.Elapse(),), settle=settle))
