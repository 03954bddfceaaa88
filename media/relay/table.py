"""All links of a worker to others: opened and closed as the control plane says, and whose datagram it is.

Two workers may have several rooms in common, and all that one sends to the other comes from one address. Which link a
packet is of its SSRC tells: that of reports follows from the link's secret, those of media have been announced. What
fits none is dropped before anything is decrypted.
"""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from media.layer import Layer
from media.limits import Limits
from media.relay.feed import MAX_LINES, Feed
from media.relay.path import RelayPath, Way
from media.relay.source import Source
from media.room import Room
from media.securepath import PeerName
from media.srtp import PacketBuffer
from media.udp import Address, UdpPort
from protocol.control import (
    RelayChanged,
    RelayLink,
    RelayRefused,
    RoomRecorder,
    RoomRelays,
    TransportState,
    WorkerMessage,
)

# Names of links that were closed, which must not be opened again under the same keys.
MAX_CLOSED = 10_000
# A worker feeds a handful; this bounds a mistake of the control plane.
MAX_FEEDS = 64


def link_limits(limits: Limits) -> Limits:
    """What a whole room may bring, where `limits` are those of one peer. A worker at its limit sends 100,000 packets a
    second to all its viewers; a fifth of that over one link is more than any stage has."""
    return replace(
        limits,
        packets_per_s=20_000,
        publisher_bitrate=1_000_000_000,
        publisher_rtcp_per_s=2000,
        ssrcs=2 * MAX_LINES,
        viewer_rtcp_per_s=2000,
        viewer_nacked_per_s=20_000,
        # Requests come from a worker that has made one of many already.
        viewer_keyframe_interval_ms=limits.keyframe_interval_ms,
        repeated_packets_per_s=4000,
        repeated_bitrate=40_000_000,
    )


class _RoomLinks:
    """What they were said to be last, and when: all links between workers, or the one to a recorder."""

    def __init__(self) -> None:
        self.position = (0, 0)
        self.open: dict[str, Feed | Source] = {}


