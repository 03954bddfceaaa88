"""Racing commands: people and moderators give contradictory commands at once, and the record must make sense of them.

A real server with its store, or several on one real Redis with the people spread over them. In each round everybody
gives one command at the same time, mostly about the few places of the stage. Meanwhile the log is followed as another
node would follow it, commit by commit, and what must hold is looked at in each state on the way; at the end what people
were answered and told is compared with it.

With several nodes people are also removed and given other roles; who was removed comes back by the next node.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from protocol import answers, signals
from protocol import commands as c
from protocol import events as e
from protocol.client import Api, RefusedError, Signaling, SignalingError
from protocol.errors import Code
from protocol.names import STAGE_PLACES, MuteSource, Role
from scripts.benchmarks import reference
from scripts.benchmarks.report import AsJson, Result, progress, show
from scripts.benchmarks.signaling import FLAGS
from server.conference.replica import RoomReplica
from server.metrics import Metrics
from server.redis import address
from server.redis.connection import Connection
from server.room.apply import apply
from server.room.digest import state_hash
from server.room.state import Room
from server.roomlog import EmbeddedLog, RoomLog
from server.roomlog.redis import RedisLog
from server.storage.store import FILE_NAME, Store
from tests.harness import Server
from tests.redis_server import RedisServer

# Few enough that the last one is always in dispute, within the most that a setting allows.
_PLACES = (3, 4, 5)
_FOLLOW_EVERY_S = 0.02
_SETTLED_S = 10.0
# Commands that cannot be accepted without an effect: as many lines in the record as answers, neither more nor fewer.
_ALWAYS_DO = ("stage.grant", "stage.take_down", "stage.leave", "stage.withdraw", "stage.refuse", "stage.decline")

_Asked = tuple[type[c.Command], dict[str, Any]]


class Racer:
    """One person: what they were answered, and the stage as they were told of it. `urls`: where they come in, the next
    one each time."""

    def __init__(self, urls: Iterator[str], conference: str, token: str, identity: str, moderates: bool) -> None:
        self.signaling: Signaling
        self.identity = identity
        self.moderates = moderates
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        # Commands whose answer was lost with the connection of somebody who was removed.
        self.unanswered: Counter[str] = Counter()
        self.gaps = 0
        self.returns = -1
        self.stage: list[str] = []
        self._urls = urls
        self._conference = conference
        self._token = token

    async def come(self) -> None:
        """Come in, the first time or again."""
        signaling = self.signaling = await Signaling.connect(next(self._urls))
        signaling.heard = self._heard
        await signaling.ask(c.Hello, token=self._token, client=signaling.client)
        # Events may be heard before the answer is looked at here: they are applied to what it says.
        self._told = []
        joined = await signaling.ask(c.ConferenceJoin, conference=self._conference)
        assert isinstance(joined.result, answers.Joined)
        self.stage = list(joined.result.snapshot.stage)
        told, self._told = self._told, None
        for message in told:
            self._heard(message)
        self.returns += 1

    def leave(self) -> None:
        """Break the connection."""
        self.gaps += self.signaling.gaps
        self.signaling.drop()

    _told: list[object] | None = None

    def _heard(self, message: object) -> None:
        if self._told is not None:
            self._told.append(message)
        elif isinstance(message, signals.Resync):
            self.stage = list(message.snapshot.stage)
        elif isinstance(message, e.StageTaken):
            self.stage.append(message.person)
        elif isinstance(message, e.StageLeft) and message.person in self.stage:
            self.stage.remove(message.person)

    def choose(self, chance: random.Random, others: list[str], several: bool) -> _Asked:
        """The next command; with `several` nodes, removals and roles too."""
        if self.moderates:
            target = {"target": chance.choice(others)}
            about = (c.StageGrant, c.StageGrant, c.StageInvite, c.StageTakeDown, c.StageRefuse)
            kinds: list[_Asked] = [(kind, target) for kind in about]
            kinds.append((c.ConferenceSettings, {"stage_places": chance.choice(_PLACES)}))
            source = {"source": chance.choice(list(MuteSource))}
            kinds += [(kind, {**target, **source}) for kind in (c.MediaMute, c.MediaUnmute, c.MediaLock)]
            if several:
                role = {"role": chance.choice((Role.VIEWER, Role.SPEAKER))}
                kinds += [(c.ParticipantRemove, target), (c.RoleAssign, {**target, **role})]
        else:
            asking = (c.StageRequest, c.StageRequest, c.StageWithdraw, c.StageLeave, c.StageAccept, c.StageDecline)
            kinds = [(kind, {}) for kind in asking]
        return chance.choice(kinds)

    async def give(self, kind: type[c.Command], fields: dict[str, Any]) -> None:
        """Give a command, and write down how it was answered."""
        name = str(kind.__struct_config__.tag)
        try:
            await self.signaling.ask(kind, **fields)
            self.accepted[name] += 1
        except RefusedError as error:
            self.refused[error.code] += 1
        except SignalingError:
            self.unanswered[name] += 1


class Follower:
    """The room as the log tells it, commit by commit, with what was wrong on the way."""

    def __init__(self, log: RoomLog, conference: str, room: Room, epoch: int) -> None:
        self.room = room
        self.epoch = epoch
        self.violations: list[str] = []
        self.lines: Counter[tuple[str, str]] = Counter()
        self._keys: set[tuple[str, str, int]] = set()
        self._log = log
        self._conference = conference

    async def follow(self) -> None:
        """Catch up with the log."""
        for commit in await self._log.commits_after(self._conference, self.room.version):
            if commit.after != self.room.version:
                self.violations.append(f"a commit follows version {commit.after}, not {self.room.version}")
            for key in commit.commands:
                if key in self._keys:
                    self.violations.append(f"the command {key} was obeyed twice")
                self._keys.add(key)
            for line in commit.accepted:
                self.lines[line.actor, line.command] += 1
            for event in commit.events:
                self._step(event)

    def _step(self, event: e.RoomEvent) -> None:
        before, self.room = self.room, apply(self.room, event)
        for broken in broken_by(before, self.room, event):
            self.violations.append(f"version {self.room.version} ({type(event).__name__}): {broken}")


def broken_by(before: Room, room: Room, event: e.RoomEvent) -> list[str]:
    """What must hold in every state, and does not in this one."""
    rules: dict[str, bool] = {
        "a version was left out": room.version == before.version + 1,
        "somebody has two places": len(set(room.stage)) == len(room.stage),
        "somebody on the stage is not there": set(room.stage) <= room.people.keys(),
        "somebody on the stage asks for a place": not set(room.stage) & set(room.queue),
        "somebody on the stage is invited": not set(room.stage) & set(room.invited),
        "somebody asks twice": len(set(room.queue)) == len(room.queue),
        "the stage is over its cap": len(room.stage) <= STAGE_PLACES,
    }
    if isinstance(event, e.StageTaken):
        rules["a place was taken that there was not"] = len(room.stage) <= room.stage_places
    return [broken for broken, holds in rules.items() if not holds]


async def run(rounds: int, people: int, seed: int, nodes: int = 1) -> Result:
    """As fast as the servers answer; about 3 s, and what it takes to start."""
    first = reference.measure()
    with tempfile.TemporaryDirectory() as folder:
        found = (
            await _one(Path(folder), rounds, people, seed)
            if nodes == 1
            else await _several(Path(folder), rounds, people, seed, nodes)
        )
    last = reference.measure()
    return {**found, "reference_us": (first.total_us + last.total_us) / 2, "nodes": nodes, "seed": seed}


async def _one(folder: Path, rounds: int, people: int, seed: int) -> Result:
    server = Server(folder / "data", *FLAGS).start()
    store = Store.open(server.data / FILE_NAME)
    try:
        conference = await asyncio.to_thread(server.create)
        entries = await _entries(server, conference, people)
        return await _race([server], EmbeddedLog(store), conference, entries, rounds, random.Random(seed))
    finally:
        store.close()
        await asyncio.to_thread(server.stop)


async def _several(folder: Path, rounds: int, people: int, seed: int, nodes: int) -> Result:
    redis = RedisServer(folder / "r").start()
    connection = Connection(address.parse(redis.url))
    servers = [Server(folder / f"node{number}", *FLAGS, "--redis", redis.url) for number in range(nodes)]
    try:
        first = servers[0].start()
        conference = await asyncio.to_thread(first.create)
        entries = await _entries(first, conference, people)
        for server in servers[1:]:
            await asyncio.to_thread(server.start)
        return await _race(servers, RedisLog(connection), conference, entries, rounds, random.Random(seed))
    finally:
        await connection.close()
        for server in servers:
            if server.process is not None:
                await asyncio.to_thread(server.stop)
        redis.stop()


async def _race(
    servers: list[Server],
    log: RoomLog,
    conference: str,
    entries: list[tuple[str, str, bool]],
    rounds: int,
    chance: random.Random,
) -> Result:
    progress(f"{len(entries)} people join")
    racers = []
    for number, entry in enumerate(entries):
        urls = itertools.islice(itertools.cycle([server.ws_url for server in servers]), number, None)
        racers.append(Racer(urls, conference, *entry))
        await racers[-1].come()
    replica = await _restored(log, conference)
    follower = Follower(log, conference, replica.room, replica.epoch)
    over = asyncio.Event()
    following = asyncio.create_task(_follow(follower, over), name="follows")
    before = await asyncio.to_thread(_metrics, servers)
    others = [racer.identity for racer in racers if not racer.moderates]
    progress("they race")
    passed = 0.0
    for _ in range(rounds):
        began = time.monotonic()
        asked = [(racer, racer.choose(chance, others, len(servers) > 1)) for racer in racers]
        await asyncio.gather(*(racer.give(*each) for racer, each in asked))
        passed += time.monotonic() - began
        await _all_back(racers)
    after = await asyncio.to_thread(_metrics, servers)
    states = await asyncio.to_thread(_states, servers, conference)
    await _settled(lambda: follower.room.version >= states[0]["version"])
    over.set()
    await following
    stage = list(follower.room.stage)
    await _settled(lambda: all(racer.stage == stage for racer in racers))
    restored = await _restored(log, conference)
    for racer in racers:
        racer.leave()
    violations = [*follower.violations, *_of_people(racers, follower, stage)]
    for sentence in violations[:20]:
        typer.echo(sentence, err=True)
    limited = sum(racer.refused[Code.RATE_LIMITED] for racer in racers)
    given = rounds * len(racers) - limited
    return {
        "violations": len(violations),
        "commands": given,
        "accepted": sum(racer.accepted.total() for racer in racers),
        "limited": limited,
        "commands_per_s": given / passed,
        "append_ms": histogram_ms(before, after, "podium_append_seconds"),
        "commits": round(after["podium_append_seconds_count"] - before["podium_append_seconds_count"]),
        "events": follower.room.version - replica.room.version,
        "state_hashes_equal": {state["hash"] for state in states}
        == {state_hash(follower.room)}
        == {state_hash(restored.room)},
        "rounds": rounds,
        "removed": sum(racer.returns for racer in racers),
        "unanswered": sum(racer.unanswered.total() for racer in racers),
        "people": len(racers),
    }


async def _all_back(racers: list[Racer]) -> None:
    """Whoever was removed in this round is told so, and comes in again."""
    for racer in racers:
        # A removal on another node is heard of a moment after its answer; who is not told yet is asked.
        with contextlib.suppress(SignalingError, RefusedError):
            await racer.signaling.ask(c.ChatHistory, limit=1)
    for racer in racers:
        if racer.signaling.over or racer.signaling.closing:
            racer.leave()
            await racer.come()


def _states(servers: list[Server], conference: str) -> list[dict[str, Any]]:
    """Where the conference is on each node, when all are at the same version."""
    deadline = time.monotonic() + _SETTLED_S
    token = servers[0].login().token
    while True:
        found = [server.api("GET", f"/conferences/{conference}/state", None, token) for server in servers]
        if len({state["version"] for state in found}) == 1 or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def _metrics(servers: list[Server]) -> dict[str, float]:
    """The samples of all nodes together."""
    total: dict[str, float] = defaultdict(float)
    for server in servers:
        for name, value in server.metrics().items():
            total[name] += value
    return total


async def _entries(server: Server, conference: str, people: int) -> list[tuple[str, str, bool]]:
    """Token, identity, and whether they moderate: the owner and a fifth more do, half of the others are speakers."""
    roles = [Role.MODERATOR if n % 5 == 0 else Role.SPEAKER if n % 2 else Role.VIEWER for n in range(people - 1)]
    owner = server.login()
    api = Api(server.url)
    entries = [(owner.token, owner.identity, True)]
    links: dict[Role, str] = {}
    for number, role in enumerate(roles):
        # A moderator's link is for one person, the others' serve all of their role.
        if role is Role.MODERATOR or role not in links:
            links[role] = await asyncio.to_thread(server.invite, role, conference)
        token, identity, _ = await api.enter(links[role], f"Person {number}")
        entries.append((token, identity, role is Role.MODERATOR))
    api.close()
    return entries


async def _restored(log: RoomLog, conference: str) -> RoomReplica:
    loaded = await log.load(conference)
    if loaded is None:
        raise typer.BadParameter("The log has lost the conference.")
    return RoomReplica.restore(loaded, log=log, metrics=Metrics(), node="follower", clock=lambda: 0)


async def _follow(follower: Follower, over: asyncio.Event) -> None:
    # Not ended by cancelling, which Python 3.11's wait_for (in the store) may swallow.
    while not over.is_set():
        await follower.follow()
        await asyncio.sleep(_FOLLOW_EVERY_S)


def _of_people(racers: list[Racer], follower: Follower, stage: list[str]) -> list[str]:
    """What people were answered and told, against the record."""
    found = []
    for racer in racers:
        if racer.gaps:
            found.append(f"{racer.identity} was told events with a gap between them")
        if racer.stage != stage:
            found.append(f"{racer.identity} sees another stage than the record has")
        for name in _ALWAYS_DO:
            lines, answered = follower.lines[racer.identity, name], racer.accepted[name]
            if not answered <= lines <= answered + racer.unanswered[name]:
                found.append(f"{racer.identity} was answered ok {answered} times for {name}, of which {lines} happened")
        for name, answered in racer.accepted.items():
            if follower.lines[racer.identity, name] > answered + racer.unanswered[name]:
                found.append(f"{name} of {racer.identity} happened more often than it was answered ok")
    return found


async def _settled(condition: Callable[[], bool]) -> None:
    """Wait until that is so, as long as it may take at most."""
    deadline = time.monotonic() + _SETTLED_S
    while not condition():
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.02)


def histogram_ms(before: Mapping[str, float], after: Mapping[str, float], name: str) -> dict[str, float]:
    """p50 and p99 in ms of what a Prometheus histogram has counted in between, as exact as its buckets are."""
    buckets = []
    for sample, count in after.items():
        bound = re.fullmatch(name + r'_bucket\{le="([^"]+)"\}', sample)
        if bound is not None:
            buckets.append((float(bound[1]), count - before.get(sample, 0.0)))
    buckets.sort()
    total = buckets[-1][1] if buckets else 0.0
    return (
        {key: 1000 * _quantile(buckets, part * total) for key, part in (("p50", 0.5), ("p99", 0.99))} if total else {}
    )


def _quantile(buckets: Sequence[tuple[float, float]], wanted: float) -> float:
    """Below which value so many are, evenly spread within each bucket; of what is above the last, its bound."""
    low = below = 0.0
    for bound, count in buckets:
        if count >= wanted:
            return low if math.isinf(bound) else low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


def command(
    nodes: Annotated[int, typer.Option(min=1, max=9, help="Servers; several have a Redis between them.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="Commands of each person.")] = 50,
    people: Annotated[int, typer.Option(min=4, max=100, help="How many race.")] = 40,
    seed: Annotated[int, typer.Option(help="Which commands they choose.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Contradictory commands at once: what must hold, and how many are decided in a second."""
    result = asyncio.run(run(rounds, people, seed, nodes))
    targets = {"violations": "0", "state_hashes_equal": "True", "append_ms": "p99 ≤ 3 (on Redis)"}
    show("race: commands at once", result, as_json, targets)
    if result["violations"] or not result["state_hashes_equal"]:
        raise typer.Exit(1)
