"""What it costs when thousands write and react at once, and whether the moderator's console still answers.

A real server with one conference of so many people on WebSockets, nobody with media. Everybody writes and reacts in
turn, through the very connections on which all of it comes back; the crowd only counts bytes, one listener decodes.
CPU time is that of the server process, with taking in what is written, keeping it and answering.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from websockets.frames import Frame, Opcode

from media.load.processes import cpu_us
from protocol import codec, signals
from protocol import commands as c
from protocol import events as e
from protocol.client import Api
from scripts.benchmarks import reference
from scripts.benchmarks.report import AsJson, Result, progress, show
from scripts.benchmarks.signaling import FLAGS, Crowd, Silent
from scripts.benchmarks.times import percentiles
from tests.harness import Server

_EMOJI = ("👍", "❤️", "👏", "🎉")
_TURN_S = 0.02
_COMMAND_EVERY_S = 0.25
# What is gathered has been told by then, and answers are read.
_SETTLE_S = 2.0
# Above the numbers that a client has given to its first commands.
_FIRST_ID = 1_000


async def run(participants: int, chats: int, reactions: int, seconds: float) -> Result:
    """`chats` and `reactions` per second, for so many seconds; then what the people take to come."""
    first = reference.measure()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", *FLAGS).start()
        api = Api(server.url)
        try:
            found = await _measure(server, api, participants, (chats, reactions), seconds)
        finally:
            api.close()
            await asyncio.to_thread(server.stop)
    last = reference.measure()
    return {**found, "reference_us": (first.total_us + last.total_us) / 2, "participants": participants}


async def _measure(server: Server, api: Api, participants: int, rates: tuple[int, int], seconds: float) -> Result:
    conference = await asyncio.to_thread(server.create)
    crowd = Crowd(server, conference, api)
    progress(f"{participants} guests")
    tokens = await crowd.tickets(participants)
    crowd.moderator = await crowd.one(server.login().token)
    crowd.listener = await crowd.one(tokens.pop())
    heard: Counter[type] = Counter()
    crowd.listener.heard = lambda message: heard.update((type(message),))
    crowd.keep_alive()
    try:
        progress("they join")
        await crowd.join(tokens)
        await asyncio.sleep(_SETTLE_S)
        progress("they are told nothing")
        begin = cpu_us(server.pid)
        await asyncio.sleep(_SETTLE_S)
        idle = (cpu_us(server.pid) - begin) / _SETTLE_S
        progress("they write and react")
        heard.clear()
        octets = [each.octets for each in crowd.silent]
        started, begin = time.monotonic(), cpu_us(server.pid)
        commands, (said, reacted) = await asyncio.gather(
            _moderate(crowd, started + seconds), _talk(crowd.silent, rates, started + seconds)
        )
        await asyncio.sleep(_SETTLE_S)
        took = time.monotonic() - started
        spent = cpu_us(server.pid) - begin - idle * took
        gained = [each.octets - before for each, before in zip(crowd.silent, octets, strict=True)]
        lost = sum(each.lost for each in crowd.silent)
        counted = await asyncio.to_thread(server.metrics)
    finally:
        crowd.close()
    told = heard[signals.ChatShown] + heard[signals.ReactionShown] + heard[e.ConferenceLayoutChanged]
    # Answers to one's own make some difference between them.
    if lost or min(gained) < 0.8 * statistics.median(gained) or not heard[signals.ChatShown]:
        raise typer.BadParameter(f"Not everybody was told: {lost} connections lost, {dict(heard)}.")
    delivered = told * (participants + 1)
    return {
        "cpu_us_per_delivered": spent / delivered,
        "delivered_per_s": delivered / took,
        "written": said,
        "shown": heard[signals.ChatShown],
        "reacted": reacted,
        "cpu_share": spent / took / 1e6,
        "command_ms": percentiles(commands),
        "lag_worst_ms": 1000 * counted["podium_loop_lag_worst_seconds"],
    }


async def _talk(crowd: list[Silent], rates: tuple[int, int], until: float) -> tuple[int, int]:
    """Everybody in turn, at these rates; how many messages and reactions were sent."""
    people, numbers, done = itertools.cycle(crowd), itertools.count(_FIRST_ID), [0, 0]
    begin = time.monotonic()
    while (now := time.monotonic()) < until:
        for kind, rate in enumerate(rates):
            while done[kind] < rate * (now - begin):
                number = next(numbers)
                command: c.Command = (
                    c.ReactionSend(id=number, emoji=_EMOJI[number % len(_EMOJI)])
                    if kind
                    else c.ChatSend(id=number, text=f"What I wanted to say is number {number}, and thank you all.")
                )
                frame = Frame(Opcode.BINARY, codec.pack(command)).serialize(mask=True)
                next(people).transport.write(frame)
                done[kind] += 1
        await asyncio.sleep(_TURN_S)
    return done[0], done[1]


async def _moderate(crowd: Crowd, until: float) -> list[float]:
    """A command of the console now and then; how long each took, in seconds."""
    times = []
    while time.monotonic() < until:
        times.append(await crowd.change())
        await asyncio.sleep(_COMMAND_EVERY_S)
    return times


def command(
    participants: Annotated[int, typer.Option(min=10, max=10_000, help="How many people are there.")] = 2000,
    chats: Annotated[int, typer.Option(min=1, max=25, help="Messages per second, of all together.")] = 20,
    reactions: Annotated[int, typer.Option(min=0, max=5_000, help="Reactions per second, of all together.")] = 400,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="For how long.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """CPU time of chat and reactions for each message that is delivered to somebody."""
    result = asyncio.run(run(participants, chats, reactions, seconds))
    targets = {"cpu_us_per_delivered": "≤ 10", "command_ms": "answers"}
    show(f"chat: {participants} people", result, as_json, targets)
