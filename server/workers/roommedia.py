"""The media of one room: what the worker was told, and the negotiation that passes through.

Effects follow state: after each commit the plan of the room is compared with what the worker was told, and the
difference is sent, in the same step. Whatever is lost on the way is repaired by sending the whole plan; the worker
ignores what it has. When the room is placed on another worker, its people are told to open new connections.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from protocol import commands as c
from protocol import control
from protocol import events as e
from protocol.errors import Code
from protocol.names import track_id
from protocol.signals import Loudness, MediaOffer, MediaQuality, MediaReset, MediaSpeakers, Quality
from server.frames import Encoded
from server.ratelimit import RateLimit
from server.replica import RoomReplica
from server.room.plan import NOTHING, Plan, difference, plan
from server.room.state import Room
from server.room.view import moderates
from server.workers.link import MediaRefused, WorkerLink
from server.workers.quality import quality

if TYPE_CHECKING:
    from server.workers.pool import Worker, Workers

# A message of so many people stays well below 64 KiB.
QUALITIES_AT_ONCE = 300
# A description of 48 KB costs the worker 20 ms. A browser makes a handful when somebody comes or shares a screen.
NEGOTIATIONS_PER_SECOND = 2.0
NEGOTIATIONS_AT_ONCE = 12.0


class Subscription(msgspec.Struct):
    """A peer's subscribe connection: its generation, and the worker's last offer until it is answered."""

    generation: int
    offer: MediaOffer | None = None


class RoomMedia:
    """One room's media; an observer of its replica."""

    def __init__(self, replica: RoomReplica, workers: Workers) -> None:
        self.room = replica.room.conference
        self.worker: Worker | None = None
        self.report: control.RoomReport | None = None
        self._replica = replica
        self._workers = workers
        self._told: tuple[int, Plan] | None = None
        self._desired = NOTHING
        self._subscriptions: dict[str, Subscription] = {}
        self._publishing: set[str] = set()
        self._generation = 0
        self._negotiations = RateLimit(NEGOTIATIONS_PER_SECOND, NEGOTIATIONS_AT_ONCE)
        self._displaced = False
        # Who was refused because the worker could not be reached, and is told when it can.
        self._unserved: set[str] = set()

    # --- the plan -----------------------------------------------------------------------

    def start(self) -> None:
        """Bring the plan of the room as it is to a worker."""
        self.committed(self._replica.room)

    def stop(self) -> None:
        """The room is closed on this node."""
        self._workers.remove(self)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.ParticipantLeft):
            self._subscriptions.pop(event.person, None)
            self._publishing.discard(event.person)
        elif isinstance(event, e.ConferenceEnded):
            self._subscriptions.clear()
            self._publishing.clear()

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        self._desired = plan(after)
        if not self._desired.peers:
            self._workers.remove(self)
        elif self.worker is None:
            self._workers.place(self)
        elif self._told is None or self._told[1] != self._desired:
            self._push(self._told)

    def push_all(self) -> None:
        """Tell the worker the whole plan."""
        self._push(None)

    def _push(self, told: tuple[int, Plan] | None) -> None:
        if self.worker is None:
            return
        version = self._replica.room.version
        self.worker.send(difference(self.room, self._replica.epoch, version, self._desired, told))
        self._told = (version, self._desired)

    def behind(self, position: tuple[int, int] | None) -> bool:
        """Whether a worker at this position has not what it was told."""
        return self._told is not None and (position is None or position < (self._replica.epoch, self._told[0]))

    # --- placement, by the pool ---------------------------------------------------------

    def placed(self, worker: Worker) -> None:
        """The room is on this worker now."""
        self.worker = worker
        self._told = None
        self.push_all()
        if self._displaced:
            self._displaced = False
            self._replica.members.signal(MediaReset(reason="The media worker was replaced."), media=True)

    def waits(self) -> None:
        """No worker is there: whoever asks meanwhile is refused, and told when there is one."""
        self._displaced = True

    def removed(self) -> None:
        """The room is on no worker, and needs none."""
        self.displaced()
        self._displaced = False

    def linked(self) -> None:
        """The worker can be reached again: it may have missed something, and so may people."""
        self.push_all()
        unserved, self._unserved = self._unserved, set()
        for person in unserved:
            self._replica.members.signal_to(person, MediaReset(reason="The media worker is back."), media=True)

    def displaced(self) -> None:
        """The worker is gone, and every transport with it."""
        self.worker = None
        self._told = None
        self._displaced = True
        self.report = None
        self._unserved.clear()
        self._subscriptions.clear()
        self._publishing.clear()

    # --- negotiation --------------------------------------------------------------------

    async def publish(self, person: str, message: c.MediaPublish) -> str:
        """Pass a client's offer on; the worker's SDP answer. Raises `MediaRefused`."""
        link = self._reach(person)
        self._negotiation(person)
        self._publishing.add(person)
        bindings = {mid: track_id(person, source) for mid, source in message.tracks.items()}
        return await link.offer(self.room, person, message.sdp, bindings, message.restart)

    def subscribe(self, person: str) -> None:
        """Open a new subscribe connection for a person; the offer follows. Raises `MediaRefused`."""
        link = self._reach(person)
        self._negotiation(person)
        # Above every earlier one, also of a server that ran before.
        self._generation = max(self._generation + 1, time.time_ns() // 1_000_000)
        self._subscriptions[person] = Subscription(self._generation)
        link.send(control.SubscribeOpen(room=self.room, peer=person, generation=self._generation))

    def answer(self, person: str, message: c.MediaAnswer) -> None:
        """Pass a client's answer on; one to an offer that is no longer the newest has no effect.

        Raises `MediaRefused`.
        """
        link = self._reach(person)
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

    def _negotiation(self, person: str) -> None:
        """One more for the worker to parse and answer. Raises `MediaRefused`."""
        if self._negotiations.take(person):
            raise MediaRefused(Code.RATE_LIMITED)

    def _reach(self, person: str) -> WorkerLink:
        link = self.worker.link if self.worker is not None else None
        if link is None:
            self._unserved.add(person)
            raise MediaRefused(Code.MEDIA_UNAVAILABLE)
        return link

    def close_peer(self, person: str) -> None:
        """The person's page is another one now: its connections are void."""
        # Said also when nothing is known of them here: they may have left and come back within one commit, of which the
        # worker's plan shows nothing.
        self._subscriptions.pop(person, None)
        self._publishing.discard(person)
        if self.worker is not None:
            self.worker.send(control.PeerClose(room=self.room, peer=person))

    def resumed(self, person: str) -> None:
        """The person's signaling is back: what they missed of the negotiation is said again."""
        subscription = self._subscriptions.get(person)
        if subscription is None and person not in self._publishing:
            # Nothing here knows connections of theirs: this server, or the worker, is another one.
            self._replica.members.signal_to(person, MediaReset(reason="The server was restarted."), media=True)
        elif subscription is not None and subscription.offer is not None:
            self._replica.members.signal_to(person, subscription.offer, media=True)

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

    def speaking(self, message: control.Speakers) -> None:
        """Who speaks, to everybody."""
        people = self._replica.room.people
        heard = tuple(
            Loudness(person=level.peer, level=level.level) for level in message.speakers if level.peer in people
        )
        self._replica.members.signal(MediaSpeakers(speakers=heard))

    def reported(self, message: control.RoomReport) -> None:
        """Counters: kept, and told as connection quality. Moderators are told everybody's, others their own and the
        stage's."""
        self.report = message
        room = self._replica.room
        # Whoever has no connection has no quality.
        connected = (report for report in message.peers if report.publish is not None or report.subscribe is not None)
        measured = {report.peer: quality(report) for report in connected if report.peer in room.people}
        if not measured:
            return
        everybody = _messages(list(measured.values()))
        stage = _messages([measured[person] for person in room.stage if person in measured])
        for member in self._replica.members:
            person = member.person
            own = measured.get(person) if person not in room.stage else None
            told = everybody if moderates(room, person) else [*stage, *_messages([own] if own is not None else [])]
            for encoded in told:
                member.send(encoded.frame(member.encoding))


def _messages(qualities: list[Quality]) -> list[Encoded]:
    return [
        Encoded(MediaQuality(people=tuple(qualities[start : start + QUALITIES_AT_ONCE])))
        for start in range(0, len(qualities), QUALITIES_AT_ONCE)
    ]
