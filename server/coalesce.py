"""Signals that are said at most so often: reactions, and how many people are there.

The first is said at once; what comes within the interval is gathered and said at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocol import events as e
from protocol.signals import PeopleCount, ReactionShown
from server.frames import Encoded
from server.members import Members
from server.room.state import Room
from server.room.view import moderates, thinned

# Reactions are shown at most this often for each room, and at most so many kinds at once.
REACTIONS_EVERY_S = 0.25
MAX_EMOJI = 16
COUNT_EVERY_S = 1.0


class Coalesced:
    """Calls `say` at most once per `interval_s`, and always after the last `ask`."""

    def __init__(self, interval_s: float, say: Callable[[], None]) -> None:
        self._interval_s = interval_s
        self._say = say
        self._timer: asyncio.TimerHandle | None = None
        self._asked = False

    def ask(self) -> None:
        """There is something to say."""
        if self._timer is not None:
            self._asked = True
            return
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._due)
        self._say()

    def stop(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> None:
        self._timer = None
        if self._asked:
            self._asked = False
            self.ask()


class Reactions:
    """The reactions of one room."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._counts: dict[str, int] = {}
        self._persons: set[str] = set()
        self._coalesced = Coalesced(REACTIONS_EVERY_S, self._say)

    def add(self, person: str, emoji: str) -> None:
        """Somebody reacts."""
        if emoji in self._counts or len(self._counts) < MAX_EMOJI:
            self._counts[emoji] = self._counts.get(emoji, 0) + 1
            self._persons.add(person)
            self._coalesced.ask()

    def stop(self) -> None:
        """Say nothing more."""
        self._coalesced.stop()

    def _say(self) -> None:
        counts, persons = self._counts, self._persons
        self._counts, self._persons = {}, set()
        single = next(iter(persons)) if sum(counts.values()) == 1 else None
        self._members.signal(ReactionShown(counts=counts, person=single))


class Counts:
    """How many are present, for those in a crowd who are not told each coming and going; an observer."""

    def __init__(self, members: Members, room: Room) -> None:
        self._members = members
        self._room = room
        self._coalesced = Coalesced(COUNT_EVERY_S, self._say)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        self._room = after
        if thinned(after) and len(before.people) != len(after.people):
            self._coalesced.ask()

    def committed(self, after: Room) -> None:
        """See `Observer`."""

    def stop(self) -> None:
        """Say nothing more."""
        self._coalesced.stop()

    def _say(self) -> None:
        encoded = Encoded(PeopleCount(count=len(self._room.people)))
        for member in self._members:
            if not moderates(self._room, member.person):
                member.send(encoded.frame(member.encoding))
