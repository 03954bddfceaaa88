"""Receipts: what the media worker has confirmed of a command that closed tracks.

The worker says of each track it closes how old its last forwarded packet was at that moment. Its clock is not ours, but
an age is an age: its word comes in after the closing, so the last packet was forwarded no later than `age` before the
word came in. What that is after the commit is an upper bound, since the way of the word is counted in.

A room may be on several workers: a receipt waits for all of them, and tells the last packet of any.

Where nodes share workers, another one may hear of the commit first and have told the worker before this node does: the
word, which goes to all of them, is there before it is waited for. So the last words are kept for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from protocol.answers import Receipt

# A worker answers within milliseconds; whoever waits longer is told that there is no answer yet.
WAIT_S = 1.0
# Receipts of one room that may be waited for: a moderator gives 20 commands a second at most, and waits a second.
MAX_WAITING = 1000
# Words of a worker that are kept: as many commits as a busy room has in the second that another node may be ahead.
MAX_WORDS = 100

Position = tuple[int, int]


class _Word(msgspec.Struct, frozen=True):
    """What a worker closed on its way to a position, and when that was heard."""

    position: Position
    at: float
    closed: Mapping[str, float]


class _Waiting(msgspec.Struct, eq=False):
    missing: dict[str, Position]  # the workers whose word is not there yet, and where each was told to be
    silences: list[float]
    tracks: tuple[str, ...]
    version: int
    since: float
    done: Callable[[Receipt], None]
    timer: asyncio.TimerHandle


class Receipts:
    """The receipts of one room. Every `done` is called once: with the workers' word, or without it in time."""

    def __init__(self) -> None:
        self._confirmed: dict[str, Position] = {}
        self._words: dict[str, deque[_Word]] = {}
        self._waiting: dict[int, _Waiting] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(
        self,
        told: Mapping[str, Position],
        tracks: tuple[str, ...],
        version: int,
        since: float,
        done: Callable[[Receipt], None],
    ) -> None:
        """Workers were told just now to be at these positions, where `tracks` are closed; `since`: when (monotonic) the
        room's `version` that closes them was committed."""
        missing = {worker: position for worker, position in told.items() if position > self._position(worker)}
        silences: list[float] = []
        for worker in told.keys() - missing.keys():
            silences += self._silences(worker, told[worker], tracks, since)
        if not missing:
            done(Receipt(version=version, applied=True, silence_ms=_worst(silences), tracks=len(tracks)))
            return
        if len(self._waiting) >= MAX_WAITING:
            done(Receipt(version=version, applied=False, tracks=len(tracks)))
            return
        self._number += 1
        timer = asyncio.get_running_loop().call_later(WAIT_S, self._late, self._number)
        self._waiting[self._number] = _Waiting(missing, silences, tracks, version, since, done, timer)

    def _position(self, worker: str) -> Position:
        return self._confirmed.get(worker, (0, 0))

    def joined(self, worker: str, position: Position) -> None:
        """A worker that has the room as well was told to be at this position: all that is waited for, is of it too."""
        for one in self._waiting.values():
            one.missing.setdefault(worker, position)

    def confirmed(self, worker: str, position: Position, closed: Mapping[str, float], at: float | None = None) -> None:
        """A worker is at this position; `closed` is what it has closed on the way there (`RoutesApplied`). `at`: when
        that was heard (monotonic), now if it is not given."""
        self._confirmed[worker] = position
        if closed:
            word = _Word(position, time.monotonic() if at is None else at, closed)
            self._words.setdefault(worker, deque(maxlen=MAX_WORDS)).append(word)
        for number, one in list(self._waiting.items()):
            wanted = one.missing.get(worker)
            if wanted is None or wanted > position:
                continue
            one.silences += self._silences(worker, wanted, one.tracks, one.since)
            del one.missing[worker]
            if not one.missing:
                self._settle(number, applied=True, silence_ms=_worst(one.silences))

    def _silences(self, worker: str, position: Position, tracks: tuple[str, ...], since: float) -> list[float]:
        """How long after `since` the tracks were forwarded by this worker, in ms; nothing for one that did not flow."""
        found = []
        for track in tracks:
            # It may have been opened and closed again since; the first word is that of this command.
            words = (word for word in self._words.get(worker, ()) if word.position >= position and track in word.closed)
            word = next(words, None)
            if word is not None and word.closed[track] >= 0:
                found.append(max(0.0, (word.at - since) * 1000 - word.closed[track]))
        return found

    def gone(self, worker: str) -> None:
        """A worker is gone; another one begins with everything closed that should be."""
        self._confirmed.pop(worker, None)
        self._words.pop(worker, None)
        for number, one in list(self._waiting.items()):
            if worker in one.missing:
                self._late(number)

    def give_up(self) -> None:
        """All of them are gone."""
        self._confirmed.clear()
        self._words.clear()
        for number in list(self._waiting):
            self._late(number)

    def _late(self, number: int) -> None:
        self._settle(number, applied=False, silence_ms=None)

    def _settle(self, number: int, *, applied: bool, silence_ms: float | None) -> None:
        one = self._waiting.pop(number)
        one.timer.cancel()
        one.done(Receipt(version=one.version, applied=applied, silence_ms=silence_ms, tracks=len(one.tracks)))


def _worst(silences: list[float]) -> float | None:
    return round(max(silences), 1) if silences else None
