"""What befalls Redis, and nodes on the way to it, under a running conference of two nodes and two shared workers.

Of each fault the seconds are printed, and afterwards the promises are looked at (docs/failures.md):

- P1: each client has every event in order, or a snapshot; at the end all are where the record is.
- P2: both nodes hold the same state, a command counts once however often it had to be given, and of two who race for
  the last place from two nodes one gets it.
- P3: a mute silences within 250 ms, and nothing is heard after it.
- P6: roles, seats, mutes and blocks are what they were, and everybody is back within ten seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from tests.chaos import StreamChaos
from tests.far_worker import SECRET, FarWorker
from tests.harness import Client, Guest, Refused, Server, until
from tests.redis_server import RedisServer, free_port
from tests.system.stack import ForeignPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACK_S = 10.0
# How long a fault lasts that has an end of its own, and how long everything goes on after it.
OUTAGE_S = 3.0
AFTER_S = 2.0
# A second unless given; a start on a busy machine would fail by it.
TIMEOUT = "timeout=2"


class Person(Client):
    """Somebody who comes back by either node whenever the connection ends, and remembers every gap and resync."""

    def __init__(self, homes: list[Server], who: Guest) -> None:
        super().__init__(homes[0])
        self.homes = homes
        self.who = who
        self.gaps: list[str] = []
        self.resyncs = self.returns = 0
        self.titles: dict[tuple[int, int], str] = {}
        # What a page does for its media when it has to join anew, and with it begins them anew.
        self.begins_media: Callable[[], Awaitable[None]] | None = None
        # Set while in the conference: not between a new hello and its join.
        self.there = asyncio.Event()
        self._staying: asyncio.Task[None]

    async def come(self, conference: str, **fields: Any) -> Person:
        """Join, and stay from now on."""
        self._fields = fields
        await self.hello(self.who.token)
        await self.join(conference, **fields)
        self.there.set()
        self._staying = asyncio.create_task(self._stay(), name="stays")
        return self

    async def go(self) -> None:
        """Leave for good."""
        self._staying.cancel()
        await asyncio.gather(self._staying, return_exceptions=True)
        await self.drop()

    async def _stay(self) -> None:
        while True:
            await self.closed.wait()
            self.there.clear()
            for home in self.homes:
                self.server = home
                try:
                    await self._return()
                    self.there.set()
                    self.returns += 1
                    break
                except (OSError, TimeoutError, AssertionError, ConnectionClosed):
                    await self.drop()
            else:
                await asyncio.sleep(0.2)

    async def _return(self) -> None:
        try:
            await self.hello(self.who.token, resume=True)
        except Refused as error:
            if error.code != "bad_resume":
                raise
            await self.drop()
            await self.hello(self.who.token)
            await self.join(self.conference, **self._fields)
            if self.begins_media is not None:
                await self.begins_media()

    def _take(self, message: dict[str, Any]) -> None:
        self.resyncs += message["type"] == "resync"
        try:
            super()._take(message)
        except AssertionError as error:
            self.gaps.append(str(error))
            raise
        if message["type"] == "conference.settings_changed":
            self.titles[self.epoch, message["version"]] = message["title"]


class Talker:
    """Gives one command after the other, and each again with the same id until it is accepted."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.accepted: list[str] = []
        self.refused = 0
        self._times: list[float] = []
        self._numbers = iter(range(1_000_001, 2_000_000))
        self._talking: asyncio.Task[None]

    def begin(self) -> None:
        self.accepted.clear()
        self.refused = 0
        self._times = [time.monotonic()]
        self._talking = asyncio.create_task(self._talk(), name="talks")

    async def end(self) -> float:
        """The longest time in which nothing was accepted, in s."""
        self._talking.cancel()
        await asyncio.gather(self._talking, return_exceptions=True)
        times = [*self._times, time.monotonic()]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    async def goes_on(self) -> None:
        """Three commands more have been accepted."""
        count = len(self.accepted) + 3
        await until(lambda: len(self.accepted) >= count or self._talking.done(), 30)
        if self._talking.done():
            self._talking.result()

    async def _talk(self) -> None:
        for number in self._numbers:
            title = f"{self.person.who.name} {number}"
            while True:
                await self.person.there.wait()
                try:
                    await self.person.send("conference.settings", id=number, title=title, timeout_s=8)
                    break
                except Refused as error:
                    assert error.code in ("store_unavailable", "going_away", "rate_limited", "busy"), error
                    self.refused += 1
                except (OSError, TimeoutError, AssertionError, ConnectionClosed):
                    self.refused += 1
                await asyncio.sleep(0.1)
            self.accepted.append(title)
            self._times.append(time.monotonic())
            await asyncio.sleep(0.15)


