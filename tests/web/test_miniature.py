"""The stage in small, in the console: arranged as everybody sees it, and what may be placed is placed."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Eve may place nobody but Ada and Ben; nothing is accepted before the test says what became of it.
BEGIN = """
async ({ layout, tracks }) => {
  const { Miniature } = await import('/static/js/console/miniature.js');
  const { Room } = await import('/static/js/lib/room.js');
  const people = ['ada', 'ben', 'cyd', 'dan'].map((id) => ({ id, name: id, on_stage: true, tracks: tracks[id] ?? [] }));
  const room = new Room({
    conference: 'c', title: 'C', owner: 'eve', you: 'eve', epoch: 1, version: 1, stage_places: 36, count: 4,
    people, stage: people.map(({ id }) => id), layout,
  });
  document.body.innerHTML = '<div id="announcer"></div>';
  window.said = [];
  const podium = { room, send: async (type, fields) => { window.said.push([type, fields]); return {}; } };
  const permissions = { allows: (id, command) => command === 'layout.place' && (id === 'ada' || id === 'ben') };
  const miniature = new Miniature(podium, permissions, 'hint');
  // Half the size of the screen that it stands for.
  miniature.node.style.cssText = 'position: relative; width: 640px; height: 360px';
  const style = document.createElement('style');
  style.textContent = '.tile { position: absolute } [hidden] { display: none }';
  document.body.append(style, miniature.node);
  miniature.update();
  Object.assign(window, { miniature, room });
}
"""
STANDS = """
async () => {
  const { GAP, layOut } = await import('/static/js/conference/layout.js');
  const people = window.room.stage;
  const screen = !window.miniature.screen.hidden;
  const asked = { layout: window.room.layout, people, screen, speaker: 'ada', width: 1280, height: 720, gap: GAP };
  const half = ({ x, y, width, height }) => [x, y, width, height].map((one) => Math.round(one / 2));
  const wanted = Object.fromEntries([...layOut(asked).rects].map(([id, rect]) => [id, half(rect)]));
  const nodes = [...window.miniature.tiles].map(([id, { node }]) => [id, node]);
  if (screen) nodes.push([':screen', window.miniature.screen]);
  const box = (node) => [node.offsetLeft, node.offsetTop, node.offsetWidth, node.offsetHeight];
  const shown = Object.fromEntries(nodes.filter(([, node]) => !node.hidden).map(([id, node]) => [id, box(node)]));
  return { wanted, shown, leftOut: window.miniature.leftOut, label: window.miniature.screen.textContent };
}
"""
PRESS = """
([id, ...keys]) => {
  const { node } = window.miniature.tiles.get(id);
  node.focus();
  for (const key of keys) {
    const sizes = key.startsWith('Shift+');
    const press = { key: key.replace('Shift+', ''), shiftKey: sizes, bubbles: true, cancelable: true };
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', press));
  }
  return { said: window.said, focused: document.activeElement === node };
}
"""
KEEP = """
async () => {
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
  await new Promise((done) => setTimeout(done, 20));
  return { said: window.said, focused: document.activeElement.dataset.testid };
}
"""


def layout(kind: str, **tiles: list[int]) -> dict[str, Any]:
    names = ("x", "y", "width", "height")
    return {"kind": kind, "tiles": {who: dict(zip(names, tile, strict=True)) for who, tile in tiles.items()}}


@pytest.mark.parametrize("kind", ["grid", "speaker", "sidebar", "screen_first", "picture_in_picture"])
@pytest.mark.parametrize("screen", [False, True], ids=["people", "a screen"])
async def test_everybody_and_the_screen_stand_where_the_layout_arranges_them(
    client_page: Any, kind: str, screen: bool
) -> None:
    shares = {"dan": ["screen"]} if screen else {}
    await client_page.evaluate(BEGIN, {"layout": layout(kind, ben=[50, 50, 25, 25]), "tracks": shares})
    found = await client_page.evaluate(STANDS)
    assert found["shown"].keys() == found["wanted"].keys()
    for who, wanted in found["wanted"].items():
        assert all(abs(one - other) <= 1 for one, other in zip(found["shown"][who], wanted, strict=True)), who
    assert found["shown"]["ben"] == [320, 180, 160, 90]
    assert (":screen" in found["shown"]) is screen and found["label"] == ("dan’s screen" if screen else "")
    people = {"ada", "ben", "cyd", "dan"}
    assert set(found["leftOut"]) == people - found["shown"].keys()
    assert bool(found["leftOut"]) is (kind == "picture_in_picture")


async def test_keys_place_a_tile_once_and_escape_and_those_one_may_not_place_say_nothing(client_page: Any) -> None:
    await client_page.evaluate(BEGIN, {"layout": layout("grid", ada=[10, 20, 30, 40]), "tracks": {}})
    keys = ["ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowLeft", "Enter"]
    found = await client_page.evaluate(PRESS, ["ada", *keys])
    tile = {"x": 12, "y": 24, "width": 28, "height": 40}
    assert found["said"] == [["layout.place", {"tile": tile, "target": "ada"}]]
    for who, said in (("ben", ["Enter", "ArrowUp", "Escape"]), ("cyd", ["Enter", "ArrowUp", "Enter"])):
        again = await client_page.evaluate(PRESS, [who, *said])
        assert again["said"] == found["said"]
    assert await client_page.evaluate("document.querySelector('.placing') === null")


async def test_who_is_being_placed_makes_room_for_the_others_before_it_is_kept(client_page: Any) -> None:
    await client_page.evaluate(BEGIN, {"layout": layout("grid"), "tracks": {}})
    before = (await client_page.evaluate(STANDS))["shown"]
    await client_page.evaluate(PRESS, ["ada", "ArrowDown"])
    shown = (await client_page.evaluate(STANDS))["shown"]
    assert shown["ada"][2:] == before["ada"][2:] and shown["ada"][1] > before["ada"][1]
    assert {who: box for who, box in shown.items() if who != "ada"} != {
        who: box for who, box in before.items() if who != "ada"
    }
    await client_page.evaluate(PRESS, ["ada", "Escape"])


async def test_somebody_whom_the_layout_leaves_out_is_placed_from_the_middle(client_page: Any) -> None:
    await client_page.evaluate(BEGIN, {"layout": {"kind": "picture_in_picture", "spotlight": "cyd"}, "tracks": {}})
    (left_out,) = set((await client_page.evaluate(STANDS))["leftOut"]) & {"ada", "ben"}
    await client_page.evaluate("(id) => { miniature.placing.begin(miniature.tiles.get(id)); }", left_out)
    shown = (await client_page.evaluate(STANDS))["shown"][left_out]
    assert shown == [192, 108, 256, 144]
    found = await client_page.evaluate(KEEP)
    tile = {"x": 30, "y": 30, "width": 40, "height": 40}
    assert found == {"said": [["layout.place", {"tile": tile, "target": left_out}]], "focused": "miniature"}


async def test_a_finger_drags_a_tile_and_scrolls_the_page_where_there_is_none_to_place(client_page: Any) -> None:
    for sheet in ("stage", "console"):
        await client_page.add_style_tag(url=f"/static/css/{sheet}.css")
    await client_page.evaluate(BEGIN, {"layout": layout("grid", ada=[10, 20, 30, 40]), "tracks": {}})
    await client_page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"height: 3000px\"></p>')")
    device = await client_page.context.new_cdp_session(client_page)

    async def drag(who: str, right: int, down: int) -> list[Any]:
        box = (
            await client_page.get_by_test_id("miniature-tile")
            .and_(client_page.locator(f"[data-person={who}]"))
            .bounding_box()
        )
        x, y = box["x"] + 20, box["y"] + 20
        steps = [[{"x": x + right * step / 8, "y": y + down * step / 8}] for step in range(9)]
        for kind, points in (("touchStart", steps[0]), *(("touchMove", step) for step in steps[1:]), ("touchEnd", [])):
            await device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        said: list[Any] = await client_page.evaluate("window.said")
        return said

    # A tenth of the small stage to the right and a tenth down.
    said = await drag("ada", 64, 36)
    assert said == [["layout.place", {"tile": {"x": 20, "y": 30, "width": 30, "height": 40}, "target": "ada"}]]
    assert await client_page.evaluate("scrollY") == 0
    assert await drag("cyd", 0, -100) == said, "whom one may not place"
    await client_page.wait_for_function("scrollY > 50", timeout=5000)
