"""What a node says again when the store could not take it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from protocol.errors import Code
from server.conference import links
from server.conference.links import Links
from server.conference.replica import Order
from server.room import inner
from server.room.refusal import Refusal
from tests.harness import until


async def test_of_two_things_to_say_of_somebody_both_are_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "RETRY_S", 0.02)
    someone = SimpleNamespace(links={"here": True, "lost": False, "also": False})
    state: Any = SimpleNamespace(people={"g_1": someone}, lobby={})
    said: list[Order] = []
    room: Any = SimpleNamespace(
        replica=SimpleNamespace(room=state, submit=said.append), connections=lambda _person: [], connected=set
    )
    mine = Links(room, "here")
    mine.report("g_1")
    mine.lost({"lost": 0})
    mine.lost({"also": 0})
    for order in said[:]:
        order.answer(Refusal(Code.STORE_UNAVAILABLE))
    await until(lambda: len(said) == 6)
    dropped = [
        command.nodes for order in said[3:] for command in order.commands(state) if isinstance(command, inner.Drop)
    ]
    assert sorted(dropped) == [("also",), ("here",), ("lost",)]
    mine.stop()
