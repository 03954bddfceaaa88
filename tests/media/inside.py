"""A worker's router on a real socket in the test's own process: for tests that look inside, or reach in."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from media.demux import Demux
from media.dtls import DtlsContext
from media.egress import Downlink
from media.limits import Limits
from media.router import Router
from media.track import Track
from media.udp import Address, UdpPort
from media.worker import TICK
from protocol.control import (
    Failed,
    LayersWanted,
    PublishAnswer,
    PublishOffer,
    Routes,
    SubscribeAnswer,
    SubscribeOffer,
    SubscribeOpen,
    TrackRoute,
    WorkerMessage,
)


class Inside:
    """A room `r`. `offered(offer)` is called with each offer to a viewer, `wanted` with what a publisher is to send."""

    def __init__(self, peers: dict[str, str], tracks: tuple[TrackRoute, ...], address: str = "127.0.0.1") -> None:
        self.dropped: Counter[str] = Counter()
        self.said: list[WorkerMessage] = []
        self.offered: Callable[[SubscribeOffer], None] = lambda offer: None
        self.wanted: Callable[[LayersWanted], None] = lambda wanted: None
        demux = Demux(self.dropped)
        self.port = UdpPort(address, 0, self._datagram, lambda: self.router.drained(), self.dropped)
        self.router = Router(self.port, demux, DtlsContext(), (address,), self._say, self.dropped, Limits())
        self.router.routes(Routes(room="r", epoch=1, version=1, peers=peers, tracks=tracks))
        self._demux = demux
        self._requests = itertools.count(1)
        self._generations = itertools.count(1)

    def _datagram(self, length: int, address: Address) -> None:
        self._demux.datagram(self.port, length, address)

    def _say(self, message: WorkerMessage) -> None:
        self.said.append(message)
        if isinstance(message, SubscribeOffer):
            self.offered(message)
        elif isinstance(message, LayersWanted):
            self.wanted(message)

    def track(self, id: str) -> Track:
        return self.router.rooms["r"].tracks[id]

    def downlink(self, track: str, peer: str) -> Downlink:
        """What carries a track to a viewer."""
        return next(each for each in self.track(track).viewers if each.transport.peer.peer == peer)

    def publish(self, peer: str, sdp: str, bindings: dict[str, str], restart: bool = False) -> str:
        """The answer to a publisher's offer. Raises `ValueError` with the worker's sentence."""
        request = next(self._requests)
        self.router.publish_offer(
            PublishOffer(request=request, room="r", peer=peer, sdp=sdp, bindings=bindings, restart=restart)
        )
        for message in self.said:
            if isinstance(message, Failed) and message.request == request:
                raise ValueError(message.message)
            if isinstance(message, PublishAnswer) and message.request == request:
                return message.sdp
        raise AssertionError("the worker said nothing")

    def subscribe(self, peer: str) -> None:
        """A new subscribe connection; its offers go to `offered`."""
        self.router.subscribe_open(SubscribeOpen(room="r", peer=peer, generation=next(self._generations)))

    def answer(self, peer: str, generation: int, revision: int, sdp: str) -> None:
        """A viewer's answer."""
        self.router.subscribe_answer(
            SubscribeAnswer(room="r", peer=peer, generation=generation, revision=revision, sdp=sdp)
        )

    async def _ticks(self) -> None:
        while True:
            self.router.tick(time.monotonic())
            await asyncio.sleep(TICK)


@contextlib.asynccontextmanager
async def running_inside(peers: dict[str, str], tracks: tuple[TrackRoute, ...]) -> AsyncIterator[Inside]:
    """See the module."""
    inside = Inside(peers, tracks)
    inside.port.start(asyncio.get_running_loop())
    ticks = asyncio.create_task(inside._ticks())
    try:
        yield inside
        assert not ticks.done(), ticks.exception()
    finally:
        ticks.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticks
        inside.router.close()
        inside.port.close()
