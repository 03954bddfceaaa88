"""The tables: equal to the specification, and walked in full on the core alone."""

from __future__ import annotations

import csv
import pathlib
from typing import get_args

import pytest
from msgspec.structs import replace

from protocol import commands as c
from protocol.errors import Code
from protocol.names import Mode, MuteSource, Role, Source
from server.room.decide import allowed, decide
from server.room.refusal import Refusal
from server.room.rules import PERMISSIONS, RULES, Cell, Relation, command_name, permits
from server.room.state import Room

from .house import House

SPECIFIED = list(csv.DictReader((pathlib.Path(__file__).parents[2] / "data/session_permissions.csv").open()))
ROOM_COMMANDS = get_args(c.RoomCommand)
TARGETED = [command for command in ROOM_COMMANDS if "target" in command.__struct_fields__]
PLAIN = [command for command in ROOM_COMMANDS if command not in TARGETED]

# What the specification says about each command, written down a second time and differently from the tables:
# who may give it, by the roles that may.
STAFF = {Role.ORGANIZER, Role.MODERATOR}
ALL = set(Role)
MAY = {
    c.ConferenceLeave: ALL,
    c.ConferenceEnd: STAFF,
    c.ConferenceSettings: {Role.ORGANIZER},
    c.ConferenceSetMode: {Role.ORGANIZER},
    c.StageRequest: ALL,
    c.StageWithdraw: ALL,
    c.StageAccept: ALL,
    c.StageDecline: ALL,
    c.StageLeave: ALL,
    c.MediaPublish: ALL,
    c.RemarkRequest: ALL,
    c.RemarkWithdraw: ALL,
    c.RemarkGrant: STAFF,
    c.RemarkRefuse: STAFF,
    c.RemarkEnd: STAFF,
    c.StageGrant: STAFF,
    c.StageRefuse: STAFF,
    c.StageReorder: STAFF,
    c.StageInvite: STAFF,
    c.StageTakeDown: STAFF,
    c.MediaMute: STAFF,
    c.MediaUnmute: STAFF,
    c.MediaLock: STAFF,
    c.MediaMuteAll: STAFF,
    c.MediaUnmuteAll: STAFF,
    c.MediaAskUnmute: STAFF,
    c.ShareStop: STAFF,
    c.ParticipantRemove: STAFF,
    c.ParticipantBlock: STAFF,
    c.ParticipantUnblock: STAFF,
    c.RoleAssign: STAFF,
}
# Commands that everybody may give about themselves, those that staff may, and those nobody may.
ABOUT_ONESELF = {
    c.MediaMute: ALL,
    c.MediaUnmute: ALL,
    c.ShareStop: ALL,
    c.RemarkEnd: ALL,
    c.RemarkGrant: STAFF,
    c.StageGrant: STAFF,
    c.StageReorder: STAFF,
    c.RoleAssign: STAFF,
}
# Commands that reach an organizer by right from below.
REACH_THE_PROTECTED = {
    c.MediaMute,
    c.MediaUnmute,
    c.MediaLock,
    c.StageGrant,
    c.StageReorder,
    c.RemarkGrant,
    c.StageInvite,
    c.MediaAskUnmute,
    c.ParticipantUnblock,
}
# Commands about an identity that need not be present.
ABOUT_ANYBODY = {c.ParticipantBlock, c.ParticipantUnblock, c.RoleAssign}
ONLY_ON_STAGE = {c.StageLeave, c.MediaPublish}
ONLY_OFF_STAGE = {c.StageRequest, c.StageWithdraw, c.StageAccept, c.StageDecline, c.RemarkRequest, c.RemarkWithdraw}


@pytest.mark.parametrize("row", SPECIFIED, ids=lambda row: str(row["action"]))
def test_every_cell_of_the_session_permissions_stands_in_the_table(row: dict[str, str]) -> None:
    for role in Role:
        assert PERMISSIONS[row["action"]][role] == row[role], (row["action"], role)


def test_every_command_of_the_core_has_a_rule_and_every_rule_a_command_and_an_action() -> None:
    named = {command_name(command) for command in ROOM_COMMANDS}
    assert {command for command, _ in RULES} == named
    assert all(rule.action in PERMISSIONS for rule in RULES.values())


def test_an_action_without_a_row_is_refused_to_everybody() -> None:
    assert not any(permits(role, "conference.sell") for role in Role)
    assert not any(permits(role, action) for action, cells in PERMISSIONS.items() for role in Role
                   if cells[role] is not Cell.YES)  # fmt: skip


def build(command: type[c.Command], target: str | None) -> c.RoomCommand:
    fields: dict[str, object] = {"id": 1}
    if target is not None:
        fields["target"] = target
    extra = {
        "source": MuteSource.AUDIO,
        "role": Role.SPEAKER,
        "position": 0,
        "mode": Mode.VIDEO_LECTURE,
        "sdp": "v=0",
        "tracks": {"0": Source.AUDIO},
    }
    fields |= {name: value for name, value in extra.items() if name in command.__struct_fields__}
    return command(**fields)  # type: ignore[arg-type,return-value]


