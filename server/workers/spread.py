"""The workers that a room is on as this node sees them, and who of its people views where.

The layout (layout.py) says which workers there are; each is told its links. A viewer's subscribe connection, their
seat, is where there was room when it was opened, and stays there while the room is on that worker. A worker that is
lost to this node stays in the layout until all have agreed that it is not; meanwhile nobody sits there.

A recorder (server/recording/) is fed by the first worker like a further one, and is nobody's seat. It is the affair of
the node that records: other nodes know nothing of it, and its link is not in the layout.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from protocol.control import RelayLink, RoomRecorder, RoomRelays
from server.workers.layout import NOWHERE, Layout, Link

if TYPE_CHECKING:
    from server.workers.worker import Worker


class Spread:
    """See the module. `key`: what the secrets of links follow from."""

    def __init__(self, key: str) -> None:
        self.layout = NOWHERE
        self.recorder: Worker | None = None
        self._recording = 0  # its number in the room
        self._record_link: Link | None = None
        self._record_revision = 0
        self._key = key
        self._workers: dict[str, Worker] = {}
        self._lost: set[Worker] = set()
        self._seats: dict[str, Worker] = {}

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those that are not lost, the first in front."""
        return tuple(worker for id in self.layout.workers if (worker := self._workers[id]) not in self._lost)

    @property
    def first(self) -> Worker | None:
        """Where publishers are, unless it is lost."""
        found = self._workers[self.layout.workers[0]] if self.layout.workers else None
        return found if found not in self._lost else None

    @property
    def further(self) -> tuple[Worker, ...]:
        """The others."""
        return tuple(worker for worker in self.workers if worker is not self.first)

    @property
    def whole(self) -> bool:
        """Whether none of them is lost."""
        return not self._lost

    def lay(self, layout: Layout, workers: Mapping[str, Worker]) -> list[str]:
        """The layout is this one; `workers`: id → worker of all that are in it. Returns those who have no seat any
        more because theirs is not among them."""
        self.layout = layout
        self._workers = {id: workers[id] for id in layout.workers}
        self._lost.clear()
        there = set(self._workers.values())
        left = [person for person, seat in self._seats.items() if seat not in there]
        for person in left:
            self.leave(person)
        self._join_recorder()
        return left

    def end(self) -> None:
        """The room is on no worker."""
        self.lay(NOWHERE, {})

    def lose(self, worker: Worker) -> list[str]:
        """This node has lost a worker. Returns those who viewed there."""
        self._lost.add(worker)
        left = [person for person, seat in self._seats.items() if seat is worker]
        for person in left:
            self.leave(person)
        self._join_recorder()
        return left

    # --- seats ------------------------------------------------------------------------------------

    def seat_of(self, person: str) -> Worker | None:
        """Where somebody views, if they do."""
        return self._seats.get(person)

    def seats(self, worker: Worker) -> int:
        """How many view there."""
        return sum(seat is worker for seat in self._seats.values())

    def seat(self, person: str, *, anyhow: bool = False) -> Worker | None:
        """Where somebody is to view; None when all workers are full or out of reach. `anyhow`: then at the first,
        a slow worker being better than none."""
        here = self._seats.get(person)
        if here is None:
            free = (worker for worker in self.workers if worker.link is not None and not worker.full)
            here = next(free, self.first if anyhow else None)
            if here is not None:
                self.found(person, here)
        return here

    def found(self, person: str, worker: Worker) -> None:
        """Somebody views at a worker of the room, and it was not known here."""
        if person not in self._seats:
            self._seats[person] = worker
            worker.viewers += 1

    def leave(self, person: str) -> None:
        """Somebody views no more."""
        worker = self._seats.pop(person, None)
        if worker is not None:
            worker.viewers -= 1

    # --- links ------------------------------------------------------------------------------------

    def relays(self, room: str, worker: Worker) -> RoomRelays:
        """What a worker is told of the links: by all nodes the same."""
        ids = {found: id for id, found in self._workers.items()}
        mine = ids[worker]
        source = next((self._end(room, link, link.feeder) for link in self.layout.links if link.fed == mine), None)
        feeds = tuple(self._end(room, link, link.fed) for link in self.layout.links if link.feeder == mine)
        return RoomRelays(room=room, revision=self.layout.version, source=source, feeds=feeds)

    def _end(self, room: str, link: Link, far: str) -> RelayLink:
        """The end of a link at which `far` is the other one."""
        return self._towards(room, link, self._workers[far])

    def _towards(self, room: str, link: Link, other: Worker) -> RelayLink:
        addresses = tuple((address, other.udp_port) for address in other.addresses)
        return RelayLink(link=link.name, secret=link.secret(self._key, room), far=addresses)

    # --- the recorder -----------------------------------------------------------------------------

    def record(self, recorder: Worker | None, recording: int | None = None) -> None:
        """The recording of this number is written there from now on, or none is."""
        self.recorder = recorder
        if recording is not None and recording != self._recording:
            self._recording, self._record_link = recording, None
        self._join_recorder()

    def _join_recorder(self) -> None:
        """There is a link to the recorder as long as there are both ends; one that is made anew has another name."""
        first, recorder, link = self.first, self.recorder, self._record_link
        ends = (first.id, recorder.id) if first is not None and recorder is not None else None
        if ends != ((link.feeder, link.fed) if link is not None else None):
            self._record_link = Link(*ends, secrets.token_hex(8)) if ends is not None else None
            # Above every earlier one, also of a server that ran before.
            self._record_revision = max(self._record_revision + 1, time.time_ns() // 1_000_000)

    def renew_recorder(self, name: str) -> bool:
        """Whether the link to the recorder had this name; it has another one now."""
        if self._record_link is None or self._record_link.name != name:
            return False
        self._record_link = None
        self._join_recorder()
        return True

    @property
    def record_revision(self) -> int:
        """Grows with every change of the link to the recorder; 0 before there was one."""
        return self._record_revision

    def feeds_recorder(self, room: str) -> RoomRecorder:
        """What the first worker is told of the link to the recorder."""
        link, recorder = self._record_link, self.recorder
        feed = self._towards(room, link, recorder) if link is not None and recorder is not None else None
        return RoomRecorder(room=room, recording=self._recording, revision=self._record_revision, feed=feed)

    def fed_recorder(self, room: str) -> RoomRelays:
        """What the recorder is told of it."""
        link, first = self._record_link, self.first
        source = self._towards(room, link, first) if link is not None and first is not None else None
        return RoomRelays(room=room, revision=self._record_revision, source=source)
