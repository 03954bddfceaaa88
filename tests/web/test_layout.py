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