class RelayTable:
    """See the module. `ready(room, layer)`: a layer has packets to forward in this turn."""

    def __init__(
        self,
        port: UdpPort,
        dropped: Counter[str],
        limits: Limits,
        send: Callable[[WorkerMessage], None],
        ready: Callable[[Room, Layer], None],
        taken: Callable[[Address], None],
    ) -> None:
        """`taken(address)` is called when an address is known as another worker's: it is no peer's any more."""
        self._port = port
        self._dropped = dropped
        self._limits = link_limits(limits)
        self._send = send
        self._ready = ready
        self._taken = taken
        self._rooms: dict[str, _RoomLinks] = {}
        self._recorded: dict[str, _RoomLinks] = {}
        self._addresses: Counter[Address] = Counter()  # how many links name it
        self._reports: dict[int, RelayPath] = {}
        self._media: dict[tuple[Address, int], RelayPath] = {}
        self._closed: dict[str, None] = {}
        self._ssrcs: set[int] = set()

    @property
    def revisions(self) -> dict[str, int]:
        """Room → what its links were said to be last."""
        return {room: links.position[1] for room, links in self._rooms.items()}

    def revision(self, room: str) -> int:
        """What the links of a room were said to be last; 0 before anything was."""
        links = self._rooms.get(room)
        return links.position[1] if links is not None else 0

    # --- opened and closed ------------------------------------------------------------------------

    def apply(self, room: Room, message: RoomRelays, now: float) -> None:
        """Bring the room's links to what the message says, unless something newer was said before. What is said again
        is tried again: whoever says it may not have heard that a link is refused."""
        links = self._rooms.setdefault(room.id, _RoomLinks())
        self._bring(links, room, (0, message.revision), message.feeds[:MAX_FEEDS], message.source, now)

    def record(self, room: Room, message: RoomRecorder, now: float) -> None:
        """The same for the link to a recorder."""
        links = self._recorded.setdefault(room.id, _RoomLinks())
        feeds = (message.feed,) if message.feed is not None else ()
        self._bring(links, room, (message.recording, message.revision), feeds, None, now)

    def _bring(
        self,
        links: _RoomLinks,
        room: Room,
        position: tuple[int, int],
        feeds: Iterable[RelayLink],
        source: RelayLink | None,
        now: float,
    ) -> None:
        if position < links.position:
            return
        links.position = position
        wanted = {each.link: each for each in feeds}
        if source is not None:
            wanted[source.link] = source
        for name in [name for name in links.open if name not in wanted]:
            self._close(links, name, now)
        for name, each in wanted.items():
            if name not in links.open:
                self._open(links, room, each, feeds=each is not source)

    def close_room(self, room: str, now: float) -> None:
        """The room is gone."""
        for links in (self._rooms.pop(room, None), self._recorded.pop(room, None)):
            if links is not None:
                for name in list(links.open):
                    self._close(links, name, now)

    def _open(self, links: _RoomLinks, room: Room, link: RelayLink, *, feeds: bool) -> None:
        try:
            secret = bytes.fromhex(link.secret)
        except ValueError:
            secret = b""
        if link.link in self._closed:
            self._dropped["relay_refused"] += 1
            self._send(RelayRefused(room=room.id, link=link.link))
            return
        if len(secret) < 32:
            self._dropped["relay_refused"] += 1
            return
        candidates = tuple(
            address for host, number in link.far if (address := self._port.address_of(host, number)) is not None
        )
        changed = self._changed(room.id, link.link)
        end: Feed | Source
        if feeds:
            end = Feed(room, self._dropped, self._limits, self._new_ssrc, changed)
            ways = Way.DOWN, Way.UP
        else:
            end = Source(
                room,
                self._port,
                self._dropped,
                self._limits,
                lambda layer: self._ready(room, layer),
                lambda ssrc: self._announced(path, ssrc),
                lambda ssrc: self._withdrawn(path, ssrc),
                changed,
            )
            ways = Way.UP, Way.DOWN
        name = PeerName(room.id, link.link)
        path = RelayPath(self._port, name, secret, ways, candidates, end, self._dropped, self._limits)
        if path.far_ssrc in self._reports:  # one in four thousand million: another secret will do
            self._dropped["relay_refused"] += 1
            self._send(RelayRefused(room=room.id, link=link.link))
            return
        end.start(path)
        links.open[link.link] = end
        self._reports[path.far_ssrc] = path
        for address in candidates:
            self._addresses[address] += 1
            self._taken(address)

    def _close(self, links: _RoomLinks, name: str, now: float) -> None:
        end = links.open.pop(name)
        path = end.path
        if isinstance(end, Feed):
            self._ssrcs -= end.ssrcs
            end.close(now)
        else:
            end.close()
        self._closed[name] = None
        if len(self._closed) > MAX_CLOSED:
            del self._closed[next(iter(self._closed))]
        del self._reports[path.far_ssrc]
        for key in [key for key, owner in self._media.items() if owner is path]:
            del self._media[key]
        self._addresses.subtract(path.candidates)
        self._addresses += Counter()  # without those that no link names any more

    def _changed(self, room: str, link: str) -> Callable[[TransportState], None]:
        def changed(state: TransportState) -> None:
            self._send(RelayChanged(room=room, link=link, connected=state is TransportState.CONNECTED))

        return changed

    def _new_ssrc(self) -> int:
        """One that is not used towards any worker: theirs tell our packets apart by it."""
        while (ssrc := secrets.randbits(32)) in self._ssrcs or ssrc == 0:
            pass
        self._ssrcs.add(ssrc)
        return ssrc

    def _announced(self, path: RelayPath, ssrc: int) -> None:
        for address in path.candidates:
            self._media.setdefault((address, ssrc), path)

    def _withdrawn(self, path: RelayPath, ssrc: int) -> None:
        for address in path.candidates:
            if self._media.get((address, ssrc)) is path:
                del self._media[address, ssrc]

    # --- datagrams --------------------------------------------------------------------------------

    def knows(self, address: Address) -> bool:
        """Whether another worker may be there."""
        return address in self._addresses

    def rtp(self, buffer: PacketBuffer, length: int, address: Address) -> None:
        """An SRTP packet from an address that is known."""
        path = self._media.get((address, int.from_bytes(buffer.view[8:12], "big")))
        if path is None:
            self._dropped["relay_unknown"] += 1
        else:
            path.receive_rtp(buffer, length)

    def rtcp(self, buffer: PacketBuffer, length: int, address: Address, now: float) -> None:
        """An SRTCP packet from an address that is known."""
        path = self._reports.get(int.from_bytes(buffer.view[4:8], "big"))
        if path is None or address not in path.candidates:
            self._dropped["relay_unknown"] += 1
        else:
            path.datagram_rtcp(buffer, length, address, now)

    # --- time -------------------------------------------------------------------------------------

    @property
    def hurried(self) -> bool:
        """Whether `tick` is to be called each 20 ms; without a link it does not matter."""
        return any(links.open for links in self._all())

    def tick(self, second: bool, now: float) -> None:
        """To be called each 20 ms; `second`: once in a second."""
        for links in self._all():
            for end in links.open.values():
                end.tick(now)
                if second:
                    end.each_second(now)

    def _all(self) -> Iterable[_RoomLinks]:
        return itertools.chain(self._rooms.values(), self._recorded.values())
