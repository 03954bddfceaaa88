"""A table is a dict that is never changed, and what two of them share costs nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from server.room.table import EMPTY, PAGE, Table, table

KEYS = st.integers(0, 3 * PAGE).map(str)
CHANGES = st.lists(st.tuples(st.sampled_from(("put", "put", "drop")), KEYS, st.integers(0, 9)), max_size=300)


def even(row: int) -> bool:
    return row % 2 == 0


def changed(rows: Table[int], changes: list[tuple[str, str, int]]) -> list[tuple[Table[int], dict[str, int]]]:
    """Every state on the way, each beside the dict that it must equal."""
    known = dict(rows.items())
    states = [(rows, dict(known))]
    for change, key, row in changes:
        if change == "put":
            rows, known[key] = rows.put(key, row), row
        else:
            rows = rows.drop(key)
            known.pop(key, None)
        states.append((rows, dict(known)))
    return states


@given(st.integers(0, 3 * PAGE), CHANGES)
@settings(max_examples=60, deadline=None)
def test_a_table_goes_on_as_a_dict_does_and_leaves_its_former_states_as_they_were(
    size: int, changes: list[tuple[str, str, int]]
) -> None:
    states = changed(table({str(number): number for number in range(size)}), changes)
    for rows, known in states:
        assert list(rows.items()) == list(known.items()) and len(rows) == len(known)
        assert list(rows) == list(known) and list(rows.values()) == list(known.values()) and rows == known
        assert rows.choose(even) == [row for row in known.values() if even(row)]
    (first, before), (last, after) = states[0], states[-1]
    for key in map(str, range(3 * PAGE + 1)):
        assert last.get(key) == after.get(key) and (key in last) is (key in after) and first.get(key) == before.get(key)
    different = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert different <= last.differing(first) and last.differing(first) == first.differing(last)
    assert different <= last.differing(table(before)) == table(before).differing(last)


def test_a_table_that_has_emptied_is_the_one_that_never_had_anything() -> None:
    assert table({"a": 1}).drop("a") is EMPTY and table({}) is EMPTY and EMPTY.drop("a") is EMPTY
    assert EMPTY.get("a") is None and "a" not in EMPTY and list(EMPTY) == []


def test_one_row_more_leaves_all_other_pages_as_they_are_and_asks_them_nothing() -> None:
    asked: list[int] = []

    def test(row: int) -> bool:
        asked.append(row)
        return True

    rows = table({str(number): number for number in range(100 * PAGE)})
    rows.choose(test)
    asked.clear()
    after = rows.put("1", -1).put("new", -2)
    assert after.differing(rows) == {"1", "new"}
    assert len(after.choose(test)) == 100 * PAGE + 1 and len(asked) == PAGE + 1


def test_pages_that_are_mostly_gaps_are_filled_up() -> None:
    rows = table({str(number): number for number in range(100 * PAGE)})
    stays = set(range(0, 100 * PAGE, PAGE))
    for number in range(100 * PAGE):
        if number not in stays:
            rows = rows.drop(str(number))
    assert list(rows.values()) == sorted(stays)
    assert len(rows._pages) < 8
