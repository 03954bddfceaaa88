"""The grid of the stage: everybody is seen, and nobody is cut off."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARRANGE = """
async (cases) => {
  const { arrange } = await import('/static/js/conference/layout.js');
  return cases.map((values) => arrange(...values, 10));
}
"""
PLACES = ((956, 690), (1320, 700), (374, 690), (344, 560), (700, 300), (1900, 1000))


async def test_up_to_36_tiles_stand_inside_the_place_or_the_grid_scrolls(client_page: Any) -> None:
    cases = [(count, width, height) for count in range(1, 37) for width, height in PLACES]
    for (count, width, height), found in zip(cases, await client_page.evaluate(ARRANGE, cases), strict=True):
        columns, rows = found["columns"], -(-count // found["columns"])
        assert columns * found["tileWidth"] + (columns - 1) * 10 <= width
        assert found["scroll"] or rows * found["tileHeight"] + (rows - 1) * 10 <= height
        # A picture is cropped, never squeezed beyond recognition.
        assert 1.2 < found["tileWidth"] / found["tileHeight"] < 2.3, (count, width, height)


async def test_two_people_sit_beside_each_other_on_a_screen_and_above_each_other_on_a_phone(client_page: Any) -> None:
    screen, phone = await client_page.evaluate(ARRANGE, [(2, 956, 690), (2, 374, 690)])
    assert screen["columns"] == 2
    assert phone["columns"] == 1


LAY_OUT = """
async (cases) => {
  const { layOut } = await import('/static/js/conference/layout.js');
  return cases.map((one) => {
    const { rects, large, hidden, scroll } = layOut({ ...one, gap: 10 });
    return { rects: Object.fromEntries(rects), large, hidden, scroll };
  });
}
"""
KINDS = ("grid", "speaker", "sidebar", "screen_first", "picture_in_picture")
SCREEN = ":screen"


def stage(kind: str, count: int, screen: bool, size: tuple[int, int], **more: Any) -> dict[str, Any]:
    layout = {"kind": kind, "spotlight": more.pop("spotlight", ""), "tiles": more.pop("tiles", {})}
    people = [f"g_{number}" for number in range(count)]
    return {"layout": layout, "people": people, "screen": screen, "speaker": None, "width": size[0], "height": size[1]}


async def test_in_every_layout_tiles_stand_inside_the_stage_and_not_over_each_other(client_page: Any) -> None:
    cases = [
        stage(kind, count, screen, size)
        for kind in KINDS
        for count in (1, 2, 3, 7, 12, 36)
        for screen in (False, True)
        for size in PLACES
    ]
    for case, found in zip(cases, await client_page.evaluate(LAY_OUT, cases), strict=True):
        kind, rects = case["layout"]["kind"], dict(found["rects"])
        assert (SCREEN in rects) is case["screen"], case
        assert len(rects) - case["screen"] == len(case["people"]) - found["hidden"]
        for rect in rects.values():
            assert rect["x"] >= 0 and rect["x"] + rect["width"] <= case["width"], case
            assert rect["y"] >= 0 and (found["scroll"] or rect["y"] + rect["height"] <= case["height"]), case
            assert rect["width"] >= 60 and rect["height"] >= 30, case
        if kind == "picture_in_picture":
            assert len(rects) <= 2
            continue
        assert found["hidden"] == 0 or case["width"] * case["height"] < 400_000, "on a wide stage everybody is seen"
        standing = list(rects.values())
        for index, one in enumerate(standing):
            for other in standing[index + 1 :]:
                apart = one["x"] + one["width"] <= other["x"] + 1 or other["x"] + other["width"] <= one["x"] + 1
                above = one["y"] + one["height"] <= other["y"] + 1 or other["y"] + other["height"] <= one["y"] + 1
                assert apart or above, (case, one, other)


async def test_a_stage_without_room_is_laid_out_all_the_same(client_page: Any) -> None:
    """A page that is loaded in a tab nobody looks at, or before it is shown, has none."""
    cases = [stage(kind, 3, screen, size) for kind in KINDS for screen in (False, True) for size in ((0, 0), (374, 0))]
    assert len(await client_page.evaluate(LAY_OUT, cases)) == len(cases)


async def test_the_layout_says_who_is_large(client_page: Any) -> None:
    wide = (1280, 720)
    cases = [
        stage("grid", 3, False, wide),
        stage("speaker", 3, False, wide),
        {**stage("speaker", 3, False, wide), "speaker": "g_2"},
        {**stage("sidebar", 3, True, wide), "speaker": "g_2"},
        {**stage("sidebar", 3, True, wide, spotlight="g_1"), "speaker": "g_2"},
        stage("screen_first", 3, True, wide),
        stage("speaker", 3, False, wide, spotlight="g_gone"),
    ]
    found = await client_page.evaluate(LAY_OUT, cases)
    assert [one["large"] for one in found] == [None, "g_0", "g_2", SCREEN, "g_1", SCREEN, "g_0"]
    for one in found[1:]:
        areas = {name: rect["width"] * rect["height"] for name, rect in one["rects"].items()}
        assert max(areas, key=lambda name: areas[name]) == one["large"]


async def test_a_placed_tile_stands_where_it_was_put_and_percents_are_what_the_server_takes(client_page: Any) -> None:
    tile = {"x": 10, "y": 20, "width": 30, "height": 40}
    (found,) = await client_page.evaluate(LAY_OUT, [stage("grid", 2, False, (1000, 500), tiles={"g_1": tile})])
    assert found["rects"]["g_1"] == {"x": 100, "y": 100, "width": 300, "height": 200}
    assert found["rects"]["g_0"]["width"] > 700, "the others have the whole stage"
    percents = await client_page.evaluate("""async () => {
      const { inPercent } = await import('/static/js/conference/layout.js');
      const stage = { width: 1000, height: 500 };
      const rects = [{ x: 100, y: 100, width: 300, height: 200 }, { x: 990, y: -5, width: 20, height: 900 }];
      return rects.map((rect) => inPercent(rect, stage));
    }""")
    assert percents == [tile, {"x": 95, "y": 0, "width": 5, "height": 100}]


async def test_a_tile_is_moved_and_sized_by_steps_and_stays_on_the_stage(client_page: Any) -> None:
    found = await client_page.evaluate("""async () => {
      const { dragged, stepped, within } = await import('/static/js/conference/layout.js');
      const stage = { width: 1000, height: 500 };
      const rect = { x: 100, y: 100, width: 300, height: 200 };
      return {
        moved: stepped(rect, 'ArrowRight', false, stage),
        sized: stepped(rect, 'ArrowUp', true, stage),
        other: stepped(rect, 'Home', false, stage),
        away: within(dragged(rect, 5000, -5000, false), stage),
        small: within(dragged(rect, -5000, -5000, true), stage),
        large: within(dragged(rect, 5000, 5000, true), stage),
      };
    }""")
    assert found == {
        "moved": {"x": 120, "y": 100, "width": 300, "height": 200},
        "sized": {"x": 100, "y": 100, "width": 300, "height": 190},
        "other": None,
        "away": {"x": 700, "y": 0, "width": 300, "height": 200},
        "small": {"x": 100, "y": 100, "width": 50, "height": 25},
        "large": {"x": 0, "y": 0, "width": 1000, "height": 500},
    }
