"""A replica whose log is written by others, answers nothing, or has lost what it had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from protocol import codec
from protocol import commands as c
from protocol.errors import Code
from server.conference import replica as module
from server.conference.replica import RoomReplica
from server.room.digest import state_hash
from server.roomlog.following import Told
from tests.harness import until
from tests.server.replica_support import OWNER, MemoryLog, come_in, enter, new_replica, order, second_replica


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def replica(log: MemoryLog) -> AsyncIterator[RoomReplica]:
    replica = await new_replica(log)
    yield replica
    await replica.stop()


@pytest.fixture
async def other(log: MemoryLog, replica: RoomReplica) -> AsyncIterator[RoomReplica]:
    other = await second_replica(log)
    yield other
    await other.stop()


def published(log: MemoryLog, number: int = -1) -> Told:
    """A commit as it is published."""
    commit = log.commits[number]
    return Told(log.epoch, commit.after, commit.version, codec.pack(commit))


async def test_of_an_unknown_outcome_the_refusal_says_so_and_the_writer_finds_out(
    log: MemoryLog, replica: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.02)
    owner = await come_in(replica, OWNER)
    log.answers_lost = 1
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    refusal = await outcome
    assert refusal is not None and (refusal.code, refusal.rule) == (Code.STORE_UNAVAILABLE, module.UNCERTAIN)
    assert owner.types() == [] and not replica.room.stage
    # Nobody asks again, and yet it comes out.
    await until(lambda: replica.room.stage == (OWNER,))
    assert owner.types() == ["stage.taken"]
    # The repetition is answered by what was found, and not obeyed.
    version = log.version
    again, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(again)
    assert await outcome is None
    assert log.version == version


async def test_a_log_that_cannot_be_read_is_looked_into_until_it_can(
    log: MemoryLog, replica: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.01)
    await come_in(replica, OWNER)
    log.answers_lost = 1
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    await outcome
    log.broken = True
    await asyncio.sleep(0.05)
    assert not replica.room.stage
    log.broken = False
    await until(lambda: replica.room.stage == (OWNER,))


async def test_commits_of_another_node_are_heard_in_order_and_once(
    log: MemoryLog, replica: RoomReplica, other: RoomReplica
) -> None:
    ear = await come_in(replica, OWNER)
    other.hear(published(log))
    for number in range(3):
        await other.ask(f"u_{number}", enter(f"Person {number}"))
    for told in [published(log, number) for number in (-3, -3, -2, -1, -2)]:
        replica.hear(told)
    await until(lambda: state_hash(replica.room) == state_hash(other.room))
    assert ear.types() == ["participant.joined"] * 3


async def test_what_was_not_published_is_looked_for(log: MemoryLog, replica: RoomReplica, other: RoomReplica) -> None:
    ear = await come_in(replica, OWNER)
    for number in range(3):
        await other.ask(f"u_{number}", enter(f"Person {number}"))
    replica.hear(published(log))
    await until(lambda: len(replica.room.people) == 4)
    assert ear.types() == ["participant.joined"] * 3


async def test_its_own_commits_that_are_heard_before_the_answer_do_not_keep_anybody_from_it(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    log.pause.clear()
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    await asyncio.sleep(0.01)
    # What Redis publishes is faster than its answer.
    replica.hear(Told(replica.epoch, replica.room.version, replica.room.version + 1, b"what is about to be appended"))
    log.pause.set()
    assert await outcome is None
    await asyncio.sleep(0.01)
    assert owner.types() == ["stage.taken"] and replica.room.stage == (OWNER,)


async def test_more_than_can_wait_is_looked_for_in_the_log(
    log: MemoryLog, replica: RoomReplica, other: RoomReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HEARD", 3)
    for number in range(8):
        await other.ask(f"u_{number}", enter(f"Person {number}"))
    for number in range(-8, 0):
        replica.hear(published(log, number))
    assert len(replica._heard) <= 3
    await until(lambda: state_hash(replica.room) == state_hash(other.room))


async def test_what_cannot_be_understood_leaves_the_writer_alive(log: MemoryLog, replica: RoomReplica) -> None:
    await come_in(replica, OWNER)
    replica.hear(Told(replica.epoch, replica.room.version, replica.room.version + 1, b"\xc1 no commit"))
    await asyncio.sleep(0.01)
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    assert await outcome is None


@pytest.mark.parametrize("kept", [0, 1])
async def test_a_log_that_has_lost_the_room_is_given_it_again_and_everybody_gets_a_snapshot(
    log: MemoryLog, replica: RoomReplica, kept: int
) -> None:
    owner = await come_in(replica, OWNER)
    before, epoch = state_hash(replica.room), replica.epoch
    log.lose(kept)
    replica.look()
    await until(lambda: log.snapshot is not None)
    assert (state_hash(replica.room), replica.epoch) == (before, log.epoch) and log.epoch > epoch
    assert owner.types() == ["resync"]
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    assert await outcome is None
    restored = await second_replica(log)
    assert state_hash(restored.room) == state_hash(replica.room)
    await restored.stop()


async def test_a_loss_that_is_noticed_by_a_command_does_not_cost_the_command(
    log: MemoryLog, replica: RoomReplica
) -> None:
    owner = await come_in(replica, OWNER)
    log.lose()
    made, outcome = order(OWNER, c.StageRequest(id=1))
    replica.submit(made)
    assert await outcome is None
    assert owner.types() == ["resync", "stage.taken"]


async def test_of_two_nodes_that_notice_a_loss_the_poorer_takes_over_what_the_richer_knows(
    log: MemoryLog, replica: RoomReplica, other: RoomReplica
) -> None:
    await come_in(replica, OWNER)
    log.lose()
    # The other has not heard that the owner came in.
    assert other.room.version < replica.room.version
    replica.look()
    await until(lambda: log.snapshot is not None)
    other.look()
    await until(lambda: (other.epoch, state_hash(other.room)) == (replica.epoch, state_hash(replica.room)))


async def test_who_comes_back_with_a_position_of_the_former_epoch_gets_no_events_of_it(
    log: MemoryLog, replica: RoomReplica
) -> None:
    await come_in(replica, OWNER)
    version = replica.room.version
    log.lose()
    replica.look()
    await until(lambda: log.snapshot is not None)
    assert replica.history.missed(replica.room, OWNER, version - 1) is None
