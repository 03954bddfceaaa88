"""Somebody's visit to a conference, which outlives its connections.

When a connection breaks, another one takes its place by itself and goes on where this one stopped: what happened
meanwhile is told, and commands without an answer are given again with their numbers, which the server takes once.
Where it cannot go on (the server has let the presence go) the visitor joins anew, and is told the conference as a
whole by a `Resync`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import msgspec

from protocol import answers, commands, signals
from protocol.client.signaling import RefusedError, Signaling, SignalingError
from protocol.commands import Command, Resume
from protocol.events.base import Event
from protocol.view import Snapshot

Heard = Event | msgspec.Struct
FIRST_RETRY_S = 0.4
LONGEST_RETRY_S = 5.0
# Longer than the server keeps a place.
GIVE_UP_S = 120.0
# Messages that may wait for the visitor; who does not listen at all is told so.
MAX_UNHEARD = 10_000


class Visit:
    """`async with Visit(…) as visit`: joins, and leaves at the end. Iterating over it gives events and signals, and
    ends with `SignalingError` when the server ended the visit or cannot be reached any more.

    `snapshot` is the conference as it was on joining; None at its door, until the signal `Admitted`. Entering raises
    `SignalingError` or `RefusedError`.
    """

    def __init__(
        self, url: str, token: str, conference: str, *, context: ssl.SSLContext | None = None, **join: Any
    ) -> None:
        """`url`: the server's address, `https://host`; `join`: further fields of `conference.join`."""
        self._url = "ws" + url.rstrip("/").removeprefix("http") + "/ws"
        self._token = token
        self._join: dict[str, Any] = {"conference": conference, **join}
        self._context = context
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._here = asyncio.Event()
        self._resume = ""
        self._error: SignalingError | None = None
        self._final = False
        self._again: asyncio.Task[None] | None = None
        self._signaling: Signaling | None = None
        self.identity = ""
        self.snapshot: Snapshot | None = None

    async def __aenter__(self) -> Visit:
        await self._come()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._again is not None:
            self._again.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._again
        signaling = self._connected
        signaling.ended = lambda: None
        if not signaling.over:
            with contextlib.suppress(SignalingError, RefusedError):
                await signaling.ask(commands.ConferenceLeave)
            signaling.close()
        self._finish("The visit is over.")

    def __aiter__(self) -> Visit:
        return self

    async def __anext__(self) -> Heard:
        message = await self._heard.get() if self._error is None or not self._heard.empty() else None
        if message is None:
            raise self._error or SignalingError("The visit is over.")
        return message

    async def ask(self, kind: type[Command], /, **fields: Any) -> answers.Ok:
        """Give a command; its answer. While there is no connection it waits for the next one.

        Raises `RefusedError`, or `SignalingError` when the visit is over.
        """
        command = kind(id=self._connected.next_id(), **fields)
        while True:
            await self._here.wait()
            if self._error is not None:
                raise self._error
            signaling = self._connected
            try:
                return await signaling.give(command)
            except SignalingError:
                if not signaling.over:
                    raise

    @property
    def _connected(self) -> Signaling:
        if self._signaling is None:
            raise SignalingError("The visit has not begun.")
        return self._signaling

    async def _come(self) -> None:
        before = self._signaling
        signaling = await Signaling.connect(self._url, self._context, before)
        signaling.heard = self._hear
        try:
            # What follows a resume comes right behind the answer, so the place is known before.
            resume = None
            if before is not None and self.snapshot is not None and self._resume:
                at = signaling.position = before.position
                where = self.snapshot
                resume = Resume(conference=where.conference, epoch=where.epoch, version=at, token=self._resume)
                # A resume token is good for one try.
                self._resume = ""
            ok = await signaling.patiently(
                commands.Hello, token=self._token, client=signaling.client, **({"resume": resume} if resume else {})
            )
            assert isinstance(ok.result, answers.Welcome)
            self.identity = ok.result.identity
            if ok.result.resumed:
                self._resume = ok.result.resume or ""
            else:
                again = {"take_over": True} if before is not None else {}
                joined = (await signaling.patiently(commands.ConferenceJoin, **self._join | again)).result
                if isinstance(joined, answers.Joined):
                    self._resume, self.snapshot = joined.resume, joined.snapshot
                    if before is not None:
                        self._hear(signals.Resync(snapshot=joined.snapshot))
                else:
                    self._resume, self.snapshot = "", None
        except BaseException:
            signaling.drop()
            raise
        signaling.ended = self._lost
        self._signaling = signaling
        if signaling.over:
            self._lost()
        else:
            self._here.set()

    def _hear(self, message: Heard) -> None:
        if self._heard.qsize() >= MAX_UNHEARD:
            self._finish(f"{MAX_UNHEARD} messages waited, and nobody listened.")
            self._connected.drop()
            return
        if isinstance(message, signals.Admitted):
            self._resume, self.snapshot = message.resume, message.snapshot
        elif isinstance(message, signals.Resync):
            self.snapshot = message.snapshot
        elif isinstance(message, signals.Closing):
            self._final = not message.retry
        self._heard.put_nowait(message)

    def _lost(self) -> None:
        if self._error is not None:
            return
        if self._final:
            self._finish(self._connected.closing)
            return
        self._here.clear()
        self._again = asyncio.create_task(self._come_again(), name="visit comes again")

    async def _come_again(self) -> None:
        wait_s = FIRST_RETRY_S
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while True:
                    await asyncio.sleep(wait_s)
                    try:
                        await self._come()
                        return
                    except SignalingError:
                        wait_s = min(wait_s * 2, LONGEST_RETRY_S)
        except TimeoutError:
            self._finish("The server could not be reached any more.")
        except RefusedError as error:
            self._finish(str(error))

    def _finish(self, sentence: str) -> None:
        if self._error is None:
            self._error = SignalingError(sentence)
            self._here.set()
            self._heard.put_nowait(None)
