"""The interface of the room log, and its unit: the commit.

A commit holds what one batch of commands led to. It is appended on the condition that the room is still at the
version that was decided on (`expected`): of two writers one wins, and the other is told what it missed and decides
again. An append that is repeated because its answer was lost is recognised by its bytes and counts once.

A log that several nodes share may lose what it had: a server that comes back empty, a failover. The nodes still know,
and what they have said cannot be unsaid: one of them begins the room anew from its state (`seed`), under a later epoch
that refuses every commit decided under the former one.

What a commit's commands were is kept a second time, in the audit record of the room: written in the same step as the
commit, never changed, and let go only by age, where a snapshot lets go of commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from protocol.events import RoomEvent
from protocol.names import Part

CommandKey = tuple[str, str, int]
"""Who gave a command, from which client, under which id: what makes its repetition recognisable."""


class Accepted(Part, frozen=True, kw_only=True):
    """A command that was accepted and changed the room from version `before` to `version`.

    `actor` is empty for what nobody asked for (time, a broken connection); `name` is what they were called then.
    `reached` are the others whom it concerned, beside the `target`; no more than a hundred. `details` are the command's
    other fields, and who `came` and who is `gone` where it concerned several; `events` the kinds of what followed.
    """

    actor: str
    command: str
    before: int
    version: int
    name: str = ""
    target: str = ""
    reached: tuple[str, ...] = ()
    details: dict[str, Any] = {}
    events: tuple[str, ...] = ()


class AuditEntry(Accepted, frozen=True, kw_only=True):
    """A line of the audit record. `number` grows from line to line of a room, with gaps; `time` is ms since 1970."""

    number: int
    time: int
    node: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines, oldest first; `next` is what to go on after, None at the end."""

    entries: tuple[AuditEntry, ...]
    next: int | None = None


class Commit(Part, frozen=True, kw_only=True):
    """What one batch led to. `version` is the room's version after its events, `after` the one before them.

    `time` is ms since 1970; `node` names the process that decided. `commands` are those that the events answer,
    `accepted` says for the audit record what was done.
    """

    version: int
    after: int
    time: int
    node: str
    events: tuple[RoomEvent, ...]
    commands: tuple[CommandKey, ...] = ()
    accepted: tuple[Accepted, ...] = ()


class Appended(msgspec.Struct, frozen=True):
    """The commit is in the log, durably."""


class Conflict(msgspec.Struct, frozen=True):
    """The room is not at the expected position; nothing was written. `epoch` is 0 when there is no such room.

    `missed` are the commits after the expected version, oldest first; none when the epoch is another. They may not
    reach back far enough, when a snapshot has replaced them: then, too, the room must be loaded again. `answered` are
    those of the commit's commands that the log has already, with the version that holds them.
    """

    epoch: int
    missed: tuple[Commit, ...] = ()
    answered: tuple[tuple[CommandKey, int], ...] = ()


class Lost(msgspec.Struct, frozen=True):
    """The log knows less of the room than was expected; nothing was written. The room is to be seeded.

    `perhaps`: it knows what was expected, and may have lost what came after that, which others may know."""

    perhaps: bool = False


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
    """Every method raises `StoreUnavailable` when the log cannot be reached; then nothing is half done. When it says
    `uncertain`, it may be done nevertheless; the same call again tells, and does it at most once."""

    history: int
    """So many events before a snapshot are kept all the same, for those who read behind (server/webhooks)."""

    async def append(self, room: str, epoch: int, expected: int, commit: Commit) -> Appended | Conflict | Lost:
        """Append durably if the room is at (`epoch`, `expected`); a room that is not there begins with 0. What was
        accepted is in the audit record together with the commit, or neither is."""

    async def load(self, room: str) -> Loaded | None:
        """Everything kept of a room; None when there is nothing."""

    async def commits_after(self, room: str, version: int, limit: int | None = None) -> tuple[Commit, ...]:
        """The commits that reach beyond a version, oldest first, at most `limit` when given, as far as they are kept
        and can be read. The first one may begin before the version."""

    async def save_snapshot(self, room: str, epoch: int, version: int, state: bytes) -> None:
        """Keep the state at `version`, and let go of the commits up to it, but for the last `history` events. An older
        snapshot than the kept one is ignored."""

    async def position(self, room: str) -> tuple[int, int] | None:
        """Epoch and version of a room; None when there is nothing."""

    async def seed(
        self,
        room: str,
        former: int,
        epoch: int,
        version: int,
        state: bytes,
        commands: Sequence[tuple[CommandKey, int]] = (),
    ) -> int | Conflict:
        """Begin a room anew that the log has lost, from the state that it had at `version` of the epoch `former`; the
        epoch it has now, which is `epoch` or later. A conflict when the log knows as much, and surely has lost nothing,
        or of another epoch. `commands`: some that the state has, with their versions, so that they count once still."""

    async def forget(self, room: str) -> None:
        """Let go of a room on purpose: nobody seeds it again. The audit record stays."""

    async def ready(self) -> None:
        """Returns when a commit could be written now."""

    async def rooms(self) -> tuple[str, ...]:
        """The rooms in the log."""

    async def audit(
        self, room: str, *, after: int = 0, limit: int = 100, actor: str = "", command: str = ""
    ) -> AuditPage:
        """A page of the room's audit record: lines after a number, of one actor or command when given. It may hold
        fewer than `limit`, even none, and yet have a `next`: only so many lines are looked at for one page."""

    async def note(self, room: str, time: int, node: str, entry: Accepted) -> None:
        """A line of the audit record for what was done to the conference and is no part of its state."""

    async def forget_audit(self, before: int) -> int:
        """Let go of some lines from before `before` (ms since 1970), the oldest first; how many, 0 when none are
        left."""
