"""The bodies of the API's requests and responses about people outside: invitations by e-mail, and registration."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.names import DisplayName, Role
from server.http.messages import Body, InvitedRole
from server.mail.address import MAX_ADDRESS
from server.mail.attendees import Registration, State

Email = Annotated[str, Meta(min_length=3, max_length=MAX_ADDRESS)]
MAX_AT_ONCE = 200


class Whom(Body, frozen=True, kw_only=True):
    """Somebody to invite; without a name the mail greets nobody by it."""

    email: Email
    name: Annotated[str, Meta(max_length=64)] = ""


class NewAttendees(Body, frozen=True, kw_only=True):
    """People to invite by e-mail, all with this role; `note` stands in their mail, `template`: the id of the e-mail
    template that it is written by."""

    people: Annotated[list[Whom], Meta(min_length=1, max_length=MAX_AT_ONCE)]
    role: InvitedRole
    note: Annotated[str, Meta(max_length=2000)] = ""
    template: Annotated[str, Meta(max_length=64)] = ""


class NotInvited(msgspec.Struct, frozen=True, kw_only=True):
    """An address that was not invited, and why."""

    email: str
    why: str


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """How many are told, and who is not."""

    invited: int
    refused: list[NotInvited]


class MailShown(msgspec.Struct, frozen=True, kw_only=True):
    """The last mail to somebody. `state`: waiting, sending, sent or failed; `error`: what the mail server said the last
    time; `due`: when it is tried next, `finished`: when it was sent or given up, in ms since 1970."""

    kind: str
    state: str
    attempts: int
    error: str
    due: int
    finished: int


class AttendeeShown(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody outside. `registered`: by themselves; `created` in ms since 1970."""

    id: str
    email: str
    name: str
    role: Role
    registered: bool
    state: State
    created: int
    mail: MailShown | None


class TemplateNamed(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail template that invitations can be written by."""

    id: str
    name: str


class Attendees(msgspec.Struct, frozen=True, kw_only=True):
    """Some of `total` people outside, those who wait for a word first, then the newest. `sends`: there is a mail
    server; `registration`: who may register; `time_zone` is the company's, in which the mails tell times."""

    sends: bool
    registration: Registration
    time_zone: str
    total: int
    attendees: list[AttendeeShown]
    next: str | None
    templates: list[TemplateNamed]


class RegistrationSet(Body, frozen=True, kw_only=True):
    """Who may register by themselves."""

    registration: Registration


class RegistrationShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the registration page shows to everybody. `starts` and `ends` in ms since 1970."""

    conference: str
    title: str
    workspace: str
    registration: Registration
    starts: int | None = None
    ends: int | None = None


class RegisteredRole(enum.StrEnum):
    """As what one can register."""

    VIEWER = Role.VIEWER.value
    SPEAKER = Role.SPEAKER.value


class NewRegistration(Body, frozen=True, kw_only=True):
    """Somebody registers: as a viewer at once, as a speaker when an organizer agrees."""

    name: DisplayName
    email: Email
    role: RegisteredRole = RegisteredRole.VIEWER


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """The same for everybody, whether they had registered before or not: what there is to know is in their mail."""

    conference: str
