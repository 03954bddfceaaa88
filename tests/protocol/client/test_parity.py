"""Both clients say what the protocol has to say, and the lists of it are the same."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from protocol import commands
from tests.harness import ROOT

COMMANDS = {str(kind.__struct_config__.tag): kind for kind in get_args(commands.ClientMessage)}
JS = ROOT / "server" / "web" / "js"
TYPES = (JS / "types.js").read_text()
# What the library says by itself: the greeting, and what its media part negotiates.
SAID = "\n".join(path.read_text() for path in [JS / "podium.js", *sorted((JS / "lib").glob("*.js"))])


def test_python_programs_are_offered_every_command() -> None:
    assert len(COMMANDS) > 60
    assert {kind.__name__ for kind in COMMANDS.values()} <= set(vars(commands))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_described_to_javascript(name: str) -> None:
    assert f"'{name}'" in TYPES, "run python -m protocol.documents"


def test_the_javascript_library_says_no_command_that_there_is_not() -> None:
    said = set(re.findall(r"(?:send|sendNow|say)\('([a-z_.]+)'", SAID))
    assert {"conference.join", "can", "people.list", "chat.history"} <= said <= set(COMMANDS)


def test_the_pages_use_no_command_that_there_is_not() -> None:
    pages = "\n".join(path.read_text() for path in sorted(JS.rglob("*.js")))
    said = set(re.findall(r"\.send\('([a-z_.]+)'", pages))
    assert len(said) > 20 and said <= set(COMMANDS)
