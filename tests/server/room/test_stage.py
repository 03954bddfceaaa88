"""The stage: 36 places, one door, a queue."""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.names import Role

from .house import House


def full_house(places: int = 36) -> House:
    house = House(stage_places=places)
    house.enter("owner", None)
    for n in range(places):
        house.on_stage(f"s{n}")
    return house


def test_the_37th_is_refused_by_every_way_up_and_36_stand() -> None:
    house = full_house()
    house.enter("late", Role.SPEAKER)
    assert house.accepted("late", c.StageRequest(id=1))[0] == e.StageRequested(time=house.now, by="late", person="late")
    assert house.refused("owner", c.StageGrant(id=2, target="late")) == "stage_full"
    house.enter("guest", Role.VIEWER)
    house.accepted("owner", c.StageInvite(id=3, target="guest"))
    assert house.refused("guest", c.StageAccept(id=4)) == "stage_full"
    assert len(house.state.stage) == 36
    assert house.state.queue == ("late",) and house.state.invited == ("guest",)


def test_a_place_given_back_can_be_granted() -> None:
    house = full_house(places=2)
    house.enter("late", Role.VIEWER)
    house.accepted("late", c.StageRequest(id=1))
    house.accepted("s0", c.StageLeave(id=2))
    house.accepted("owner", c.StageGrant(id=3, target="late"))
    assert house.state.stage == ("s1", "late")


def test_a_setting_lowers_the_places_and_nothing_raises_them_above_36() -> None:
    house = full_house(places=3)
    house.accepted("owner", c.ConferenceSettings(id=1, stage_places=1))
    assert len(house.state.stage) == 3, "nobody is taken down by a setting"
    house.accepted("s0", c.StageLeave(id=2))
    house.accepted("s0", c.StageRequest(id=3))
    assert house.state.queue == ("s0",)
    assert House(stage_places=99).state.stage_places == 36


def test_a_speaker_takes_a_free_place_at_once_and_a_viewer_waits_for_a_grant() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("speaker", Role.SPEAKER)
    house.enter("viewer", Role.VIEWER)
    house.accepted("speaker", c.StageRequest(id=1))
    house.accepted("viewer", c.StageRequest(id=1))
    assert house.state.stage == ("speaker",) and house.state.queue == ("viewer",)


def test_a_grant_to_somebody_who_did_not_ask_or_left_is_refused() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("viewer")
    assert house.refused("owner", c.StageGrant(id=1, target="viewer")) == "no_request"
    house.accepted("viewer", c.StageRequest(id=1))
    house.accepted("viewer", c.ConferenceLeave(id=2))
    assert house.refused("owner", c.StageGrant(id=2, target="viewer")) == "no_such_person"


def test_requests_stand_in_order_of_asking_and_moderators_reorder_them() -> None:
    house = House()
    house.enter("owner", None)
    for name in ("a", "b", "d"):
        house.enter(name)
        house.accepted(name, c.StageRequest(id=1))
    house.accepted("owner", c.StageReorder(id=2, target="d", position=0))
    assert house.state.queue == ("d", "a", "b")
    house.accepted("owner", c.StageReorder(id=3, target="d", position=99))
    assert house.state.queue == ("a", "b", "d")
    assert house.accepted("owner", c.StageReorder(id=4, target="d", position=2)) == ()


def test_a_second_request_changes_nothing_and_a_withdrawn_one_is_gone() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("viewer")
    house.accepted("viewer", c.StageRequest(id=1))
    assert house.accepted("viewer", c.StageRequest(id=2)) == ()
    house.accepted("viewer", c.StageWithdraw(id=3))
    assert house.state.queue == ()


def test_an_invitation_is_accepted_or_declined_once() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("viewer")
    assert house.refused("viewer", c.StageAccept(id=1)) == "not_invited"
    house.accepted("owner", c.StageInvite(id=2, target="viewer"))
    house.accepted("viewer", c.StageDecline(id=3))
    assert house.refused("viewer", c.StageAccept(id=4)) == "not_invited"
    house.accepted("owner", c.StageInvite(id=5, target="viewer"))
    house.accepted("viewer", c.StageAccept(id=6))
    assert house.state.stage == ("viewer",) and house.state.invited == ()


def test_taken_down_every_track_is_gone_and_the_place_is_free() -> None:
    house = full_house(places=1)
    house.accepted("owner", c.StageTakeDown(id=1, target="s0"))
    assert house.state.stage == () and house.state.people["s0"].tracks == ()
    assert house.refused("s0", c.MediaPublish(id=2, sdp="v=0", tracks={})) == "not_on_stage"
