"""The API of the people outside: invited by e-mail, approved, withdrawn; and registering by oneself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from protocol.errors import Code
from protocol.names import Role
from server.directory import conferences as directory
from server.directory.conferences import Conference
from server.http import mail_messages as m
from server.http.endpoint import Call, Caller, Endpoint, Handler
from server.http.failure import Failure
from server.http.paging import Page, begins, ends
from server.http.rights import conference_of, may, note
from server.identity.guestlinks import GuestLink
from server.mail import attendees, outbox, registration
from server.mail.address import BadAddress, normal, one_line
from server.mail.attendees import MAX_ATTENDEES, Attendee, Full, State, TooMuch
from server.mail.outbox import HOUR_MS, Crowded, Mail
from server.mail.postman import Postman
from server.workspace import profile

_TOO_MANY = f"A conference has at most {MAX_ATTENDEES} people who are invited or registered."
_CROWDED = "More e-mail waits than is kept; try again when it is sent."


async def list_attendees(call: Call, _body: None) -> m.Attendees:
    conference = await _inviting(call)
    asked: Page = call.query
    after = begins(asked.after, tuple[int, int, str])

    def look(connection: sqlite3.Connection) -> m.Attendees:
        listed, total = attendees.listed(connection, conference.id, after, asked.limit + 1)
        found, next = ends(listed, asked.limit, attendees.place)
        mails = outbox.latest(connection, [each.id for each in found])
        told = attendees.announced(connection, conference.id)
        templates = connection.execute("SELECT id, name FROM email_templates ORDER BY name").fetchall()
        return m.Attendees(
            sends=call.services.mail is not None,
            registration=told.registration if told is not None else attendees.Registration.CLOSED,
            time_zone=profile.read(connection).time_zone,
            total=total,
            attendees=[_shown(each, mails.get(each.id)) for each in found],
            next=next,
            templates=[m.TemplateNamed(id=id, name=name) for id, name in templates],
        )

    return await call.services.store.run(look)


async def invite(call: Call, body: m.NewAttendees) -> m.Invited:
    conference = await _inviting(call)
    postman, now = _postman(call), _now()
    refused: list[m.NotInvited] = []
    wanted: dict[str, str] = {}
    for whom in body.people:
        try:
            wanted[normal(whom.email)] = one_line(whom.name)
        except BadAddress as error:
            refused.append(m.NotInvited(email=whom.email, why=str(error)))
    role = Role(body.role)
    drafts = {email: _draft(call, conference, role, call.identity, name or email) for email, name in wanted.items()}

    def write(connection: sqlite3.Connection) -> list[m.NotInvited]:
        left = call.services.settings.mails_per_hour - outbox.caused_by(connection, call.identity, now - HOUR_MS)
        if left < len(wanted):
            sentence = f"You can invite {max(0, left)} more people by e-mail within this hour."
            raise Failure(Code.RATE_LIMITED, sentence, details={"left": max(0, left)})
        if body.template and not _exists(connection, body.template):
            raise Failure(Code.NOT_FOUND, "There is no such template.", details={"path": "$.template"})
        missed = []
        for email, name in wanted.items():
            try:
                attendees.expect(
                    connection, drafts[email], email, name, now, note=body.note.strip(), template=body.template
                )
            except TooMuch:
                missed.append(m.NotInvited(email=email, why="This address has been sent enough mails for an hour."))
        return missed

    try:
        missed = await call.services.store.run(write)
    except Full:
        raise Failure(Code.TOO_MANY, _TOO_MANY) from None
    except Crowded:
        raise Failure(Code.TOO_MANY, _CROWDED) from None
    postman.look()
    invited = len(wanted) - len(missed)
    await note(call, conference, "invite.email", role=role.value, people=invited)
    return m.Invited(invited=invited, refused=refused + missed)


async def approve(call: Call, _body: None) -> m.AttendeeShown:
    """A speaker who has registered is expected."""
    conference, postman = await _inviting(call), _postman(call)
    link = _draft(call, conference, Role.SPEAKER, call.identity, "")

    def write(connection: sqlite3.Connection) -> Attendee:
        found = _found(connection, conference, call, State.WAITING)
        return attendees.expect(connection, link, found.email, found.name, _now(), registered=True)

    return await _done(call, conference, postman, "registration.approve", await _written(call, write))


async def decline(call: Call, _body: None) -> m.AttendeeShown:
    """A speaker who has registered is not."""
    conference, postman = await _inviting(call), _postman(call)

    def write(connection: sqlite3.Connection) -> Attendee:
        found = _found(connection, conference, call, State.WAITING)
        return attendees.settle(connection, found, State.DECLINED, call.identity, _now())

    return await _done(call, conference, postman, "registration.decline", await _written(call, write))


async def withdraw(call: Call, _body: None) -> m.AttendeeShown:
    """Somebody is not expected any more: their link leads nowhere."""
    conference, postman = await _inviting(call), _postman(call)

    def write(connection: sqlite3.Connection) -> Attendee:
        found = _found(connection, conference, call, State.EXPECTED)
        return attendees.settle(connection, found, State.WITHDRAWN, call.identity, _now())

    return await _done(call, conference, postman, "invite.withdraw", await _written(call, write))


async def set_registration(call: Call, body: m.RegistrationSet) -> m.RegistrationShown:
    conference = await conference_of(call)
    if not await may(call, conference, "settings.access"):
        raise Failure(Code.NOT_ALLOWED, "Organizers open the registration of a conference.")
    if body.registration is not attendees.Registration.CLOSED:
        _postman(call)
    await call.services.store.run(
        lambda connection: attendees.set_registration(connection, conference.id, body.registration)
    )
    await note(call, conference, "registration.set", registration=body.registration.value)
    return await show_registration(call, None)


async def show_registration(call: Call, _body: None) -> m.RegistrationShown:
    await call.services.accounts.check_open()

    def look(connection: sqlite3.Connection) -> m.RegistrationShown:
        found = directory.find(connection, call.path["conference"])
        if found is None:
            raise Failure(Code.NO_SUCH_CONFERENCE)
        told = attendees.announced(connection, found.id)
        open_ = told is not None and call.services.mail is not None
        return m.RegistrationShown(
            conference=found.id,
            title=found.title,
            workspace=profile.read(connection).name,
            registration=told.registration if told is not None and open_ else attendees.Registration.CLOSED,
            starts=found.starts,
            ends=found.ends,
        )

    return await call.services.store.run(look)


async def register(call: Call, body: m.NewRegistration) -> m.Registered:
    services = call.services
    await services.accounts.check_open()
    conference = await conference_of(call)
    name = one_line(body.name)
    if not name:
        raise Failure(Code.BAD_MESSAGE, "A name has at least one letter.", details={"path": "$.name"})
    try:
        email = normal(body.email)
    except BadAddress as error:
        raise Failure(Code.BAD_MESSAGE, str(error), details={"path": "$.email"}) from None
    if services.mail is None:
        raise Failure(Code.NOT_ALLOWED, "The registration is closed.")
    link, now = _draft(call, conference, Role(body.role), "", name), _now()
    try:
        await services.store.run(lambda connection: registration.register(connection, link, email, name, now))
    except registration.Closed:
        raise Failure(Code.NOT_ALLOWED, "The registration is closed.") from None
    except Full:
        raise Failure(Code.TOO_MANY, "All places are taken.") from None
    except (registration.TooManyNow, Crowded):
        raise Failure(Code.RATE_LIMITED, "Very many people register just now; try again in an hour.") from None
    services.mail.look()
    return m.Registered(conference=conference.id)


async def _inviting(call: Call) -> Conference:
    conference = await conference_of(call)
    if not await may(call, conference, "invite.email"):
        raise Failure(Code.NOT_ALLOWED, "Organizers invite people by e-mail.")
    return conference


def _postman(call: Call) -> Postman:
    if call.services.mail is None:
        raise Failure(Code.UNSUPPORTED, "This server sends no e-mail: it has no mail server.")
    return call.services.mail


def _draft(call: Call, conference: Conference, role: Role, made_by: str, label: str) -> GuestLink:
    return call.services.guest_links.drafted(conference.id, role, made_by, label=label)[0]


def _exists(connection: sqlite3.Connection, template: str) -> bool:
    return connection.execute("SELECT 1 FROM email_templates WHERE id = ?", (template,)).fetchone() is not None


def _found(connection: sqlite3.Connection, conference: Conference, call: Call, state: State) -> Attendee:
    found = attendees.find(connection, conference.id, call.path["attendee"])
    if found is None:
        raise Failure(Code.NOT_FOUND, "This conference expects no such person.")
    if found.state is not state:
        raise Failure(Code.ALREADY, f"This person is {found.state.value}.")
    return found


async def _written(call: Call, write: Callable[[sqlite3.Connection], Attendee]) -> Attendee:
    try:
        return await call.services.store.run(write)
    except TooMuch:
        raise Failure(Code.RATE_LIMITED, "This address has been sent enough mails for an hour.") from None
    except Crowded:
        raise Failure(Code.TOO_MANY, _CROWDED) from None


async def _done(
    call: Call, conference: Conference, postman: Postman, command: str, changed: Attendee
) -> m.AttendeeShown:
    postman.look()
    await note(call, conference, command, changed.id, role=changed.role.value)
    mails = await call.services.store.run(lambda connection: outbox.latest(connection, (changed.id,)))
    return _shown(changed, mails.get(changed.id))


def _shown(found: Attendee, mail: Mail | None) -> m.AttendeeShown:
    return m.AttendeeShown(
        id=found.id,
        email=found.email,
        name=found.name,
        role=found.role,
        registered=found.registered,
        state=found.state,
        created=found.created,
        mail=m.MailShown(
            kind=mail.kind,
            state=mail.state,
            attempts=mail.attempts,
            error=mail.error,
            due=mail.due,
            finished=mail.finished,
        )
        if mail is not None
        else None,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


_PATH = "/api/v1/conferences/{conference}/attendees"
_REGISTRATION = "/api/v1/conferences/{conference}/registration"
_ERRORS = (Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND, Code.ALREADY, Code.TOO_MANY, Code.UNSUPPORTED)


def _deed(name: str, summary: str, handler: Handler) -> Endpoint:
    return Endpoint(
        method="POST",
        path=_PATH + "/{attendee}/" + name,
        name=f"{name}Attendee",
        summary=summary,
        handler=handler,
        response=m.AttendeeShown,
        caller=Caller.PERSON,
        errors=_ERRORS,
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path=_PATH,
        name="listAttendees",
        summary="Who is invited by e-mail or has registered, and what became of the mails; for organizers.",
        handler=list_attendees,
        query=Page,
        response=m.Attendees,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="POST",
        path=_PATH,
        name="inviteByEmail",
        summary="Invite people by e-mail, each with a link of their own; again: with another role, or once more.",
        handler=invite,
        body=m.NewAttendees,
        max_body=128 * 1024,
        response=m.Invited,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_FOUND, Code.TOO_MANY, Code.UNSUPPORTED),
        once=True,
    ),
    _deed("approve", "Take a speaker who has registered; for organizers.", approve),
    _deed("decline", "Do not take a speaker who has registered; for organizers.", decline),
    _deed("withdraw", "Take an invitation or registration back: its link leads nowhere; for organizers.", withdraw),
    Endpoint(
        method="PUT",
        path=_REGISTRATION,
        name="setRegistration",
        summary="Say who may register by themselves; for organizers.",
        handler=set_registration,
        body=m.RegistrationSet,
        response=m.RegistrationShown,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.UNSUPPORTED),
    ),
    Endpoint(
        method="GET",
        path=_REGISTRATION,
        name="showRegistration",
        summary="What the registration page shows to everybody.",
        handler=show_registration,
        response=m.RegistrationShown,
        errors=(Code.NO_SUCH_CONFERENCE, Code.COMPANY_DISABLED),
    ),
    Endpoint(
        method="POST",
        path=_REGISTRATION,
        name="register",
        summary="Register for a conference. The answer tells nobody who has registered; the mail does.",
        handler=register,
        body=m.NewRegistration,
        response=m.Registered,
        limit="registrations",
        errors=(Code.NO_SUCH_CONFERENCE, Code.NOT_ALLOWED, Code.TOO_MANY, Code.COMPANY_DISABLED),
    ),
)
