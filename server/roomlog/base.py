"""The interface of the room log, and its unit: the commit.

A commit holds what one batch of commands led to. It is appended on the condition that the room is still at the
version that was decided on (`expected`): of two writers one wins, and the other is told what it missed and decides
again. An append that is repeated because its answer was lost is recognised by its bytes and counts once.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from protocol.events import RoomEvent
from protocol.names import Part

CommandKey = tuple[str, str, int]
"""Who gave a command, from which client, under which id: what makes its repetition recognisable."""


class Commit(Part, frozen=True, kw_only=True):
    """What one batch led to. `version` is the room's version after its events, `after` the one before them.

    `time` is ms since 1970; `node` names the process that decided. `commands` are those that the events answer.
    """

    version: int
    after: int
    time: int
    node: str
    events: tuple[RoomEvent, ...]
    commands: tuple[CommandKey, ...] = ()


class Appended(msgspec.Struct, frozen=True):
    """The commit is in the log, durably."""


class Conflict(msgspec.Struct, frozen=True):
    """The room is not at the expected position; nothing was written.

    `missed` are the commits after the expected version, oldest first. They may not reach back far enough, when a
    snapshot has replaced them, or belong to another epoch: then the room must be loaded again.
    """

    epoch: int
    missed: tuple[Commit, ...] = ()


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A room as the log has it: `snapshot` (version, state) and the commits after it, oldest first.

    `readable` is false when a commit could not be understood (it comes from a newer version of Podium): then
    `commits` ends before it, and nobody may decide anything for this room here.
    """

    epoch: int
    snapshot: tuple[int, bytes] | None
    commits: tuple[Commit, ...]
    readable: bool = True


class RoomLog(Protocol):
    """Every method raises `StoreUnavailable` when the log cannot be reached; then nothing is half done."""

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict:
        """Append durably if the room is at (`epoch`, `expected`); a room that is not there begins with 0."""

    async def load(self, room: str) -> Loaded | None:
        """Everything kept of a room; None when there is nothing."""

    async def commits_after(self, room: str, version: int) -> tuple[Commit, ...]:
        """The commits after a version, oldest first, as far as they are kept and can be read."""

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        """Keep the state at `version`, and let go of the commits up to it. An older snapshot than the kept one is
        ignored."""

    async def rooms(self) -> tuple[str, ...]:
        """The rooms in the log."""
