"""What is due is taken, with all that its text is made of, in one transaction: its attempt is counted, and the link in
it lives long enough."""

from __future__ import annotations

import sqlite3

import msgspec

from protocol.names import Role
from server.mail import outbox
from server.mail.letter import Told
from server.mail.outbox import Kind, Mail
from server.workspace import profile

# A personal link leads in until so long after the planned end: whoever comes back has come by it.
AFTER_MS = 7 * 86_400_000


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to send. `told` lacks its link, which is signed outside of the transaction: that of guest link `link`,
    empty for none, good until `expires`, in s since 1970."""

    told: Told
    link: str
    expires: int


def take(connection: sqlite3.Connection, now: int, most: int) -> list[Taken]:
    """Claim what is due. What has been overtaken by time is dropped."""
    workspace = profile.read(connection)
    taken = []
    for mail in outbox.claim(connection, now, most):
        row = connection.execute(
            "SELECT a.conference, a.email, a.name, a.role, a.link, a.note, accounts.name, t.subject, t.body,"
            " told.title, told.starts, told.ends, told.was, told.sequence, guest_links.expires"
            " FROM attendees a JOIN announcements told ON told.conference = a.conference"
            " LEFT JOIN accounts ON accounts.id = a.made_by"
            " LEFT JOIN email_templates t ON t.id = a.template"
            " LEFT JOIN guest_links ON guest_links.id = a.link WHERE a.id = ?",
            (mail.attendee,),
        ).fetchone()
        told = Told(
            mail=mail,
            conference=row[0],
            email=row[1],
            name=row[2],
            role=Role(row[3]),
            link="",
            inviter=row[6] or "",
            note=row[5],
            subject=row[7] or "",
            body=row[8] or "",
            title=row[9],
            starts=row[10],
            ends=row[11],
            before=row[12],
            sequence=row[13] + _own_changes(connection, mail),
            workspace=workspace.name,
            zone=workspace.time_zone,
            now=now,
        )
        if _overtaken(mail, told, now):
            outbox.drop(connection, mail.id)
            continue
        expires = row[14] or 0
        until = ((told.ends or told.starts or 0) + AFTER_MS) // 1000
        if row[4] and until > expires:
            expires = until
            connection.execute("UPDATE guest_links SET expires = ? WHERE id = ?", (expires, row[4]))
        taken.append(Taken(told=told, link=row[4], expires=expires))
    return taken


def _own_changes(connection: sqlite3.Connection, mail: Mail) -> int:
    """By how much somebody's entry is ahead of the others': cancelling one and sending it again after that are changes
    of it (RFC 5546, 3.2.5), which a calendar program passes over when they have the number of the one before."""
    count = outbox.withdrawn(connection, mail.attendee)
    return 2 * count - (mail.kind == Kind.WITHDRAWN)


def _overtaken(mail: Mail, told: Told, now: int) -> bool:
    """Whether it is too late to tell it: a reminder of what has begun or was moved."""
    if not mail.kind.startswith(Kind.REMINDER):
        return False
    return told.starts is None or told.starts // 1000 != mail.occasion or told.starts <= now
