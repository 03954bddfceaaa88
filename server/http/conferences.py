"""The API of conferences: which there are, making and ending them, what goes on in them."""

from __future__ import annotations

import contextlib
import time

import msgspec

from protocol.errors import Code
from protocol.statistics import Statistics
from protocol.text import one_line
from server.directory.conferences import Conference
from server.http import messages as m
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.paging import Page, begins, ends
from server.http.rights import conference_of, may, note
from server.identity.accounts import MAKERS, may_read_reports
from server.room.refusal import Refusal
from server.storage.store import StoreUnavailable

MAX_LISTED = 100


async def list_conferences(call: Call, _body: None) -> m.ConferenceList:
    account = call.account
    # Organizers by right are so everywhere; who reads all reports finds them here.
    everything = call.caller.by_right or may_read_reports(account)
    asked: Page = call.query
    found = await call.services.conferences.list(
        None if everything else account.id, asked.limit + 1, begins(asked.after, tuple[int, str])
    )
    page, next = ends(found, asked.limit, lambda one: (one.created, one.id))
    events = await call.services.events.holding([one.id for one in page])
    return m.ConferenceList(conferences=[await _listed(call, one, events.get(one.id)) for one in page], next=next)


async def create_conference(call: Call, body: m.NewConference) -> m.ConferenceCreated:
    account, services = call.account, call.services
    if account.server_role not in MAKERS:
        raise Failure(Code.NOT_ALLOWED, "Your role on this server changes nothing.")
    title = one_line(body.title)
    if not title:
        raise Failure(Code.BAD_MESSAGE, "A title has at least one letter.", details={"path": "$.title"})
    _in_order(body.starts, body.ends)
    # An owner who left one running and asks for a new one is returned to it; who plans one for later is not. Running
    # means that somebody is there.
    later = body.starts is not None and body.starts > time.time() * 1000
    for conference in () if later else await services.conferences.list(account.id, MAX_LISTED):
        summary = await services.rooms.summary(conference.id)
        if summary is not None and summary.running and summary.people > 0:
            return m.ConferenceCreated(conference=conference.id, title=summary.title, returned=True)
    made = await services.conferences.create(title, account.id, body.starts, body.ends)
    # It exists from here on. A room that cannot be made now is made when somebody opens it.
    with contextlib.suppress(StoreUnavailable):
        await services.rooms.create(made.id, made.title, account.id)
    return m.ConferenceCreated(conference=made.id, title=made.title, returned=False)


async def glance(call: Call, _body: None) -> m.ConferenceGlance:
    conference = await conference_of(call)
    summary = await call.services.rooms.summary(conference.id)
    return m.ConferenceGlance(
        conference=conference.id,
        title=summary.title if summary is not None else conference.title,
        running=summary.running if summary is not None else False,
        recorded=summary.recorded if summary is not None else False,
        starts=conference.starts,
        ends=conference.ends,
    )


async def plan(call: Call, body: m.Plan) -> m.ConferenceGlance:
    conference = await conference_of(call)
    if not await may(call, conference, "settings.access"):
        raise Failure(Code.NOT_ALLOWED, "Organizers plan a conference.")
    starts = conference.starts if body.starts is msgspec.UNSET else body.starts
    ends = conference.ends if body.ends is msgspec.UNSET else body.ends
    _in_order(starts, ends)
    await call.services.conferences.plan(conference.id, starts, ends)
    await note(call, conference, "conference.plan", starts=starts, ends=ends)
    return await glance(call, None)


_WHO_ENDS = "Organizers and moderators end a conference."


async def end(call: Call, _body: None) -> m.ConferenceGlance:
    conference = await conference_of(call)
    if not await may(call, conference, "session.start_end"):
        raise Failure(Code.NOT_ALLOWED, _WHO_ENDS)
    if call.caller.by_right or call.identity == conference.owner:
        await call.services.rooms.end(conference.id, by=call.identity)
    elif await call.services.rooms.end_as(conference.id, call.identity) is not None:
        # They were demoted or removed in the meantime.
        raise Failure(Code.NOT_ALLOWED, _WHO_ENDS)
    return await glance(call, None)


