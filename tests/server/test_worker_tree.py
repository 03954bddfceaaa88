"""The tree in which the workers of a room feed one another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.workers.tree import FAN_OUT, tree


def depth(name: str, feeders: dict[str, str]) -> int:
    found = 0
    while name in feeders:
        name = feeders[name]
        found += 1
        assert found <= len(feeders), "a circle"
    return found


def test_a_few_are_fed_by_the_first_and_more_by_those() -> None:
    few = tree("w1", ["w2", "w3", "w4", "w5"], {})
    assert few == {"w2": "w1", "w3": "w1", "w4": "w1", "w5": "w1"}
    more = tree("w1", [f"w{n}" for n in range(2, 8)], few)
    assert more == {**few, "w6": "w2", "w7": "w2"}
    assert tree("w1", [], few) == {}


def test_who_loses_the_one_above_is_taken_with_all_below_it() -> None:
    names = [f"w{n}" for n in range(2, 23)]
    before = tree("w1", names, {})
    assert before["w6"] == "w2"
    assert before["w22"] == "w6"
    after = tree("w1", [name for name in names if name != "w2"], before)
    assert after["w22"] == "w6", "what hangs below stays there"
    assert {name for name in after if after[name] != before[name]} == {name for name in before if before[name] == "w2"}


def test_when_the_first_dies_another_is_first_and_keeps_those_it_feeds() -> None:
    names = [f"w{n}" for n in range(2, 10)]
    before = tree("w1", names, {})
    after = tree("w2", names[1:], before)
    assert {fed for fed, feeder in after.items() if feeder == "w2"} >= {"w6", "w7", "w8", "w9"}


@given(
    st.lists(st.integers(0, 40), unique=True, max_size=30),
    st.dictionaries(st.integers(0, 40), st.integers(0, 40), max_size=40),
    st.integers(1, 5),
)
def test_everybody_is_fed_once_within_the_bound_whatever_stood_before(
    names: list[int], former: dict[int, int], fan_out: int
) -> None:
    found = tree(100, names, former, fan_out)
    assert found.keys() == set(names)
    for name in names:
        assert depth(str(name), {str(fed): str(feeder) for fed, feeder in found.items()}) >= 1
        assert sum(feeder == name for feeder in found.values()) <= fan_out
    assert sum(feeder == 100 for feeder in found.values()) <= fan_out
    # It is settled: asked again nothing moves.
    assert tree(100, names, found, fan_out) == found


def test_the_tree_is_as_flat_as_the_bound_allows() -> None:
    names = [f"w{n}" for n in range(2, 2 + FAN_OUT + FAN_OUT**2)]
    found = tree("w1", names, {})
    assert max(depth(name, found) for name in names) == 2
