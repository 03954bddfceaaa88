"""Which conference a call is about, and what the caller may do in it; and what others are there, present or not."""

from __future__ import annotations

from typing import Any

from protocol.errors import Code
from protocol.names import PersonKind, Role
from server.directory.conferences import Conference
from server.http.endpoint import Call
from server.http.failure import Failure
from server.http.services import Services
from server.room.access import effective_role, shut_out
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


async def lasting_role(services: Services, conference: Conference, identity: str) -> Role | None:
    """What somebody would be in the conference if they came now: an assignment outlives their leaving, and a right on
    this server ends with it. None: nothing stands behind them any more, they are blocked, or have no access."""
    who = await services.identities.absent(identity, conference.id)
    room = await services.rooms.state(conference.id)
    if who is None or room is None:
        return None
    by_right, brings = who.by_right or identity == conference.owner, who.brings
    if who.kind is PersonKind.GUEST and who.voucher is not None:
        present = room.people.get(identity)
        if present is None:
            # What their token gives them only the program knows that signed it: so, the most that it can give.
            return None if shut_out(room, identity, by_right) else room.assigned.get(identity, Role.MODERATOR)
        by_right, brings = present.by_right, present.inherits
    if shut_out(room, identity, by_right):
        return None
    return effective_role(room, identity, by_right, who.kind, brings)


async def note(call: Call, conference: Conference, command: str, target: str = "", **details: Any) -> None:
    """Put into the conference's audit record what the caller has just done to it over HTTP alone."""
    await call.services.rooms.note(conference.id, call.identity, call.caller.name, command, target, **details)
