"""Sessions without sockets: the whole server side behind a connection that writes down what it is given."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
from websockets.frames import Opcode

from protocol.codec import Encoding
from protocol.errors import Code
from protocol.names import Role
from server.accounts import Account, Accounts, ServerRole
from server.conferences import Conferences
from server.config import Settings
from server.metrics import Metrics
from server.rooms import Rooms
from server.session import Gateway, Session
from server.store import Store
from server.tokens import Tokens, new_secret
from server.workers import Workers


class FakeConnection:
    """A connection whose client is the test."""

    def __init__(self, encoding: Encoding = Encoding.JSON) -> None:
        self.encoding = encoding
        self.address = "192.0.2.1"
        self.sent: list[dict[str, Any]] = []
        self.finished: Code | None = None
        self.after_ms = 0
        self.session: Session | None = None
        self._arrived = asyncio.Event()

    def post(self, data: bytes, *, keep: bool = False) -> None:
        short = data[1] & 0x7F
        payload = data[2 if short < 126 else 4 if short == 126 else 10 :]
        text = data[0] & 0x0F == Opcode.TEXT
        assert text is (self.encoding is Encoding.JSON)
        self.sent.append(json.loads(payload) if text else msgpack.unpackb(payload))
        self._arrived.set()

    def finish(self, code: Code, message: str | None = None, after_ms: int = 0) -> None:
        if self.finished is None:
            self.finished = code
            self.after_ms = after_ms
            assert self.session is not None
            self.session.disconnected()

    async def answer(self, id: int | None) -> dict[str, Any]:
        """The answer to a message."""
        async with asyncio.timeout(5):
            while True:
                for message in self.sent:
                    if message["type"] in ("ok", "refused") and message.get("id") == id:
                        return message
                self._arrived.clear()
                await self._arrived.wait()

    def events(self) -> list[dict[str, Any]]:
        """The events so far."""
        return [message for message in self.sent if "version" in message and message["type"] != "ok"]

    def of(self, type: str) -> list[dict[str, Any]]:
        """The messages of a type so far."""
        return [message for message in self.sent if message["type"] == type]


@dataclass
class House:
    """A store, rooms and a gateway in this process; no media worker runs."""

    path: Path
    secret: bytes = field(default_factory=new_secret)
    settings: Settings = field(init=False)

    async def open(self, **settings: Any) -> House:
        self.settings = Settings(host="127.0.0.1", data=self.path, **settings)
        self.store = Store.open(self.path / "podium.db")
        self.metrics = Metrics()
        self.tokens = Tokens(self.secret)
        self.accounts = Accounts(self.store)
        self.workers = Workers(self.settings, self.metrics)
        self.rooms = Rooms(self.store, self.workers, self.metrics, self.settings)
        await self.rooms.start()
        self.gateway = Gateway(self.rooms, self.tokens, self.accounts, self.metrics, self.settings)
        self.owner, _ = await self.accounts.ensure_owner()
        self._ids = itertools.count(1)
        return self

    async def close(self) -> None:
        for session in list(self.gateway.sessions):
            session.disconnected()
        await self.rooms.stop()
        self.accounts.close()
        self.store.close()

    async def conference(self, title: str = "A test", owner: Account | None = None) -> str:
        """A new conference; its id."""
        whose = (owner or self.owner).id
        made = await Conferences(self.store).create(title, whose)
        await self.rooms.create(made.id, made.title, whose)
        return made.id

    async def member(self, login: str) -> Account:
        """A new account."""
        return await self.accounts.add(login, login.title(), ServerRole.MEMBER)

    def token(self, account: Account) -> str:
        return self.tokens.account(account.id, account.name)

    def guest(self, identity: str, conference: str, role: Role = Role.VIEWER) -> str:
        """A guest's token."""
        return self.tokens.guest(identity, identity.title(), conference, role)

    def connect(self, encoding: Encoding = Encoding.JSON) -> FakeConnection:
        """A connection with a session that has said nothing."""
        connection = FakeConnection(encoding)
        connection.session = self.gateway.connect(connection)
        return connection

    async def say(self, connection: FakeConnection, type: str, id: int | None = None, **fields: Any) -> dict[str, Any]:
        """Send a message; its answer."""
        number = next(self._ids) if id is None else id
        message = {"type": type, "id": number, **fields}
        await self.raw(connection, message)
        return await connection.answer(number)

    async def raw(self, connection: FakeConnection, message: Any) -> None:
        """Send anything: a mapping in the connection's encoding, text and bytes as they are."""
        assert connection.session is not None
        if isinstance(message, dict):
            json_ = connection.encoding is Encoding.JSON
            message = json.dumps(message) if json_ else msgpack.packb(message)
        await connection.session.receive(message)

    async def hello(self, token: str, client: str = "client-0001", **more: Any) -> FakeConnection:
        """A connection that has said hello."""
        connection = self.connect(**({"encoding": more.pop("encoding")} if "encoding" in more else {}))
        answer = await self.say(connection, "hello", token=token, client=client, **more)
        assert answer["type"] == "ok", answer
        return connection

    async def joined(self, token: str, conference: str, client: str = "client-0001", **fields: Any) -> FakeConnection:
        """A connection that is in a conference."""
        encoding = {"encoding": fields.pop("encoding")} if "encoding" in fields else {}
        connection = await self.hello(token, client, **encoding)
        answer = await self.say(connection, "conference.join", conference=conference, **fields)
        assert answer["type"] == "ok", answer
        return connection
