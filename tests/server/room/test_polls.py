"""Polls: prepared for few, answered once by each, and who is shown what."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol.engagement import PollState
from protocol.names import Role
from server.room.digest import state_hash
from server.room.entries import MAX_OF_ONE, MAX_OPEN, MAX_POLLS
from server.room.polls import choices, page, sees_choices, shown
from server.room.view import audience, sees, snapshot

from .house import House

EVERYBODY = ["owner", "mod", "sam", "sue", "anna", "ben"]


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.enter("sam", Role.SPEAKER)
    house.enter("sue", Role.SPEAKER)
    house.enter("anna")
    house.enter("ben")
    return house


def told(house: House, actor: str, command: c.RoomCommand) -> list[list[str]]:
    """Who is told of each event that follows."""
    before = house.state
    found = []
    for event in house.accepted(actor, command):
        to = audience(before, house.state, event)
        found.append([person for person in house.state.people if sees(house.state, person, to)])
    return found


def create(house: House, maker: str = "sam", **kind: bool) -> int:
    """A prepared poll; its number."""
    house.accepted(maker, c.PollCreate(id=1, question="Which?", options=("red", "green", "blue"), **kind))
    return house.state.entries.posed


def launched(house: House, maker: str = "sam", **kind: bool) -> int:
    number = create(house, maker, **kind)
    house.accepted(maker, c.PollLaunch(id=2, poll=number))
    return number


def answer(poll: int, *chosen: int) -> c.PollAnswer:
    return c.PollAnswer(id=3, poll=poll, chosen=chosen)


def counts_seen_by(house: House, number: int) -> list[str]:
    posed = house.state.entries.polls[str(number)]
    return [person.id for person in house.state.people.values() if shown(posed, person).counts]


def test_a_prepared_poll_is_seen_by_those_who_prepare_polls_and_answered_by_nobody(house: House) -> None:
    command = c.PollCreate(id=1, question="Which?", options=("red", "green"))
    assert told(house, "sam", command) == [["owner", "mod", "sam", "sue"]]
    assert [p.id for p in house.state.people.values() if page(house.state, p, 0, 50)[0]] == [
        "owner",
        "mod",
        "sam",
        "sue",
    ]
    assert house.refused("anna", answer(1, 0)) == "no_such_entry"
    assert house.refused("sam", answer(1, 0)) == "not_allowed"
    assert house.refused("anna", c.PollCreate(id=2, question="Which?", options=("a", "b"))) == "not_allowed"
    assert snapshot(house.state, "sam", 1).polls == ()


@pytest.mark.parametrize("options", [("red", " red "), ("red", " ")])
def test_options_are_told_apart(house: House, options: tuple[str, ...]) -> None:
    assert house.refused("sam", c.PollCreate(id=1, question="Which?", options=options)) == "bad_message"


def test_a_launched_poll_is_everybodys_and_who_comes_late_finds_it(house: House) -> None:
    number = create(house)
    assert told(house, "sue", c.PollLaunch(id=2, poll=number)) == [EVERYBODY]
    assert house.refused("sam", c.PollLaunch(id=3, poll=number)) == "already"
    house.accepted("ben", answer(number, 2))
    house.enter("late")
    (seen,) = snapshot(house.state, "late", 1).polls
    assert (seen.state, seen.answers, seen.counts, seen.answered) == (PollState.OPEN, 1, (0, 0, 1), False)
    (seen,) = snapshot(house.state, "ben", 1).polls
    assert (seen.answered, seen.chosen) == (True, (2,))


def test_everybody_answers_once_and_for_good_also_after_coming_back(house: House) -> None:
    number = launched(house)
    house.accepted("anna", answer(number, 0))
    assert house.refused("anna", answer(number, 1)) == "already"
    house.accepted("anna", c.ConferenceLeave(id=4))
    house.enter("anna")
    assert house.refused("anna", answer(number, 1)) == "already"
    house.accepted("sam", answer(number, 0))
    assert house.state.entries.polls[str(number)].counts == (2, 0, 0)


def test_several_options_are_chosen_where_the_poll_lets_one_and_each_counts_once(house: House) -> None:
    single, several = launched(house), launched(house, multiple=True)
    assert house.refused("anna", answer(single, 0, 1)) == "bad_message"
    assert house.refused("anna", answer(single, 3)) == "bad_message"
    house.accepted("anna", answer(single, 1, 1))
    house.accepted("anna", answer(several, 2, 0, 2))
    assert house.state.entries.polls[str(several)].counts == (1, 0, 1)


def test_who_answered_what_is_told_to_the_maker_and_to_moderators(house: House) -> None:
    number = launched(house)
    assert told(house, "anna", answer(number, 0)) == [["owner", "mod", "sam", "anna"]]
    poll = house.state.entries.polls[str(number)].poll
    assert [p.id for p in house.state.people.values() if sees_choices(p, poll)] == ["owner", "mod", "sam"]
    found, more = choices(house.state, house.state.entries.polls[str(number)], None, 10)
    assert [(one.person, one.name, one.chosen) for one in found] == [("anna", "Anna", (0,))] and not more


def test_of_an_anonymous_poll_nobody_is_told_who_chose_what_and_the_state_does_not_hold_it(house: House) -> None:
    number = launched(house, anonymous=True)
    twin = House()
    twin.room = house.state
    twin.now = house.now
    assert told(house, "anna", answer(number, 0)) == [["anna"]]
    house.accepted("ben", answer(number, 1))
    twin.accepted("anna", answer(number, 1))
    twin.accepted("ben", answer(number, 0))
    assert state_hash(house.state) == state_hash(twin.state), "either way round it is the same state"
    assert house.refused("anna", answer(number, 1)) == "already"
    assert not any(sees_choices(p, house.state.entries.polls[str(number)].poll) for p in house.state.people.values())
    (seen,) = snapshot(house.state, "anna", 1).polls
    assert (seen.answered, seen.chosen, seen.counts) == (True, (), (1, 1, 0))


def test_results_that_come_at_the_end_are_seen_by_the_maker_and_moderators_until_then(house: House) -> None:
    number = launched(house, live=False)
    house.accepted("anna", answer(number, 0))
    assert counts_seen_by(house, number) == ["owner", "mod", "sam"]
    before = house.state
    (closed,) = house.accepted("sam", c.PollClose(id=4, poll=number))
    assert audience(before, house.state, closed).everyone
    assert (closed.answers, closed.counts) == (1, (1, 0, 0))  # type: ignore[union-attr]
    assert counts_seen_by(house, number) == EVERYBODY
    assert house.refused("ben", answer(number, 0)) == "not_allowed"
    assert house.refused("sam", c.PollClose(id=5, poll=number)) == "not_allowed"
    assert house.refused("sam", c.PollLaunch(id=6, poll=number)) == "already"
    assert snapshot(house.state, "anna", 1).polls == ()
    (listed,), _ = page(house.state, house.state.people["anna"], 0, 50)
    assert listed.counts == (1, 0, 0) and listed.chosen == (0,)


def test_a_poll_is_removed_by_its_maker_and_by_those_who_moderate(house: House) -> None:
    first, second = create(house), launched(house)
    assert house.refused("sue", c.PollRemove(id=4, poll=first)) == "not_allowed"
    assert told(house, "sam", c.PollRemove(id=5, poll=first)) == [["owner", "mod", "sam", "sue"]]
    assert told(house, "mod", c.PollRemove(id=6, poll=second)) == [EVERYBODY]
    assert house.state.entries.polls == {}
    assert create(house) == 3


def test_so_many_polls_are_kept_and_so_many_open(house: House) -> None:
    for _ in range(MAX_OPEN):
        launched(house)
    number = create(house)
    assert house.refused("sam", c.PollLaunch(id=4, poll=number)) == "too_many"
    for _ in range(MAX_OF_ONE - MAX_OPEN - 1):
        create(house)
    more = c.PollCreate(id=5, question="Which?", options=("a", "b"))
    assert house.refused("sam", more) == "too_many"
    for maker in ("sue", "mod"):
        for _ in range(min(MAX_OF_ONE, MAX_POLLS - len(house.state.entries.polls))):
            create(house, maker)
    assert len(house.state.entries.polls) == MAX_POLLS
    assert house.refused("owner", more) == "too_many"
