"""Whatever is written at whichever server, through images, restarts and losses: all have what a plain dict has."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from server.redis.address import parse
from server.redis.connection import Connection
from server.storage import replicated
from tests.redis_server import RedisServer
from tests.server.storage.replicas import Node, put

NAMES = st.sampled_from(("a", "b", "c"))
WHO = st.integers(0, 1)


class Replicas(RuleBasedStateMachine):
    """Two servers that hear of nothing: each learns what it missed when it writes, or when it is told to look."""

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[str, bytes] = {}
        self.nodes = [Node(self.folder / str(number) / "podium.db", self.server.url) for number in range(2)]
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        await self._ask("FLUSHALL")
        for node in self.nodes:
            await node.start(follow=False)

    async def _ask(self, *words: str) -> None:
        connection = Connection(parse(self.server.url))
        await connection.ask(*words)
        await connection.close()

    def teardown(self) -> None:
        for node in self.nodes:
            self.look(node)
            self.runner.run(node.stop())
        self.runner.close()
        shutil.rmtree(self.folder)

    def look(self, node: Node) -> None:
        async def look() -> dict[str, bytes]:
            async with node.store._alone:
                await node.store._catch_up()
            return dict((await node.rows())["keys"])

        assert self.runner.run(look()) == self.model

    @rule(who=WHO, name=NAMES, value=st.binary(max_size=3))
    def put(self, who: int, name: str, value: bytes) -> None:
        self.runner.run(self.nodes[who].put(name, value))
        self.model[name] = value

    @rule(who=WHO, name=NAMES)
    def take(self, who: int, name: str) -> None:
        def take(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute("DELETE FROM keys WHERE name = ? RETURNING value", (name,)).fetchone()
            return row[0] if row is not None else None

        # Whoever has not heard of it yet, and has nothing to take, answers for what is here.
        known = self.runner.run(self.nodes[who].has(name))
        found = self.runner.run(self.nodes[who].store.run(take))
        if known:
            assert found == self.model.pop(name, None)
        else:
            assert found is None

    @rule(name=NAMES, more=st.binary(min_size=1, max_size=2))
    def both_append(self, name: str, more: bytes) -> None:
        def append(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT value FROM keys WHERE name = ?", (name,)).fetchone()
            put(name, (bytes(row[0]) if row is not None else b"") + more)(connection)

        async def both() -> None:
            await asyncio.gather(*(node.store.run(append) for node in self.nodes))

        self.runner.run(both())
        self.model[name] = self.model.get(name, b"") + more + more

    @rule(who=WHO)
    def learn(self, who: int) -> None:
        self.look(self.nodes[who])

    @rule(who=WHO)
    def restart(self, who: int) -> None:
        async def restart() -> None:
            await self.nodes[who].stop()
            await self.nodes[who].start(follow=False)

        self.runner.run(restart())

    @rule(who=WHO)
    def lose_the_folder(self, who: int) -> None:
        async def come_anew() -> None:
            await self.nodes[who].stop()
            shutil.rmtree(self.nodes[who].path.parent)
            await self.nodes[who].start(follow=False)

        self.runner.run(come_anew())

    @rule(who=WHO)
    def lose_what_redis_has(self, who: int) -> None:
        # Of what only the other had heard, nobody knows any more: so first both know the same.
        for node in self.nodes:
            self.look(node)
        self.runner.run(self._ask("FLUSHALL"))
        self.look(self.nodes[who])


def test_all_replicas_have_what_a_dict_has(shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that images are kept and taken over within a run.
    monkeypatch.setattr(replicated, "IMAGE_EVERY", 3)
    run_state_machine_as_test(
        type("Machine", (Replicas,), {"server": shared_redis}),
        settings=settings(
            max_examples=6, stateful_step_count=16, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
        ),
    )