class Meeting:
    """Two nodes and two workers. The owner and Sara, who speaks, are at the first node; Mona, who moderates and hears
    Sara, is at the second, and a console of the owner's; on each there is one who would like the last place."""

    def __init__(self, first: Server, second: Server) -> None:
        self.first, self.second = first, second
        self.conference = first.conference
        self._people: list[Person] = []
        self._peers: list[ForeignPeer] = []

    async def begin(self) -> Meeting:
        owner = self.first.login()
        self.second.signed_in(owner.token, owner.identity)
        wanted = {
            "Sara": ("speaker", self.first),
            "Mona": ("moderator", self.second),
            "Anna": ("viewer", self.first),
            "Boris": ("viewer", self.second),
        }
        come: dict[str, Person] = {}
        for name, (role, home) in {"Owner": ("", self.first), **wanted}.items():
            who = Guest(owner.token, owner.identity, name) if not role else self.first.guest(name, role)
            other = self.second if home is self.first else self.first
            await until(lambda home=home: _ready(home), 30)
            come[name] = await Person([home, other], who).come(self.conference)
            self._people.append(come[name])
        desk = Person([self.second, self.first], Guest(owner.token, owner.identity, "Desk"))
        self._people.append(await desk.come(self.conference, console=True))
        self.owner, self.sara, self.mona = come["Owner"], come["Sara"], come["Mona"]
        self.anna, self.boris = come["Anna"], come["Boris"]
        blocked = self.first.guest("Gone")
        self._gone = await Person([self.first], blocked).come(self.conference)
        await self.owner.send("participant.block", target=self._gone.identity)
        await self._gone.go()
        self.watching = self.first.guest("Watcher")
        await self.owner.send("conference.settings", stage_places=2)
        await self.sara.send("stage.request")
        await self.owner.send("media.lock", target=self.boris.identity, source="video")
        self.speaks, self.hears = ForeignPeer(self.sara), ForeignPeer(self.mona)
        self._peers += (self.speaks, self.hears)
        await self.hears.subscribe()
        await self.speaks.publish()
        await self.hears.gets(self.sound)
        self.mona.begins_media, self.sara.begins_media = self.hears.subscribe, self.speaks.publish
        self.talkers = [Talker(self.owner), Talker(desk)]
        return self

    async def end(self) -> None:
        for peer in self._peers:
            await peer.close()
        for person in self._people:
            await person.go()

    @property
    def sound(self) -> str:
        return f"{self.sara.identity}/audio"

    # --- what holds in any case -----------------------------------------------------------

    async def picture(self, server: Server) -> dict[str, Any]:
        """What may not change by a fault, as somebody sees it who comes to a node now, and leaves again."""
        client = Client(server)
        try:
            await client.hello(self.watching.token)
            snapshot = await client.join(self.conference)
            await client.send("conference.leave")
        finally:
            await client.drop()
        people = {
            person["id"]: (person["role"], sorted(person.get("locked", ())), sorted(person.get("muted", ())))
            for person in snapshot["people"]
            if person["id"] != self.watching.identity
        }
        return {"people": people, "stage": snapshot["stage"], "places": snapshot["stage_places"]}

    async def befalls(
        self, name: str, fault: Callable[[], Any], *, recorded: bool = True, snapshots: bool = False
    ) -> dict[str, float]:
        """Have something happen amid commands from both nodes, and look at the promises. `recorded`: nothing of the
        record may be lost; `snapshots`: everybody gets one."""
        before = await self.picture(self.first)
        resyncs = [person.resyncs for person in self._people]
        for talker in self.talkers:
            talker.begin()
        gaps = asyncio.create_task(self._longest_gap(), name="listens")
        try:
            for talker in self.talkers:
                await talker.goes_on()
            await fault()
            ended = time.monotonic()
            await asyncio.gather(*(talker.goes_on() for talker in self.talkers))
            await until(lambda: all(not person.closed.is_set() for person in self._people), 30)
            back_s = time.monotonic() - ended
            await asyncio.sleep(AFTER_S)
        finally:
            refused_s = [await talker.end() for talker in self.talkers]
            gaps.cancel()
        silence_s = await gaps
        told = {
            "no command was accepted at the first node for": refused_s[0],
            "at the second for": refused_s[1],
            "afterwards it took until both worked": back_s,
            "longest gap of sound": silence_s,
        }
        assert back_s < BACK_S and silence_s < 2, told
        if snapshots:
            now = zip(self._people, resyncs, strict=True)
            assert all(person.resyncs > former for person, former in now)
        await self._is_one(recorded)
        assert await self.picture(self.first) == await self.picture(self.second) == before
        told["silent after a mute"] = await self._silences()
        told["/healthz"] = min([await asyncio.to_thread(_healthz_s, self.first) for _ in range(5)])
        assert told["/healthz"] < 0.1
        print(f"{name}: " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in told.items()))  # noqa: T201
        return told

    async def _longest_gap(self) -> float:
        """Until it is cancelled: the longest time in which nothing was heard."""
        longest, since, count = 0.0, time.monotonic(), -1
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                now = time.monotonic()
                longest = max(longest, now - since)
                if self.hears.frames[self.sound] > count:
                    count, since = self.hears.frames[self.sound], now
                await asyncio.sleep(0.02)
        return longest

    async def _is_one(self, recorded: bool) -> None:
        """P1 and P2."""
        states: list[dict[str, Any]] = []

        def settled() -> bool:
            token = self.first.login().token
            states[:] = [
                server.api("GET", f"/conferences/{self.conference}/state", token=token)
                for server in (self.first, self.second)
            ]
            where = {(person.epoch, person.position) for person in self._people}
            return states[0] == states[1] and where <= {(states[0]["epoch"], states[0]["version"])}

        # Somebody of the crowd is not told of everything: a last event for all.
        await self.owner.send("conference.settings", title=f"Settled {time.monotonic()}")
        await until(settled, 15)
        assert [person.gaps for person in self._people if person.gaps] == []
        told: dict[tuple[int, int], str] = {}
        for person in self._people:
            for at, title in person.titles.items():
                assert told.setdefault(at, title) == title
        if recorded:
            path = f"/conferences/{self.conference}/audit?action=conference.settings&format=json"
            lines = await asyncio.to_thread(self.second.api, "GET", path, None, self.first.login().token)
            done = [line["details"].get("title") for line in lines]
            for talker in self.talkers:
                assert talker.accepted and {title: done.count(title) for title in talker.accepted} == dict.fromkeys(
                    talker.accepted, 1
                )
        for person in (self.anna, self.boris):
            await person.send("stage.request")
        race = await asyncio.gather(
            self.owner.send("stage.grant", target=self.anna.identity),
            self.mona.send("stage.grant", target=self.boris.identity),
            return_exceptions=True,
        )
        won = [answer for answer in race if isinstance(answer, dict)]
        assert len(won) == 1, race
        winner, loser = (self.anna, self.boris) if isinstance(race[0], dict) else (self.boris, self.anna)
        await self.owner.send("stage.take_down", target=winner.identity)
        await loser.send("stage.withdraw")

    async def _silences(self) -> float:
        """P3: the receipt's seconds."""
        await self.hears.gets(self.sound)
        answer = await self.mona.send("media.mute", target=self.sara.identity, source="audio")
        receipt = answer["result"]
        assert receipt["applied"] is True and 0 <= receipt["silence_ms"] < 250
        await asyncio.sleep(0.5)
        silent = self.hears.frames[self.sound]
        await asyncio.sleep(0.5)
        assert self.hears.frames[self.sound] == silent
        await self.sara.send("media.unmute", source="audio")
        await self.hears.gets(self.sound)
        return float(receipt["silence_ms"]) / 1000


