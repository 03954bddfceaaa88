"""From the server's messages to rooms and connections: the worker's only state that anybody outside decides.

A worker knows no roles and no policy. Peers, tracks and openness come with `Routes`; a negotiation for a peer that is
not in them is refused, and a peer that leaves them loses its connections at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from media.demux import Demux
from media.dtls import DtlsContext
from media.forward import Forwarder
from media.ingest import Uplink
from media.layer import Layer
from media.limits import Limits
from media.publication import publication
from media.relay.table import RelayTable
from media.room import Room
from media.sdp import LocalTransport, SdpError, parse, write
from media.subscription import Subscription
from media.track import Track
from media.transport import Receiver, Transport
from media.udp import UdpPort
from protocol.control import (
    Direction,
    Failed,
    LayersWanted,
    PeerAdopt,
    PeerClose,
    PeerState,
    Prefer,
    PublishAnswer,
    PublishOffer,
    RoomClosed,
    RoomRecorder,
    RoomRelays,
    Routes,
    RoutesApplied,
    RoutesKnown,
    RoutesWanted,
    Stats,
    StatsWanted,
    SubscribeAnswer,
    SubscribeOpen,
    SubscribeRestart,
    TransportChanged,
    TransportState,
    WorkerMessage,
)
from protocol.errors import Code

# Making an offer takes some 100 µs: a slice of these stays below 5 ms.
OFFERS_PER_TICK = 40
# Ticks between two decisions about the pictures of a viewer that waits for more: 0.3 s.
RECONSIDERED_EACH = 15
# Rooms that are closed, and where they were.
MAX_FORMER = 10_000


class Router:
    """All rooms of this worker. `send` hands a message to the control link; it never waits."""

    def __init__(
        self,
        port: UdpPort,
        demux: Demux,
        context: DtlsContext,
        addresses: tuple[str, ...],
        send: Callable[[WorkerMessage], None],
        dropped: Counter[str],
        limits: Limits,
        *,
        rooms: dict[str, Room] | None = None,
        tcp: bool = False,
    ) -> None:
        self.rooms: dict[str, Room] = {} if rooms is None else rooms
        # Where those were that are closed: what is told late must not open one again as it was before.
        self._former: dict[str, tuple[int, int]] = {}
        self.transports: set[Transport] = set()
        self.ended = 0  # of them
        self._arriving: set[Transport] = set()  # those not connected yet
        self._port = port
        self._demux = demux
        self._context = context
        self._addresses = addresses
        self._tcp = tcp
        self._send = send
        self._dropped = dropped
        self._limits = limits
        self._forwarder = Forwarder(port.outbox, dropped)
        self._ready: list[Room] = []
        self.relay_table = demux.workers = RelayTable(port, dropped, limits, send, self._has_packets, demux.gone)
        self._session = 0
        self._ticks = 0

    # --- the server's messages ----------------------------------------------------------------------

    def routes(self, message: Routes) -> None:
        """Bring a room to where the routes say, if that is ahead of where it is."""
        room = self.rooms.get(message.room)
        position = (message.epoch, message.version)
        if room is not None and position <= room.position:
            # Whoever has told it may wait for the word that it is so; another was faster.
            relays = self.relay_table.revision(room.id)
            self._send(RoutesKnown(room=room.id, epoch=room.epoch, version=room.version, relays=relays))
            return
        if room is None and position < self._former.get(message.room, position):
            return
        if message.base is not None and (room is None or room.position != (message.epoch, message.base)):
            self._send(RoutesWanted(room=message.room))
            return
        if room is None:
            room = self.rooms[message.room] = Room(message.room, message.epoch, self._limits)
        now = time.monotonic()
        closed: dict[str, float] = {}
        for peer in room.apply(message, now, closed):
            self._close_peer(room, peer)
            room.owners.pop(peer, None)
        relays = self.relay_table.revision(room.id)
        self._send(RoutesApplied(room=room.id, epoch=room.epoch, version=room.version, closed=closed, relays=relays))
        room.show_some(OFFERS_PER_TICK, now)

    def relays(self, message: RoomRelays) -> None:
        """Bring a room's links to other workers to what the message says."""
        room = self.rooms.get(message.room)
        if room is None:
            self._send(RoutesWanted(room=message.room))
        else:
            self.relay_table.apply(room, message, time.monotonic())

    def recorder(self, message: RoomRecorder) -> None:
        """Bring a room's link to a recorder to what the message says."""
        room = self.rooms.get(message.room)
        if room is None:
            self._send(RoutesWanted(room=message.room))
        else:
            self.relay_table.record(room, message, time.monotonic())

    def room_closed(self, message: RoomClosed) -> None:
        """Forget a room with all that is in it."""
        self.relay_table.close_room(message.room, time.monotonic())
        room = self.rooms.get(message.room)
        if room is not None:
            for peer in {**room.uplinks, **room.subscriptions}:
                self._close_peer(room, peer)
            del self.rooms[room.id]
            self._former.pop(room.id, None)
            self._former[room.id] = room.position
            if len(self._former) > MAX_FORMER:
                del self._former[next(iter(self._former))]

    def peer_adopt(self, message: PeerAdopt) -> None:
        """Say what a peer has, and once more what may have been lost on the way to it."""
        room = self.rooms.get(message.room)
        uplink = room.uplinks.get(message.peer) if room is not None else None
        subscription = room.subscriptions.get(message.peer) if room is not None else None
        generation = subscription.generation if subscription is not None else None
        self._send(PeerState(room=message.room, peer=message.peer, publish=uplink is not None, generation=generation))
        if subscription is not None:
            subscription.say_again()
        if room is not None and uplink is not None:
            for track in room.tracks.values():
                if track.peer == message.peer:
                    track.wanted.repeat()

    def peer_close(self, message: PeerClose) -> None:
        """Close a peer's connections; it may open new ones as long as the routes list it."""
        room = self.rooms.get(message.room)
        if room is not None:
            room.heights.pop(message.peer, None)
            self._close_peer(room, message.peer)

    def prefer(self, message: Prefer) -> None:
        """What a peer looks at."""
        room = self.rooms.get(message.room)
        if room is not None and message.peer in room.peers:
            room.heights[message.peer] = message.heights
            subscription = room.subscriptions.get(message.peer)
            if subscription is not None:
                subscription.viewer.prefer(message.heights, time.monotonic())

    def publish_offer(self, message: PublishOffer) -> None:
        """Answer a publisher's offer; on an existing connection it is a renegotiation."""
        room = self._room_of(message.room, message.peer)
        if room is None:
            self._send(
                Failed(request=message.request, code=Code.NOT_ALLOWED, message="This peer has no place in this room.")
            )
            return
        wanted = {
            mid: track
            for mid, id in message.bindings.items()
            if (track := room.tracks.get(id)) is not None and track.peer == message.peer
        }
        try:
            offer = parse(message.sdp)
            found = publication(offer, wanted, self._limits)
        except SdpError as error:
            self._send(Failed(request=message.request, code=Code.BAD_OFFER, message=str(error)))
            return
        used = next(section for section in offer.sections if not section.rejected)
        uplink = room.uplinks.get(message.peer)
        transport = uplink.transport if uplink is not None else None
        if isinstance(transport, Transport) and (message.restart or transport.fingerprints != used.fingerprints):
            self._end_uplink(room, message.peer)
            uplink = None
        if uplink is None:
            uplink = self._new_uplink(room, message.peer)
        transport = uplink.transport
        assert isinstance(transport, Transport)
        if transport.remote_ufrag and transport.remote_ufrag != used.ufrag:
            self._renew(transport)
        transport.remote_ufrag = used.ufrag
        transport.expect(used.fingerprints)
        codecs = [line.track.codec for line in found.lines]
        uplink.bind(found.lines, found.extensions, found.transport_cc)
        self._session += 1
        answer = write(found.answer, self._local(transport), "passive", self._session, message.request & 0x7FFFFFFF)
        self._send(PublishAnswer(request=message.request, sdp=answer))
        for line, codec in zip(found.lines, codecs, strict=True):
            if line.track.codec is not codec:
                room.bound(line.track)
        room.show_some(OFFERS_PER_TICK, time.monotonic())

    def subscribe_open(self, message: SubscribeOpen) -> None:
        """Make a new subscribe connection for the peer in the place of its former one."""
        room = self._room_of(message.room, message.peer)
        if room is None:
            self._dropped["subscribe_not_allowed"] += 1
            return
        former = room.subscriptions.get(message.peer)
        if former is not None:
            if message.generation == former.generation:
                return  # said twice
            self._end_subscription(room, message.peer)
        changed = partial(self._subscription_changed, room, message.peer, message.generation)
        subscription = Subscription(
            room.id,
            message.peer,
            message.generation,
            self._dropped,
            self._limits,
            self._send,
            changed,
            partial(room.sees, message.peer),
            room.speaker,
            room.repeating,
        )
        transport = self._new_transport(room, message.peer, Direction.SUBSCRIBE, subscription)
        subscription.start(transport, self._local(transport))
        subscription.viewer.heights = room.heights.get(message.peer, {})
        room.subscriptions[message.peer] = subscription
        subscription.show(room.visible(message.peer), time.monotonic())

    def subscribe_restart(self, message: SubscribeRestart) -> None:
        """Offer a subscribe connection with new ICE credentials; what it carries goes on under the former ones."""
        room = self.rooms.get(message.room)
        subscription = room.subscriptions.get(message.peer) if room is not None else None
        if subscription is not None and subscription.generation == message.generation:
            self._renew(subscription.transport)
            subscription.restart(self._local(subscription.transport), time.monotonic())

    def _renew(self, transport: Transport) -> None:
        for ufrag in transport.new_credentials():
            self._demux.ufrags.pop(ufrag, None)
        self._demux.register(transport)

    def subscribe_answer(self, message: SubscribeAnswer) -> None:
        """A client's answer to the newest offer of its generation; others are ignored, and so is a bad one."""
        room = self.rooms.get(message.room)
        subscription = room.subscriptions.get(message.peer) if room is not None else None
        if subscription is None or subscription.generation != message.generation:
            return
        try:
            subscription.answer(message.revision, message.sdp, time.monotonic())
        except SdpError:
            self._dropped["bad_answer"] += 1

    def stats_wanted(self, message: StatsWanted) -> None:
        """Measure one peer. One without connections has statistics as well, with nothing in them."""
        room = self._room_of(message.room, message.peer)
        if room is None:
            self._send(
                Failed(request=message.request, code=Code.MEDIA_UNAVAILABLE, message="This peer is not known here yet.")
            )
            return
        self._send(Stats(request=message.request, statistics=room.statistics(message.peer, time.monotonic())))

    def _room_of(self, id: str, peer: str) -> Room | None:
        room = self.rooms.get(id)
        if room is None:
            self._send(RoutesWanted(room=id))
            return None
        return room if peer in room.peers else None

    # --- connections --------------------------------------------------------------------------------

    def _new_transport(self, room: Room, peer: str, direction: Direction, receiver: Receiver) -> Transport:
        transport = Transport(
            self._port, self._context, room.names[peer], direction, receiver, self._dropped, self._limits, self._forget
        )
        self.transports.add(transport)
        self._arriving.add(transport)
        self._demux.register(transport)
        return transport

    def _local(self, transport: Transport) -> LocalTransport:
        return LocalTransport(
            transport.ufrag, transport.password, self._context.fingerprint, self._addresses, self._port.port, self._tcp
        )

    def _forget(self, transport: Transport) -> None:
        self.ended += 1
        self.transports.discard(transport)
        self._arriving.discard(transport)
        self._demux.forget(transport)

    def _new_uplink(self, room: Room, peer: str) -> Uplink:
        uplink = Uplink(
            self._port,
            self._dropped,
            self._limits,
            partial(self._has_packets, room),
            room.heard,
            partial(self._uplink_changed, room, peer),
            partial(self._layers_wanted, room),
            self.drained,
        )
        uplink.transport = self._new_transport(room, peer, Direction.PUBLISH, uplink)
        room.uplinks[peer] = uplink
        return uplink

    def _layers_wanted(self, room: Room, track: Track, rids: tuple[str, ...]) -> None:
        self._send(LayersWanted(room=room.id, peer=track.peer, track=track.id, rids=rids))

    def _uplink_changed(self, room: Room, peer: str, state: TransportState) -> None:
        if state in (TransportState.CLOSED, TransportState.FAILED):
            uplink = room.uplinks.pop(peer, None)
            if uplink is not None:
                uplink.end()
        self._say(room, peer, Direction.PUBLISH, state)

    def _subscription_changed(self, room: Room, peer: str, generation: int, state: TransportState) -> None:
        subscription = room.subscriptions.get(peer)
        if subscription is None or subscription.generation != generation:
            return
        if state in (TransportState.CLOSED, TransportState.FAILED):
            del room.subscriptions[peer]
            room.restless.pop(peer, None)
            subscription.end()
        elif state is TransportState.CONNECTED:
            subscription.connected(time.monotonic())
        self._say(room, peer, Direction.SUBSCRIBE, state)

    def _say(self, room: Room, peer: str, direction: Direction, state: TransportState) -> None:
        self._send(TransportChanged(room=room.id, peer=peer, direction=direction, state=state))

    def _end_uplink(self, room: Room, peer: str) -> None:
        uplink = room.uplinks.pop(peer, None)
        if uplink is not None and uplink.transport is not None:
            uplink.end()
            uplink.transport.close(quietly=True)

    def _end_subscription(self, room: Room, peer: str) -> None:
        subscription = room.subscriptions.pop(peer, None)
        room.restless.pop(peer, None)
        if subscription is not None:
            subscription.end()
            subscription.transport.close(quietly=True)

    def _close_peer(self, room: Room, peer: str) -> None:
        uplink, subscription = room.uplinks.get(peer), room.subscriptions.get(peer)
        if uplink is not None and uplink.transport is not None:
            uplink.transport.close()
        if subscription is not None:
            subscription.transport.close()

    def close(self) -> None:
        """Say goodbye to everybody."""
        for transport in list(self.transports):
            transport.close(quietly=True)

    # --- time ---------------------------------------------------------------------------------------

    def drained(self) -> None:
        """The socket is empty, or its turn is over: forward what has come."""
        if not self._ready:
            return
        now = time.monotonic()
        failed: Exception | None = None
        for room in self._ready:
            layers = list(room.ready)
            room.ready.clear()
            before = [layer.forwarded for layer in layers]
            try:
                self._forwarder.forward(layers, now)
            except Exception as error:  # a mistake of ours with one room must not cost the others their media
                failed = error
                for layer in layers:
                    layer.pending.clear()
            # After the last viewer was served, not before the first: a receipt must not promise too much.
            served = time.monotonic()
            for layer, count in zip(layers, before, strict=True):
                if layer.forwarded != count:
                    layer.track.forwarded_at = served
        self._ready.clear()
        self._port.packets_out += self._forwarder.sent
        self._forwarder.sent = 0
        if failed is not None:
            raise failed

    def _has_packets(self, room: Room, layer: Layer) -> None:
        if not room.ready:
            self._ready.append(room)
        room.ready[layer] = None

    @property
    def hurried(self) -> bool:
        """Whether there is something to be looked at with each tick: pictures come, whose packets may be missing, other
        workers are to be talked to, or something waits to be sent."""
        return self.relay_table.hurried or any(
            room.to_show or room.repeating or room.restless or any(uplink.hurried for uplink in room.uplinks.values())
            for room in self.rooms.values()
        )

    def tick(self, now: float, count: int = 1) -> None:
        """Each 20 ms, or, when it is not `hurried`, several at once: requests and feedback to publishers, handshakes,
        offers that wait; each second, spread over the ticks by connection, reports and silence."""
        ticks = range(self._ticks + 1, self._ticks + 1 + count)
        self._ticks += count
        if any(tick % 5 == 0 for tick in ticks):  # the first repetition is due after a second: this need not be finer
            for transport in list(self._arriving):
                if transport.connected:
                    self._arriving.discard(transport)
                elif transport.handshaking:
                    transport.on_timer(now)
        second = any(tick % 50 == 0 for tick in ticks)
        failed: Exception | None = None
        for room in list(self.rooms.values()):
            try:
                self._tick_room(room, ticks, second, now)
            except Exception as error:  # a mistake of ours with one room must not cost the others their tick
                failed = error
        try:
            self.relay_table.tick(second, now)
        except Exception as error:
            failed = error
        if second:
            self._demux.each_second()
            for transport in list(self.transports):
                transport.watch(now)
        if failed is not None:
            raise failed

    def _tick_room(self, room: Room, ticks: range, second: bool, now: float) -> None:
        for uplink in room.uplinks.values():
            uplink.tick(now)
        if room.to_show:
            room.show_some(OFFERS_PER_TICK, now)
        if second:
            for uplink in room.uplinks.values():
                uplink.each_second(now)
        for subscription in list(room.repeating):
            subscription.repeat(now)
        subscriptions = list(room.subscriptions.values())
        # A fiftieth of them: what is looked at 50 times a second for each viewer is seen in the price of sound.
        for tick in ticks:
            for subscription in subscriptions[tick % 50 :: 50]:
                subscription.each_second(now)
            for subscription in subscriptions[tick % RECONSIDERED_EACH :: RECONSIDERED_EACH]:
                if subscription.viewer.restless:
                    subscription.viewer.reconsider(now)
                    room.restless[subscription.peer] = subscription
                else:
                    room.restless.pop(subscription.peer, None)
        for subscription in room.restless.values():
            subscription.viewer.pad(now)
