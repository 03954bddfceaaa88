"""What a conference leaves behind, as rows to read elsewhere: the audit record, people and their stays, chat,
questions, polls and links.

A report is a stream of rows, and is written as CSV or as JSON while it is read, so that a long one costs no memory.
"""

from __future__ import annotations

import csv
import datetime
import enum
import io
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from protocol.names import PersonKind, Role
from protocol.signals import QualityGrade
from server.attendance.figures import Figures, Stay
from server.chatlog import KEPT, Chat
from server.records.audit import lines
from server.records.rows import ChatLine, LinkLine, PersonLine, PollLine, QuestionLine, StayLine
from server.room.access import effective_role
from server.room.state import Room
from server.roomlog import AuditEntry, RoomLog

Row = dict[str, Any]

# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection"); names and reasons are people's text.
# The wide ones are the same to it where people write them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CAME_IN = frozenset(("participant.joined", "participant.returned"))
# A grace period ends this much late at most, when the server is busy: ms.
LATE_MS = 2000
# Rows that are written at once.
_PORTION = 200


class Format(enum.StrEnum):
    """How a report is written."""

    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {Format.CSV: "text/csv; charset=utf-8", Format.JSON: "application/json"}


async def audit(roomlog: RoomLog, conference: str, *, actor: str = "", command: str = "") -> AsyncIterator[Row]:
    """The audit record, oldest first."""
    async for entry in lines(roomlog, conference, actor=actor, command=command):
        yield audit_row(entry)


def audit_row(entry: AuditEntry) -> Row:
    """A line of the audit record."""
    return {
        "number": entry.number,
        "time": moment(entry.time),
        "actor": entry.actor,
        "name": entry.name,
        "command": entry.command,
        "target": entry.target,
        "reached": list(entry.reached),
        "details": entry.details,
        "events": list(entry.events),
        "before": entry.before,
        "version": entry.version,
        "node": entry.node,
    }


async def people(roomlog: RoomLog, room: Room) -> AsyncIterator[Row]:
    """Everybody who was in the conference, as far back as the audit record reaches, in the order in which they first
    came, also to its door: with the role they have there now, or would come back with."""
    found: dict[str, Row] = {}
    there: set[str] = set()
    async for entry in lines(roomlog, room.conference):
        if entry.command == "enter":
            known = found.setdefault(entry.actor, {"came": 0})
            known |= {"name": entry.name, "entered": entry.details}
        for identity in _came(entry):
            # Who comes back within the grace period has not been away.
            if identity not in there and (row := found.get(identity)) is not None:
                row.setdefault("first_came", moment(entry.time))
                row |= {"last_came": moment(entry.time), "came": row["came"] + 1}
                there.add(identity)
        there.difference_update(there.copy() if "conference.ended" in entry.events else _gone(entry))
    for identity, row in found.items():
        entered = row["entered"]
        if not row["came"]:
            continue  # got no further than the door
        present = room.people.get(identity)
        kind = PersonKind(entered["kind"])
        brings = Role(entered["inherits"]) if entered.get("inherits") else None
        role = present.role if present else effective_role(room, identity, bool(entered["by_right"]), kind, brings)
        yield {
            "identity": identity,
            "name": present.name if present is not None else row["name"],
            "kind": kind.value,
            "role": role.value if role is not None else "",
            "present": present is not None,
            "blocked": identity in room.blocked,
            "first_came": row["first_came"],
            "last_came": row["last_came"],
            "came": row["came"],
        }


