"""What happened while a conference was recorded, as lines of JSON: `at` is ms since 1970.

    {"at": …, "begin": {…}}   the room as everybody sees it, at the start and whenever it is gone on with
    {"at": …, "event": {…}}   an event that everybody is told, as clients are
    {"at": …, "speaker": "…"} who of the stage speaks from then on; once a second at most
    {"at": …, "chat": {…}}    a message of the chat for everybody
    {"at": …, "end": "…"}     why it ended

What moderators and organizers alone see is not in it. A message of the chat that is changed or deleted is changed
here as well: of a deleted one the text is struck. A thread writes: a disk that hangs holds nobody up.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from server import log

NAME = "timeline.jsonl"
# Lines that may wait for a disk; beyond that they are lost, and a line says so.
MAX_WAITING = 10_000

_log = log.get("podium.recording")


class Timeline:
    """One recording's file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / NAME
        self._waiting: list[bytes | Mapping[int, str]] = []
        self._lost = 0
        self._writing: asyncio.Task[None] | None = None

    def note(self, at: int, **what: Any) -> None:
        """Add a line."""
        if len(self._waiting) >= MAX_WAITING:
            self._lost += 1
            return
        if self._lost:
            what, self._lost = {**what, "lost_before": self._lost}, 0
        self._add(msgspec.json.encode({"at": at, **what}) + b"\n")

    def change(self, texts: Mapping[int, str]) -> None:
        """Messages of the chat with these numbers have other texts, or none."""
        self._add(texts)

    def _add(self, what: bytes | Mapping[int, str]) -> None:
        self._waiting.append(what)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="timeline")

    async def _write(self) -> None:
        while self._waiting:
            told, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._do, told)
            except OSError as error:
                _log.warning("a timeline cannot be written", path=str(self._path), reason=str(error))

    def _do(self, told: list[bytes | Mapping[int, str]]) -> None:
        for _, group in itertools.groupby(told, type):
            some = list(group)
            lines = b"".join(each for each in some if isinstance(each, bytes))
            if lines:
                with self._path.open("ab", buffering=0) as file:
                    file.write(lines)
            else:
                texts: dict[int, str] = {}
                for each in some:
                    if not isinstance(each, bytes):
                        texts.update(each)
                change(self._path, texts)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await self._writing


def change(path: Path, texts: Mapping[int, str]) -> None:
    """Messages of the chat with these numbers have other texts, or none, in this file. Raises `OSError`."""
    lines, changed = [], False
    for line in path.read_bytes().splitlines(keepends=True):
        new = _changed(line, texts)
        changed = changed or new is not line
        lines.append(new)
    if changed:
        other = path.with_name(f".{path.name}")
        other.write_bytes(b"".join(lines))
        os.replace(other, path)


def _changed(line: bytes, texts: Mapping[int, str]) -> bytes:
    if b'"chat":' not in line:
        return line
    try:
        decoded = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return b""  # cut off: nobody can read it, and it may be the one
    chat = decoded.get("chat")
    if not isinstance(chat, dict):
        return line
    text = texts.get(chat.get("number", 0))
    if text is None or text == chat.get("text"):
        return line
    chat["text"] = text
    if not text:
        chat["mentions"] = []
    return msgspec.json.encode(decoded) + b"\n"
