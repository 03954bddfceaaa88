"""What people cost the signaling server: coming, staying, being told, and how long a command takes beside them.

A real server with a conference of so many people on WebSockets, nobody with media. CPU time and memory are those of
the server process. The crowd takes care not to be measured itself: once in, all but two only count the bytes they
get. The floor is a bare loop that writes a frame of that size to as many TCP connections as a process likes to have.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from media.load.processes import cpu_us, rss_kib
from protocol import answers
from protocol import commands as c
from protocol import events as e
from protocol.client import Api, Signaling
from protocol.layout import LayoutKind
from protocol.names import Role
from scripts.benchmarks import reference
from scripts.benchmarks.cores import apart
from scripts.benchmarks.report import AsJson, Result, progress, show
from scripts.benchmarks.times import percentiles
from tests.harness import Server

# One address makes everybody's requests.
FLAGS = (
    *("--guests-per-minute", "10000", "--requests-per-second", "100000", "--connects-per-second", "10000"),
    *("--connections-per-address", "100000", "--max-connections", "100000"),
)
_JOINING = 4
# Below what a connection may give per second, so that nobody waits for the limit; and the crowd has read by then.
_COMMAND_EVERY_S = 0.06
# A pong that nobody asked for, masked with zeros (RFC 6455 sections 5.3 and 5.5.3).
_ALIVE = b"\x8a\x80\0\0\0\0"
_ALIVE_EVERY_S = 5.0
_FLOOR_CONNECTIONS = 200
_FLOOR_ROUNDS = 20


class Size(NamedTuple):
    """How much is measured: joins at the beginning (of a server that is not cold any more) and at the end, seconds in
    which nothing happens, events and commands."""

    joins: int = 50
    idle_s: float = 4.0
    events: int = 60
    commands: int = 200


class Silent(asyncio.Protocol):
    """What a client becomes when it is in: it keeps its connection alive, and counts bytes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.octets = 0
        self.lost = False
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self.octets += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Crowd:
    """Everybody in the conference: one who moderates, one who listens, and the silent."""

    def __init__(self, server: Server, conference: str, api: Api) -> None:
        self._server = server
        self._conference = conference
        self._api = api
        self._alive: asyncio.TimerHandle | None = None
        self.silent: list[Silent] = []
        self.moderator: Signaling
        self.listener: Signaling
        self.heard = 0
        # A conference begins with a grid.
        self._kinds = itertools.cycle((LayoutKind.SPEAKER, LayoutKind.GRID))

    async def tickets(self, count: int) -> list[str]:
        """Tokens of so many guests."""
        invite = await asyncio.to_thread(self._server.invite, Role.VIEWER, self._conference)
        found = await asyncio.gather(*(self._api.enter(invite, f"Viewer {number}") for number in range(count)))
        return [token for token, _, _ in found]

    async def one(self, token: str) -> Signaling:
        """Somebody who has joined."""
        signaling = await Signaling.connect(self._server.ws_url)
        await signaling.ask(c.Hello, token=token, client=signaling.client)
        joined = await signaling.ask(c.ConferenceJoin, conference=self._conference)
        assert isinstance(joined.result, answers.Joined)
        return signaling

    async def join(self, tokens: list[str]) -> None:
        """Let silent ones come, a few at a time."""
        turn = asyncio.Semaphore(_JOINING)

        async def come(token: str) -> None:
            async with turn:
                signaling = await self.one(token)
                self.silent.append(Silent(signaling.transport))

        await asyncio.gather(*map(come, tokens))

    def keep_alive(self) -> None:
        """Say something for each of the silent from time to time, as a browser does by answering pings."""
        for each in self.silent:
            each.transport.write(_ALIVE)
        self._alive = asyncio.get_running_loop().call_later(_ALIVE_EVERY_S, self.keep_alive)

    def listen(self) -> None:
        """Count what the listener is told of the layout."""

        def heard(message: object) -> None:
            self.heard += isinstance(message, e.ConferenceLayoutChanged)

        self.listener.heard = heard

    async def change(self) -> float:
        """One event for everybody; how long its command took, in seconds."""
        kind = next(self._kinds)
        begin = time.perf_counter()
        await self.moderator.ask(c.ConferenceLayout, kind=kind)
        return time.perf_counter() - begin

    def close(self) -> None:
        """Everybody's connection breaks."""
        if self._alive is not None:
            self._alive.cancel()
        for each in self.silent:
            each.transport.abort()
        for signaling in (self.moderator, self.listener):
            signaling.drop()


