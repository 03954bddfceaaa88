"""The three modes: who is on the stage, who sees and hears whom, and what a change does to those who are there."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.names import Mode, MuteSource, Role, Source
from server.room.plan import plan
from server.room.view import audience, sees, snapshot

from .house import House

CAMERA = {"0": Source.AUDIO, "1": Source.VIDEO}


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    return house


def held(house: House, mode: Mode, teacher: str | None = None) -> tuple[e.RoomEvent, ...]:
    return house.accepted("owner", c.ConferenceSetMode(id=1, mode=mode, teacher=teacher))


def who_sees(house: House, track: str) -> set[str]:
    routes = plan(house.state)
    route = routes.tracks[track]
    return {peer for peer, group in routes.peers.items() if group in route.to and peer != route.peer}


def lecture() -> House:
    house = House()
    for person, role in (("owner", None), ("mod", Role.MODERATOR), ("s1", Role.VIEWER), ("s2", Role.SPEAKER)):
        house.enter(person, role)
    held(house, Mode.VIDEO_LECTURE)
    for person in ("owner", "mod", "s1", "s2"):
        house.accepted(person, c.MediaPublish(id=1, sdp="v=0", tracks=CAMERA))
    return house


def test_all_on_screen_everybody_takes_a_place_on_joining_and_without_one_there_is_no_joining(house: House) -> None:
    house.accepted("owner", c.ConferenceSettings(id=1, stage_places=2))
    held(house, Mode.ALL_ON_SCREEN)
    assert list(house.state.stage) == ["owner"]
    house.enter("anna", Role.VIEWER)
    assert house.state.stage == ("owner", "anna")
    house.accepted("anna", c.MediaPublish(id=1, sdp="v=0", tracks=CAMERA))
    assert house.enter("late", Role.SPEAKER).code == "stage_full"
    assert "late" not in house.state.people
    house.accepted("anna", c.StageLeave(id=2))
    house.accepted("anna", c.StageRequest(id=3))
    assert house.state.stage == ("owner", "anna"), "a free place is there for whoever is in the conference"


def test_all_on_screen_a_viewer_keeps_the_place_when_demoted(house: House) -> None:
    held(house, Mode.ALL_ON_SCREEN)
    house.enter("anna", Role.SPEAKER)
    house.accepted("owner", c.RoleAssign(id=1, target="anna", role=Role.VIEWER))
    assert "anna" in house.state.stage


def test_in_a_lecture_students_are_seen_by_those_who_lead_it_and_by_no_other_student() -> None:
    house = lecture()
    assert house.state.stage == ("owner", "mod")
    assert who_sees(house, "owner/video") == {"mod", "s1", "s2"}
    assert who_sees(house, "mod/audio") == {"owner", "s1", "s2"}
    for track in ("s1/audio", "s1/video"):
        assert who_sees(house, track) == {"owner", "mod"}
    house.accepted("mod", c.MediaMute(id=1, source=MuteSource.AUDIO, target="s1"))
    assert not plan(house.state).tracks["s1/audio"].open


def test_a_student_shares_no_screen() -> None:
    house = lecture()
    tracks = {**CAMERA, "2": Source.SCREEN}
    assert house.refused("s1", c.MediaPublish(id=1, sdp="v=0", tracks=tracks)) == "not_on_stage"


def test_in_a_lecture_one_gets_on_the_stage_by_being_made_moderator_and_by_nothing_else() -> None:
    house = lecture()
    assert house.refused("s2", c.StageRequest(id=1)) == "not_allowed"
    assert house.refused("mod", c.StageInvite(id=2, target="s2")) == "not_allowed"
    house.accepted("mod", c.RoleAssign(id=3, target="s1", role=Role.MODERATOR))
    assert list(house.state.stage) == ["owner", "mod", "s1"]
    assert who_sees(house, "s1/video") == {"owner", "mod", "s2"}
    assert "s1" in who_sees(house, "s2/video")
    house.accepted("mod", c.RoleAssign(id=4, target="s1", role=Role.SPEAKER))
    assert house.state.stage == ("owner", "mod") and "s1/video" not in plan(house.state).tracks


def test_another_teacher_is_named_and_the_former_one_keeps_the_place_only_by_role() -> None:
    house = lecture()
    held(house, Mode.VIDEO_LECTURE, "s2")
    assert set(house.state.stage) == {"owner", "mod", "s2"}
    assert who_sees(house, "s1/video") == {"owner", "mod", "s2"}
    held(house, Mode.VIDEO_LECTURE, "s1")
    assert set(house.state.stage) == {"owner", "mod", "s1"}
    assert "s2/video" not in plan(house.state).tracks
    house.accepted("owner", c.RoleAssign(id=1, target="s1", role=Role.VIEWER))
    assert "s1" in house.state.stage, "a teacher needs no role for the place"


def test_a_teacher_named_before_they_come_takes_the_place_on_joining(house: House) -> None:
    held(house, Mode.VIDEO_LECTURE, "tina")
    house.enter("tina", Role.VIEWER)
    house.enter("student", Role.SPEAKER)
    assert house.state.stage == ("owner", "tina")


def test_a_full_stage_keeps_nobody_out_of_a_lecture(house: House) -> None:
    house.accepted("owner", c.ConferenceSettings(id=1, stage_places=1))
    held(house, Mode.VIDEO_LECTURE)
    house.enter("mod", Role.MODERATOR)
    assert "mod" in house.state.people and house.state.stage == ("owner",)


def test_students_are_not_told_of_each_others_tracks() -> None:
    house = lecture()
    before = house.state
    (event,) = house.accepted("s1", c.MediaPublish(id=1, sdp="v=0", tracks={"0": Source.AUDIO}))
    told = audience(before, house.state, event)
    assert not sees(house.state, "s2", told)
    assert all(sees(house.state, person, told) for person in ("s1", "mod", "owner"))
    tracks = {reader: {p.id: p.tracks for p in snapshot(house.state, reader, 1).people} for reader in ("s2", "mod")}
    assert tracks["s2"]["s1"] == () and tracks["s2"]["owner"] and tracks["s2"]["s2"]
    assert tracks["mod"]["s1"] == (Source.AUDIO,)


def test_a_change_seats_organizers_and_moderators_first_then_in_order_of_joining() -> None:
    house = House(stage_places=3)
    for person, role in (("v1", Role.VIEWER), ("v2", Role.VIEWER), ("mod", Role.MODERATOR), ("owner", None)):
        house.enter(person, role)
    house.accepted("v2", c.StageRequest(id=1))
    house.accepted("owner", c.StageGrant(id=1, target="v2"))
    held(house, Mode.ALL_ON_SCREEN)
    assert set(house.state.stage) == {"mod", "owner", "v1"}
    assert [event.person for event in house.log if isinstance(event, e.StageLeft)] == ["v2"]


def test_back_to_roles_those_come_down_who_may_not_go_up_by_themselves(house: House) -> None:
    for person, role in (("mod", Role.MODERATOR), ("sara", Role.SPEAKER), ("vera", Role.VIEWER)):
        house.enter(person, role)
    held(house, Mode.ALL_ON_SCREEN)
    assert len(house.state.stage) == 4
    held(house, Mode.ROLE_BASED)
    assert set(house.state.stage) == {"owner", "mod", "sara"}


def test_after_a_lecture_nothing_of_the_students_is_left_and_before_it_no_request() -> None:
    house = lecture()
    held(house, Mode.ROLE_BASED)
    assert {route.peer for route in plan(house.state).tracks.values()} == {"owner", "mod"}
    assert set(plan(house.state).peers.values()) == {"audience"}
    house.accepted("s1", c.StageRequest(id=1))
    house.accepted("mod", c.StageInvite(id=2, target="s2"))
    held(house, Mode.VIDEO_LECTURE)
    assert house.state.queue == () and house.state.invited == ()


def test_the_same_mode_again_changes_nothing_and_only_organizers_choose_it(house: House) -> None:
    assert held(house, Mode.ROLE_BASED) == ()
    house.enter("mod", Role.MODERATOR)
    assert house.refused("mod", c.ConferenceSetMode(id=1, mode=Mode.VIDEO_LECTURE)) == "not_allowed"
