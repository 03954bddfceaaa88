"""Slides from a PDF, by a process of its own for each (pages.py): one at a time, with an end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

from server import log
from server.files import pages

# A page of 1920 by 1080 takes 8 MB a few times over; a picture within it of 10,000 by 10,000 takes 400.
MEMORY = 1024 * 1024 * 1024
# PDFs that wait for the one that is being made into pages; whoever comes then is asked to wait a moment.
MAX_WAITING = 4
# Of the processor time, until it is ended in any case: it gets what the media leaves of the processor.
WALL = 3
# What is read of its one line.
_MAX_SAID = 4096

_log = log.get("podium.files")


class Said(msgspec.Struct, frozen=True):
    """What the process has said: `pages` and their bytes, or an `error`."""

    pages: int = 0
    size: int = 0
    error: str = ""


class Busy(Exception):
    """So many PDFs wait already."""


class Renderer:
    """`seconds` of processor time for one PDF, and at most so many pages."""

    def __init__(self, seconds: int, most_pages: int) -> None:
        self._seconds = seconds
        self._most_pages = most_pages
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def render(self, pdf: Path, folder: Path, most_bytes: int) -> Said:
        """Write the pages into the folder, which is there and empty; both are absolute. Raises `Busy`."""
        if self._waiting >= MAX_WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turn:
                return await self._run(pdf, folder, most_bytes)
        finally:
            self._waiting -= 1

    async def _run(self, pdf: Path, folder: Path, most_bytes: int) -> Said:
        limits = (self._most_pages, most_bytes, self._seconds, MEMORY)
        # -I: nothing of ours, of the user's or of the folder's is imported.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", pages.__file__, str(pdf), str(folder), *map(str, limits)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd=folder,
            start_new_session=True,
        )
        assert process.stdout is not None
        said = b""
        try:
            async with asyncio.timeout(self._seconds * WALL):
                said = await process.stdout.read(_MAX_SAID)
                await process.wait()
        except TimeoutError:
            _log.warning("a PDF took too long to be made into pages")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if process.returncode != 0:
            _log.warning("a PDF ended the process that makes it into pages", status=process.returncode)
            return Said(error="too_long" if process.returncode in (-signal.SIGKILL, -signal.SIGXCPU) else "damaged")
        try:
            return msgspec.json.decode(said, type=Said)
        except msgspec.DecodeError:
            return Said(error="damaged")
