"""Storms: many want the same at once, and what the server promises must hold all the while.

`stage`: all viewers ask for a place, and a moderator grants as fast as the server lets them: never more than the
places there are, each grant that was answered with `ok` is on the stage, everybody sees the same stage in the end.
`mute`: everybody is muted while the publishers go on sending: no packet comes to any viewer any more, until unmuted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from media.loadtest.measure import Delays
from media.loadtest.people import People
from media.loadtest.person import Person
from protocol import answers, commands
from protocol.client import RefusedError, SignalingError
from protocol.errors import Code
from protocol.events.base import Event
from protocol.names import STAGE_PLACES, MuteSource

# Until everybody has been told of the last grant, or has packets again.
_SETTLED_S = 10.0
# A moderator's connection may give 60 commands at once: that many show what happens when the stage is full.
_MOST_GRANTS = 55
_POLL_S = 0.004
# Silent is who has got nothing for so long: 15 packets of speech.
_SILENT_S = 0.3


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a storm measured, and the promises that were broken, as sentences."""

    figures: dict[str, object]
    violations: tuple[str, ...] = ()


async def stage(people: People) -> Outcome:
    """See the module."""
    asked, granted = Delays(), Delays()
    outcomes = [
        await _stage_of(moderator, _of(moderator, people.viewers), _of(moderator, people.everybody), asked, granted)
        for moderator in people.moderators
    ]
    return Outcome(
        figures={
            "asked": asked.count,
            "granted": sum(len(up) for up, _, _ in outcomes),
            "refused_full": sum(full for _, full, _ in outcomes),
            "places": STAGE_PLACES,
            "request_ms": asked.summary(),
            "grant_ms": granted.summary(),
        },
        violations=tuple(found for _, _, broken in outcomes for found in broken),
    )


async def _stage_of(
    moderator: Person, viewers: Sequence[Person], witnesses: Sequence[Person], asked: Delays, granted: Delays
) -> tuple[set[str], int, list[str]]:
    most = 0

    def look(_: Event) -> None:
        nonlocal most
        most = max(most, *(len(person.stage) for person in witnesses))

    moderator.on_event.append(look)
    before = set(moderator.stage)
    broken: list[str] = []

    async def ask(person: Person) -> Person | None:
        begin = time.monotonic()
        try:
            await person.ask(commands.StageRequest)
        except (RefusedError, SignalingError) as error:
            broken.append(f"{person.name} could not ask for the stage: {error}")
            return None
        asked.add((time.monotonic() - begin,))
        return person

    up: set[str] = set()
    full = 0

    async def grant(person: Person) -> None:
        nonlocal full
        begin = time.monotonic()
        try:
            await moderator.ask(commands.StageGrant, target=person.ticket.identity)
            up.add(person.ticket.identity)
        except RefusedError as error:
            if error.code is Code.STAGE_FULL:
                full += 1
            else:
                broken.append(f"A grant was refused: {error}")
        except SignalingError as error:
            broken.append(f"A grant was not answered: {error}")
        granted.add((time.monotonic() - begin,))

    asking = [person for person in await asyncio.gather(*map(ask, viewers)) if person is not None]
    chosen = asking[:_MOST_GRANTS]
    await asyncio.gather(*map(grant, chosen))
    expected = before | up
    agree = await _until(lambda: all(set(person.stage) == expected for person in witnesses if not person.error))
    moderator.on_event.remove(look)
    free = STAGE_PLACES - len(before)
    if most > STAGE_PLACES:
        broken.append(f"{most} people were on a stage of {STAGE_PLACES} places.")
    if len(up) != min(free, len(chosen)):
        broken.append(f"{len(up)} of {len(chosen)} requests were granted with {free} places free.")
    if not agree:
        wrong = sum(set(person.stage) != expected for person in witnesses if not person.error)
        broken.append(f"{wrong} people see another stage than the moderator was answered.")
    await _come_down(asking, up)
    return up, full, broken


async def _come_down(asked: Sequence[Person], up: set[str]) -> None:
    async def down(person: Person) -> None:
        on_stage = person.ticket.identity in up
        try:
            await person.ask(commands.StageLeave if on_stage else commands.StageWithdraw)
        except (RefusedError, SignalingError):
            return  # whoever is gone is down

    await asyncio.gather(*map(down, asked))


async def mute(people: People) -> Outcome:
    """See the module."""
    silences, answered, back = Delays(), Delays(), Delays()
    broken: list[str] = []
    receipts: list[float] = []
    without = 0
    for moderator in people.moderators:
        viewers = [one for one in _of(moderator, people.viewers) if one.viewer is not None and not one.error]
        begin = time.monotonic()
        watching = asyncio.create_task(_last_packets(viewers, begin))
        try:
            both = (MuteSource.AUDIO, MuteSource.VIDEO)
            for said in await asyncio.gather(*(moderator.ask(commands.MediaMuteAll, source=each) for each in both)):
                answered.add((time.monotonic() - begin,))
                told = said.result
                if isinstance(told, answers.Receipt) and told.applied and told.silence_ms is not None:
                    receipts.append(told.silence_ms)
                else:
                    without += 1
            last = await watching
            silences.add(at - begin for at in last.values() if at is not None)
            loud = [person.name for person, at in last.items() if at is None]
            if loud:
                broken.append(f"{len(loud)} viewers were not silent within {_SETTLED_S:g} s: {', '.join(loud[:5])}.")
            counts = [person.received for person in viewers]
            begin = time.monotonic()
            await asyncio.gather(*(moderator.ask(commands.MediaUnmuteAll, source=each) for each in both))
            deaf = await _deaf(viewers, counts)
            if deaf:
                broken.append(f"{deaf} viewers got nothing within {_SETTLED_S:g} s after the unmuting.")
            back.add((time.monotonic() - begin,))
        except (RefusedError, SignalingError) as error:
            broken.append(f"Muting everybody failed: {error}")
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    return Outcome(
        figures={
            "viewers": silences.count,
            "silence_ms": silences.summary(),
            "answer_ms": answered.summary(),
            "back_ms": back.summary(),
            "receipt_ms": max(receipts, default=None),
            "without_receipt": without,
        },
        violations=tuple(broken),
    )


async def _last_packets(viewers: Sequence[Person], begin: float) -> dict[Person, float | None]:
    """When each viewer's last packet was there, at most; None for who is not silent in time."""
    last: dict[Person, float] = dict.fromkeys(viewers, begin)
    counts = {person: person.received for person in viewers}
    while (now := time.monotonic()) < begin + _SETTLED_S:
        for person in viewers:
            count = person.received
            if count != counts[person]:
                counts[person], last[person] = count, now
        if now - max(last.values(), default=begin) > _SILENT_S and now - begin > 2 * _SILENT_S:
            break
        await asyncio.sleep(_POLL_S)
    return {person: at if now - at > _SILENT_S else None for person, at in last.items()}


async def _deaf(viewers: Sequence[Person], counts: Sequence[int]) -> int:
    """How many have no more packets than these, after waiting for them."""

    def deaf() -> int:
        return sum(person.received <= count for person, count in zip(viewers, counts, strict=True))

    await _until(lambda: not deaf())
    return deaf()


def _of(moderator: Person, people: Sequence[Person]) -> list[Person]:
    conference = moderator.ticket.conference
    return [person for person in people if person.ticket.conference == conference and person.signaling is not None]


async def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _SETTLED_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
