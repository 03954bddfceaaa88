"""Hundreds in one conference: they are told how many they are and not who comes, mute-all is one commit that everybody
is told in one piece, and the console answers meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

from protocol import answers
from protocol import commands as c
from protocol import events as e
from protocol.client import Api, Signaling
from protocol.names import MuteSource, Role
from protocol.signals import PeopleCount
from scripts.benchmarks.signaling import FLAGS, Crowd
from server.room.state import CROWDED_FROM
from tests.harness import Server, until

VIEWERS = 300
SPEAKERS = 20


async def test_a_crowd_is_told_counts_and_hears_a_mute_of_everybody_as_one(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", *FLAGS).start()
    api = Api(server.url)
    crowd = Crowd(server, server.create(), api)
    try:
        await _watch(server, crowd, await crowd.tickets(VIEWERS))
    finally:
        crowd.close()
        api.close()
        await asyncio.to_thread(server.stop)


async def _watch(server: Server, crowd: Crowd, tokens: list[str]) -> None:
    crowd.moderator = await crowd.one(server.login().token)
    crowd.listener = await crowd.one(tokens.pop())
    heard: list[object] = []
    crowd.listener.heard = heard.append
    speakers = [await crowd.one(tokens.pop()) for _ in range(SPEAKERS)]
    for speaker in speakers:
        await speaker.ask(c.StageRequest)
    people = (await crowd.moderator.ask(c.PeopleList, limit=50)).result
    assert isinstance(people, answers.People)
    on_stage = [person.id for person in people.people if person.role is Role.VIEWER][1 : SPEAKERS + 1]
    for person in on_stage:
        await crowd.moderator.ask(c.StageGrant, target=person)
    crowd.keep_alive()

    await crowd.join(tokens)
    # Until there was a crowd each coming was told, and from then on how many there are.
    present = VIEWERS + 1
    await until(lambda: _counts(heard)[-1:] == [present])
    joins, counts = [event for event in heard if isinstance(event, e.ParticipantJoined)], _counts(heard)
    assert len(joins) < CROWDED_FROM and len(counts) < 30 and sorted(counts) == counts
    assert not crowd.listener.gaps

    # The console of the same moderator, beside everything else.
    console = await Signaling.connect(server.ws_url)
    await console.ask(c.Hello, token=server.login().token, client=console.client)
    await console.ask(c.ConferenceJoin, conference=crowd._conference, console=True)
    heard.clear()
    before = crowd.moderator.position
    octets = [each.octets for each in crowd.silent]
    muted, page = await asyncio.gather(
        crowd.moderator.ask(c.MediaMuteAll, source=MuteSource.AUDIO), _page_quickly(console)
    )
    assert page == 100 and muted.version == before + SPEAKERS
    await until(lambda: len(heard) >= SPEAKERS)
    mutes = [event for event in heard if isinstance(event, e.MediaMuted)]
    assert {event.person for event in mutes} == {*on_stage} and len(mutes) == SPEAKERS
    assert [event.version for event in mutes] == list(range(before + 1, before + SPEAKERS + 1))
    assert all(later.after == event.version for event, later in itertools.pairwise(mutes))

    # Everybody, and all of them the same bytes.
    def gained() -> set[int]:
        return {each.octets - had for each, had in zip(crowd.silent, octets, strict=True)}

    await until(lambda: len(gained()) == 1 and min(gained()) > 50 * SPEAKERS)
    assert not crowd.listener.gaps and not any(each.lost for each in crowd.silent)
    for signaling in (console, *speakers):
        signaling.drop()


def _counts(heard: list[object]) -> list[int]:
    return [message.count for message in heard if isinstance(message, PeopleCount)]


async def _page_quickly(console: Signaling) -> int:
    """A page of the list of everybody, while everybody is told something else."""
    begin = time.monotonic()
    result = (await console.ask(c.PeopleList, limit=100)).result
    assert isinstance(result, answers.People) and time.monotonic() - begin < 3.0
    return len(result.people)
