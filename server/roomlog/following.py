"""What a commit that was heard of means for somebody who knows the room up to a position.

Publishing is fast and forgetful: messages are lost when a connection breaks, and overtake the answer to the append
they tell of. The log itself is slow and complete. So a message only ever extends what is known by the very next
commit; whatever else it is, it says that there is something to look for in the log.
"""

from __future__ import annotations

import enum

import msgspec


class Told(msgspec.Struct, frozen=True):
    """A commit as it was published: in which epoch, from and to which version, and its bytes. Epoch 0: the room is
    gone; no bytes: it was begun anew."""

    epoch: int
    after: int
    version: int
    data: bytes = b""


class Step(enum.Enum):
    """What is to be done: nothing, apply it, look what is in the log."""

    KNOWN = enum.auto()
    NEXT = enum.auto()
    LOOK = enum.auto()


def step(epoch: int, version: int, told: Told) -> Step:
    """What a message means for who is at (`epoch`, `version`)."""
    if told.epoch != epoch:
        return Step.LOOK
    if told.version <= version:
        return Step.KNOWN
    return Step.NEXT if told.after == version and told.data else Step.LOOK


def parse(message: bytes) -> Told | None:
    """The message of append.lua, seed.lua and forget.lua; None for what is none."""
    parts = message.split(b" ", 3)
    if len(parts) != 4 or not all(part.isdigit() and len(part) < 17 for part in parts[:3]):
        return None
    return Told(int(parts[0]), int(parts[1]), int(parts[2]), parts[3])
