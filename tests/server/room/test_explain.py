"""Explanations say what the check says, in words: about everybody, every command and every action."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import fields, replace

from protocol import commands as c
from protocol.answers import Explanation
from protocol.errors import Code
from protocol.names import Mode, PersonKind, Role, RoleRule
from protocol.settings import Access, Lobby, Outsiders
from server.room.decide import by_rule, decide, permitted
from server.room.explain import COMMANDS, Subject, explain
from server.room.refusal import Refusal
from server.room.rules import GRANTED_BY, MEANINGS, PERMISSIONS, RULES, command_name, grants
from server.room.state import Room

from .house import House
from .test_rules import PLAIN, TARGETED, build, scene

# All but those whose name is a command's that needs no target: that name means the command.
ACTIONS = [
    action
    for action in PERMISSIONS
    if action not in COMMANDS or any(field.name == "target" and field.required for field in fields(COMMANDS[action]))
]


def subject(room: Room, identity: str, **more: object) -> Subject:
    present = room.people.get(identity)
    known = {"id": identity, "name": identity.title(), "kind": present.kind if present else PersonKind.USER} | more
    return Subject(**known)  # type: ignore[arg-type]


def explained(room: Room, identity: str, ask: str, target: str | None = None, **more: object) -> Explanation:
    found = explain(room, subject(room, identity, **more), ask, target)
    assert isinstance(found, Explanation), found
    return found


def unclear(room: Room, ask: str, target: str | None = None) -> str:
    found = explain(room, subject(room, "actor"), ask, target)
    assert isinstance(found, Refusal) and found.code is Code.BAD_MESSAGE
    return found.rule


def asked(kind: type[c.Command]) -> str:
    variants = {"source": ":audio", "role": ":speaker", "mode": ":video_lecture"}
    return command_name(kind) + next((end for field, end in variants.items() if field in kind.__struct_fields__), "")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("kind", [*TARGETED, *PLAIN], ids=command_name)
def test_an_explanation_of_a_command_is_never_a_second_opinion(kind: type[c.Command], role: Role) -> None:
    for target in ("actor", "other", "owner", "waits", "nobody") if kind in TARGETED else (None,):
        for up in (False, True):
            room = scene(role, up, up, asks=not up, invited=not up)
            decided = decide(room, "actor", build(kind, target), 0)
            found = explained(room, "actor", asked(kind), target)
            assert found.allowed is not isinstance(decided, Refusal), (found, decided)
            assert found.code == (decided.code if isinstance(decided, Refusal) else None)
            assert found.role is role and not found.absent and len(found.message) > 40
            granted = permitted(room, "actor", kind, target)
            if not isinstance(granted, Refusal):
                assert found.rule == granted[2].name and found.rule in found.message
            elif found.rule:
                assert any(rule.name == found.rule for rule in RULES.values())


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_what_a_rule_alone_decides_is_explained_by_that_rule(role: Role, closed: bool) -> None:
    room = scene(role, False, False, False, False)
    room = replace(room, entries=replace(room.entries, chat_closed=closed))
    ruled = by_rule(room, room.people["actor"])
    assert {"chat.send", "chat.send:moderators", "reaction.send", "question.dismiss", "question.dismiss:own"} <= {
        *ruled
    }
    for name, decided in ruled.items():
        found = explained(room, "actor", name)
        assert found.code == (decided.code if isinstance(decided, Refusal) else None), name
        assert found.rule in found.message
        if not isinstance(decided, Refusal):
            assert found.rule == decided.name


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_explained_by_its_cell_in_every_setting(action: str, role: Role) -> None:
    room = scene(role, False, False, False, False)
    setting = GRANTED_BY.get(action)
    for on in (False, True) if setting is not None else (False,):
        settings = replace(room.settings, **{setting: on}) if setting is not None else room.settings
        now = replace(room, settings=settings)
        found = explained(now, "actor", action)
        assert found.allowed is grants(now, now.people["actor"], action)
        assert found.rule == action and MEANINGS[action] in found.message
        if setting is not None and PERMISSIONS[action][role] == "partial":
            assert f"{setting} is on: it is {'on' if on else 'off'}" in found.message


# --- the five steps -----------------------------------------------------------------------------


def test_the_first_of_the_five_steps_that_matches_is_named() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("admin", Role.VIEWER, by_right=True)
    house.enter("anna", Role.SPEAKER)
    house.enter("gina", Role.VIEWER, kind=PersonKind.GUEST)
    house.enter("maria", Role.SPEAKER)
    house.accepted("owner", c.RoleAssign(id=1, target="maria", role=Role.MODERATOR))

    def step(identity: str, **more: Any) -> tuple[RoleRule, Role | None, str]:
        found = explained(house.state, identity, "take_part", **more)
        return found.role_rule, found.role, found.message

    speaks = {"inherits": Role.SPEAKER}
    assert step("owner")[:2] == (RoleRule.OWNER, Role.ORGANIZER)
    rule, role, message = step("admin", by_right=True)
    assert (rule, role) == (RoleRule.BY_RIGHT, Role.ORGANIZER) and "operators" in message
    rule, role, message = step("maria")
    assert (rule, role) == (RoleRule.ASSIGNED, Role.MODERATOR)
    assert message.startswith("Maria is a moderator, because this role was assigned to them in this conference.")
    rule, role, message = step("anna", **speaks)
    assert (rule, role) == (RoleRule.MEMBERS, Role.SPEAKER) and "has chosen nothing for members" in message
    rule, role, message = step("gina", inherits=Role.VIEWER)
    assert (rule, role) == (RoleRule.OUTSIDERS, Role.VIEWER) and "to their link" in message

    house.accepted("owner", c.ConferenceSettings(id=2, members=Access.VIEWER, outsiders=Outsiders.SPEAKER))
    rule, role, message = step("anna", **speaks)
    assert (rule, role) == (RoleRule.MEMBERS, Role.VIEWER)
    assert message.startswith("Anna is a viewer, because general access for members says viewer.")
    rule, role, message = step("gina", inherits=Role.VIEWER)
    assert (rule, role) == (RoleRule.OUTSIDERS, Role.SPEAKER) and "for outsiders says speaker" in message
    house.accepted("owner", c.ConferenceSettings(id=3, members=Access.NO_ACCESS))
    rule, role, message = step("anna", **speaks)
    assert (rule, role) == (RoleRule.NO_ACCESS, None)
    assert "Anna has no access, because general access for members says no_access" in message
    assert step("maria")[:2] == (RoleRule.ASSIGNED, Role.MODERATOR), "an assignment wins"


# --- people who are not there -----------------------------------------------------------------


def test_who_is_absent_is_explained_as_they_would_come_in() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna", Role.SPEAKER)
    state = house.state
    found = explained(state, "ben", "media.mute:audio", "anna", inherits=Role.SPEAKER)
    assert (found.absent, found.allowed, found.code, found.role) == (True, False, Code.NOT_ALLOWED, Role.SPEAKER)
    assert found.message.startswith("Ben is not in the conference; on coming they would be a speaker")
    found = explained(state, "root", "media.mute:audio", "anna", by_right=True)
    assert (found.absent, found.allowed, found.role_rule) == (True, True, RoleRule.BY_RIGHT)
    assert house.state is state, "nobody has come in by being asked about"


def test_who_would_not_get_in_is_told_so_with_the_doors_reason() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna", Role.SPEAKER)
    house.accepted("owner", c.ParticipantBlock(id=1, target="ben"))
    found = explained(house.state, "ben", "stage.request", inherits=Role.SPEAKER)
    assert (found.allowed, found.code, found.role) == (False, Code.BLOCKED, Role.SPEAKER)
    house.accepted("owner", c.ConferenceSettings(id=2, members=Access.NO_ACCESS))
    found = explained(house.state, "cleo", "stage.request", inherits=Role.SPEAKER)
    assert (found.allowed, found.code, found.role_rule) == (False, Code.NO_ACCESS, RoleRule.NO_ACCESS)
    house.accepted("owner", c.ConferenceSettings(id=3, lobby=Lobby.GUESTS, members=Access.DEFAULT))
    found = explained(house.state, "gina", "stage.request", kind=PersonKind.GUEST, inherits=Role.VIEWER)
    assert (found.allowed, found.code) == (False, Code.WAITING) and "wait at the door" in found.message
    house.accepted("owner", c.ConferenceEnd(id=4))
    assert explained(house.state, "cleo", "stage.request", inherits=Role.SPEAKER).code is Code.CONFERENCE_ENDED
    assert explained(house.state, "owner", "conference.end").allowed, "an owner who comes reopens it"


def test_a_pin_keeps_nobody_from_being_explained() -> None:
    house = House()
    house.enter("owner", None)
    house.accepted("owner", c.ConferenceSetPin(id=1, pin="4711"))
    assert explained(house.state, "ben", "stage.request", inherits=Role.SPEAKER).allowed


# --- the question ---------------------------------------------------------------------------------


def test_what_is_wrong_with_a_question_is_said() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("actor", Role.MODERATOR)
    state = house.state
    assert unclear(state, "media.sing") == "There is no command and no action 'media.sing'."
    assert "about somebody" in unclear(state, "media.lock:audio")
    assert "leave the target out" in unclear(state, "conference.end", "owner")
    assert "leave the target out" in unclear(state, "stage.mute", "owner")
    assert "media.mute:video" in unclear(state, "media.mute", "owner")
    assert "conference.set_mode:all_on_screen" in unclear(state, "conference.set_mode")
    assert unclear(state, "stage.take_down:audio", "owner") == "stage.take_down has no variants."
    # A name that is both: the action when nobody is named, the command towards somebody.
    assert explained(state, "actor", "participant.remove").rule == "participant.remove"
    assert explained(state, "actor", "participant.remove", "owner").code is Code.PROTECTED


def test_the_reason_of_the_moment_is_told_apart_from_the_rule() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna", Role.VIEWER)
    found = explained(house.state, "owner", "stage.grant", "anna")
    assert (found.allowed, found.code) == (False, Code.NO_REQUEST)
    assert found.rule == "stage.grant towards other needs stage.invite_viewer"
    assert "which organizers have; but as things are: This person has not asked for it" in found.message
    house.accepted("owner", c.ConferenceSetMode(id=1, mode=Mode.VIDEO_LECTURE))
    assert explained(house.state, "anna", "stage.request", inherits=Role.VIEWER).code is Code.NOT_ALLOWED


@pytest.mark.parametrize("kind", TARGETED, ids=command_name)
def test_an_explanation_does_not_tell_who_is_there_to_whom_it_does_not_matter(kind: type[c.Command]) -> None:
    room = scene(Role.VIEWER, actor_up=False, target_up=False, asks=True, invited=False)
    told = {explained(room, "actor", asked(kind), target).message for target in ("other", "waits", "nobody@peer")}
    assert len(told) == 1


def test_a_user_of_a_peer_is_an_outsider() -> None:
    house = House()
    house.enter("owner", None)
    fay = {"kind": PersonKind.FEDERATED, "inherits": Role.VIEWER}
    found = explained(house.state, "fay@peer", "take_part", **fay)
    assert found.role_rule is RoleRule.OUTSIDERS and "users of a peer" in found.message
    house.accepted("owner", c.ConferenceSettings(id=1, members=Access.MODERATOR, outsiders=Outsiders.SPEAKER))
    found = explained(house.state, "fay@peer", "take_part", **fay)
    assert (found.role, found.role_rule) == (Role.SPEAKER, RoleRule.OUTSIDERS)
    assert "general access for outsiders says speaker" in found.message
