"""The room log on Redis, for several nodes: one Lua script for each operation, so that each is done whole or not.

All keys of a room share a hash tag, so that Redis Cluster keeps them on one server:

    podium:{ROOM}:head       epoch, version, version of the snapshot; what it was begun anew from; whether it is gone;
                             the replication id of the Redis that wrote it last
    podium:{ROOM}:commits    a stream of commits; the id of an entry is the commit's version
    podium:{ROOM}:snapshot   the state at the version of the snapshot; the commits up to it are let go of
    podium:{ROOM}:commands   the ids of the last commands, with the version that holds each
    podium:{ROOM}:audit      a stream of lines of the audit record; the id of an entry is its number
    podium:{ROOM}:lines      the last number given to a line
    podium:{ROOM}            the channel on which each commit is published by the script that has appended it
    podium:rooms             the rooms: 1, or 0 for one that was forgotten but for its audit record

`append.lua` compares epoch, version and command ids before it writes; so a commit that is sent again is recognised, a
command that comes a second time by another node is not obeyed, and a writer that missed something is told what.
A Redis that was started again, or took over, has another replication id. It may have lost commits that a node knows and
another does not; so the first to append begins the room anew from what is there, and no version of an epoch has two
histories.

A script has no undo, but nothing can stop one between two writes: Redis looks for memory, its disk and its replicas
before it begins. The list of rooms stands outside the scripts, being no room's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from protocol import codec
from server import log
from server.redis.connection import Connection, Script
from server.redis.trouble import RedisUnavailable, Trouble
from server.roomlog.base import Accepted, Appended, AuditEntry, AuditPage, CommandKey, Commit, Conflict, Loaded, Lost

# Command ids remembered for each room: a quarter of an hour of a busy one. A client repeats a command for some seconds.
MAX_COMMANDS = 4096
# Lines of the audit record kept for each room, whatever their age: memory, unlike the embedded log's disk, is dear.
MAX_LINES = 100_000
# Commits kept for each room. A snapshot lets go of them each some hundred, but for a history of half as many at most;
# without one for so long, memory is full.
MAX_COMMITS = 8192
# Missed commits told to a loser; who missed more loads the room.
MAX_MISSED = 1024
# How long a room that was let go of is not taken for lost.
REMEMBERED_MS = 86_400_000
# Lines of the audit record that are read at once, looked at for one page, and let go of at once.
PORTION = 500
MAX_LOOKED_AT = 20_000
MAX_FORGOTTEN = 5_000

_APPEND, _LOAD, _SNAPSHOT, _SEED, _FORGET, _NOTE, _SWEEP = (
    Script.of("server.roomlog", name) for name in ("append", "load", "snapshot", "seed", "forget", "note", "sweep")
)
# A room has its name here before its first commit. A name without a room is harmless.
_ROOMS = "podium:rooms"
_log = log.get("podium.roomlog")


def channel(room: str) -> str:
    """Where a room's commits are published."""
    return f"podium:{{{room}}}"


