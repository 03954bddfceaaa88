"""What a replica remembers of the recent past: events to resume from, and commands that were answered.

Both are bounded. A client whose position is older than the history gets a snapshot, never a guess; a command
older than it is so old that no client repeats it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from itertools import islice

import msgspec

from protocol import events as e
from server.room.state import Room
from server.room.view import Audience, moderates, public, sees
from server.roomlog import CommandKey

# Events kept for those who come back. A busy conference makes some events a second, the grace period is half a minute.
MAX_EVENTS = 4096
# Command ids kept for each client, and clients kept for each room.
MAX_IDS = 256
MAX_CLIENTS = 4096
# Of those the ones that may be repeated still: what a client gave last, of the clients that gave something last.
NEWEST_IDS = 4
NEWEST_CLIENTS = 256


class Told(msgspec.Struct, frozen=True):
    """An event, who was told it, and whether it changed what the crowd may see as a whole."""

    event: e.RoomEvent
    audience: Audience
    crowd_changed: bool


class History:
    """The last events of a room, in order."""

    def __init__(self, version: int) -> None:
        """`version`: the room's version before the first event that will be added."""
        self._start = version
        self._told: deque[Told] = deque()

    def covers(self, version: int) -> bool:
        """Whether all events after a version are here; then the commands that came with them are remembered, too."""
        return self._start <= version

    def add(self, told: Told) -> None:
        """The newest event."""
        self._told.append(told)
        if len(self._told) > MAX_EVENTS:
            self._start = self._told.popleft().event.version

    def missed(self, room: Room, person: str, since: int) -> tuple[e.RoomEvent, ...] | None:
        """What `person` was not told since version `since`, as far as it is meant for them; None when only a
        snapshot will do: too long ago, from another future, or what they may see has changed as a whole."""
        if not self._start <= since <= room.version:
            return None
        found: list[e.RoomEvent] = []
        moderator = moderates(room, person)
        for told in self._told:
            event = told.event
            if event.version <= since:
                continue
            if told.crowd_changed and not moderator:
                return None
            if isinstance(event, e.RoleAssigned) and event.person == person:
                return None
            if isinstance(event, e.ConferenceModeChanged):
                return None
            if sees(room, person, told.audience):
                found.append(event if moderator else public(event))
        return tuple(found)


class Answered:
    """Which commands were accepted, and at which version: a repetition is answered, not obeyed."""

    def __init__(self) -> None:
        self._clients: OrderedDict[tuple[str, str], OrderedDict[int, int]] = OrderedDict()

    def add(self, person: str, client: str, id: int, version: int) -> None:
        """The command was accepted."""
        ids = self._clients.setdefault((person, client), OrderedDict())
        self._clients.move_to_end((person, client))
        ids[id] = version
        if len(ids) > MAX_IDS:
            ids.popitem(last=False)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)

    def add_all(self, commands: Iterable[tuple[str, str, int]], version: int) -> None:
        """The commands of a commit."""
        for person, client, id in commands:
            self.add(person, client, id, version)

    def newest(self) -> tuple[tuple[CommandKey, int], ...]:
        """The commands that were accepted last, with the version of each."""
        return tuple(
            ((person, client, id), version)
            for (person, client), ids in islice(reversed(self._clients.items()), NEWEST_CLIENTS)
            for id, version in islice(reversed(ids.items()), NEWEST_IDS)
        )

    def version(self, person: str, client: str, id: int) -> int | None:
        """The version that held the outcome, or None for a command that is new."""
        ids = self._clients.get((person, client))
        return ids.get(id) if ids is not None else None
