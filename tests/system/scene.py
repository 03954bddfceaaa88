"""A conference in which an action of the permission table is tried out, and the steps of that, as data.

In fields, `@owner`, `@actor`, `@target` and `@watcher` stand for identities, `@role` for the actor's role, `@sdp` for
an offer with a microphone and `@conference` for the conference.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from websockets.exceptions import ConnectionClosed

from media.sdp import Description
from tests.disobedient.peer import Peer, Stream, line
from tests.disobedient.transport import MediaConnection
from tests.harness import Client, Refused, Server
from tests.smtp_server import SmtpServer


@dataclass(frozen=True)
class Say:
    """A message on somebody's WebSocket."""

    who: str
    type: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """As the table of rules names it."""
        channel = self.fields.get("channel")
        return f"{self.type}:{channel}" if self.type == "chat.send" and channel else self.type


@dataclass(frozen=True)
class Call:
    """A request to the API with somebody's token; a body of bytes is sent as it is."""

    who: str
    method: str
    path: str
    body: Any = None

    @property
    def command(self) -> str:
        """As the table of rules names it: what is uploaded is in it."""
        kind = self.path.partition("kind=")[2].partition("&")[0]
        return f"file.upload:{kind}" if kind else f"{self.method} {self.path}"


Step = Say | Call
# What is set up by more than a message.
Act = Callable[["Scene"], Awaitable[None]]


@dataclass
class Scene:
    """A conference with four people on WebSockets. `peers`: their media, to be ended with the scene."""

    server: Server
    mails: SmtpServer
    conference: str
    role: str
    clients: dict[str, Client]
    tokens: dict[str, str]
    peers: list[Peer] = field(default_factory=list)

    async def set(self, *stage: Step | Act) -> None:
        """Do this before."""
        for step in stage:
            await (self.do(step) if isinstance(step, Say | Call) else step(self))

    async def do(self, step: Step) -> Any:
        """Send it; the answer, or the response's JSON, or its bytes when it is none. Raises `Refused`, also for a
        403."""
        if isinstance(step, Say):
            return await self.clients[step.who].send(step.type, **self._filled(step.fields))
        path = "/api/v1" + self._filled(step.path)
        ask = partial(self.server.request, step.method, path, self._filled(step.body), self.tokens[step.who])
        for _ in range(5):
            response = await asyncio.to_thread(ask)
            if response.status != 429:
                break
            # A quick machine asks more often than one address may.
            await asyncio.sleep(response.json["details"]["after_ms"] / 1000)
        if response.status == 403:
            raise Refused(response.json)
        assert response.status == 200, (response.status, response.body)
        json_ = response.headers.get("content-type", "").partition(";")[0] == "application/json"
        return response.json if json_ else response.body

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if not isinstance(value, str):
            return value
        if value == "@sdp":
            connection = MediaConnection()
            return connection.describe(Description([line(Stream(connection, "0", False, ""))]), "actpass")
        for name, client in self.clients.items():
            value = value.replace(f"@{name}", client.identity)
        return value.replace("@role", self.role).replace("@conference", self.conference)

    async def state(self) -> dict[str, Any]:
        """Where the conference is, with the fingerprint of its state."""
        found: dict[str, Any] = await self.do(Call("owner", "GET", "/conferences/@conference/state"))
        return found

    async def quiet(self) -> None:
        """Read what everybody was told so far."""
        # The answer comes after all that was told before it.
        await asyncio.gather(*(self.heard_out(client) for client in self.clients.values()))
        for client in self.clients.values():
            for queue in (client.events, client.signals):
                while not queue.empty():
                    queue.get_nowait()

    async def heard_out(self, client: Client) -> None:
        """What this one is told has come; somebody who was sent out, or waits at the door, has nothing to ask."""
        with contextlib.suppress(Refused, ConnectionError, ConnectionClosed):
            # Of what everybody may ask, the cheapest to answer.
            await client.send("link.list", limit=1)
