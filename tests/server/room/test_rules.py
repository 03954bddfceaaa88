"""The tables: equal to the specification, and walked in full on the core alone."""

from __future__ import annotations

import csv
import pathlib
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from protocol import commands as c
from protocol.devices import Device, DeviceKind
from protocol.errors import Code
from protocol.files import FileKind
from protocol.layout import LayoutKind
from protocol.names import Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import Lobby
from server.room import inner
from server.room.decide import allowed, decide
from server.room.refusal import Refusal
from server.room.rules import PERMISSIONS, RULES, Cell, Relation, command_name, grants, permits
from server.room.state import Room
from server.room.table import table

from .house import House

SPECIFIED = list(csv.DictReader((pathlib.Path(__file__).parents[2] / "data/session_permissions.csv").open()))
CAMERA = Device(id="front", kind=DeviceKind.CAMERA)
ROOM_COMMANDS = get_args(c.RoomCommand)
TARGETED = [command for command in ROOM_COMMANDS if "target" in command.__struct_fields__]
# About a question, a poll, a link or a file, named by its number.
ABOUT_ENTRIES = [
    command
    for command in ROOM_COMMANDS
    if {"question", "poll", "link", "file"} & {*command.__struct_fields__} and command is not c.PollCreate
]
PLAIN = [command for command in ROOM_COMMANDS if command not in (*TARGETED, *ABOUT_ENTRIES)]
# What is said beside the room's log has rows too.
UPLOADS = {"file.upload:handout", "file.upload:slides"}
BESIDE = {
    "chat.send",
    "chat.send:moderators",
    "chat.send:private",
    "chat.edit",
    "chat.delete",
    "reaction.send",
    *UPLOADS,
}

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
    c.MediaStats: STAFF,
    c.MediaLock: STAFF,
    c.MediaMuteAll: STAFF,
    c.MediaUnmuteAll: STAFF,
    c.MediaAskUnmute: STAFF,
    c.ShareStop: STAFF,
    c.ParticipantRemove: STAFF,
    c.ParticipantBlock: STAFF,
    c.ParticipantUnblock: STAFF,
    c.RoleAssign: STAFF,
    c.ConferenceLayout: STAFF,
    c.LayoutPlace: STAFF,
    c.DevicesReport: ALL,
    c.DevicesSelect: STAFF,
    c.RoleClear: STAFF,
    c.ConferenceStart: STAFF,
    c.ConferenceSetPin: {Role.ORGANIZER},
    c.LobbyAdmit: STAFF,
    c.LobbyAdmitAll: STAFF,
    c.LobbyRefuse: STAFF,
    c.QuestionAsk: ALL,
    c.PollCreate: ALL - {Role.VIEWER},
    c.LinkPublish: ALL - {Role.VIEWER},
    c.ChatClose: STAFF,
    c.ChatOpen: STAFF,
    c.RecordingStart: STAFF,
    c.RecordingStop: STAFF,
}
SPEAKERS = ALL - {Role.VIEWER}
# About an entry of one's own, and about somebody else's.
OWN_ENTRIES = {
    c.QuestionUpvote: set(),
    c.QuestionApprove: STAFF,
    c.QuestionAnswer: SPEAKERS,
    c.QuestionDisplay: SPEAKERS,
    c.QuestionDismiss: ALL,
    c.PollLaunch: SPEAKERS,
    c.PollAnswer: ALL,
    c.PollClose: SPEAKERS,
    c.PollRemove: SPEAKERS,
    c.LinkPromote: SPEAKERS,
    c.LinkRemove: SPEAKERS,
    c.FileRemove: SPEAKERS,
    c.SlidesOpen: SPEAKERS,
    c.SlidesPage: SPEAKERS,
    c.SlidesClose: SPEAKERS,
}
OTHERS_ENTRIES = OWN_ENTRIES | {
    c.QuestionUpvote: ALL,
    c.QuestionDismiss: STAFF,
    c.PollRemove: STAFF,
    c.LinkRemove: STAFF,
    c.FileRemove: STAFF,
    c.SlidesOpen: STAFF,
    c.SlidesPage: STAFF,
    c.SlidesClose: STAFF,
}
ABOUT_FILES = {c.FileRemove, c.SlidesOpen, c.SlidesPage, c.SlidesClose}
# Commands that everybody may give about themselves, those that staff may, and those nobody may.
ABOUT_ONESELF = {
    c.MediaMute: ALL,
    c.MediaUnmute: ALL,
    c.MediaStats: ALL,
    c.ShareStop: ALL,
    c.RemarkEnd: ALL,
    c.RemarkGrant: STAFF,
    c.StageGrant: STAFF,
    c.StageReorder: STAFF,
    c.RoleAssign: STAFF,
    # Speakers in part: the own tile.
    c.LayoutPlace: ALL - {Role.VIEWER},
    c.DevicesSelect: ALL,
    c.RoleClear: STAFF,
}
# Commands that reach an organizer by right from below.
REACH_THE_PROTECTED = {
    c.MediaMute,
    c.MediaUnmute,
    c.MediaLock,
    c.MediaStats,
    c.StageGrant,
    c.StageReorder,
    c.RemarkGrant,
    c.StageInvite,
    c.MediaAskUnmute,
    c.ParticipantUnblock,
    c.LayoutPlace,
}
# Commands about an identity that need not be present.
ABOUT_ANYBODY = {c.ParticipantBlock, c.ParticipantUnblock, c.RoleAssign, c.RoleClear}
# Commands about somebody who waits at the door, who is neither oneself nor an organizer by right.
AT_THE_DOOR = {c.LobbyAdmit, c.LobbyRefuse}
ONLY_ON_STAGE = {c.StageLeave, c.MediaPublish}
ONLY_OFF_STAGE = {c.StageRequest, c.StageWithdraw, c.StageAccept, c.StageDecline, c.RemarkRequest, c.RemarkWithdraw}


