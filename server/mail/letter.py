"""What a mail says: made of what is so when it is sent, as text and as HTML, with the calendar file.

The words are ours, or an e-mail template of the workspace for invitations; names, titles and notes are people's text.
In HTML they are escaped by Jinja; in headers they are one line, and what makes the message refuses anything else.
"""

from __future__ import annotations

import email.policy
import enum
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

import jinja2
import msgspec

from protocol.names import Role
from server.mail import calendar
from server.mail.address import one_line
from server.mail.calendar import Entry, moment
from server.mail.outbox import Kind, Mail
from server.workspace.acting import Refused
from server.workspace.templates import filled

_ROLES = {Role.VIEWER: "viewer", Role.SPEAKER: "speaker", Role.MODERATOR: "moderator"}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a mail is for and what it is about, as it is now. `link` is the whole personal link, empty when they have
    none; `subject` and `body` are those of a template, empty for our own words; `before`: the time that is called off,
    `now`: when this is written, both in ms since 1970."""

    mail: Mail
    conference: str
    email: str
    name: str
    role: Role
    link: str
    inviter: str
    note: str
    subject: str
    body: str
    title: str
    starts: int | None
    ends: int | None
    before: int | None
    sequence: int
    workspace: str
    zone: str
    now: int


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Our own words for a kind of mail, with `{placeholders}`; `button` is empty where nobody is led anywhere."""

    subject: str
    heading: str
    text: str
    button: str = ""


class Calendar(enum.Enum):
    """What a kind of mail does in a calendar."""

    NOTHING = enum.auto()
    ENTER = enum.auto()
    CANCEL = enum.auto()


_JOIN = "Open the conference"
_WORDS: dict[str, tuple[Words, Calendar]] = {
    Kind.INVITATION: (
        Words(
            subject="Invitation: {title}",
            heading="You are invited",
            text="{inviter} invites you to “{title}” as a {role}.",
            button=_JOIN,
        ),
        Calendar.ENTER,
    ),
    Kind.RECEIVED: (
        Words(
            subject="Your registration: {title}",
            heading="We have your registration",
            text="You would like to be a speaker in “{title}”. An organizer looks at it; you hear of it by e-mail.",
        ),
        Calendar.NOTHING,
    ),
    Kind.CONFIRMED: (
        Words(
            subject="You are registered: {title}",
            heading="You are registered",
            text="You take part in “{title}” as a {role}.",
            button=_JOIN,
        ),
        Calendar.ENTER,
    ),
    Kind.DECLINED: (
        Words(
            subject="Your registration: {title}",
            heading="There is no place for you as a speaker",
            text="The organizers of “{title}” could not take your registration as a speaker.",
        ),
        Calendar.NOTHING,
    ),
    Kind.WITHDRAWN: (
        Words(
            subject="Withdrawn: {title}",
            heading="Your invitation was withdrawn",
            text="You are not expected in “{title}” any more; your link leads nowhere now.",
        ),
        Calendar.CANCEL,
    ),
    Kind.CHANGED: (
        Words(
            subject="Changed: {title}",
            heading="There is a change",
            text="“{title}” has changed. This is how it is now. Take the link of this"
            " mail: that of an earlier one may end too soon.",
            button=_JOIN,
        ),
        Calendar.ENTER,
    ),
    Kind.CANCELLED: (
        Words(
            subject="Cancelled: {title}",
            heading="It does not take place",
            text="“{title}” does not take place at the planned time.",
        ),
        Calendar.CANCEL,
    ),
    Kind.REMINDER: (
        Words(
            subject="Reminder: {title}",
            heading="It begins {soon}",
            text="You are expected in “{title}” as a {role}.",
            button=_JOIN,
        ),
        Calendar.NOTHING,
    ),
}

