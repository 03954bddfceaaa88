"""Whole stories as text, to be read: who says what, and what follows.

A line without indentation is a command: `actor type key=value …`, `show stage | queue | plan | people | layout |
entries`, or `time passes SECONDS`. The indented lines under it are the outcome. `PODIUM_REWRITE=1` writes the outcomes
anew, for review as a diff.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from protocol import commands as c
from protocol import events as e
from protocol.names import PersonKind, Role
from server.room import inner
from server.room.entries import Entries
from server.room.plan import plan
from server.room.refusal import Refusal

from .house import House

FOLDER = Path(__file__).parent / "scenarios"
WIRE = {str(command.__struct_config__.tag): command for command in get_args(c.RoomCommand)}
INNER = {"drop": inner.Drop, "expire": inner.Expire}


def command_of(verb: str, fields: dict[str, Any]) -> Any:
    """The command that a line means."""
    if verb == "enter":
        role = fields.get("role")
        return inner.Enter(
            name=fields.get("name", "Somebody"),
            kind=PersonKind(fields.get("kind", "user")),
            by_right=fields.get("by_right") == "yes",
            inherits=None if role is None else Role(role),
            pin=fields.get("pin", ""),
        )
    if verb in INNER:
        return INNER[verb]()
    if verb == "layout.place" and "tile" in fields:
        sides = zip(("x", "y", "width", "height"), fields["tile"].split(","), strict=True)
        fields = {**fields, "tile": {side: int(percent) for side, percent in sides}}
    for several in ("options", "chosen"):
        if several in fields:
            fields = {**fields, several: fields[several].split(",")}
    if verb == "media.publish":
        fields = {"sdp": "v=0", "tracks": {str(n): s for n, s in enumerate(fields["tracks"].split(","))}}
    return msgspec.convert({"type": verb, "id": 1, **fields}, WIRE[verb], strict=False)


def show(house: House, what: str) -> list[str]:
    """A part of the state, a line each."""
    room = house.state
    if what == "plan":
        routes = plan(room)
        shown = [
            f"{r.track} {'open' if r.open else 'closed'}"
            + ("" if len(r.to) == len({*routes.peers.values()}) else f" to {', '.join(r.to)}")
            for r in routes.tracks.values()
        ]
        return shown or ["nothing"]
    if what == "layout":
        layout = room.layout
        placed = [f"{p} {t.x},{t.y},{t.width},{t.height}" for p, t in layout.tiles.items()]
        return [f"{layout.kind}, large: {layout.spotlight or 'whoever speaks'}", *placed]
    if what == "entries":
        return shown_entries(room.entries)
    if what == "people":
        return [f"{p.id} {p.role}{' away' if p.away else ''}" for p in room.people.values()] or ["nobody"]
    return [" ".join(getattr(room, what)) or "nobody"]


def shown_entries(entries: Entries) -> list[str]:
    """Questions, polls and links, a line each."""
    lines = []
    for number, asked in entries.questions.items():
        question = asked.question
        marks = ["on the stage"] * (entries.displayed == question.number) + ["private"] * question.private
        lines.append(f"question {number} {question.text} {len(asked.voters)} votes {', '.join(marks)}".rstrip())
    for number, posed in entries.polls.items():
        lines.append(f"poll {number} {posed.poll.state} {posed.counts}")
    for number, link in entries.links.items():
        lines.append(f"link {number} {link.url}{' on the stage' if entries.promoted == link.number else ''}")
    return [*lines, *["the chat is closed"] * entries.chat_closed]


def play(story: str) -> str:
    """The story with the outcomes as they are."""
    house, told = House(stage_places=2), []
    for line in story.splitlines():
        if line.startswith(" "):
            continue
        told.append(line)
        if not line or line.startswith("#"):
            continue
        actor, verb, *rest = line.split()
        if actor == "show":
            told += [f"    {shown}" for shown in show(house, verb)]
            continue
        if actor == "time":
            house.now += int(rest[0]) * 1000
            outcome = house.give("owner", inner.Elapse())
        else:
            outcome = house.give(actor, command_of(verb, dict(word.split("=", 1) for word in rest)))
        if isinstance(outcome, Refusal):
            told.append(f"    refused {outcome.code}: {outcome.rule}")
            continue
        told += [f"    {describe(event)}" for event in house.log[len(house.log) - len(outcome) :]]
        told += [] if outcome else ["    nothing to change"]
    return "\n".join(told) + "\n"


def describe(event: Any) -> str:
    """An event as a line: its version, its type, what it says."""
    fields = msgspec.to_builtins(event)
    if isinstance(event, e.LobbyEntered):
        fields |= {"person": event.who.id, "reason": event.who.reason.value}
    for hidden in ("type", "version", "time", "who", "inherits", "layout"):
        fields.pop(hidden, None)
    said = " ".join(f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in fields.items())
    return f"{event.version} {event.__struct_config__.tag} {said}".rstrip()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_the_story_goes_as_written(path: Path) -> None:
    written = path.read_text()
    played = play(written)
    if os.environ.get("PODIUM_REWRITE"):
        path.write_text(played)
    assert played == path.read_text()
    assert "    " in played
