"""The connection class: what the libraries promise it, and the guards it adds to them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.metadata
import inspect
import json
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server.app import Application
from server.config import Settings
from server.sessions import outbox
from server.sessions import websocket as module
from server.sessions.websocket import PodiumWebSocket
from tests.harness import JSON, MSGPACK, Client, Server, until
from tests.machine import Machine

Clients = Callable[..., Any]


def request(port: int, *, path: str = "/ws", protocol: str = JSON, **headers: str) -> bytes:
    """A handshake request."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Raw:
    """A WebSocket client that does nothing by itself: no reading, no pong, no close."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, receive_buffer: int | None = None) -> Raw:
        own = socket.socket()
        if receive_buffer is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
        raw = cls(*await asyncio.open_connection(sock=own, limit=2**16))
        raw.writer.write(request(port))
        head = await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 101"), head
        return raw

    def send(self, message: dict[str, Any]) -> None:
        self.writer.write(Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=True))

    async def message(self) -> dict[str, Any]:
        """The next message; pings are passed over."""
        while True:
            opcode, payload = await self.frame()
            if opcode in (Opcode.TEXT, Opcode.CLOSE):
                return json.loads(payload) if opcode is Opcode.TEXT else {"closed": int.from_bytes(payload[:2], "big")}

    async def frame(self) -> tuple[Opcode, bytes]:
        async with asyncio.timeout(15):
            head = await self.reader.readexactly(2)
            size = head[1]
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return Opcode(head[0] & 0x0F), await self.reader.readexactly(size)

    def abort(self) -> None:
        self.writer.transport.abort()


@pytest.fixture
async def raw() -> AsyncIterator[Callable[..., Any]]:
    made: list[Raw] = []

    async def open(port: int, receive_buffer: int | None = None) -> Raw:
        made.append(await Raw.connect(port, receive_buffer))
        return made[-1]

    yield open
    for one in made:
        one.abort()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Server]:
    """A server in this process, so that its times and bounds can be shortened."""
    application = Application(Settings(host="127.0.0.1", port=0, udp_port=0, workers=1, data=tmp_path / "here"))
    started = await application.start()
    server = Server(tmp_path / "here")
    server.port = started.port
    server.printed = {"Owner": started.owner_link, "Guests": started.guest_link}
    yield server
    await application.stop()


# --- the contract with the libraries ----------------------------------------------------


def test_the_libraries_are_what_this_class_was_written_for() -> None:
    assert int(importlib.metadata.version("websockets").split(".")[0]) == 17
    assert {"process_request", "server_header"} <= set(inspect.signature(ServerConnection.handshake).parameters)
    made = inspect.signature(ServerConnection.__init__).parameters
    assert {"protocol", "server", "ping_interval", "close_timeout", "max_queue", "write_limit"} <= set(made)
    for name in ("send_data", "pause_writing", "resume_writing", "data_received", "connection_lost", "respond"):
        assert callable(getattr(ServerConnection, name)), name
    for name in ("send_ping", "send_close", "data_to_send"):
        assert callable(getattr(ServerProtocol, name)), name
    # uvicorn hands over by these three calls, the request as bytes of its own making.
    upgrade = inspect.getsource(HttpToolsProtocol.handle_websocket_upgrade)
    for expected in ("ws_protocol_class(", "connection_made(", "data_received(", "set_protocol("):
        assert expected in upgrade
    ours = set(inspect.signature(PodiumWebSocket.__init__).parameters)
    assert {"config", "server_state", "app_state"} <= ours


@pytest.mark.parametrize(("encoding", "kind"), [(JSON, str), (MSGPACK, bytes)])
async def test_a_handshake_agrees_on_an_encoding_and_never_on_compression(
    shared_server: Server, encoding: str, kind: type
) -> None:
    async with connect(shared_server.ws_url, subprotocols=[Subprotocol(encoding)], proxy=None) as client:
        assert client.protocol.state is OPEN and client.subprotocol == encoding
        assert not client.protocol.extensions
        await client.send("{" if encoding == JSON else b"\xc1")
        assert isinstance(await client.recv(), kind)


async def test_handshakes_that_are_not_ours_are_refused_with_a_status(shared_server: Server) -> None:
    async def status(path: str = "/ws", subprotocols: list[str] | None = None, **headers: str) -> int:
        try:
            async with connect(
                f"ws://127.0.0.1:{shared_server.port}{path}",
                subprotocols=[Subprotocol(each) for each in subprotocols] if subprotocols is not None else None,
                additional_headers=headers,
                proxy=None,
            ):
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    own = f"http://127.0.0.1:{shared_server.port}"
    assert await status(subprotocols=[JSON]) == 101
    assert await status(subprotocols=[JSON], Origin=own) == 101
    assert await status(subprotocols=["chat", MSGPACK]) == 101
    assert await status(subprotocols=[JSON], Origin="https://evil.example") == 403
    assert await status(subprotocols=[JSON], Origin="null") == 403
    assert await status(subprotocols=["chat"]) == 400
    assert await status() == 400
    assert await status("/wss", subprotocols=[JSON]) == 404
    assert shared_server.request("GET", "/ws").status == 426


async def test_headers_that_come_a_byte_at_a_time_are_cut_off(shared_server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_server.port)
    began = time.monotonic()

    async def trickle() -> None:
        for byte in request(shared_server.port):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.3)

    trickling = asyncio.create_task(trickle())
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    trickling.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await trickling
    writer.transport.abort()
    assert 3 < time.monotonic() - began < 8


# --- floods -----------------------------------------------------------------------------


async def ended(raw: Raw) -> list[dict[str, Any]]:
    """Everything that still comes, to the end of the connection."""
    found = []
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            found.append(await raw.message())
    return found


async def roundtrips(client: Client, seconds: float) -> list[float]:
    """How long a harmless question takes, asked again and again."""
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        await client.send("can")
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.06)
    return sorted(times)


FLOODS = {
    "pings": Frame(Opcode.PING, b"").serialize(mask=True) * 20_000,
    "tiny messages": Frame(Opcode.TEXT, b"{").serialize(mask=True) * 20_000,
    "empty fragments": Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True)
    + Frame(Opcode.CONT, b"", fin=False).serialize(mask=True) * 20_000,
    "bytes": Frame(Opcode.PING, bytes(125)).serialize(mask=True) * 20_000,
    "large messages": Frame(Opcode.TEXT, b" " * 65_000).serialize(mask=True) * 60,
}


@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_is_closed_and_the_others_hardly_notice(
    shared_server: Server, clients: Clients, raw: Callable[..., Any], machine: Machine, what: str
) -> None:
    other = await clients(shared_server, shared_server.guest("Healthy"), shared_server.conference)
    for _ in range(5):
        began = time.monotonic()
        quiet = await roundtrips(other, 0.6)
        attacker = await raw(shared_server.port)
        attacker.writer.write(FLOODS[what])
        busy, said = await asyncio.gather(roundtrips(other, 1.0), ended(attacker))
        # What the server does to others it does each time; the questions of a moment in which this process itself, or
        # the machine, did something else are asked once more.
        if busy[-1] < quiet[-1] + 0.1 and not machine.stood_still(began):
            break
    assert busy[-1] < quiet[-1] + 0.1
    closing = [message for message in said if message.get("type") == "closing"]
    if what in ("tiny messages", "large messages"):
        # Malformed as well: whichever comes first.
        assert closing[0]["code"] in ("rate_limited", "bad_message")
    elif what == "empty fragments":
        assert closing and closing[0]["code"] == "rate_limited"
    else:
        assert (closing[0]["code"], closing[0]["retry"]) == ("rate_limited", True)
        assert closing[0]["after_ms"] > 0 and said[-1] == {"closed": 1013}


async def test_a_frame_that_is_too_large_is_refused_by_its_header(
    shared_server: Server, raw: Callable[..., Any]
) -> None:
    client = await raw(shared_server.port)
    client.writer.write(Frame(Opcode.TEXT, bytes(70_000)).serialize(mask=True)[:14])
    assert (await client.message())["code"] == "too_large"
    assert await client.message() == {"closed": 1009}


async def test_a_fragmented_message_that_grows_too_large_is_closed(
    shared_server: Server, raw: Callable[..., Any]
) -> None:
    client = await raw(shared_server.port)
    client.writer.write(Frame(Opcode.TEXT, b" " * 60_000, fin=False).serialize(mask=True))
    client.writer.write(Frame(Opcode.CONT, b" " * 60_000, fin=True).serialize(mask=True))
    assert await client.message() == {"closed": 1009}


async def test_broken_frames_and_text_that_is_no_text_close_that_connection_alone(
    shared_server: Server, clients: Clients, raw: Callable[..., Any]
) -> None:
    other = await clients(shared_server, shared_server.guest("Healthy"), shared_server.conference)
    for bad, code in (
        (b"\xff\xff\xff\xff", 1002),
        (Frame(Opcode.TEXT, b"{}").serialize(mask=False), 1002),
        (Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True), 1007),
        (b"\x83" + Frame(Opcode.TEXT, b"{}").serialize(mask=True)[1:], 1002),
    ):
        client = await raw(shared_server.port)
        client.writer.write(bad)
        said = await ended(client)
        assert said == [{"closed": code}], bad
    assert (await other.send("can"))["type"] == "ok"


async def test_who_does_not_read_is_closed_and_the_others_are_not_held_up(
    podium_server: Callable[..., Server], clients: Clients, raw: Callable[..., Any]
) -> None:
    server = podium_server()
    guest, talker = server.guest("Slow"), await clients(server, server.login(), server.conference)
    slow = await raw(server.port, 4096)
    slow.send({"type": "hello", "id": 1, "token": guest.token, "client": "client-slow"})
    slow.send({"type": "conference.join", "id": 2, "conference": server.conference})
    await talker.event("participant.joined", person=guest.identity)
    # Chat of 2,000 letters each: with history answers are large.
    chatty = [talker, *[await clients(server, server.guest(f"Talks {n}"), server.conference) for n in range(3)]]
    for number in range(8):
        await asyncio.gather(*(one.send("chat.send", text=f"{number} " + "x" * 1990) for one in chatty))
    for round in range(40):
        with contextlib.suppress(ConnectionError):
            slow.send({"type": "chat.history", "id": 10 + round})
            await slow.writer.drain()
        await asyncio.sleep(0.06)
        if round % 10 == 0:
            began = time.perf_counter()
            await talker.send("can")
            assert time.perf_counter() - began < 0.5
    await until(lambda: server.metrics().get('podium_connections_closed_total{code="too_slow"}', 0) >= 1, 20)
    await talker.event("participant.away", person=guest.identity)


async def test_who_stops_reading_without_being_sent_much_is_closed_after_ten_seconds(
    here: Server, raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.STALL_S <= 10
    monkeypatch.setattr(module, "STALL_S", 0.5)
    monkeypatch.setattr(module, "WRITE_LIMIT", (1024, 256))
    monkeypatch.setattr(module, "SEND_BUFFER", 2048)
    port = here.port
    client = await raw(port, 2048)
    client.writer.transport.pause_reading()
    # Refusals are small: nothing here reaches a bound but the time.
    for number in range(150):
        client.send({"type": "can", "id": number, "target": "x" * 60})
    ends = asyncio.get_running_loop().time() + 8
    while not client.writer.transport.is_closing():
        assert asyncio.get_running_loop().time() < ends
        client.writer.write(Frame(Opcode.PONG, b"").serialize(mask=True))
        await asyncio.sleep(0.2)


async def test_a_half_open_connection_is_found(
    here: Server, raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.PING_EVERY_S + module.SILENCE_S <= 25
    monkeypatch.setattr(module, "PING_EVERY_S", 0.3)
    # Somebody who answers is let go only when this test does not get to it for so long.
    monkeypatch.setattr(module, "SILENCE_S", 3.0)
    port = here.port
    silent, alive = await raw(port), await raw(port)

    async def answer_pings() -> int:
        pings = 0
        while True:
            opcode, payload = await alive.frame()
            if opcode is Opcode.PING:
                pings += 1
                alive.writer.write(Frame(Opcode.PONG, payload).serialize(mask=True))
            if pings == 15:
                return pings

    # The silent one reads, as its kernel would, but says nothing.
    said, pings = await asyncio.gather(asyncio.wait_for(_until_end(silent), 15), asyncio.wait_for(answer_pings(), 15))
    assert pings == 15 and said == "ended"


async def _until_end(raw: Raw) -> str:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await raw.frame()
    return "ended"


async def test_connections_of_one_address_are_bounded_and_given_back(
    podium_server: Callable[..., Server],
) -> None:
    server = podium_server("--connections-per-address", "3")
    held = [await connect(server.ws_url, subprotocols=[Subprotocol(JSON)], proxy=None) for _ in range(3)]
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.ws_url, subprotocols=[Subprotocol(JSON)], proxy=None)
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0
    await held.pop().close()
    held.append(await connect(server.ws_url, subprotocols=[Subprotocol(JSON)], proxy=None))
    await asyncio.gather(*(one.close() for one in held))


async def test_a_storm_of_connections_leaves_nothing_behind(shared_server: Server) -> None:
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{shared_server.pid}/fd"))

    async def one(number: int) -> None:
        with contextlib.suppress(OSError, ConnectionClosed, InvalidStatus):
            client = await connect(shared_server.ws_url, subprotocols=[Subprotocol(JSON)], proxy=None)
            if number % 3 == 0:
                client.transport.abort()
            elif number % 3 == 1:
                await client.close()
            else:
                await client.send("{")
                client.transport.abort()

    before = descriptors()
    for _ in range(5):
        await asyncio.gather(*(one(number) for number in range(60)))
    await until(lambda: descriptors() <= before + 2, 15)
    await until(lambda: shared_server.metrics()["podium_connections"] == 0, 15)


async def test_at_shutdown_clients_are_told_to_come_back(
    podium_server: Callable[..., Server], clients: Clients
) -> None:
    server = podium_server()
    client = await clients(server, server.login(), server.conference)
    assert await asyncio.to_thread(server.stop) == 0
    await asyncio.wait_for(client.closed.wait(), 5)
    assert client.closing is not None
    assert (client.closing["code"], client.closing["retry"]) == ("going_away", True)


async def test_who_does_not_say_hello_is_closed(
    here: Server, raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY_S", 0.2)
    monkeypatch.setattr(module, "HELLO_S", 0.5)
    port = here.port
    client = await raw(port)
    assert (await client.message())["code"] == "not_yet"


async def test_a_reader_that_falls_behind_and_catches_up_gets_one_snapshot_and_no_gap(
    here: Server, clients: Clients, raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_LIMIT", (1024, 256))
    monkeypatch.setattr(module, "SEND_BUFFER", 2048)
    monkeypatch.setattr(outbox, "MAX_BYTES", 3000)
    person = await asyncio.to_thread(here.login)
    guest = await asyncio.to_thread(here.guest, "Slow")
    owner = await clients(here, person, here.conference)
    slow = await raw(here.port, 2048)
    slow.send({"type": "hello", "id": 1, "token": guest.token, "client": "client-slow"})
    slow.send({"type": "conference.join", "id": 2, "conference": here.conference})
    await owner.event("participant.joined", person=guest.identity)
    slow.writer.transport.pause_reading()
    for number in range(50):
        await owner.send("conference.settings", title=f"{number} " + "x" * 110)
    slow.writer.transport.resume_reading()
    await asyncio.sleep(0.2)
    last = await owner.send("conference.settings", title="Caught up")
    position, resyncs, told = 0, 0, 0
    while position < last["version"]:
        message = await slow.message()
        if message["type"] == "resync":
            position, resyncs = message["snapshot"]["version"], resyncs + 1
        elif message["type"] == "ok" and message["id"] == 2:
            position = message["result"]["snapshot"]["version"]
        elif "after" in message:
            assert message["after"] == position, "contiguous, or a snapshot"
            position, told = message["version"], told + 1
    assert resyncs == 1
    assert told < 45
