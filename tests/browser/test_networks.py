"""Real browsers in networks that are not as one would like them: without UDP, with another address in mid-call, away
for seconds, or with nothing but a relay.

What has to happen in time is timed inside the page, from its first connection on: on a busy machine a page may take
longer to load than the network to be found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests import turn
from tests.browser.pages import (
    WITHOUT_TCP,
    Visitor,
    enter,
    enter_owner,
    guest_link,
    holds,
    plays,
    received,
    sounds,
    take_the_stage,
    until,
    visited_server,
)
from tests.chaos import UdpChaos
from tests.harness import Server
from tests.turn import Coturn

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTOCOLS = """
async () => {
  const found = new Set();
  for (const connection of window.__connections) {
    const stats = [...(await connection.getStats()).values()];
    for (const transport of stats.filter(({ type }) => type === 'transport')) {
      const pair = stats.find(({ id }) => id === transport.selectedCandidatePairId);
      const local = stats.find(({ id }) => id === pair?.localCandidateId);
      if (local) found.add(local.protocol);
    }
  }
  return [...found].sort();
}
"""

# How long it takes from the first connection that is made to five decoded pictures, in ms: `__took`.
TIMED = """
window.__took = 0;
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  static timed = false;
  constructor(...args) {
    super(...args);
    if (window.RTCPeerConnection.timed) return;
    window.RTCPeerConnection.timed = true;
    const begun = performance.now();
    const look = async () => {
      const stats = await Promise.all(window.__connections.map((connection) => connection.getStats()));
      const decoded = stats.flatMap((found) => [...found.values()]).some((entry) => entry.framesDecoded >= 5);
      if (decoded) window.__took = performance.now() - begun;
      else setTimeout(look, 50);
    };
    setTimeout(look, 50);
  }
};
"""

# As a browser whose network lets nothing through but to a relay.
RELAYS_ONLY = """
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(configuration, ...rest) { super({ ...configuration, iceTransportPolicy: 'relay' }, ...rest); }
};
"""

# What names a connection's way: of each that is open.
CREDENTIALS = """
() => window.__connections
  .filter(({ connectionState }) => connectionState !== 'closed')
  .map(({ currentLocalDescription }) => /a=ice-ufrag:(.*)/.exec(currentLocalDescription?.sdp ?? '')?.[1] ?? '')
"""


@dataclass
class Hall:
    """A conference whose owner sits beside the server."""

    server: Server
    page: Callable[..., Any]
    owner: Visitor

    async def visitor(self, role: str, *scripts: str) -> Visitor:
        """Somebody more, whose page has run these scripts first."""
        page = await self.page()
        for script in scripts:
            await page.add_init_script(script)
        return await enter(page, guest_link(self.server, role), role.title())

    def network(self) -> UdpChaos:
        """A network of UDP to the server's media."""
        return UdpChaos(("127.0.0.1", self.server.udp_ports[0]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with visited_server(tmp_path_factory.mktemp("hall") / "data") as (server, page):
        yield Hall(server, page, await enter_owner(server, page))


async def protocols(visitor: Visitor) -> list[str]:
    """What the page's connections use now."""
    found: list[str] = await visitor.page.evaluate(PROTOCOLS)
    return found


async def concealed(one: Visitor, other: Visitor) -> float:
    """Seconds of somebody's sound that a page had to do without so far."""
    return await received(one.page, other.track("audio"), "concealedSamples") / 48_000


async def test_without_udp_the_call_comes_up_over_tcp_within_eight_seconds(hall: Hall) -> None:
    async with hall.network() as network:
        network.block()
        speaker = await hall.visitor("speaker", network.lead(), TIMED)
        await plays(speaker.page, hall.owner.track("video"), frames=5)
        assert 0 < await speaker.page.evaluate("window.__took") < 8000, "from its first connection to decoded pictures"
        await sounds(speaker.page, hall.owner.track("audio"))
        await take_the_stage(speaker.page)
        # What it publishes goes by TCP too; the owner gets it by UDP, where that works.
        await plays(hall.owner.page, speaker.track("video"), frames=5)
        await sounds(hall.owner.page, speaker.track("audio"))
        assert network.lost["up"] > 0, "UDP was tried"
        assert await protocols(speaker) == ["tcp"] and await protocols(hall.owner) == ["udp"]
        await speaker.page.context.close()


async def test_another_address_and_seconds_without_a_network_are_survived_by_the_same_connections(hall: Hall) -> None:
    async with hall.network() as network:
        # Over TCP they would not notice.
        speaker = await hall.visitor("speaker", network.lead(), WITHOUT_TCP)
        await take_the_stage(speaker.page)
        pair = ((speaker, hall.owner), (hall.owner, speaker))
        for one, other in pair:
            await plays(one.page, other.track("video"), frames=5)
            await sounds(one.page, other.track("audio"))
        # A NAT that is restarted. What a decoder had to make up for is how long nothing came, in samples; it does not
        # matter how long this machine takes to say so.
        gaps = []
        for _ in range(3):
            before = [await concealed(one, other) for one, other in pair]
            network.rebind()
            await asyncio.sleep(3)
            for one, other in pair:
                await sounds(one.page, other.track("audio"))
            after = [await concealed(one, other) for one, other in pair]
            gaps.append(max(then - first for first, then in zip(before, after, strict=True)))
        assert sorted(gaps)[1] < 1.0 and max(gaps) < 3.0, gaps
        # A network that is away until the browser says so, and then another one.
        former = await speaker.page.evaluate(CREDENTIALS)
        network.block()
        disconnected = "window.__connections.every(({ connectionState }) => connectionState === 'disconnected')"
        await until(lambda: holds(speaker.page, disconnected), "both connections are cut off")
        network.rebind()
        network.up.loss = network.down.loss = 0.0
        for one, other in pair:
            await plays(one.page, other.track("video"), frames=5)
        latter = await speaker.page.evaluate(CREDENTIALS)
        assert len(former) == len(latter) == 2 and not set(former) & set(latter), "the same connections, each restarted"
        assert await holds(speaker.page, "window.__connections.length === 2"), "and no other was made"
        await speaker.page.context.close()


async def test_a_browser_that_reaches_nothing_but_the_relay_is_in_the_call(tmp_path: Path) -> None:
    async with Coturn(tmp_path / "turn", "127.0.0.1") as relay:
        told = {"PODIUM_TURN_URLS": relay.url, "PODIUM_TURN_SECRET": turn.SECRET}
        async with visited_server(tmp_path / "data", environment=told) as (server, page):
            hall = Hall(server, page, await enter_owner(server, page))
            speaker = await hall.visitor("speaker", RELAYS_ONLY)
            await take_the_stage(speaker.page)
            for one, other in ((speaker, hall.owner), (hall.owner, speaker)):
                await plays(one.page, other.track("video"), frames=5)
                await sounds(one.page, other.track("audio"))
        assert turn.SECRET not in relay.log
