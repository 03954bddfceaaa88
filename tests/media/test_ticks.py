"""The worker's timer: often while something may be missing, seldom while not, and the same comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from media.limits import Limits
from media.worker import TICK, Worker, WorkerConfig
from tests.media.wire import KEYFRAME, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


def test_sound_alone_is_in_no_hurry_and_pictures_are(wire: Wire) -> None:
    assert not wire.router.hurried
    wire.audio(1)
    assert not wire.router.hurried
    wire.video(1, KEYFRAME)
    assert wire.router.hurried, "what is missing of them is asked for"


def test_what_waits_to_be_sent_or_offered_is_hurried(wire: Wire) -> None:
    wire.room.to_show["vera"] = None
    assert wire.router.hurried
    wire.tick()
    assert not wire.router.hurried
    wire.room.repeating[wire.subscription] = None
    assert wire.router.hurried
    wire.tick()
    assert not wire.router.hurried, "nothing was asked for"


@pytest.mark.parametrize("count", [1, 5])
def test_each_second_comes_once_a_second_for_everybody_however_many_ticks_are_one(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    seen: list[str] = []
    for name, each in (("viewer", wire.subscription), ("publisher", wire.uplink)):
        monkeypatch.setattr(each, "each_second", lambda now, name=name: seen.append(name))
    for number in range(0, 100, count):
        wire.router.tick(number * 0.02, count)
    assert sorted(seen) == ["publisher"] * 2 + ["viewer"] * 2


async def test_what_comes_gets_a_turn_between_ticks_that_take_longer_than_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(
        WorkerConfig(
            name="w",
            control="/nowhere",
            secret="s",
            listen=None,
            certificate=None,
            udp_host="127.0.0.1",
            udp_port=0,
            tcp=False,
            addresses=("127.0.0.1",),
            limits=Limits(),
        )
    )
    ticks: list[float] = []

    class Slow:
        hurried = True

        def __init__(self) -> None:
            self.rooms: dict[str, object] = {}

        def tick(self, now: float, count: int) -> None:
            ticks.append(now)
            if len(ticks) < 30:  # or it would be for ever, where nothing else has a turn
                time.sleep(1.5 * TICK)

    monkeypatch.setattr(worker, "_router", Slow())
    clock = asyncio.create_task(worker._clock())
    turns: set[int] = set()
    while len(ticks) < 10:
        await asyncio.sleep(0)
        turns.add(len(ticks))
    clock.cancel()
    await asyncio.gather(clock, return_exceptions=True)
    worker._port.close()
    assert {5, 6, 7, 8, 9} <= turns
