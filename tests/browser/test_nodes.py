"""Real browsers in one conference on two nodes: they see and hear each other, and go on when nodes go.

The pages come by one address, as behind a reverse proxy; which node takes a connection is up to the test. Media workers
are programs of their own, so that a node can be killed without them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.browser.pages import (
    Visitor,
    enter,
    enter_owner,
    holds,
    is_shown,
    plays,
    screenshot,
    sounds,
    stands_still,
    take_the_stage,
    until,
)
from tests.conftest import FAKE_DEVICES, chromium_path, pages_of
from tests.far_worker import SECRET, FarWorker
from tests.harness import Server
from tests.redis_server import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The longest time in which no packet of a track came, in ms, looked at for so long.
LONGEST_GAP = """
async ([name, watch]) => {
  const id = window.podium.media.subscriber.tracks.get(name)?.id;
  const ends = performance.now() + watch;
  let count = -1, since = performance.now(), longest = 0;
  while (performance.now() < ends) {
    let found = 0;
    for (const connection of window.__connections) {
      if (connection.connectionState === 'closed') continue;
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp' && entry.trackIdentifier === id) found = entry.packetsReceived ?? 0;
      }
    }
    const now = performance.now();
    if (found > count) { count = found; since = now; }
    longest = Math.max(longest, now - since);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return longest;
}
"""


class Front:
    """The address that browsers know: each connection goes to the first node of `nodes` that takes it."""

    def __init__(self) -> None:
        self.nodes: list[Server] = []
        self.port = 0
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Front:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for node in list(self.nodes):
            with contextlib.suppress(OSError):
                back, forth = await asyncio.open_connection("127.0.0.1", node.port)
                break
        else:
            writer.transport.abort()
            return
        both = [asyncio.create_task(_copy(*ends)) for ends in ((reader, forth), (back, writer))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            writer.transport.abort()
            forth.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@dataclass
class Nodes:
    """The owner at the first node, a speaker and a viewer at the second, by an address of their own."""

    first: Server
    second: Server
    theirs: Front
    owner: Visitor
    sara: Visitor
    vera: Visitor

    async def order(self, type: str, **fields: Any) -> dict[str, Any]:
        """A command of the owner's page; the answer."""
        send = "([type, fields]) => window.podium.send(type, fields)"
        answer: dict[str, Any] = await self.owner.page.evaluate(send, [type, fields])
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nodes]:
    folder: Path = tmp_path_factory.mktemp("nodes")
    redis = RedisServer(folder / "r").start()
    workers = [FarWorker(redis.url).start() for _ in range(2)]
    servers = [
        Server(folder / name, "--workers", "0", "--redis", redis.url, "--grace-s", "60", environment=SECRET).start()
        for name in ("first", "second")
    ]
    first, second = servers
    try:
        async with async_playwright() as playwright, Front() as owners, Front() as theirs:
            owners.nodes, theirs.nodes = [first, second], [second, first]
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=[*FAKE_DEVICES])
            page = pages_of(browser)
            url = f"http://127.0.0.1:{owners.port}"
            first.printed["Owner"] = first.printed["Owner"].replace(first.url, url)
            owner = await enter_owner(first, page)
            link = f"http://127.0.0.1:{theirs.port}/c/{first.conference}#invite="
            sara = await enter(await page(), link + first.invite("speaker"), "Sara Speaker")
            vera = await enter(await page(), link + first.invite("viewer"), "Vera Viewer")
            for visitor in (owner, sara):
                await take_the_stage(visitor.page)
            yield Nodes(first, second, theirs, owner, sara, vera)
            await browser.close()
    finally:
        for server in servers:
            server.stop()
        for worker in workers:
            worker.stop()
        redis.stop()


def sessions(server: Server) -> float:
    """People who are connected to a node."""
    return server.metrics()["podium_sessions"]


async def test_people_on_two_nodes_see_and_hear_each_other(nodes: Nodes) -> None:
    assert (sessions(nodes.first), sessions(nodes.second)) == (1, 2)
    for viewer, speaker in ((nodes.owner, nodes.sara), (nodes.sara, nodes.owner), (nodes.vera, nodes.owner)):
        await plays(viewer.page, speaker.track("video"))
        await is_shown(viewer.page, speaker.track("video"))
        await sounds(viewer.page, speaker.track("audio"))
    await nodes.owner.page.evaluate("window.podium.send('chat.send', { text: 'Hello from the first node' })")
    await until(lambda: holds(nodes.vera.page, "document.body.textContent.includes('from the first node')"), "chat")
    await screenshot(nodes.owner.page, "nodes-owner")
    await screenshot(nodes.vera.page, "nodes-viewer")


