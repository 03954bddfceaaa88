"""What happens is told in sentences: in the console of everything that people do, on the page of what concerns one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from protocol import events as e
from protocol.examples import members
from protocol.settings import Settings
from tests.web.conftest import WEB

EVENTS = {str(kind.__struct_config__.tag) for kind in members(e.RoomEvent)}
# Told by a list of their own, with a number of what is new; or by nobody's doing.
LISTED = {"question.asked", "question.upvoted", "poll.created", "poll.answered", "slides.turned"}
SILENT = {"conference.created", "participant.linked", "devices.reported"}


def told(script: str) -> set[str]:
    """The events that a script has a sentence for."""
    return set(re.findall(r"^  '([a-z]+\.[a-z_]+)': \(", (WEB / "js" / script).read_text(), re.MULTILINE))


def test_the_record_of_the_console_has_a_sentence_for_every_event_but_those_that_a_list_shows() -> None:
    assert told("console/sentences.js") == EVENTS - LISTED - SILENT


def test_the_page_has_sentences_for_events_alone() -> None:
    assert told("ui/words.js") <= EVENTS and len(told("ui/words.js")) > 15


CHANGED = """
async (changes) => {
  const { Room } = await import('/static/js/lib/room.js');
  const { sentenceOf } = await import('/static/js/ui/words.js');
  const { entryOf } = await import('/static/js/console/sentences.js');
  const room = new Room({
    conference: 'c', title: 'C', owner: 'ada', you: 'eve', epoch: 1, version: 1, stage_places: 36, count: 1,
    people: [{ id: 'ada', name: 'Ada' }], settings: { capacity: 40 },
  });
  const event = {
    type: 'conference.settings_changed', version: 2, by: 'ada', title: 'C', stage_places: 36,
    settings: { capacity: 40 }, ...changes,
  };
  room.apply(event);
  return [sentenceOf(room, event).text, entryOf(room, event, null).text];
}
"""


@pytest.mark.asyncio(loop_scope="module")
async def test_a_change_of_the_settings_names_what_changed(client_page: Any) -> None:
    title = await client_page.evaluate(CHANGED, {"title": "D"})
    assert title == ["Ada changed the settings: title “D”.", "Ada changed the settings: title “D”"]
    for settings, words in (
        ({"guests_may": {"audio": False}, "capacity": 40}, ": what guests may do"),
        ({}, ": people at most"),
        ({"public": False, "slow_mode_s": 5, "backstage": True, "list_hidden": True}, ""),
    ):
        assert await client_page.evaluate(CHANGED, {"settings": settings}) == [
            f"Ada changed the settings{words}.",
            f"Ada changed the settings{words}",
        ]
    for name in Settings.__struct_fields__:
        told = await client_page.evaluate(CHANGED, {"settings": {"capacity": 40, name: 7}})
        assert told[1] != "Ada changed the settings", name
