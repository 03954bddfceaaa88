"""What is to be sent: mails by attendee, kind and occasion, with what became of them.

    waiting ─► sending ─► sent
       ▲          │  └──► failed    refused for good, or tried too often
       └──────────┘  refused for now: due later, each time twice as long

`claim` takes what is due and counts the attempt. A mail that is `sending` and whose time is over is due again: whoever
had it has died.
"""

from __future__ import annotations

import enum
import secrets
import sqlite3
from collections.abc import Sequence

import msgspec

HOUR_MS = 3_600_000
# Longer than the sending of what was claimed can take (postman.py).
CLAIM_MS = 180_000
# With a minute at first and twice as long each time, the last is 17 hours after the first.
MAX_ATTEMPTS = 11
MAX_ERROR = 300
# Mails that may wait at once, of all conferences: a day's work for a server that sends one each two seconds.
MAX_WAITING = 50_000


class Kind(enum.StrEnum):
    """What somebody is told. A reminder's kind has its minutes behind it, as in `reminder-15`."""

    INVITATION = "invitation"
    RECEIVED = "received"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    REMINDER = "reminder"


# Those that people cause, one by one; the others follow from the plan.
_CAUSED = (Kind.INVITATION, Kind.RECEIVED, Kind.CONFIRMED, Kind.DECLINED, Kind.WITHDRAWN)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail; times in ms since 1970. `error`: what was said the last time; `due`: when it is tried next."""

    id: str
    attendee: str
    kind: str
    occasion: int
    created: int
    due: int
    attempts: int
    state: str
    error: str
    finished: int


class Crowded(Exception):
    """More mails wait than are kept."""


def write(connection: sqlite3.Connection, attendee: str, kind: Kind, made_by: str, now: int) -> None:
    """Somebody is to be told something, now. What waits for them already and says the same is enough. Raises
    `Crowded`."""
    room(connection, 1)
    waiting = connection.execute(
        "SELECT 1 FROM mails WHERE attendee = ? AND kind = ? AND state = 'waiting'", (attendee, kind.value)
    )
    if waiting.fetchone() is None:
        connection.execute(
            "INSERT OR IGNORE INTO mails (id, attendee, kind, occasion, made_by, created, due, attempts, state, error,"
            " finished) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'waiting', '', 0)",
            ("m_" + secrets.token_hex(8), attendee, kind.value, now, made_by, now, now),
        )


def room(connection: sqlite3.Connection, wanted: int) -> None:
    """Returns when so many more can wait. Raises `Crowded`."""
    waiting = connection.execute("SELECT count(*) FROM mails WHERE state IN ('waiting', 'sending')").fetchone()[0]
    if waiting + wanted > MAX_WAITING:
        raise Crowded


def write_all(
    connection: sqlite3.Connection,
    conference: str,
    kind: str,
    occasion: int,
    now: int,
    due: int,
    since: int,
    told: bool,
) -> None:
    """Everybody who is expected in a conference, and was so before `since`, is to be told something, once for each
    occasion; with `told` only those who were told anything before."""
    # One statement, however many they are: it goes through the log of all servers as it stands here.
    connection.execute(
        "INSERT OR IGNORE INTO mails (id, attendee, kind, occasion, made_by, created, due, attempts, state, error,"
        " finished) SELECT ? || substr(id, 4), id, ?, ?, '', ?, ?, 0, 'waiting', '', 0 FROM attendees"
        " WHERE conference = ? AND state = 'expected' AND created < ?"
        " AND (? OR EXISTS (SELECT 1 FROM mails WHERE attendee = attendees.id AND state IN ('sent', 'sending')))",
        (f"m_{secrets.token_hex(4)}", kind, occasion, now, due, conference, since, not told),
    )


def forget_waiting(connection: sqlite3.Connection, attendee: str) -> bool:
    """What waits for somebody is not sent; whether they were told anything before."""
    connection.execute("DELETE FROM mails WHERE attendee = ? AND state = 'waiting'", (attendee,))
    return connection.execute("SELECT 1 FROM mails WHERE attendee = ?", (attendee,)).fetchone() is not None


def withdrawn(connection: sqlite3.Connection, attendee: str) -> int:
    """How often somebody was told that they are not expected any more."""
    found = connection.execute(
        "SELECT count(*) FROM mails WHERE attendee = ? AND kind = ?", (attendee, Kind.WITHDRAWN.value)
    )
    return int(found.fetchone()[0])


def caused_by(connection: sqlite3.Connection, made_by: str, since: int) -> int:
    """How many mails an identity has caused since then."""
    found = connection.execute("SELECT count(*) FROM mails WHERE made_by = ? AND created > ?", (made_by, since))
    return int(found.fetchone()[0])


def caused_to(connection: sqlite3.Connection, email: str, since: int) -> int:
    """How many mails people have caused to one address since then."""
    found = connection.execute(
        "SELECT count(*) FROM attendees JOIN mails ON mails.attendee = attendees.id"
        f" WHERE attendees.email = ? AND mails.created > ? AND kind IN ({', '.join('?' * len(_CAUSED))})",
        (email, since, *(kind.value for kind in _CAUSED)),
    )
    return int(found.fetchone()[0])


def latest(connection: sqlite3.Connection, attendees: Sequence[str]) -> dict[str, Mail]:
    """The newest mail to each of these attendees."""
    found: dict[str, Mail] = {}
    for attendee in attendees:
        row = connection.execute(
            f"{_SELECT} WHERE attendee = ? ORDER BY created DESC, id LIMIT 1", (attendee,)
        ).fetchone()
        if row is not None:
            found[attendee] = _mail(row)
    return found


def claim(connection: sqlite3.Connection, now: int, most: int) -> list[Mail]:
    """Take what is due: the attempt is counted, and nobody else has it for `CLAIM_MS`."""
    rows = connection.execute(
        f"{_SELECT} WHERE state IN ('waiting', 'sending') AND due <= ? ORDER BY due, id LIMIT ?", (now, most)
    ).fetchall()
    claimed = [_mail(row) for row in rows]
    for mail in claimed:
        connection.execute(
            "UPDATE mails SET state = 'sending', attempts = attempts + 1, due = ? WHERE id = ?",
            (now + CLAIM_MS, mail.id),
        )
    return [msgspec.structs.replace(mail, attempts=mail.attempts + 1) for mail in claimed]


def next_due(connection: sqlite3.Connection) -> int | None:
    """When there is something to do."""
    row = connection.execute("SELECT min(due) FROM mails WHERE state IN ('waiting', 'sending')").fetchone()
    return int(row[0]) if row[0] is not None else None


def sent(connection: sqlite3.Connection, id: str, now: int) -> None:
    """It was taken by the mail server."""
    connection.execute("UPDATE mails SET state = 'sent', error = '', finished = ? WHERE id = ?", (now, id))


def failed(connection: sqlite3.Connection, id: str, now: int, error: str) -> None:
    """It is not tried again."""
    connection.execute(
        "UPDATE mails SET state = 'failed', error = ?, finished = ? WHERE id = ?", (error[:MAX_ERROR], now, id)
    )


def again(connection: sqlite3.Connection, id: str, due: int, error: str) -> None:
    """It is tried again then."""
    connection.execute(
        "UPDATE mails SET state = 'waiting', error = ?, due = ? WHERE id = ?", (error[:MAX_ERROR], due, id)
    )


def drop(connection: sqlite3.Connection, id: str) -> None:
    """There is nothing to be told any more."""
    connection.execute("DELETE FROM mails WHERE id = ?", (id,))


def give_back(connection: sqlite3.Connection, ids: Sequence[str], due: int) -> None:
    """These were claimed and not tried; they are, then."""
    for id in ids:
        connection.execute(
            "UPDATE mails SET state = 'waiting', attempts = attempts - 1, due = ? WHERE id = ? AND state = 'sending'",
            (due, id),
        )


def resume(connection: sqlite3.Connection, now: int) -> None:
    """The only server starts: nobody else sends what is being sent."""
    connection.execute("UPDATE mails SET state = 'waiting', due = ? WHERE state = 'sending'", (now,))


_SELECT = "SELECT id, attendee, kind, occasion, created, due, attempts, state, error, finished FROM mails"


def _mail(row: tuple[str, str, str, int, int, int, int, str, str, int]) -> Mail:
    return Mail(
        id=row[0],
        attendee=row[1],
        kind=row[2],
        occasion=row[3],
        created=row[4],
        due=row[5],
        attempts=row[6],
        state=row[7],
        error=row[8],
        finished=row[9],
    )
