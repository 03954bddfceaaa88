"""Files over HTTP: uploaded by those entitled, listed and downloaded by whoever is in the conference.

In the conference means present now, with the session's own token: who was removed or blocked, waits at the door or has
left gets nothing, whatever address they know.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from starlette.responses import FileResponse

from protocol.errors import Code
from protocol.files import File, FileKind
from server.files import naming
from server.files.depot import SIZES, Depot, DiskFull, TooLarge, new_key
from server.files.renderer import Busy
from server.http import messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.rights import conference_of, may
from server.http.sending import SentFile
from server.room import files as rules
from server.room import inner
from server.room.refusal import Refusal
from server.room.spoken import spoken
from server.room.state import Participant, Room
from server.storage.store import StoreUnavailable

_ROOT = "/api/v1/conferences/{conference}/files"
# A key is another one for each upload, so what was fetched once stays right; it is nobody else's to keep.
_FOREVER = "private, max-age=86400, immutable"
_WHY_NOT = {
    "damaged": "The PDF is damaged, or is none.",
    "locked": "The PDF asks for a password; save it without one.",
    "too_many_pages": "The PDF has more than {pages} pages.",
    "too_large": "The pages of the PDF are larger together than all files of a conference may be.",
    "too_long": "The PDF takes too long to be made into pages.",
}


class Upload(msgspec.Struct, frozen=True):
    """What is uploaded: what for, and what its uploader calls it."""

    name: str = "file"
    kind: FileKind = FileKind.HANDOUT


class PageSize(msgspec.Struct, frozen=True):
    """How large a page is wanted: `large` fits a full HD screen, `small` a preview."""

    size: str = SIZES[0]


async def _room(call: Call) -> Room:
    """The conference's state, for somebody in it. Raises `Failure`."""
    conference = await conference_of(call)
    if not await may(call, conference, "take_part"):
        raise Failure(Code.NOT_ALLOWED, "The files of a conference are for those who are in it.")
    room = await call.services.rooms.state(conference.id)
    if room is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    return room


def _depot(call: Call) -> Depot:
    depot = call.services.files.depot
    if depot is None:
        sentence = "This server takes no files: several servers need a folder that all of them share (option `files`)."
        raise Failure(Code.UNSUPPORTED, sentence, headers={"Connection": "close"})
    return depot


async def list_files(call: Call, _body: None) -> m.FileList:
    room, settings = await _room(call), call.services.settings
    return m.FileList(
        files=list(room.entries.files.values()),
        most_bytes=settings.file_mb << 20,
        bytes_left=max(0, (settings.files_mb << 20) - rules.size(room)),
        types=list(settings.file_types),
    )


async def upload(call: Call, _body: None) -> File:
    room, depot = await _room(call), _depot(call)
    person = room.people.get(call.identity)
    if person is None:
        raise Failure(Code.NOT_ALLOWED, "Join the conference first.")
    label = _taken(call, room, person)
    key, files = new_key(), call.services.files
    if not files.begin(call.identity):
        sentence = "Other uploads are under way; wait a moment."
        raise Failure(Code.RATE_LIMITED, sentence, headers={"Connection": "close"})
    try:
        size = await depot.receive(key, call.incoming.chunks(), call.incoming.length)
        return await _put_down(call, label, key, size)
    except DiskFull:
        raise _disk_full() from None
    except TooLarge:
        raise _too_large(call) from None
    finally:
        files.end(call.identity)
        await asyncio.shield(depot.drop(depot.arriving(key), depot.arriving(f"{key}.pages")))


def _taken(call: Call, room: Room, person: Participant) -> str:
    """The label of a file that would be taken, looked at before it comes. Raises `Failure`."""
    asked, settings, length = call.query, call.services.settings, call.incoming.length
    close = {"Connection": "close"}
    allowed = rules.may_upload(room, person, asked.kind)
    if isinstance(allowed, Refusal):
        raise Failure(allowed.code, spoken(allowed), headers=close)
    label = naming.label(asked.name)
    types = ("pdf",) if asked.kind is FileKind.SLIDES else settings.file_types
    if naming.extension(label) not in types:
        named = ", ".join(types)
        raise Failure(Code.BAD_MESSAGE, f"Files of this type are not taken; these are: {named}.", headers=close)
    if length == 0:
        raise Failure(Code.BAD_MESSAGE, "The file is empty.", headers=close)
    if length > settings.file_mb << 20:
        raise _too_large(call)
    # How much slides are is known when they are pages.
    wanted = length if asked.kind is FileKind.HANDOUT else 1
    if rules.size(room) + wanted > settings.files_mb << 20:
        raise _no_room(call)
    return label


async def _put_down(call: Call, label: str, key: str, size: int) -> File:
    """Move what has arrived to its place, as it is or as pages, and have it recorded. Raises `Failure`."""
    depot, kind, settings = _depot(call), call.query.kind, call.services.settings
    if size != call.incoming.length:
        raise Failure(Code.BAD_MESSAGE, "The file did not arrive as a whole.")
    if not naming.begins_right(naming.extension(label), await depot.first_bytes(key, naming.LONGEST)):
        raise Failure(Code.BAD_MESSAGE, "The file is not what the end of its name says.")
    # As it is now: others have uploaded meanwhile.
    room, pages = await _room(call), 0
    source = depot.arriving(key)
    if kind is FileKind.SLIDES:
        source = depot.arriving(f"{key}.pages")
        pages, size = await _pages(call, depot.arriving(key), source, rules.size(room))
    await depot.keep(source, room.conference, key)
    command = inner.AddFile(kind=kind, label=label, size=size, key=key, quota=settings.files_mb << 20, pages=pages)
    added = await call.services.rooms.add_file(room.conference, call.identity, command)
    if isinstance(added, File):
        return added
    if added.code is not Code.STORE_UNAVAILABLE:
        # Otherwise it may be recorded still; if not, it is found and deleted as what no record has.
        await depot.drop(depot.place(room.conference, key))
    if added.code is Code.TOO_MANY:
        raise _no_room(call)
    raise Failure(added.code, spoken(added))


