"""Dispatchers on real logs, and conferences in which something happens."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import msgspec

from protocol import events as e
from server.metrics import Metrics
from server.roomlog import Appended, Commit, RoomLog
from server.storage.store import Store
from server.webhooks import subscriptions
from server.webhooks.dispatcher import Dispatcher
from server.webhooks.positions import Positions
from server.webhooks.post import Poster
from server.webhooks.subscriptions import Webhook
from server.webhooks.turns import OwnTurns, Turns

ROOM, EPOCH = "abc-defg-hij", 1_700_000_000_000


def now_ms() -> int:
    return int(time.time() * 1000)


def happened(after: int, count: int = 1, *, at: int | None = None, event: e.RoomEvent | None = None) -> Commit:
    """A commit of so many events after a version."""
    what = event or e.ParticipantAway(person="u_a")
    events = tuple(_at(what, after + number + 1) for number in range(count))
    return Commit(version=after + count, after=after, time=at or now_ms(), node="n1", events=events)


def _at(event: e.RoomEvent, version: int) -> e.RoomEvent:
    return msgspec.structs.replace(event, version=version)


async def append(log: RoomLog, commit: Commit, room: str = ROOM, epoch: int = EPOCH) -> None:
    assert await log.append(room, epoch, commit.after, commit) == Appended()


async def subscribe(
    store: Store, url: str, *events: str, conference: str | None = None, created: int | None = None
) -> Webhook:
    made = created if created is not None else now_ms()
    return await store.run(
        lambda connection: subscriptions.add(connection, made, url, events or ("*",), conference, "u_owner")
    )


@contextlib.asynccontextmanager
async def dispatching(
    store: Store,
    log: RoomLog,
    positions: Positions,
    *,
    turns: Turns | None = None,
    days: int = 3,
    timeout_s: float = 10.0,
    clock: Callable[[], float] = time.time,
    metrics: Metrics | None = None,
) -> AsyncIterator[Dispatcher]:
    poster = Poster(True, timeout_s)
    dispatcher = Dispatcher(store, log, positions, turns or OwnTurns(), poster, metrics or Metrics(), days, clock)
    dispatcher.start()
    try:
        # A courier reads where it is before it is woken.
        await asyncio.sleep(0.05)
        yield dispatcher
    finally:
        await dispatcher.stop()
        poster.close()
