"""Two organizers race for the last place on the stage, two hundred times: 36 stand, and exactly one wins each time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from protocol.names import STAGE_PLACES
from server.room.apply import apply
from server.room.digest import state_hash
from server.room.packed import read_room
from server.room.state import Room
from server.roomlog import EmbeddedLog
from server.storage.store import Store
from tests.conftest import SHARED_FLAGS
from tests.harness import Client, Refused, Server

ROUNDS = 200
# Connections of each organizer: one may give 60 commands at once and then 20 a second.
CONNECTIONS = 4


class Stage:
    """The stage as one connection is told of it: the snapshot and then each event; never more than 36."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.stage = list(client.snapshot.get("stage", ()))
        self.versions = 0

    def read(self) -> None:
        """Everything that has come meanwhile."""
        while not self.client.events.empty():
            event = self.client.events.get_nowait()
            if event["type"] == "stage.taken":
                assert event["person"] not in self.stage
                self.stage.append(event["person"])
            elif event["type"] == "stage.left":
                self.stage.remove(event["person"])
            assert len(self.stage) <= STAGE_PLACES, event
            self.versions += 1


async def test_of_two_hundred_races_for_the_last_place_one_wins_each_and_thirty_six_stand(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_debug(False)  # it notes a stack for each of a hundred thousand callbacks
    server = Server(tmp_path / "data", *SHARED_FLAGS).start()
    conference = server.conference
    made: list[Client] = []

    async def come(token: str, **fields: Any) -> Client:
        client = Client(server)
        made.append(client)
        await client.hello(token)
        await client.join(conference, **fields)
        return client

    async def guest(name: str, invite: str) -> str:
        entered = await asyncio.to_thread(server.api, "POST", "/guests", {"invite": invite, "name": name})
        return str(entered["token"])

    try:
        owner_is = server.login()
        speakers, viewers = server.invite("speaker"), server.invite("viewer")
        other_is = await asyncio.to_thread(server.guest, "Other")
        owner, other = await come(owner_is.token), await come(other_is.token)
        await owner.send("role.assign", target=other.identity, role="organizer")
        for somebody in (owner_is, other_is):
            for _ in range(CONNECTIONS - 1):
                await come(somebody.token, console=True)
        organizers = [itertools.cycle([one for one in made if one.identity == who.identity]) for who in (owner, other)]
        standing = []
        for number in range(STAGE_PLACES - 1):
            standing.append(await come(await guest(f"Speaker {number}", speakers)))
            await standing[-1].send("stage.request")
        asking = []
        for number in range(12):
            asking.append(await come(await guest(f"Asker {number}", viewers)))
            await asking[-1].send("stage.request")
        stages = [Stage(client) for client in made]

        won = await race(organizers, asking)

        state = await asyncio.to_thread(server.api, "GET", f"/conferences/{conference}/state", None, owner_is.token)
        await asyncio.gather(*(owner.send("can") for owner in made))  # answered after every event before it
        for stage in stages:
            stage.read()
            assert stage.stage == stages[0].stage and len(stage.stage) == STAGE_PLACES
            assert stage.client.position == state["version"]
            assert stage.versions >= 3 * (ROUNDS - 1)
        assert stages[0].stage[:-1] == [client.identity for client in standing]
        assert min(won) > 0, "each of the two wins sometimes"
    finally:
        await asyncio.gather(*(client.drop() for client in made))
        server.kill9()
    # What the log has is what everybody was told.
    sizes = []
    for room in await replayed(tmp_path / "data", conference):
        sizes.append(len(room.stage))
        if room.version == state["version"]:
            assert state_hash(room) == state["hash"]
            assert list(room.stage) == stages[0].stage
            break
    else:
        raise AssertionError("the version that was told is not in the log")
    assert len(sizes) > 20 and set(sizes) == {STAGE_PLACES - 1, STAGE_PLACES}


async def race(organizers: Sequence[Iterator[Client]], asking: list[Client]) -> list[int]:
    """Both grant at once, each to somebody else, until one has won; the winner goes down, and asks again. How often
    each has won."""
    won = [0, 0]
    for number in range(ROUNDS):
        both = [next(organizer) for organizer in organizers]
        candidates = [asking[(2 * number + i) % len(asking)] for i in range(2)]
        order = (0, 1) if number % 2 else (1, 0)
        grants = {i: asyncio.create_task(both[i].send("stage.grant", target=candidates[i].identity)) for i in order}
        answers = await asyncio.gather(grants[0], grants[1], return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert len(refused) == 1 and refused[0].code == "stage_full", answers
        winner = 0 if answers[1] is refused[0] else 1
        won[winner] += 1
        if number < ROUNDS - 1:
            await candidates[winner].send("stage.leave")
            await candidates[winner].send("stage.request")
    return won


async def replayed(data: Path, conference: str) -> list[Room]:
    """The room at every version that the log still has."""
    store = Store.open(data / "podium.db")
    try:
        loaded = await EmbeddedLog(store).load(conference)
    finally:
        store.close()
    assert loaded is not None and loaded.snapshot is not None
    rooms = [read_room(loaded.snapshot[1])]
    for commit in loaded.commits:
        for event in commit.events:
            rooms.append(apply(rooms[-1], event))
    return rooms
