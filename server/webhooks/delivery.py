"""What is posted: some events of one conference, or a notice in place of events; as bytes that come out the same again.

A delivery covers the events after `after` up to `version`. It is cut between events, not between commits: a commit may
hold a thousand. Its id follows from what it covers, so that a delivery that is made again is recognised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from server.roomlog import Commit
from server.webhooks import outside
from server.webhooks.positions import Place
from server.webhooks.subscriptions import Webhook

# Of one delivery: the receiver has ten seconds for it.
MAX_EVENTS = 200
MAX_BYTES = 256 * 1024

# What lay between `after` and `version` is not in the log any more; the conference was removed.
GAP, REMOVED = "gap", "removed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a request. `after` and `version` are positions in `epoch`; `time` is that of its last event, in ms
    since 1970. `notice` says what is told instead of events."""

    id: str
    webhook: str
    conference: str
    epoch: int
    after: int
    version: int
    time: int
    events: tuple[msgspec.Raw, ...]
    notice: str = ""


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """What comes next: up to `version`, of a commit of `time`, and of that what the receiver is told."""

    version: int
    time: int
    events: tuple[msgspec.Raw, ...]


def portion(webhook: Webhook, place: Place, commits: Sequence[Commit], until: int | None = None) -> Portion:
    """What comes after the place in these commits; no further than `until`. At least one event is covered."""
    events: list[msgspec.Raw] = []
    size, version, time = 0, place.version, 0
    for commit in commits:
        for event in commit.events:
            if event.version <= place.version:
                continue
            if until is not None and event.version > until:
                return Portion(version=version, time=time, events=tuple(events))
            told = outside.shown(event, commit.time) if webhook.wants(outside.kind_of(type(event))) else None
            if told is not None:
                raw = msgspec.json.encode(told)
                if events and (len(events) >= MAX_EVENTS or size + len(raw) > MAX_BYTES):
                    return Portion(version=version, time=time, events=tuple(events))
                events.append(msgspec.Raw(raw))
                size += len(raw)
            version, time = event.version, commit.time
    return Portion(version=version, time=time, events=tuple(events))


def delivery(webhook: Webhook, conference: str, epoch: int, after: int, found: Portion, notice: str = "") -> Delivery:
    """The delivery of a portion."""
    covered = f"{webhook.id} {conference} {epoch} {after} {found.version} {notice}"
    return Delivery(
        id="d_" + hashlib.sha256(covered.encode()).hexdigest()[:32],
        webhook=webhook.id,
        conference=conference,
        epoch=epoch,
        after=after,
        version=found.version,
        time=found.time,
        events=found.events,
        notice=notice,
    )