async def attendance(
    roomlog: RoomLog, room: Room, now: int, grace_ms: int, stays: Iterable[Stay] = ()
) -> AsyncIterator[Row]:
    """Each stay of everybody, from when they came in to when they left, in the order of leaving; then those who are
    still there, whose `left` is empty and whose time counts until `now` (ms since 1970). A lost connection that came
    back within the grace period is no end of a stay; when it did not, the stay has ended as it broke, and when its
    server ended, then. What began before the audit record does is not known.

    `grace_ms`: how long somebody without a connection is waited for. `stays`: what was measured of them. A stay ends at
    the first end of one after its beginning, so the beginning need not be in the record any more; when an outage has
    parted it, the first part has all that was measured."""
    measured: dict[str, deque[Stay]] = {}
    for stay in sorted(stays, key=lambda stay: stay.since):
        measured.setdefault(stay.identity, deque()).append(stay)
    names: dict[str, str] = {}
    since: dict[str, int] = {}
    lost: dict[str, int] = {}
    async for entry in lines(roomlog, room.conference):
        if entry.command == "enter":
            names[entry.actor] = entry.name
        for identity in _came(entry):
            if identity in names:
                broke = lost.pop(identity, entry.time)
                if entry.time - broke > grace_ms + LATE_MS:
                    # Their server was down for longer: a stay ended, though the room has gone on with it.
                    figures = _until(measured.get(identity), entry.before)
                    yield _stay(identity, names[identity], since.pop(identity), broke, True, figures)
                since.setdefault(identity, entry.time)
        if "participant.away" in entry.events:
            for identity in since.keys() & _concerned(entry):
                until = min(entry.time, entry.details.get("until", entry.time))
                lost[identity] = max(since[identity], until)
        for identity in list(since) if "conference.ended" in entry.events else _gone(entry):
            came, left = since.pop(identity, None), lost.pop(identity, entry.time)
            figures = _until(measured.get(identity), entry.version)
            if came is not None:
                yield _stay(identity, names[identity], came, left, True, figures)
    for identity, came in since.items():
        if identity in room.people:
            figures = _until(measured.get(identity), room.version)
            yield _stay(identity, names[identity], came, now, False, figures)


def _came(entry: AuditEntry) -> Iterable[str]:
    """Who came in by a command: by themselves, or let in by somebody else's."""
    if _CAME_IN.isdisjoint(entry.events):
        return ()
    alone = (entry.actor,) if entry.command == "enter" else _concerned(entry)
    came: Iterable[str] = entry.details.get("came", alone)
    return came


def _gone(entry: AuditEntry) -> Iterable[str]:
    """Who left by a command."""
    if "participant.left" not in entry.events:
        return ()
    gone: Iterable[str] = entry.details.get("gone", _concerned(entry))
    return gone


def _concerned(entry: AuditEntry) -> list[str]:
    return [each for each in (entry.target, *entry.reached) if each] or [entry.actor]


def _until(stays: deque[Stay] | None, version: int) -> Figures:
    """What was measured of somebody's stays that began up to a version; those are taken away."""
    figures = Figures()
    while stays and stays[0].since <= version:
        figures.add(stays.popleft().figures)
    return figures


def _stay(identity: str, name: str, came: int, until: int, over: bool, figures: Figures) -> Row:
    return {
        "identity": identity,
        "name": name,
        "came": moment(came),
        "left": moment(until) if over else "",
        "seconds": max(0, until - came) // 1000,
        "speaking_seconds": round(figures.speaking / 1000),
        "quality": figures.quality,
        **{f"{grade}_percent": _tenths(figures.share(grade)) for grade in QualityGrade},
        "loss_percent": _tenths(figures.mean_loss),
        "worst_loss_percent": _tenths(figures.highest_loss),
        "rtt_ms": figures.mean_rtt,
    }


def _tenths(value: float | None) -> float | None:
    return round(value, 1) if value is not None else None


