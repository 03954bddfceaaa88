"""The audit record of conferences: who did what, to whom, when, and on which node.

Each accepted command that has changed something is a line, also those of the server itself: a person comes in
(`enter`), is lost (`drop`) and given up (`expire`), a conference is ended from outside (`close`), time is up
(`elapse`). A command that found everything as it was to be made is no line, since nothing was done. The line is
written in the transaction of the commit (server/roomlog), so that nothing happens without one.

What is done to a conference over HTTP alone, such as a guest link made (`link.make`), is noted beside the commits.

What must not be read by everybody who reads the record, and what is long and says nothing later, is left out of a
line: of a PIN it says that one was given.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from protocol import events as e
from server import log
from server.room import inner
from server.room.decide import AnyCommand
from server.room.rules import command_name
from server.room.state import Room
from server.roomlog import Accepted, AuditEntry, RoomLog
from server.storage.store import StoreUnavailable

# Others whom one command concerned; a change of mode may concern everybody. Who came in or left by it is told whole, as
# the attendance is read from here.
MAX_REACHED = 100
# Of the other fields of a command, as JSON. The longest honest ones are a reason and a list of devices.
MAX_DETAILS = 4096

# What stands in the line itself, what is long and says nothing, how somebody is connected, and what somebody chose in a
# poll, which the poll shows to those who may see it; what is secret: of it only whether it was given.
_ELSEWHERE = frozenset(("id", "type", "target", "sdp", "chosen", "node", "nodes", "main", "recorded"))
_SECRET = frozenset(("pin",))

# How often what is too old is let go of, and the pause between the portions.
SWEEP_S = 3600.0
PAUSE_S = 0.2
# Lines that an export reads at once.
PORTION = 500

_log = log.get("podium.audit")


def line(
    before: Room | None, after: Room, actor: str, command: AnyCommand, events: tuple[e.RoomEvent, ...]
) -> Accepted:
    """The line for a command that led from one state to the other by these events."""
    target = getattr(command, "target", None) or ""
    if isinstance(command, inner.BY_NOBODY):
        actor, target = "", "" if isinstance(command, inner.Elapse) else actor
    present = after.people.get(actor) or (before.people.get(actor) if before is not None else None)
    knock = after.lobby.get(actor) or (before.lobby.get(actor) if before is not None else None)
    concerned = dict.fromkeys(person for event in events if (person := getattr(event, "person", None)))
    reached = tuple(person for person in concerned if person not in (actor, target))
    return Accepted(
        actor=actor,
        name=present.name if present is not None else knock.who.name if knock is not None else "",
        command=command_name(type(command)),
        target=target,
        reached=reached[:MAX_REACHED],
        details=_details(command) | (_passed(events) if reached else {}),
        events=tuple(dict.fromkeys(command_name(type(event)) for event in events)),
        before=before.version if before is not None else 0,
        version=after.version,
    )


def _details(command: AnyCommand) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(command)
    told = {
        name: bool(value) if name in _SECRET else value
        for name, value in fields.items()
        if name not in _ELSEWHERE and value is not None
    }
    text = msgspec.json.encode(told)
    return told if len(text) <= MAX_DETAILS else {"cut": text[:MAX_DETAILS].decode(errors="ignore")}


def _passed(events: tuple[e.RoomEvent, ...]) -> dict[str, Any]:
    """Who came in and who left by a command that concerned several: not all whom it reached need have."""
    came = [event.person for event in events if isinstance(event, e.ParticipantJoined | e.ParticipantReturned)]
    gone = [event.person for event in events if isinstance(event, e.ParticipantLeft)]
    return ({"came": came} if came else {}) | ({"gone": gone} if gone else {})


async def lines(
    roomlog: RoomLog, conference: str, *, after: int = 0, actor: str = "", command: str = ""
) -> AsyncIterator[AuditEntry]:
    """All lines of a conference, oldest first, read by portions. Raises `StoreUnavailable`."""
    position: int | None = after
    while position is not None:
        page = await roomlog.audit(conference, after=position, limit=PORTION, actor=actor, command=command)
        for entry in page.entries:
            yield entry
        position = page.next


async def keep_swept(roomlog: RoomLog, days: int) -> None:
    """Let go of what is older than so many days, now and then. Runs for ever."""
    while True:
        try:
            forgotten = 1
            while forgotten:
                forgotten = await roomlog.forget_audit(int((time.time() - days * 86_400) * 1000))
                # Other commits come between the portions.
                await asyncio.sleep(PAUSE_S)
        except StoreUnavailable as error:
            _log.warning("the audit record could not be swept", reason=str(error))
        except Exception:
            _log.exception("the audit record could not be swept")
        await asyncio.sleep(SWEEP_S)