@pytest.mark.parametrize("row", SPECIFIED, ids=lambda row: str(row["action"]))
def test_every_cell_of_the_session_permissions_stands_in_the_table(row: dict[str, str]) -> None:
    for role in Role:
        assert PERMISSIONS[row["action"]][role] == row[role], (row["action"], role)


def test_every_command_of_the_core_has_a_rule_and_every_rule_a_command_and_an_action() -> None:
    named = {command_name(command) for command in ROOM_COMMANDS}
    assert {command for command, _ in RULES} == named | BESIDE
    assert all(rule.action in PERMISSIONS for rule in RULES.values())


def test_an_action_without_a_row_is_refused_to_everybody() -> None:
    assert not any(permits(role, "conference.sell") for role in Role)
    assert not any(permits(role, action) for action, cells in PERMISSIONS.items() for role in Role
                   if cells[role] is not Cell.YES)  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("row", SPECIFIED, ids=lambda row: str(row["action"]))
def test_every_cell_is_resolved_for_a_person_in_every_setting(row: dict[str, str], role: Role) -> None:
    action, cell = row["action"], row[role]
    # The settings of the specification, by the action that each of them grants.
    named = {"chat.moderate": "speakers_moderate_chat", "question.see_private": "speakers_see_private_questions"}
    house = House()
    house.enter("owner", None)
    house.enter("actor", role)
    for granted in (False, True):
        every: dict[str, Any] = dict.fromkeys(named.values(), granted)
        house.accepted("owner", c.ConferenceSettings(id=1, **every))
        actor = house.state.people["actor"]
        assert grants(house.state, actor, action) is (
            cell == "yes" or (cell == "partial" and granted and action in named)
        )
        assert grants(house.state, actor, action, own=True) is (cell in ("yes", "partial"))
    for setting in set(named.values()) - {named.get(action)}:
        alone: dict[str, Any] = dict.fromkeys(named.values(), False) | {setting: True}
        house.accepted("owner", c.ConferenceSettings(id=2, **alone))
        assert grants(house.state, house.state.people["actor"], action) is (cell == "yes")


def build(command: type[c.Command], target: str | None) -> c.RoomCommand:
    fields: dict[str, object] = {"id": 1}
    if target is not None:
        fields["target"] = target
    extra = {
        "source": MuteSource.AUDIO,
        "role": Role.SPEAKER,
        "position": 0,
        "pin": "1234",
        "mode": Mode.VIDEO_LECTURE,
        "sdp": "v=0",
        "tracks": {"0": Source.AUDIO},
        "devices": (CAMERA,),
        "device": CAMERA.id,
        "text": "Why?",
        "question": "Which?",
        "options": ("this", "that"),
        "url": "https://example.org",
        "title": "Slides",
        "poll": 1,
        "link": 1,
        "file": 1,
        "page": 1,
        "chosen": (0,),
    }
    if command in ABOUT_ENTRIES:
        extra["question"] = 1
    if command is c.DevicesSelect:
        extra["kind"] = CAMERA.kind
    if command is c.ConferenceLayout:
        extra["kind"] = LayoutKind.SIDEBAR
    fields |= {name: value for name, value in extra.items() if name in command.__struct_fields__}
    return command(**fields)  # type: ignore[arg-type,return-value]


