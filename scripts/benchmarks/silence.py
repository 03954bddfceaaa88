"""From the command to silence: how long after a moderator's mute the last packet of the muted track reaches anybody.

A real server with its worker, a conference of so many people on WebSockets, of whom some publish and some receive with
real ICE, DTLS and SRTP. The muted track sends a packet each 2 ms meanwhile, so that the last one says when the route
closed; its arrival is the kernel's time at the receiving socket, not that of a busy benchmark. One clock: one machine.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from scripts.benchmarks import reference
from scripts.benchmarks.report import AsJson, Result, progress, show
from scripts.benchmarks.times import percentiles
from tests.disobedient.peer import Peer, Stream
from tests.harness import Client, Server

PACKET_S = 0.002
# One address makes everybody's requests.
_FLAGS = ("--guests-per-minute", "10000", "--requests-per-second", "10000", "--public-ip", "127.0.0.1")
_PUBLISHERS = 4
_SOURCES = ("audio", "video")
# Silent is who has not been heard for so long: many packets of a track that sends each 2 ms.
_SILENT_S = 0.1
_GIVE_UP_S = 5.0


class Conference:
    """Everybody in it. `media`: those who have media connections, the publishers first."""

    def __init__(self, server: Server, people: int, receivers: int) -> None:
        self.clients: list[Client] = []
        self.media: list[Peer] = []
        self._server = server
        self._people = people
        self._receivers = receivers

    async def gather(self) -> None:
        """Let all of them come."""
        server = self._server
        owner = server.login()
        await self._come(owner.token)
        invite = {role: await asyncio.to_thread(server.invite, role) for role in ("speaker", "viewer")}
        for number in range(1, self._people):
            role = "speaker" if number <= _PUBLISHERS else "viewer"
            body = {"invite": invite[role], "name": f"Person {number}"}
            await self._come((await asyncio.to_thread(server.api, "POST", "/guests", body))["token"])
            if number <= _PUBLISHERS + self._receivers:
                peer = Peer(self.clients[-1])
                self.media.append(peer)
                await peer.subscribe()
            if number <= _PUBLISHERS:
                await peer.client.send("stage.request")
                await peer.publish(*_SOURCES)

    async def _come(self, token: str) -> None:
        client = Client(self._server)
        await client.hello(token)
        await client.join(self._server.conference)
        self.clients.append(client)

    def last(self, label: str) -> float:
        """When a packet of this track has come to anybody for the last time; 0.0 for never."""
        return max((packet.at for peer in self.media for packet in peer.got(label)), default=0.0)

    def forget(self) -> None:
        """What came in earlier rounds, and what the crowd was told."""
        for peer in self.media:
            peer.packets.clear()
            peer.signals.clear()
        for client in self.clients:
            for queue in (client.events, client.signals):
                while not queue.empty() and all(peer.client is not client for peer in self.media):
                    queue.get_nowait()

    async def close(self) -> None:
        """Send everybody home."""
        await asyncio.gather(*(peer.close() for peer in self.media))
        await asyncio.gather(*(client.drop() for client in self.clients))


async def _pace(stream: Stream) -> None:
    while True:
        stream.send()
        await asyncio.sleep(PACKET_S)


class Mute(NamedTuple):
    """One mute, in seconds: from sending the command to the last packet and to the answer, from the answer to the last
    packet, and what the answer's receipt says; None for a receipt without the worker's word."""

    silence: float
    answer: float
    after_answer: float
    receipt: float | None


async def mute(conference: Conference, publisher: Peer, stream: Stream) -> Mute:
    """Mute it, wait for silence, and unmute it again."""
    owner = conference.clients[0]
    source = stream.label.rpartition("/")[2]
    publisher.streams.remove(stream)
    pacer = asyncio.create_task(_pace(stream), name="sends closely")
    try:
        await conference.media[-1].gets(stream.label, 3)
        await asyncio.sleep(random.uniform(0.02, 0.06))
        begin = time.time()
        result = (await owner.send("media.mute", source=source, target=publisher.identity))["result"]
        answered = time.time()
        last = conference.last(stream.label)
        while time.time() - last < _SILENT_S:
            if time.time() - begin > _GIVE_UP_S:
                raise typer.BadParameter("The track was not silent within 5 s.")
            await asyncio.sleep(0.02)
            last = conference.last(stream.label)
        await owner.send("media.unmute", source=source, target=publisher.identity)
        await conference.media[-1].gets(stream.label, 1)
    finally:
        pacer.cancel()
    publisher.streams.append(stream)
    conference.forget()
    told = result["silence_ms"] / 1000 if result["applied"] and "silence_ms" in result else None
    return Mute(max(0.0, last - begin), answered - begin, max(0.0, last - answered), told)


async def run(rounds: int, people: int, receivers: int) -> Result:
    """About half a second for each round, and what the people take to come."""
    first = reference.measure()
    measured: list[Mute] = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", *_FLAGS).start()
        conference = Conference(server, people, receivers)
        try:
            progress(f"{people} people come")
            await conference.gather()
            publishers = conference.media[:_PUBLISHERS]
            for number in range(rounds):
                if number % 20 == 0:
                    progress(f"mute {number} of {rounds}")
                publisher = publishers[number % len(publishers)]
                source = _SOURCES[number // len(publishers) % 2]
                stream = next(one for one in publisher.streams if one.label.endswith("/" + source))
                measured.append(await mute(conference, publisher, stream))
            counted = server.metrics()
        finally:
            await conference.close()
            server.stop()
    last = reference.measure()
    receipts = [one.receipt for one in measured if one.receipt is not None]
    return {
        "silence_ms": percentiles([one.silence for one in measured]),
        "after_answer_ms": percentiles([one.after_answer for one in measured]),
        "answer_ms": percentiles([one.answer for one in measured]),
        # What moderators are told, and to how many of them it could not be told.
        "receipt_ms": percentiles(receipts) if receipts else None,
        "without_receipt": rounds - len(receipts),
        # The disk's part in it: the mean of all commits of the run.
        "commit_ms": 1000 * counted["podium_append_seconds_sum"] / counted["podium_append_seconds_count"],
        "rounds": rounds,
        "people": people,
        "publishers": _PUBLISHERS,
        "receiving": _PUBLISHERS + receivers,
        "packet_every_ms": 1000 * PACKET_S,
        "reference_us": (first.total_us + last.total_us) / 2,
    }


def command(
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="How many mutes.")] = 200,
    people: Annotated[int, typer.Option(min=10, max=400, help="How many are in the conference.")] = 100,
    receivers: Annotated[int, typer.Option(min=1, max=50, help="Who receives media besides the publishers.")] = 4,
    as_json: AsJson = False,
) -> None:
    """From a moderator's mute to the last packet of the muted track, at those who receive it."""
    result = asyncio.run(run(rounds, people, receivers))
    show("silence: ms from the command", result, as_json, {"silence_ms": "p99 ≤ 20"})
