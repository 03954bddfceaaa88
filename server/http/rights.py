"""Which conference a call is about, and what the caller may do in it."""

from __future__ import annotations

from typing import Any

from protocol.errors import Code
from protocol.names import Role
from server.directory.conferences import Conference
from server.http.endpoint import Call
from server.http.failure import Failure
from server.room.rules import permits


async def conference_of(call: Call) -> Conference:
    """The conference in the path. Raises `Failure`."""
    found = await call.services.conferences.find(call.path["conference"])
    if found is None:
        raise Failure(Code.NO_SUCH_CONFERENCE)
    return found


async def may(call: Call, conference: Conference, action: str) -> bool:
    """Whether the table of rights has a yes for the caller: as an organizer by right, or with the role they have in
    the conference. Somebody who left, or was removed, has none there."""
    who = call.caller
    # First: a token for one conference is good for no other, whatever else it says.
    if who.conference not in (None, conference.id):
        return False
    if who.by_right or who.identity == conference.owner:
        return permits(Role.ORGANIZER, action)
    return await call.services.rooms.grants(conference.id, call.identity, action)


async def note(call: Call, conference: Conference, command: str, target: str = "", **details: Any) -> None:
    """Put into the conference's audit record what the caller has just done to it over HTTP alone."""
    await call.services.rooms.note(conference.id, call.identity, call.caller.name, command, target, **details)
