"""The media of one room: what its workers were told, and the negotiation that passes through.

Effects follow state: after each commit the room is compared with the one whose plan each worker was told, and the
difference is sent, in the same step. Whatever is lost on the way is repaired by sending the whole plan; the worker
ignores what it has. When a worker is gone, the people who were connected to it are told to open new connections.

Most rooms are on one worker. One with more viewers than it takes is on several (`Spread`); all of them are told the
same plan, so that what it closes is closed everywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import msgspec

from protocol import commands as c
from protocol import control
from protocol import events as e
from protocol.answers import Receipt
from protocol.errors import Code
from protocol.names import Source, track_id
from protocol.signals import MediaLayers, MediaOffer, MediaPaused, MediaReset
from protocol.statistics import Statistics
from server.conference.replica import RoomReplica
from server.ratelimit import RateLimit
from server.room.plan import difference
from server.room.state import Room
from server.workers.link import MediaRefused, WorkerLink
from server.workers.measured import Measured
from server.workers.merge import merged_statistics
from server.workers.receipts import Position, Receipts
from server.workers.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from server.workers.layout import Layout
    from server.workers.pool import Workers
    from server.workers.worker import Worker

# A description of 48 KB costs the worker 20 ms. A browser makes a handful when somebody comes or shares a screen.
NEGOTIATIONS_PER_SECOND = 2.0
NEGOTIATIONS_AT_ONCE = 12.0
# Confirmations that wait for Redis, some milliseconds.
MAX_AHEAD = 1000
# An offer waits so long for a room that is being put on a worker.
SETTLED_S = 5.0
# Whoever came back from another node while a worker was told so by both is asked for once more after this.
BACK_S = 1.0


class Subscription(msgspec.Struct):
    """A peer's subscribe connection: its generation, the worker's last offer until it is answered, and what its
    network does not take."""

    generation: int
    offer: MediaOffer | None = None
    paused: MediaPaused = MediaPaused()


class Adoption(msgspec.Struct, eq=False):
    """What the workers have said so far of a person's connections: whether there is one to publish, and the generation
    of the subscribe connection, and where that is. `asked`: the workers that have not answered yet."""

    asked: set[Worker]
    publish: bool = False
    view: tuple[int, Worker] | None = None


class RoomMedia:
    """One room's media; an observer of its replica."""

    def __init__(self, replica: RoomReplica, workers: Workers) -> None:
        self.room = replica.room.conference
        self.spread = Spread(workers.secret)
        self.measured = Measured(replica, workers.metrics)
        self.receipts = Receipts()
        self._replica = replica
        self._workers = workers
        # The version that each worker was told last, and the room whose plan it has.
        self._told: dict[Worker, tuple[int, Room]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        # Who has a publish connection, and what was said last of the layers of what they send on it.
        self._publishing: dict[str, dict[Source, MediaLayers]] = {}
        # What each person looks at, as they said last: a worker that is new has to be told.
        self._preferred: dict[str, dict[str, int]] = {}
        self._generation = 0
        self._negotiations = RateLimit(NEGOTIATIONS_PER_SECOND, NEGOTIATIONS_AT_ONCE)
        self._displaced = False
        # Who was refused because the worker could not be reached, and is told when it can.
        self._unserved: set[str] = set()
        # Whose connections workers were asked for, which another node made, or this one before its link broke.
        self._adopting: dict[str, Adoption] = {}
        # While it is not known yet which worker has the room: what is asked meanwhile waits for that.
        self._settling: asyncio.Event | None = None
        # Who asked to view, and waits for that, or for a worker that is not full.
        self._wishes: set[str] = set()
        self._record: control.RecordRoom | None = None
        # Whose connections were lost with a worker: they are told when the others have agreed on what follows.
        self._bereft: set[str] = set()
        # What workers have confirmed that know of more workers than this node does, which is asking for them.
        self._ahead: list[tuple[Worker, Position, Mapping[str, float], int, float]] = []

    @property
    def worker(self) -> Worker | None:
        """The first worker of the room, where its publishers are."""
        return self.spread.first

    @property
    def _fed(self) -> tuple[Worker, ...]:
        """All that are told the plan: the workers, and the recorder."""
        recorder = self.spread.recorder
        return self.spread.workers if recorder is None else (*self.spread.workers, recorder)

    # --- the recorder -------------------------------------------------------------------

    def record(self, recorder: Worker | None, what: control.RecordRoom | None) -> None:
        """Have the room recorded there, or no more."""
        former, self._record = self.spread.recorder, what
        if former is not None and former is not recorder:
            former.send(control.RoomClosed(room=self.room))
            self._told.pop(former, None)
        self.spread.record(recorder, int(what.recording) if what is not None else None)
        if recorder is not None:
            self.push_all(recorder)
        self._push_recorder()

    def refused(self, link: str) -> bool:
        """A worker takes no link of this name any more. Whether that is the one to the recorder, which gets another."""
        if not self.spread.renew_recorder(link):
            return False
        self._push_recorder()
        return True

    def _push_recorder(self) -> None:
        """Tell both ends of the link to the recorder what it is to be, if there ever was one."""
        if self.spread.record_revision and self.worker is not None:
            self.worker.send(self.spread.feeds_recorder(self.room))
        if self.spread.recorder is not None:
            self.spread.recorder.send(self.spread.fed_recorder(self.room))

    # --- the plan -----------------------------------------------------------------------

    def start(self) -> None:
        """Bring the plan of the room as it is to a worker."""
        self.committed(self._replica.room)

    def stop(self) -> None:
        """The room is closed on this node."""
        self.receipts.give_up()
        self._workers.remove(self)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.ParticipantLeft):
            self._forget(event.person)
            self.measured.forget(event.person)
            self.spread.leave(event.person)
        elif isinstance(event, e.ConferenceEnded):
            self._subscriptions.clear()
            self._publishing.clear()
            self._preferred.clear()

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        if after.ended or not after.people:
            for worker in self._fed:
                self._push(worker, self._told.get(worker))  # other nodes may have the room there still
            self._workers.remove(self)
        elif self.worker is None:
            if not self._workers.wants(self):
                self._workers.place(self)
        else:
            for worker in self._fed:
                self._push(worker, self._told.get(worker))

    def push_all(self, worker: Worker) -> None:
        """Tell a worker the whole plan, its links to others, and what people look at who view there."""
        self._push(worker, None)
        if worker is self.spread.recorder:
            if self._record is not None:
                worker.send(self._record)
            worker.send(self.spread.fed_recorder(self.room))
            return
        worker.send(self.spread.relays(self.room, worker))
        if worker is self.worker and self.spread.record_revision:
            worker.send(self.spread.feeds_recorder(self.room))
        for person, heights in self._preferred.items():
            if self.spread.seat_of(person) in (None, worker):
                worker.send(control.Prefer(room=self.room, peer=person, heights=heights))

    def _push(self, worker: Worker, told: tuple[int, Room] | None) -> None:
        room = self._replica.room
        routes = difference(room, self._replica.epoch, told)
        if routes is not None:
            worker.send(routes)
        version = told[0] if told is not None and routes is None else room.version
        self._told[worker] = (version, room)

    def confirm(self, tracks: tuple[str, ...], done: Callable[[Receipt], None]) -> None:
        """Have `done` called with the workers' word for the tracks that the newest commit has closed."""
        version = self._replica.room.version
        workers = self.spread.workers
        if not workers or not self.spread.whole or any(w.link is None or w not in self._told for w in workers):
            done(Receipt(version=version, applied=False, tracks=len(tracks)))
            return
        # What a later command of the same commit has undone was never told: the worker is where it should be.
        told = {worker.id: (self._replica.epoch, self._told[worker][0]) for worker in workers}
        self.receipts.wait(told, tracks, version, self._replica.heard_at, done)

    def confirmed(self, worker: Worker, position: Position, closed: Mapping[str, float], relays: int) -> None:
        """A worker is at this position, and has closed this on its way there; `relays`: the version of the layout that
        it was told. When that is newer than what is known here, other workers have the room too, and a receipt waits
        for them as well: for as long as it waits at all, it does so for what Redis says."""
        now = time.monotonic()
        if relays > self.spread.layout.version and len(self._ahead) < MAX_AHEAD:
            self._ahead.append((worker, position, closed, relays, now))
            self._workers.look(self)
        else:
            self.receipts.confirmed(worker.id, position, closed, now)

    def behind(self, worker: Worker, position: tuple[int, int] | None, revision: int) -> bool:
        """Whether a worker at this position, with links of this revision, has not what it was told."""
        told = self._told.get(worker)
        wanted = self.spread.record_revision if worker is self.spread.recorder else self.spread.layout.version
        return told is not None and (position is None or position < (self._replica.epoch, told[0]) or revision < wanted)

    # --- placement, by the pool ---------------------------------------------------------

    def settles(self) -> None:
        """It is being found out which worker has the room."""
        if self._settling is None:
            self._settling = asyncio.Event()

    def settled(self) -> None:
        """That has ended: `laid` or `full` was called, or `waits` will be."""
        if self._settling is not None:
            self._settling.set()
            self._settling = None
        if self.worker is None:
            self._unserved |= self._wishes
            self._wishes.clear()

    def laid(self, layout: Layout, workers: Mapping[str, Worker]) -> None:
        """The room is on these workers now, and linked so. The first can be reached; of the others one that cannot yet
        is told when it can. Who was connected to one that is not among them has to connect anew."""
        former, first = set(self.spread.workers), self.worker
        if former and former.isdisjoint(workers.values()):
            self.taken_off()
        left = {*self._bereft, *self.spread.lay(layout, workers)}
        self._bereft.clear()
        for worker in former.difference(workers.values()):
            self._without(worker)
        if first is not None and self.worker is not first:
            left |= self._publishing.keys()
            self._publishing.clear()
        for worker in self.spread.workers:
            if worker not in self._told:
                self.push_all(worker)
                self.receipts.joined(worker.id, (self._replica.epoch, self._told[worker][0]))
            else:
                worker.send(self.spread.relays(self.room, worker))
        if self.spread.recorder is not None and self.spread.recorder not in self._told:
            self.push_all(self.spread.recorder)
        self._push_recorder()
        ahead, self._ahead = self._ahead, []
        for worker, position, closed, _, at in ahead:
            self.receipts.confirmed(worker.id, position, closed, at)
        if self._displaced:
            self._displaced = False
            self._wishes.clear()
            self._replica.members.signal(MediaReset(reason="The media worker was replaced."), media=True)
            return
        for person in left:
            self._subscriptions.pop(person, None)
            self._adopting.pop(person, None)
        self._reset(left, "The media worker was replaced.")
        for person in list(self._adopting):
            self._adopt(person)
        self._seat_wishes()

    def full(self) -> None:
        """There is no further worker for those who wait for one."""
        self._seat_wishes(anyhow=True)

    def _seat_wishes(self, *, anyhow: bool = False) -> None:
        """Give those who wait a seat, and ask for one more worker when there are more of them."""
        wishes, self._wishes = self._wishes, set()
        for person in wishes & self._replica.room.people.keys():
            worker = self.spread.seat(person, anyhow=anyhow)
            if worker is None:
                self._wishes.add(person)
            elif worker.link is None:
                self._unserved.add(person)
            else:
                self._subscribe(worker, person)
        if self._wishes:
            self._want_room()

    def _want_room(self) -> None:
        """Somebody waits for a worker that is not full: one that is about to be reached may be that."""
        if all(worker.link is not None for worker in self.spread.workers) and self.spread.whole:
            self._workers.grow(self)

    def waits(self) -> None:
        """No worker is there: whoever asks meanwhile is refused, and told when there is one."""
        self._displaced = True

    def removed(self) -> None:
        """The room is on no worker, and needs none."""
        self.taken_off()
        self._displaced = False

    def linked(self, worker: Worker) -> None:
        """A worker can be reached again: it may have missed something, and so may people."""
        self.push_all(worker)
        here = {person for person in self._subscriptions if self.spread.seat_of(person) in (None, worker)}
        if worker is self.worker:
            here |= self._publishing.keys()
        for person in here | self._adopting.keys():
            # Whoever is not connected here now may be connected to another node, or asks when they are back.
            if self._replica.members.of(person):
                self._adopt(person)
            else:
                self._forget(person)
        unserved, self._unserved = self._unserved, set()
        self._reset(unserved, "The media worker is back.")
        self._seat_wishes()

    def displaced(self, worker: Worker) -> None:
        """The worker is gone, and every transport on it. What follows is agreed upon, and `laid`."""
        first = worker is self.worker
        self._bereft.update(self.spread.lose(worker))
        if not self.spread.workers:
            self.taken_off()
            return
        if first:
            self._bereft |= self._publishing.keys()
            self._publishing.clear()
        for person in self._bereft:
            self._subscriptions.pop(person, None)
            self._adopting.pop(person, None)
        self._without(worker)

    def taken_off(self) -> None:
        """The room is on no worker any more, and every transport is gone."""
        self.spread.end()
        self._told.clear()
        self._displaced = True
        self.measured.clear()
        self.receipts.give_up()
        self._ahead.clear()
        self._bereft.clear()
        self._unserved.clear()
        self._adopting.clear()
        self._subscriptions.clear()
        self._publishing.clear()

    def _without(self, worker: Worker) -> None:
        """Nothing is to be heard any more of a worker of several."""
        self._told.pop(worker, None)
        self.measured.without(worker)
        self.receipts.gone(worker.id)
        for person, adoption in list(self._adopting.items()):
            if worker in adoption.asked:
                adoption.asked.discard(worker)
                self._adopted(person, adoption)

    def _reset(self, people: Iterable[str], reason: str) -> None:
        for person in people:
            self._replica.members.signal_to(person, MediaReset(reason=reason), media=True)

    # --- people of other nodes ----------------------------------------------------------

    def _adopt(self, person: str) -> None:
        """Have the workers say what the person has there, and tell this node from now on."""
        self._adopting[person] = Adoption(set(self.spread.workers))
        for worker in self.spread.workers:
            worker.send(control.PeerAdopt(room=self.room, peer=person))

    def adopted(self, worker: Worker, message: control.PeerState) -> None:
        """What the person has at a worker. What was lost on the way follows; what is at none is opened anew by them."""
        adoption = self._adopting.get(message.peer)
        if adoption is None or worker not in adoption.asked:
            return
        adoption.asked.discard(worker)
        adoption.publish |= message.publish
        if message.generation is not None and (adoption.view is None or message.generation > adoption.view[0]):
            adoption.view = message.generation, worker
        self._adopted(message.peer, adoption)

    def _adopted(self, person: str, adoption: Adoption) -> None:
        if adoption.asked:
            return
        del self._adopting[person]
        generation, worker = adoption.view or (None, None)
        known = self._subscriptions.get(person)
        lost = known is not None and known.generation != generation
        if lost or not (adoption.publish or adoption.view):
            self._forget(person)
            self._reset([person], "The connections are gone.")
            return
        if adoption.publish:
            self._publishing.setdefault(person, {})
        if generation is not None and worker is not None and known is None:
            self._generation = max(self._generation, generation)
            self._subscriptions[person] = Subscription(generation)
            self.spread.found(person, worker)

    def moved(self, message: control.PeerMoved) -> None:
        """The person is connected to another node now, or was for a moment: whoever is here again by the time that this
        is heard is asked for once more."""
        self._forget(message.peer)
        self.spread.leave(message.peer)
        asyncio.get_running_loop().call_later(BACK_S, self._back, message.peer)

    def _back(self, person: str) -> None:
        known = person in self._subscriptions or person in self._publishing or person in self._adopting
        here = any(not member.console for member in self._replica.members.of(person))
        if here and not known and self.worker is not None:
            self._adopt(person)

    def _forget(self, person: str) -> None:
        self._subscriptions.pop(person, None)
        self._publishing.pop(person, None)
        self._preferred.pop(person, None)
        self._adopting.pop(person, None)

    # --- negotiation --------------------------------------------------------------------

    async def publish(self, person: str, message: c.MediaPublish) -> str:
        """Pass a client's offer on; the worker's SDP answer. Raises `MediaRefused`."""
        if self._settling is not None and self.worker is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLED_S):
                    await self._settling.wait()
        link = self._reach(person, self.worker)
        self._negotiation(person)
        if message.restart:  # what was said is of the former connection
            self._publishing.pop(person, None)
        self._publishing.setdefault(person, {})
        bindings = {mid: track_id(person, source) for mid, source in message.tracks.items()}
        return await link.offer(self.room, person, message.sdp, bindings, message.restart)

    def subscribe(self, person: str) -> None:
        """Open a new subscribe connection for a person; the offer follows. Raises `MediaRefused`."""
        if self._settling is not None and self.worker is None:
            self._wishes.add(person)
            return
        worker = self.spread.seat(person)
        if worker is None and any(each.link is not None for each in self.spread.workers):
            self._negotiation(person)
            self._wishes.add(person)
            self._want_room()
            return
        self._reach(person, worker)
        self._negotiation(person)
        assert worker is not None
        self._subscribe(worker, person)

    def _subscribe(self, worker: Worker, person: str) -> None:
        # Above every earlier one, also of a server that ran before.
        self._generation = max(self._generation + 1, time.time_ns() // 1_000_000)
        self._subscriptions[person] = Subscription(self._generation)
        self._adopting.pop(person, None)
        worker.send(control.SubscribeOpen(room=self.room, peer=person, generation=self._generation))

    def restart(self, person: str) -> None:
        """Have the person's subscribe connection offered with new ICE credentials, if there is one. Raises
        `MediaRefused`."""
        link = self._reach(person, self.spread.seat_of(person) or self.worker)
        self._negotiation(person)
        subscription = self._subscriptions.get(person)
        if subscription is not None:
            link.send(control.SubscribeRestart(room=self.room, peer=person, generation=subscription.generation))

    def answer(self, person: str, message: c.MediaAnswer) -> None:
        """Pass a client's answer on; one to an offer that is no longer the newest has no effect.

        Raises `MediaRefused`.
        """
        link = self._reach(person, self.spread.seat_of(person) or self.worker)
        subscription = self._subscriptions.get(person)
        offer = subscription.offer if subscription is not None else None
        # One answer for an offer: the worker parses each, and its loop carries everybody's media.
        if subscription is None or offer is None:
            return
        if (message.generation, message.revision) != (offer.generation, offer.revision):
            return
        subscription.offer = None
        link.send(
            control.SubscribeAnswer(
                room=self.room,
                peer=person,
                generation=message.generation,
                revision=message.revision,
                sdp=message.sdp,
            )
        )

    def prefer(self, person: str, heights: dict[str, int]) -> None:
        """What a person looks at from now on. Without a worker it is kept for the next one."""
        self._preferred[person] = heights
        worker = self.spread.seat_of(person) or self.worker
        if worker is not None:
            worker.send(control.Prefer(room=self.room, peer=person, heights=heights))

    def _negotiation(self, person: str) -> None:
        """One more for the worker to parse and answer. Raises `MediaRefused`."""
        if self._negotiations.take(person):
            raise MediaRefused(Code.RATE_LIMITED)

    def _reach(self, person: str, worker: Worker | None) -> WorkerLink:
        link = worker.link if worker is not None else None
        if link is None:
            self._unserved.add(person)
            raise MediaRefused(Code.MEDIA_UNAVAILABLE)
        return link

    def close_peer(self, person: str) -> None:
        """The person's page is another one now: its connections are void."""
        # Said also when nothing is known of them here: they may have left and come back within one commit, of which the
        # worker's plan shows nothing.
        self._forget(person)
        for worker in self.spread.workers:
            worker.send(control.PeerClose(room=self.room, peer=person))

    def resumed(self, person: str) -> None:
        """The person's signaling is back: what they missed of the negotiation is said again."""
        subscription = self._subscriptions.get(person)
        if subscription is None and person not in self._publishing:
            # Nothing here knows connections of theirs: they were at another node, or this one, or the worker, is new.
            self._adopt(person)
        elif subscription is not None:
            if subscription.offer is not None:
                self._replica.members.signal_to(person, subscription.offer, media=True)
            self._replica.members.signal_to(person, subscription.paused, media=True)
        for layers in self._publishing.get(person, {}).values():
            self._replica.members.signal_to(person, layers, media=True)

    # --- from the worker ----------------------------------------------------------------

    def offered(self, message: control.SubscribeOffer) -> None:
        """The worker's offer for a peer's subscribe connection."""
        subscription = self._subscriptions.get(message.peer)
        if subscription is None or subscription.generation != message.generation:
            return
        subscription.offer = MediaOffer(
            generation=message.generation, revision=message.revision, sdp=message.sdp, tracks=message.tracks
        )
        self._replica.members.signal_to(message.peer, subscription.offer, media=True)

    def layers_wanted(self, message: control.LayersWanted) -> None:
        """Which layers of somebody's picture are looked at."""
        said = self._publishing.get(message.peer)
        if said is None:
            return
        layers = MediaLayers(source=Source(message.track.rpartition("/")[2]), rids=message.rids)
        said[layers.source] = layers
        self._replica.members.signal_to(message.peer, layers, media=True)

    def paused(self, message: control.Paused) -> None:
        """What a person's network does not take."""
        subscription = self._subscriptions.get(message.peer)
        if subscription is not None:
            subscription.paused = MediaPaused(tracks=message.tracks)
            self._replica.members.signal_to(message.peer, subscription.paused, media=True)

    async def statistics(self, person: str) -> Statistics:
        """What somebody sends and receives, measured by the worker now. Raises `MediaRefused`."""
        first, seat = self.worker, self.spread.seat_of(person)
        if first is None or first.link is None:
            raise MediaRefused(Code.MEDIA_UNAVAILABLE)
        if seat is None or seat is first or seat.link is None:
            return await first.link.statistics(self.room, person)
        return merged_statistics(
            await first.link.statistics(self.room, person), await seat.link.statistics(self.room, person)
        )
