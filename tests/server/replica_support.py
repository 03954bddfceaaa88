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
from server.metrics import Metrics
from server.replica import Order, RoomReplica
from server.room import inner
from server.room.refusal import Refusal
from server.roomlog import Appended, Commit, Conflict, Loaded
from server.store import StoreUnavailable

CONFERENCE, OWNER = "abc-defg-hij", "u_owner"


class MemoryLog:
    """A room log in memory that several replicas share; `broken` makes it unavailable."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.snapshot: tuple[int, bytes] | None = None
        self.epoch = 0
        self.broken = False
        self.readable = True
        self.appends = 0
        self.pause = asyncio.Event()
        self.pause.set()

    @property
    def version(self) -> int:
        return self.commits[-1].version if self.commits else self.snapshot[0] if self.snapshot else 0

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict:
        await self.pause.wait()
        await asyncio.sleep(0)
        if self.broken:
            raise StoreUnavailable("broken by the test")
        self.appends += 1
        self.epoch = self.epoch or epoch
        if (self.epoch, self.version) != (epoch, expected):
            return Conflict(self.epoch, tuple(one for one in self.commits if one.version > expected))
        # Through the bytes, as a real log has it.
        self.commits.append(codec.decode(codec.pack(commit), Commit))
        return Appended()

    async def load(self, room: str) -> Loaded | None:
        return Loaded(epoch=self.epoch, snapshot=self.snapshot, commits=tuple(self.commits), readable=self.readable)

    async def commits_after(self, room: str, version: int) -> tuple[Commit, ...]:
        return tuple(one for one in self.commits if one.version > version)

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        if self.broken:
            raise StoreUnavailable("broken by the test")
        self.snapshot = (version, state)
        self.commits = [one for one in self.commits if one.version > version]

    async def rooms(self) -> tuple[str, ...]:
        return (CONFERENCE,)


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
        self.heard.append(unframed(frame))

    def gone(self, code: Code | None, note: str) -> None:
        self.left = (code, note)

    def close(self, code: Code) -> None:
        self.closed = code

    def types(self) -> list[str]:
        return [message["type"] for message in self.heard]


def unframed(frame: bytes) -> dict[str, Any]:
    """The message in a server's frame."""
    short = frame[1] & 0x7F
    header = 2 if short < 126 else 4 if short == 126 else 10
    message: dict[str, Any] = msgpack.unpackb(frame[header:])
    assert frame == Frame(Opcode.BINARY, frame[header:]).serialize(mask=False)
    return message


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
