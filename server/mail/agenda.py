"""What follows from the plans: people are told when a conference is moved, renamed or called off, and reminded of it.

Nothing tells this module that something has changed. It compares, so it does not matter who changed it, on which
server, or that this one was down; doing it twice does nothing, as a mail is written once for each occasion.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from server.mail import outbox
from server.mail.outbox import Crowded, Kind

MINUTE_MS = 60_000
DAY_MS = 86_400_000
# Somebody who plans changes the beginning, then the end: they are told of both at once.
GATHER_MS = 3_000
# And nobody can have others flooded by moving a conference to and fro.
CHANGES_EVERY_MS = 5 * MINUTE_MS


def settle(connection: sqlite3.Connection, now: int, reminders: Sequence[int], keep_days: int) -> None:
    """Write what is to be told now; forget what is long over. `reminders`: minutes before the beginning."""
    _changes(connection, now)
    _reminders(connection, now, reminders)
    _forget(connection, now - keep_days * DAY_MS)


def _changes(connection: sqlite3.Connection, now: int) -> None:
    rows = connection.execute(
        "SELECT id, told.starts, conferences.title, conferences.starts, conferences.ends, told.sequence, told.told"
        " FROM announcements told JOIN conferences ON id = told.conference"
        " WHERE told.title IS NOT conferences.title OR told.starts IS NOT conferences.starts"
        " OR told.ends IS NOT conferences.ends"
    ).fetchall()
    for conference, before, title, starts, ends, sequence, told in rows:
        # A word that waits still is replaced, and goes out when it would have.
        due = max(now + GATHER_MS, told if told > now else told + CHANGES_EVERY_MS)
        # What was over is not moved, and a title without a time is in nobody's calendar.
        tell = starts is not None or (before is not None and before > now)
        if tell and not _room(connection, conference):
            continue
        # What was called off has been announced for the time before, however often it is renamed since.
        connection.execute(
            "UPDATE announcements SET title = ?, was = coalesce(starts, was), starts = ?, ends = ?, sequence = ?,"
            " told = ? WHERE conference = ?",
            (title, starts, ends, sequence + 1, due if tell else told, conference),
        )
        if tell:
            # The newest word is enough: what waits says what is so when it is sent.
            connection.execute(
                "DELETE FROM mails WHERE state = 'waiting' AND kind IN (?, ?)"
                " AND attendee IN (SELECT id FROM attendees WHERE conference = ?)",
                (Kind.CHANGED.value, Kind.CANCELLED.value, conference),
            )
            kind = Kind.CHANGED if starts is not None else Kind.CANCELLED
            outbox.write_all(connection, conference, kind, sequence + 1, now, due, now + 1, told=True)


def _reminders(connection: sqlite3.Connection, now: int, reminders: Sequence[int]) -> None:
    if not reminders:
        return
    rows = connection.execute(
        "SELECT id, conferences.starts, told.told FROM announcements told JOIN conferences ON id = told.conference"
        " WHERE conferences.starts > ? AND conferences.starts <= ?",
        (now, now + max(reminders) * MINUTE_MS),
    ).fetchall()
    for conference, starts, told in rows:
        # Of those whose moment has come, the latest; after an outage nobody is reminded twice at once.
        minutes = min(each for each in reminders if starts - each * MINUTE_MS <= now)
        since, kind, occasion = starts - minutes * MINUTE_MS, f"{Kind.REMINDER}-{minutes}", starts // 1000
        # Who was invited after that moment, or told of a change, has just read of it.
        if told > since:
            continue
        missing = connection.execute(
            "SELECT 1 FROM attendees WHERE conference = ? AND state = 'expected' AND created < ? AND NOT EXISTS"
            " (SELECT 1 FROM mails WHERE attendee = attendees.id AND kind = ? AND occasion = ?) LIMIT 1",
            (conference, since, kind, occasion),
        ).fetchone()
        if missing is not None and _room(connection, conference):
            outbox.write_all(connection, conference, kind, occasion, now, now, since, told=False)


def _room(connection: sqlite3.Connection, conference: str) -> bool:
    wanted = connection.execute("SELECT count(*) FROM attendees WHERE conference = ?", (conference,)).fetchone()[0]
    try:
        outbox.room(connection, wanted)
    except Crowded:
        return False
    return True


def _forget(connection: sqlite3.Connection, before: int) -> None:
    # Asked first: a statement that changes nothing is not written to the log of all servers, but one that is run at all
    # makes this a writing transaction.
    old = connection.execute(
        "SELECT attendees.id FROM attendees JOIN conferences ON conferences.id = conference"
        " WHERE attendees.created < ? AND coalesce(ends, starts, 0) < ? LIMIT 500",
        (before, before),
    ).fetchall()
    for (attendee,) in old:
        connection.execute("DELETE FROM attendees WHERE id = ?", (attendee,))
    gone = connection.execute(
        "SELECT id FROM mails WHERE state IN ('sent', 'failed') AND finished < ? LIMIT 500", (before,)
    ).fetchall()
    for (mail,) in gone:
        connection.execute("DELETE FROM mails WHERE id = ?", (mail,))
