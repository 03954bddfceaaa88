"""The stage laid out for everybody: who may, who has a tile, and when it is gone."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol.layout import Layout, LayoutKind, Tile
from protocol.names import Mode, Role
from server.room.decide import allowed
from server.room.view import audience, snapshot

from .house import House

SIDEBAR, GRID = LayoutKind.SIDEBAR, LayoutKind.GRID
CORNER = Tile(x=0, y=0, width=30, height=30)


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.on_stage("anna")
    house.on_stage("ben")
    house.enter("viewer")
    return house


def test_a_moderator_lays_the_stage_out_and_who_comes_later_sees_it(house: House) -> None:
    before = house.state
    (event,) = house.accepted("mod", c.ConferenceLayout(id=1, kind=SIDEBAR, spotlight="ben"))
    assert audience(before, house.state, event).everyone
    house.enter("late")
    assert snapshot(house.state, "late", 1).layout == Layout(kind=SIDEBAR, spotlight="ben")
    assert house.accepted("mod", c.ConferenceLayout(id=2, kind=SIDEBAR, spotlight="ben")) == ()
    house.accepted("owner", c.ConferenceLayout(id=3, kind=SIDEBAR))
    assert house.state.layout == Layout(kind=SIDEBAR)


def test_only_who_is_on_the_stage_is_shown_large_or_has_a_tile(house: House) -> None:
    assert house.refused("mod", c.ConferenceLayout(id=1, kind=SIDEBAR, spotlight="viewer")) == "not_on_stage"
    assert house.refused("mod", c.ConferenceLayout(id=2, kind=SIDEBAR, spotlight="nobody")) == "not_on_stage"
    assert house.refused("mod", c.LayoutPlace(id=3, tile=CORNER, target="viewer")) == "not_on_stage"
    assert house.refused("mod", c.LayoutPlace(id=4, tile=CORNER, target="nobody")) == "no_such_person"
    assert house.refused("mod", c.LayoutPlace(id=5, tile=CORNER)) == "not_on_stage"


def test_a_speaker_places_the_own_tile_alone_and_only_from_the_stage(house: House) -> None:
    house.accepted("anna", c.LayoutPlace(id=1, tile=CORNER))
    assert house.state.layout.tiles == {"anna": CORNER}
    assert house.refused("anna", c.LayoutPlace(id=2, tile=CORNER, target="ben")) == "not_allowed"
    assert house.refused("anna", c.LayoutPlace(id=3, tile=CORNER, target="owner")) == "not_allowed"
    assert house.refused("anna", c.ConferenceLayout(id=4, kind=SIDEBAR)) == "not_allowed"
    house.accepted("anna", c.StageLeave(id=5))
    assert house.refused("anna", c.LayoutPlace(id=6, tile=CORNER)) == "not_on_stage"


def test_a_viewer_who_was_brought_to_the_stage_places_nothing(house: House) -> None:
    house.accepted("viewer", c.StageRequest(id=1))
    house.accepted("mod", c.StageGrant(id=2, target="viewer"))
    assert house.refused("viewer", c.LayoutPlace(id=3, tile=CORNER)) == "not_allowed"
    house.accepted("mod", c.LayoutPlace(id=4, tile=CORNER, target="viewer"))


def test_a_moderator_places_everybodys_tile_the_owners_too(house: House) -> None:
    house.accepted("owner", c.StageRequest(id=1))
    house.accepted("mod", c.LayoutPlace(id=2, tile=CORNER, target="owner"))
    assert house.state.layout.tiles == {"owner": CORNER}
    house.accepted("mod", c.LayoutPlace(id=3, target="owner"))
    assert house.state.layout.tiles == {}
    assert house.accepted("mod", c.LayoutPlace(id=4, target="owner")) == ()


@pytest.mark.parametrize(
    "tile",
    [(80, 0, 30, 30), (0, 71, 30, 30), (0, 0, 4, 30), (0, 0, 30, 0), (100, 100, 100, 100)],
    ids=lambda tile: "x{} y{} {}x{}".format(*tile),
)
def test_a_tile_that_leaves_the_stage_or_cannot_be_seen_is_refused(
    house: House, tile: tuple[int, int, int, int]
) -> None:
    x, y, width, height = tile
    command = c.LayoutPlace(id=1, tile=Tile(x=x, y=y, width=width, height=height), target="anna")
    assert house.refused("mod", command) == "bad_message"


def test_placed_tiles_stay_with_another_spotlight_and_go_with_another_kind(house: House) -> None:
    house.accepted("mod", c.LayoutPlace(id=1, tile=CORNER, target="anna"))
    house.accepted("mod", c.ConferenceLayout(id=2, kind=GRID, spotlight="ben"))
    assert house.state.layout == Layout(kind=GRID, spotlight="ben", tiles={"anna": CORNER})
    house.accepted("mod", c.ConferenceLayout(id=3, kind=SIDEBAR, spotlight="ben"))
    assert house.state.layout == Layout(kind=SIDEBAR, spotlight="ben")


@pytest.mark.parametrize(
    "leaves",
    [
        ("anna", c.StageLeave(id=9)),
        ("anna", c.ConferenceLeave(id=9)),
        ("mod", c.StageTakeDown(id=9, target="anna")),
        ("mod", c.ParticipantRemove(id=9, target="anna")),
        ("mod", c.RoleAssign(id=9, target="anna", role=Role.VIEWER)),
        ("owner", c.ConferenceSetMode(id=9, mode=Mode.VIDEO_LECTURE)),
    ],
    ids=lambda leaves: type(leaves[1]).__name__,
)
def test_who_is_not_on_the_stage_any_more_has_no_tile_and_is_not_large(
    house: House, leaves: tuple[str, c.RoomCommand]
) -> None:
    house.accepted("mod", c.ConferenceLayout(id=1, kind=GRID, spotlight="anna"))
    house.accepted("mod", c.LayoutPlace(id=2, tile=CORNER, target="anna"))
    house.accepted("ben", c.LayoutPlace(id=3, tile=CORNER))
    house.accepted(*leaves)
    kept = {"ben": CORNER} if "ben" in house.state.stage else {}
    assert house.state.layout == Layout(kind=GRID, tiles=kept)


def test_a_conference_that_ended_has_forgotten_tiles_and_keeps_the_kind(house: House) -> None:
    house.accepted("mod", c.ConferenceLayout(id=1, kind=SIDEBAR, spotlight="anna"))
    house.accepted("anna", c.LayoutPlace(id=2, tile=CORNER))
    house.accepted("owner", c.ConferenceEnd(id=3))
    assert house.state.layout == Layout(kind=SIDEBAR)


def test_can_offers_the_layout_to_those_who_may_change_it(house: House) -> None:
    assert {"conference.layout"} <= allowed(house.state, "mod", None).keys()
    assert "layout.place" not in allowed(house.state, "mod", None), "who is off the stage has no tile"
    mine = allowed(house.state, "anna", None)
    assert "layout.place" in mine and "conference.layout" not in mine
    assert "layout.place" in allowed(house.state, "mod", "anna")
    assert "layout.place" not in allowed(house.state, "mod", "viewer")
    assert "layout.place" not in allowed(house.state, "anna", "ben")
