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
from server.conference.openroom import OpenRoom
from server.conference.rooms import Rooms
from server.config import Settings
from server.directory.conferences import Conferences
from server.identity.accounts import Account, Accounts, ServerRole
from server.identity.identities import Identities
from server.identity.tokens import Tokens, new_secret
from server.metrics import Metrics
from server.ratelimit import Buckets, OwnBuckets
from server.roomlog import EmbeddedLog
from server.sessions.session import Gateway, Session
from server.storage.store import Store
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
        while data:
            short = data[1] & 0x7F
            header = 2 if short < 126 else 4 if short == 126 else 10
            size = short if short < 126 else int.from_bytes(data[2:header], "big")
            payload, text = data[header : header + size], data[0] & 0x0F == Opcode.TEXT
            assert text is (self.encoding is Encoding.JSON)
            self.sent.append(json.loads(payload) if text else msgpack.unpackb(payload))
            data = data[header + size :]
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
    buckets: Buckets = field(default_factory=OwnBuckets)
    settings: Settings = field(init=False)

    async def open(self, **settings: Any) -> House:
        self.settings = Settings(host="127.0.0.1", data=self.path, **settings)
        self.store = Store.open(self.path / "podium.db")
        self.metrics = Metrics()
        self.tokens = self.new_tokens()
        self.accounts = Accounts(self.store)
        self.workers = Workers(self.settings, self.metrics)
        self.rooms = Rooms(self.store, self.workers, self.metrics, self.settings, EmbeddedLog(self.store))
        await self.rooms.start()
        self.identities = Identities(self.store, self.tokens, self.settings)
        self.gateway = Gateway(self.rooms, self.identities, self.metrics, self.settings, self.buckets)
        self.owner, _ = await self.accounts.ensure_owner()
        self._ids = itertools.count(1)
        return self

    def new_tokens(self) -> Tokens:
        """Tokens that everybody with the same secret knows."""
        return Tokens(self.secret)

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


class Visit:
    """A client that knows where it stopped, as a real one does."""

    def __init__(self, house: House, conference: str, token: str, client: str) -> None:
        self.house = house
        self.conference = conference
        self.token = token
        self.client = client
        self.epoch = 0
        self.position = 0
        self.resume = ""
        self.read = 0
        self.connection: FakeConnection

    async def join(self, **fields: Any) -> Visit:
        self.connection = await self.house.joined(self.token, self.conference, self.client, **fields)
        joined = self.connection.of("ok")[-1]["result"]
        self.resume = joined["resume"]
        self.epoch, self.position = joined["snapshot"]["epoch"], joined["snapshot"]["version"]
        return self

    async def drop(self) -> None:
        """The network is gone; the server notices at once."""
        self.events()
        assert self.connection.session is not None
        self.connection.session.disconnected()
        # Decided in order: when this is, the drop is.
        await (await room_of(self.house, self.conference)).replica.ask("nobody")

    def events(self) -> list[str]:
        """The events since the last look, checked to be without a gap."""
        fresh = []
        for event in self.connection.events():
            if event["version"] <= self.position:
                continue
            assert event["after"] <= self.position, (self.position, event)
            self.position = event["version"]
            fresh.append(event["type"])
        return fresh

    async def come_back(self, **changes: Any) -> dict[str, Any]:
        """Hello with a resume; the answer."""
        resume = {
            "conference": self.conference,
            "epoch": self.epoch,
            "version": self.position,
            "token": self.resume,
            **changes,
        }
        self.connection = self.house.connect(Encoding.MSGPACK)
        answer = await self.house.say(self.connection, "hello", token=self.token, client=self.client, resume=resume)
        if answer["type"] == "ok":
            self.resume = answer["result"]["resume"]
        return answer


async def room_of(house: House, conference: str) -> OpenRoom:
    room = await house.rooms.open(conference)
    assert room is not None
    return room
