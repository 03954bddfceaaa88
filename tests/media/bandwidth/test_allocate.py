"""A budget is shared out by importance: everybody's smallest picture first, then larger ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.bandwidth.allocate import ROOM, Offered, Rank, Wish, allocate, enough
from tests.media.bandwidth.link import CAMERA

LAYERS = st.lists(
    st.tuples(st.integers(0, 1080), st.floats(1e4, 5e6)).map(lambda pair: Offered(*pair)), max_size=3
).map(lambda layers: sorted(layers, key=lambda layer: (layer.height, layer.bitrate)))


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    found = []
    for _ in range(draw(st.integers(0, 8))):
        layers = draw(LAYERS)
        now = draw(st.none() | st.integers(0, len(layers) - 1)) if layers else None
        height = draw(st.none() | st.integers(0, 1500))
        found.append(Wish(draw(st.sampled_from(Rank)), height, layers, now))
    return found


BUDGETS = st.floats(0, 2e7)


def wish(height: int | None = 720, rank: Rank = Rank.OTHER, now: int | None = None) -> Wish:
    return Wish(rank, height, CAMERA, now)


def test_no_layer_is_larger_than_the_tile_needs() -> None:
    heights = (None, 2000, 720, 470, 468, 360, 234, 100, 8)
    assert [enough(CAMERA, height) for height in heights] == [2, 2, 2, 2, 1, 1, 0, 0, 0]
    assert enough(CAMERA, 0) is None and enough([], 360) is None
    # Of unknown size: only that it is the highest helps.
    assert enough([Offered(0, 1e5), Offered(0, 5e5)], 360) == 1


def test_with_room_everybody_gets_what_their_tile_needs_and_what_is_not_shown_gets_nothing() -> None:
    assert allocate(1e7, [wish(720), wish(360), wish(90), wish(0), wish(None)]) == [2, 1, 0, None, 2]


def test_a_thin_link_gets_smaller_pictures_then_fewer() -> None:
    nine = [wish(360)] * 9
    found = [allocate(budget, nine) for budget in (6e6, 3e6, 1.6e6, 6e5, 1e5)]
    assert [picture.count(1) for picture in found] == [9, 4, 0, 0, 0]
    assert [picture.count(0) for picture in found] == [0, 5, 9, 3, 0]
    assert [picture.count(None) for picture in found] == [0, 0, 0, 6, 9]


def test_the_screen_comes_before_who_speaks_and_who_speaks_before_the_others() -> None:
    three = [wish(rank=Rank.OTHER), wish(rank=Rank.SPEAKER), wish(rank=Rank.SCREEN)]
    assert allocate(4.5e6, three) == [1, 2, 2]
    assert allocate(2.3e6, three) == [0, 0, 2]
    assert allocate(2e5, three) == [None, None, 0]


def test_a_large_tile_comes_before_a_small_one_and_equal_ones_grow_together() -> None:
    assert allocate(2.2e6, [wish(400), wish(1000)]) == [0, 2]
    assert allocate(1.2e6, [wish(720), wish(720)]) == [1, 1]


def test_what_there_is_stays_where_it_would_be_too_tight_to_come() -> None:
    assert allocate(5.1e5, [wish(360, now=1)]) == [1]
    assert allocate(5.1e5, [wish(360, now=0)]) == [0]
    assert allocate(5.8e5, [wish(360, now=0)]) == [1]


@given(BUDGETS, wishes())
def test_the_budget_is_kept_and_no_layer_is_higher_than_needed(budget: float, found: list[Wish]) -> None:
    chosen = allocate(budget, found)
    spent = sum(one.layers[index].bitrate for one, index in zip(found, chosen, strict=True) if index is not None)
    assert spent <= budget + 1e-3
    for one, index in zip(found, chosen, strict=True):
        top = enough(one.layers, one.height)
        assert index is None or (top is not None and index <= top)


def by_importance(found: list[Wish]) -> list[int]:
    heights = [1e9 if one.height is None else one.height for one in found]
    return sorted(range(len(found)), key=lambda n: (found[n].rank, -heights[n], n))


@given(BUDGETS, BUDGETS, wishes())
def test_with_more_the_first_difference_by_importance_is_somebody_who_is_seen_now(
    one: float, other: float, found: list[Wish]
) -> None:
    less, more = allocate(min(one, other), found), allocate(max(one, other), found)
    for n in by_importance(found):
        if (less[n] is None) is not (more[n] is None):
            assert less[n] is None
            break


@given(BUDGETS, wishes())
def test_nobody_is_left_out_for_somebody_less_important_or_to_make_somebody_larger(
    budget: float, found: list[Wish]
) -> None:
    chosen = allocate(budget, found)
    smallest = 0.0
    for n in by_importance(found):
        one, index = found[n], chosen[n]
        if index is not None:
            smallest += one.layers[0].bitrate
        elif enough(one.layers, one.height) is not None:
            assert smallest + one.layers[0].bitrate * (1.0 if one.now is not None else ROOM) > budget - 1e-3
