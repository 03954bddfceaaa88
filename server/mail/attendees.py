"""The people outside: who was invited to a conference by e-mail, and who has registered for it.

An address is once in a conference. Whoever is expected there has a guest link of their own, with their role; taking it
back is revoking that link. What is done to somebody and the mail that tells them of it are one transaction.
"""

from __future__ import annotations

import enum
import secrets
import sqlite3

import msgspec

from protocol.names import Role
from server.identity import guestlinks
from server.identity.guestlinks import GuestLink
from server.mail import outbox
from server.mail.outbox import HOUR_MS, Kind

# Addresses of one conference. A webinar has some hundreds; each costs some hundred bytes on every server.
MAX_ATTENDEES = 5_000
# Mails to one address within an hour that people cause, over all conferences: nobody is buried in mail through us.
MAX_TO_ONE = 10


class State(enum.StrEnum):
    """How it stands with somebody: a speaker who has registered waits for an organizer's word."""

    WAITING = "waiting"
    EXPECTED = "expected"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Registration(enum.StrEnum):
    """Who may register for a conference by themselves."""

    CLOSED = "closed"
    VIEWERS = "viewers"
    SPEAKERS = "speakers"


class Attendee(msgspec.Struct, frozen=True, kw_only=True):
    """One of the people outside. `registered`: by themselves; `link`: the id of their guest link, empty for none;
    `template`: the e-mail template of their invitation, empty for ours; `created` in ms since 1970."""

    id: str
    conference: str
    email: str
    name: str
    role: Role
    registered: bool
    state: State
    link: str
    made_by: str
    template: str
    note: str
    created: int


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """What those outside were told of a conference. `sequence` counts the changes (RFC 5545, 3.8.7.4); `told`: when
    they were told of the last one, in ms since 1970."""

    sequence: int
    title: str
    starts: int | None
    ends: int | None
    registration: Registration
    told: int


class Full(Exception):
    """The conference has as many attendees as can be kept."""


class TooMuch(Exception):
    """This address gets as much mail as anybody may cause within an hour."""


def announced(connection: sqlite3.Connection, conference: str) -> Announced | None:
    """What those outside were told; None while nobody was told anything."""
    row = connection.execute(
        "SELECT sequence, title, starts, ends, registration, told FROM announcements WHERE conference = ?",
        (conference,),
    ).fetchone()
    if row is None:
        return None
    return Announced(
        sequence=row[0], title=row[1], starts=row[2], ends=row[3], registration=Registration(row[4]), told=row[5]
    )


def announce(connection: sqlite3.Connection, conference: str) -> None:
    """From now on those outside are told of changes to this conference; what it is now they are told in their own
    mails."""
    connection.execute(
        "INSERT OR IGNORE INTO announcements (conference, sequence, title, starts, ends, registration, told)"
        " SELECT id, 0, title, starts, ends, ?, 0 FROM conferences WHERE id = ?",
        (Registration.CLOSED.value, conference),
    )


def set_registration(connection: sqlite3.Connection, conference: str, registration: Registration) -> None:
    """Who may register by themselves."""
    announce(connection, conference)
    connection.execute(
        "UPDATE announcements SET registration = ? WHERE conference = ?", (registration.value, conference)
    )


def find(connection: sqlite3.Connection, conference: str, id: str) -> Attendee | None:
    """The attendee with this id."""
    row = connection.execute(f"{_SELECT} WHERE conference = ? AND id = ?", (conference, id)).fetchone()
    return _attendee(row) if row is not None else None


def by_email(connection: sqlite3.Connection, conference: str, email: str) -> Attendee | None:
    """The attendee with this address."""
    row = connection.execute(f"{_SELECT} WHERE conference = ? AND email = ?", (conference, email)).fetchone()
    return _attendee(row) if row is not None else None


def listed(
    connection: sqlite3.Connection, conference: str, after: tuple[int, int, str] | None, limit: int
) -> tuple[list[Attendee], int]:
    """Attendees from behind a `place`, those who wait for a word first, then the newest; and how many there are."""
    rows = connection.execute(
        f"{_SELECT} WHERE conference = ?1 AND (?3 IS NULL OR (state != ?2, -created, id) > (?3, ?4, ?5))"
        " ORDER BY state != ?2, -created, id LIMIT ?6",
        (conference, State.WAITING.value, *(after or (None, None, None)), limit),
    ).fetchall()
    return [_attendee(row) for row in rows], count(connection, conference)


def place(one: Attendee) -> tuple[int, int, str]:
    """Where somebody stands in the list."""
    return int(one.state is not State.WAITING), -one.created, one.id


def count(connection: sqlite3.Connection, conference: str) -> int:
    """How many there are, of any state."""
    found = connection.execute("SELECT count(*) FROM attendees WHERE conference = ?", (conference,))
    return int(found.fetchone()[0])


