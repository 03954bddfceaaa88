"""The chat of a page: what is written to one alone is noticed, and what one begins to write stays where that was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import WEB

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Eve's chat; what was written before stands in `history`, and `receive` is the server telling of one more.
BEGIN = """
async ({ history, css }) => {
  const { Chat } = await import('/static/js/engage/chat.js');
  const { Room } = await import('/static/js/lib/room.js');
  const people = ['eve', 'ada', 'ben'].map((id) => ({ id, name: id[0].toUpperCase() + id.slice(1) }));
  const room = new Room({
    conference: 'c', title: 'C', owner: 'ada', you: 'eve', epoch: 1, version: 1, stage_places: 36, count: 3, people,
  });
  window.sent = [];
  const written = (channel) => history.filter((one) => (one.channel ?? 'everyone') === channel);
  const podium = {
    room,
    chatHistory: async (before, limit, channel) => ({ messages: written(channel), more: false }),
    send: async (type, fields) => { window.sent.push([type, fields]); return {}; },
  };
  const rights = new Set(['chat.send', 'chat.send:private', 'chat.edit:own']);
  const style = document.createElement('style');
  style.textContent = css;
  document.head.append(style);
  document.body.innerHTML = '<div id="side"></div>';
  let chat;
  const open = () => { window.opened = true; chat.node.hidden = false; chat.shown(true); };
  chat = new Chat({ podium, rights: () => rights, changed: () => undefined, token: () => null, open });
  chat.node.hidden = true;
  document.querySelector('#side').append(chat.node);
  window.receive = (message) => chat.heard({ type: 'chat.message', message: { time: Date.now(), ...message } });
  Object.assign(window, { chat, open, opened: false });
  await new Promise((done) => setTimeout(done, 30));
}
"""
CSS = "".join((WEB / "css" / f"{name}.css").read_text() for name in ("base", "engage", "chat"))


def alone(number: int, person: str, to: str, text: str = "psst") -> dict[str, Any]:
    return {
        "number": number,
        "channel": "private",
        "person": person,
        "name": person.capitalize(),
        "to": to,
        "text": text,
        "time": number,
    }


async def begin(page: Any, *history: dict[str, Any]) -> None:
    await page.evaluate(BEGIN, {"history": list(history), "css": CSS})


async def unread(page: Any) -> int:
    count: int = await page.evaluate("window.chat.unread")
    return count


async def test_what_is_written_to_one_alone_is_told_and_leads_to_the_conversation(client_page: Any) -> None:
    await begin(client_page)
    await client_page.evaluate("window.receive({ number: 1, person: 'ben', name: 'Ben', text: 'Hello all' })")
    assert await client_page.get_by_test_id("toast").count() == 0
    await client_page.evaluate("window.receive", alone(1, "ada", "eve"))
    toast = client_page.get_by_test_id("toast")
    assert "Ada wrote to you alone." in await toast.inner_text()
    assert await unread(client_page) == 2
    await toast.get_by_role("button", name="Read").click()
    assert await client_page.evaluate("window.opened") is True
    assert await client_page.get_by_test_id("chat-place").input_value() == "private/ada"
    assert await client_page.get_by_test_id("chat-words").all_inner_texts() == ["psst"]
    # What waits in another place stands beside the choice of places, and leads there.
    elsewhere = client_page.get_by_test_id("chat-elsewhere")
    assert await elsewhere.inner_text() == "1 new"
    await elsewhere.click()
    assert await client_page.get_by_test_id("chat-place").input_value() == "everyone"
    assert await elsewhere.is_hidden() and await unread(client_page) == 0


async def test_what_one_was_written_alone_is_unread_after_a_reload_until_it_was_looked_at(client_page: Any) -> None:
    history = [alone(1, "ada", "eve"), alone(2, "eve", "ada"), alone(3, "ada", "eve"), alone(4, "zoe", "eve")]
    await begin(client_page, *history)
    # What one has answered was read.
    assert await unread(client_page) == 2
    await client_page.evaluate("window.open()")
    await client_page.get_by_test_id("chat-place").select_option("private/ada")
    assert await unread(client_page) == 1
    await client_page.reload()
    await begin(client_page, *history)
    assert await unread(client_page) == 1
    await client_page.evaluate("window.open()")
    await client_page.get_by_test_id("chat-elsewhere").click()
    # Zoe has left, and is still called by her name.
    assert await client_page.locator("[data-testid=chat-place] option:checked").inner_text() == "Zoe"
    await client_page.reload()
    await begin(client_page, *history, alone(5, "zoe", "eve"))
    assert await unread(client_page) == 1


async def test_what_is_begun_for_one_stays_with_them(client_page: Any) -> None:
    await begin(client_page)
    await client_page.evaluate("window.open()")
    text, place = client_page.get_by_test_id("chat-text"), client_page.get_by_test_id("chat-place")
    await text.fill("For all")
    await place.select_option("private/ada")
    assert await text.input_value() == ""
    await text.fill("For Ada")
    await place.select_option("private/ben")
    assert await text.input_value() == ""
    await place.select_option("private/ada")
    assert await text.input_value() == "For Ada"
    await text.press("Enter")
    assert await client_page.evaluate("window.sent") == [["chat.send", {"text": "For Ada", "to": "ada"}]]
    await place.select_option("everyone")
    assert await text.input_value() == "For all"
    await place.select_option("private/ada")
    assert await text.input_value() == ""
