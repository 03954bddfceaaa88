"""A session: one connection's identity, its state (states.py), and the way of a message to its handler.

The actor of every command is the session's identity, never something from the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
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
from protocol.signals import Admitted
from protocol.view import Snapshot
from server import log
from server.conference.openroom import OpenRoom
from server.conference.replica import Order
from server.conference.rooms import Rooms
from server.config import Settings
from server.frames import frame
from server.http.address import Proxies
from server.identity.access import Identified
from server.identity.identities import Identities, concerns
from server.identity.tokens import BadToken
from server.metrics import Metrics
from server.ratelimit import Bucket, Buckets, RateLimit
from server.room import inner
from server.room.refusal import Refusal
from server.room.rules import command_name
from server.room.spoken import spoken
from server.sessions import arrival, orders, talk
from server.sessions.guesses import Guesses
from server.sessions.states import ROOM_COMMANDS, State, misplaced
from server.storage.recorder import Touched
from server.storage.store import StoreUnavailable

# A moderator at work gives a few commands a second; a page that loads gives ten at once.
COMMANDS_PER_SECOND = 20.0
COMMANDS_AT_ONCE = 60.0
# protocol.md: the third malformed message closes.
BAD_MESSAGES = 3
# How often what stands behind the sessions is looked at; and how soon again at the earliest, when other servers have
# written something about it, so that a crowd that is looked at all the time costs a node a tenth of it at most.
CHECK_S = 30.0
PAUSE_S = 1.0
PAUSE_TIMES = 10
# A join in a large conference takes a node some milliseconds (docs/benchmarks.md); nobody waits longer than the grace
# period, which is ten seconds where it is short.
SPREAD_MS = 4
MAX_SPREAD_MS = 5_000

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

    def __init__(
        self, rooms: Rooms, identities: Identities, metrics: Metrics, settings: Settings, buckets: Buckets
    ) -> None:
        self.rooms = rooms
        self.identities = identities
        self.metrics = metrics
        self.settings = settings
        self.proxies = Proxies(settings.trusted_proxies)
        self.bytes_per_second = float(settings.bytes_per_second)
        self.frames_per_second = float(settings.frames_per_second)
        self._origins = frozenset(settings.origins)
        self.guesses = Guesses(metrics, buckets)
        self._connects = RateLimit(settings.connects_per_second, settings.connects_per_second * 10)
        self._per_address: dict[str, int] = {}
        self._count = 0
        self.sessions: set[Session] = set()
        self.ended = 0
        self._heard = asyncio.Event()
        # The server is about to stop: whoever can choose sends people elsewhere.
        self.draining = False

    def spread_ms(self) -> int:
        """How long somebody who is sent away is to wait before coming back: at random, so that all do not at once."""
        return random.randrange(1 + min(MAX_SPREAD_MS, SPREAD_MS * len(self.sessions)))

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
        """End, soon after, the sessions of those who may not be here any more: an account that was removed or whose
        tokens were revoked, a link, key or peer that is gone. Runs for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_S):
                    await self._heard.wait()
            self._heard.clear()
            began = time.monotonic()
            try:
                await self.check()
            except StoreUnavailable as error:
                _log.warning("the identities could not be looked at", reason=str(error))
            except Exception:
                _log.exception("the sessions could not be checked")
            await asyncio.sleep(max(PAUSE_S, PAUSE_TIMES * (time.monotonic() - began)))

    def heard(self, touched: Touched) -> None:
        """Other servers have written this: if it concerns those who are connected here, they are looked at soon."""
        if concerns(touched):
            self._heard.set()

    async def check(self, about: Callable[[Identified], bool] | None = None) -> None:
        """See to everybody, or to the ones that something was changed about: end the sessions of those behind whom
        nothing stands any more, and give or take the right of an organizer. Raises `StoreUnavailable`."""
        by_identity: dict[Identified, list[Session]] = {}
        for session in self.sessions:
            if session.identified is not None and (about is None or about(session.identified)):
                by_identity.setdefault(session.identified, []).append(session)
        found = await self.identities.inside(list(by_identity))
        for sessions, now in zip(by_identity.values(), found, strict=True):
            for session in sessions:
                if isinstance(now, BadToken):
                    session.bar(now.code)
                else:
                    session.is_now(now)
        if about is None:
            # Whose connection is broken would stay for the grace period, seen and heard.
            await self.rooms.send_away(await self.identities.gone())
            await self.rooms.pass_on()

    def disconnected(self, session: Session) -> None:
        """The session is over."""
        self.sessions.discard(session)
        self.ended += 1
        self.metrics.connections.set(len(self.sessions))


