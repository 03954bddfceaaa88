"""Replicas on a log in memory, and members that write down what they are told."""

from __future__ import annotations

import asyncio
from typing import Any

import msgpack
from websockets.frames import Frame, Opcode

from protocol import codec
from protocol import commands as c
from protocol.codec import Encoding
from protocol.errors import Code
from protocol.names import STAGE_PLACES, PersonKind, Role
from server.conference.replica import Order, RoomReplica
from server.metrics import Metrics
from server.room import inner
from server.room.refusal import Refusal
from server.roomlog import Accepted, Appended, AuditPage, Commit, Conflict, Loaded, Lost
from server.storage.store import StoreUnavailable

CONFERENCE, OWNER = "abc-defg-hij", "u_owner"


class MemoryLog:
    """A room log in memory that several replicas share; `broken` makes it unavailable."""

    def __init__(self) -> None:
        self.history = 0
        self.commits: list[Commit] = []
        self.snapshot: tuple[int, bytes] | None = None
        self.epoch = 0
        self.broken = False
        self.readable = True
        # Of so many appends that were done nobody is told.
        self.answers_lost = 0
        self.appends = 0
        self.pause = asyncio.Event()
        self.pause.set()

    @property
    def version(self) -> int:
        return self.commits[-1].version if self.commits else self.snapshot[0] if self.snapshot else 0

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict | Lost:
        await self.pause.wait()
        await asyncio.sleep(0)
        if self.broken:
            raise StoreUnavailable("broken by the test")
        self.appends += 1
        self.epoch = self.epoch or epoch
        if self.epoch == epoch and self.version < expected:
            return Lost()
        if (self.epoch, self.version) != (epoch, expected):
            return Conflict(self.epoch, tuple(one for one in self.commits if one.version > expected))
        # Through the bytes, as a real log has it.
        self.commits.append(codec.decode(codec.pack(commit), Commit))
        if self.answers_lost:
            self.answers_lost -= 1
            raise StoreUnavailable("the answer was lost by the test", uncertain=True)
        return Appended()

    async def load(self, room: str) -> Loaded | None:
        return Loaded(epoch=self.epoch, snapshot=self.snapshot, commits=tuple(self.commits), readable=self.readable)

    async def commits_after(self, room: str, version: int, limit: int | None = None) -> tuple[Commit, ...]:
        return tuple(one for one in self.commits if one.version > version)[:limit]

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        if self.broken:
            raise StoreUnavailable("broken by the test")
        self.snapshot = (version, state)
        self.commits = [one for one in self.commits if one.version > version]

    async def position(self, room: str) -> tuple[int, int] | None:
        if self.broken:
            raise StoreUnavailable("broken by the test")
        return (self.epoch, self.version) if self.version else None

    async def seed(
        self, room: str, former: int, epoch: int, version: int, state: bytes, commands: Any = ()
    ) -> int | Conflict:
        if self.broken:
            raise StoreUnavailable("broken by the test")
        if self.version >= version:
            return Conflict(self.epoch)
        self.commits, self.snapshot, self.epoch = [], (version, state), epoch
        return epoch

    def lose(self, version: int = 0) -> None:
        """Be a server that came back without what is after `version`."""
        self.commits = [one for one in self.commits if one.version <= version]
        if version == 0:
            self.snapshot = None

    async def forget(self, room: str) -> None:
        self.commits, self.snapshot, self.epoch = [], None, 0

    async def ready(self) -> None:
        if self.broken:
            raise StoreUnavailable("broken by the test")

    async def rooms(self) -> tuple[str, ...]:
        return (CONFERENCE,)

    async def audit(
        self, room: str, *, after: int = 0, limit: int = 100, actor: str = "", command: str = ""
    ) -> AuditPage:
        raise NotImplementedError("no audit record is kept")

    async def note(self, room: str, time: int, node: str, entry: Accepted) -> None:
        raise NotImplementedError("no audit record is kept")

    async def forget_audit(self, before: int) -> int:
        raise NotImplementedError("no audit record is kept")

    @property
    def accepted(self) -> list[Accepted]:
        """What the audit record would hold."""
        return [one for commit in self.commits for one in commit.accepted]


class Clock:
    """A clock that moves by a millisecond each time it is looked at."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


class Ear:
    """A member of a room that writes down what it is told."""

    def __init__(self, person: str, *, console: bool = False, client: str = "client-1") -> None:
        self.person = person
        self.client = client
        self.console = console
        self.encoding = Encoding.MSGPACK
        self.told = 0
        self.heard: list[dict[str, Any]] = []
        self.left: tuple[Code | None, str] | None = None
        self.closed: Code | None = None

    def send(self, frame: bytes) -> None:
        self.heard += unframed(frame)

    def gone(self, code: Code | None, note: str) -> None:
        self.left = (code, note)

    def close(self, code: Code) -> None:
        self.closed = code

    def types(self) -> list[str]:
        return [message["type"] for message in self.heard]


def unframed(frames: bytes) -> list[dict[str, Any]]:
    """The messages in a server's frames."""
    messages: list[dict[str, Any]] = []
    while frames:
        short = frames[1] & 0x7F
        header = 2 if short < 126 else 4 if short == 126 else 10
        size = short if short < 126 else int.from_bytes(frames[2:header], "big")
        data, rest = frames[header : header + size], frames[header + size :]
        messages.append(msgpack.unpackb(data))
        assert frames == Frame(Opcode.BINARY, data).serialize(mask=False) + rest
        frames = rest
    return messages


async def new_replica(log: MemoryLog, node: str = "n1", clock: Clock | None = None) -> RoomReplica:
    """A new room whose owner is not yet in it."""
    replica = await RoomReplica.create(
        inner.Create(conference=CONFERENCE, title="A test", stage_places=STAGE_PLACES),
        OWNER,
        log=log,
        metrics=Metrics(),
        node=node,
        clock=clock or Clock(),
    )
    assert replica is not None
    replica.start()
    return replica


async def second_replica(log: MemoryLog, node: str = "n2") -> RoomReplica:
    """Another node's replica of the room in the log."""
    loaded = await log.load(CONFERENCE)
    assert loaded is not None
    replica = RoomReplica.restore(loaded, log=log, metrics=Metrics(), node=node, clock=Clock())
    replica.start()
    return replica


def enter(name: str, role: Role = Role.SPEAKER) -> inner.Enter:
    return inner.Enter(name=name, kind=PersonKind.USER, inherits=role)


async def come_in(replica: RoomReplica, person: str, role: Role = Role.SPEAKER, **more: Any) -> Ear:
    """Let a person in, with a member that hears what follows."""
    assert await replica.ask(person, enter(person, role)) is None
    ear = Ear(person, **more)
    replica.members.attach(ear, replica.room.version, replica.room)
    return ear


def order(
    actor: str, command: Any, *, client: str = "client-1", once: bool = False
) -> tuple[Order, asyncio.Future[Refusal | None]]:
    """A client's command, and its outcome to be."""
    outcome: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
    made = Order(
        actor=actor,
        commands=lambda _: (command,),
        key=(actor, client, command.id if isinstance(command, c.Command) else 0),
        once=once,
        bounded=True,
        settle=outcome.set_result,
    )
    return made, outcome
