"""What leaves of the events of a conference."""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

import msgspec
import pytest

from protocol import events as e
from protocol.devices import Device, DeviceKind
from protocol.engagement import Poll
from protocol.names import PersonKind, Role
from protocol.view import Person
from server.webhooks import outside

# Words of things that nobody outside may have, wherever in an event they stand.
SECRET = (
    "pin",
    "token",
    "password",
    "secret",
    "hash",
    "sdp",
    "device",
    "address",
    "chosen",
    "client",
    "inherits",
    "links",
)


def test_every_event_is_in_the_table_or_withheld_on_purpose() -> None:
    told = {event for event in outside.ALL if outside.kind_of(event) in outside.KINDS}
    assert told | outside.WITHHELD == set(outside.ALL)
    assert not told & outside.WITHHELD


def structs(annotation: Any) -> set[type[msgspec.Struct]]:
    """The structs within a type."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        inner = (structs(field.type) for field in msgspec.structs.fields(annotation))
        return {annotation}.union(*inner)
    if get_origin(annotation) is None:
        return set()
    return set().union(*map(structs, get_args(annotation)))


EVENTS = sorted(outside.ALL, key=outside.kind_of)


@pytest.mark.parametrize("event", EVENTS, ids=outside.kind_of)
def test_no_field_with_a_secret_leaves(event: type[e.Event]) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(event)}
    told = outside._FIELDS.get(event, ())
    assert set(told) <= set(fields), "the table names fields that there are not"
    names = set(told)
    for name in told:
        for struct in structs(fields[name].type):
            names |= {field.name for field in msgspec.structs.fields(struct)}
    # `chosen` of a poll is what its reader chose, which a commit never holds; it is looked at below.
    found = {name for name in names if any(word in name for word in SECRET)} - {"chosen"}
    assert not found, f"{outside.kind_of(event)} tells {found}"
    assert "chosen" not in told


def test_the_pin_stays_inside() -> None:
    told = outside.shown(e.ConferencePinChanged(version=4, by="u_owner", pin="4711"), 9)
    assert told == {"type": "conference.pin_changed", "version": 4, "time": 9, "by": "u_owner"}


@pytest.mark.parametrize(
    "event",
    [
        e.PollAnswered(version=1, by="u_a", poll=1, person="u_a", chosen=(1,)),
        e.QuestionUpvoted(version=1, by="u_a", question=1, person="u_a"),
        e.DevicesReported(
            version=1, person="u_a", devices=(Device(id="d", kind=DeviceKind.CAMERA, label="Anna's camera"),)
        ),
        e.DevicesSelected(version=1, person="u_a", kind=DeviceKind.CAMERA, device="d"),
        e.ParticipantLinked(version=1, person="u_a", links={"n1": True}),
    ],
    ids=lambda event: outside.kind_of(type(event)),
)
def test_votes_devices_and_nodes_are_not_even_mentioned(event: e.Event) -> None:
    assert outside.shown(event, 1) is None


def test_a_commit_holds_no_choice_of_a_reader() -> None:
    # What makes `poll` harmless: it is kept as nobody in particular sees it.
    poll = Poll(number=1, person="u_a", name="A", time=1, question="?", options=("a", "b"))
    told = outside.shown(e.PollLaunched(version=1, poll=poll), 1)
    assert told is not None and not {"chosen", "answered"} & told["poll"].keys()


def test_what_is_told_is_plain_json() -> None:
    joined = e.ParticipantJoined(
        version=7, time=1_700_000_000_000, person="u_a", name="Anna", kind=PersonKind.USER, role=Role.SPEAKER
    )
    assert outside.shown(joined, 1) == {
        "type": "participant.joined",
        "version": 7,
        "time": 1_700_000_000_000,
        "person": "u_a",
        "name": "Anna",
        "kind": "user",
        "role": "speaker",
        "by_right": False,
    }
    who = Person(id="u_a", name="Anna", kind=PersonKind.USER, role=Role.SPEAKER, on_stage=True)
    taken = outside.shown(e.StageTaken(version=8, person="u_a", who=who), 1)
    assert json.loads(json.dumps(taken)) == taken


@pytest.mark.parametrize(
    ("pattern", "kind", "matched"),
    [
        ("*", "stage.taken", True),
        ("stage.*", "stage.taken", True),
        ("stage.*", "stages.taken", False),
        ("stage.taken", "stage.taken", True),
        ("stage", "stage.taken", False),
    ],
)
def test_patterns_mean_kinds(pattern: str, kind: str, matched: bool) -> None:
    assert outside.matches(pattern, kind) is matched


@pytest.mark.parametrize(
    "pattern", ["", "**", "stage.", "stage.t*", "nothing.*", "poll.answered", "devices.*", "STAGE.*"]
)
def test_what_no_event_is_called_is_not_known(pattern: str) -> None:
    assert not outside.known(pattern)