async def test_a_mute_at_one_node_silences_at_once_and_the_other_nodes_people_are_told(nodes: Nodes) -> None:
    track = nodes.sara.track("audio")
    await sounds(nodes.vera.page, track)
    receipt = await nodes.order("media.mute", target=nodes.sara.identity, source="audio")
    print(f"silence: {receipt.get('result')}")  # noqa: T201
    await stands_still(nodes.vera.page, track, "packetsReceived", settle_s=0.25)
    await until(lambda: holds(nodes.sara.page, "window.podium.media.state('audio') !== 'on'"), "her page knows")
    await nodes.order("media.unmute", target=nodes.sara.identity, source="audio")
    await sounds(nodes.vera.page, track)


async def test_a_killed_nodes_people_go_on_at_the_other_without_a_gap_in_what_they_hear(nodes: Nodes) -> None:
    track = nodes.owner.track("audio")
    made = "window.__connections.length"
    before = [await visitor.page.evaluate(made) for visitor in (nodes.sara, nodes.vera)]
    gap = asyncio.create_task(nodes.vera.page.evaluate(LONGEST_GAP, [track, 12_000]))
    await asyncio.sleep(0.5)
    assert nodes.second.kill9() == -9
    killed = time.monotonic()
    await until(lambda: _all_at(nodes.first, 3), "everybody is at the first node", 30)
    back_s = time.monotonic() - killed
    gap_ms = await gap
    print(f"kill -9 of a node: its people are back after {back_s:.1f} s, longest gap of sound {gap_ms:.0f} ms")  # noqa: T201
    assert back_s < 10 and gap_ms < 2000
    assert await holds(nodes.sara.page, "window.podium.room.me.on_stage"), "the seat was kept"
    await nodes.order("chat.send", text="Still here")
    await plays(nodes.owner.page, nodes.sara.track("video"))
    after = [await visitor.page.evaluate(made) for visitor in (nodes.sara, nodes.vera)]
    assert after == before, "media did not begin anew"


async def test_a_rolling_restart_of_both_nodes_is_not_heard_and_loses_no_command(nodes: Nodes) -> None:
    await asyncio.to_thread(nodes.second.start)
    track = nodes.owner.track("audio")
    accepted: list[str] = []

    async def talk() -> None:
        for number in range(10_000):
            with contextlib.suppress(Exception):
                answer = await nodes.order("conference.settings", title=f"Title {number}")
                accepted.append(answer["type"])
            await asyncio.sleep(0.1)

    talking = asyncio.create_task(talk())
    gaps = []
    for leaving, staying in ((nodes.first, nodes.second), (nodes.second, nodes.first)):
        await until(lambda node=staying: _ready(node), "the other node is ready", 30)  # type: ignore[misc]
        gap = asyncio.create_task(nodes.vera.page.evaluate(LONGEST_GAP, [track, 15_000]))
        await asyncio.to_thread(leaving.stop)
        await until(lambda node=staying: _all_at(node, 3), "everybody is at the other node", 30)  # type: ignore[misc]
        gaps.append(await gap)
        await asyncio.to_thread(leaving.start)
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    print(f"rolling restart: longest gaps of sound {[round(gap) for gap in gaps]} ms, {len(accepted)} commands")  # noqa: T201
    assert max(gaps) < 2000
    assert await holds(nodes.sara.page, "window.podium.room.me.on_stage")
    audit = nodes.first.api(
        "GET",
        f"/conferences/{nodes.first.conference}/audit?action=conference.settings&format=json",
        token=nodes.first.login().token,
    )
    titles = [entry["details"].get("title") for entry in audit]
    assert len(accepted) > 20 and len([title for title in titles if str(title).startswith("Title ")]) >= len(accepted)


async def _all_at(server: Server, count: int) -> bool:
    with contextlib.suppress(OSError):
        return await asyncio.to_thread(sessions, server) == count
    return False


async def _ready(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return (await asyncio.to_thread(server.request, "GET", "/readyz")).status == 200
    return False