class Session:
    """One connection's state, and a member of the room it has joined."""

    def __init__(self, gateway: Gateway, connection: Connection) -> None:
        self.gateway = gateway
        self.state = State.CONNECTED
        self.encoding = connection.encoding
        self.identified: Identified | None = None
        self.room: OpenRoom | None = None
        # Where it waits to be let in; it is a member of no room meanwhile.
        self.waits_at: OpenRoom | None = None
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
        self.room = None
        if self.state is State.JOINED:
            self.gateway.metrics.sessions.dec()
        if self.state in (State.JOINED, State.WAITING):
            self.state = State.WELCOMED
            self.waits_at = None
        if code is not None:
            self._connection.finish(code, note or None)

    def enter(self, room: OpenRoom) -> None:
        """The session is in a room from this step on; the caller attaches it."""
        self.room = room
        self.waits_at = None
        self.state = State.JOINED
        self.gateway.metrics.sessions.inc()

    def wait(self, room: OpenRoom) -> None:
        """The session waits at a room's door from this step on."""
        self.waits_at = room
        self.state = State.WAITING

    def admitted(self, view: Snapshot, resume: str) -> None:
        """The wait is over; the session is in the room already."""
        self._send(Admitted(snapshot=view, resume=resume))

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
        """Out of the room without the person leaving: the grace period begins if it was their last connection. Who
        waits for the room does not wait any more."""
        room, self.room = self.room, None
        door, self.waits_at = self.waits_at, None
        if room is not None:
            self.gateway.metrics.sessions.dec()
            room.detach(self)
        elif door is not None:
            door.detach(self)

    def close(self, code: Code) -> None:
        """End the connection, saying why."""
        self._connection.finish(code)

    @property
    def address(self) -> str:
        """Where the connection comes from."""
        return self._connection.address

    def bar(self, code: Code) -> None:
        """End the connection, saying why, and the person's presence with it."""
        room = self.room
        self.close(code)
        if room is not None:
            _inner_order(room, self.person, inner.Bar())

    def is_now(self, who: Identified) -> None:
        """The person as they are now; a right that they got or lost since is theirs or gone at once."""
        self.identified = who
        if self.waits_at is not None and who.by_right:
            _inner_order(self.waits_at, self.person, inner.Right(by_right=True))
        state = self.room.replica.room if self.room is not None else None
        present = state.people.get(self.person) if state is not None else None
        if self.room is None or state is None or present is None:
            return
        if present.by_right is not (who.by_right or self.person == state.owner):
            _inner_order(self.room, self.person, inner.Right(by_right=who.by_right))

    # --- what goes out ------------------------------------------------------------------

    def accept(self, message: c.Command, result: Result | None = None, version: int | None = None) -> None:
        """Answer `ok`; `version` where the outcome stands in an earlier one than the newest."""
        self._count(command_name(type(message)), None)
        if version is None and self.room is not None:
            version = self.room.replica.room.version
        self._send(Ok(id=message.id, version=version, result=result))

    def refuse(self, message: c.Command, refusal: Refusal) -> None:
        """Answer `refused`."""
        self._count(command_name(type(message)), refusal.code)
        details: dict[str, Any] = dict(refusal.details)
        if refusal.rule:
            details["rule"] = refusal.rule
        if "after_ms" in details:
            details["after_ms"] = int(details["after_ms"])
        code, said = refusal.code, spoken(refusal)
        self._send(Refused(id=message.id, code=code, message=said, retry=retry(code), details=details))

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


def _inner_order(room: OpenRoom, person: str, command: inner.InnerCommand) -> None:
    def settle(refusal: Refusal | None) -> None:
        if refusal is not None:
            # Again at the next check, or when they come back.
            _log.warning("a change of right waits", conference=room.conference, code=refusal.code.value)

    room.replica.submit(Order(actor=person, commands=lambda _: (command,), settle=settle))


HANDLERS: dict[type[c.Command], Callable[[Session, Any], Awaitable[None]]] = {
    c.Hello: arrival.hello,
    c.ConferenceJoin: arrival.join,
    c.Can: orders.can,
    c.Explain: orders.explain,
    c.PeopleList: orders.people,
    c.MediaPublish: orders.publish,
    c.MediaSubscribe: orders.subscribe,
    c.MediaRestart: orders.subscribe,
    c.MediaAnswer: orders.subscribe,
    c.MediaRelays: orders.relays_of,
    c.MediaPrefer: orders.prefer,
    c.MediaStats: orders.statistics,
    c.ChatSend: talk.write,
    c.ChatHistory: talk.history,
    c.ChatSearch: talk.search,
    c.ChatEdit: talk.edit,
    c.ChatDelete: talk.delete,
    c.QuestionList: orders.questions_of,
    c.PollList: orders.polls_of,
    c.PollAnswers: orders.choices,
    c.LinkList: orders.links_of,
    c.ReactionSend: talk.react,
    **dict.fromkeys(ROOM_COMMANDS, orders.command),
}
