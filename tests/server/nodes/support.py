"""Several nodes in this process on one real Redis; each with rooms and sessions of its own, and no sockets."""

from __future__ import annotations

import asyncio
import functools
import itertools
from pathlib import Path
from typing import Any

from server.chatlog.redis import RedisChat
from server.conference.rooms import Rooms
from server.config import Settings
from server.identity.accounts import Accounts
from server.identity.identities import Identities
from server.metrics import Metrics
from server.nodes.redis import RedisNodes
from server.redis.address import parse
from server.redis.buckets import SharedBuckets
from server.redis.connection import Connection
from server.roomlog.feed import Feed
from server.roomlog.redis import RedisLog
from server.sessions.session import Gateway
from server.storage.store import Store
from server.workers import Workers
from tests.redis_server import RedisServer
from tests.server.session_support import House


class Node(House):
    """A node of several that share the accounts, the secret and Redis."""

    def __init__(self, path: Path, secret: bytes, shared: Path, redis: RedisServer) -> None:
        super().__init__(path, secret)
        self.shared = shared
        self.redis = redis
        self.ended = False

    async def open(self, **settings: Any) -> Node:
        self.path.mkdir(exist_ok=True)
        self.settings = Settings(host="127.0.0.1", data=self.path, **settings)
        self.store = Store.open(self.shared / "podium.db")
        self.metrics = Metrics()
        self.tokens = self.new_tokens()
        self.accounts = Accounts(self.store)
        self.workers = Workers(self.settings, self.metrics)
        self.connections = [Connection(parse(self.redis.url)) for _ in range(2)]
        self.feed = Feed(self.connections[0])
        self.feed.start()
        self.nodes = RedisNodes(self.connections[1], self.path, f"http://{self.path.name}")
        await self.nodes.start()
        self.rooms = Rooms(
            self.store,
            self.workers,
            self.metrics,
            self.settings,
            RedisLog(self.connections[0]),
            self.feed,
            self.nodes,
            functools.partial(RedisChat, self.connections[0]),
        )
        await self.rooms.start()
        await self.nodes.watch(self.rooms)
        self.identities = Identities(self.store, self.tokens, self.settings)
        self.gateway = Gateway(
            self.rooms, self.identities, self.metrics, self.settings, SharedBuckets(self.connections[0])
        )
        self.owner, _ = await self.accounts.ensure_owner()
        self._ids = itertools.count(1)
        return self

    async def close(self) -> None:
        if not self.ended:
            for session in list(self.gateway.sessions):
                session.disconnected()
            await self._end()

    async def die(self) -> None:
        """As after SIGKILL: nobody says good-bye."""
        for session in list(self.gateway.sessions):
            session.state = type(session.state).CLOSED
            session.room = session.waits_at = None
        self.freeze()
        self.nodes._lease = None
        await self._end()

    def freeze(self) -> None:
        """The heart stands still, as under SIGSTOP; for the others."""
        if self.nodes._watching is not None:
            self.nodes._watching.cancel()

    def thaw(self) -> None:
        """It goes on."""
        self.nodes._watching = asyncio.create_task(self.nodes._keep_watching(), name="nodes")

    async def _end(self) -> None:
        self.ended = True
        await self.rooms.stop()
        await self.nodes.stop()
        await self.feed.stop()
        for connection in self.connections:
            await connection.close()
        self.accounts.close()
        self.store.close()
