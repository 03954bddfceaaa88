"""What happens is told in sentences: in the console of everything that people do, on the page of what concerns one."""

from __future__ import annotations

import re

from protocol import events as e
from protocol.examples import members
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
