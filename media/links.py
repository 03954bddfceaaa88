"""All control links of this worker, and which of them is told what.

One is that of the process that started the worker; others come from nodes that have people in its rooms (listen.py). A
node that tells routes for a room has the room, and is told what concerns the room; the node that last spoke for a peer
is told what concerns the peer. Routes are ordered by their position, so it does not matter who tells them.

Media does not need the links. When a node dies its people go to another one, which adopts what they have here. A room
that no node has any more is kept for as long as the last one that had it wants.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import structlog
from msgspec.structs import replace

from media.link import Link, framed
from media.room import Room
from protocol.codec import BadMessage
from protocol.control import (
    Drain,
    Failed,
    Heartbeat,
    PeerAdopt,
    PeerClose,
    PeerMoved,
    PeerState,
    Prefer,
    PublishAnswer,
    PublishOffer,
    RoomClosed,
    Routes,
    RoutesApplied,
    RoutesKnown,
    RoutesWanted,
    ServerMessage,
    Shutdown,
    Stats,
    SubscribeAnswer,
    SubscribeOpen,
    SubscribeRestart,
    WorkerMessage,
    WorkerWelcome,
)

# Nothing is kept for longer, whatever a node says: a grace period is an hour at most.
MAX_KEPT_S = 7200.0

# Said by the node that a peer is connected to.
_SPEAKS_FOR = PublishOffer | SubscribeOpen | SubscribeRestart | SubscribeAnswer | PeerAdopt | PeerClose
# Said to who has asked, and to nobody else.
_ANSWERS = PublishAnswer | Failed | Stats | RoutesKnown | RoutesWanted | PeerState

log = structlog.get_logger("media.links")


class Links:
    """`handle(message)` does what a message says; `rooms` are the worker's."""

    def __init__(self, rooms: dict[str, Room], handle: Callable[[ServerMessage], None]) -> None:
        self._links: dict[Link, float] = {}  # when its next heartbeat is due
        self._rooms = rooms
        self._handle = handle
        self._asking: Link | None = None

    # --- coming and going ---------------------------------------------------------------------------

    def joined(self, link: Link, welcome: WorkerWelcome) -> None:
        """The link is up; its first heartbeat follows with the next call of `beat`."""
        link.heartbeat_s = min(60.0, max(0.1, welcome.heartbeat_s))
        link.kept_s = min(MAX_KEPT_S, max(0.0, welcome.kept_s))
        self._links[link] = 0.0

    def left(self, link: Link) -> None:
        """The link is gone. What it opened stays until somebody says otherwise."""
        self._links.pop(link, None)
        for room in self._rooms.values():
            self._leave(room, link)

    def _leave(self, room: Room, link: Link) -> None:
        room.links.discard(link)
        for peer in [peer for peer, owner in room.owners.items() if owner is link]:
            del room.owners[peer]
        if not room.links and room.kept_until is None:
            room.kept_until = time.monotonic() + link.kept_s

    def orphaned(self, now: float) -> list[str]:
        """The rooms that no node has had for so long that none will come."""
        found = [id for id, room in self._rooms.items() if room.kept_until is not None and now > room.kept_until]
        for room in found:
            log.warning("a room is closed that no node has had for a while", room=room)
        return found

    # --- what is heard ------------------------------------------------------------------------------

    def received(self, link: Link, message: ServerMessage) -> None:
        """Do what a message of a link says. Raises `BadMessage` for one that the link must not say."""
        if isinstance(message, Drain | Shutdown) and not link.home:
            raise BadMessage("a node does not end a worker")
        room = self._rooms.get(getattr(message, "room", ""))
        if isinstance(message, RoomClosed) and room is not None and room.links - {link}:
            self._leave(room, link)
            return
        if isinstance(message, Prefer) and room is not None and room.owners.get(message.peer, link) is not link:
            return  # said while the peer went to another node
        if isinstance(message, _SPEAKS_FOR) and room is not None:
            self._speaks_for(link, room, message.peer)
        self._asking = link
        try:
            self._handle(message)
        except Exception:
            # A mistake of ours with one peer's message must not cost all the others their media.
            log.exception("a message raised", kind=type(message).__name__)
        finally:
            self._asking = None
        if isinstance(message, Routes):
            self._has(link, message.room)

    def _has(self, link: Link, id: str) -> None:
        room = self._rooms.get(id)
        if room is not None and link not in room.links:
            room.links.add(link)
            room.kept_until = None
            room.tell_speakers_again()

    def _speaks_for(self, link: Link, room: Room, peer: str) -> None:
        if peer not in room.peers:
            return
        former = room.owners.get(peer)
        if former is link:
            return
        room.owners[peer] = link
        if former is not None:
            former.send(PeerMoved(room=room.id, peer=peer))

    # --- what is said -------------------------------------------------------------------------------

    def send(self, message: WorkerMessage) -> None:
        """Tell whom it concerns."""
        frame = b""
        for link in self._meant(message):
            frame = frame or framed(message)
            link.write(frame)

    def _meant(self, message: WorkerMessage) -> Iterable[Link]:
        asking = () if self._asking is None else (self._asking,)
        if isinstance(message, _ANSWERS):
            return asking
        room = self._rooms.get(getattr(message, "room", ""))
        if room is None:
            return ()
        if isinstance(message, RoutesApplied):
            return {*room.links, *asking}
        peer = getattr(message, "peer", None)
        if peer is None:
            return tuple(room.links)
        owner = room.owners.get(peer)
        return () if owner is None else (owner,)

    def beat(self, now: float, heartbeat: Callable[[], Heartbeat]) -> None:
        """Tell each link that it is time for that the worker lives, and where its rooms are."""
        due = [link for link, at in self._links.items() if now >= at]
        if not due:
            return
        common = heartbeat()
        for link in due:
            self._links[link] = now + link.heartbeat_s
            mine = {id: room for id, room in self._rooms.items() if link in room.links}
            positions = {id: room.position for id, room in mine.items()}
            relays = {id: revision for id, revision in common.relays.items() if id in mine}
            others = self._others(link)
            link.send(
                replace(
                    common,
                    positions=positions,
                    relays=relays,
                    elsewhere=sum(others.values()),
                    others={id: count for id, count in others.items() if id in mine},
                    nodes=len({link}.union(*(room.links for room in self._rooms.values()))),
                )
            )

    def _others(self, link: Link) -> dict[str, int]:
        """Room → how many view in it for whom this link does not speak."""
        found = {}
        for id, room in self._rooms.items():
            count = sum(room.owners.get(peer) is not link for peer in room.subscriptions)
            if count:
                found[id] = count
        return found

    def hurry(self) -> None:
        """All heartbeats are due now: they have something new to say."""
        self._links = dict.fromkeys(self._links, 0.0)
