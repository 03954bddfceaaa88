"""The media of this node's rooms: which room is on which worker, and what follows when one dies.

Alone, a node has its own workers, puts a room on the least loaded, and on one more when those that it is on are full.
Where workers are shared, the nodes agree on the same by way of Redis (shared.py). When a worker is gone, its rooms go
to others at once, or wait for one; either way those who were connected to it are told to open new connections, and the
state of the rooms has not moved.
"""

from __future__ import annotations

from collections.abc import Mapping

from protocol import control
from server import log
from server.config import Settings
from server.metrics import Metrics
from server.redis.connection import Connection
from server.workers.layout import Layout
from server.workers.own import OwnWorkers
from server.workers.registry import Registry
from server.workers.roommedia import RoomMedia
from server.workers.shared import SharedWorkers
from server.workers.worker import Worker

# A worker that has seen so many heartbeats without what it was told is told everything again.
BEHIND = 2
# A further worker has a room for so many heartbeats without a viewer: who comes back at once finds it as it was.
IDLE = 3

_log = log.get("podium.workers")


class Workers:
    """The workers of this node's rooms. With a `connection` to Redis and a secret of the workers they are shared."""

    def __init__(self, settings: Settings, metrics: Metrics, connection: Connection | None = None) -> None:
        self._metrics = metrics
        shared = connection is not None and bool(settings.worker_secret)
        self._own = OwnWorkers(settings, self, shared=shared)
        self._rooms: dict[str, RoomMedia] = {}
        self._shared: SharedWorkers | None = None
        # This node is about to stop: its people come to others, where what they have on shared workers goes on.
        self.leaving = False
        if shared and connection is not None:
            self._shared = SharedWorkers(settings, Registry(connection, settings.media_kept_s), self._own, self)

    @property
    def metrics(self) -> Metrics:
        """Where the media of rooms is measured."""
        return self._metrics

    @property
    def secret(self) -> str:
        """What workers and the nodes that use them have in common."""
        return self._own.secret

    @property
    def ready(self) -> bool:
        """Whether a room can be placed now."""
        if self._shared is not None:
            return self._shared.ready
        return any(worker.link is not None for worker in self._own.all)

    @property
    def ports(self) -> tuple[int, ...]:
        """The UDP ports of own workers that are up."""
        return tuple(worker.udp_port for worker in self._own.all if worker.link is not None)

    @property
    def pids(self) -> tuple[int, ...]:
        """The own worker processes that run."""
        return tuple(
            worker.process.pid for worker in self._own.all if worker.process and worker.process.pid is not None
        )

    @property
    def all(self) -> list[Worker]:
        """Own workers, and those elsewhere that this node talks to."""
        return [*self._own.all, *(self._shared.far if self._shared is not None else ())]

    async def start(self) -> None:
        """Start own workers; returns when they are up, or have not come up in time (then they are started again)."""
        await self._own.start()
        if self._shared is not None:
            await self._shared.start()

    async def stop(self) -> None:
        """End own workers, and let go of the others."""
        if self._shared is not None:
            await self._shared.stop()
        await self._own.stop()

    # --- rooms --------------------------------------------------------------------------

    def place(self, media: RoomMedia) -> None:
        """Put a room on a worker; without any it waits for one."""
        self._rooms[media.room] = media
        if self._shared is not None:
            self._shared.settle(media)
            return
        up = [worker for worker in self._own.all if worker.link is not None]
        if up:
            self._lay_own(media, media.spread.layout.joined(min(up, key=lambda worker: worker.load).id))
        else:
            media.waits()

    def wants(self, media: RoomMedia) -> bool:
        """Whether the room still needs a worker."""
        return self._rooms.get(media.room) is media

    def look(self, media: RoomMedia) -> None:
        """A worker of the room was told a newer layout by another node."""
        if self._shared is not None:
            self._shared.settle(media)

    def lay(self, media: RoomMedia, layout: Layout, workers: Mapping[str, Worker]) -> None:
        """The room is on these workers from now on."""
        for worker in media.spread.workers:
            if worker not in workers.values():
                self.withdraw(media, worker)
        for worker in workers.values():
            worker.rooms[media.room] = media
        media.laid(layout, workers)

    def _lay_own(self, media: RoomMedia, layout: Layout) -> None:
        """There is nobody else to agree with."""
        own = {worker.id: worker for worker in self._own.all}
        self.lay(media, layout, {id: own[id] for id in layout.workers})

    def grow(self, media: RoomMedia) -> None:
        """Put a room whose workers are full on one more, the least loaded that is not; the room is told when there is
        none."""
        if self._shared is not None:
            self._shared.grow(media)
            return
        free = [
            worker
            for worker in self._own.all
            if worker.link is not None and media.room not in worker.rooms and not worker.full
        ]
        if free:
            self._lay_own(media, media.spread.layout.joined(min(free, key=lambda worker: worker.load).id))
        else:
            media.full()

    def _release(self, media: RoomMedia, worker: Worker) -> None:
        """Nobody views there."""
        if self._shared is not None:
            self._shared.release(media, worker)
        else:
            self._lay_own(media, media.spread.layout.without([worker.id]))

    def _renew(self, media: RoomMedia, link: str) -> None:
        """A worker has closed a link of this name before."""
        if self._shared is not None:
            self._shared.renew(media, link)
        elif media.worker is not None:
            self._lay_own(media, media.spread.layout.renewed(link))

    def remove(self, media: RoomMedia) -> None:
        """The room needs no media any more."""
        if self._rooms.get(media.room) is media:
            del self._rooms[media.room]
        if self._shared is not None:
            self._shared.removed(media)
        workers = media.spread.workers
        for worker in workers:
            self.withdraw(media, worker)
        if workers:
            media.removed()

    def withdraw(self, media: RoomMedia, worker: Worker) -> None:
        """A worker does not have the room any more."""
        worker.rooms.pop(media.room, None)
        worker.behind.pop(media.room, None)
        worker.idle.pop(media.room, None)
        self._close(worker, media.room)

    def _close(self, worker: Worker, room: str) -> None:
        """Have a worker close a room, unless another node is to have it there soon."""
        if not self.leaving or worker.process is not None:
            worker.send(control.RoomClosed(room=room))

    def _displace_all(self, worker: Worker, certain: bool) -> None:
        """A worker is gone; the others that its rooms are on go on, and the next takes the place of a first one."""
        for media in worker.emptied():
            layout = media.spread.layout.without([worker.id])
            media.displaced(worker)
            if self._shared is not None:
                self._shared.lose(media, worker, certain)
            elif layout.workers:
                self._lay_own(media, layout)
            else:
                self.place(media)

    # --- the life of a worker -----------------------------------------------------------

    def up(self, worker: Worker) -> None:
        """Its link is there, for the first time or again."""
        for media in list(worker.rooms.values()):
            media.linked(worker)
        if self._shared is None:
            for media in list(self._rooms.values()):
                if media.worker is None:
                    self.place(media)

    def ended(self, worker: Worker) -> None:
        """An own worker's process is gone; it will be started again."""
        self._metrics.worker_restarts.inc()
        if self._shared is not None:
            self._shared.ended(worker)
        self._displace_all(worker, certain=True)

    def lost(self, worker: Worker) -> None:
        """A worker elsewhere is given up."""
        if self._shared is not None:
            self._shared.lost(worker)
        self._displace_all(worker, certain=False)

    def counted(self) -> None:
        """A link has come or gone."""
        self._metrics.workers.set(sum(worker.link is not None for worker in self.all))

    # --- what a worker says -------------------------------------------------------------

    def heard(self, worker: Worker, message: control.WorkerMessage) -> None:
        """Hand on a message of a worker's."""
        if isinstance(message, control.Heartbeat):
            self._beat(worker, message)
            return
        media = worker.rooms.get(getattr(message, "room", ""))
        if media is None:
            # Said before the room was taken from it.
            return
        if isinstance(message, control.SubscribeOffer):
            media.offered(message)
        elif isinstance(message, control.LayersWanted):
            media.layers_wanted(message)
        elif isinstance(message, control.Speakers):
            if worker is media.worker:  # the others hear only those that are forwarded to them
                media.measured.speaking(message)
        elif isinstance(message, control.Paused):
            media.paused(message)
        elif isinstance(message, control.RoomReport):
            media.measured.reported(worker, media.worker, message)
        elif isinstance(message, control.RoutesApplied):
            media.confirmed(worker, (message.epoch, message.version), message.closed, message.relays)
        elif isinstance(message, control.RoutesKnown):
            media.confirmed(worker, (message.epoch, message.version), {}, message.relays)
        elif isinstance(message, control.RelayRefused):
            if not media.refused(message.link):
                self._renew(media, message.link)
        elif isinstance(message, control.PeerState):
            media.adopted(worker, message)
        elif isinstance(message, control.PeerMoved):
            media.moved(message)
        elif isinstance(message, control.TransportChanged):
            media.measured.transport_changed(message)
        elif isinstance(message, control.RoutesWanted):
            media.push_all(worker)
        elif isinstance(message, control.RelayChanged):
            said = _log.info if message.connected else _log.warning
            said(
                "a link between media workers is up" if message.connected else "a link between media workers is silent",
                worker=worker.name,
                room=message.room,
                link=message.link,
            )

    def _beat(self, worker: Worker, beat: control.Heartbeat) -> None:
        worker.beat(beat)
        metrics, name = self._metrics, worker.name
        metrics.worker_transports.labels(name).set(beat.transports)
        metrics.worker_packets_in.labels(name).set(beat.packets_in)
        metrics.worker_packets_out.labels(name).set(beat.packets_out)
        metrics.worker_lag_seconds.labels(name).set(beat.lag_ms / 1000)
        metrics.worker_lag_worst_seconds.labels(name).observe(beat.lag_ms / 1000)
        metrics.worker_cpu_seconds.labels(name).set(beat.cpu_s)
        for reason, count in beat.dropped.items():
            metrics.worker_packets_dropped.labels(name, reason).set(count)
        for room in beat.positions.keys() - worker.rooms.keys():
            # It was told so when the room went, and the link was down.
            self._close(worker, room)
        for room, media in list(worker.rooms.items()):
            self._let_go(media, worker)
            if not media.behind(worker, beat.positions.get(room), beat.relays.get(room, 0)):
                worker.behind.pop(room, None)
                continue
            worker.behind[room] = worker.behind.get(room, 0) + 1
            if worker.behind[room] >= BEHIND:
                worker.behind.pop(room)
                media.push_all(worker)
        if worker.draining and self._shared is not None:
            for media in worker.rooms.values():
                self._shared.lose(media, worker, certain=True)

    def _let_go(self, media: RoomMedia, worker: Worker) -> None:
        """A further worker at which nobody has viewed for some heartbeats does not have the room any longer."""
        used = worker is media.worker or media.spread.seats(worker) or worker.others.get(media.room)
        worker.idle[media.room] = 0 if used else worker.idle.get(media.room, 0) + 1
        if worker.idle[media.room] >= IDLE:
            worker.idle.pop(media.room)
            self._release(media, worker)