async def polls(room: Room) -> AsyncIterator[Row]:
    """The polls that the conference keeps, oldest first: a row for each option, with how often it was chosen. Who has
    chosen it is told of polls that are not anonymous."""
    for posed in room.entries.polls.values():
        poll = posed.poll
        for number, option in enumerate(poll.options):
            chose = [] if poll.anonymous else [who for who, chosen in posed.answers.items() if number in chosen]
            yield {
                "number": poll.number,
                "time": moment(poll.time),
                "person": poll.person,
                "name": poll.name,
                "question": poll.question,
                "state": poll.state.value,
                "multiple": poll.multiple,
                "anonymous": poll.anonymous,
                "answers": len(posed.answers),
                "option": option,
                "chosen": posed.counts[number],
                "chosen_by": chose,
            }


async def links(room: Room) -> AsyncIterator[Row]:
    """The links that the conference keeps, oldest first."""
    for link in room.entries.links.values():
        yield {
            "number": link.number,
            "time": moment(link.time),
            "person": link.person,
            "name": link.name,
            "title": link.title,
            "url": link.url,
            "on_stage": link.number == room.entries.promoted,
        }


async def chat(kept: Chat) -> AsyncIterator[Row]:
    """What the chat keeps, oldest first."""
    for message in (await kept.page(None, KEPT)).messages:
        yield {
            "number": message.number,
            "time": moment(message.time),
            "person": message.person,
            "name": message.name,
            "text": message.text,
        }


async def questions(room: Room) -> AsyncIterator[Row]:
    """The questions that the conference keeps, oldest first, with their answers."""
    for asked in room.entries.questions.values():
        question, answer = asked.question, asked.question.answer
        yield {
            "number": question.number,
            "time": moment(question.time),
            "person": question.person,
            "name": question.name,
            "text": question.text,
            "private": question.private,
            "approved": question.approved,
            "votes": len(asked.voters),
            "answer": answer.text if answer is not None else "",
            "answered_by": answer.name if answer is not None else "",
            "answered": moment(answer.time) if answer is not None else "",
        }


def moment(ms: int) -> str:
    """A time as `2026-03-01T09:30:00.250Z`."""
    when = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def written(rows: AsyncIterator[Row], columns: tuple[str, ...], format: Format) -> AsyncIterator[bytes]:
    """The rows as a file, in pieces; `columns` are the names of the fields, for a report without rows too."""
    write = _csv(columns) if format is Format.CSV else _json()
    waiting: list[Row] = []
    yield write(None, False)
    async for row in rows:
        waiting.append(row)
        if len(waiting) >= _PORTION:
            yield write(waiting, False)
            waiting = []
    yield write(waiting, True)


_Writer = Callable[[list[Row] | None, bool], bytes]


def _csv(columns: tuple[str, ...]) -> _Writer:
    def write(rows: list[Row] | None, last: bool) -> bytes:
        text = io.StringIO()
        table = csv.writer(text)
        if rows is None:
            table.writerow(columns)
        else:
            table.writerows([cell(row[column]) for column in columns] for row in rows)
        return text.getvalue().encode()

    return write


def cell(value: Any) -> str:
    """A value as a cell: text as it is, but never as what a spreadsheet would calculate."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        text = " ".join(value)
    elif isinstance(value, str):
        text = value
    else:
        text = msgspec.json.encode(value).decode() if value else ""
    return "'" + text if text.startswith(_FORMULA) else text


def _json() -> _Writer:
    begun = False

    def write(rows: list[Row] | None, last: bool) -> bytes:
        nonlocal begun
        if rows is None:
            return b"["
        text = b""
        for row in rows:
            text += (b",\n" if begun else b"\n") + msgspec.json.encode(row)
            begun = True
        return text + (b"\n]\n" if last else b"")

    return write


AUDIT = (
    *("number", "time", "actor", "name", "command", "target"),
    *("reached", "details", "events", "before", "version", "node"),
)
PEOPLE = PersonLine.__struct_fields__
ATTENDANCE = StayLine.__struct_fields__
POLLS = PollLine.__struct_fields__
LINKS = LinkLine.__struct_fields__
CHAT = ChatLine.__struct_fields__
QUESTIONS = QuestionLine.__struct_fields__
