"""Events in a row reach each member in one piece, and say what they would have said one by one."""

from __future__ import annotations

import asyncio

import pytest

from protocol import commands as c
from protocol.names import Mode, MuteSource
from server.conference.history import Told
from server.conference.members import SNAPSHOTS_AT_ONCE, Members, Step
from server.room.apply import apply
from server.room.state import Room
from server.room.view import audience, shown, thinned

from .replica_support import Ear
from .room.house import House

SPEAKERS = [f"s{number}" for number in range(6)]


class Counting(Ear):
    """Counts what is handed over, too."""

    pieces = 0

    def send(self, frame: bytes) -> None:
        self.pieces += 1
        super().send(frame)


def staged(viewers: int) -> House:
    house = House()
    house.enter("owner", None)
    for person in SPEAKERS:
        house.on_stage(person)
    for number in range(viewers):
        house.enter(f"v{number}")
    return house


def steps_of(house: House, before: Room) -> list[Step]:
    """What has happened in the house since."""
    steps: list[Step] = []
    for event in house.log[before.version :]:
        after = apply(before, event)
        told = Told(shown(event), audience(before, after, event), thinned(before) is not thinned(after))
        steps.append((before, after, told))
        before = after
    return steps


def attached(room: Room, behind: dict[str, int]) -> tuple[Members, dict[str, Counting]]:
    """Members of that room; `behind`: versions less than the newest that somebody was told of."""
    members, ears = Members(1, room.version), {}
    for person in room.people:
        ears[person] = Counting(person)
        members.attach(ears[person], room.version - behind.get(person, 0), room)
    return members, ears


@pytest.mark.parametrize("viewers", [3, 200])
def test_a_mute_of_everybody_is_one_piece_for_each(viewers: int) -> None:
    house = staged(viewers)
    before = house.state
    house.accepted("owner", c.MediaMuteAll(id=1, source=MuteSource.AUDIO))
    house.accepted("owner", c.MediaLock(id=2, source=MuteSource.VIDEO, target="s1"))
    house.accepted("owner", c.ParticipantRemove(id=3, target="s2"))
    steps = steps_of(house, before)
    behind = {"s1": 2, "owner": 1}
    at_once, together = attached(before, behind)
    one_by_one, single = attached(before, behind)
    # One of them has heard the first three ahead of all others, and somebody came with the newest version.
    for members, ears in ((at_once, together), (one_by_one, single)):
        members.tell_first({"s3"}, steps[:3])
        ears["late"] = Counting("v0", client="client-2")
        members.attach(ears["late"], house.state.version, before)
    assert at_once.tell(steps) == sum(one_by_one.tell([step]) for step in steps)
    for person, ear in together.items():
        assert ear.heard == single[person].heard, person
    viewer = together["v1"]
    versions = [message["version"] for message in viewer.heard]
    # That somebody off the stage leaves is not told to a crowd.
    last = house.state.version - house.state.crowded
    assert versions == list(range(before.version + 1, last + 1))
    assert [message["after"] for message in viewer.heard] == [before.version, *versions[:-1]]
    assert together["late"].heard == []
    # The mutes and the lock and that somebody left the stage in one; that they left the conference is one more.
    assert viewer.pieces == (1 if house.state.crowded else 2) and single["v1"].pieces == len(versions)


async def test_a_crowd_has_its_snapshots_in_turns_and_misses_nothing() -> None:
    house = staged(300)
    before = house.state
    members, ears = attached(before, {})
    house.accepted("owner", c.ConferenceSetMode(id=1, mode=Mode.ALL_ON_SCREEN))
    changed = house.state
    members.tell(steps_of(house, before))
    fresh = [person for person, ear in ears.items() if "resync" in ear.types()]
    assert len(fresh) == SNAPSHOTS_AT_ONCE and "owner" in fresh
    # Who has none yet is not told what happens meanwhile, and goes without a trace.
    waiting = [person for person in ears if person not in fresh]
    house.accepted("owner", c.ConferenceSettings(id=2, slow_mode_s=30))
    house.accepted("owner", c.ParticipantRemove(id=3, target=waiting[0]))
    members.tell(steps_of(house, changed))
    members.detach(ears[waiting[1]])
    heard = {person: len(ears[person].heard) for person in waiting[:2]}
    for _ in range(len(ears) // SNAPSHOTS_AT_ONCE + 2):
        await asyncio.sleep(0)
    for person, ear in ears.items():
        if person in heard:
            assert len(ear.heard) == heard[person], person
            continue
        position = 0
        for message in ear.heard:
            if message["type"] == "resync":
                position = message["snapshot"]["version"]
            else:
                assert not position or message["after"] == position, person
                position = message["version"] if position else 0
        newest = [message for message in ear.heard if message["type"] == "resync"][-1]["snapshot"]
        told = [message["type"] for message in ear.heard]
        knows = newest["settings"].get("slow_mode_s") == 30
        assert knows is (person in waiting) and knows is not ("conference.settings_changed" in told), person
