"""Leases: who has something for now, and a number by which a former holder is told from the present one.

A lease ends by itself when it is not renewed. Its token grows with each new holder, so whatever a holder does
elsewhere can be refused when a later one has come in between (fencing): a holder that was stopped for a while cannot
know by itself that it is none any more. Time is Redis' own; the nodes' clocks do not matter.
"""

from __future__ import annotations

from typing import Any

import msgspec

from server.redis.connection import Connection, Script

# How long the token of a lease that has ended is remembered; after that the time of day is enough to be greater.
REMEMBERED_MS = 86_400_000

_ACQUIRE, _RENEW, _RELEASE, _LOOK = (
    Script.of("server.redis", name) for name in ("acquire", "renew", "release", "holder")
)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """It is ours. `token` is greater than that of every holder before."""

    name: str
    holder: str
    token: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """It is somebody else's, for `left_ms` if they do not renew it. `note` is what they wrote on it."""

    holder: str
    token: int
    left_ms: int
    note: str


class Leases:
    """The leases in one Redis. Every method raises `RedisUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def acquire(self, name: str, holder: str, ttl_ms: int, note: str = "") -> Lease | Held:
        """Take what nobody has. Who has it already keeps the token and begins the time anew, so that asking again
        after a lost answer is harmless."""
        answer = await self._run(_ACQUIRE, name, holder, ttl_ms, note, REMEMBERED_MS)
        if answer[0] == b"ours":
            return Lease(name=name, holder=holder, token=int(answer[1]))
        return _held(answer[1:])

    async def renew(self, lease: Lease, ttl_ms: int, note: str | None = None) -> bool:
        """Begin the time anew, with another note if given; false when it has ended or is somebody else's."""
        more = () if note is None else (note,)
        return bool(await self._run(_RENEW, lease.name, lease.holder, lease.token, ttl_ms, REMEMBERED_MS, *more))

    async def release(self, lease: Lease) -> bool:
        """Give it back; false when it was not ours any more."""
        return bool(await self._run(_RELEASE, lease.name, lease.holder, lease.token))

    async def holder(self, name: str) -> Held | None:
        """Who has it now."""
        answer = await self._run(_LOOK, name)
        return _held(answer) if answer else None

    async def _run(self, script: Script, name: str, *arguments: str | int) -> Any:
        return await self._connection.run(script, [f"podium:lease:{{{name}}}"], arguments, repeatable=True)


def _held(answer: list[bytes]) -> Held:
    holder, token, left_ms, note = answer
    return Held(holder=holder.decode(), token=int(token), left_ms=int(left_ms), note=note.decode())
