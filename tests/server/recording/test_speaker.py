"""A timeline is told who speaks, and no more often than once a second."""

from __future__ import annotations

import asyncio

import pytest

from server.recording import speaker
from server.recording.speaker import Speaker


async def test_of_quick_turns_the_first_and_what_holds_in_the_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker, "EVERY_S", 0.05)
    said: list[str] = []
    one = Speaker(said.append)
    for person in ("", "anna", "anna", "bert", "carl", "", "bert"):
        one.heard(person)
    assert said == ["anna"]
    await asyncio.sleep(0.2)
    assert said == ["anna", "bert"], "said though nothing more was heard"
    one.heard("")
    one.heard("bert")
    await asyncio.sleep(0.1)
    assert said == ["anna", "bert"]
    one.forget()
    assert said == ["anna", "bert", "bert"]
    one.heard("anna")
    one.stop()
    await asyncio.sleep(0.1)
    assert said == ["anna", "bert", "bert"]
