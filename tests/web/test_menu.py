"""A menu lies beside its button wherever that is, and the second click of two is not a choice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import WEB

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = """
async ({ x, y, css, count }) => {
  const { openMenu } = await import('/static/js/ui/menu.js');
  const style = document.createElement('style');
  style.textContent = css;
  document.head.append(style);
  document.body.innerHTML = '<button id="anchor"></button>';
  const anchor = document.querySelector('#anchor');
  anchor.style.cssText = `position: fixed; left: ${x}px; top: ${y}px; width: 36px; height: 36px`;
  window.run = [];
  const entry = (_, at) => ({ label: `Command ${at}`, run: () => window.run.push(at) });
  anchor.onclick = () => openMenu(anchor, Array.from({ length: count }, entry), { label: 'Menu' });
}
"""
LIES = """
() => {
  const box = (one) => document.querySelector(one).getBoundingClientRect().toJSON();
  return [box('#anchor'), box('.menu')];
}
"""


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (844, 390)])
@pytest.mark.parametrize("count", [4, 12, 30])
async def test_a_menu_is_inside_the_window_and_never_over_its_button(
    client_page: Any, width: int, height: int, count: int
) -> None:
    await client_page.set_viewport_size({"width": width, "height": height})
    css = (WEB / "css" / "base.css").read_text() + ".menu { animation: none !important }"
    for x in (12, width // 2, width - 50):
        for y in (12, height // 2, height - 50):
            await client_page.evaluate(OPEN, {"x": x, "y": y, "css": css, "count": count})
            await client_page.click("#anchor")
            anchor, menu = await client_page.evaluate(LIES)
            assert menu["left"] >= 0 and menu["top"] >= 0 and menu["right"] <= width and menu["bottom"] <= height
            apart = (
                menu["right"] <= anchor["left"]
                or menu["left"] >= anchor["right"]
                or menu["bottom"] <= anchor["top"]
                or menu["top"] >= anchor["bottom"]
            )
            assert apart, (x, y, anchor, menu)


async def test_the_second_click_of_two_chooses_nothing(client_page: Any) -> None:
    await client_page.evaluate(OPEN, {"x": 200, "y": 200, "css": "", "count": 4})
    await client_page.click("#anchor")
    item = client_page.get_by_role("menuitem", name="Command 2")
    await item.click(click_count=2)
    assert await client_page.evaluate("window.run") == [2]
    await client_page.click("#anchor")
    await item.evaluate("(one) => one.dispatchEvent(new MouseEvent('click', { detail: 2, bubbles: true }))")
    assert await client_page.evaluate("window.run") == [2]
    await item.click()
    assert await client_page.evaluate("window.run") == [2, 2]
