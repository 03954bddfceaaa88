"""One room on two and three real worker processes: whoever publishes on one is seen and heard on the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator

from msgspec.structs import replace

from media.relay.path import Way, derived
from protocol.control import (
    Heartbeat,
    LayersWanted,
    PeerClose,
    RelayChanged,
    RelayLink,
    RelayRefused,
    RoomRelays,
    RoutesApplied,
    RoutesWanted,
    TrackRoute,
    WorkerMessage,
)
from tests.chaos import UdpChaos, Weather
from tests.harness import until
from tests.media.peers import Publisher, Viewer
from tests.media.worker_process import FakeServer, route, running_worker

log = logging.getLogger(__name__)

PEERS = {"anna": "stage", "vera": "audience", "otto": "audience", "uwe": "audience"}


def tracks(audio: bool = True, video: bool = True) -> tuple[TrackRoute, ...]:
    return (
        route("anna", "audio", "stage", "audience", open=audio),
        route("anna", "video", "stage", "audience", open=video),
    )


class Between:
    """What passes between two workers; to the fed one the other is at port `near`. `packets` counts each RTP packet of
    the way down by (SSRC, number)."""

    def __init__(self, chaos: UdpChaos, near: int) -> None:
        self.chaos = chaos
        self.near = near
        self.packets: Counter[tuple[int, int]] = Counter()
        self.link = secrets.token_hex(8)
        self.secret = secrets.token_hex(32)
        self.last = time.monotonic()
        chaos.seen = self._seen

    def _seen(self, way: str, data: bytes) -> None:
        if way == "up" and not 192 <= data[1] <= 223:
            self.packets[int.from_bytes(data[8:12], "big"), int.from_bytes(data[2:4], "big")] += 1
            self.last = time.monotonic()

    @property
    def ssrcs(self) -> set[int]:
        return {ssrc for ssrc, _ in self.packets}


def port(server: FakeServer) -> int:
    assert server.hello is not None
    return server.hello.udp_port


@contextlib.asynccontextmanager
async def between(feeder: FakeServer, fed: FakeServer) -> AsyncIterator[Between]:
    """A path between two workers. Each of them believes the other to be where the path begins."""
    async with UdpChaos(("127.0.0.1", port(fed))) as chaos:
        yield Between(chaos, await chaos.expect(("127.0.0.1", port(feeder))))


def ends(path: Between) -> tuple[RelayLink, RelayLink]:
    """What the feeding and the fed worker are told."""
    return (
        RelayLink(link=path.link, secret=path.secret, far=(("127.0.0.1", path.chaos.port),)),
        RelayLink(link=path.link, secret=path.secret, far=(("127.0.0.1", path.near),)),
    )


async def join(feeder: FakeServer, fed: FakeServer, path: Between, revision: int = 1) -> None:
    at_feeder, at_fed = ends(path)
    feeder.send(RoomRelays(room="r", revision=revision, feeds=(at_feeder,)))
    fed.send(RoomRelays(room="r", revision=revision, source=at_fed))
    await feeder.expect(RelayChanged, link=path.link, connected=True)
    await fed.expect(RelayChanged, link=path.link, connected=True)


async def tell(*servers: FakeServer, audio: bool = True, video: bool = True) -> None:
    await asyncio.gather(*(server.routes(tracks(audio, video), PEERS) for server in servers))


class Stage:
    """Anna publishes on `first`, Vera and Otto watch on `further`."""

    def __init__(self, first: FakeServer, further: FakeServer, path: Between) -> None:
        self.first, self.further, self.path = first, further, path
        self.publisher = Publisher(first, "anna")
        self.vera, self.otto = Viewer(further, "vera"), Viewer(further, "otto")

    async def seen(self, more: int = 5) -> None:
        for viewer in (self.vera, self.otto):
            await viewer.sees("anna/video", more)
            await viewer.sees("anna/audio", more)


@contextlib.asynccontextmanager
async def stage(weather: Weather | None = None) -> AsyncIterator[Stage]:
    async with running_worker() as first, running_worker() as further, between(first, further) as path:
        if weather is not None:
            path.chaos.up = path.chaos.down = weather
        await tell(first, further)
        await join(first, further, path)
        found = Stage(first, further, path)
        try:
            await found.vera.start()
            await found.otto.start()
            await found.publisher.start()
            yield found
        finally:
            await found.vera.close()
            await found.otto.close()
            await found.publisher.pc.close()


async def test_who_publishes_on_one_worker_is_seen_on_another_and_each_packet_crosses_once() -> None:
    async with stage() as found:
        await found.seen(20)
        assert len(found.path.ssrcs) == 2, "one for the sound, one for the picture"
        crossed = len(found.path.packets)
        assert set(found.path.packets.values()) == {1}
        picture, sound = await found.first.report("anna/video"), await found.first.report("anna/audio")
        assert crossed <= picture.received + sound.received
        assert (await found.further.report("anna/video")).viewers == 2
        assert (await found.further.report("anna/video")).codec == "VP8"
        # Who has just come sees something at once: the key frame is asked for over the link.
        asked = (await found.first.report("anna/video")).keyframes_asked
        began = time.monotonic()
        uwe = Viewer(found.further, "uwe")
        try:
            await uwe.start()
            await uwe.sees("anna/video", 1)
            log.info(f"first picture after {time.monotonic() - began:.2f} s")
            assert (await found.first.report("anna/video")).keyframes_asked > asked
        finally:
            await uwe.close()


async def test_what_the_routes_close_ends_at_both_ends_within_a_quarter_of_a_second() -> None:
    async with stage() as found:
        await found.seen()
        began = time.monotonic()
        said: list[float] = []

        def heard(message: WorkerMessage) -> None:
            if isinstance(message, RoutesApplied) and message.closed:
                said.append((time.monotonic() - began) * 1000 - min(message.closed.values()))

        found.first.listener = found.further.listener = heard
        await tell(found.first, found.further, audio=False, video=False)
        log.info(f"last packets {said[0]:.1f} and {said[1]:.1f} ms after the command")
        assert len(said) == 2
        assert max(said) < 250
        await asyncio.sleep(0.1)  # what was on the link
        crossed, before = len(found.path.packets), await found.further.report("anna/audio")
        await asyncio.sleep(0.5)
        assert len(found.path.packets) == crossed, "the feeding worker sends nothing"
        assert (await found.further.report("anna/audio")).forwarded == before.forwarded
        await tell(found.first, found.further)
        await found.seen()


async def test_each_end_closes_by_itself() -> None:
    async with stage() as found:
        await found.seen()
        # The further worker is told, the first one not yet: what comes is not let through.
        await tell(found.further, audio=False, video=False)
        closed = await found.further.report("anna/audio")
        crossed = len(found.path.packets)
        await asyncio.sleep(0.5)
        assert len(found.path.packets) > crossed
        assert (await found.further.report("anna/audio")).forwarded == closed.forwarded
        # The other way round: nothing comes.
        await tell(found.further)
        await found.seen()
        await tell(found.first, audio=False, video=False)
        await asyncio.sleep(0.1)
        crossed = len(found.path.packets)
        await asyncio.sleep(0.5)
        assert len(found.path.packets) == crossed


async def test_a_link_that_loses_is_made_up_for() -> None:
    async with stage(Weather(loss=0.08, reorder=0.05, delay=0.01, jitter=0.005)) as found:
        await found.seen()
        sent, decoded = found.publisher.picture.sent, found.vera.frames["anna/video"]
        await found.vera.sees("anna/video", 60, within=30)
        sent, decoded = found.publisher.picture.sent - sent, found.vera.frames["anna/video"] - decoded
        repaired = (await found.further.report("anna/video")).repaired
        log.info(f"{decoded} of {sent} pictures, {repaired} packets made up for, {found.path.chaos.lost} lost")
        assert found.path.chaos.lost["up"] > 5
        assert decoded >= 0.9 * sent - 3
        assert repaired > 0


async def test_forged_packets_are_dropped_and_counted() -> None:
    async with stage() as found:
        await found.seen()
        (ssrc, number), *_ = found.path.packets
        inside = next(iter(found.path.chaos._inside.values()))
        _, report_ssrc = derived(bytes.fromhex(found.path.secret), found.path.link, Way.DOWN)
        before = (await found.further.heartbeat()).dropped
        for n in range(50):
            known = b"\x80\x60" + (number + 5000 + n & 0xFFFF).to_bytes(2, "big") + bytes(4) + ssrc.to_bytes(4, "big")
            inside.sendto(known + secrets.token_bytes(100))  # in the other worker's name, as one of its tracks
            inside.sendto(known[:8] + secrets.token_bytes(104))  # as something that nobody has announced
            inside.sendto(b"\x80\xc9\0\x01" + report_ssrc.to_bytes(4, "big") + secrets.token_bytes(40))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(known + secrets.token_bytes(100), ("127.0.0.1", port(found.further)))
        await asyncio.sleep(0.3)
        after = (await found.further.heartbeat()).dropped
        counted = {reason: after.get(reason, 0) - before.get(reason, 0) for reason in after}
        log.info(f"dropped: { {reason: count for reason, count in counted.items() if count} }")
        assert counted["srtp"] >= 50
        assert counted["srtcp"] >= 50
        assert counted["relay_unknown"] >= 50
        assert counted["unknown_address"] >= 50
        await found.seen()


async def test_another_key_and_a_name_that_was_used_are_refused() -> None:
    async with running_worker() as first, running_worker() as further, between(first, further) as path:
        await tell(first, further)
        first.send(RoomRelays(room="elsewhere", revision=1))
        await first.expect(RoutesWanted, room="elsewhere")
        at_first, at_further = ends(path)
        first.send(RoomRelays(room="r", revision=1, feeds=(at_first,)))
        wrong = secrets.token_hex(32)
        further.send(RoomRelays(room="r", revision=1, source=replace(at_further, secret=wrong)))
        await asyncio.sleep(1.0)
        assert not first.all(RelayChanged)
        assert not further.all(RelayChanged)
        assert (await further.heartbeat()).dropped["relay_unknown"] > 0
        # The right key under the same name: it was open, under another key or not.
        further.send(RoomRelays(room="r", revision=2))
        further.send(RoomRelays(room="r", revision=3, source=at_further))
        await further.expect(Heartbeat, relays={"r": 3})
        await further.expect(RelayRefused, room="r", link=path.link)
        assert (await further.heartbeat()).dropped["relay_refused"] == 1
        # An older word changes nothing, and a new name is taken.
        further.send(RoomRelays(room="r", revision=2))
        path.link = secrets.token_hex(8)
        await join(first, further, path, revision=4)


async def test_a_chain_of_three_and_a_picture_that_nobody_looks_at() -> None:
    async with (
        running_worker() as first,
        running_worker() as second,
        running_worker() as third,
        between(first, second) as upper,
        between(second, third) as lower,
    ):
        await tell(first, second, third)
        at_first, at_second = ends(upper)
        feeds, source = ends(lower)
        first.send(RoomRelays(room="r", revision=1, feeds=(at_first,)))
        second.send(RoomRelays(room="r", revision=1, source=at_second, feeds=(feeds,)))
        third.send(RoomRelays(room="r", revision=1, source=source))
        publisher, vera, otto = Publisher(first, "anna"), Viewer(third, "vera"), Viewer(second, "otto")
        try:
            await vera.start()
            await otto.start()
            await publisher.start()
            for viewer in (vera, otto):
                await viewer.sees("anna/video")
                await viewer.sees("anna/audio")
            assert set(upper.packets.values()) == set(lower.packets.values()) == {1}
            # The only one there leaves: the last link carries nothing more, the first one goes on for Otto.
            third.send(PeerClose(room="r", peer="vera"))
            await until(lambda: time.monotonic() > lower.last + 0.5)
            crossed = len(lower.packets)
            await otto.sees("anna/video")
            assert len(lower.packets) == crossed
            assert not [said for said in first.all(LayersWanted) if not said.rids]
            # And he too: now the publisher is asked to send no picture.
            second.send(PeerClose(room="r", peer="otto"))
            await first.expect(LayersWanted, within=12, rids=())
        finally:
            await vera.close()
            await otto.close()
            await publisher.pc.close()


async def test_when_a_worker_between_dies_those_behind_it_are_fed_from_another() -> None:
    async with (
        running_worker() as first,
        running_worker(clean_exit=False) as second,
        running_worker() as third,
        between(first, second) as upper,
        between(second, third) as lower,
        between(first, third) as around,
    ):
        await tell(first, second, third)
        at_first, at_second = ends(upper)
        feeds, source = ends(lower)
        first.send(RoomRelays(room="r", revision=1, feeds=(at_first,)))
        second.send(RoomRelays(room="r", revision=1, source=at_second, feeds=(feeds,)))
        third.send(RoomRelays(room="r", revision=1, source=source))
        publisher, vera = Publisher(first, "anna"), Viewer(third, "vera")
        try:
            await vera.start()
            await publisher.start()
            await vera.sees("anna/video")
            assert second.process is not None
            second.process.kill()
            began = time.monotonic()
            at_first, at_third = ends(around)
            first.send(RoomRelays(room="r", revision=2, feeds=(at_first,)))
            third.send(RoomRelays(room="r", revision=2, source=at_third))
            await vera.sees("anna/video", 1)
            await vera.sees("anna/audio", 1)
            log.info(f"again after {time.monotonic() - began:.2f} s")
            await vera.sees("anna/video", 20)
        finally:
            await vera.close()
            await publisher.pc.close()