def _ready(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.request("GET", "/readyz").status == 200
    return False


def _healthz_s(server: Server) -> float:
    began = time.monotonic()
    assert server.request("GET", "/healthz").status == 200
    return time.monotonic() - began


@contextlib.asynccontextmanager
async def meeting(folder: Path, first_url: str, second_url: str) -> AsyncIterator[Meeting]:
    """Everything but Redis."""
    flags = ("--workers", "0", "--viewers-per-worker", "1", "--grace-s", "60")
    with contextlib.ExitStack() as started:
        for _ in range(2):
            started.callback(FarWorker(second_url).start().stop)
        servers = []
        for name, url in (("first", first_url), ("second", second_url)):
            servers.append(Server(folder / name, *flags, "--redis", url, environment=SECRET).start())
            started.callback(servers[-1].stop)
        held = Meeting(*servers)
        try:
            yield await held.begin()
        finally:
            await held.end()


class Scene:
    """A meeting on one Redis, with a network between the first node and Redis that can be cut."""

    def __init__(self, redis: RedisServer, network: StreamChaos, held: Meeting) -> None:
        self.redis, self.network, self.meeting = redis, network, held

    async def redis_cli(self, *words: str) -> str:
        return await asyncio.to_thread(_cli, "-s", str(self.redis.socket), *words)


def _cli(*words: str) -> str:
    return subprocess.run(["redis-cli", *words], capture_output=True, text=True, timeout=10, check=True).stdout


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("faults")
    redis = RedisServer(folder / "r").start()
    try:
        with StreamChaos(redis.socket) as network:
            through = f"redis://127.0.0.1:{network.port}?{TIMEOUT}"
            async with meeting(folder, through, f"{redis.strict_url}?{TIMEOUT}") as held:
                yield Scene(redis, network, held)
    finally:
        redis.stop()


async def test_redis_is_killed_and_started_again(scene: Scene) -> None:
    async def fault() -> None:
        await asyncio.to_thread(scene.redis.kill9)
        await asyncio.sleep(OUTAGE_S)
        await asyncio.to_thread(scene.redis.start)

    # What was appended in the last second before a crash may be gone from the file (appendfsync everysec).
    await scene.meeting.befalls("kill -9 of Redis for 3 s", fault, recorded=False)


async def test_redis_is_stopped_for_three_seconds(scene: Scene) -> None:
    async def fault() -> None:
        scene.redis.freeze()
        await asyncio.sleep(OUTAGE_S)
        scene.redis.thaw()

    told = await scene.meeting.befalls("SIGSTOP of Redis for 3 s", fault)
    assert min(told["no command was accepted at the first node for"], told["at the second for"]) > 2


async def test_redis_is_emptied(scene: Scene) -> None:
    async def fault() -> None:
        await scene.redis_cli("FLUSHALL")

    await scene.meeting.befalls("FLUSHALL", fault, recorded=False, snapshots=True)


async def test_redis_has_no_memory_left(scene: Scene) -> None:
    async def fault() -> None:
        await scene.redis_cli("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(OUTAGE_S)
        assert not _ready(scene.meeting.first)
        await scene.redis_cli("CONFIG", "SET", "maxmemory", "0")

    await scene.meeting.befalls("no memory left (noeviction) for 3 s", fault)
    assert all(talker.refused for talker in scene.meeting.talkers)


async def test_redis_is_a_read_only_replica(scene: Scene) -> None:
    async def fault() -> None:
        # Of a primary that nobody is: it keeps what it has, answers reads, and refuses writes.
        await scene.redis_cli("REPLICAOF", "127.0.0.1", str(free_port()))
        await asyncio.sleep(OUTAGE_S)
        assert not _ready(scene.meeting.first)
        await scene.redis_cli("REPLICAOF", "NO", "ONE")

    await scene.meeting.befalls("a read-only replica for 3 s", fault)
    assert all(talker.refused for talker in scene.meeting.talkers)


async def test_a_node_is_cut_off_from_redis(scene: Scene) -> None:
    """For longer than its lease: the other node takes it for dead, and mutes its people; it begins anew."""
    held = scene.meeting
    told: dict[str, float] = {}

    async def fault() -> None:
        began = time.monotonic()
        scene.network.cut()
        drain(held.mona)
        await held.mona.event("participant.away", 20, person=held.sara.identity)
        told["away"] = time.monotonic() - began
        # The muted one is connected through the node that is cut off; the worker hears of it by the other.
        await held.hears.gets(held.sound)
        answer = await held.mona.send("media.mute", target=held.sara.identity, source="audio")
        told["silent"] = answer["result"]["silence_ms"] / 1000
        assert answer["result"]["applied"] is True and told["silent"] < 0.25
        await held.mona.send("media.unmute", target=held.sara.identity, source="audio")
        await held.hears.gets(held.sound, 1)
        scene.network.heal()

    returns = held.sara.returns
    seconds = await held.befalls("a node cut off from Redis", fault)
    print(f"its people are away after {told['away']:.2f} s, one is silent {told['silent']:.3f} s after a mute")  # noqa: T201
    assert held.sara.returns > returns
    # Nobody else was kept from anything.
    assert seconds["at the second for"] < 3


def drain(client: Client) -> None:
    """Let go of the events that wait."""
    while not client.events.empty():
        client.events.get_nowait()


async def test_sentinel_makes_the_replica_the_primary(tmp_path: Path) -> None:
    ports = [free_port() for _ in range(3)]
    primary = RedisServer(tmp_path / "a", port=ports[0]).start()
    replica = RedisServer(tmp_path / "b", "--replicaof", "127.0.0.1", str(ports[0]), port=ports[1]).start()
    config = tmp_path / "s" / "sentinel.conf"
    config.parent.mkdir()
    config.write_text(
        f"port {ports[2]}\nbind 127.0.0.1\ndir {config.parent}\n"
        f"sentinel monitor podium 127.0.0.1 {ports[0]} 1\n"
        "sentinel down-after-milliseconds podium 1000\nsentinel failover-timeout podium 5000\n"
    )
    sentinel = _start_sentinel(config)
    try:
        await until(lambda: "slave" in _sentinel(ports[2]), 30, 0.2)
        url = f"redis+sentinel://127.0.0.1:{ports[2]}/podium?{TIMEOUT}"
        async with meeting(tmp_path, url, url) as held:

            async def fault() -> None:
                primary.kill9()
                await until(lambda: "role:master" in _cli("-s", str(replica.socket), "INFO", "replication"), 30, 0.1)

            before = held.first.invite()
            # An asynchronous replica may know less than the primary did: then the nodes give back what is missing.
            await held.befalls("Sentinel: the primary is killed", fault, recorded=False)
            # The directory is whole, and taken further by both.
            assert _lets_in(held.second, before)
            later = held.second.invite()
            await until(lambda: _lets_in(held.first, later))
            assert all(_ready(server) for server in (held.first, held.second))
    finally:
        sentinel.terminate()
        sentinel.wait(10)
        replica.stop()
        primary.stop()


def _lets_in(server: Server, invite: str) -> bool:
    return server.request("POST", "/api/v1/guests", {"invite": invite, "name": "Late"}).status == 200


def _start_sentinel(config: Path) -> subprocess.Popen[bytes]:
    words = ["redis-server", str(config), "--sentinel"]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _sentinel(port: int) -> str:
    with contextlib.suppress(subprocess.CalledProcessError):
        return _cli("-p", str(port), "SENTINEL", "replicas", "podium")
    return ""
