"""How long a crowd takes to be back when its node has died.

Two real servers on one real Redis, one conference, everybody on WebSockets through the first. It is killed, and each
client does as a browser does: it waits a moment at random, connects to the other server, and resumes at its position
with its token.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from protocol import answers
from protocol import commands as c
from protocol.client import Api, RefusedError, Signaling, SignalingError
from scripts.benchmarks import reference
from scripts.benchmarks.report import AsJson, Result, progress, show
from scripts.benchmarks.signaling import FLAGS, Crowd, Silent
from scripts.benchmarks.times import percentiles
from tests.harness import Server
from tests.redis_server import RedisServer

# As the browser client waits before the first try, and between two.
_FIRST_S = 1.0
_AGAIN_S = 1.0
# Whoever is not back by then does not come back.
_PATIENCE_S = 60.0
_JOINING = 4


class Guest(NamedTuple):
    """Somebody who was in: what they come back with."""

    token: str
    client: str
    resume: c.Resume


async def _enter(crowd: Crowd, conference: str, url: str, token: str) -> tuple[Guest, Silent]:
    signaling = await Signaling.connect(url)
    await signaling.ask(c.Hello, token=token, client=signaling.client)
    joined = (await signaling.ask(c.ConferenceJoin, conference=conference)).result
    assert isinstance(joined, answers.Joined)
    seen = joined.snapshot
    resume = c.Resume(conference=conference, epoch=seen.epoch, version=seen.version, token=joined.resume)
    return Guest(token, signaling.client, resume), Silent(signaling.transport)


async def _return(guest: Guest, url: str, died: float, chance: random.Random) -> tuple[float, bool]:
    """How long after the death somebody is back, and whether with their seat and not as somebody new."""
    await asyncio.sleep(chance.random() * _FIRST_S)
    while True:
        signaling = None
        try:
            signaling = await Signaling.connect(url)
            answer = await signaling.ask(c.Hello, token=guest.token, client=guest.client, resume=guest.resume)
            Silent(signaling.transport)
            assert isinstance(answer.result, answers.Welcome)
            return time.monotonic() - died, answer.result.resumed
        except (SignalingError, RefusedError):
            if signaling is not None:
                signaling.drop()
            if time.monotonic() - died > _PATIENCE_S:
                return _PATIENCE_S, False
            await asyncio.sleep(_AGAIN_S * (0.5 + chance.random()))


async def run(participants: int, seed: int = 1) -> Result:
    """Some 10 s, and what the people take to come."""
    first = reference.measure()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redis = RedisServer(folder / "r").start()
        servers = [Server(folder / f"node{number}", *FLAGS, "--redis", redis.url) for number in range(2)]
        try:
            for server in servers:
                await asyncio.to_thread(server.start)
            found = await _measure(servers, participants, random.Random(seed))
        finally:
            for server in servers:
                if server.process is not None and server.process.poll() is None:
                    await asyncio.to_thread(server.stop)
            redis.stop()
    last = reference.measure()
    return {**found, "reference_us": (first.total_us + last.total_us) / 2, "participants": participants}


async def _measure(servers: list[Server], participants: int, chance: random.Random) -> Result:
    dying, left = servers
    conference = await asyncio.to_thread(dying.create)
    api = Api(dying.url)
    crowd = Crowd(dying, conference, api)
    progress(f"{participants} guests")
    tokens = await crowd.tickets(participants)
    turn = asyncio.Semaphore(_JOINING)

    async def come(token: str) -> tuple[Guest, Silent]:
        async with turn:
            return await _enter(crowd, conference, dying.ws_url, token)

    progress("they join")
    came = await asyncio.gather(*map(come, tokens))
    progress("their server is killed")
    await asyncio.to_thread(dying.kill9)
    died = time.monotonic()
    back = await asyncio.gather(*(_return(guest, left.ws_url, died, chance) for guest, _ in came))
    api.close()
    times = [seconds for seconds, resumed in back if resumed]
    if not times:
        raise typer.BadParameter("Nobody came back.")
    counted = await asyncio.to_thread(left.metrics)
    return {
        "all_back_s": max(seconds for seconds, _ in back),
        "back_ms": percentiles(times),
        "lost": len(back) - len(times),
        "lag_worst_ms": 1000 * counted["podium_loop_lag_worst_seconds"],
    }


def command(
    participants: Annotated[int, typer.Option(min=2, max=5_000, help="How many people are there.")] = 2000,
    as_json: AsJson = False,
) -> None:
    """How long a crowd takes to come back by another server when theirs has died."""
    result = asyncio.run(run(participants))
    targets = {"all_back_s": "≤ 10", "lost": "0", "lag_worst_ms": "≤ 200"}
    show(f"storm: {participants} people", result, as_json, targets)
