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
from media.forward import forward
from media.ingest import Uplink
from media.publication import publication
from media.room import Room
from media.sdp import LocalTransport, SdpError, parse, write
from media.subscription import Subscription
from media.track import Track
from media.transport import Receiver, Transport
from media.udp import UdpPort
from protocol.control import (
    Direction,
    Failed,
    PeerClose,
    PublishAnswer,
    PublishOffer,
    RoomClosed,
    Routes,
    RoutesApplied,
    RoutesWanted,
    SubscribeAnswer,
    SubscribeOpen,
    TransportChanged,
    TransportState,
    WorkerMessage,
)
from protocol.errors import Code

# Making an offer takes some 100 µs: a slice of these stays below 5 ms.
OFFERS_PER_TICK = 40


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
    ) -> None:
        self.rooms: dict[str, Room] = {}
        self.transports: set[Transport] = set()
        self._port = port
        self._demux = demux
        self._context = context
        self._addresses = addresses
        self._send = send
        self._dropped = dropped
        self._ready: list[Track] = []
        self._session = 0
        self._ticks = 0

    # --- the server's messages ----------------------------------------------------------------------

    def routes(self, message: Routes) -> None:
        """Bring a room to where the routes say, if that is ahead of where it is."""
        room = self.rooms.get(message.room)
        position = (message.epoch, message.version)
        if room is not None and position <= room.position:
            return
        if message.base is not None and (room is None or room.position != (message.epoch, message.base)):
            self._send(RoutesWanted(room=message.room))
            return
        if room is None:
            room = self.rooms[message.room] = Room(message.room, message.epoch)
        now = time.monotonic()
        for peer in room.apply(message, now):
            self._close_peer(room, peer)
        self._send(RoutesApplied(room=room.id, epoch=room.epoch, version=room.version))
        room.show_some(OFFERS_PER_TICK, now)

    def room_closed(self, message: RoomClosed) -> None:
        """Forget a room with all that is in it."""
        room = self.rooms.pop(message.room, None)
        if room is not None:
            for peer in {**room.uplinks, **room.subscriptions}:
                self._close_peer(room, peer)

    def peer_close(self, message: PeerClose) -> None:
        """Close a peer's connections; it may open new ones as long as the routes list it."""
        room = self.rooms.get(message.room)
        if room is not None:
            self._close_peer(room, message.peer)

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
            found = publication(offer, wanted)
        except SdpError as error:
            self._send(Failed(request=message.request, code=Code.BAD_OFFER, message=str(error)))
            return
        used = next(section for section in offer.sections if not section.rejected)
        uplink = room.uplinks.get(message.peer)
        transport = uplink.transport if uplink is not None else None
        if transport is not None and (message.restart or transport.fingerprints != used.fingerprints):
            self._end_uplink(room, message.peer)
            uplink = None
        if uplink is None:
            uplink = self._new_uplink(room, message.peer)
        transport = uplink.transport
        assert transport is not None
        if transport.remote_ufrag and transport.remote_ufrag != used.ufrag:
            for ufrag in transport.new_credentials():
                self._demux.ufrags.pop(ufrag, None)
            self._demux.register(transport)
        transport.remote_ufrag = used.ufrag
        transport.expect(used.fingerprints)
        uplink.bind(found.lines, found.extensions, found.transport_cc)
        self._session += 1
        local = LocalTransport(
            transport.ufrag, transport.password, self._context.fingerprint, self._addresses, self._port.port
        )
        answer = write(found.answer, local, "passive", self._session, message.request & 0x7FFFFFFF)
        self._send(PublishAnswer(request=message.request, sdp=answer))
        for line in found.lines:
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
        subscription = Subscription(room.id, message.peer, message.generation, self._dropped, self._send, changed)
        transport = self._new_transport(room, message.peer, Direction.SUBSCRIBE, subscription)
        subscription.start(transport, self._context.fingerprint, self._addresses, self._port.port)
        room.subscriptions[message.peer] = subscription
        subscription.show(room.visible(message.peer), time.monotonic())

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

    def _room_of(self, id: str, peer: str) -> Room | None:
        room = self.rooms.get(id)
        if room is None:
            self._send(RoutesWanted(room=id))
            return None
        return room if peer in room.peers else None

    # --- connections --------------------------------------------------------------------------------

    def _new_transport(self, room: Room, peer: str, direction: Direction, receiver: Receiver) -> Transport:
        transport = Transport(
            self._port, self._context, room.names[peer], direction, receiver, self._dropped, self._forget
        )
        self.transports.add(transport)
        self._demux.register(transport)
        return transport

    def _forget(self, transport: Transport) -> None:
        self.transports.discard(transport)
        self._demux.forget(transport)

    def _new_uplink(self, room: Room, peer: str) -> Uplink:
        uplink = Uplink(self._dropped, self._ready.append, room.level, partial(self._uplink_changed, room, peer))
        uplink.transport = self._new_transport(room, peer, Direction.PUBLISH, uplink)
        room.uplinks[peer] = uplink
        return uplink

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
        for track in self._ready:
            forward(track, self._port, now, self._dropped)
        self._ready.clear()

    def tick(self, now: float) -> None:
        """Each 20 ms: requests and feedback to publishers, handshakes, offers that wait; each second, spread over
        the ticks by connection, reports and silence."""
        self._ticks += 1
        if self._ticks % 5 == 0:  # the first repetition is due after a second: this need not be finer
            for transport in [transport for transport in self.transports if transport.handshaking]:
                transport.on_timer(now)
        turn = self._ticks % 50
        for room in self.rooms.values():
            for uplink in room.uplinks.values():
                uplink.tick(now)
            if room.to_show:
                room.show_some(OFFERS_PER_TICK, now)
            if turn == 0:
                for uplink in room.uplinks.values():
                    uplink.each_second(now)
            for index, subscription in enumerate(list(room.subscriptions.values())):
                if index % 50 == turn:
                    subscription.each_second(now)
        if turn == 0:
            for transport in list(self.transports):
                transport.watch(now)
