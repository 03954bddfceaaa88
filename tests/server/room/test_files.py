"""Files: who adds and removes them, and slides on the stage in step for everyone."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.files import FileKind
from protocol.names import PersonKind, Role
from protocol.settings import GuestsMayChange
from server.room import inner
from server.room.decide import allowed
from server.room.entries import MAX_OF_ONE
from server.room.view import audience, snapshot

from .house import House


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.on_stage("sam")
    house.on_stage("sue")
    house.enter("anna")
    return house


def upload(kind: FileKind = FileKind.SLIDES, size: int = 100, quota: int = 1000, pages: int = 3) -> inner.AddFile:
    return inner.AddFile(kind=kind, label="Plan.pdf", size=size, key="a1", quota=quota, pages=pages)


def test_a_file_is_there_for_everybody_until_it_is_removed(house: House) -> None:
    before = house.state
    (event,) = house.accepted("sam", upload(FileKind.HANDOUT, pages=0))
    assert audience(before, house.state, event).everyone
    (file,) = house.state.entries.files.values()
    assert (file.number, file.label, file.person, file.name) == (1, "Plan.pdf", "sam", "Sam")
    assert house.refused("sue", c.FileRemove(id=1, file=1)) == "not_allowed"
    house.accepted("mod", c.FileRemove(id=2, file=1))
    assert house.refused("sam", c.FileRemove(id=3, file=1)) == "no_such_entry"
    house.accepted("sam", upload())
    assert house.state.entries.files["2"].number == 2, "a number is given once"


def test_viewers_upload_nothing_and_guests_only_where_they_may_write(house: House) -> None:
    house.enter("gus", Role.GUEST_SPEAKER, kind=PersonKind.GUEST)
    for kind in FileKind:
        assert house.refused("anna", upload(kind)) == "not_allowed"
        assert f"file.upload:{kind}" not in allowed(house.state, "anna", None)
        assert f"file.upload:{kind}" in allowed(house.state, "gus", None)
    house.accepted("owner", c.ConferenceSettings(id=1, guests_may=GuestsMayChange(messages=False)))
    assert house.refused("gus", upload(FileKind.HANDOUT)) == "not_allowed"
    assert "file.upload:handout" not in allowed(house.state, "gus", None)
    assert house.refused("nobody", upload()) == "not_yet"


def test_the_files_of_a_conference_and_of_one_person_have_a_bound(house: House) -> None:
    house.accepted("sam", upload(size=900))
    assert house.refused("sue", upload(size=101)) == "too_many"
    house.accepted("sue", upload(size=100))
    house.accepted("sam", c.FileRemove(id=1, file=1))
    for _ in range(MAX_OF_ONE):
        house.accepted("sam", upload(size=1))
    assert house.refused("sam", upload(size=1)) == "too_many"
    house.accepted("mod", upload(size=1))


def test_slides_are_shown_page_by_page_and_who_comes_late_sees_the_page(house: House) -> None:
    house.accepted("sam", upload())
    house.accepted("sam", c.SlidesOpen(id=1, file=1))
    assert house.accepted("sam", c.SlidesOpen(id=2, file=1)) == ()
    (event,) = house.accepted("sam", c.SlidesPage(id=3, file=1, page=3))
    assert isinstance(event, e.SlidesTurned) and event.page == 3
    assert house.accepted("sam", c.SlidesPage(id=4, file=1, page=3)) == ()
    assert house.refused("sam", c.SlidesPage(id=5, file=1, page=4)) == "bad_message"
    house.enter("late")
    slides = snapshot(house.state, "late", 1).slides
    assert slides is not None and (slides.file.number, slides.page, slides.person) == (1, 3, "sam")
    house.accepted("sam", c.SlidesClose(id=6, file=1))
    assert snapshot(house.state, "late", 1).slides is None
    assert house.refused("sam", c.SlidesPage(id=7, file=1, page=1)) == "no_such_entry"


def test_only_moderators_control_what_others_show(house: House) -> None:
    house.accepted("sam", upload())
    house.accepted("sue", upload())
    house.accepted("sam", c.SlidesOpen(id=1, file=1))
    for command in (c.SlidesPage(id=2, file=1, page=2), c.SlidesClose(id=3, file=1), c.SlidesOpen(id=4, file=1)):
        assert house.refused("sue", command) == "not_allowed"
        assert house.refused("anna", command) == "not_allowed"
    assert house.refused("sue", c.SlidesOpen(id=5, file=2)) == "already", "nobody is pushed off the stage"
    house.accepted("mod", c.SlidesPage(id=6, file=1, page=2))
    house.accepted("mod", c.SlidesOpen(id=7, file=2, page=3))
    house.accepted("sue", c.SlidesPage(id=8, file=2, page=1))
    assert house.refused("sam", c.SlidesPage(id=9, file=1, page=1)) == "no_such_entry", "others are there meanwhile"
    house.accepted("sue", c.SlidesClose(id=10, file=2))


def test_slides_are_shown_from_the_stage_and_come_down_with_who_shows_them(house: House) -> None:
    house.accepted("sam", upload())
    house.accepted("sam", c.SlidesOpen(id=1, file=1))
    house.accepted("sue", c.StageLeave(id=2))
    assert house.state.entries.slides is not None
    house.accepted("sam", c.StageLeave(id=3))
    assert house.state.entries.slides is None
    assert house.refused("sam", c.SlidesOpen(id=4, file=1)) == "not_on_stage"
    house.accepted("mod", c.SlidesOpen(id=5, file=1))
    house.accepted("mod", c.ConferenceLeave(id=6))
    assert house.state.entries.slides is None


def test_a_handout_has_no_pages_and_a_removed_deck_comes_down(house: House) -> None:
    house.accepted("sam", upload(FileKind.HANDOUT, pages=0))
    assert house.refused("sam", c.SlidesOpen(id=1, file=1)) == "unsupported"
    house.accepted("sam", upload())
    assert house.refused("sam", c.SlidesOpen(id=2, file=2, page=4)) == "bad_message"
    house.accepted("sam", c.SlidesOpen(id=3, file=2))
    events = house.accepted("mod", c.FileRemove(id=4, file=2))
    assert [type(event) for event in events] == [e.SlidesClosed, e.FileRemoved]


def test_the_end_takes_the_slides_down_and_time_takes_the_files(house: House) -> None:
    house.accepted("sam", upload())
    middle = house.now + 1
    house.accepted("sam", upload())
    house.accepted("sam", c.SlidesOpen(id=1, file=1))
    house.accepted("owner", c.ConferenceEnd(id=2))
    assert house.state.entries.slides is None and [*house.state.entries.files] == ["1", "2"]
    events = house.accepted("", inner.OutdateFiles(before=middle))
    assert [event.by for event in events] == [None] and [*house.state.entries.files] == ["2"]