async def _pages(call: Call, pdf: Path, folder: Path, kept: int) -> tuple[int, int]:
    """How many pages, and their bytes. `kept`: bytes of the conference's other files. Raises `Failure`."""
    allowed, on_disk = (call.services.settings.files_mb << 20) - kept, await _depot(call).left()
    if allowed <= 0:
        raise _no_room(call)
    if on_disk <= 0:
        raise _disk_full()
    try:
        await asyncio.to_thread(folder.mkdir)
        said = await call.services.files.renderer.render(pdf, folder, min(allowed, on_disk))
    except Busy:
        raise Failure(Code.RATE_LIMITED, "Other slides are being prepared; wait a moment.") from None
    except OSError as error:
        raise StoreUnavailable(f"the folder of files: {error.strerror}") from None
    if said.error == "too_large":
        # Too large for what is left, or altogether.
        if on_disk < allowed:
            raise _disk_full()
        raise _no_room(call) if kept else Failure(Code.TOO_LARGE, _WHY_NOT["too_large"])
    if said.error:
        why = _WHY_NOT.get(said.error, _WHY_NOT["damaged"])
        raise Failure(Code.BAD_MESSAGE, why.format(pages=call.services.settings.slides_pages))
    return said.pages, said.size


def _too_large(call: Call) -> Failure:
    most = call.services.settings.file_mb
    return Failure(Code.TOO_LARGE, f"A file has at most {most} MB.", headers={"Connection": "close"})


def _disk_full() -> Failure:
    return Failure(Code.STORE_UNAVAILABLE, "The server's disk is full.", headers={"Connection": "close"})


def _no_room(call: Call) -> Failure:
    most = call.services.settings.files_mb
    sentence = f"A conference keeps at most {most} MB of files, and so many of each person; remove some first."
    return Failure(Code.TOO_MANY, sentence, headers={"Connection": "close"})


async def download(call: Call, _body: None) -> FileResponse:
    room, depot = await _room(call), _depot(call)
    file = _found(room, call.path["file"])
    if file.kind is not FileKind.HANDOUT:
        raise Failure(Code.NOT_FOUND, "Slides are shown, not downloaded.")
    # On another system than this one the label may have an end that is not in the table any more.
    type_ = naming.TYPES.get(naming.extension(file.label))
    return await _response(
        depot.place(room.conference, file.key),
        media_type=type_.media if type_ is not None else "application/octet-stream",
        filename=file.label,
        headers={"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, no-cache"},
    )


async def slides_page(call: Call, _body: None) -> FileResponse:
    room, depot = await _room(call), _depot(call)
    file, page = _found(room, call.path["file"]), _number(call.path["page"])
    if not 1 <= page <= file.pages or call.query.size not in SIZES:
        raise Failure(Code.NOT_FOUND)
    return await _response(
        depot.page(room.conference, file.key, page, call.query.size),
        media_type="image/webp",
        headers={"Cache-Control": _FOREVER},
    )


async def _response(path: Path, media_type: str, headers: dict[str, str], filename: str | None = None) -> FileResponse:
    try:
        found = await asyncio.to_thread(path.stat)
    except OSError:
        raise Failure(Code.NOT_FOUND, "The file is not on this server's disk.") from None
    return SentFile(path, headers=headers, media_type=media_type, filename=filename, stat_result=found)


def _found(room: Room, number: str) -> File:
    file = room.entries.files.get(str(_number(number)))
    if file is None:
        raise Failure(Code.NOT_FOUND)
    return file


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Failure(Code.NOT_FOUND)
    return int(text)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=_ROOT,
        name="listFiles",
        summary="The files of a conference, and what may be uploaded; for whoever is in it.",
        handler=list_files,
        response=m.FileList,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="POST",
        path=_ROOT,
        name="uploadFile",
        summary="A handout, or slides as a PDF, as the body; answered when slides are ready to be shown.",
        handler=upload,
        streams=True,
        query=Upload,
        response=File,
        caller=Caller.PERSON,
        limit="uploads",
        errors=(Code.NO_SUCH_CONFERENCE, Code.BAD_MESSAGE, Code.TOO_LARGE, Code.TOO_MANY, Code.UNSUPPORTED),
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/{{file}}",
        name="downloadFile",
        summary="A handout, to be kept; never as a page.",
        handler=download,
        response=bytes,
        downloads=("application/octet-stream",),
        ranges=True,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND, Code.UNSUPPORTED),
    ),
    Endpoint(
        method="GET",
        path=f"{_ROOT}/{{file}}/pages/{{page}}",
        name="slidesPage",
        summary="A page of slides, from 1, as a picture.",
        handler=slides_page,
        query=PageSize,
        response=bytes,
        ranges=True,
        caller=Caller.PERSON,
        limit="pages",
        unlike_others=True,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND, Code.UNSUPPORTED),
    ),
)