async def state(call: Call, _body: None) -> m.StateShown:
    conference = await conference_of(call)
    if not await may(call, conference, "settings.access"):
        raise Failure(Code.NOT_ALLOWED, "Organizers see where the state of a conference is.")
    position = await call.services.rooms.position(conference.id)
    if position is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    return m.StateShown(conference=conference.id, epoch=position.epoch, version=position.version, hash=position.hash)


async def media(call: Call, _body: None) -> m.MediaShown:
    conference = await conference_of(call)
    if not await may(call, conference, "media.inspect"):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators see what is measured.")
    report = call.services.rooms.track_report(conference.id)
    return m.MediaShown(tracks=list(report.tracks) if report is not None else [])


async def statistics(call: Call, _body: None) -> Statistics:
    conference = await conference_of(call)
    person = call.path["person"]
    own = person == call.identity and call.caller.conference in (None, conference.id)
    if not own and not await may(call, conference, "media.inspect"):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators see what is measured of others.")
    found = await call.services.rooms.statistics(conference.id, person)
    if isinstance(found, Refusal):
        raise Failure(found.code)
    return found


async def _listed(call: Call, conference: Conference, event: str | None) -> m.ConferenceShown:
    summary = await call.services.rooms.summary(conference.id)
    return m.ConferenceShown(
        conference=conference.id,
        title=summary.title if summary is not None else conference.title,
        owner=conference.owner,
        mine=conference.owner == call.account.id,
        running=summary.running if summary is not None else False,
        people=summary.people if summary is not None else 0,
        starts=conference.starts,
        ends=conference.ends,
        event=event,
    )


def _in_order(starts: int | None, ends: int | None) -> None:
    if ends is not None and (starts is None or ends <= starts):
        raise Failure(Code.BAD_MESSAGE, "A conference ends after it starts.", details={"path": "$.ends"})


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/v1/conferences",
        name="listConferences",
        summary="One's own conferences; for organizers by right and security admins all of them.",
        handler=list_conferences,
        query=Page,
        response=m.ConferenceList,
        caller=Caller.ACCOUNT,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences",
        name="createConference",
        summary="Create a conference, or be returned to the one that is running.",
        handler=create_conference,
        body=m.NewConference,
        response=m.ConferenceCreated,
        caller=Caller.ACCOUNT,
        limit="conferences",
        once=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}",
        name="glanceAtConference",
        summary="What somebody at the door may know about a conference.",
        handler=glance,
        response=m.ConferenceGlance,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="PATCH",
        path="/api/v1/conferences/{conference}",
        name="planConference",
        summary="Say when a conference is planned to begin and to end; for organizers.",
        handler=plan,
        body=m.Plan,
        response=m.ConferenceGlance,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/media",
        name="mediaCounters",
        summary="What the media worker counts of each track; for organizers and moderators.",
        handler=media,
        response=m.MediaShown,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/media/{person}",
        name="mediaStatistics",
        summary="What somebody sends and receives, measured now; for organizers, moderators and the person themselves.",
        handler=statistics,
        response=Statistics,
        caller=Caller.PERSON,
        limit="statistics",
        errors=(Code.NO_SUCH_CONFERENCE, Code.NO_SUCH_PERSON, Code.MEDIA_UNAVAILABLE),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/state",
        name="conferenceState",
        summary="Where the state of a conference is, and its fingerprint; for organizers.",
        handler=state,
        response=m.StateShown,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conferences/{conference}/end",
        name="endConference",
        summary="End a conference for everybody; for organizers and moderators.",
        handler=end,
        response=m.ConferenceGlance,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE,),
    ),
)
