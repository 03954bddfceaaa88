"""Nodes for the tests, which are closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server.identity.tokens import new_secret
from server.nodes import redis as nodes
from tests.redis_server import RedisServer
from tests.server.nodes.support import Node

Start = Callable[..., Awaitable[Node]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heart that beats ten times as fast, so that a death is noticed in less than a second."""
    monkeypatch.setattr(nodes, "BEAT_S", 0.1)
    monkeypatch.setattr(nodes, "LEASE_S", 0.6)
    monkeypatch.setattr(nodes, "_LEASE_MS", 600)


@pytest.fixture
async def start(tmp_path: Path, redis: RedisServer, quick: None) -> AsyncIterator[Start]:
    """Starts nodes by their names: `await start("one", grace_s=…)`. Those that live are closed at the end."""
    started: list[Node] = []
    secret = new_secret()

    async def one(name: str, **settings: Any) -> Node:
        node = Node(tmp_path / name, secret, tmp_path, redis)
        started.append(node)
        return await node.open(**settings)

    yield one
    for node in started:
        await node.close()
