"""The reports of a conference: its audit record by pages, and everything as a download."""

from __future__ import annotations

import enum
import time
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response, StreamingResponse

from protocol.errors import Code
from protocol.names import Count
from server.directory.conferences import Conference
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.rights import conference_of, may
from server.identity import accounts
from server.records import reports
from server.records.reports import MEDIA_TYPES, Format, Row
from server.records.rows import ChatLine, LinkLine, PersonLine, PollLine, QuestionLine, StayLine
from server.room.access import shut_out
from server.room.rules import permits
from server.roomlog import AuditPage


class WhichLines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines of the audit record: after a number, of one actor, of one action (a command such as `media.mute`).
    With `format` everything that fits is downloaded, and `after` and `limit` mean nothing."""

    after: Count = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    actor: Annotated[str, Meta(max_length=64)] = ""
    action: Annotated[str, Meta(max_length=64)] = ""
    format: Format | None = None


class How(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a report is written."""

    format: Format = Format.CSV


class What(enum.StrEnum):
    """The reports beside the audit record."""

    PEOPLE = "people"
    ATTENDANCE = "attendance"
    CHAT = "chat"
    QUESTIONS = "questions"
    POLLS = "polls"
    LINKS = "links"


class ReportRows(msgspec.Struct, frozen=True, kw_only=True):
    """A report as a download: a list of objects in JSON, a table with a head in CSV."""


async def may_read_reports(call: Call, conference: Conference) -> bool:
    """Organizers of the conference, also when they are not in it, and those who read the reports of all."""
    if call.known_account is not None and accounts.may_read_reports(call.known_account):
        return True
    if await may(call, conference, "report.export"):
        return True
    room = await call.services.rooms.state(conference.id)
    elsewhere = call.caller.conference not in (None, conference.id)
    if room is None or elsewhere or shut_out(room, call.identity, False):
        return False
    role = room.assigned.get(call.identity)
    return role is not None and permits(role, "report.export")


async def audit(call: Call, _body: None) -> AuditPage | Response:
    conference = await _readable(call)
    wanted: WhichLines = call.query
    roomlog = call.services.rooms.log
    if wanted.format is None:
        return await roomlog.audit(
            conference.id, after=wanted.after, limit=wanted.limit, actor=wanted.actor, command=wanted.action
        )
    rows = reports.audit(roomlog, conference.id, actor=wanted.actor, command=wanted.action)
    return await _download(rows, reports.AUDIT, wanted.format, f"{conference.id}-audit")


async def report(call: Call, _body: None) -> Response:
    conference = await _readable(call)
    wanted: How = call.query
    try:
        what = What(call.path["report"])
    except ValueError:
        raise Failure(Code.NOT_FOUND, f"There is no such report; there are {', '.join(What)}.") from None
    name = f"{conference.id}-{what}"
    if what is What.CHAT:
        chat = call.services.rooms.chats(conference.id)
        return await _download(reports.chat(chat), reports.CHAT, wanted.format, name)
    room = await call.services.rooms.state(conference.id)
    if room is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    if what is What.QUESTIONS:
        return await _download(reports.questions(room), reports.QUESTIONS, wanted.format, name)
    if what is What.POLLS:
        return await _download(reports.polls(room), reports.POLLS, wanted.format, name)
    if what is What.LINKS:
        return await _download(reports.links(room), reports.LINKS, wanted.format, name)
    if what is What.ATTENDANCE:
        measured = await call.services.rooms.attendance.of(conference.id)
        now, grace_ms = time.time_ns() // 1_000_000, round(call.services.settings.grace_s * 1000)
        stays = reports.attendance(call.services.rooms.log, room, now, grace_ms, measured)
        return await _download(stays, reports.ATTENDANCE, wanted.format, name)
    return await _download(reports.people(call.services.rooms.log, room), reports.PEOPLE, wanted.format, name)


async def _readable(call: Call) -> Conference:
    conference = await conference_of(call)
    if not await may_read_reports(call, conference):
        raise Failure(Code.NOT_ALLOWED, "Organizers of a conference read its reports.")
    return conference


async def _download(rows: AsyncIterator[Row], columns: tuple[str, ...], format: Format, name: str) -> Response:
    # The first row is fetched now: when the store cannot be read, that is an answer and no broken file.
    first = await anext(rows, None)

    async def all_rows() -> AsyncIterator[Row]:
        if first is not None:
            yield first
        async for row in rows:
            yield row

    return StreamingResponse(
        reports.written(all_rows(), columns, format),
        headers={"Content-Disposition": f'attachment; filename="{name}.{format}"', "Cache-Control": "no-store"},
        media_type=MEDIA_TYPES[format],
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/audit",
        name="auditRecord",
        summary="The audit record, by pages or as a download; for organizers and security admins.",
        handler=audit,
        query=WhichLines,
        response=AuditPage,
        downloads=("text/csv",),
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/reports/{report}",
        name="exportReport",
        summary="People, attendance, chat, questions, polls or links (`report`), CSV or JSON; for organizers.",
        handler=report,
        query=How,
        response=ReportRows,
        lines=(PersonLine, StayLine, ChatLine, QuestionLine, PollLine, LinkLine),
        downloads=("text/csv",),
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND),
    ),
)
