"""Subscriptions: who is told, of what, where, signed with which secret.

They are rows of the store, made and changed in one transaction each. A change counts the `revision` up, by which the
dispatchers of all nodes notice it. What cannot be done raises `Refused`.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence

import msgspec

from protocol.errors import Code
from server.webhooks import outside
from server.webhooks.address import BadAddress, parse
from server.workspace.acting import Refused, new_id

# Each has a courier on each node.
MAX_WEBHOOKS = 50
MAX_EVENTS = 50
PREFIX = "whsec_"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription. `events`: the kinds that it is told, `stage.*` and `*` for many; `conference`: the only one it is
    about. `created`, `resumed` (when it was last made to work) and `paused` (0 when it is not) in ms since 1970;
    `reason`: why it was paused, when nobody did it."""

    id: str
    url: str
    secret: str
    events: tuple[str, ...]
    conference: str | None
    made_by: str
    created: int
    resumed: int
    paused: int
    reason: str
    revision: int

    def wants(self, kind: str) -> bool:
        """Whether it is told events of this kind."""
        return any(outside.matches(pattern, kind) for pattern in self.events)

    def about(self, conference: str) -> bool:
        """Whether it is told of this conference."""
        return self.conference in (None, conference)


def new_secret() -> str:
    """256 random bits, behind a word by which a leaked one is recognised."""
    return PREFIX + secrets.token_urlsafe(32)


def add(
    connection: sqlite3.Connection, now: int, url: str, events: Sequence[str], conference: str | None, made_by: str
) -> Webhook:
    """A new subscription; it is told what happens from now on."""
    _check_url(url)
    if conference is not None:
        _check_conference(connection, conference)
    if connection.execute("SELECT count(*) FROM webhooks").fetchone()[0] >= MAX_WEBHOOKS:
        raise Refused(Code.TOO_MANY, f"There are {MAX_WEBHOOKS} webhooks, and there can be no more.")
    made = Webhook(
        id=new_id("w"),
        url=url,
        secret=new_secret(),
        events=_checked(events),
        conference=conference,
        made_by=made_by,
        created=now,
        resumed=now,
        paused=0,
        reason="",
        revision=1,
    )
    connection.execute(
        "INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (made.id, url, made.secret, " ".join(made.events), conference, made_by, now, now, 0, "", 1),
    )
    return made


def listed(connection: sqlite3.Connection) -> list[Webhook]:
    """All subscriptions, the oldest first."""
    return [_webhook(row) for row in connection.execute(f"{_SELECT} ORDER BY created, id")]


def find(connection: sqlite3.Connection, id: str) -> Webhook:
    """The subscription with this id."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise Refused(Code.NOT_FOUND, f"There is no webhook {id!r}.")
    return _webhook(row)


def change(
    connection: sqlite3.Connection,
    now: int,
    id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    secret: str | None = None,
    paused: bool | None = None,
) -> Webhook:
    """Change what is given."""
    found = find(connection, id)
    if url is not None:
        _check_url(url)
    state = {} if paused is None else {"paused": now, "reason": ""} if paused else {"paused": 0, "resumed": now}
    return _keep(
        connection,
        msgspec.structs.replace(
            found,
            url=found.url if url is None else url,
            events=found.events if events is None else _checked(events),
            secret=found.secret if secret is None else secret,
            **(state | ({"reason": ""} if paused is False else {})),
        ),
    )


def touch(connection: sqlite3.Connection, id: str) -> Webhook:
    """Have every dispatcher begin the subscription anew: its positions were set."""
    return _keep(connection, find(connection, id))


def pause(connection: sqlite3.Connection, now: int, id: str, reason: str) -> bool:
    """Deliver nothing more, because it has failed for too long; false when it is gone or paused already."""
    paused = connection.execute(
        "UPDATE webhooks SET paused = ?, reason = ?, revision = revision + 1 WHERE id = ? AND paused = 0",
        (now, reason, id),
    )
    return paused.rowcount == 1


def remove(connection: sqlite3.Connection, id: str) -> Webhook:
    """Remove a subscription; the one that it was."""
    found = find(connection, id)
    connection.execute("DELETE FROM webhooks WHERE id = ?", (id,))
    return found


_SELECT = (
    "SELECT id, url, secret, events, conference, made_by, created, resumed, paused, reason, revision FROM webhooks"
)


def _webhook(row: tuple[str, str, str, str, str | None, str, int, int, int, str, int]) -> Webhook:
    id, url, secret, events, conference, made_by, created, resumed, paused, reason, revision = row
    return Webhook(
        id=id,
        url=url,
        secret=secret,
        events=tuple(events.split()),
        conference=conference,
        made_by=made_by,
        created=created,
        resumed=resumed,
        paused=paused,
        reason=reason,
        revision=revision,
    )


def _keep(connection: sqlite3.Connection, changed: Webhook) -> Webhook:
    kept = msgspec.structs.replace(changed, revision=changed.revision + 1)
    connection.execute(
        "UPDATE webhooks SET url = ?, secret = ?, events = ?, resumed = ?, paused = ?, reason = ?, revision = ?"
        " WHERE id = ?",
        (
            *(kept.url, kept.secret, " ".join(kept.events)),
            *(kept.resumed, kept.paused, kept.reason, kept.revision, kept.id),
        ),
    )
    return kept


def _check_url(url: str) -> None:
    try:
        parse(url)
    except BadAddress as error:
        raise Refused(Code.BAD_MESSAGE, str(error), path="$.url") from None


def _check_conference(connection: sqlite3.Connection, conference: str) -> None:
    if connection.execute("SELECT 1 FROM conferences WHERE id = ?", (conference,)).fetchone() is None:
        raise Refused(Code.NO_SUCH_CONFERENCE)


def _checked(events: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(events))
    if not 1 <= len(found) <= MAX_EVENTS:
        raise Refused(Code.BAD_MESSAGE, f"A webhook is told 1 to {MAX_EVENTS} kinds of events.", path="$.events")
    for pattern in found:
        if not outside.known(pattern):
            raise Refused(Code.BAD_MESSAGE, f"There are no events {pattern[:64]!r}.", path="$.events")
    return found
