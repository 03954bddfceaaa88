"""The API of events of several sessions: a member has the same role in each session.

An event is no way around a conference: who changes roles by it has to organize every session at that moment, and who
organizes a conference takes it out of an event of somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from protocol.errors import Code
from protocol.names import ConferenceId, Identity, Role, Title
from protocol.text import one_line
from server.directory.conferences import Conference
from server.directory.events import Event, EventError
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.messages import Body
from server.http.paging import Page, begins, ends
from server.http.rights import lasting_role, note
from server.identity.accounts import MAKERS


class NewEvent(Body, frozen=True, kw_only=True):
    """An event to create."""

    title: Title


class EventMember(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with the same role in each session; `name` is empty for who has no account here."""

    identity: str
    name: str
    role: Role


class EventShown(msgspec.Struct, frozen=True, kw_only=True):
    """An event; `sessions` are conferences, in order of being added."""

    event: str
    title: str
    owner: str
    sessions: list[str]
    members: list[EventMember]


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    events: list[EventShown]
    next: str | None


class EventSession(Body, frozen=True, kw_only=True):
    """A conference to make a session."""

    conference: ConferenceId


class MemberRole(Body, frozen=True, kw_only=True):
    """The role that a member has in every session."""

    role: Role


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """What was there is not there any more."""

    removed: bool = True


async def create(call: Call, body: NewEvent) -> EventShown:
    _demand_maker(call)
    title = one_line(body.title)
    if not title:
        raise Failure(Code.BAD_MESSAGE, "A title has at least one letter.", details={"path": "$.title"})
    try:
        return await _shown(call, await call.services.events.create(title, call.identity))
    except EventError as error:
        raise Failure(Code.TOO_MANY, str(error)) from None


async def list_events(call: Call, _body: None) -> EventList:
    asked: Page = call.query
    found = await call.services.events.list(
        None if call.caller.by_right else call.identity, asked.limit + 1, begins(asked.after, tuple[int, str])
    )
    page, next = ends(found, asked.limit, lambda one: (one.created, one.id))
    return EventList(events=await _all_shown(call, page), next=next)


async def look(call: Call, _body: None) -> EventShown:
    return await _shown(call, await _event(call))


async def remove(call: Call, _body: None) -> Gone:
    await call.services.events.remove((await _changing(call)).id)
    return Gone()


async def add_session(call: Call, body: EventSession) -> EventShown:
    services = call.services
    async with services.events.changing:
        event = await _changing(call)
        conference = await services.conferences.find(body.conference)
        if conference is None:
            raise Failure(Code.NO_SUCH_CONFERENCE)
        if conference.owner != call.identity and not call.caller.by_right:
            raise Failure(Code.NOT_ALLOWED, "A conference is made a session by its owner.")
        try:
            await services.events.add_session(event.id, conference.id)
        except EventError as error:
            raise Failure(Code.TOO_MANY, str(error)) from None
        await note(call, conference, "event.join", event.id)
        await _appoint(call, conference.id, list(event.members.items()))
        return await _shown(call, await _event(call))


async def remove_session(call: Call, _body: None) -> Gone:
    services = call.services
    async with services.events.changing:
        event = await services.events.find(call.path["event"])
        if event is None or call.path["session"] not in event.sessions:
            raise Failure(Code.NOT_FOUND)
        conference = await _session(call, call.path["session"])
        if not (_has(call, event) or await _organizes(call, conference)):
            raise Failure(Code.NOT_FOUND)
        _demand_maker(call)
        await services.events.remove_session(event.id, conference.id)
        await note(call, conference, "event.leave", event.id)
        return Gone()


async def set_member(call: Call, body: MemberRole) -> EventShown:
    services = call.services
    async with services.events.changing:
        event, identity = await _appointing(call), await _somebody(call)
        try:
            await services.events.set_member(event.id, identity, body.role)
        except EventError as error:
            raise Failure(Code.TOO_MANY, str(error)) from None
        for conference in event.sessions:
            await _appoint(call, conference, [(identity, body.role)])
        return await _shown(call, await _event(call))


async def remove_member(call: Call, _body: None) -> EventShown:
    services = call.services
    async with services.events.changing:
        event, identity = await _appointing(call), _identity(call)
        try:
            await services.events.remove_member(event.id, identity)
        except EventError as error:
            raise Failure(Code.NO_SUCH_PERSON, str(error)) from None
        for conference in event.sessions:
            await _appoint(call, conference, [(identity, None)])
        return await _shown(call, await _event(call))


async def _appoint(call: Call, conference: str, roles: Sequence[tuple[str, Role | None]]) -> None:
    """Write roles into a session's room. What is refused can be asked for again: it is the same the second time."""
    refusal = await call.services.rooms.appoint(conference, call.identity, roles)
    if refusal is not None:
        raise Failure(refusal.code)


async def _event(call: Call) -> Event:
    """The event in the path, for its owner and for organizers by right; to others it is not there."""
    found = await call.services.events.find(call.path["event"])
    if found is None or not _has(call, found):
        raise Failure(Code.NOT_FOUND)
    return found


def _has(call: Call, event: Event) -> bool:
    return call.caller.by_right or event.owner == call.identity


