"""A server without workers, and workers without a server, as two programs that have Redis and a secret in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.far_worker import SECRET, FarWorker
from tests.harness import Server, podium, until
from tests.redis_server import RedisServer
from tests.system.stack import ForeignPeer

Start = Callable[[], FarWorker]


@pytest.fixture
def worker(redis: RedisServer) -> Iterator[Start]:
    """Starts `podium worker`."""
    made: list[FarWorker] = []

    def start() -> FarWorker:
        made.append(FarWorker(redis.url).start())
        return made[-1]

    yield start
    for one in made:
        one.stop()


async def test_a_server_without_workers_has_media_and_has_it_again_when_the_workers_machine_is_gone(
    podium_server: Callable[..., Server], clients: Any, redis: RedisServer, worker: Start
) -> None:
    first = worker()
    server = podium_server("--workers", "0", "--redis", redis.url, "--grace-s", "60", environment=SECRET)
    assert server.printed["Media"] == "workers elsewhere"
    await until(lambda: server.request("GET", "/readyz").json["workers"], 20, 0.2)
    owner = await clients(server, server.login(), server.conference)
    guest = await clients(server, server.guest("Vera"), server.conference)
    speaker, viewer = ForeignPeer(owner), ForeignPeer(guest)
    try:
        await speaker.subscribe()
        await viewer.subscribe()
        await owner.send("stage.request")
        await speaker.publish()
        await viewer.gets(f"{owner.identity}/audio")
        worker()
        began = time.monotonic()
        first.kill()
        for peer in (speaker, viewer):
            await asyncio.wait_for(peer.reset.wait(), 15)
        placed = time.monotonic() - began
        await speaker.publish()
        await viewer.subscribe()
        await viewer.gets(f"{owner.identity}/audio", 1)
        took = time.monotonic() - began
        print(f"kill -9 of `podium worker`: placed anew after {placed:.2f} s, media after {took:.2f} s")  # noqa: T201
        assert placed < 3 and took < 6
    finally:
        await speaker.close()
        await viewer.close()


def test_what_a_worker_needs_is_said() -> None:
    for arguments, environment, said in (
        ([], SECRET, "redis is missing"),
        (["--redis", "redis://127.0.0.1:1"], {}, "worker_secret is missing"),
        (["--redis", "redis://127.0.0.1:1", "--workers", "0"], SECRET, "workers is 0"),
        (["--redis", "redis://127.0.0.1:1"], SECRET, "Redis cannot be reached"),
        (["--redis", "redis://127.0.0.1:1", "--listen", "here"], SECRET, "such as 10.0.0.7:7900"),
    ):
        done = podium("worker", *arguments, environment=environment)
        assert done.returncode != 0 and said in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
