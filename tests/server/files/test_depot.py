"""Where uploads arrive: whole or not at all, and together never into the disk's reserve."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from server.files.depot import RESERVE, Depot, DiskFull, TooLarge, new_key

MEGABYTE = 1 << 20


class Usage(NamedTuple):
    """As `shutil.disk_usage` answers."""

    total: int
    used: int
    free: int


@pytest.fixture
async def depot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Depot:
    """On a disk that has ten megabytes more than its reserve."""
    usage = Usage(RESERVE * 2, RESERVE - 10 * MEGABYTE, RESERVE + 10 * MEGABYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    made = Depot(tmp_path / "files")
    await made.open()
    return made


class Sending:
    """An upload that has announced so many bytes and brings them when it is told to."""

    def __init__(self, depot: Depot, announced: int) -> None:
        self.key = new_key()
        self.begun = asyncio.Event()
        self._go = asyncio.Event()
        self._size = announced
        self.task = asyncio.create_task(depot.receive(self.key, self._chunks(), announced))

    async def _chunks(self) -> AsyncIterator[bytes]:
        self.begun.set()
        await self._go.wait()
        yield bytes(self._size)

    async def end(self) -> int:
        self._go.set()
        return await self.task


async def test_uploads_that_begin_at_once_are_taken_as_far_as_the_disk_has_room_for_all_of_them(depot: Depot) -> None:
    sendings = [Sending(depot, 4 * MEGABYTE) for _ in range(5)]
    _, waiting = await asyncio.wait([sending.task for sending in sendings], timeout=0.5)
    # None has written anything yet, and alone each would have room.
    taken = [sending for sending in sendings if sending.task in waiting]
    assert len(taken) == 2
    for sending in sendings:
        if sending not in taken:
            with pytest.raises(DiskFull):
                await sending.task
    assert [await sending.end() for sending in taken] == [4 * MEGABYTE] * len(taken)
    assert {path.name for path in (depot.folder / "incoming").iterdir()} == {sending.key for sending in taken}


async def test_what_is_promised_is_free_again_however_an_upload_ends(depot: Depot) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionError

    async def brings_more() -> AsyncIterator[bytes]:
        yield b"xxxx"

    assert await depot.left() == 10 * MEGABYTE
    sending = Sending(depot, 8 * MEGABYTE)
    await sending.begun.wait()
    assert await depot.left() == 2 * MEGABYTE
    with pytest.raises(DiskFull):
        await depot.receive(new_key(), breaks(), 3 * MEGABYTE)
    with pytest.raises(ConnectionError):
        await depot.receive(new_key(), breaks(), MEGABYTE)
    with pytest.raises(TooLarge):
        await depot.receive(new_key(), brings_more(), 3)
    sending.task.cancel()
    await asyncio.gather(sending.task, return_exceptions=True)
    assert await depot.left() == 10 * MEGABYTE
    assert list((depot.folder / "incoming").iterdir()) == [], "and nothing is left of it"
