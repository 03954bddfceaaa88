"""The recordings of a conference: a list, their files, and taking one away."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import msgspec
from starlette.responses import Response

from protocol.errors import Code
from server.directory.conferences import Conference
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.reports import may_read_reports
from server.http.rights import conference_of, may, note
from server.http.sending import SentFile
from server.identity.tokens import BadToken
from server.recording.library import Recorded
from server.recording.tickets import GOOD_FOR_S, USED_WITHIN_S, Ticket

COOKIE = "podium-recording"
_TICKETS = "/api/v1/recordings"
_TYPES = {
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".jsonl": "application/jsonl",
    ".webp": "image/webp",
}


class RecordingList(msgspec.Struct, frozen=True, kw_only=True):
    """All recordings of a conference, the oldest first; `running` is the number of the one that runs, 0 for none.
    `deletes`: whether the caller may delete them."""

    recordings: tuple[Recorded, ...]
    running: int
    deletes: bool


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ticket is for: to see the file in the browser (`play`), or to save it."""

    play: bool = False


class RecordingTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Where the file is for whoever comes there first within so many seconds, with no other proof."""

    path: str
    seconds: int


async def listed(call: Call, _body: None) -> RecordingList:
    conference = await _readable(call)
    room = await call.services.rooms.state(conference.id)
    running = room.recording.number if room is not None and room.recording is not None else 0
    found = await asyncio.to_thread(call.services.rooms.library.all, conference.id)
    deletes = await may(call, conference, "settings.access")
    return RecordingList(recordings=tuple(found), running=running, deletes=deletes)


async def download(call: Call, _body: None) -> Response:
    conference = await _readable(call)
    number, name = _number(call.path["recording"]), call.path["file"]
    path = await _found(call, conference, number, name)
    await note(call, conference, "recording.download", number=number, file=name)
    return _sent(path, conference, number, "attachment")


async def ticket(call: Call, _body: None) -> RecordingTicket:
    conference = await _readable(call)
    number, name = _number(call.path["recording"]), call.path["file"]
    await _found(call, conference, number, name)
    good_for = Ticket(conference=conference.id, number=number, file=name, who=call.caller, play=call.query.play)
    issued = call.services.recording_tickets.issue(good_for)
    return RecordingTicket(path=f"{_TICKETS}/{issued}", seconds=USED_WITHIN_S)


async def redeem(call: Call, _body: None) -> Response:
    name = call.path["ticket"]
    found = call.services.recording_tickets.redeem(name, call.cookies.get(COOKIE, ""))
    if found is None:
        raise Failure(Code.NOT_FOUND, "This address is good no more; fetch the recording again.")
    wanted = found.ticket
    # Whoever had the right a moment ago may have lost it: each part is asked for anew.
    try:
        who = await call.services.identities.again(wanted.who)
    except BadToken as error:
        raise Failure(error.code) from None
    if await call.services.rooms.shut_out(wanted.conference, who.identity, who.by_right):
        raise Failure(Code.BLOCKED)
    call = dataclasses.replace(call, who=who, path={"conference": wanted.conference})
    conference = await _readable(call)
    path = await _found(call, conference, wanted.number, wanted.file)
    if found.first:
        await note(call, conference, "recording.download", number=wanted.number, file=wanted.file, play=wanted.play)
    response = _sent(path, conference, wanted.number, "inline" if wanted.play else "attachment")
    response.set_cookie(
        COOKIE,
        found.cookie,
        max_age=GOOD_FOR_S,
        path=f"{_TICKETS}/{name}",
        secure=call.base.startswith("https://"),
        httponly=True,
        samesite="strict",
    )
    return response


async def _found(call: Call, conference: Conference, number: int, name: str) -> Path:
    path = await asyncio.to_thread(call.services.rooms.library.file, conference.id, number, name)
    if path is None:
        raise Failure(Code.NOT_FOUND, "This recording has no such file.")
    return path


def _sent(path: Path, conference: Conference, number: int, how: str) -> Response:
    return SentFile(
        path,
        media_type=_TYPES[path.suffix],
        filename=f"{conference.id}-{number:04d}-{path.name}",
        content_disposition_type=how,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


async def remove(call: Call, _body: None) -> None:
    conference = await conference_of(call)
    if not await may(call, conference, "settings.access"):
        raise Failure(Code.NOT_ALLOWED, "Organizers of a conference delete its recordings.")
    number = _number(call.path["recording"])
    room = await call.services.rooms.state(conference.id)
    if room is not None and room.recording is not None and room.recording.number == number:
        raise Failure(Code.ALREADY, "This recording runs; stop it first.")
    if not await asyncio.to_thread(call.services.rooms.library.remove, conference.id, number):
        raise Failure(Code.NOT_FOUND, "There is no such recording.")
    await note(call, conference, "recording.delete", number=number)


async def _readable(call: Call) -> Conference:
    conference = await conference_of(call)
    if not await may_read_reports(call, conference):
        raise Failure(Code.NOT_ALLOWED, "Organizers of a conference have its recordings.")
    return conference


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Failure(Code.NOT_FOUND, "There is no such recording.")
    return int(text)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/recordings",
        name="listRecordings",
        summary="The recordings of a conference and their files; for organizers and security admins.",
        handler=listed,
        response=RecordingList,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/recordings/{recording}/{file}",
        name="downloadRecording",
        summary="A file of a recording, whole or by ranges; for organizers and security admins.",
        handler=download,
        response=None,
        downloads=tuple(_TYPES.values()),
        ranges=True,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences/{conference}/recordings/{recording}/{file}/ticket",
        name="recordingTicket",
        summary="An address of a file that is good once, within a minute; for browsers, which send no header.",
        handler=ticket,
        query=Wanted,
        response=RecordingTicket,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND),
    ),
    Endpoint(
        method="GET",
        path=f"{_TICKETS}/{{ticket}}",
        name="redeemRecordingTicket",
        summary="The file of a ticket, whole or by ranges; for the browser that came first.",
        handler=redeem,
        response=None,
        downloads=tuple(_TYPES.values()),
        ranges=True,
        errors=(Code.NOT_FOUND, Code.NOT_ALLOWED, Code.BLOCKED, Code.BAD_TOKEN),
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/conferences/{conference}/recordings/{recording}",
        name="deleteRecording",
        summary="Delete a recording that has ended; for organizers.",
        handler=remove,
        response=None,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND, Code.ALREADY),
    ),
)
