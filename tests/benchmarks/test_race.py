"""The benchmark of racing commands looks at a real record, and finds what is wrong with one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocol import events as e
from protocol.names import PersonKind, Role
from protocol.view import Person
from scripts.benchmarks.race import broken_by, histogram_ms, run
from server.room.state import Participant, Room
from server.room.table import table


async def test_a_short_race_is_decided_once_and_told_alike() -> None:
    found = await run(rounds=6, people=8, seed=3)
    assert found["violations"] == 0 and found["state_hashes_equal"] is True
    assert (found["rounds"], found["people"], found["commands"], found["limited"]) == (6, 8, 48, 0)
    assert 0 < found["accepted"] < 48, "in a race some lose"  # type: ignore[operator]
    append = found["append_ms"]
    assert isinstance(append, dict) and 0 < append["p50"] <= append["p99"]


def somebody(id: str) -> Participant:
    return Participant(id=id, name=id, kind=PersonKind.GUEST, role=Role.SPEAKER, since=1)


TAKEN = e.StageTaken(person="b", who=Person(id="b", name="b", kind=PersonKind.GUEST, role=Role.SPEAKER))
BEFORE = Room(
    conference="c", title="c", owner="a", version=4, stage_places=2, people=table({p: somebody(p) for p in "abc"})
)
AFTER = replace(BEFORE, version=5, stage=("a", "b"))


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        (AFTER, []),
        (replace(AFTER, version=6), ["a version was left out"]),
        (replace(AFTER, stage=("a", "b", "c")), ["a place was taken that there was not"]),
        (replace(AFTER, stage=("b", "b")), ["somebody has two places"]),
        (replace(AFTER, stage=("a", "x")), ["somebody on the stage is not there"]),
        (replace(AFTER, queue=("b",)), ["somebody on the stage asks for a place"]),
        (replace(AFTER, invited=("a",)), ["somebody on the stage is invited"]),
        (replace(AFTER, queue=("c", "c")), ["somebody asks twice"]),
    ],
)
def test_a_state_that_must_not_be_is_found(after: Room, broken: list[str]) -> None:
    assert broken_by(BEFORE, after, TAKEN) == broken


def test_percentiles_come_out_of_a_histogram() -> None:
    before = {'x_bucket{le="0.001"}': 10.0, 'x_bucket{le="0.01"}': 10.0, 'x_bucket{le="+Inf"}': 10.0, "y": 1.0}
    after = {'x_bucket{le="0.001"}': 60.0, 'x_bucket{le="0.01"}': 110.0, 'x_bucket{le="+Inf"}': 110.0, "y": 2.0}
    assert histogram_ms(before, after, "x") == {"p50": 1.0, "p99": pytest.approx(9.82)}
    assert histogram_ms(before, before, "x") == {}


async def test_a_short_race_of_two_servers_on_one_redis_is_decided_once_and_told_alike() -> None:
    found = await run(rounds=8, people=10, seed=4, nodes=2)
    assert found["violations"] == 0 and found["state_hashes_equal"] is True
    assert (found["nodes"], found["commands"]) == (2, 80)
    assert found["removed"] > 0, "somebody has come back by another node"  # type: ignore[operator]
