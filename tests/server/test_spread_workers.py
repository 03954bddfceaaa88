"""A room on several workers of one node, with real ones: what happens when the link to one of them breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol import commands as c
from server.config import Settings
from server.metrics import Metrics
from server.workers import Workers
from tests.harness import until
from tests.server.replica_support import OWNER, MemoryLog
from tests.server.test_shared_workers import Opened

VIDEO = f"{OWNER}/video"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Opened]:
    """A conference on two workers that have room for one viewer each."""
    workers = Workers(Settings(host="127.0.0.1", udp_port=0, workers=2, viewers_per_worker=1, data=tmp_path), Metrics())
    await workers.start()
    opened = Opened(workers, MemoryLog())
    await opened.start(anew=True)
    yield opened
    await opened.close()
    await workers.stop()


async def test_who_sends_to_one_worker_and_views_at_another_keeps_both_when_a_link_breaks(room: Opened) -> None:
    speaker, first = await room.seat(OWNER), await room.seat("u_first")
    await room.replica.ask(OWNER, c.StageRequest(id=0))
    try:
        await first.peer.subscribe()
        await speaker.peer.publish()
        await speaker.peer.subscribe()
        await first.peer.gets(VIDEO)
        workers = room.media.spread.workers
        assert [room.media.spread.seat_of(person) for person in ("u_first", OWNER)] == list(workers)
        for worker in workers:
            former = worker.link
            assert former is not None
            former.close()
            await until(lambda w=worker, f=former: w.link not in (None, f), 5)
            await until(lambda: not room.media._adopting, 5)
        assert "media.reset" not in speaker.types() + first.types()
        assert room.media.spread.workers == workers
        await first.peer.gets(VIDEO)
        # Each worker speaks again to who asks there.
        for seat in (speaker, first):
            seat.heard.clear()
            room.media.restart(seat.person)
            await until(lambda s=seat: "media.offer" in s.types(), 5)
    finally:
        await speaker.peer.close()
        await first.peer.close()


async def test_what_somebody_has_at_several_workers_is_found_again_when_it_was_forgotten(room: Opened) -> None:
    speaker, first = await room.seat(OWNER), await room.seat("u_first")
    await room.replica.ask(OWNER, c.StageRequest(id=0))
    try:
        await first.peer.subscribe()
        await speaker.peer.publish()
        await speaker.peer.subscribe()
        generation = room.media._subscriptions[OWNER].generation
        # As when they were away while a link broke.
        room.media._forget(OWNER)
        room.media.resumed(OWNER)
        await until(lambda: OWNER in room.media._publishing, 5)
        assert room.media._subscriptions[OWNER].generation == generation
        await first.peer.gets(VIDEO)
        assert "media.reset" not in speaker.types()
    finally:
        await speaker.peer.close()
        await first.peer.close()
