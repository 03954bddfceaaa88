"""What guests may not send is offered to none, and is shown of none."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Eve, a guest, and Gus, another, who had sent before the settings kept guests from it. Ada is no guest.
BEGIN = """
async ([you, may]) => {
  const { Room } = await import('/static/js/lib/room.js');
  const tracks = ['audio', 'video'];
  const people = [
    { id: 'ada', name: 'Ada', role: 'organizer', on_stage: true, tracks },
    { id: 'eve', name: 'Eve', kind: 'guest', on_stage: true },
    { id: 'gus', name: 'Gus', kind: 'guest', on_stage: true, tracks },
  ];
  const room = new Room({
    conference: 'c', title: 'C', owner: 'ada', you, epoch: 1, version: 1, stage_places: 36, count: 3, people,
    stage: ['ada', 'eve', 'gus'], settings: { guests_may: may },
  });
  const media = Object.assign(new EventTarget(), {
    local: new Map(), paused: new Set(), track: () => null,
    state: (source) => (room.barred(source) ? 'barred' : 'none'),
    unmute: async (source) => void window.switched.push(source),
  });
  window.switched = [];
  document.body.innerHTML = '<div id="root"></div>';
  window.view = {
    podium: Object.assign(new EventTarget(), { room, media }),
    rights: new Set(['remark.request', 'media.publish:audio']),
    side: { shown: null }, engage: { parts: [], unread: 0, chat: { unread: 0 } }, asking: 0,
    permissions: { want: () => undefined, of: () => new Set() },
  };
}
"""
TILE = """
async (id) => {
  const { Tile } = await import('/static/js/conference/tile.js');
  const person = window.view.podium.room.person(id);
  const tile = new Tile(person, window.view);
  tile.update(person);
  return tile.node.getAttribute('aria-label');
}
"""
MARKS = """
async (id) => {
  const { People } = await import('/static/js/conference/people.js');
  const people = new People(window.view);
  people.shown(true);
  const marks = [...people.list.querySelectorAll(`[data-person="${id}"] .person-marks [role=img]`)];
  return marks.map((one) => one.getAttribute('aria-label')).filter((one) => /Microphone|Camera/.test(one));
}
"""
ASK = """
async () => {
  const { Controls } = await import('/static/js/conference/controls.js');
  const controls = new Controls(document.querySelector('#root'), window.view);
  controls.update();
  return !controls.turn.hidden;
}
"""
ARRIVE = """
async () => {
  const { StageDoor } = await import('/static/js/conference/stagedoor.js');
  const event = { type: 'stage.taken', person: 'eve', by: 'ada', version: 2 };
  window.done = new StageDoor(window.view.podium).arrived(event);
  await new Promise((done) => setTimeout(done, 30));
}
"""


async def test_a_guest_who_may_not_speak_is_shown_and_asked_accordingly(client_page: Any) -> None:
    await client_page.evaluate(BEGIN, ["eve", {"messages": True, "audio": False, "video": True}])
    assert await client_page.evaluate(TILE, "gus") == "Gus, microphone off, camera on"
    assert await client_page.evaluate(TILE, "ada") == "Ada, microphone on, camera on"
    assert await client_page.evaluate(MARKS, "gus") == ["Microphone off", "Camera on"]
    assert await client_page.evaluate(MARKS, "ada") == ["Microphone on", "Camera on"]
    assert await client_page.evaluate(ASK) is False
    await client_page.evaluate(ARRIVE)
    dialog = client_page.get_by_test_id("arrival")
    assert await dialog.locator(".dialog-foot button").all_inner_texts() == ["Not yet", "Camera"]
    await dialog.get_by_test_id("stage-camera").click()
    await client_page.evaluate("window.done")
    assert await client_page.evaluate("window.switched") == ["video"]


async def test_a_guest_who_may_send_nothing_is_asked_nothing(client_page: Any) -> None:
    await client_page.evaluate(BEGIN, ["eve", {"messages": True, "audio": False, "video": False}])
    await client_page.evaluate(ARRIVE)
    assert await client_page.locator("dialog").count() == 0


async def test_a_guest_who_may_send_everything_is_offered_it(client_page: Any) -> None:
    await client_page.evaluate(BEGIN, ["eve", {}])
    assert await client_page.evaluate(TILE, "gus") == "Gus, microphone on, camera on"
    assert await client_page.evaluate(ASK) is True
    await client_page.evaluate(ARRIVE)
    await client_page.get_by_test_id("stage-both").click()
    await client_page.evaluate("window.done")
    assert await client_page.evaluate("window.switched") == ["audio", "video"]