async def _changing(call: Call) -> Event:
    """The same for somebody who changes it: not for an owner who has become a security admin."""
    event = await _event(call)
    _demand_maker(call)
    return event


async def _appointing(call: Call) -> Event:
    """The same for somebody who changes roles. Whoever added a session may organize it no more: then nothing is changed
    in any of them, and they are told which it is."""
    event = await _changing(call)
    for id in event.sessions:
        conference = await _session(call, id)
        if not await _organizes(call, conference):
            sentence = (
                f"You do not organize “{conference.title}”, a session of this event; take it out of the event first."
            )
            raise Failure(Code.NOT_ALLOWED, sentence, details={"conference": id})
    return event


async def _session(call: Call, id: str) -> Conference:
    found = await call.services.conferences.find(id)
    if found is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    return found


async def _organizes(call: Call, conference: Conference) -> bool:
    return await lasting_role(call.services, conference, call.identity) is Role.ORGANIZER


def _demand_maker(call: Call) -> None:
    if call.account.server_role not in MAKERS:
        raise Failure(Code.NOT_ALLOWED, "Your role on this server changes nothing.")


def _identity(call: Call) -> str:
    try:
        return msgspec.convert(call.path["identity"], Identity)
    except msgspec.ValidationError:
        raise Failure(Code.NO_SUCH_PERSON, "This is no identity.") from None


async def _somebody(call: Call) -> str:
    """The identity of the path, which may be an account's login instead; without an account here, people have
    identities that say where they are from."""
    named, accounts = call.path["identity"], call.services.accounts
    account = await accounts.find(named) or await accounts.by_login(named)
    if account is not None:
        return account.id
    identity = _identity(call)
    if "@" not in identity and not identity.startswith("g_"):
        raise Failure(Code.NO_SUCH_PERSON, "There is no such account.")
    return identity


async def _shown(call: Call, event: Event) -> EventShown:
    (shown,) = await _all_shown(call, [event])
    return shown


async def _all_shown(call: Call, events: Sequence[Event]) -> list[EventShown]:
    # One look at all accounts: an event may have a thousand members.
    known = await call.services.accounts.list() if any(event.members for event in events) else []
    names = {account.id: account.name for account in known}
    return [
        EventShown(
            event=event.id,
            title=event.title,
            owner=event.owner,
            sessions=list(event.sessions),
            members=[
                EventMember(identity=identity, name=names.get(identity, ""), role=role)
                for identity, role in event.members.items()
            ],
        )
        for event in events
    ]


_ONE = "/api/v1/events/{event}"
_ERRORS = (Code.NOT_FOUND, Code.TOO_MANY)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/api/v1/events",
        name="createEvent",
        summary="Create an event of several sessions.",
        handler=create,
        body=NewEvent,
        response=EventShown,
        caller=Caller.ACCOUNT,
        limit="conferences",
        errors=(Code.TOO_MANY,),
        once=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/events",
        name="listEvents",
        summary="One's own events; for organizers by right all of them.",
        handler=list_events,
        query=Page,
        response=EventList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        name="lookAtEvent",
        summary="An event's sessions and members.",
        handler=look,
        response=EventShown,
        caller=Caller.ACCOUNT,
        errors=_ERRORS,
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        name="removeEvent",
        summary="Remove an event; its sessions, and the roles in them, stay.",
        handler=remove,
        response=Gone,
        caller=Caller.ACCOUNT,
        errors=_ERRORS,
    ),
    Endpoint(
        method="POST",
        path=_ONE + "/sessions",
        name="addSession",
        summary="Make a conference a session; the event's members have their roles in it from now on.",
        handler=add_session,
        body=EventSession,
        response=EventShown,
        caller=Caller.ACCOUNT,
        errors=(*_ERRORS, Code.NO_SUCH_CONFERENCE),
    ),
    Endpoint(
        method="DELETE",
        # Not {conference}: an event's owner takes out a conference in which they are blocked as well.
        path=_ONE + "/sessions/{session}",
        name="removeSession",
        summary="Take a conference out of an event, for the owner of either and its organizers; the roles in it stay.",
        handler=remove_session,
        response=Gone,
        caller=Caller.ACCOUNT,
        errors=(*_ERRORS, Code.NO_SUCH_CONFERENCE),
    ),
    Endpoint(
        method="PUT",
        path=_ONE + "/members/{identity}",
        name="setEventMember",
        summary="Give somebody, by identity or login, a role in every session, live at once; for who organizes each.",
        handler=set_member,
        body=MemberRole,
        response=EventShown,
        caller=Caller.ACCOUNT,
        errors=(*_ERRORS, Code.NO_SUCH_CONFERENCE, Code.NO_SUCH_PERSON),
    ),
    Endpoint(
        method="DELETE",
        path=_ONE + "/members/{identity}",
        name="removeEventMember",
        summary="Take somebody's role back in every session; for who organizes each.",
        handler=remove_member,
        response=EventShown,
        caller=Caller.ACCOUNT,
        errors=(*_ERRORS, Code.NO_SUCH_CONFERENCE, Code.NO_SUCH_PERSON),
    ),
)
