"""A session: one connection's identity, its state (states.py), and the way of a message to its handler.

The actor of every command is the session's identity, never something from the wire.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from protocol import codec
from protocol import commands as c
from protocol import events as e
from protocol.answers import Ok, Refused, Result
from protocol.codec import Encoding
from protocol.errors import Code, retry, sentence
from protocol.names import PersonKind
from server import arrival, log, orders, talk
from server.access import Identified
from server.accounts import Accounts
from server.config import Settings
from server.frames import frame
from server.http.address import Proxies
from server.metrics import Metrics
from server.openroom import OpenRoom
from server.ratelimit import Bucket, RateLimit
from server.room.refusal import Refusal
from server.room.rules import command_name
from server.rooms import Rooms
from server.states import ROOM_COMMANDS, State, misplaced
from server.store import StoreUnavailable
from server.tokens import Tokens

# A moderator at work gives a few commands a second; a page that loads gives ten at once.
COMMANDS_PER_SECOND = 20.0
COMMANDS_AT_ONCE = 60.0
# protocol.md: the third malformed message closes.
BAD_MESSAGES = 3
# How often the accounts behind the sessions are looked at; one query for all of them.
CHECK_S = 30.0

_log = log.get("podium.session")


class Connection(Protocol):
    """What a session needs of its connection (websocket.py)."""

    address: str

    @property
    def encoding(self) -> Encoding: ...

    def post(self, data: bytes, *, keep: bool = False) -> None: ...

    def finish(self, code: Code, message: str | None = None, after_ms: int = 0) -> None: ...


class Gateway:
    """Where connections become sessions; the limits that concern more than one connection."""

    def __init__(self, rooms: Rooms, tokens: Tokens, accounts: Accounts, metrics: Metrics, settings: Settings) -> None:
        self.rooms = rooms
        self.tokens = tokens
        self.accounts = accounts
        self.metrics = metrics
        self.settings = settings
        self.proxies = Proxies(settings.trusted_proxies)
        self.bytes_per_second = float(settings.bytes_per_second)
        self.frames_per_second = float(settings.frames_per_second)
        self._origins = frozenset(settings.origins)
        self._connects = RateLimit(settings.connects_per_second, settings.connects_per_second * 10)
        self._per_address: dict[str, int] = {}
        self._count = 0
        self.sessions: set[Session] = set()

    def allows_origin(self, origin: str, host: str, count: int = 1) -> bool:
        """Whether a page of this origin may connect: our own pages, and those the settings name."""
        _, _, authority = origin.lower().partition("://")
        return count == 1 and (authority == host.lower() or origin.lower() in self._origins)

    def admit(self, address: str) -> float:
        """Count a new connection from an address; or the seconds it should wait, then nothing is counted."""
        if (
            self._count >= self.settings.max_connections
            or self._per_address.get(address, 0) >= self.settings.connections_per_address
        ):
            self.metrics.rate_limited.labels("connections").inc()
            return 5.0
        wait_s = self._connects.take(address)
        if wait_s > 0:
            self.metrics.rate_limited.labels("connects").inc()
            return wait_s
        self._count += 1
        self._per_address[address] = self._per_address.get(address, 0) + 1
        return 0.0

    def released(self, address: str) -> None:
        """An admitted connection is gone."""
        self._count -= 1
        left = self._per_address[address] - 1
        if left:
            self._per_address[address] = left
        else:
            del self._per_address[address]

    def connect(self, connection: Connection) -> Session:
        """A session for a connection whose handshake is done."""
        session = Session(self, connection)
        self.sessions.add(session)
        self.metrics.connections.set(len(self.sessions))
        return session

    async def keep_checking(self) -> None:
        """End, soon after, the sessions of accounts that were removed or whose tokens were revoked. Runs for ever."""
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self.check()
            except StoreUnavailable as error:
                _log.warning("the accounts could not be looked at", reason=str(error))
            except Exception:
                _log.exception("the sessions could not be checked")

    async def check(self) -> None:
        """End the sessions whose token is not good any more. Raises `StoreUnavailable`."""
        valid_from = await self.accounts.valid_from()
        for session in list(self.sessions):
            who = session.identified
            if who is None or who.kind is PersonKind.GUEST:
                continue
            since = valid_from.get(who.identity)
            if since is None or who.issued < since:
                session.close(Code.BAD_TOKEN)

    def disconnected(self, session: Session) -> None:
        """The session is over."""
        self.sessions.discard(session)
        self.metrics.connections.set(len(self.sessions))


class Session:
    """One connection's state, and a member of the room it has joined."""

    def __init__(self, gateway: Gateway, connection: Connection) -> None:
        self.gateway = gateway
        self.state = State.CONNECTED
        self.encoding = connection.encoding
        self.identified: Identified | None = None
        self.room: OpenRoom | None = None
        self.person = ""
        self.client = ""
        self.console = False
        self.told = 0
        # See `Member`. Not a method: this is called for each event and reader.
        self.send: Callable[[bytes], None] = connection.post
        self._connection = connection
        self._bad = 0
        self._commands = Bucket(COMMANDS_PER_SECOND, COMMANDS_AT_ONCE, time.monotonic())

    # --- what comes in ------------------------------------------------------------------

    async def receive(self, data: str | bytes) -> None:
        """One frame of the client."""
        try:
            message = codec.decode_client(data, self.encoding)
        except codec.BadMessage as error:
            self._bad += 1
            self._count("unknown", Code.BAD_MESSAGE)
            details = {"path": error.path, "reason": error.reason}
            self._send(Refused(id=error.id, code=Code.BAD_MESSAGE, message=sentence(Code.BAD_MESSAGE), details=details))
            if self._bad >= BAD_MESSAGES:
                self._connection.finish(Code.BAD_MESSAGE)
            return
        if not self._commands.take(time.monotonic()):
            after_ms = max(1, round(self._commands.wait_s() * 1000))
            self.gateway.metrics.rate_limited.labels("commands").inc()
            self.refuse(message, Refusal(Code.RATE_LIMITED, details={"after_ms": str(after_ms)}))
            return
        wrong = misplaced(self.state, type(message))
        if wrong is not None:
            self.refuse(message, Refusal(wrong, f"{command_name(type(message))} when {self.state.value}"))
            return
        try:
            await HANDLERS[type(message)](self, message)
        except StoreUnavailable as error:
            _log.warning("the store refused", reason=str(error))
            self.refuse(message, Refusal(Code.STORE_UNAVAILABLE))
        except Exception:
            _log.exception("a message could not be handled", type=command_name(type(message)))
            self.refuse(message, Refusal(Code.INTERNAL))

    def disconnected(self) -> None:
        """The connection is gone, or about to be; again: nothing."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.leave_room()
        self.gateway.disconnected(self)

    def refresh(self) -> None:
        """Something was dropped because the client was slow: a snapshot replaces it."""
        if self.room is not None:
            self.room.resync(self)

    # --- as a member of a room ----------------------------------------------------------

    def gone(self, code: Code | None, note: str) -> None:
        """See `Member`."""
        room, self.room = self.room, None
        if room is not None:
            room.forget(self)
        if self.state is State.JOINED:
            self.state = State.WELCOMED
            self.gateway.metrics.sessions.dec()
        if code is not None:
            self._connection.finish(code, note or None)

    def enter(self, room: OpenRoom) -> None:
        """The session is in a room from this step on; the caller attaches it."""
        self.room = room
        self.state = State.JOINED
        self.gateway.metrics.sessions.inc()

    def tell(self, event: e.RoomEvent) -> None:
        """An event that was missed."""
        self.send(frame(replace(event, after=self.told), self.encoding))
        self.told = event.version

    def welcomed(self) -> None:
        """It is known who is there."""
        self.state = State.WELCOMED

    @property
    def introduced(self) -> bool:
        """Somebody has said hello."""
        return self.state is not State.CONNECTED

    @property
    def over(self) -> bool:
        """The connection is gone."""
        return self.state is State.CLOSED

    def leave_room(self) -> None:
        """Out of the room without the person leaving: the grace period begins if it was their last connection."""
        room, self.room = self.room, None
        if room is not None:
            self.gateway.metrics.sessions.dec()
            room.detach(self)

    def close(self, code: Code) -> None:
        """End the connection, saying why."""
        self._connection.finish(code)

    # --- what goes out ------------------------------------------------------------------

    def accept(self, message: c.Command, result: Result | None = None) -> None:
        """Answer `ok`."""
        self._count(command_name(type(message)), None)
        version = self.room.replica.room.version if self.room is not None else None
        self._send(Ok(id=message.id, version=version, result=result))

    def refuse(self, message: c.Command, refusal: Refusal) -> None:
        """Answer `refused`."""
        self._count(command_name(type(message)), refusal.code)
        details: dict[str, Any] = dict(refusal.details)
        if refusal.rule:
            details["rule"] = refusal.rule
        if "after_ms" in details:
            details["after_ms"] = int(details["after_ms"])
        code = refusal.code
        self._send(Refused(id=message.id, code=code, message=sentence(code), retry=retry(code), details=details))

    def settle(self, message: c.Command, refusal: Refusal | None) -> None:
        """Answer what a room has decided."""
        if refusal is None:
            self.accept(message)
        else:
            self.refuse(message, refusal)

    def _send(self, message: msgspec.Struct) -> None:
        self._connection.post(frame(message, self.encoding), keep=True)

    def _count(self, type_: str, code: Code | None) -> None:
        self.gateway.metrics.commands.labels(type_, "ok" if code is None else code.value).inc()


HANDLERS: dict[type[c.Command], Callable[[Session, Any], Awaitable[None]]] = {
    c.Hello: arrival.hello,
    c.ConferenceJoin: arrival.join,
    c.Can: orders.can,
    c.PeopleList: orders.people,
    c.MediaPublish: orders.publish,
    c.MediaSubscribe: orders.subscribe,
    c.MediaAnswer: orders.subscribe,
    c.ChatSend: talk.write,
    c.ChatHistory: talk.history,
    c.ReactionSend: talk.react,
    **dict.fromkeys(ROOM_COMMANDS, orders.command),
}