class RedisLog:
    """`RoomLog` on Redis."""

    def __init__(self, connection: Connection) -> None:
        self.history = 0
        self._connection = connection

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict | Lost:
        """See `RoomLog.append`."""
        if expected == 0:
            await self._connection.ask("HSET", _ROOMS, room, 1, repeatable=True)
        names = [msgspec.json.encode(command) for command in commit.commands]
        lines = [codec.pack(line) for line in commit.accepted]
        bounds = (MAX_COMMANDS, MAX_LINES, MAX_COMMITS, MAX_MISSED)
        arguments: list[str | bytes | int] = [epoch, expected, commit.version, codec.pack(commit), channel(room)]
        arguments += [*bounds, _stamp(commit.time, commit.node), len(names), *names, *lines]
        keys = _keys(room, "head", "commits", "snapshot", "commands", "audit", "lines")
        outcome, *rest = await self._connection.run(_APPEND, keys, arguments, repeatable=True)
        match outcome:
            case b"appended":
                return Appended()
            case b"conflict":
                return Conflict(int(rest[0]), _readable(rest[1]))
            case b"repeated":
                return Conflict(int(rest[0]), (), tuple(_answered(commit.commands, rest[1:])))
            case b"lost":
                return Lost()
            case b"doubtful":
                return Lost(perhaps=True)
            case b"overgrown":
                raise RedisUnavailable(Trouble.FULL, "the room has had no snapshot for too long")
        raise RedisUnavailable(Trouble.TORN)

    async def load(self, room: str) -> Loaded | None:
        """See `RoomLog.load`."""
        found = await self._connection.run(_LOAD, _keys(room, "head", "commits", "snapshot"), (), repeatable=True)
        if not found:
            return None
        if len(found) == 1:
            raise RedisUnavailable(Trouble.TORN)
        epoch, version, state, kept = found
        commits = _readable(kept)
        return Loaded(
            epoch=int(epoch),
            snapshot=(int(version), state) if int(version) else None,
            commits=commits,
            readable=len(commits) == len(kept),
        )

    async def commits_after(self, room: str, version: int, limit: int | None = None) -> tuple[Commit, ...]:
        """See `RoomLog.commits_after`."""
        (commits,) = _keys(room, "commits")
        most = () if limit is None else ("COUNT", limit)
        found = await self._connection.ask("XRANGE", commits, f"({version}-0", "+", *most, repeatable=True)
        return _readable(fields[b"c"] for _, fields in found or ())

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        """See `RoomLog.save_snapshot`."""
        keys = _keys(room, "head", "commits", "snapshot")
        kept_after = max(0, version - self.history)
        await self._connection.run(_SNAPSHOT, keys, (epoch, version, state, kept_after), repeatable=True)

    async def position(self, room: str) -> tuple[int, int] | None:
        """See `RoomLog.position`."""
        (head,) = _keys(room, "head")
        epoch, version, gone = await self._connection.ask("HMGET", head, "epoch", "version", "gone", repeatable=True)
        return (int(epoch), int(version)) if epoch is not None and gone is None else None

    async def seed(
        self,
        room: str,
        former: int,
        epoch: int,
        version: int,
        state: bytes,
        commands: Sequence[tuple[CommandKey, int]] = (),
    ) -> int | Conflict:
        """See `RoomLog.seed`."""
        given: list[str | bytes | int] = [former, epoch, version, state, channel(room)]
        for command, at in commands:
            given += at, msgspec.json.encode(command)
        keys = _keys(room, "head", "commits", "snapshot", "commands")
        outcome, found = await self._connection.run(_SEED, keys, given, repeatable=True)
        if outcome == b"conflict":
            return Conflict(int(found))
        await self._connection.ask("HSET", _ROOMS, room, 1, repeatable=True)
        _log.warning("a room that Redis has lost, perhaps in part, is begun anew", conference=room, version=version)
        return int(found)

    async def forget(self, room: str) -> None:
        """See `RoomLog.forget`."""
        keys = _keys(room, "head", "commits", "snapshot", "commands")
        await self._connection.run(_FORGET, keys, (REMEMBERED_MS, channel(room)), repeatable=True)
        await self._connection.ask("HSET", _ROOMS, room, 0, repeatable=True)

    async def ready(self) -> None:
        """See `RoomLog.ready`."""
        await self._connection.ready()

    async def rooms(self) -> tuple[str, ...]:
        """See `RoomLog.rooms`."""
        found = await self._connection.ask("HGETALL", _ROOMS, repeatable=True)
        return tuple(sorted(name.decode() for name, kept in found.items() if kept == b"1"))

    async def audit(
        self, room: str, *, after: int = 0, limit: int = 100, actor: str = "", command: str = ""
    ) -> AuditPage:
        """See `RoomLog.audit`."""
        (audit,) = _keys(room, "audit")
        entries: list[AuditEntry] = []
        looked_at = 0
        while looked_at < MAX_LOOKED_AT:
            portion = min(PORTION, MAX_LOOKED_AT - looked_at)
            found = await self._connection.ask("XRANGE", audit, f"({after}-0", "+", "COUNT", portion, repeatable=True)
            for id, fields in found or ():
                line = _line(id, fields)
                if actor in ("", line.actor) and command in ("", line.command):
                    if len(entries) == limit:
                        return AuditPage(entries=tuple(entries), next=entries[-1].number)
                    entries.append(line)
                after = line.number
            looked_at += portion
            if len(found or ()) < portion:
                return AuditPage(entries=tuple(entries))
        return AuditPage(entries=tuple(entries), next=after)

    async def note(self, room: str, time: int, node: str, entry: Accepted) -> None:
        """See `RoomLog.note`."""
        await self._connection.ask("HSETNX", _ROOMS, room, 0, repeatable=True)
        # Not repeatable: two lines for one deed would be wrong, one that is missing is told to whoever did it.
        await self._connection.run(
            _NOTE, _keys(room, "audit", "lines"), (MAX_LINES, _stamp(time, node), codec.pack(entry))
        )

    async def forget_audit(self, before: int) -> int:
        """See `RoomLog.forget_audit`."""
        forgotten = 0
        found = await self._connection.ask("HGETALL", _ROOMS, repeatable=True)
        for name, kept in sorted(found.items()):
            left = MAX_FORGOTTEN - forgotten
            if left <= 0:
                break
            keys = _keys(name.decode(), "audit", "lines")
            went, remain = await self._connection.run(_SWEEP, keys, (before, left, int(kept == b"0")), repeatable=True)
            forgotten += went
            if not remain and kept == b"0":
                await self._connection.ask("HDEL", _ROOMS, name, repeatable=True)
        return forgotten


def _keys(room: str, *names: str) -> list[str]:
    return [f"podium:{{{room}}}:{name}" for name in names]


def _stamp(time: int, node: str) -> str:
    """What the script must read of a line, and what all lines of a commit share."""
    return f"{time} {node}"


def _line(id: bytes, fields: dict[bytes, bytes]) -> AuditEntry:
    time, _, node = fields[b"t"].decode().partition(" ")
    accepted = codec.decode(fields[b"l"], Accepted)
    return AuditEntry(number=int(id.partition(b"-")[0]), time=int(time), node=node, **msgspec.structs.asdict(accepted))


def _answered(commands: Iterable[CommandKey], versions: Iterable[bytes]) -> Iterable[tuple[CommandKey, int]]:
    for command, version in zip(commands, versions, strict=True):
        if version:
            yield command, int(version)


def _readable(rows: Iterable[Any]) -> tuple[Commit, ...]:
    commits = []
    for row in rows:
        try:
            commits.append(codec.decode(row, Commit))
        except codec.BadMessage:
            break
    return tuple(commits)
