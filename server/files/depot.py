"""The folder of what people upload.

    incoming/KEY             what is arriving, or being made into pages
    CONFERENCE/KEY           a handout
    CONFERENCE/KEY/N-large.webp, N-small.webp    the pages of slides, from 1

A key is made here for each upload and says nothing about it. A file is moved to its place, in one step, when it is
complete, and put down in the room's record after that: so there is nothing half in a record, and what a server leaves
behind that dies in between is in no record and is found (`stray`).

Several servers may share the folder. Nothing here is asked of the disk in the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Container
from pathlib import Path
from typing import BinaryIO, TypeVar

from server.storage.store import StoreUnavailable

T = TypeVar("T")

_INCOMING = "incoming"
_MARK = ".podium-files"
_CONFERENCE = re.compile(r"[a-z0-9-]{1,64}")
_KEY = re.compile(r"[0-9a-f]{32}")
# Written at once; a connection hands over 64 KiB at a time.
_PORTION = 256 * 1024
# What uploads leave free, because the database is on the same disk as a rule.
RESERVE = 256 * 1024 * 1024
# Older than any upload that is under way: nobody waits for it.
STRAY_S = 3600.0
LARGE, SMALL = "large", "small"
SIZES = (LARGE, SMALL)


class TooLarge(Exception):
    """More arrived than was announced."""


class DiskFull(Exception):
    """The disk would not keep its reserve."""


class Depot:
    """The files of all conferences. Raises `StoreUnavailable` where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        # What uploads that are under way have announced: each leaves the others the room they were promised. What of it
        # is on the disk already counts twice, so that a disk is called full a little early.
        self._to_come = 0

    async def open(self) -> str:
        """Make the folder if need be; the mark by which those who share it know that it is the same one."""
        return await _thread(self._open)

    def _open(self) -> str:
        (self.folder / _INCOMING).mkdir(parents=True, exist_ok=True)
        mark = self.folder / _MARK
        with contextlib.suppress(FileExistsError), mark.open("x") as file:
            file.write(secrets.token_hex(16))
        return mark.read_text()

    def place(self, conference: str, key: str) -> Path:
        """Where a file is kept."""
        # Names of ours alone become paths; a mistake elsewhere ends here.
        if _CONFERENCE.fullmatch(conference) is None or conference == _INCOMING or _KEY.fullmatch(key) is None:
            raise ValueError("no place for a file of such a name")
        return self.folder / conference / key

    def page(self, conference: str, key: str, number: int, size: str) -> Path:
        """Where a page of slides is kept."""
        return self.place(conference, key) / f"{number}-{size}.webp"

    def arriving(self, key: str) -> Path:
        """Where a file is until it is complete."""
        return self.folder / _INCOMING / key

    async def left(self) -> int:
        """Bytes that can be taken, beside those that are announced and the reserve."""
        before = self._to_come
        free = await _thread(lambda: shutil.disk_usage(self.folder).free)
        # Of what ended meanwhile, the disk may have been asked before it was written.
        return free - max(before, self._to_come) - RESERVE

    async def receive(self, key: str, chunks: AsyncIterator[bytes], announced: int) -> int:
        """Write what arrives, a portion at a time; how many bytes that were. `announced`: as many are kept free for it
        until they are there. Raises `DiskFull`, `TooLarge`, and what `chunks` raises; then nothing is left."""
        if await self.left() < announced:
            raise DiskFull
        # In the same step as it was looked at: of two that begin at once, each knows of the other.
        self._to_come += announced
        try:
            return await self._receive(key, chunks, announced)
        finally:
            self._to_come -= announced

    async def _receive(self, key: str, chunks: AsyncIterator[bytes], most: int) -> int:
        path, total, portion = self.arriving(key), 0, bytearray()
        file = await _thread(lambda: path.open("xb"))
        try:
            async for chunk in chunks:
                total += len(chunk)
                if total > most:
                    raise TooLarge
                portion += chunk
                if len(portion) >= _PORTION:
                    await _write(file, portion)
            await _write(file, portion)
            await _thread(lambda: os.fsync(file.fileno()))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            file.close()
        return total

    async def first_bytes(self, key: str, count: int) -> bytes:
        """How a file begins that has arrived."""

        def read() -> bytes:
            with self.arriving(key).open("rb") as file:
                return file.read(count)

        return await _thread(read)

    async def keep(self, path: Path, conference: str, key: str) -> None:
        """Move a file, or a folder of pages, to its place."""

        def move() -> None:
            place = self.place(conference, key)
            place.parent.mkdir(exist_ok=True)
            path.rename(place)

        await _thread(move)

    async def drop(self, *paths: Path) -> None:
        """Delete files and folders that are there."""

        def drop() -> None:
            for path in paths:
                _delete(path)

        await _thread(drop)

    async def forget(self, conference: str) -> None:
        """Delete everything of a conference."""
        if _CONFERENCE.fullmatch(conference) is not None and conference != _INCOMING:
            await self.drop(self.folder / conference)

    async def conferences(self) -> list[str]:
        """The conferences of which there is something."""
        return await _thread(
            lambda: sorted(
                path.name
                for path in self.folder.iterdir()
                if path.is_dir() and path.name != _INCOMING and _CONFERENCE.fullmatch(path.name)
            )
        )

    async def tidy(self, folder: str, known: Container[str]) -> None:
        """Delete what is in no record, of a conference or of what was arriving, unless it is so new that somebody may
        be about to put it down."""

        def stray() -> None:
            place = self.folder / folder
            oldest = time.time() - STRAY_S
            for path in place.iterdir() if place.is_dir() else ():
                with contextlib.suppress(FileNotFoundError):
                    if path.name not in known and path.stat().st_mtime < oldest:
                        _delete(path)

        await _thread(stray)

    async def tidy_arriving(self) -> None:
        """Delete what servers that died were about to take."""
        await self.tidy(_INCOMING, ())


def new_key() -> str:
    """A name for a file, which none had before."""
    return secrets.token_hex(16)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


async def _write(file: BinaryIO, portion: bytearray) -> None:
    data = bytes(portion)
    portion.clear()
    await _thread(lambda: file.write(data))


async def _thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StoreUnavailable(f"the folder of files: {error.strerror}") from None
