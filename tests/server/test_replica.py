"""The one writer of a room: what is told is in the log, what is in the log is told, and each command counts once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.errors import Code
from protocol.names import MuteSource, Role
from server.conference import replica as module
from server.conference.replica import Order, RoomReplica
from server.room import inner
from server.room.digest import state_hash
from server.room.refusal import Refusal
from server.room.state import Room
from tests.server.replica_support import (
    CONFERENCE,
    OWNER,
    Ear,
    MemoryLog,
    come_in,
    enter,
    new_replica,
    order,
    second_replica,
)
from tests.server.session_support import House


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def replica(log: MemoryLog) -> AsyncIterator[RoomReplica]:
    replica = await new_replica(log)
    yield replica
    await replica.stop()


async def test_a_command_is_in_the_log_before_anybody_is_told(log: MemoryLog, replica: RoomReplica) -> None:
    owner = await come_in(replica, OWNER)
    log.pause.clear()
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    await asyncio.sleep(0.02)
    assert (owner.types(), outcome.done(), replica.room.stage) == ([], False, ())
    log.pause.set()
    assert await outcome is None
    assert owner.types() == ["stage.taken"]
    assert log.version == replica.room.version


async def test_answer_and_events_are_given_in_one_step(log: MemoryLog, replica: RoomReplica) -> None:
    owner = await come_in(replica, OWNER)
    seen: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def settle(refusal: Refusal | None) -> None:
        assert refusal is None
        seen.set_result(owner.types())

    replica.submit(Order(actor=OWNER, commands=lambda _: (c.StageRequest(id=1),), settle=settle))
    assert await seen == ["stage.taken"]


async def test_commands_that_wait_together_become_one_commit_in_sequence(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    for number in range(40):
        await come_in(replica, f"u_{number}")
    before = log.appends
    log.pause.clear()
    outcomes = []
    for number in range(40):
        made, outcome = order(f"u_{number}", c.StageRequest(id=1))
        replica.submit(made)
        outcomes.append(outcome)
    log.pause.set()
    await asyncio.gather(*outcomes)
    assert log.appends - before <= 2
    # The places are used up within the batch: nobody is the 37th, the others queue.
    assert len(replica.room.stage) == 36
    assert len(replica.room.queue) == 4
    versions = [event.version for commit in log.commits for event in commit.events]
    assert versions == list(range(1, len(versions) + 1))


async def test_two_nodes_that_race_end_in_the_same_state_and_lose_nothing(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    other = await second_replica(log)
    outcomes = []
    for number in range(60):
        node = replica if number % 2 else other
        outcomes.append(node.ask(f"u_{number}", enter(f"u_{number}")))
    assert await asyncio.gather(*outcomes) == [None] * 60
    # Whoever lost the last race has not heard of it yet; the next command makes both equal.
    await replica.ask(OWNER, c.ConferenceSettings(id=1, title="one"))
    await other.ask(OWNER, c.ConferenceSettings(id=2, title="two"))
    await replica.ask(OWNER, c.ConferenceSettings(id=3, title="three"))
    await other.ask(OWNER, c.ConferenceSettings(id=4, title="three"))
    assert state_hash(replica.room) == state_hash(other.room)
    assert len(replica.room.people) == 61
    await other.stop()


async def test_the_37th_is_refused_whichever_node_asks(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    people = [f"u_{number}" for number in range(50)]
    for person in people:
        await replica.ask(person, enter(person, Role.VIEWER))
        await replica.ask(OWNER, c.StageInvite(id=0, target=person))
    other = await second_replica(log)
    asked = [
        (replica if number % 2 else other).ask(person, c.StageAccept(id=1)) for number, person in enumerate(people)
    ]
    outcomes = await asyncio.gather(*asked)
    assert sum(outcome is None for outcome in outcomes) == 36
    assert {outcome.code for outcome in outcomes if outcome is not None} == {Code.STAGE_FULL}
    await other.stop()


async def test_a_demoted_moderators_command_in_flight_is_judged_at_its_commit(
    log: MemoryLog, replica: RoomReplica
) -> None:
    await come_in(replica, OWNER)
    await come_in(replica, "u_mod", Role.MODERATOR)
    await come_in(replica, "u_a")
    log.pause.clear()
    demote, demoted = order(OWNER, c.RoleAssign(id=1, target="u_mod", role=Role.VIEWER))
    mute, muted = order("u_mod", c.MediaMute(id=1, target="u_a", source=MuteSource.AUDIO))
    replica.submit(demote)
    replica.submit(mute)
    log.pause.set()
    assert await demoted is None
    refusal = await muted
    assert refusal is not None and refusal.code is Code.NOT_ALLOWED
    assert replica.room.mutes == {}


async def test_the_same_command_of_the_same_client_applies_once(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    for command in (c.StageRequest(id=5), c.StageLeave(id=6), c.StageRequest(id=5)):
        made, outcome = order(OWNER, command)
        replica.submit(made)
        assert await outcome is None
    assert not replica.room.stage
    # Another page of the same person counts from 1 as well, and means something new.
    made, outcome = order(OWNER, c.StageRequest(id=5), client="client-2")
    replica.submit(made)
    assert await outcome is None
    assert replica.room.stage == (OWNER,)


async def test_the_same_command_twice_in_one_batch_applies_once(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    log.pause.clear()
    first, one = order(OWNER, c.ConferenceSettings(id=1, title="one"))
    again, two = order(OWNER, c.ConferenceSettings(id=1, title="two"))
    replica.submit(first)
    replica.submit(again)
    log.pause.set()
    assert list(await asyncio.gather(one, two)) == [None, None]
    assert replica.room.title == "one"


async def test_a_command_answered_before_a_restart_is_known_after_it(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    made, outcome = order(OWNER, c.StageRequest(id=5))
    replica.submit(made)
    await outcome
    await replica.ask(OWNER, c.StageLeave(id=6))
    await replica.stop()
    again = await second_replica(log)
    made, outcome = order(OWNER, c.StageRequest(id=5))
    again.submit(made)
    assert await outcome is None
    assert again.room.stage == ()
    await again.stop()


async def test_what_is_to_happen_once_is_refused_the_second_time(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    await replica.ask(OWNER, inner.Drop())

    def back() -> tuple[Order, asyncio.Future[Refusal | None]]:
        outcome: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        return (
            Order(
                actor=OWNER,
                commands=lambda _: (enter(OWNER),),
                key=(OWNER, "resume", 77),
                once=True,
                settle=outcome.set_result,
            ),
            outcome,
        )

    first, one = back()
    second, two = back()
    replica.submit(first)
    assert await one is None
    replica.submit(second)
    refusal = await two
    assert refusal is not None and refusal.code is Code.BAD_RESUME


async def test_without_the_log_commands_are_refused_and_nothing_is_half_done(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    before, hash_before = replica.room.version, state_hash(replica.room)
    log.broken = True
    refusal = await replica.ask(OWNER, c.StageRequest(id=1))
    assert refusal is not None and refusal.code is Code.STORE_UNAVAILABLE
    # What changes nothing needs no log: it is answered for what it is.
    refused = await replica.ask("u_nobody", c.StageRequest(id=1))
    assert refused is not None and refused.code is Code.NOT_YET
    assert (replica.room.version, state_hash(replica.room), owner.heard) == (before, hash_before, [])
    log.broken = False
    assert await replica.ask(OWNER, c.StageRequest(id=1)) is None


async def test_a_batch_with_a_mistake_in_it_leaves_the_writer_alive(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)

    def faulty(_: Room) -> tuple[c.StageRequest, ...]:
        raise ZeroDivisionError

    outcome: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
    replica.submit(Order(actor=OWNER, commands=faulty, settle=outcome.set_result))
    refusal = await outcome
    assert refusal is not None and refusal.code is Code.INTERNAL
    assert await replica.ask(OWNER, c.StageRequest(id=1)) is None


async def test_a_full_inbox_refuses_clients_and_still_takes_the_servers_own(
    log: MemoryLog, replica: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    await come_in(replica, OWNER)
    log.pause.clear()
    outcomes = []
    for number in range(10):
        made, outcome = order(OWNER, c.ConferenceSettings(id=number, title=f"title {number}"))
        replica.submit(made)
        outcomes.append(outcome)
    dropped = asyncio.ensure_future(replica.ask(OWNER, inner.Drop()))
    await asyncio.sleep(0)
    log.pause.set()
    refused = [outcome for outcome in await asyncio.gather(*outcomes) if outcome is not None]
    assert {refusal.code for refusal in refused} == {Code.RATE_LIMITED}
    assert len(refused) == 5
    assert await dropped is None
    assert replica.room.people[OWNER].away


async def test_a_full_inbox_takes_no_offers_and_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = await House(tmp_path).open()
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.hello(house.guest("g_1", conference), "client-gst1")
    monkeypatch.setattr(module, "MAX_WAITING", 0)
    offer = await house.say(owner, "media.publish", sdp="v=0", tracks={"0": "audio"})
    join = await house.say(guest, "conference.join", conference=conference)
    assert (offer["code"], join["code"]) == ("rate_limited", "rate_limited")
    await house.close()


async def test_a_log_with_an_unknown_event_is_read_and_not_written(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    log.readable = False
    other = await second_replica(log)
    assert OWNER in other.room.people
    refusal = await other.ask(OWNER, c.StageRequest(id=1))
    assert refusal is not None and refusal.code is Code.UNSUPPORTED
    await other.stop()


async def test_a_snapshot_that_cannot_be_made_leaves_the_writer_alive(
    log: MemoryLog, replica: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(module, "SNAPSHOT_EVERY", 2)
    monkeypatch.setattr(log, "save_snapshot", fail)
    await come_in(replica, OWNER)
    for number in range(5):
        async with asyncio.timeout(5):
            assert await replica.ask(OWNER, c.ConferenceSettings(id=number, title=f"title {number}")) is None


async def test_snapshots_lag_so_that_a_restarted_node_has_something_to_resume_from(
    log: MemoryLog, replica: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_EVERY", 10)
    await come_in(replica, OWNER)
    for number in range(45):
        await replica.ask(OWNER, c.ConferenceSettings(id=number, title=f"title {number}"))
    await asyncio.sleep(0.01)
    assert log.snapshot is not None
    version = replica.room.version
    assert 10 <= version - log.snapshot[0] <= 30
    other = await second_replica(log)
    assert state_hash(other.room) == state_hash(replica.room)
    missed = other.history.missed(other.room, OWNER, version - 8)
    assert missed is not None and [event.version for event in missed] == list(range(version - 7, version + 1))
    assert other.history.missed(other.room, OWNER, log.snapshot[0] - 1) is None
    assert other.history.missed(other.room, OWNER, version + 1) is None
    await other.stop()


async def test_events_of_one_member_are_contiguous_and_consoles_hear_them_too(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    console = Ear(OWNER, console=True)
    replica.members.attach(console, replica.room.version, replica.room)
    start = replica.room.version
    for number in range(5):
        await come_in(replica, f"u_{number}")
    await replica.ask(OWNER, c.StageRequest(id=1))
    await replica.ask("u_1", c.StageRequest(id=1))
    chain = [(message["after"], message["version"]) for message in owner.heard]
    assert chain[0][0] == start
    assert all(first[1] == second[0] for first, second in pairwise(chain))
    assert console.heard == owner.heard


async def test_in_a_crowd_a_viewer_hears_no_gap_though_most_is_not_for_them(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    viewer = await come_in(replica, "u_viewer", Role.VIEWER)
    for number in range(200):
        await replica.ask(f"u_{number}", enter(f"u_{number}", Role.VIEWER))
    late = await come_in(replica, "u_late", Role.VIEWER)
    await replica.ask("u_3", c.StageRequest(id=1))
    await replica.ask(OWNER, c.StageGrant(id=1, target="u_3"))
    await replica.ask("u_viewer", c.StageRequest(id=1))
    await replica.ask(OWNER, c.ConferenceSettings(id=2, title="another"))
    assert replica.room.crowded
    assert "stage.requested" in owner.types()
    assert late.types() == ["stage.taken", "conference.settings_changed"]
    assert viewer.types().count("stage.requested") == 1
    for ear in (owner, viewer, late):
        position = 0
        for message in ear.heard:
            if message["type"] == "resync":
                position = message["snapshot"]["version"]
                continue
            assert position == 0 or message["after"] <= position < message["version"]
            position = message["version"]


async def test_a_new_moderator_in_a_crowd_is_given_the_whole_picture(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    for number in range(160):
        await replica.ask(f"u_{number}", enter(f"u_{number}", Role.VIEWER))
    ear = await come_in(replica, "u_new", Role.VIEWER)
    await replica.ask("u_3", c.StageRequest(id=1))
    assert ear.heard == []
    await replica.ask(OWNER, c.RoleAssign(id=1, target="u_new", role=Role.MODERATOR))
    assert ear.types()[-1] == "resync"
    assert ear.heard[-1]["snapshot"]["queue"] == ["u_3"]


async def test_who_is_removed_hears_of_it_is_let_go_and_hears_nothing_more(
    log: MemoryLog, replica: RoomReplica
) -> None:
    await come_in(replica, OWNER)
    ear = await come_in(replica, "u_a")
    await replica.ask(OWNER, c.ParticipantRemove(id=1, target="u_a", reason="too loud"))
    await replica.ask(OWNER, c.StageRequest(id=2))
    assert ear.types() == ["participant.left"]
    assert ear.left == (Code.REMOVED, "too loud")


async def test_in_one_commit_nobody_hears_what_follows_the_end_of_their_right(
    log: MemoryLog, replica: RoomReplica
) -> None:
    await come_in(replica, OWNER)
    demoted, removed = await come_in(replica, "u_mod", Role.MODERATOR), await come_in(replica, "u_a")
    log.pause.clear()
    outcomes = []
    for actor, command in (
        (OWNER, c.StageRequest(id=2)),
        (OWNER, c.RoleAssign(id=3, target="u_mod", role=Role.VIEWER)),
        (OWNER, c.ParticipantRemove(id=4, target="u_a")),
        # Actors of the same commit hear before all others.
        ("u_mod", c.StageRequest(id=1)),
        ("u_a", c.StageRequest(id=1)),
        (OWNER, c.ParticipantBlock(id=5, target="u_secret")),
        (OWNER, c.StageLeave(id=6)),
    ):
        made, outcome = order(actor, command)
        replica.submit(made)
        outcomes.append(outcome)
    log.pause.set()
    await asyncio.gather(*outcomes)
    assert "participant.blocked" not in demoted.types() and "stage.left" in demoted.types()
    assert removed.types()[-1] == "participant.left"


async def test_in_one_commit_with_a_removal_a_command_of_somebody_else_does_not_tell_them_its_reason(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    removed, viewer = await come_in(replica, "u_a"), await come_in(replica, "u_b")
    log.pause.clear()
    outcomes = []
    for actor, command in (
        (OWNER, c.StageRequest(id=2)),
        (OWNER, c.ParticipantRemove(id=3, target="u_a", reason="too loud")),
        ("u_b", c.StageRequest(id=1)),
        ("u_a", c.StageRequest(id=1)),
    ):
        made, outcome = order(actor, command)
        replica.submit(made)
        outcomes.append(outcome)
    log.pause.set()
    await asyncio.gather(*outcomes)
    notes = [[one.get("note", "") for one in ear.heard if one["type"] == "participant.left"] for ear in (owner, viewer)]
    assert notes == [["too loud"], [""]]
    assert removed.left == (Code.REMOVED, "too loud")


async def test_who_is_removed_and_comes_again_in_one_commit_stays_with_the_new_connection(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    old, new = await come_in(replica, "u_a"), Ear("u_a", client="client-2")
    log.pause.clear()
    first, done = order(OWNER, c.StageRequest(id=1))
    replica.submit(first)
    removal, removed = order(OWNER, c.ParticipantRemove(id=2, target="u_a"))
    returned: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()

    def settle(refusal: Refusal | None) -> None:
        replica.members.attach(new, replica.room.version, replica.room)
        returned.set_result(refusal)

    replica.submit(removal)
    replica.submit(Order(actor="u_a", commands=lambda _: (enter("u_a"),), settle=settle))
    log.pause.set()
    assert list(await asyncio.gather(done, removed, returned)) == [None, None, None]
    assert (old.left, new.left) == ((Code.REMOVED, ""), None)
    assert replica.members.of("u_a") == (new,)
    await replica.ask(OWNER, c.StageLeave(id=3))
    assert new.types() == ["stage.left"]
    assert owner.types()[-3:] == ["participant.left", "participant.joined", "stage.left"]


async def test_when_a_conference_ends_everybody_is_let_go_after_the_answer(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    ear = await come_in(replica, "u_a")
    made, outcome = order(OWNER, c.ConferenceEnd(id=1))
    when_answered: list[object] = []
    made.settle = lambda refusal: (when_answered.append(owner.left), outcome.set_result(refusal))[0]  # type: ignore[func-returns-value]
    replica.submit(made)
    assert await outcome is None
    assert when_answered == [None]
    assert owner.left == ear.left == (Code.CONFERENCE_ENDED, "")


async def test_orders_that_wait_when_the_room_is_closed_are_refused(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    log.pause.clear()
    first, one = order(OWNER, c.StageRequest(id=1))
    replica.submit(first)
    await asyncio.sleep(0.01)
    second, two = order(OWNER, c.StageLeave(id=2))
    replica.submit(second)
    await replica.stop()
    third, three = order(OWNER, c.StageLeave(id=3))
    replica.submit(third)
    codes = {refusal.code for refusal in await asyncio.gather(one, two, three) if refusal is not None}
    assert codes == {Code.GOING_AWAY}


async def test_a_log_that_is_far_ahead_is_loaded_again_and_everybody_gets_a_snapshot(
    log: MemoryLog, replica: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await come_in(replica, OWNER)
    monkeypatch.setattr(module, "SNAPSHOT_EVERY", 5)
    other = await second_replica(log)
    for number in range(30):
        await other.ask(OWNER, c.ConferenceSettings(id=number, title=f"title {number}"))
    await asyncio.sleep(0.01)
    assert log.snapshot is not None and log.snapshot[0] > replica.room.version
    assert await replica.ask(OWNER, c.StageRequest(id=99)) is None
    assert owner.types() == ["resync", "stage.taken"]
    assert replica.room.title == "title 29"
    await other.stop()


async def test_an_event_made_for_the_log_has_its_version_and_its_actor(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    await replica.ask(OWNER, c.StageRequest(id=1))
    event = log.commits[-1].events[0]
    assert isinstance(event, e.StageTaken)
    assert (event.version, event.by) == (replica.room.version, OWNER)
    assert log.commits[-1].node == "n1" and replica.room.conference == CONFERENCE


class Watch:
    """An observer that writes down what members had heard when it was told."""

    def __init__(self, *ears: Ear) -> None:
        self.ears = ears
        self.seen: list[list[list[str]]] = []

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        assert after.version == before.version + 1 == event.version

    def committed(self, after: Room) -> None:
        self.seen.append([ear.types() for ear in self.ears])


async def test_the_media_plane_comes_first_then_the_actor_then_everybody_else(
    log: MemoryLog, replica: RoomReplica
) -> None:
    """With thousands of readers neither a mute nor an answer waits until all have been told."""
    owner, other = await come_in(replica, OWNER), await come_in(replica, "u_a")
    owner.heard.clear()
    watch = Watch(owner, other)
    replica.observers.append(watch)
    answered: asyncio.Future[list[list[str]]] = asyncio.get_running_loop().create_future()
    replica.submit(
        Order(
            actor=OWNER,
            commands=lambda _: (c.MediaMute(id=1, target="u_a", source=MuteSource.AUDIO),),
            settle=lambda _: answered.set_result([owner.types(), other.types()]),
        )
    )
    assert await answered == [["media.muted"], []]
    assert watch.seen == [[[], []]]
    assert other.types() == ["media.muted"]
    assert owner.types() == ["media.muted"]
