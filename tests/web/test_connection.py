"""The client's connection over a socket that the test holds in its hands."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A WebSocket whose other end is the script: `sockets` are all that were opened, `said(n)` what the n-th was told.
STAGE = """
async () => {
  window.sockets = [];
  window.WebSocket = class FakeSocket {
    static OPEN = 1;
    constructor(url, protocols) {
      Object.assign(this, { url, protocols, readyState: 0, said: [] });
      window.sockets.push(this);
    }
    send(text) { this.said.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
    open() { this.readyState = 1; this.onopen?.(); }
    hear(message) { this.onmessage?.({ data: JSON.stringify(message) }); }
    break() { this.readyState = 3; this.onclose?.(); }
  };
  window.tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));
  window.nextSocket = async (count) => {
    while (window.sockets.length < count) await window.tick(20);
    return window.sockets[count - 1];
  };
  const { Podium } = await import('/static/js/podium.js');
  window.told = [];
  window.podium = new Podium({ url: 'ws://podium.test/ws', token: 'secret', client: 'page-load-1' });
  for (const name of ['closing', 'resync', 'state']) {
    podium.addEventListener(name, (event) => told.push([name, event.detail]));
  }
  window.snapshot = (version) => ({
    conference: 'weekly', title: 'Weekly', epoch: 1, version, you: 'u_ann', owner: 'u_ann', stage_places: 36, count: 1,
    people: [{ id: 'u_ann', name: 'Ann', kind: 'user', role: 'organizer' }],
  });
  window.welcome = (id, resume) => ({
    type: 'ok', id,
    result: { type: 'welcome', identity: 'u_ann', name: 'Ann', ...(resume ? { resumed: true, resume } : {}) },
  });
  window.entered = (id, version, resume) => ({
    type: 'ok', id, version, result: { type: 'joined', snapshot: snapshot(version), resume },
  });
  // Inside as a console, which has no media.
  window.inside = async () => {
    const connected = podium.connect();
    const socket = sockets[0];
    socket.open();
    socket.hear(welcome(1));
    await connected;
    const joined = podium.join('weekly', { console: true });
    socket.hear(entered(2, 5, 'token-1'));
    await joined;
    return socket;
  };
}
"""


async def staged(page: Any) -> Any:
    await page.evaluate(STAGE)
    return page


async def test_an_unanswered_command_is_sent_again_with_the_same_id(client_page: Any) -> None:
    page = await staged(client_page)
    found = await page.evaluate("""async () => {
      const first = await inside();
      const granted = podium.send('stage.grant', { target: 'u_ben' });
      const sent = first.said.at(-1);
      first.break();
      const second = await nextSocket(2);
      second.open();
      const hello = second.said[0];
      second.hear(welcome(hello.id, 'token-2'));
      await tick();
      const again = second.said[1];
      second.hear({ type: 'ok', id: again.id, version: 6 });
      return { sent, hello, again, answer: await granted, state: podium.state };
    }""")
    assert found["again"] == found["sent"] == {"type": "stage.grant", "id": 3, "target": "u_ben"}
    assert found["hello"]["client"] == "page-load-1"
    assert found["hello"]["resume"] == {"conference": "weekly", "epoch": 1, "version": 5, "token": "token-1"}
    assert found["answer"]["version"] == 6
    assert found["state"] == "open"


async def test_a_gap_is_closed_by_resuming_at_the_last_known_position(client_page: Any) -> None:
    page = await staged(client_page)
    found = await page.evaluate("""async () => {
      const first = await inside();
      first.hear({ type: 'stage.taken', version: 9, after: 8, person: 'u_ann' });
      const stage = [...podium.room.stage];
      const second = await nextSocket(2);
      second.open();
      return { stage, version: podium.room.version, resume: second.said[0].resume };
    }""")
    assert found["stage"] == []
    assert found["version"] == 5
    assert found["resume"]["version"] == 5


async def test_a_refused_resume_becomes_a_new_join_over_the_old_presence(client_page: Any) -> None:
    page = await staged(client_page)
    found = await page.evaluate("""async () => {
      const first = await inside();
      first.break();
      const second = await nextSocket(2);
      second.open();
      second.hear({ type: 'refused', id: second.said[0].id, code: 'bad_resume', message: 'Join again.' });
      await tick();
      const hello = second.said[1];
      second.hear(welcome(hello.id));
      await tick();
      const join = second.said[2];
      second.hear(entered(join.id, 8, 'token-3'));
      await tick(50);
      const resyncs = told.filter(([name]) => name === 'resync').length;
      return { hello, join, version: podium.room.version, state: podium.state, resyncs };
    }""")
    assert "resume" not in found["hello"]
    assert found["join"]["type"] == "conference.join"
    assert found["join"]["take_over"] is True and found["join"]["console"] is True
    assert (found["version"], found["state"], found["resyncs"]) == (8, "open", 2)


async def test_a_closing_without_retry_is_the_end_and_one_with_retry_is_not(client_page: Any) -> None:
    page = await staged(client_page)
    found = await page.evaluate("""async () => {
      const first = await inside();
      first.hear({ type: 'closing', code: 'going_away', message: 'Restarting.', retry: true, after_ms: 50 });
      const waiting = podium.state;
      const second = await nextSocket(2);
      second.open();
      second.hear(welcome(second.said[0].id, 'token-2'));
      await tick();
      const pending = podium.send('stage.request').catch((error) => error.code);
      second.hear({ type: 'closing', code: 'removed', message: 'A moderator removed you.' });
      const code = await pending;
      await tick(600);
      const closings = told.filter(([name]) => name === 'closing').map(([, detail]) => detail.code);
      return { waiting, code, state: podium.state, sockets: sockets.length, closings };
    }""")
    assert found["waiting"] == "waiting"
    assert found["code"] == "removed"
    assert found["state"] == "closed"
    assert found["sockets"] == 2
    assert found["closings"] == ["removed"]
