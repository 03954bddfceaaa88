"""Why somebody may do something in a conference, or not."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from protocol.answers import Explanation
from protocol.errors import Code
from server.conference.explaining import known
from server.http.endpoint import Call, Caller, Endpoint
from server.http.failure import Failure
from server.http.reports import may_read_reports
from server.http.rights import conference_of, may
from server.room.explain import explain
from server.room.refusal import Refusal


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`action`: a command as `can` names it (`media.mute:audio`), or an action of the table of permissions; `about`:
    the identity, oneself when left out; `target`: whom the command would be about."""

    action: Annotated[str, Meta(max_length=64)] = "take_part"
    about: Annotated[str, Meta(max_length=64)] = ""
    target: Annotated[str, Meta(max_length=64)] = ""


async def explained(call: Call, _body: None) -> Explanation:
    """About oneself anybody may ask; about others who moderates, and who reads the reports."""
    conference = await conference_of(call)
    wanted: Question = call.query
    caller = call.caller
    if caller.conference not in (None, conference.id):
        raise Failure(Code.NO_ACCESS, "A guest's link is for another conference.")
    about = wanted.about or call.identity
    oneself = about == call.identity
    if not (oneself or await may(call, conference, "people.see_hidden") or await may_read_reports(call, conference)):
        raise Failure(Code.NOT_ALLOWED, "Organizers and moderators ask about others.")
    room = await call.services.rooms.state(conference.id)
    if room is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    who = await known(about, room, call.services.identities)
    if oneself and about not in room.people:
        # Only their token knows what it gives.
        who = msgspec.structs.replace(
            who, name=caller.name, kind=caller.kind, inherits=caller.brings, by_right=who.by_right or caller.by_right
        )
    found = explain(room, who, wanted.action, wanted.target or None)
    if isinstance(found, Refusal):
        raise Failure(found.code, found.rule, details=dict(found.details))
    return found


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/api/v1/conferences/{conference}/explain",
        name="explain",
        summary="Why somebody may do something in a conference, or not: which rule decides.",
        handler=explained,
        query=Question,
        response=Explanation,
        caller=Caller.PERSON,
        errors=(Code.NO_SUCH_CONFERENCE, Code.NO_ACCESS),
    ),
)
