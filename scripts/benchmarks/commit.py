"""Commits on Redis: how long one takes, and how many commands a conference takes from several nodes at once.

First one writer appends commits of one event, one after the other, to a real redis-server: the time of each is what a
command waits for. Then so many replicas of one room, each with a connection and a feed of its own as on a node of its
own, are given commands by many people at once; each node decides what waits as one commit, and of several that are
decided at the same version one is appended and the others are decided again. All replicas stand in this one process
and share its core with the measurement: three machines do better.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from protocol import commands as c
from protocol import events as e
from protocol.names import STAGE_PLACES, MuteSource, PersonKind, Role
from scripts.benchmarks import reference
from scripts.benchmarks.report import AsJson, Result, progress, show
from server.conference.replica import Order, RoomReplica
from server.metrics import Metrics
from server.redis.address import parse
from server.redis.connection import Connection
from server.room import inner
from server.room.digest import state_hash
from server.room.refusal import Refusal
from server.roomlog import Appended, Commit, Conflict, Lost
from server.roomlog.feed import Feed
from server.roomlog.redis import RedisLog
from tests.harness import until
from tests.redis_server import RedisServer

_ROOM = "bench"
_PEOPLE = 50
_SETTLED_S = 10.0


class _Timed(RedisLog):
    """A log that writes down how long its appends take."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.seconds: list[float] = []
        self.lost_races = 0

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict | Lost:
        """See `RoomLog.append`."""
        began = time.perf_counter()
        outcome = await super().append(room, epoch, expected, commit)
        self.seconds.append(time.perf_counter() - began)
        self.lost_races += isinstance(outcome, Conflict)
        return outcome


class Node:
    """One node's part of the room."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.accepted = 0
        self.connection = Connection(parse(url))
        self.log = _Timed(self.connection)
        self.feed = Feed(self.connection)
        self.replica: RoomReplica

    async def open(self) -> None:
        """Make the room, or take part in it."""
        common: dict[str, Any] = {"log": self.log, "metrics": Metrics(), "node": self.name, "clock": _now}
        loaded = await self.log.load(_ROOM)
        if loaded is None:
            create = inner.Create(conference=_ROOM, title="Benchmark", stage_places=STAGE_PLACES)
            made = await RoomReplica.create(create, "u_owner", **common)
            assert made is not None
            self.replica = made
        else:
            self.replica = RoomReplica.restore(loaded, **common)
        self.feed.start()
        self.feed.follow(_ROOM, self.replica)
        self.replica.start()
        enter = inner.Enter(name="Somebody", kind=PersonKind.USER, inherits=Role.SPEAKER)
        await asyncio.gather(*(self.replica.ask(f"u_{self.name}_{number}", enter) for number in range(_PEOPLE)))

    async def command(self, person: str, until: float) -> None:
        """One person who mutes and unmutes, each as soon as the last is answered."""
        for id in itertools.count(1):
            if time.monotonic() >= until:
                return
            kind = c.MediaMute if id % 2 else c.MediaUnmute
            answer: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
            command = kind(id=id, source=MuteSource.AUDIO)
            self.replica.submit(
                Order(
                    actor=person,
                    commands=lambda _, command=command: (command,),  # type: ignore[misc]
                    key=(person, "bench", id),
                    settle=answer.set_result,
                )
            )
            if await answer is None:
                self.accepted += 1

    async def close(self) -> None:
        """Leave the room."""
        await self.feed.stop()
        await self.replica.stop()
        await self.connection.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] for name, part in at.items()}


async def _alone(url: str, commits: int) -> tuple[list[float], float]:
    """The seconds of each append, and the CPU time of Redis for each in µs."""
    connection = Connection(parse(url))
    log = _Timed(connection)
    # The first ones open the connection and bring the script.
    warm = min(20, commits // 2)
    before = 0.0
    for version in range(commits):
        event = e.ConferenceSettingsChanged(version=version + 1, title="A title", stage_places=STAGE_PLACES)
        key = ("u_owner", "bench", version)
        commit = Commit(version=version + 1, after=version, time=_now(), node="b", events=(event,), commands=(key,))
        if version == warm:
            before = await _redis_cpu_s(connection)
        assert await log.append("alone", 1, version, commit) == Appended()
        if version % 256 == 255:
            await log.save_snapshot("alone", 1, version + 1, b"state")
    used = await _redis_cpu_s(connection) - before
    await connection.close()
    return log.seconds[warm:], 1e6 * used / (commits - warm)


async def _redis_cpu_s(connection: Connection) -> float:
    told = await connection.ask("INFO", "cpu")
    return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])


async def run(url: str, node_count: int, seconds: float, commits: int) -> Result:
    """About as many seconds as asked for, and one for the commits alone."""
    first = reference.measure()
    progress("commits, one after the other")
    alone, redis_us = await _alone(url, commits)
    nodes = [Node(url, f"n{number}") for number in range(node_count)]
    try:
        for node in nodes:
            await node.open()
            node.log.seconds.clear()
            node.log.lost_races = 0
        progress(f"commands from {node_count} nodes")
        began = time.monotonic()
        people = [(node, f"u_{node.name}_{number}") for node in nodes for number in range(_PEOPLE)]
        await asyncio.gather(*(node.command(person, began + seconds) for node, person in people))
        took = time.monotonic() - began
        with contextlib.suppress(AssertionError):
            await until(lambda: len({node.replica.room.version for node in nodes}) == 1, _SETTLED_S)
        hashes = {state_hash(node.replica.room) for node in nodes}
    finally:
        for node in nodes:
            await node.close()
    appends = [each for node in nodes for each in node.log.seconds]
    last = reference.measure()
    return {
        "append_ms": _percentiles(alone),
        "redis_cpu_us": redis_us,
        "commands_per_s": sum(node.accepted for node in nodes) / took,
        "loaded_append_ms": _percentiles(appends),
        "commits_per_s": (len(appends) - sum(node.log.lost_races for node in nodes)) / took,
        "lost_races": sum(node.log.lost_races for node in nodes),
        "nodes": node_count,
        "state_hashes_equal": len(hashes) == 1,
        "reference_us": (first.total_us + last.total_us) / 2,
    }


def command(
    nodes: Annotated[int, typer.Option(min=1, max=16, help="How many nodes write at once.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.2, max=600, help="How long they do.")] = 5.0,
    commits: Annotated[int, typer.Option(min=2, max=100_000, help="How many commits of one writer alone.")] = 2000,
    url: Annotated[str, typer.Option("--redis", help="An empty Redis to use; otherwise one is started.")] = "",
    as_json: AsJson = False,
) -> None:
    """From a decided commit to its acknowledgement by Redis, and commands of one conference from several nodes."""
    with tempfile.TemporaryDirectory() as folder:
        server = None if url else RedisServer(Path(folder)).start()
        try:
            result = asyncio.run(run(url or (server.url if server else ""), nodes, seconds, commits))
        finally:
            if server is not None:
                server.stop()
    targets = {"append_ms": "p99 ≤ 3", "commands_per_s": "≥ 2,000", "state_hashes_equal": "True"}
    show("commit: Redis as the room log", result, as_json, targets)
