"""Everybody of a run: coming at their rate, going and coming back, going home."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Sequence

from media.loadtest.measure import Delays, Totals
from media.loadtest.person import Person, PersonError, Place, Ticket
from media.loadtest.plan import Plan, Storm

# Who come as fast as they get in, come so many at a time.
_AT_ONCE = 10
# How long somebody who leaves stays away.
_AWAY_S = (0.5, 3.0)


class People:
    """`publishers`, `viewers` and `moderators` (one for each conference, where the plan needs them)."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self._plan = plan
        self._place = place
        self.publishers: list[Person] = []
        self.viewers: list[Person] = []
        self.moderators: list[Person] = []
        # From the first byte of the WebSocket to the snapshot, and to a media connection.
        self.join_times = Delays()
        self.media_times = Delays()
        self.joins = 0
        # Who was not there all the time.
        self.churned: set[Person] = set()
        self._time_to_return = asyncio.Event()
        self._random = random.Random(1)
        # What those who went and came back had received and missed before.
        self._gone = Counter[str]()

    @property
    def everybody(self) -> list[Person]:
        """All of them."""
        return [*self.moderators, *self.publishers, *self.viewers]

    @property
    def errors(self) -> Counter[str]:
        """What went wrong, and for how many."""
        return Counter(person.error for person in self.everybody if person.error)

    # --- coming -------------------------------------------------------------------------

    async def moderate(self, tickets: Sequence[Ticket]) -> None:
        """Let the moderators come."""
        self.moderators = [Person(self._place, each, f"Moderator {n + 1}") for n, each in enumerate(tickets)]
        for person in self.moderators:
            await self._come(person)

    async def publish(self, tickets: Sequence[Ticket]) -> None:
        """Let the publishers come, and send."""
        self.publishers = [Person(self._place, each, f"Publisher {n + 1}") for n, each in enumerate(tickets)]
        patterns = self._plan.patterns()
        turn = asyncio.Semaphore(_AT_ONCE)

        async def present(person: Person) -> None:
            async with turn:
                await self._come(person)
                if not person.error:
                    try:
                        await person.present(patterns)
                    except PersonError:
                        return
                    person.send_on()

        await asyncio.gather(*map(present, self.publishers))

    async def watch(self, tickets: Sequence[Ticket]) -> None:
        """Let the viewers come: all at once in a storm, over the plan's ramp, or as fast as they get in."""
        plan = self._plan
        every = max(1, len(tickets) // plan.sample)
        self.viewers = [
            Person(self._place, ticket, f"Viewer {number + 1}", sampled=number % every == 0)
            for number, ticket in enumerate(tickets)
        ]
        mass = Storm.JOIN in plan.storms
        turn = asyncio.Semaphore(max(1, len(tickets)) if mass or plan.ramp_s is not None else _AT_ONCE)
        gap = 0.0 if mass or plan.ramp_s is None else plan.ramp_s / max(1, len(tickets))
        began = time.monotonic()

        async def come(number: int, person: Person) -> None:
            await asyncio.sleep(max(0.0, began + number * gap - time.monotonic()))
            async with turn:
                await self._come(person, watches=True)

        await asyncio.gather(*(come(number, person) for number, person in enumerate(self.viewers)))

    async def _come(self, person: Person, *, watches: bool = False) -> None:
        try:
            await person.join()
            if watches:
                await person.watch()
        except PersonError:
            return  # noted in `error`
        self.joins += 1
        assert person.began_at is not None and person.joined_at is not None
        self.join_times.add((person.joined_at - person.began_at,))
        if person.connected_at is not None:
            self.media_times.add((person.connected_at - person.began_at,))

    # --- going --------------------------------------------------------------------------

    async def churn(self) -> None:
        """Let viewers leave and come back at the plan's rate; who is sampled stays. Once cancelled it has all who are
        away come back at once, and ends when they are there."""
        coming: set[asyncio.Task[None]] = set()
        try:
            while True:
                await asyncio.sleep(self._random.expovariate(self._plan.churn))
                there = [one for one in self.viewers if not one.sampled and not one.error and one.signaling is not None]
                if not there:
                    continue
                task = asyncio.create_task(self._leave_and_return(self._random.choice(there)))
                coming.add(task)
                task.add_done_callback(coming.discard)
        finally:
            self._time_to_return.set()
            await asyncio.gather(*coming, return_exceptions=True)

    async def _leave_and_return(self, person: Person) -> None:
        number = self.viewers.index(person)
        person.leave()
        self._gone["received"] += person.received
        again = self.viewers[number] = Person(self._place, person.ticket, person.name)
        self.churned.add(again)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._random.uniform(*_AWAY_S)):
                await self._time_to_return.wait()
        await self._come(again, watches=True)

    async def go_home(self) -> None:
        """Everybody leaves."""
        for person in self.everybody:
            person.leave()
        # What was written goes out before the loop ends.
        await asyncio.sleep(0.2)

    # --- counting -----------------------------------------------------------------------

    def totals(self, at: float, cpu: dict[str, float]) -> Totals:
        """What everybody together has sent and got so far."""
        return Totals(
            at=at,
            sent=sum(track.packets for each in self.publishers if each.publisher for track in each.publisher.tracks),
            received=self._gone["received"] + sum(each.received for each in self.viewers),
            lost=sum(each.missed for each in self.viewers if each.sampled),
            joins=self.joins,
            cpu=cpu,
        )

    @property
    def joined(self) -> int:
        """How many are there."""
        return sum(each.signaling is not None and not each.signaling.over for each in self.everybody)

    @property
    def connected(self) -> int:
        """How many viewers have a media connection."""
        return sum(each.viewer is not None and each.viewer.connection.open for each in self.viewers)
