"""The link to the server: what makes it, breaks it and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from media import control
from media.control import ControlAddress, ControlLink, control_address
from protocol.codec import decode_worker, pack
from protocol.control import (
    MAX_CONTROL_FRAME,
    PeerClose,
    RoutesWanted,
    ServerMessage,
    Shutdown,
    WorkerHello,
    WorkerWelcome,
)

HELLO = WorkerHello(worker="w", secret="s", pid=1, udp_port=2, addresses=("127.0.0.1",))
Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


WELCOME = frame(pack(WorkerWelcome(heartbeat_s=1.0)))
SHUTDOWN = frame(pack(Shutdown()))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "GIVE_UP_AFTER", 0.5)
    monkeypatch.setattr(control, "RETRY_AFTER", 0.02)
    monkeypatch.setattr(control, "WELCOME_WITHIN", 0.2)


@asynccontextmanager
async def link(folder: Path, accept: Accept) -> AsyncIterator[tuple[ControlLink, list[ServerMessage], list[float]]]:
    received: list[ServerMessage] = []
    welcomes: list[float] = []
    path = str(folder / "control")
    async with await asyncio.start_unix_server(accept, path):
        yield ControlLink(ControlAddress(path=path), HELLO, received.append, welcomes.append), received, welcomes


async def test_the_worker_says_hello_is_welcomed_and_gets_messages_in_order(tmp_path: Path) -> None:
    said = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(4), "big")
        said.append(decode_worker(await reader.readexactly(length)))
        closes = [frame(pack(PeerClose(room="r", peer=peer))) for peer in ("a", "b")]
        writer.write(WELCOME + b"".join(closes) + SHUTDOWN)
        await writer.drain()

    async with link(tmp_path, accept) as (client, received, welcomes):
        assert await client.run() is True
    assert said == [HELLO] and welcomes == [1.0]
    assert received == [PeerClose(room="r", peer="a"), PeerClose(room="r", peer="b")]


@pytest.mark.parametrize(
    "bad",
    [
        frame(b"\xc1"),
        frame(pack(RoutesWanted(room="r"))),
        (MAX_CONTROL_FRAME + 1).to_bytes(4, "big"),
        frame(pack({"type": "nonsense"})),
    ],
    ids=["no msgpack", "not the server's", "too large", "unknown"],
)
async def test_a_bad_frame_breaks_the_link_and_it_is_made_again(tmp_path: Path, bad: bytes) -> None:
    links = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal links
        links += 1
        writer.write(WELCOME + (bad if links < 3 else SHUTDOWN))
        await writer.drain()

    async with link(tmp_path, accept) as (client, received, welcomes):
        assert await client.run() is True
    assert links == 3 and len(welcomes) == 3 and received == []


async def test_a_server_that_does_not_welcome_is_given_up(tmp_path: Path) -> None:
    links = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal links
        links += 1
        writer.close()

    async with link(tmp_path, accept) as (client, _, welcomes):
        assert await client.run() is False
    assert links > 2 and welcomes == []


async def test_the_worker_gives_up_when_the_server_stays_away(tmp_path: Path) -> None:
    client = ControlLink(ControlAddress(path=str(tmp_path / "nobody")), HELLO, lambda _: None, lambda _: None)
    client.send(RoutesWanted(room="r"))  # without a link a message is dropped
    async with asyncio.timeout(5):
        assert await client.run() is False


async def test_a_message_that_trips_over_a_mistake_of_ours_does_not_break_the_link(tmp_path: Path) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WELCOME + frame(pack(PeerClose(room="r", peer="a"))) + SHUTDOWN)
        await writer.drain()

    def stumble(message: ServerMessage) -> None:
        raise RuntimeError("a mistake")

    path = str(tmp_path / "control")
    async with await asyncio.start_unix_server(accept, path):
        assert await ControlLink(ControlAddress(path=path), HELLO, stumble, lambda _: None).run() is True


def test_addresses_of_the_server_are_read() -> None:
    assert control_address("unix:/run/x") == ControlAddress(path="/run/x")
    assert control_address("tcp:[::1]:80") == ControlAddress(host="::1", port=80)
    for wrong in ("", "unix:", "tcp:80", "tcp:x:0", "tcp:x:99999", "http://x"):
        with pytest.raises(ValueError, match="neither"):
            control_address(wrong)
