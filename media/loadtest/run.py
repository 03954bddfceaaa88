"""A run from its beginning to its end: the venue, the people, the interval, the storms, the way home.

The interval begins and ends in a moment of silence, in which nothing is under way: so what every single viewer got
can be set beside what was sent, also for those whose packets only the kernel counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from array import array
from collections.abc import Callable
from urllib.parse import urlsplit

from media.load.connection import Crowd
from media.load.meter import Meter
from media.loadtest import result, storms
from media.loadtest.local import LocalServer
from media.loadtest.measure import Delays, Second, Seconds
from media.loadtest.people import People
from media.loadtest.person import Place
from media.loadtest.plan import Plan, Storm
from media.loadtest.result import Interval, Result
from media.loadtest.venue import Venue
from media.srtp import PROFILES
from protocol.client import Api, ApiError, tls
from protocol.names import Role

# Who came last has asked for a key frame and got it; before that nothing of a picture is sent to them.
_WARM_UP_S = 2.0
# What is under way arrives, and what was lost is asked for again and repeated.
_SILENCE_S = 0.5
_EVERY_S = 1.0
# What browsers and the server agree upon.
_PROFILE = b"SRTP_AEAD_AES_128_GCM"


class Run:
    """One run. `server` is the local one, if it is to be that; `progress` is told what goes on, in a sentence and the
    newest second if there is one."""

    def __init__(self, plan: Plan, server: LocalServer | None, progress: Callable[[str, Second | None], None]) -> None:
        self._plan = plan
        self._say = progress
        self._phase = ""
        self._meter = Meter()
        self._delays = Delays()
        self._seconds = Seconds()
        self._server = server
        self._venue: Venue | None = None
        self._began = 0.0
        self._interval: Interval | None = None
        self._first_row = 0
        self._outcomes: dict[str, storms.Outcome] = {}

    async def run(self) -> Result:
        """Do it. When it is cancelled it ends there, and the result is what there is so far.

        Raises `ApiError` when it cannot even begin.
        """
        plan = self._plan
        interrupted = False
        context = tls(plan.insecure)
        url = self._server.url if self._server is not None else plan.url.partition("#")[0]
        parts = urlsplit(url)
        url = f"{parts.scheme}://{parts.netloc}"
        api = Api(url, context)
        crowd = Crowd(next(one for one in PROFILES if one.name == _PROFILE), plan.loss / 100)
        crowd.start()
        place = Place(f"ws{url.removeprefix('http')}/ws", context, crowd, self._meter)
        people = People(plan, place)
        venue = self._venue = Venue(plan, api)
        counting = asyncio.create_task(self._count(people), name="counting")
        try:
            await self._phases(plan, venue, people)
        except asyncio.CancelledError:
            interrupted = True
        finally:
            self._end_interval()
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            found = self._result(people, interrupted)
            await self._go(people, crowd, api)
        return found

    async def _phases(self, plan: Plan, venue: Venue, people: People) -> None:
        self._tell("The conferences are made")
        await venue.open(self._server.code if self._server is not None else "")
        tickets = {}
        wanted = {Role.SPEAKER: plan.publishers, Role.VIEWER: plan.viewers}
        if plan.moderated:
            wanted[Role.MODERATOR] = venue.conferences
        for role, count in wanted.items():
            tickets[role] = await venue.tickets(role, count, lambda: None) if count else ()
        if plan.moderated:
            await people.moderate(tickets[Role.MODERATOR])
        self._tell("Publishers come")
        await people.publish(tickets[Role.SPEAKER])
        self._tell("Viewers come")
        await people.watch(tickets[Role.VIEWER])
        if Storm.JOIN in plan.storms:
            self._join_storm(people)
        await self._measure(plan, people)
        for storm, act in ((Storm.STAGE, storms.stage), (Storm.MUTE, storms.mute)):
            if storm in plan.storms:
                self._tell(f"Storm: {storm}")
                self._outcomes[storm] = await act(people)

    async def _measure(self, plan: Plan, people: People) -> None:
        await asyncio.sleep(_WARM_UP_S)
        self._pause(people)
        await asyncio.sleep(_SILENCE_S)
        self._first_row = len(self._seconds.rows)
        self._interval = Interval(people, plan)
        self._began = time.monotonic()
        self._meter.start(time.time_ns())
        self._tell("Measuring")
        for person in people.publishers:
            person.send_on()
        churning = asyncio.create_task(people.churn(), name="churn") if plan.churn else None
        try:
            await asyncio.sleep(plan.duration_s)
        finally:
            if churning is not None:
                churning.cancel()
                await asyncio.gather(churning, return_exceptions=True)
            passed = time.monotonic() - self._began
            self._pause(people)
            self._meter.stop(time.time_ns())
        await asyncio.sleep(_SILENCE_S)
        self._interval.end(passed)
        for person in people.publishers:
            person.send_on()

    def _end_interval(self) -> None:
        if self._interval is not None and not self._interval.seconds:
            self._interval.end(time.monotonic() - self._began)

    @staticmethod
    def _pause(people: People) -> None:
        for person in people.publishers:
            person.pause()

    def _join_storm(self, people: People) -> None:
        errors = sum(bool(person.error) for person in people.viewers)
        self._outcomes[Storm.JOIN] = storms.Outcome(
            figures={
                "viewers": len(people.viewers),
                "join_ms": people.join_times.summary(),
                "media_ms": people.media_times.summary(),
                "errors": errors,
            }
        )

    # --- beside it ----------------------------------------------------------------------

    def _tell(self, phase: str) -> None:
        self._phase = phase
        self._say(phase, self._seconds.rows[-1] if self._seconds.rows else None)

    async def _count(self, people: People) -> None:
        meter = self._meter
        while True:
            new, meter.delays = meter.delays, array("d")
            second = Delays()
            second.add(new)
            self._delays.add(new)
            cpu = self._server.cpu() if self._server is not None else {}
            cpu["load test"] = time.process_time()
            self._seconds.add(
                people.totals(time.monotonic(), cpu),
                joined=people.joined,
                connected=people.connected,
                errors=people.errors.total(),
                delays=second,
            )
            self._tell(self._phase)
            await asyncio.sleep(_EVERY_S)

    async def _go(self, people: People, crowd: Crowd, api: Api) -> None:
        self._tell("Everybody goes home")
        await people.go_home()
        crowd.stop()
        if self._venue is not None:
            with contextlib.suppress(ApiError):
                await self._venue.close()
        api.close()

    def _result(self, people: People, interrupted: bool) -> Result:
        self._delays.add(self._meter.delays)
        interval = self._interval
        testers = tuple(interval.testers()) if interval is not None else ()
        series = tuple(self._seconds.rows)
        broken = [sentence for outcome in self._outcomes.values() for sentence in outcome.violations]
        return Result(
            intention=self._plan.intention(),
            interrupted=interrupted,
            duration_s=round(interval.seconds, 2) if interval is not None else 0.0,
            conferences=self._plan.conferences,
            testers=testers,
            total=result.total(testers),
            latency_ms=self._delays.summary(),
            join_ms=people.join_times.summary(),
            media_ms=people.media_times.summary(),
            storms={name: outcome.figures for name, outcome in self._outcomes.items()},
            violations=(*broken, *result.gaps(testers), *result.silent(testers)),
            errors=dict(people.errors),
            series=series,
            cpu=result.cpu_shares(series[self._first_row : self._first_row + max(1, round(self._plan.duration_s))]),
            machine=result.machine(),
        )
