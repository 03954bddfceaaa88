"""What a client may see, in a small conference and in a crowd."""

from __future__ import annotations

from protocol import commands as c
from protocol.names import MuteSource, Role
from server.room.state import CROWDED_FROM, CROWDED_UNTIL
from server.room.view import audience, needs_resync, roster, sees, snapshot

from .house import House


def crowd() -> House:
    house = House()
    house.enter("owner", None)
    house.on_stage("speaker")
    for n in range(CROWDED_FROM):
        house.enter(f"v{n}")
    assert house.state.crowded
    return house


def test_in_a_small_conference_everybody_is_listed_and_told_everything() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna")
    before = house.state
    (event,) = house.enter("ben")
    assert audience(before, house.state, event).everyone
    seen = snapshot(house.state, "anna", epoch=1)
    assert [person.id for person in seen.people] == ["owner", "anna", "ben"]
    assert (seen.count, seen.version, seen.you) == (3, house.state.version, "anna")


def test_in_a_crowd_a_viewer_is_told_of_the_stage_and_not_of_each_coming() -> None:
    house = crowd()
    before = house.state
    (event,) = house.enter("late")
    told = audience(before, house.state, event)
    assert not sees(house.state, "v1", told)
    assert sees(house.state, "late", told) and sees(house.state, "owner", told)
    seen = snapshot(house.state, "v1", epoch=1)
    assert {person.id for person in seen.people} == {"owner", "speaker", "v1"}
    assert seen.crowded and seen.count == CROWDED_FROM + 3
    before = house.state
    (event,) = house.accepted("v1", c.StageRequest(id=1))
    told = audience(before, house.state, event)
    assert not sees(house.state, "v2", told) and sees(house.state, "v1", told)
    before = house.state
    (event,) = house.accepted("owner", c.StageGrant(id=2, target="v1"))
    assert sees(house.state, "v2", audience(before, house.state, event))
    assert event.who.name == "V1" and event.who.on_stage  # type: ignore[union-attr]


def test_a_picture_that_changes_as_a_whole_is_replaced_by_a_snapshot() -> None:
    house = crowd()
    before = house.state
    house.accepted("owner", c.RoleAssign(id=1, target="v1", role=Role.MODERATOR))
    assert needs_resync(before, house.state, "v1") and not needs_resync(before, house.state, "v2")
    small = House()
    small.enter("owner", None)
    before = small.state
    small.enter("anna")
    assert not needs_resync(before, small.state, "owner")


def test_moderators_alone_are_told_who_is_blocked() -> None:
    house = House()
    house.enter("owner", None)
    house.enter("anna")
    before = house.state
    (event,) = house.accepted("owner", c.ParticipantBlock(id=1, target="ben", reason="Noise"))
    told = audience(before, house.state, event)
    assert sees(house.state, "owner", told) and not sees(house.state, "anna", told)
    assert [(one.id, one.by, one.note) for one in snapshot(house.state, "owner", 1).blocked] == [
        ("ben", "owner", "Noise")
    ]
    assert snapshot(house.state, "anna", 1).blocked == ()
    before = house.state
    house.accepted("owner", c.RoleAssign(id=2, target="anna", role=Role.MODERATOR))
    assert needs_resync(before, house.state, "anna"), "a new moderator must learn what only moderators were told"


def test_a_room_at_the_edge_does_not_flap() -> None:
    house = crowd()
    leaving = [person for person in house.state.people if person.startswith("v")]
    flips = 0
    for person in leaving:
        before = house.state.crowded
        house.accepted(person, c.ConferenceLeave(id=1))
        flips += before is not house.state.crowded
        assert house.state.crowded is (len(house.state.people) >= CROWDED_UNTIL)
    assert flips == 1


def test_moderators_page_through_everybody() -> None:
    house = crowd()
    seen: list[str] = []
    after, more = None, True
    while more:
        page, more = roster(house.state, after, 40)
        seen += [person.id for person in page]
        after = page[-1].id
    assert seen == list(house.state.people)


def test_the_person_and_moderators_are_told_of_a_question_to_unmute() -> None:
    house = House()
    house.enter("owner", None)
    house.on_stage("anna")
    house.enter("ben")
    before = house.state
    (event,) = house.accepted("owner", c.MediaAskUnmute(id=1, source=MuteSource.AUDIO, target="anna"))
    told = audience(before, house.state, event)
    assert sees(house.state, "anna", told) and sees(house.state, "owner", told) and not sees(house.state, "ben", told)