def scene(role: Role, actor_up: bool, target_up: bool, asks: bool, invited: bool) -> Room:
    """An actor of a role, somebody else with an assignment, and the owner, in the given places; somebody at the door of
    a conference that is held back."""
    house = House()
    house.enter("owner", None)
    house.accepted("owner", c.ConferenceSettings(id=1, lobby=Lobby.GUESTS))
    house.enter("waits", Role.SPEAKER, kind=PersonKind.GUEST)
    house.enter("actor", role)
    house.enter("other", Role.VIEWER)
    room = house.state
    stage = tuple(p for p, up in (("actor", actor_up), ("other", target_up), ("owner", target_up)) if up)
    off = tuple(p for p in ("actor", "other", "owner") if p not in stage)
    return replace(
        room,
        settings=replace(room.settings, backstage=True),
        assigned=table({"actor": role, "other": Role.VIEWER}),
        stage=stage,
        queue=off if asks else (),
        asking=off if asks else (),
        invited=off if invited else (),
        devices=table(dict.fromkeys(room.people, (CAMERA,))),
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
    if command in AT_THE_DOOR and relation is Relation.OTHER:
        target = "waits"
    for target_up in (False, True):
        room = scene(role, actor_up=False, target_up=target_up, asks=True, invited=False)
        decided = decide(room, "actor", build(command, target), 5)
        if command in AT_THE_DOOR and relation is not Relation.OTHER:
            expected = Code.NO_SUCH_PERSON if role in MAY[command] else Code.NOT_ALLOWED
            assert isinstance(decided, Refusal) and decided.code is expected
            continue
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
        elif command in (c.StageTakeDown, c.MediaAskUnmute, c.LayoutPlace) and not up:
            assert isinstance(decided, Refusal) and decided.code is Code.NOT_ON_STAGE
        elif command is c.RemarkEnd:
            assert isinstance(decided, Refusal) and decided.code is Code.NO_REMARK
        elif command is c.ShareStop:
            assert isinstance(decided, Refusal) and decided.code is Code.NO_SUCH_TRACK
        elif command is c.ParticipantUnblock:
            assert isinstance(decided, Refusal) and decided.code is Code.NOT_BLOCKED
        else:
            assert isinstance(decided, tuple), decided


@pytest.mark.parametrize("granted", [False, True], ids=["plain", "speakers_moderate_chat"])
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("command", ABOUT_ENTRIES, ids=command_name)
def test_each_command_about_an_entry_by_each_role_about_their_own_and_about_others(
    command: type[c.Command], role: Role, granted: bool
) -> None:
    for made_by in ("actor", "other"):
        house = House()
        house.enter("owner", None)
        house.enter("other", Role.SPEAKER)
        house.enter("actor", Role.SPEAKER)
        house.accepted("owner", c.ConferenceSettings(id=1, speakers_moderate_chat=granted))
        house.accepted(made_by, c.QuestionAsk(id=2, text="Why?"))
        house.accepted(made_by, c.PollCreate(id=3, question="Which?", options=("this", "that")))
        house.accepted(made_by, c.LinkPublish(id=4, url="https://example.org", title="Slides"))
        slides = inner.AddFile(kind=FileKind.SLIDES, label="a.pdf", size=9, key="k", quota=9, pages=2)
        house.accepted(made_by, slides)
        house.accepted("actor", c.StageRequest(id=5))
        if command in (c.SlidesPage, c.SlidesClose):
            house.accepted("owner", c.SlidesOpen(id=5, file=1, page=2))
        if command in (c.PollAnswer, c.PollClose):
            house.accepted("owner", c.PollLaunch(id=5, poll=1))
        house.accepted("owner", c.RoleAssign(id=6, target="actor", role=role))
        decided = decide(house.state, "actor", build(command, None), 5)
        entitled = {*(OWN_ENTRIES if made_by == "actor" else OTHERS_ENTRIES)[command]}
        if granted and entitled == STAFF and command not in ABOUT_FILES:
            entitled = SPEAKERS
        if role in entitled:
            assert isinstance(decided, tuple), (made_by, decided)
        else:
            assert isinstance(decided, Refusal) and decided.code is Code.NOT_ALLOWED, (made_by, decided)
        may = allowed(house.state, "actor", None)
        assert (command_name(command) + (":own" if made_by == "actor" else "") in may) is (role in entitled)


@pytest.mark.parametrize("role", list(Role))
def test_can_says_exactly_what_the_check_would_let_through(role: Role) -> None:
    room = scene(role, actor_up=False, target_up=True, asks=True, invited=True)
    for target in (None, "actor", "other", "owner", "waits"):
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


@pytest.mark.parametrize("command", TARGETED, ids=command_name)
def test_who_has_not_the_right_is_not_told_who_is_there(command: type[c.Command]) -> None:
    room = scene(Role.VIEWER, actor_up=False, target_up=False, asks=True, invited=False)
    answers = {repr(decide(room, "actor", build(command, target), 5)) for target in ("other", "waits", "nobody@peer")}
    assert len(answers) == 1, "present, at the door and nowhere are one answer"
