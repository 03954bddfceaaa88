"""General access, and what guests are kept from as a class."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocol import commands as c
from protocol.codec import BadMessage, decode, pack
from protocol.names import PersonKind, Role, Source
from protocol.settings import Access, GuestsMay, GuestsMayChange, Outsiders
from server.room import access
from server.room.plan import plan
from server.room.state import MAX_ASSIGNED
from server.room.table import table
from server.room.view import audience, needs_resync, sees, snapshot

from .house import House


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    return house


def guest(house: House, person: str, role: Role = Role.VIEWER) -> object:
    return house.enter(person, role, kind=PersonKind.GUEST)


def role(house: House, person: str) -> Role | None:
    present = house.state.people.get(person)
    return present.role if present else None


def test_a_changed_default_reaches_at_once_everybody_who_inherits_it(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    house.enter("mona", Role.SPEAKER)
    guest(house, "gina", Role.SPEAKER)
    house.accepted("owner", c.RoleAssign(id=1, target="mona", role=Role.SPEAKER))
    house.accepted("owner", c.ConferenceSettings(id=2, members=Access.VIEWER))
    assert (role(house, "anna"), role(house, "mona"), role(house, "gina")) == (Role.VIEWER, Role.SPEAKER, Role.SPEAKER)
    house.enter("late", Role.SPEAKER)
    assert role(house, "late") is Role.VIEWER
    house.accepted("owner", c.ConferenceSettings(id=3, members=Access.MODERATOR, outsiders=Outsiders.VIEWER))
    assert (role(house, "anna"), role(house, "mona")) == (Role.MODERATOR, Role.SPEAKER)
    assert role(house, "gina") is Role.VIEWER
    assert "anna" not in house.state.assigned, "what is inherited does not become an assignment"
    assert role(house, "owner") is Role.ORGANIZER


def test_back_to_the_default_everybody_is_what_the_server_or_their_link_says(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    guest(house, "gina", Role.GUEST_SPEAKER)
    house.accepted("owner", c.ConferenceSettings(id=1, members=Access.VIEWER, outsiders=Outsiders.VIEWER))
    assert (role(house, "anna"), role(house, "gina")) == (Role.VIEWER, Role.VIEWER)
    house.accepted("owner", c.ConferenceSettings(id=2, members=Access.DEFAULT, outsiders=Outsiders.DEFAULT))
    assert (role(house, "anna"), role(house, "gina")) == (Role.SPEAKER, Role.GUEST_SPEAKER)


def test_demoted_by_the_default_one_leaves_the_stage(house: House) -> None:
    house.on_stage("anna")
    house.accepted("owner", c.ConferenceSettings(id=1, members=Access.VIEWER))
    assert house.state.stage == () and plan(house.state).tracks == {}


def test_no_access_sends_out_who_inherits_and_lets_in_who_was_added_by_hand(house: House) -> None:
    house.on_stage("anna")
    house.enter("mona", Role.SPEAKER)
    house.accepted("owner", c.RoleAssign(id=1, target="mona", role=Role.MODERATOR))
    house.accepted("owner", c.RoleAssign(id=1, target="later", role=Role.SPEAKER))
    house.accepted("owner", c.ConferenceSettings(id=2, members=Access.NO_ACCESS))
    assert set(house.state.people) == {"owner", "mona"} and house.state.stage == ()
    assert house.log[-1].reason == "no_access"  # type: ignore[union-attr]
    assert house.enter("anna", Role.SPEAKER).code == "no_access"
    house.enter("later", None)
    assert role(house, "later") is Role.SPEAKER
    house.enter("admin", None, by_right=True)
    assert role(house, "admin") is Role.ORGANIZER


def test_outsiders_are_shut_out_alone(house: House) -> None:
    house.enter("anna", Role.SPEAKER)
    guest(house, "gina")
    house.accepted("owner", c.ConferenceSettings(id=1, outsiders=Outsiders.NO_ACCESS))
    assert set(house.state.people) == {"owner", "anna"}
    assert guest(house, "gina").code == "no_access"  # type: ignore[attr-defined]


def test_a_private_conference_lets_no_guest_in(house: House) -> None:
    guest(house, "gina")
    house.accepted("owner", c.ConferenceSettings(id=1, public=False))
    assert "gina" in house.state.people
    assert guest(house, "gerd").code == "no_access"  # type: ignore[attr-defined]
    house.enter("anna")
    assert "anna" in house.state.people


def test_a_full_conference_lets_in_organizers_by_right_alone_and_those_who_return(house: House) -> None:
    house.enter("anna")
    house.accepted("owner", c.ConferenceSettings(id=1, capacity=2))
    assert house.enter("late").code == "conference_full"
    assert house.enter("anna") == ()
    house.enter("admin", None, by_right=True)
    assert "admin" in house.state.people
    house.accepted("owner", c.ConferenceSettings(id=2, capacity=0))
    house.enter("late")
    assert "late" in house.state.people


def test_what_guests_are_kept_from_is_closed_in_any_role_and_opens_again(house: House) -> None:
    guest(house, "gina", Role.SPEAKER)
    house.accepted("owner", c.RoleAssign(id=1, target="gina", role=Role.MODERATOR))
    house.on_stage("anna")
    everything = {str(number): source for number, source in enumerate(Source)}
    for person in ("gina", "anna"):
        house.give(person, c.StageRequest(id=1))
        house.accepted(person, c.MediaPublish(id=2, sdp="v=0", tracks=everything))

    def closed() -> set[str]:
        return {name for name, route in plan(house.state).tracks.items() if not route.open}

    assert closed() == set()
    house.accepted("owner", c.ConferenceSettings(id=3, guests_may=GuestsMayChange(audio=False)))
    assert closed() == {"gina/audio", "gina/screen_audio"}
    house.accepted(
        "owner", c.ConferenceSettings(id=4, guests_may=GuestsMayChange(audio=True, video=False, messages=False))
    )
    assert closed() == {"gina/video", "gina/screen"}
    assert not access.may_write(house.state, house.state.people["gina"])
    assert access.may_write(house.state, house.state.people["anna"])
    house.accepted(
        "owner", c.ConferenceSettings(id=5, guests_may=GuestsMayChange(audio=True, video=True, messages=True))
    )
    assert closed() == set() and access.may_write(house.state, house.state.people["gina"])


def test_a_hidden_list_shows_the_stage_and_moderators_and_moderators_see_all(house: House) -> None:
    house.on_stage("anna")
    house.enter("mona", Role.MODERATOR)
    house.enter("vera")
    house.enter("ben", Role.SPEAKER)
    before = house.state
    house.accepted("owner", c.ConferenceSettings(id=1, list_hidden=True))
    assert needs_resync(before, house.state, "vera") and not needs_resync(before, house.state, "mona")
    seen = snapshot(house.state, "vera", 1)
    assert {person.id for person in seen.people} == {"owner", "anna", "mona", "vera"}
    assert seen.count == 5 and seen.crowded
    assert len(snapshot(house.state, "mona", 1).people) == 5
    before = house.state
    (event,) = house.enter("late")
    told = audience(before, house.state, event)
    assert sees(house.state, "mona", told) and not sees(house.state, "vera", told)


def test_a_role_is_assigned_before_somebody_comes_and_not_to_the_owner(house: House) -> None:
    house.accepted("owner", c.RoleAssign(id=1, target="anna", role=Role.MODERATOR))
    assert "anna" not in house.state.people
    house.enter("anna", Role.VIEWER)
    assert role(house, "anna") is Role.MODERATOR
    house.accepted("owner", c.ConferenceLeave(id=2))
    assert house.refused("anna", c.RoleAssign(id=3, target="owner", role=Role.VIEWER)) == "protected"


def test_only_so_many_assignments_are_kept(house: House) -> None:
    house.room = replace(house.state, assigned=table({f"p{number}": Role.VIEWER for number in range(MAX_ASSIGNED)}))
    assert house.refused("owner", c.RoleAssign(id=1, target="one-more", role=Role.VIEWER)) == "too_many"
    house.accepted("owner", c.RoleAssign(id=2, target="p1", role=Role.SPEAKER))


def test_what_guests_are_kept_from_is_changed_one_by_one(house: House) -> None:
    for change in ({"audio": False}, {"messages": False}, {"audio": None, "video": True}):
        house.accepted(
            "owner", decode(pack({"type": "conference.settings", "id": 1, "guests_may": change}), c.ConferenceSettings)
        )
    assert house.state.settings.guests_may == GuestsMay(audio=False, messages=False)


def test_guests_as_a_class_are_not_made_moderators() -> None:
    for role, good in (("speaker", True), ("no_access", True), ("moderator", False)):
        message = pack({"type": "conference.settings", "id": 1, "outsiders": role})
        if good:
            decode(message, c.ConferenceSettings)
        else:
            with pytest.raises(BadMessage):
                decode(message, c.ConferenceSettings)
