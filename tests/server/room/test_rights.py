"""Rights that begin or end outside the room while somebody is in it; roles that an event of several sessions gives."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.names import Mode, PersonKind, Role
from protocol.settings import Access, Lobby, Outsiders
from server.room import inner
from server.room.modes import teacher
from server.room.refusal import Refusal
from tests.server.room.house import House


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", by_right=True)
    return house


def role(house: House, person: str) -> tuple[Role, bool]:
    found = house.state.people[person]
    return found.role, found.by_right


def test_a_right_that_comes_and_goes_leaves_the_assignment_beneath_it(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    house.give("owner", c.RoleAssign(id=0, target="anna", role=Role.VIEWER))
    house.accepted("anna", inner.Right(by_right=True))
    assert role(house, "anna") == (Role.ORGANIZER, True) and house.state.assigned == {"anna": Role.VIEWER}
    assert house.refused("owner", c.RoleAssign(id=0, target="anna", role=Role.VIEWER)) == "protected"
    house.accepted("anna", inner.Right(by_right=False))
    assert role(house, "anna") == (Role.VIEWER, False) and house.state.assigned == {"anna": Role.VIEWER}


def test_without_an_assignment_one_is_what_the_server_or_the_link_gives(house: House) -> None:
    house.enter("anna", Role.SPEAKER, by_right=True)
    house.accepted("anna", inner.Right(by_right=False))
    assert role(house, "anna") == (Role.SPEAKER, False) and house.state.assigned == {}


def test_nothing_follows_from_a_right_that_is_as_it_was_and_the_owner_keeps_theirs(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    for person, by_right in (("anna", False), ("owner", True), ("owner", False), ("nobody", True)):
        assert house.accepted(person, inner.Right(by_right=by_right)) == ()


@pytest.mark.parametrize("why", ["blocked", "no_access"])
def test_who_stayed_by_right_alone_is_out_when_it_ends(house: House, why: str) -> None:
    if why == "blocked":
        house.give("owner", c.ParticipantBlock(id=0, target="anna"))
    else:
        house.give("owner", c.ConferenceSettings(id=0, members=Access.NO_ACCESS))
    house.enter("anna", Role.SPEAKER, by_right=True)
    (event,) = house.accepted("anna", inner.Right(by_right=False))
    assert isinstance(event, e.ParticipantLeft) and event.reason == why
    assert "anna" not in house.state.people


def test_a_right_that_ends_takes_the_place_in_a_lecture_with_it(house: House) -> None:
    house.give("owner", c.ConferenceSetMode(id=0, mode=Mode.VIDEO_LECTURE))
    house.enter("anna", Role.SPEAKER, by_right=True)
    assert "anna" in house.state.stage
    house.accepted("anna", inner.Right(by_right=False))
    assert "anna" not in house.state.stage


def test_somebody_barred_is_out_at_once_with_their_place(house: House) -> None:
    house.on_stage("anna")
    house.accepted("anna", inner.Bar())
    assert "anna" not in house.state.people and "anna" not in house.state.stage
    assert house.accepted("anna", inner.Bar()) == ()


def test_a_conference_passes_to_an_owner_whom_nobody_touches_and_who_teaches(house: House) -> None:
    house.give("owner", c.ConferenceSetMode(id=0, mode=Mode.VIDEO_LECTURE))
    house.enter("heir", Role.SPEAKER)
    house.enter("adam", Role.SPEAKER, by_right=True)
    changed, *_ = house.accepted("heir", inner.Pass())
    assert isinstance(changed, e.ConferenceOwnerChanged) and (changed.owner, changed.by) == ("heir", None)
    assert house.state.owner == teacher(house.state) == "heir"
    # By right because it is theirs, with the place that belongs to it.
    assert role(house, "heir") == (Role.ORGANIZER, True) and "heir" in house.state.stage
    assert house.refused("adam", c.ParticipantBlock(id=0, target="heir")) == "protected"
    assert not isinstance(house.give("adam", c.ParticipantBlock(id=0, target="owner")), Refusal)
    assert house.accepted("heir", inner.Pass()) == ()


def test_a_conference_passes_also_while_it_is_over_and_nobody_is_there(house: House) -> None:
    house.give("owner", c.ConferenceEnd(id=0))
    (event,) = house.accepted("heir", inner.Pass())
    assert isinstance(event, e.ConferenceOwnerChanged) and house.state.ended
    house.enter("heir", None)
    assert role(house, "heir") == (Role.ORGANIZER, True)


def test_an_event_gives_a_role_takes_it_back_and_does_not_touch_who_is_by_right(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    house.enter("adam", Role.SPEAKER, by_right=True)
    for person in ("anna", "later"):
        house.accepted("u_planner", inner.Appoint(target=person, role=Role.MODERATOR))
        assert house.accepted("u_planner", inner.Appoint(target=person, role=Role.MODERATOR)) == ()
    for person in ("adam", "owner"):
        assert house.accepted("u_planner", inner.Appoint(target=person, role=Role.VIEWER)) == ()
    assert role(house, "anna") == (Role.MODERATOR, False)
    assert house.state.assigned == {"anna": Role.MODERATOR, "later": Role.MODERATOR}
    assert house.log[-1].by == "u_planner"
    for person in ("anna", "later", "nobody"):
        house.accepted("u_planner", inner.Appoint(target=person, role=None))
    assert role(house, "anna") == (Role.SPEAKER, False) and house.state.assigned == {}


def test_a_role_by_an_event_lets_somebody_in_who_waits(house: House) -> None:
    house.give("owner", c.ConferenceSettings(id=0, lobby=Lobby.EVERYONE))
    house.enter("anna", Role.SPEAKER)
    assert "anna" in house.state.lobby
    house.accepted("u_planner", inner.Appoint(target="anna", role=Role.SPEAKER))
    assert "anna" in house.state.people


def test_a_federated_user_is_an_outsider_at_the_door_and_no_guest_inside(house: House) -> None:
    peer = "anna@conf.example.org"
    house.give("owner", c.ConferenceSettings(id=0, lobby=Lobby.GUESTS))
    house.enter(peer, Role.VIEWER, kind=PersonKind.FEDERATED)
    assert peer in house.state.lobby
    house.give("owner", c.ConferenceSettings(id=0, lobby=Lobby.OFF, outsiders=Outsiders.SPEAKER))
    assert role(house, peer) == (Role.SPEAKER, False)
    house.give(peer, c.ConferenceLeave(id=0))
    house.give("owner", c.ConferenceSettings(id=0, public=False))
    enter = inner.Enter(name="Anna", kind=PersonKind.FEDERATED, inherits=Role.VIEWER)
    assert house.refused(peer, enter) == "no_access"
    house.give("owner", c.RoleAssign(id=0, target=peer, role=Role.MODERATOR))
    house.accepted(peer, enter)
    assert role(house, peer) == (Role.MODERATOR, False)


def test_an_outsider_whom_a_private_conference_let_in_goes_with_what_let_them_in(house: House) -> None:
    house.accepted("owner", c.ConferenceSettings(id=0, public=False))
    house.accepted("owner", c.RoleAssign(id=0, target="anna@peer.example", role=Role.MODERATOR))
    house.enter("anna@peer.example", Role.VIEWER, kind=PersonKind.FEDERATED)
    house.enter("bob@key-1", Role.VIEWER, by_right=True, kind=PersonKind.GUEST)
    assert len(house.state.people) == 3
    house.accepted("owner", c.RoleClear(id=0, target="anna@peer.example"))
    house.accepted("bob@key-1", inner.Right(by_right=False))
    assert set(house.state.people) == {"owner"}
    left = [event for event in house.log if isinstance(event, e.ParticipantLeft)]
    assert [event.reason for event in left] == [e.LeaveReason.NO_ACCESS] * 2


def test_a_guest_who_came_while_it_was_public_stays_when_a_role_is_taken_back(house: House) -> None:
    house.enter("gina", Role.VIEWER, kind=PersonKind.GUEST)
    house.accepted("owner", c.RoleAssign(id=0, target="gina", role=Role.SPEAKER))
    house.accepted("owner", c.ConferenceSettings(id=0, public=False))
    house.accepted("owner", c.RoleClear(id=0, target="gina"))
    assert role(house, "gina") == (Role.VIEWER, False)