def expect(
    connection: sqlite3.Connection,
    link: GuestLink,
    email: str,
    name: str,
    now: int,
    *,
    template: str = "",
    note: str = "",
    registered: bool = False,
) -> Attendee:
    """Somebody is expected, with a personal link that is new, and told so; again for who is there already, whose
    former link leads nowhere any more when its role was another. Raises `Full`, `TooMuch`; then nothing is changed."""
    there = by_email(connection, link.conference, email)
    _look(connection, there, link.conference, email, now)
    if there is not None and there.state is State.EXPECTED and there.role is link.role:
        # The link stays; whoever invites again answers for it from now on, as its former maker may not be able to.
        by = link.made_by
        changed = msgspec.structs.replace(there, name=name or there.name, made_by=by, note=note, template=template)
        connection.execute("UPDATE guest_links SET made_by = ? WHERE id = ?", (by, there.link))
    else:
        changed = Attendee(
            id=there.id if there is not None else new_id(),
            conference=link.conference,
            email=email,
            name=name or (there.name if there is not None else ""),
            role=link.role,
            registered=registered,
            state=State.EXPECTED,
            link=link.id,
            made_by=link.made_by,
            template=template,
            note=note,
            created=now,
        )
        _unlink(connection, there, now)
        guestlinks.put(connection, link, personal=True)
    _keep(connection, changed)
    kind = Kind.CONFIRMED if registered else Kind.INVITATION
    outbox.write(connection, changed.id, kind, link.made_by, now)
    return changed


def ask(connection: sqlite3.Connection, conference: str, email: str, name: str, now: int) -> Attendee:
    """Somebody would like to be a speaker: they wait for an organizer, and are told so. Raises `Full`, `TooMuch`."""
    there = by_email(connection, conference, email)
    _look(connection, there, conference, email, now)
    made = Attendee(
        id=there.id if there is not None else new_id(),
        conference=conference,
        email=email,
        name=name,
        role=Role.SPEAKER,
        registered=True,
        state=State.WAITING,
        link="",
        made_by="",
        template="",
        note="",
        created=now,
    )
    _keep(connection, made)
    outbox.write(connection, made.id, Kind.RECEIVED, "", now)
    return made


def settle(connection: sqlite3.Connection, found: Attendee, state: State, by: str, now: int) -> Attendee:
    """Decline somebody who waits, or withdraw what somebody was promised. They are told."""
    _unlink(connection, found, now)
    changed = msgspec.structs.replace(found, state=state, link="")
    connection.execute("UPDATE attendees SET state = ?, link = '' WHERE id = ?", (state.value, found.id))
    told = outbox.forget_waiting(connection, found.id)
    kind = Kind.DECLINED if state is State.DECLINED else Kind.WITHDRAWN
    # Of what somebody was never told, nothing has to be taken back.
    if told:
        outbox.write(connection, found.id, kind, by, now)
    return changed


def _look(connection: sqlite3.Connection, there: Attendee | None, conference: str, email: str, now: int) -> None:
    if there is None and count(connection, conference) >= MAX_ATTENDEES:
        raise Full
    if outbox.caused_to(connection, email, now - HOUR_MS) >= MAX_TO_ONE:
        raise TooMuch


def _keep(connection: sqlite3.Connection, changed: Attendee) -> None:
    announce(connection, changed.conference)
    values = tuple(msgspec.structs.astuple(changed))
    connection.execute(
        "INSERT INTO attendees (id, conference, email, name, role, registered, state, link, made_by, template, note,"
        " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (conference, email) DO UPDATE SET"
        " name = excluded.name, role = excluded.role, registered = excluded.registered, state = excluded.state,"
        " link = excluded.link, made_by = excluded.made_by, template = excluded.template, note = excluded.note",
        values,
    )


def _unlink(connection: sqlite3.Connection, found: Attendee | None, now: int) -> None:
    if found is not None and found.link:
        connection.execute("UPDATE guest_links SET revoked = ifnull(revoked, ?) WHERE id = ?", (now, found.link))


def new_id() -> str:
    """An id such as `at_5be1…`."""
    return "at_" + secrets.token_hex(8)


_SELECT = (
    "SELECT id, conference, email, name, role, registered, state, link, made_by, template, note, created FROM attendees"
)


def _attendee(row: tuple[str, str, str, str, str, int, str, str, str, str, str, int]) -> Attendee:
    return Attendee(
        id=row[0],
        conference=row[1],
        email=row[2],
        name=row[3],
        role=Role(row[4]),
        registered=bool(row[5]),
        state=State(row[6]),
        link=row[7],
        made_by=row[8],
        template=row[9],
        note=row[10],
        created=row[11],
    )
