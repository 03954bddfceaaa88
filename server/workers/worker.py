"""A worker as this node sees it: one of its own processes, or one elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from protocol import control
from server.workers.link import WorkerLink

if TYPE_CHECKING:
    from server.workers.process import WorkerProcess
    from server.workers.roommedia import RoomMedia

HEARTBEAT_S = 1.0
# Heartbeats that the rate of packets is an average of: one full second is no reason to spread a room.
RATE_SMOOTHED = 4


class Worker:
    """Its link while there is one, and the rooms of this node on it. `id` is another for each process, `name` stays;
    `process` is that of an own one. `transports` and `all_rooms` are all that it has, whoever put them there; `viewers`
    are those with a seat in one of its rooms here (spread.py). It is full with `most_viewers`, or at `most_packets` per
    second.

    Of shared workers other nodes give seats too; how many there are the worker says in its heartbeat, to all of them.
    Until the next one each node gives its share of those that are left, rounded up, so that together they give hardly
    one more for each node."""

    def __init__(
        self,
        id: str,
        name: str,
        process: WorkerProcess | None = None,
        most_viewers: float = math.inf,
        most_packets: float = math.inf,
    ) -> None:
        self.id = id
        self.name = name
        self.process = process
        self.link: WorkerLink | None = None
        self.udp_port = 0
        self.control_port = 0
        self.addresses: tuple[str, ...] = ()
        self.rooms: dict[str, RoomMedia] = {}
        self.heard = 0.0
        self.transports = 0
        self.all_rooms = 0
        self.draining = False
        self.positions: dict[str, tuple[int, int]] = {}
        self.behind: dict[str, int] = {}
        self.idle: dict[str, int] = {}  # room → for how many heartbeats nobody has viewed here
        self.viewers = 0
        self.packets_per_s = 0.0
        self.elsewhere = 0  # how many view there by way of other nodes
        self.others: dict[str, int] = {}  # room → how many of them
        self._share = float(most_viewers)  # seats that are this node's to give, with those that it has given
        self._sent: tuple[float, int] | None = None  # when it said how many it has sent, and how many
        self._most_viewers = most_viewers
        self._most_packets = most_packets

    @property
    def load(self) -> int:
        """How much is on it; a room counts even before anybody's transport is there."""
        return self.transports + 10 * max(len(self.rooms), self.all_rooms)

    @property
    def full(self) -> bool:
        """Whether further viewers had better be on another one."""
        return self.viewers >= self._share or self.packets_per_s >= self._most_packets

    @property
    def fullness(self) -> float:
        """How much of what it is to carry for viewers it carries; 1 and more: it is full."""
        viewers = (self.viewers + self.elsewhere) / self._most_viewers
        return max(viewers, self.packets_per_s / self._most_packets)

    def send(self, message: control.ServerMessage) -> None:
        """Send a message; without a link it is lost, and repaired when the link is back."""
        if self.link is not None:
            self.link.send(message)

    def beat(self, beat: control.Heartbeat) -> None:
        """What its heartbeat says of it."""
        self.transports = beat.transports
        self.all_rooms = beat.rooms
        self.draining = beat.draining
        self.positions = beat.positions
        self.elsewhere, self.others = beat.elsewhere, beat.others
        self._share = self.viewers + (self._most_viewers - self.viewers - beat.elsewhere) / max(1, beat.nodes)
        if self._sent is not None and beat.packets_out >= self._sent[1]:
            rate = (beat.packets_out - self._sent[1]) / max(HEARTBEAT_S / 2, self.heard - self._sent[0])
            self.packets_per_s += (rate - self.packets_per_s) / RATE_SMOOTHED
        self._sent = self.heard, beat.packets_out

    def emptied(self) -> list[RoomMedia]:
        """It is gone; the rooms that were on it."""
        rooms, self.rooms = list(self.rooms.values()), {}
        self.behind.clear()
        self.idle.clear()
        self.positions = {}
        self.transports = self.all_rooms = 0
        self.draining = False
        self.elsewhere, self.others = 0, {}
        self._share = self._most_viewers
        self.packets_per_s = 0.0
        return rooms
