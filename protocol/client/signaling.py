"""A client's WebSocket: typed commands go out, typed answers, events and signals come in.

Thousands share one process, so each is a protocol on its transport with the `websockets` library's own sans-I/O state
machine, and has no task. What comes is checked as a good client checks it: events without a gap.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import ssl
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from protocol import answers, codec, signals
from protocol.codec import Encoding
from protocol.commands import Command
from protocol.errors import Code
from protocol.events.base import Event

CONNECT_S = 30.0
ANSWER_S = 15.0
# How often somebody asks again who is told to wait.
_PATIENCE = 20
# The snapshot of a conference of thousands, for a moderator.
_MAX_MESSAGE = 8 * 1024 * 1024
_quiet = logging.getLogger("podium.client.websocket")
_quiet.disabled = True


class SignalingError(Exception):
    """The connection could not be made, or is over; the text is a sentence."""


class RefusedError(Exception):
    """The server refused a command: `code` says why, `after_ms` when it may be asked again."""

    def __init__(self, refused: answers.Refused) -> None:
        super().__init__(f"The server refused ({refused.code}): {refused.message}")
        self.code = refused.code
        self.after_ms = int(refused.details.get("after_ms", 0))


class Signaling(asyncio.Protocol):
    """One connection; made by `connect`. `heard` is given every event and signal.

    `position` is the version of the last event or snapshot, `gaps` counts events that did not follow what was told
    before, `unknown` messages that this client does not understand, `closing` is why the server ended it.
    """

    def __init__(self, url: str, before: Signaling | None = None) -> None:
        self.heard: Callable[[Event | msgspec.Struct], None] = lambda message: None
        self.ended: Callable[[], None] = lambda: None
        self.client: str = secrets.token_hex(8) if before is None else before.client
        self.position = 0
        self.gaps = 0
        self.unknown = 0
        self.messages = 0
        self.closing = ""
        # Commands have numbers of the client's, not of the connection's: the same one again is the same command.
        self._ids: Iterator[int] = itertools.count(1) if before is None else before._ids
        self._waiting: dict[int, asyncio.Future[answers.Ok]] = {}
        self._protocol = ClientProtocol(
            parse_uri(url), subprotocols=[Subprotocol(Encoding.MSGPACK)], max_size=_MAX_MESSAGE, logger=_quiet
        )
        self._open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(
        cls, url: str, context: ssl.SSLContext | None = None, before: Signaling | None = None
    ) -> Signaling:
        """Connect to `ws://…/ws` or `wss://…/ws`, in place of a connection of `before`. Raises `SignalingError`."""
        uri = parse_uri(url)
        made = cls(url, before)
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: made, uri.host, uri.port, ssl=context if uri.secure else None
                )
                await made._open
        except TimeoutError:
            made.drop()
            raise SignalingError("The WebSocket did not open in time.") from None
        except OSError as error:
            raise SignalingError(f"The WebSocket could not be opened: {error.strerror or error}.") from None
        return made

    async def ask(self, kind: type[Command], /, **fields: Any) -> answers.Ok:
        """Give a command; its answer. Raises `RefusedError` or `SignalingError`."""
        return await self.give(kind(id=self.next_id(), **fields))

    async def patiently(self, kind: type[Command], /, **fields: Any) -> answers.Ok:
        """As `ask`, again after what the server says where that came too soon."""
        for _ in range(_PATIENCE):
            try:
                return await self.ask(kind, **fields)
            except RefusedError as error:
                if error.code is not Code.RATE_LIMITED:
                    raise
                await asyncio.sleep(max(error.after_ms, 100) / 1000)
        return await self.ask(kind, **fields)

    async def give(self, command: Command) -> answers.Ok:
        """Give a command that has a number of `next_id`; its answer. Raises `RefusedError` or `SignalingError`."""
        number = command.id
        answer: asyncio.Future[answers.Ok] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self.say(command)
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            raise SignalingError("The server did not answer in time.") from None
        finally:
            del self._waiting[number]

    def say(self, command: Command) -> None:
        """Send a command whose answer nobody waits for. Raises `SignalingError` when the connection is over."""
        if self._protocol.state is not State.OPEN:
            raise SignalingError(self._end())
        self._protocol.send_binary(codec.pack(command))
        self._flush()

    @property
    def transport(self) -> asyncio.Transport:
        """What the bytes go through."""
        assert self._transport is not None
        return self._transport

    def next_id(self) -> int:
        """A number for `say`."""
        return next(self._ids)

    def close(self) -> None:
        """Say good-bye."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._flush()

    def drop(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def over(self) -> bool:
        """Nothing can be sent any more."""
        return self._protocol.state is not State.OPEN

    # --- asyncio's callbacks ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._opened()
            elif isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                self._message(bytes(event.data))
        # Pongs, and the answer to a close.
        self._flush()

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.receive_eof()
        error = SignalingError(self._end())
        futures: tuple[asyncio.Future[Any], ...] = (self._open, *self._waiting.values())
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()  # looked at, whoever waits
        self.ended()

    # --- messages -----------------------------------------------------------------------

    def _opened(self) -> None:
        failure = self._protocol.handshake_exc
        if self._open.done():
            return
        if failure is None:
            self._open.set_result(None)
            return
        text = f"The WebSocket could not be opened: {failure}."
        if isinstance(failure, InvalidStatus):
            body = bytes(failure.response.body or b"").decode(errors="replace").strip()
            text = f"The server refused the WebSocket ({failure.response.status_code}): {body or 'no reason given'}"
        self._open.set_exception(SignalingError(text))

    def _message(self, data: bytes) -> None:
        self.messages += 1
        try:
            said: Any = codec.decode_said(data)
        except codec.BadMessage:  # a newer server says things we do not know
            self.unknown += 1
            return
        match said:
            case answers.Ok():
                if isinstance(said.result, answers.Joined):
                    self.position = said.result.snapshot.version
                self._settle(said.id, said)
            case answers.Refused():
                if said.id is not None:
                    self._settle(said.id, RefusedError(said))
            case Event():
                if said.version <= self.position:
                    return
                if said.after > self.position:
                    self.gaps += 1
                self.position = said.version
                self.heard(said)
            case _:
                if isinstance(said, signals.Resync | signals.Admitted):
                    self.position = said.snapshot.version
                elif isinstance(said, signals.Closing):
                    self.closing = f"The server closed the connection ({said.code}): {said.message}"
                self.heard(said)

    def _settle(self, number: int, outcome: answers.Ok | RefusedError) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, answers.Ok):
            waiting.set_result(outcome)
        else:
            waiting.set_exception(outcome)

    def _end(self) -> str:
        return self.closing or "The connection to the server broke."

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
