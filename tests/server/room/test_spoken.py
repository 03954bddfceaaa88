"""Whoever is refused reads a sentence that a person understands, whatever they tried."""

from __future__ import annotations

import re

import msgspec
import pytest
from msgspec.structs import replace

from protocol import commands as c
from protocol.errors import Code, sentence
from protocol.examples import example
from protocol.files import FileKind
from protocol.names import Role
from server.room import files, inner
from server.room.decide import by_rule, decide
from server.room.explain import COMMANDS
from server.room.refusal import Refusal
from server.room.rules import MEANINGS, PERMISSIONS, RULES, Cell, allows
from server.room.spoken import spoken
from tests.server.room.house import House

# Names of commands, of actions, of codes, and the words of the table of rules.
_FOR_PROGRAMS = re.compile(r"[a-z]+\.[a-z_]+|[a-z]+_[a-z]+|\btowards\b|\bno row\b")


def understood(text: str) -> bool:
    """Whether this is a sentence without anything that only programs know. A setting is named as the page names it."""
    plain = re.sub(r"setting [a-z_]+|https?://|\d", "", text)
    return text[0].isupper() and text.endswith(".") and len(text.split()) >= 4 and not _FOR_PROGRAMS.search(plain)


@pytest.fixture
def house() -> House:
    """A conference with somebody of every role, a poll, a question, a link and a deck."""
    house = House()
    house.enter("owner", None, by_right=True)
    for role in Role:
        house.enter(role.value, role)
    house.accepted("owner", c.PollCreate(id=0, question="?", options=("-", "+")))
    house.accepted("owner", c.QuestionAsk(id=0, text="?"))
    house.accepted("owner", c.LinkPublish(id=0, url="https://example.org", title="-"))
    for kind in FileKind:
        house.accepted("owner", inner.AddFile(kind=kind, label="a.pdf", size=1, key="0" * 32, quota=10, pages=2))
    return house


@pytest.mark.parametrize("action", PERMISSIONS)
def test_what_the_role_does_not_allow_is_named_for_every_action(action: str, house: House) -> None:
    assert understood(f"Your role does not allow this: {MEANINGS[action]}.")
    told = 0
    for command, towards in (pair for pair, rule in RULES.items() if rule.action == action):
        for role in (role for role in Role if PERMISSIONS[action][role] is Cell.NO):
            refusal = allows(house.state, house.state.people[role.value], command, towards)
            assert isinstance(refusal, Refusal)
            assert spoken(refusal) == f"Your role does not allow this: {MEANINGS[action]}."
            told += 1
    has_commands = any(rule.action == action for rule in RULES.values())
    assert told or not has_commands or Cell.NO not in PERMISSIONS[action].values()


# What is written and shouted is not decided by the room's log.
TALK = ("chat.send", "chat.edit", "chat.delete", "reaction.send")


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - set(TALK)))
def test_every_refusal_of_every_command_is_a_sentence(command: str, house: House) -> None:
    kind = COMMANDS[command]
    for full in (True, False):
        tried: c.Command = example(kind, full=full)  # type: ignore[assignment]
        about = ("owner", "viewer", "nobody") if "target" in kind.__struct_fields__ else (None,)
        numbers = {"poll", "question", "link", "file"} & set(kind.__struct_fields__)
        entries = [name for name in numbers if not isinstance(getattr(tried, name), str)]
        for role in Role:
            for target in about:
                for number in (1, 2, 99):
                    changes = {"target": target} if target else {}
                    given = replace(tried, **changes, **dict.fromkeys(entries, number))
                    decided = decide(house.state, role.value, given, 1)  # type: ignore[arg-type]
                    assert not isinstance(decided, Refusal) or understood(spoken(decided)), decided


@pytest.mark.parametrize("role", Role)
def test_every_refusal_of_what_is_decided_by_a_rule_alone_is_a_sentence(role: Role, house: House) -> None:
    house.accepted("owner", c.ChatClose(id=0))
    found = by_rule(house.state, house.state.people[role.value])
    assert {name.partition(":")[0] for name in found} >= set(TALK)
    for name, decided in found.items():
        assert not isinstance(decided, Refusal) or understood(spoken(decided)), name


@pytest.mark.parametrize("code", Code)
def test_without_a_reason_it_is_the_sentence_of_the_code(code: Code) -> None:
    assert spoken(Refusal(code)) == sentence(code) and understood(sentence(code))


def test_a_reason_that_is_not_the_role_is_not_said_to_be_the_role(house: House) -> None:
    def refused(who: str, command: msgspec.Struct) -> str:
        decided = decide(house.state, who, command, 1)  # type: ignore[arg-type]
        assert isinstance(decided, Refusal)
        return spoken(decided)

    assert refused("owner", c.PollAnswer(id=0, poll=1, chosen=(0,))) == (
        "This is not possible: only an open poll is answered."
    )
    assert refused("owner", c.LinkPublish(id=0, url="ftp://example.org", title="-")) == (
        "This is not possible: a link begins with http:// or https:// and a host."
    )
    house.accepted("owner", c.PollLaunch(id=0, poll=1))
    assert refused("owner", c.PollLaunch(id=0, poll=1)) == "This is already so: a poll is launched once."


def test_slides_of_ones_own_are_offered_where_they_can_be_shown_from(house: House) -> None:
    def offered(who: str) -> bool:
        return not isinstance(by_rule(house.state, house.state.people[who])["slides.open:own"], Refusal)

    assert {role.value for role in Role if offered(role.value)} == {"organizer", "moderator"}
    house.accepted("speaker", c.StageRequest(id=0))
    assert offered("speaker") and files.shows_from_here(house.state, house.state.people["speaker"])
    house.accepted("speaker", c.StageLeave(id=0))
    assert not offered("speaker")
