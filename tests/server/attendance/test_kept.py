"""Where the figures of stays are kept: the same promises in the server's file and in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.attendance import kept as module
from server.attendance.figures import NAMES, Figures, Stay
from server.attendance.kept import Kept, RedisKept, StoreKept
from server.redis.address import parse
from server.redis.connection import Connection
from server.storage.store import Store
from tests.redis_server import RedisServer

DAY_MS = 86_400_000
NOW = 1_900_000_000_000


def stay(identity: str = "u_a", since: int = 3, **figures: int) -> Stay:
    return Stay(identity=identity, since=since, figures=Figures(**figures))


async def add(kept: Kept, *stays: Stay, conference: str = "a", now: int = NOW) -> None:
    await kept.add(conference, stays, now, now - DAY_MS)


class KeptTests:
    """The shared tests; `kept` is a fixture."""

    async def test_every_figure_is_kept_and_added_to(self, kept: Kept) -> None:
        first = Figures(**{name: 10**12 + number for number, name in enumerate(NAMES)})
        second = Figures(**{name: number for number, name in enumerate(NAMES)})
        await add(kept, Stay(identity="u_a", since=3, figures=first))
        assert await kept.of("a") == [Stay(identity="u_a", since=3, figures=first)]
        await add(kept, Stay(identity="u_a", since=3, figures=second))
        (whole,) = await kept.of("a")
        sums = {name: 10**12 + 2 * number for number, name in enumerate(NAMES)}
        assert whole.figures == Figures(**{**sums, "worst_loss": first.worst_loss})

    async def test_each_stay_of_each_conference_has_its_own(self, kept: Kept) -> None:
        assert await kept.of("a") == []
        await add(kept, stay(speaking=1), stay(since=9, speaking=2), stay("u_b", speaking=3))
        await add(kept, stay(speaking=4), conference="b")
        assert [(one.identity, one.since, one.figures.speaking) for one in await kept.of("a")] == [
            ("u_a", 3, 1),
            ("u_a", 9, 2),
            ("u_b", 3, 3),
        ]
        await kept.forget("a")
        assert await kept.of("a") == [] and await kept.of("b") == [stay(speaking=4)]

    async def test_what_was_written_long_ago_is_let_go_of(self, kept: Kept) -> None:
        await add(kept, stay("u_old", speaking=1), stay("u_going_on", speaking=1))
        await add(kept, stay("u_going_on", speaking=1), now=NOW + DAY_MS)
        assert len(await kept.of("a")) == 2
        await add(kept, stay("u_new", speaking=1), now=NOW + DAY_MS + 1)
        assert [one.identity for one in await kept.of("a")] == ["u_going_on", "u_new"]

    async def test_many_who_add_at_once_lose_nothing(self, kept: Kept) -> None:
        await asyncio.gather(*(add(kept, stay(speaking=number)) for number in range(20)))
        assert await kept.of("a") == [stay(speaking=sum(range(20)))]

    async def test_more_are_read_than_fit_into_one_portion(self, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PORTION", 3)
        await add(kept, *(stay(f"u_{number % 4}", number, speaking=number) for number in range(9)))
        assert sorted(one.since for one in await kept.of("a")) == list(range(9))


class TestInTheStore(KeptTests):
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Iterator[Kept]:
        store = Store.open(tmp_path / "podium.db", timeout_s=20)
        yield StoreKept(store)
        store.close()


class TestInRedis(KeptTests):
    @pytest.fixture
    async def connection(self, tmp_path: Path) -> AsyncIterator[Connection]:
        server = RedisServer(tmp_path / "r").start()
        connection = Connection(parse(server.url))
        yield connection
        await connection.close()
        server.stop()

    @pytest.fixture
    def kept(self, connection: Connection) -> Kept:
        return RedisKept(connection)

    async def test_of_too_many_stays_the_oldest_go(self, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_STAYS", 3)
        for number in range(5):
            await add(kept, stay(f"u_{number}", speaking=1), now=NOW + number)
        assert [one.identity for one in await kept.of("a")] == ["u_2", "u_3", "u_4"]

    async def test_nothing_outlives_what_it_is_kept_for(self, kept: Kept, connection: Connection) -> None:
        await add(kept, stay(speaking=1))
        for key in ("podium:{a}:attendance", "podium:{a}:attendance:written"):
            assert 0 < await connection.ask("PTTL", key) <= DAY_MS
