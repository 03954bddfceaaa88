"""The courier of one subscription: looks where each conference is, posts what comes next, moves the position.

Some conferences are delivered at the same time, each in its own order. One that fails is tried again after a second,
then two, up to an hour, and holds up no other; what is new there waits with it. After days of that the subscription is
paused. Events of some moments are gathered, so that a crowd that comes in is one request and not a thousand.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec

from server import log
from server.metrics import Metrics
from server.roomlog import RoomLog
from server.storage.store import StoreUnavailable
from server.webhooks.address import Target
from server.webhooks.agenda import Agenda
from server.webhooks.delivery import GAP, REMOVED, Portion, delivery, portion
from server.webhooks.positions import Place, Positions
from server.webhooks.post import Undelivered
from server.webhooks.subscriptions import Webhook
from server.webhooks.turns import Turns

# Deliveries at once for one subscription: a receiver that never answers holds up its own only.
AT_ONCE = 4
GATHER_S = 0.2
# Commits read at once.
COMMITS = 64
FIRST_TRY_S, LAST_TRY_S = 1.0, 3600.0
# When the log or the store cannot be used, and when it holds what this node cannot read.
UNAVAILABLE_S, UNREADABLE_S = 2.0, 60.0
MOVED_S = 1.0
CANCEL_AGAIN_S = 0.1
DAY_MS = 86_400_000

_log = log.get("podium.webhooks")


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: on Python 3.11 a cancellation that comes together with the result of
    `asyncio.wait_for` is swallowed, and with it the store's answer is waited for."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)


class Way(Protocol):
    """The way out, as `Poster` is one."""

    async def check(self, target: Target) -> None: ...

    async def post(self, url: str, secret: str, webhook: str, id: str, body: bytes) -> None: ...


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What all couriers of a node share. `exists` tells whether there is such a conference, `pause` pauses a
    subscription for a reason; `patience_ms`: for how long a receiver may fail."""

    roomlog: RoomLog
    positions: Positions
    turns: Turns
    way: Way
    metrics: Metrics
    exists: Callable[[str], Awaitable[bool]]
    pause: Callable[[Webhook, str], Awaitable[None]]
    patience_ms: int
    clock: Callable[[], float] = time.time


class _Trying(msgspec.Struct):
    """What was not taken: how often it was tried, up to where it reaches, and of when it is (ms since 1970)."""

    attempts: int
    until: int
    since: int