def scene(role: Role, actor_up: bool, target_up: bool, asks: bool, invited: bool) -> Room:
    """An actor of a role, somebody else, and the owner, in the given places."""
    house = House()
    house.enter("owner", None)
    house.enter("actor", role)
    house.enter("other", Role.VIEWER)
    room = house.state
    stage = tuple(p for p, up in (("actor", actor_up), ("other", target_up), ("owner", target_up)) if up)
    off = tuple(p for p in ("actor", "other", "owner") if p not in stage)
    return replace(
        room, stage=stage, queue=off if asks else (), asking=off if asks else (), invited=off if invited else ()
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("command", PLAIN, ids=command_name)
def test_each_command_without_a_target_by_each_role_from_each_place(command: type[c.Command], role: Role) -> None:
    for up in (False, True):
        for asks, invited in ((False, False), (True, False), (False, True)):
            decided = decide(scene(role, up, False, asks, invited), "actor", build(command, None), 5)
            if role not in MAY[command]:
                assert isinstance(decided, Refusal) and decided.code is Code.NOT_ALLOWED
            elif command in ONLY_ON_STAGE and not up:
                assert isinstance(decided, Refusal) and decided.code is Code.NOT_ON_STAGE
            elif command in ONLY_OFF_STAGE and up:
                assert isinstance(decided, Refusal) and decided.code is Code.ALREADY
            elif command in (c.StageWithdraw, c.RemarkWithdraw) and not asks:
                assert isinstance(decided, Refusal) and decided.code is Code.NO_REQUEST
            elif command in (c.StageAccept, c.StageDecline) and not invited:
                assert isinstance(decided, Refusal) and decided.code is Code.NOT_INVITED
            else:
                assert isinstance(decided, tuple), decided


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("relation", [Relation.SELF, Relation.OTHER, Relation.PROTECTED])
@pytest.mark.parametrize("command", TARGETED, ids=command_name)
def test_each_command_with_a_target_by_each_role_towards_each_relation(
    command: type[c.Command], relation: Relation, role: Role
) -> None:
    target = {Relation.SELF: "actor", Relation.OTHER: "other", Relation.PROTECTED: "owner"}[relation]
    for target_up in (False, True):
        room = scene(role, actor_up=False, target_up=target_up, asks=True, invited=False)
        decided = decide(room, "actor", build(command, target), 5)
        if relation is Relation.SELF:
            entitled = role in ABOUT_ONESELF.get(command, set())
        elif relation is Relation.PROTECTED:
            entitled = role in MAY[command] and command in REACH_THE_PROTECTED
        else:
            entitled = role in MAY[command]
        if not entitled:
            assert isinstance(decided, Refusal)
            protected = relation is Relation.PROTECTED and role in MAY[command]
            assert decided.code is (Code.PROTECTED if protected else Code.NOT_ALLOWED)
            continue
        up = target_up and relation is not Relation.SELF
        if command in (c.StageGrant, c.StageRefuse, c.StageReorder, c.RemarkGrant, c.RemarkRefuse) and up:
            assert isinstance(decided, Refusal) and decided.code is Code.NO_REQUEST
        elif command is c.StageInvite and up:
            assert isinstance(decided, Refusal) and decided.code is Code.ALREADY
        elif (command is c.StageTakeDown and not up) or (command is c.MediaAskUnmute and not up):
            assert isinstance(decided, Refusal) and decided.code is Code.NOT_ON_STAGE
        elif command is c.RemarkEnd:
            assert isinstance(decided, Refusal) and decided.code is Code.NO_REMARK
        elif command is c.ShareStop:
            assert isinstance(decided, Refusal) and decided.code is Code.NO_SUCH_TRACK
        elif command is c.ParticipantUnblock:
            assert isinstance(decided, Refusal) and decided.code is Code.NOT_BLOCKED
        else:
            assert isinstance(decided, tuple), decided


@pytest.mark.parametrize("role", list(Role))
def test_can_says_exactly_what_the_check_would_let_through(role: Role) -> None:
    room = scene(role, actor_up=False, target_up=True, asks=True, invited=True)
    for target in (None, "actor", "other", "owner"):
        may = allowed(room, "actor", target)
        for command in PLAIN if target is None else TARGETED:
            name = command_name(command)
            variants = {"source": ":audio", "role": ":speaker", "mode": ":video_lecture"}
            suffix = next((end for field, end in variants.items() if field in command.__struct_fields__), "")
            through = not isinstance(decide(room, "actor", build(command, target), 5), Refusal)
            assert (name + suffix in may) is through, (name, target)


def test_who_is_not_in_the_conference_commands_nothing_and_is_no_target() -> None:
    house = House()
    house.enter("owner", None)
    for command in ROOM_COMMANDS:
        target = "nobody" if command in TARGETED else None
        assert house.refused("stranger", build(command, target)) == Code.NOT_YET
        if target and command not in ABOUT_ANYBODY:
            assert house.refused("owner", build(command, target)) == Code.NO_SUCH_PERSON
