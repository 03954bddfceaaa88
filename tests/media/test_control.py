"""The link to the server: what makes it, breaks it and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from media import control
from media.control import ControlLink, control_path
from media.link import Link
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


class Guest:
    """Writes down what is said of links, and on them."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.heard: list[ServerMessage] = []
        self.welcomes: list[float] = []

    def joined(self, link: Link, welcome: WorkerWelcome) -> None:
        self.links.append(link)
        self.welcomes.append(welcome.heartbeat_s)

    def left(self, link: Link) -> None:
        self.links.remove(link)

    def received(self, link: Link, message: ServerMessage) -> None:
        assert link in self.links
        if not isinstance(message, Shutdown):
            self.heard.append(message)


@asynccontextmanager
async def link(folder: Path, accept: Accept) -> AsyncIterator[tuple[ControlLink, list[ServerMessage], list[float]]]:
    path, guest = str(folder / "control"), Guest()
    async with await asyncio.start_unix_server(accept, path):
        yield ControlLink(path, HELLO, guest), guest.heard, guest.welcomes
    assert guest.links == []


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
    async with asyncio.timeout(5):
        assert await ControlLink(str(tmp_path / "nobody"), HELLO, Guest()).run() is False


def test_where_the_parent_listens_is_read() -> None:
    assert control_path("unix:/run/x") == "/run/x"
    for wrong in ("", "unix:", "tcp:127.0.0.1:80", "/run/x"):
        with pytest.raises(ValueError, match="not unix:/path"):
            control_path(wrong)