_SPECIALS = re.compile(r'[()<>\[\]:;@\\,"]')

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("server.mail", "templates"),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def message(told: Told, sender: str) -> EmailMessage:
    """The whole message. `sender` is the option `mail_from`."""
    sender_name, sender_address = parseaddr(sender)
    kind = Kind(told.mail.kind.partition("-")[0])
    words, entry = _WORDS[kind]
    parts = _parts(told, kind, words)
    made = EmailMessage(policy=email.policy.SMTP)
    made["Subject"] = one_line(parts["subject"])
    made["From"] = Address(_phrase(sender_name or told.workspace), addr_spec=sender_address)
    made["To"] = Address(_phrase(told.name), addr_spec=told.email)
    made["Date"] = format_datetime(moment(told.mail.created, "UTC"))
    # The same each time it is sent: who gets it twice is shown it once.
    made["Message-ID"] = f"<{told.mail.id}@{sender_address.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer by a machine
    made.set_content(_environment.get_template("letter.txt").render(parts), cte="quoted-printable")
    made.add_alternative(_environment.get_template("letter.html").render(parts), subtype="html", cte="quoted-printable")
    cancelled, starts = entry is Calendar.CANCEL, told.before if kind is Kind.CANCELLED else told.starts
    if entry is not Calendar.NOTHING and starts is not None:
        file = calendar.file(
            Entry(
                uid=f"{told.conference}@{sender_address.rpartition('@')[2]}",
                sequence=told.sequence,
                cancelled=cancelled,
                title=told.title,
                description=parts["opening"],
                starts=starts,
                ends=None if kind is Kind.CANCELLED else told.ends,
                zone=told.zone,
                stamp=told.mail.created,
                link="" if cancelled else told.link,
                organizer=sender_address,
                organizer_name=one_line(told.workspace),
                attendee=told.email,
                attendee_name=one_line(told.name),
            )
        )
        method = "CANCEL" if cancelled else "REQUEST"
        made.add_alternative(
            file, maintype="text", subtype="calendar", params={"method": method, "charset": "utf-8"}, cte="base64"
        )
        made.add_attachment(file, maintype="application", subtype="ics", filename="invitation.ics")
    return made


def _phrase(name: str) -> str:
    """A name as it stands before an address, without what would have to be quoted there (RFC 5322, 3.2.3): of a long
    name Python's email package forgets the quotes, and a comma is the end of an address then."""
    return one_line(_SPECIALS.sub(" ", name)).lstrip(". ")


def when(starts: int, ends: int | None, zone: str) -> str:
    """A planned time, as in `Tuesday, 31 March 2026, 10:00–11:30 (Europe/Vienna)`."""
    begin = moment(starts, zone)
    text = f"{begin:%A}, {begin.day} {begin:%B %Y, %H:%M}"
    if ends is not None:
        end = moment(ends, zone)
        same_day = end.date() == begin.date()
        text += f"–{end:%H:%M}" if same_day else f" – {end:%A}, {end.day} {end:%B %Y, %H:%M}"
    return f"{text} ({zone})"


# A reminder that goes out so much late, of the time it was to be before, says how far off it is really.
_LATE, _MINUTE_MS = 0.1, 60_000


def soon(minutes: int, left_ms: int) -> str:
    """How far off it is, as in `in 15 minutes`: so many as were planned, or, where an outage held the reminder up, what
    is left of them."""
    if left_ms < (1 - _LATE) * minutes * _MINUTE_MS:
        minutes = max(1, left_ms // _MINUTE_MS)
        minutes -= minutes % 60 if minutes >= 120 else 0
    for size, one, many in ((1440, "in a day", "days"), (60, "in an hour", "hours")):
        if minutes % size == 0:
            return one if minutes == size else f"in {minutes // size} {many}"
    return "in a minute" if minutes == 1 else f"in {minutes} minutes"


def _parts(told: Told, kind: Kind, words: Words) -> dict[str, Any]:
    starts = told.before if kind is Kind.CANCELLED else told.starts
    time = when(starts, None if kind is Kind.CANCELLED else told.ends, told.zone) if starts is not None else ""
    minutes = told.mail.kind.partition("-")[2]
    values = {
        "title": told.title,
        "inviter": told.inviter or told.workspace,
        "role": _ROLES.get(told.role, told.role.value),
        "soon": soon(int(minutes), starts - told.now) if minutes and starts is not None else "",
    }
    opening, subject, paragraphs = words.text.format(**values), words.subject.format(**values), [""]
    if told.body and kind is Kind.INVITATION:
        subject, opening = _from_template(told, values, time)
    paragraphs = [part.strip() for part in opening.split("\n\n") if part.strip()]
    return {
        "subject": subject,
        "heading": words.heading.format(**values),
        "opening": opening,
        "paragraphs": paragraphs,
        "note": told.note if kind is Kind.INVITATION else "",
        "title": told.title,
        "time": time,
        "called_off": kind in (Kind.CANCELLED, Kind.WITHDRAWN),
        "role": values["role"] if words.button else "",
        "name": told.name,
        "link": told.link if words.button else "",
        "button": words.button,
        "workspace": told.workspace,
    }


def _from_template(told: Told, values: dict[str, str], time: str) -> tuple[str, str]:
    """Subject and text of the workspace's template; ours, should it say what cannot be filled in any more."""
    known = {
        "workspace": told.workspace,
        "name": told.name,
        "login": told.email,
        "inviter": values["inviter"],
        "role": values["role"],
        "conference": told.title,
        "time": time,
        "link": told.link,
    }
    try:
        return filled("subject", told.subject, known), filled("body", told.body, known)
    except Refused:
        words = _WORDS[Kind.INVITATION][0]
        return words.subject.format(**values), words.text.format(**values)