def floor(size: int) -> float:
    """CPU µs of a bare `send` of so many bytes to a TCP connection on loopback, its reader not counted."""
    with socket.create_server(("127.0.0.1", 0), backlog=_FLOOR_CONNECTIONS) as listener:
        address = listener.getsockname()
        pairs = [(socket.create_connection(address), listener.accept()[0]) for _ in range(_FLOOR_CONNECTIONS)]
    data, spent = bytes(size), []
    try:
        for _ in range(_FLOOR_ROUNDS):
            begin = time.process_time()
            for sender, _ in pairs:
                sender.send(data)
            spent.append((time.process_time() - begin) / len(pairs))
            for _, reader in pairs:
                reader.recv(size)
    finally:
        for pair in pairs:
            for each in pair:
                each.close()
    return 1e6 * statistics.median(spent)


async def run(participants: int, size: Size | None = None) -> Result:
    """About 25 s, and what the people take to come."""
    first = reference.measure()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", *FLAGS).start()
        api = Api(server.url)
        try:
            found = await _measure(server, api, participants, size or Size())
        finally:
            api.close()
            await asyncio.to_thread(server.stop)
    last = reference.measure()
    return {**found, "reference_us": (first.total_us + last.total_us) / 2, "participants": participants}


async def _measure(server: Server, api: Api, participants: int, size: Size) -> Result:
    pid = server.pid
    conference = await asyncio.to_thread(server.create)
    crowd = Crowd(server, conference, api)
    progress(f"{participants} guests")
    tokens = await crowd.tickets(participants)
    crowd.moderator = await crowd.one(server.login().token)
    crowd.listener = await crowd.one(tokens.pop())
    crowd.listen()
    crowd.keep_alive()
    try:
        progress("they join")
        await crowd.join(_taken(tokens, size.joins))
        begin, memory = cpu_us(pid), rss_kib(pid)
        await crowd.join(_taken(tokens, size.joins))
        join_first = (cpu_us(pid) - begin) / size.joins
        await crowd.join(_taken(tokens, len(tokens) - size.joins))
        begin = cpu_us(pid)
        await crowd.join(_taken(tokens, size.joins))
        join_last = (cpu_us(pid) - begin) / size.joins
        # What is coalesced, and the snapshots of a room that has become crowded, are out.
        await asyncio.sleep(2.0)
        people = len(crowd.silent)
        kept = (rss_kib(pid) - memory) / (people - size.joins)
        progress("they are told nothing")
        begin = cpu_us(pid)
        await asyncio.sleep(size.idle_s)
        idle = (cpu_us(pid) - begin) / size.idle_s
        progress("they are told something")
        crowd.heard = 0
        octets = [each.octets for each in crowd.silent]
        started, begin = time.monotonic(), cpu_us(pid)
        for _ in range(size.events):
            await crowd.change()
            await asyncio.sleep(_COMMAND_EVERY_S)
        await asyncio.sleep(0.5)
        told = cpu_us(pid) - begin - idle * (time.monotonic() - started)
        gained = [each.octets - before for each, before in zip(crowd.silent, octets, strict=True)]
        lost = sum(each.lost for each in crowd.silent)
        octets_each = statistics.median(gained) / size.events
        if crowd.heard != size.events or lost or min(gained) < 0.8 * statistics.median(gained):
            raise typer.BadParameter(
                f"Not everybody was told: {crowd.heard} of {size.events} events, {lost} connections lost."
            )
        progress("commands beside them")
        times = []
        with apart(pid) as own_core:
            for _ in range(size.commands):
                times.append(await crowd.change())
                await asyncio.sleep(_COMMAND_EVERY_S)
        counted = await asyncio.to_thread(server.metrics)
    finally:
        crowd.close()
    return {
        "event_cpu_us_per_client": told / size.events / (people + 2),
        "event_bytes": round(octets_each),
        "floor_us": floor(round(octets_each)),
        "idle_cpu_us_per_client_s": idle / (people + 2),
        "kib_per_client": kept,
        "join_cpu_us_first": join_first,
        "join_cpu_us_last": join_last,
        "join_ratio": join_last / join_first,
        "command_ms": percentiles(times),
        "own_core": own_core,
        # The disk's part in it: the mean of all commits of the run.
        "commit_ms": 1000 * counted["podium_append_seconds_sum"] / counted["podium_append_seconds_count"],
        "lag_worst_ms": 1000 * counted["podium_loop_lag_worst_seconds"],
    }


def _taken(tokens: list[str], count: int) -> list[str]:
    taken = tokens[:count]
    del tokens[:count]
    return taken


def command(
    participants: Annotated[int, typer.Option(min=200, max=10_000, help="How many people are there.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """CPU time and memory of the signaling server for people who come, stay and are told."""
    result = asyncio.run(run(participants))
    targets = {
        "event_cpu_us_per_client": "≤ 10",
        "kib_per_client": "≤ 24",
        "join_ratio": "≤ 1.2",
        "command_ms": "p99 ≤ 5",
    }
    show(f"signaling: {participants} people", result, as_json, targets)
