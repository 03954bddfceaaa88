"""Coming, going, and the role one has."""

from __future__ import annotations

from protocol import commands as c
from protocol.names import Role
from protocol.settings import Settings
from server.room import inner
from server.room.state import MAX_BLOCKED

from .house import House


def test_the_owner_is_organizer_by_right_without_asking() -> None:
    house = House()
    house.enter("owner", None)
    assert house.state.people["owner"].role is Role.ORGANIZER and house.state.people["owner"].by_right


def test_an_organizer_by_right_is_one_even_where_assigned_as_viewer() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("boss", Role.VIEWER)
    house.accepted("owner", c.RoleAssign(id=1, target="boss", role=Role.SPEAKER))
    house.accepted("boss", c.ConferenceLeave(id=1))
    house.enter("boss", Role.VIEWER, by_right=True)
    assert house.state.people["boss"].role is Role.ORGANIZER


def test_an_assignment_outlives_leaving_and_wins_over_what_is_inherited() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna", Role.VIEWER)
    house.accepted("owner", c.RoleAssign(id=1, target="anna", role=Role.MODERATOR))
    house.accepted("anna", c.ConferenceLeave(id=1))
    house.enter("anna", Role.VIEWER)
    assert house.state.people["anna"].role is Role.MODERATOR


def test_without_an_assignment_and_with_nothing_to_inherit_there_is_no_access() -> None:
    house = House()
    assert house.enter("stranger", None).code == "no_access"


def test_away_keeps_seat_role_and_tracks_and_returning_says_so() -> None:
    house = House()
    house.enter("owner", None)
    house.on_stage("anna")
    house.accepted("anna", inner.Drop())
    assert house.state.people["anna"].away and house.state.stage == ("anna",)
    assert house.accepted("anna", inner.Drop()) == ()
    assert [type(event).__name__ for event in house.enter("anna")] == ["ParticipantReturned"]
    assert not house.state.people["anna"].away


def test_only_who_is_still_away_expires() -> None:
    house = House()
    house.enter("owner", None)
    house.on_stage("anna")
    assert house.accepted("anna", inner.Expire()) == ()
    house.accepted("anna", inner.Drop())
    house.accepted("anna", inner.Expire())
    assert "anna" not in house.state.people and house.state.stage == ()


def test_a_removed_person_may_come_back() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna")
    house.accepted("owner", c.ParticipantRemove(id=1, target="anna", reason="Noise"))
    assert "anna" not in house.state.people
    assert house.log[-1].note == "Noise"  # type: ignore[union-attr]
    house.enter("anna")
    assert "anna" in house.state.people


def test_a_blocked_person_is_out_at_once_and_stays_out_until_unblocked() -> None:
    house = House()
    house.enter("owner", None)
    house.on_stage("anna")
    events = house.accepted("owner", c.ParticipantBlock(id=1, target="anna", reason="Noise"))
    assert [type(event).__name__ for event in events] == ["ParticipantBlocked", "StageLeft", "ParticipantLeft"]
    assert house.log[-1].reason == "blocked"  # type: ignore[union-attr]
    assert "anna" not in house.state.people and house.state.stage == ()
    assert house.enter("anna", Role.MODERATOR).code == "blocked"
    assert house.accepted("owner", c.ParticipantBlock(id=2, target="anna")) == ()
    house.accepted("owner", c.ParticipantUnblock(id=3, target="anna"))
    house.enter("anna")
    assert "anna" in house.state.people
    assert house.refused("owner", c.ParticipantUnblock(id=4, target="anna")) == "not_blocked"


def test_a_block_holds_when_the_conference_ends_and_for_who_is_not_present() -> None:
    house = House()
    house.enter("owner", None)
    house.accepted("owner", c.ParticipantBlock(id=1, target="anna"))
    house.accepted("owner", c.ConferenceEnd(id=2))
    house.enter("owner", None)
    assert house.enter("anna").code == "blocked"


def test_an_organizer_by_right_is_not_kept_out_by_a_block() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    assert house.refused("mod", c.ParticipantBlock(id=1, target="owner")) == "protected"
    house.accepted("mod", c.ParticipantBlock(id=2, target="admin"))
    house.enter("admin", None, by_right=True)
    assert house.state.people["admin"].role is Role.ORGANIZER
    assert house.refused("mod", c.ParticipantBlock(id=3, target="admin")) == "protected"


def test_only_so_many_identities_are_kept_out() -> None:
    house = House()
    house.enter("owner", None)
    for n in range(MAX_BLOCKED):
        house.accepted("owner", c.ParticipantBlock(id=1, target=f"p{n}"))
    assert house.refused("owner", c.ParticipantBlock(id=2, target="one-more")) == "too_many"


def test_an_ended_conference_decides_nothing_and_is_reopened_by_right_only() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna")
    house.accepted("owner", c.ConferenceEnd(id=1))
    assert house.state.people == {} and house.state.ended
    assert house.refused("anna", c.StageRequest(id=1)) == "conference_ended"
    assert house.enter("anna").code == "conference_ended"
    house.enter("owner", None)
    assert not house.state.ended
    house.enter("anna")
    assert set(house.state.people) == {"owner", "anna"}


def test_a_conference_is_created_once() -> None:
    house = House()
    assert house.refused("owner", inner.Create(conference="c", title="Again", stage_places=36)) == "already"


def test_every_setting_can_be_changed_by_the_command_and_the_others_stay() -> None:
    assert set(Settings.__struct_fields__) < set(c.ConferenceSettings.__struct_fields__)
    house = House()
    house.enter("owner", None)
    house.accepted("owner", c.ConferenceSettings(id=1, force_unmute=True))
    house.accepted("owner", c.ConferenceSettings(id=2, title="Another"))
    assert house.state.settings.force_unmute and house.state.title == "Another"
    assert house.accepted("owner", c.ConferenceSettings(id=3, force_unmute=True)) == ()
