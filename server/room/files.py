"""Files, and the slides on the stage. The bytes are not the room's (server/files): here stands what there is.

Slides are shared as a screen is: by somebody on the stage, and they come down when that person leaves it (apply.py).
Whoever controls others' files shows them also without a place of their own.
"""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.files import File, FileKind, Slides
from server.room import inner
from server.room.access import may_write
from server.room.entries import MAX_FILES, MAX_OF_ONE
from server.room.refusal import Refusal
from server.room.rules import Relation, Rule, allows, check, command_name, grants
from server.room.state import Participant, Room, on_stage

Events = tuple[e.RoomEvent, ...]
_OFF_STAGE = Refusal(Code.NOT_ON_STAGE, "slides are shown from the stage")


def find(room: Room, reader: Participant, number: int) -> File | None:
    """A file; everybody sees all."""
    return room.entries.files.get(str(number))


def find_shown(room: Room, reader: Participant, number: int) -> File | None:
    """The file of this number, if it is on the stage."""
    slides = room.entries.slides
    return slides.file if slides is not None and slides.file.number == number else None


def size(room: Room) -> int:
    """Bytes that are kept of all files."""
    return sum(file.size for file in room.entries.files.values())


def upload_name(kind: FileKind) -> str:
    """What `can` calls the right to upload."""
    return f"file.upload:{kind}"


def may_upload(room: Room, person: Participant, kind: FileKind) -> Rule | Refusal:
    """Whether somebody may upload at all; how much there is already is looked at when it is there."""
    rule = check(room, person, upload_name(kind), None)
    if isinstance(rule, Rule) and not may_write(room, person):
        return Refusal(Code.NOT_ALLOWED, "guests may not write here")
    return rule


def add(room: Room, actor: Participant, command: inner.AddFile, now: int) -> Events | Refusal:
    """The bytes are there: put the file down, as far as there is room for it."""
    allowed = may_upload(room, actor, command.kind)
    if isinstance(allowed, Refusal):
        return allowed
    kept = room.entries.files.values()
    if len(kept) >= MAX_FILES or sum(file.person == actor.id for file in kept) >= MAX_OF_ONE:
        return Refusal(Code.TOO_MANY, f"{MAX_FILES} files are kept, {MAX_OF_ONE} of one person")
    if size(room) + command.size > command.quota:
        return Refusal(Code.TOO_MANY, f"the files of a conference have {command.quota} bytes at most")
    file = File(
        number=room.entries.filed + 1,
        kind=command.kind,
        person=actor.id,
        name=actor.name,
        time=now,
        label=command.label,
        size=command.size,
        key=command.key,
        pages=command.pages,
    )
    return (e.FileAdded(time=now, by=actor.id, file=file),)


def remove(room: Room, actor: Participant, file: File, command: c.FileRemove, now: int) -> Events | Refusal:
    """Gone, from the stage too."""
    return _removed(room, file, actor.id, now)


def outdate(room: Room, command: inner.OutdateFiles, now: int) -> Events:
    """What was uploaded before a time is not kept any longer."""
    old = [file for file in room.entries.files.values() if file.time < command.before]
    return tuple(event for file in old for event in _removed(room, file, None, now))


def _removed(room: Room, file: File, by: str | None, now: int) -> Events:
    slides = room.entries.slides
    shown = slides is not None and slides.file.number == file.number
    down = (e.SlidesClosed(time=now, by=by),) if shown else ()
    return (*down, e.FileRemoved(time=now, by=by, file=file.number))


def shows_from_here(room: Room, person: Participant) -> bool:
    """Whether somebody stands where slides are shown from."""
    return on_stage(room, person.id) or grants(room, person, "file.control_any")


def may_show_own(room: Room, person: Participant) -> Rule | Refusal:
    """Whether somebody may put slides of their own on the stage."""
    rule = allows(room, person, command_name(c.SlidesOpen), Relation.OWN)
    return rule if isinstance(rule, Refusal) or shows_from_here(room, person) else _OFF_STAGE


def show(room: Room, actor: Participant, file: File, command: c.SlidesOpen, now: int) -> Events | Refusal:
    """On the stage, in place of those that are there."""
    if file.kind is not FileKind.SLIDES:
        return Refusal(Code.UNSUPPORTED, "a handout has no pages")
    if not shows_from_here(room, actor):
        return _OFF_STAGE
    if command.page > file.pages:
        return _no_page(file)
    slides = room.entries.slides
    theirs = slides is not None and actor.id not in (slides.person, slides.file.person)
    if theirs and not grants(room, actor, "share.remove_any"):
        return Refusal(Code.ALREADY, "others are showing slides")
    wanted = Slides(file=file, page=command.page, person=actor.id)
    return () if slides == wanted else (e.SlidesOpened(time=now, by=actor.id, slides=wanted),)


def turn(room: Room, actor: Participant, file: File, command: c.SlidesPage, now: int) -> Events | Refusal:
    """Another page for everybody."""
    if command.page > file.pages:
        return _no_page(file)
    slides = room.entries.slides
    if slides is None or slides.page == command.page:
        return ()
    return (e.SlidesTurned(time=now, by=actor.id, page=command.page),)


def close(room: Room, actor: Participant, file: File, command: c.SlidesClose, now: int) -> Events | Refusal:
    """Down from the stage."""
    return (e.SlidesClosed(time=now, by=actor.id),)


def _no_page(file: File) -> Refusal:
    return Refusal(Code.BAD_MESSAGE, f"the slides have {file.pages} pages", {"path": "$.page"})