class Courier:
    """Delivers for one subscription as it was at one revision. `start`, then `stop`."""

    def __init__(self, webhook: Webhook, errand: Errand) -> None:
        self.webhook = webhook
        self._errand = errand
        self._agenda = Agenda()
        self._woken = asyncio.Event()
        # Where the receiver is as far as this node knows; another one may know better.
        self._places: dict[str, Place] = {}
        self._trying: dict[str, _Trying] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to deliver. Raises `StoreUnavailable`."""
        self._places = await self._errand.positions.of(self.webhook.id)
        name = f"webhook {self.webhook.id}"
        self._tasks = [asyncio.create_task(self._work(), name=name) for _ in range(AT_ONCE)]

    async def stop(self) -> None:
        """Deliver nothing more; what is on its way is given up, and told again another time."""
        await end(self._tasks)
        self._tasks.clear()

    def wake(self, conference: str, after_s: float = 0.0) -> None:
        """There may be something to tell of a conference."""
        if self.webhook.about(conference):
            self._agenda.wake(conference, time.monotonic() + after_s)
            self._woken.set()

    def behind(self, conference: str, position: tuple[int, int]) -> bool:
        """Whether the receiver may not have been told everything up to there."""
        place = self._places.get(conference)
        return self.webhook.about(conference) and (place is None or (place.epoch, place.version) != position)

    @property
    def conferences(self) -> list[str]:
        """Those of which something was told, or looked for."""
        return list(self._places)

    def lag_s(self, now: float) -> float:
        """How old the oldest event is that was tried and not taken; 0 when there is none."""
        return max((now - trying.since / 1000 for trying in self._trying.values()), default=0.0)

    # --- one after the other ------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            conference = await self._next()
            again_s: float | None = UNREADABLE_S
            try:
                again_s = await self._turn(conference)
            except StoreUnavailable as error:
                _log.warning("a webhook waits for the store", webhook=self.webhook.id, reason=str(error))
                again_s = UNAVAILABLE_S
            except Exception:
                # A mistake with one conference must not keep the others from being told.
                _log.exception("a webhook failed", webhook=self.webhook.id, conference=conference)
            finally:
                self._agenda.done(conference, None if again_s is None else time.monotonic() + again_s)
                self._woken.set()

    async def _next(self) -> str:
        while True:
            now = time.monotonic()
            conference = self._agenda.take(now)
            if conference is not None:
                return conference
            self._woken.clear()
            due = self._agenda.next
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(0.0, due - now)):
                    await self._woken.wait()

    async def _turn(self, conference: str) -> float | None:
        """Do what there is to do for a conference; in how many seconds to go on, None for when something happens."""
        position = await self._errand.roomlog.position(conference)
        if position is not None and not self.behind(conference, position):
            return None
        name = f"{self.webhook.id}:{conference}"
        wait_s = await self._errand.turns.take(name)
        if wait_s is not None:
            return wait_s
        try:
            return await self._deliver(conference, position)
        finally:
            # What cannot be given back ends by itself.
            with contextlib.suppress(StoreUnavailable):
                await self._errand.turns.give(name)

    async def _deliver(self, conference: str, position: tuple[int, int] | None) -> float | None:
        kept = await self._errand.positions.find(self.webhook.id, conference)
        if position is None:
            return await self._gone(conference, kept)
        epoch, version = position
        place = kept or await self._beginning(conference, epoch, version)
        self._places[conference] = place
        trying = self._trying.get(conference)
        if trying is not None and (place.epoch != epoch or place.version >= trying.until):
            # Another node has told it meanwhile.
            del self._trying[conference]
            trying = None
        if place.epoch != epoch:
            # Begun anew, from what a node knew of it: nobody can say what was in between. Where commits from before are
            # kept, those that were told are not told again.
            first = await self._errand.roomlog.commits_after(conference, 0, 1)
            on = max(first[0].after, min(place.version, version)) if first else version
            return await self._jump(conference, kept, place, position, on)
        commits = await self._errand.roomlog.commits_after(conference, place.version, COMMITS)
        if not commits:
            if version <= place.version:
                return None
            _log.error("a webhook cannot go on: the conference's record is newer than this node", conference=conference)
            return UNREADABLE_S
        if commits[0].after > place.version:
            return await self._jump(conference, kept, place, position, commits[0].after)
        found = portion(self.webhook, place, commits, trying.until if trying is not None else None)
        return await self._tell(conference, kept, place, position, found)

    async def _beginning(self, conference: str, epoch: int, version: int) -> Place:
        """Where a subscription begins that has told nothing of a conference yet: with what came after it was made."""
        created = self.webhook.created
        # An epoch is the moment at which the room was made, or begun anew.
        if epoch < created:
            newest = await self._errand.roomlog.commits_after(conference, version - 1, 1)
            if not newest or newest[0].time < created:
                return Place(epoch=epoch, version=version)
            at = 0
            while commits := await self._errand.roomlog.commits_after(conference, at, COMMITS):
                for commit in commits:
                    if commit.time >= created:
                        # Before the oldest one that is kept there may have been others that were to be told.
                        oldest = at == 0 and commit is commits[0]
                        return Place(epoch=epoch, version=0 if oldest else commit.after)
                at = commits[-1].version
        return Place(epoch=epoch, version=0)

    async def _gone(self, conference: str, kept: Place | None) -> float | None:
        """There is no such room: it was removed, or Redis has lost it and is given it again."""
        if kept is None:
            self._places.pop(conference, None)
            self._trying.pop(conference, None)
            return None
        if await self._errand.exists(conference):
            return None
        end = Portion(version=kept.version, time=int(self._errand.clock() * 1000), events=())
        if not await self._post(conference, kept, kept, kept.epoch, end, REMOVED):
            return self._next_try(conference)
        await self._errand.positions.forget(self.webhook.id, conference)
        self._places.pop(conference, None)
        return None

    async def _jump(
        self, conference: str, kept: Place | None, place: Place, position: tuple[int, int], version: int
    ) -> float | None:
        """What comes next is not in the log any more: say so, and go on with what is."""
        missing = Portion(version=version, time=int(self._errand.clock() * 1000), events=())
        _log.warning("a webhook has missed events", webhook=self.webhook.id, conference=conference, version=version)
        return await self._tell(conference, kept, place, position, missing, GAP)

    async def _tell(
        self,
        conference: str,
        kept: Place | None,
        place: Place,
        position: tuple[int, int],
        found: Portion,
        notice: str = "",
    ) -> float | None:
        epoch, version = position
        if (found.events or notice) and not await self._post(conference, kept, place, epoch, found, notice):
            return self._next_try(conference)
        moved = Place(epoch=epoch, version=found.version)
        if not await self._errand.positions.move(self.webhook.id, conference, kept, moved):
            # It was set meanwhile, or the subscription is gone, which is noticed soon.
            return MOVED_S
        self._places[conference] = moved
        if notice:
            self._errand.metrics.webhook_gaps.inc()
        # What has happened since is gathered first.
        return None if found.version >= version else 0.0

    # --- one delivery -------------------------------------------------------------------

    async def _post(
        self, conference: str, kept: Place | None, place: Place, epoch: int, found: Portion, notice: str
    ) -> bool:
        """Whether the receiver has taken it. What it does not take is written down, the first time and when the reason
        is another."""
        told = delivery(self.webhook, conference, epoch, place.version, found, notice)
        metrics, webhook = self._errand.metrics, self.webhook
        try:
            with metrics.webhook_seconds.time():
                await self._errand.way.post(webhook.url, webhook.secret, webhook.id, told.id, msgspec.json.encode(told))
        except Undelivered as error:
            metrics.webhook_deliveries.labels("failed").inc()
            await self._failed(conference, kept, place, found, str(error))
            return False
        metrics.webhook_deliveries.labels("delivered").inc()
        metrics.webhook_events.inc(len(found.events))
        self._trying.pop(conference, None)
        return True

    async def _failed(self, conference: str, kept: Place | None, place: Place, found: Portion, reason: str) -> None:
        now = int(self._errand.clock() * 1000)
        trying = self._trying.setdefault(conference, _Trying(0, found.version, found.time))
        trying.attempts += 1
        # What was before the last pause does not count.
        since = place.failing if place.failing >= self.webhook.resumed else 0
        failing = msgspec.structs.replace(place, failing=since or now, error=reason)
        if failing != kept:
            _log.warning("a webhook was not taken", webhook=self.webhook.id, conference=conference, reason=reason)
            if await self._errand.positions.move(self.webhook.id, conference, kept, failing):
                self._places[conference] = failing
        if now - failing.failing > self._errand.patience_ms:
            days = self._errand.patience_ms // DAY_MS
            await self._errand.pause(self.webhook, f"It has failed for {days} days; the last time: {reason}")

    def _next_try(self, conference: str) -> float:
        attempts = self._trying[conference].attempts
        # Not all at the same moment, when a receiver comes back.
        return min(LAST_TRY_S, FIRST_TRY_S * 2.0 ** min(attempts - 1, 20)) * random.uniform(0.8, 1.2)
