"""The writer of attendance: what is over soon, the rest each minute, and what becomes of it when the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from server.attendance import book as module
from server.attendance.book import Book
from server.attendance.figures import Figures, Stay
from server.storage.store import StoreUnavailable
from tests.harness import until


def stay(identity: str = "u_a", speaking: int = 1, since: int = 3) -> Stay:
    return Stay(identity=identity, since=since, figures=Figures(speaking=speaking))


class Memory:
    """What is kept, in memory; `broken`: the store refuses, `uncertain`: and may have done it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, int], int] = {}
        self.broken = False
        self.uncertain = False
        self.written = 0
        self.before = 0

    async def add(self, conference: str, stays: Sequence[Stay], now: int, before: int) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise StoreUnavailable("broken by the test", uncertain=self.uncertain)
        self.written += 1
        self.before = before
        for one in stays:
            key = (conference, one.identity, one.since)
            self.kept[key] = self.kept.get(key, 0) + one.figures.speaking

    async def of(self, conference: str) -> list[Stay]:
        return [stay(key[1], value, key[2]) for key, value in sorted(self.kept.items()) if key[0] == conference]

    async def forget(self, conference: str) -> None:
        self.kept = {key: value for key, value in self.kept.items() if key[0] != conference}


class Room:
    """A room in which somebody speaks for a millisecond each time that it is looked at."""

    def __init__(self, conference: str = "a") -> None:
        self.conference = conference
        self.taken = 0

    def take(self) -> list[Stay]:
        self.taken += 1
        return [stay()]


NOW = 100 * 86_400_000


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def book(memory: Memory) -> Book:
    return Book(memory, lambda: NOW, 30)


async def test_what_is_over_is_written_soon_and_what_goes_on_later(
    book: Book, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICK_S", 0.001)
    monkeypatch.setattr(module, "TICKS", 10)
    room = Room()
    book.rooms.add(room)
    book.start()
    book.note("b", [stay("u_gone", 7)])
    await until(lambda: memory.kept.get(("b", "u_gone", 3)) == 7)
    assert memory.before == NOW - 30 * 86_400_000
    await until(lambda: room.taken >= 2)
    await book.stop()
    # At its end everything is written, once more.
    assert memory.kept["a", "u_a", 3] == room.taken


async def test_who_reads_sees_what_is_counted_here_to_the_moment(book: Book, memory: Memory) -> None:
    there, elsewhere = Room(), Room("b")
    book.rooms |= {there, elsewhere}
    book.note("a", [stay("u_gone", 2), stay("u_gone", 3)])
    assert await book.of("a") == [stay("u_a", 1), stay("u_gone", 5)]
    assert elsewhere.taken == 0


async def test_what_the_store_does_not_take_waits_and_is_counted_once(book: Book, memory: Memory) -> None:
    memory.broken = True
    book.note("a", [stay("u_a", 2)])
    book.note("b", [stay("u_b", 3)])
    assert await book.of("c") == []
    book.note("a", [stay("u_a", 5)])
    memory.broken = False
    assert await book.of("a") == [stay("u_a", 7)] and await book.of("b") == [stay("u_b", 3)]
    assert await book.of("a") == [stay("u_a", 7)]


async def test_what_may_have_been_written_is_not_written_twice(book: Book, memory: Memory) -> None:
    memory.broken = memory.uncertain = True
    book.note("a", [stay("u_a", 2)])
    book.note("b", [stay("u_b", 3)])
    await book.of("c")
    memory.broken = False
    await book.of("c")
    assert memory.kept == {("b", "u_b", 3): 3}


async def test_many_are_written_by_portions_and_no_more_wait_than_there_is_place_for(
    book: Book, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 500)
    book.note("a", [stay(f"u_{number}") for number in range(700)])
    assert len(await book.of("a")) == 500 and memory.written == 3
    book.note("a", [stay("u_late")])
    assert len(await book.of("a")) == 501


async def test_of_a_forgotten_conference_nothing_waits(book: Book, memory: Memory) -> None:
    book.note("a", [stay()])
    await book.forget("a")
    assert await book.of("a") == [] and memory.kept == {}


async def test_whoever_reads_and_goes_away_takes_nothing_along(book: Book, memory: Memory) -> None:
    book.note("a", [stay("u_a", 2)])
    book.note("b", [stay("u_b", 3)])
    reading = asyncio.create_task(book.of("a"))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await book.of("a")
    # What was on its way may have been written; the rest waited.
    assert memory.kept == {("b", "u_b", 3): 3}
