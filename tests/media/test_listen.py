"""Who fills the places of handshakes from one machine keeps nobody else out, and silence has its time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from media import listen
from media.listen import MAX_BEGINNING_FROM_ONE, Listener
from server.workers import certificate


@contextlib.asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Listener]:
    certificate.make(folder / "worker.pem")
    # Nobody gets as far as being told to it.
    nobody = cast(Any, None)
    listener = Listener(("127.0.0.1", 0), "w1", "a secret", folder / "worker.pem", nobody)
    running = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def connect(listener: Listener, source: str = "127.0.0.1") -> socket.socket:
    """A connection from that address of this machine that says nothing."""
    made = socket.socket()
    made.setblocking(False)
    made.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", listener.port))
    return made


async def ended(connection: socket.socket, within: float) -> bool:
    """Whether the other end has closed it."""
    try:
        async with asyncio.timeout(within):
            return await asyncio.get_running_loop().sock_recv(connection, 1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def test_one_machine_has_a_few_of_the_places_and_another_finds_one(tmp_path: Path) -> None:
    async with listening(tmp_path) as listener:
        silent = [await connect(listener) for _ in range(MAX_BEGINNING_FROM_ONE)]
        assert await ended(await connect(listener), within=3.0), "the ninth of one machine is closed"
        other = await connect(listener, "127.0.0.2")
        assert not await ended(other, within=0.5), "another machine's is taken"
        for one in (*silent, other):
            one.close()


async def test_who_says_nothing_is_gone_and_their_place_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "BEGIN_WITHIN", 0.5)
    async with listening(tmp_path) as listener:
        begin = time.monotonic()
        silent = [await connect(listener) for _ in range(MAX_BEGINNING_FROM_ONE)]
        for one in silent:
            assert await ended(one, within=5.0)
        assert time.monotonic() - begin >= 0.5
        assert not await ended(await connect(listener), within=0.2)
