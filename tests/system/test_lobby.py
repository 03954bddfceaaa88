"""The lobby of a running server, seen from the socket: every byte that reaches somebody who waits is looked at."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import Callable
from typing import Any

from websockets.frames import Frame, Opcode

from tests.harness import JSON, Server, until
from tests.system.stack import ForeignPeer


class Wire:
    """A WebSocket of one's own making that keeps every frame it is sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.frames: list[tuple[Opcode, bytes]] = []
        self._reading = asyncio.create_task(self._read(), name="wire")

    @classmethod
    async def connect(cls, server: Server, token: str) -> Wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {JSON}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        wire = cls(reader, writer)
        wire.send({"type": "hello", "id": 1, "token": token, "client": "client-0001"})
        await until(lambda: len(wire.messages) == 1)
        return wire

    def send(self, message: dict[str, Any]) -> None:
        self._writer.write(Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=True))

    async def _read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self._reader.readexactly(2)
                size = head[1] & 0x7F
                if size >= 126:
                    size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
                self.frames.append((Opcode(head[0] & 0x0F), await self._reader.readexactly(size)))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All but pings, which say nothing: whatever else came would fail here."""
        return [json.loads(payload) for opcode, payload in self.frames if opcode is not Opcode.PING or payload]

    async def close(self) -> None:
        self._writer.transport.abort()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def test_not_one_message_reaches_a_guest_before_they_are_let_in(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server("--public-ip", "127.0.0.1")
    owner = await clients(server, server.login(), server.conference)
    await owner.send("conference.settings", lobby="guests")
    guest_is = server.guest("Gina")
    guest = await Wire.connect(server, guest_is.token)
    sending = ForeignPeer(owner)
    try:
        guest.send({"type": "conference.join", "id": 2, "conference": server.conference})
        await until(lambda: len(guest.messages) == 2)
        assert guest.messages[1] == {"type": "ok", "id": 2, "result": {"type": "held", "reason": "lobby"}}
        entered = await owner.event("lobby.entered")
        assert (entered["who"]["id"], entered["who"]["name"]) == (guest_is.identity, "Gina")

        # Others join, chat, react and speak; modes, layouts and settings change; the guest tries what they can.
        ben = server.guest("Ben")
        await owner.send("role.assign", target=ben.identity, role="speaker")
        await clients(server, ben, server.conference)
        await owner.send("stage.request")
        await sending.publish()
        for number in range(5):
            await owner.send("chat.send", text=f"secret {number}")
            await owner.send("reaction.send", emoji="👏")
            await owner.send("media.mute", source="video")
            await owner.send("media.unmute", source="video")
        for mode in ("video_lecture", "all_on_screen", "role_based"):
            await owner.send("conference.set_mode", mode=mode)
        await owner.send("conference.settings", title="Something secret")
        guest.send({"type": "chat.history", "id": 3})
        guest.send({"type": "media.subscribe", "id": 4})
        guest.send({"type": "can", "id": 5})
        # The statistics of the worker come every two seconds, and are said to the members.
        await owner.signal("media.quality")
        await until(lambda: len(guest.messages) >= 5)
        refused = guest.messages[2:]
        assert [(one["type"], one["id"], one["code"]) for one in refused] == [
            ("refused", number, "not_yet") for number in (3, 4, 5)
        ]
        assert all("version" not in one for one in refused)

        await owner.send("lobby.admit", target=guest_is.identity)
        await until(lambda: len(guest.messages) > 5)
        admitted = guest.messages[5]
        assert admitted["type"] == "admitted" and admitted["snapshot"]["title"] == "Something secret"
        assert admitted["snapshot"]["you"] == guest_is.identity
        await owner.send("chat.send", text="welcome")
        await until(lambda: any(one["type"] == "chat.message" for one in guest.messages))
    finally:
        await sending.close()
        await guest.close()
    await owner.event("participant.joined", person=guest_is.identity)
    await owner.event("participant.away", person=guest_is.identity)
