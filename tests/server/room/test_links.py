"""Links: what may be one, one on the stage, and who takes one away."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.names import PersonKind, Role
from protocol.settings import GuestsMayChange
from server.room.entries import MAX_OF_ONE
from server.room.links import page
from server.room.view import snapshot

from .house import House


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.enter("sam", Role.SPEAKER)
    house.enter("sue", Role.SPEAKER)
    house.enter("anna")
    return house


def publish(url: str = "https://example.org/slides?page=2#top") -> c.LinkPublish:
    return c.LinkPublish(id=1, url=url, title=" Slides ")


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "data:text/html,x", "ftp://example.org", "//example.org", "example.org", "https://"),
        *(
            "https:///path",
            "https://[::1",
            "https://user:word@example.org",
            "https://example.org/a b",
            "http://a\u202eb",
        ),
        *("HTTPS:example.org", "http:\\\\example.org", "https://example.org\n"),
    ],
)
def test_what_a_browser_does_not_open_as_a_page_of_that_host_is_no_link(house: House, url: str) -> None:
    assert house.refused("sam", publish(url)) == "bad_message"


@pytest.mark.parametrize("url", ["http://example.org", "https://[::1]:8080/x", "https://bücher.example/ü?q=ä"])
def test_http_and_https_are_links(house: House, url: str) -> None:
    house.accepted("sam", publish(url))
    (link,), more = page(house.state, 0, 50)
    assert (link.number, link.url, link.title, link.person, more) == (1, url, "Slides", "sam", False)
    assert page(house.state, 1, 50) == ((), False)


def test_one_link_is_on_the_stage_and_who_comes_late_sees_it(house: House) -> None:
    assert house.refused("anna", publish()) == "not_allowed"
    house.accepted("sam", publish())
    house.accepted("sue", publish("http://example.org"))
    assert house.refused("anna", c.LinkPromote(id=2, link=1)) == "not_allowed"
    house.accepted("sue", c.LinkPromote(id=3, link=1))
    house.accepted("sue", c.LinkPromote(id=4, link=2))
    assert house.accepted("sue", c.LinkPromote(id=5, link=2)) == ()
    promoted = snapshot(house.state, "anna", 1).promoted
    assert promoted is not None and promoted.number == 2
    house.accepted("sam", c.LinkPromote(id=6))
    assert snapshot(house.state, "anna", 1).promoted is None
    assert house.refused("sam", c.LinkPromote(id=7, link=9)) == "no_such_entry"


def test_a_removed_link_comes_down_from_the_stage(house: House) -> None:
    house.accepted("sam", publish())
    house.accepted("sue", c.LinkPromote(id=2, link=1))
    assert house.refused("sue", c.LinkRemove(id=3, link=1)) == "not_allowed"
    events = house.accepted("sam", c.LinkRemove(id=4, link=1))
    assert [type(event) for event in events] == [e.LinkPromoted, e.LinkRemoved]
    assert house.state.entries.links == {} and house.state.entries.promoted == 0


def test_so_many_links_of_one_person_are_kept(house: House) -> None:
    for _ in range(MAX_OF_ONE):
        house.accepted("sam", publish())
    assert house.refused("sam", publish()) == "too_many"
    house.accepted("sue", publish())


def test_a_guest_who_may_not_write_publishes_no_link_and_prepares_no_poll(house: House) -> None:
    house.enter("gus", Role.GUEST_SPEAKER, kind=PersonKind.GUEST)
    house.accepted("owner", c.ConferenceSettings(id=1, guests_may=GuestsMayChange(messages=False)))
    assert house.refused("gus", publish()) == "not_allowed"
    assert house.refused("gus", c.PollCreate(id=1, question="Read this", options=("a", "b"))) == "not_allowed"
    house.accepted("sam", publish())
