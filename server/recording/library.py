"""The recordings on this node's disk: a folder for each conference, in it one for each recording.

Names of files come from the recorder and from here; none is made of what people have chosen, and none that comes from
outside is used before it has been found in a folder's list.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from server.recording import slides, timeline
from server.recording.scenes import named_by

_NUMBER = re.compile(r"[0-9]{4,9}\Z")
_FILE = re.compile(r"([0-9]{3,})-([0-9]{4,})-[a-z_]+\.(?:webm|mkv)\Z")
INDEX = "tracks.jsonl"
# The conference's id as the name of a folder, as it is made by the server (directory/conferences.py).
_CONFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class RecordedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a recording. Of a track: whose it is (`label`: as they were called then), of which source, when it
    begins (seconds since 1970), and how long it is, in seconds; 0 when it was not finished."""

    name: str
    bytes: int
    person: str = ""
    label: str = ""
    source: str = ""
    codec: str = ""
    begins: float = 0.0
    seconds: float = 0.0


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A recording: its number, when it began and ended (ms since 1970; 0: it has not, or was cut off), and why."""

    number: int
    began: int
    ended: int
    reason: str
    bytes: int
    files: tuple[RecordedFile, ...]


class Library:
    """See the module. Everything here reads or writes the disk: to be called in a thread. Raises `OSError`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, conference: str, number: int) -> Path | None:
        """Where a recording is, whether or not it is there; `None` for a name that cannot be a conference's."""
        return self._root / conference / f"{number:04d}" if _CONFERENCE.match(conference) else None

    def has(self, conference: str, number: int) -> bool:
        """Whether a recording was begun here."""
        folder = self.folder(conference, number)
        return folder is not None and folder.is_dir()

    def make(self, conference: str, number: int) -> tuple[Path, int]:
        """The folder of a recording that begins, or goes on, and the number of the segment that follows."""
        folder = self.folder(conference, number)
        if folder is None:
            raise FileNotFoundError(conference)
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        segments = [int(found[1]) for path in folder.iterdir() if (found := _FILE.match(path.name))]
        return folder, max(segments, default=0) + 1

    def conferences(self) -> list[str]:
        """Those that have a folder here."""
        try:
            return sorted(path.name for path in self._root.iterdir() if _CONFERENCE.match(path.name))
        except FileNotFoundError:
            return []

    def size(self, conference: str) -> int:
        """What all recordings of a conference take."""
        return sum(path.stat().st_size for folder in self._folders(conference) for path in _files(folder))

    def all(self, conference: str) -> list[Recorded]:
        """The recordings of a conference, the oldest first."""
        return [_read(folder) for folder in self._folders(conference)]

    def change_chat(self, conference: str, texts: Mapping[int, str], but: Collection[Path] = ()) -> None:
        """Messages of the chat with these numbers have other texts, or none, in all recordings of a conference but
        those in some folders."""
        for folder in self._folders(conference):
            if folder not in but and (folder / timeline.NAME).is_file():
                timeline.change(folder / timeline.NAME, texts)

    def file(self, conference: str, number: int, name: str) -> Path | None:
        """A file of a recording, if there is one of that name."""
        folder = self.folder(conference, number)
        if folder is None or not folder.is_dir():
            return None
        return next((path for path in _files(folder) if path.name == name), None)

    def remove(self, conference: str, number: int) -> bool:
        """Delete a recording. Returns whether it was there."""
        folder = self.folder(conference, number)
        if folder is None or not folder.is_dir():
            return False
        shutil.rmtree(folder)
        return True

    def forget(self, conference: str) -> None:
        """Delete all recordings of a conference."""
        home = self._root / conference
        if _CONFERENCE.match(conference) and home.is_dir():
            shutil.rmtree(home)

    def _folders(self, conference: str) -> list[Path]:
        home = self._root / conference
        if not _CONFERENCE.match(conference) or not home.is_dir():
            return []
        return sorted((path for path in home.iterdir() if _NUMBER.match(path.name)), key=lambda path: int(path.name))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and (
            _FILE.match(path.name) or slides.NAME.match(path.name) or path.name in (INDEX, timeline.NAME)
        ):
            yield path


def _lines(path: Path) -> Iterator[dict[str, object]]:
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    yield msgspec.json.decode(line, type=dict[str, object])
                except msgspec.DecodeError:
                    continue  # cut off
    except FileNotFoundError:
        return


def _read(folder: Path) -> Recorded:
    tracks: dict[str, dict[str, object]] = {}
    for line in _lines(folder / INDEX):
        tracks.setdefault(str(line.get("file")), {}).update(line)
    names: dict[str, str] = {}
    began = ended = 0
    reason = ""
    for line in _lines(folder / timeline.NAME):
        at = line.get("at")
        began = began or (at if isinstance(at, int) else 0)
        names.update(_named(line))
        if "end" in line:
            ended, reason = (at if isinstance(at, int) else 0), str(line["end"])
        elif "begin" in line:
            ended, reason = 0, ""
    files = []
    for path in _files(folder):
        of = tracks.get(path.name, {})
        begins, seconds, person = of.get("begins"), of.get("seconds"), str(of.get("person", ""))
        files.append(
            RecordedFile(
                name=path.name,
                bytes=path.stat().st_size,
                person=person,
                label=names.get(person, ""),
                source=str(of.get("source", "")),
                codec=str(of.get("codec", "")),
                begins=begins if isinstance(begins, float) else 0.0,
                seconds=seconds if isinstance(seconds, float) else 0.0,
            )
        )
    return Recorded(
        number=int(folder.name),
        began=began,
        ended=ended,
        reason=reason,
        bytes=sum(file.bytes for file in files),
        files=tuple(files),
    )


def _named(line: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Who is called what, as far as a line of the timeline says it."""
    begin, event = line.get("begin"), line.get("event")
    if isinstance(begin, dict):
        for person in begin.get("people", ()):
            yield str(person.get("id")), str(person.get("name", ""))
    elif isinstance(event, dict):
        yield from named_by(event)
