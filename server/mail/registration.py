"""Registering for a conference by oneself, without an account.

Whoever registers an address need not be whom it belongs to. So the answer is the same whatever is known of it, nothing
about it changes by registering it again, and what is sent is bounded, also for each address.
"""

from __future__ import annotations

import sqlite3

from protocol.names import Role
from server.identity.guestlinks import GuestLink
from server.mail import attendees, outbox
from server.mail.attendees import MAX_ATTENDEES, Full, Registration, State, TooMuch
from server.mail.outbox import HOUR_MS, Kind

# Of one conference.
MAX_PER_HOUR = 1_000
# Who registers again has perhaps lost the mail: they get it again, but not at once.
AGAIN_MS = HOUR_MS


class Closed(Exception):
    """Nobody registers for this conference by themselves, or not as this."""


class TooManyNow(Exception):
    """More people than can be taken within an hour register for this conference."""


def register(connection: sqlite3.Connection, link: GuestLink, email: str, name: str, now: int) -> None:
    """Somebody registers; `link` is the personal one they would get, for the role they ask for. Raises `Closed`,
    `Full`, `TooManyNow`, `Crowded`: none of them depends on who it is."""
    conference, told = link.conference, attendees.announced(connection, link.conference)
    mode = told.registration if told is not None else Registration.CLOSED
    if mode is Registration.CLOSED or (link.role is not Role.VIEWER and mode is not Registration.SPEAKERS):
        raise Closed
    if attendees.count(connection, conference) >= MAX_ATTENDEES:
        raise Full
    recent = connection.execute(
        "SELECT count(*) FROM attendees WHERE conference = ? AND registered AND created > ?",
        (conference, now - HOUR_MS),
    )
    if recent.fetchone()[0] >= MAX_PER_HOUR:
        raise TooManyNow
    outbox.room(connection, 1)
    there = attendees.by_email(connection, conference, email)
    try:
        if there is None and link.role is Role.VIEWER:
            attendees.expect(connection, link, email, name, now, registered=True)
        elif there is None:
            attendees.ask(connection, conference, email, name, now)
        elif there.state in (State.EXPECTED, State.WAITING):
            _remind(connection, there.id, there.state, now)
    except TooMuch:
        # As somebody else may have done it for them, they are not told either.
        return


def _remind(connection: sqlite3.Connection, attendee: str, state: State, now: int) -> None:
    newest = outbox.latest(connection, (attendee,)).get(attendee)
    if newest is None or newest.created < now - AGAIN_MS:
        kind = Kind.CONFIRMED if state is State.EXPECTED else Kind.RECEIVED
        outbox.write(connection, attendee, kind, "", now)
