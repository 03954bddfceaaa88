"""Questions: who sees which, votes counted once, one on the stage, and what is kept."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol import events as e
from protocol.names import PersonKind, Role
from protocol.settings import GuestsMayChange
from server.room.entries import MAX_OF_ONE, MAX_QUESTIONS
from server.room.questions import page
from server.room.view import audience, sees, snapshot

from .house import House

EVERYBODY = ["owner", "mod", "sam", "anna", "ben"]


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.enter("sam", Role.SPEAKER)
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


def seen_by(house: House) -> list[str]:
    """Who finds question 1 in the list."""
    return [p.id for p in house.state.people.values() if any(q.number == 1 for q in page(house.state, p, 0, 50)[0])]


def test_a_question_is_everybodys_and_numbered_in_the_order_of_asking(house: House) -> None:
    assert told(house, "anna", c.QuestionAsk(id=1, text="  Why? ")) == [EVERYBODY]
    house.accepted("ben", c.QuestionAsk(id=2, text="How?"))
    found, more = page(house.state, house.state.people["sam"], 0, 50)
    assert [(q.number, q.person, q.name, q.text) for q in found] == [
        (1, "anna", "Anna", "Why?"),
        (2, "ben", "Ben", "How?"),
    ]
    assert not more
    assert [q.number for q in page(house.state, house.state.people["sam"], 1, 50)[0]] == [2]
    assert page(house.state, house.state.people["sam"], 0, 1)[1]


def test_nothing_but_spaces_is_no_question_and_no_answer(house: House) -> None:
    assert house.refused("anna", c.QuestionAsk(id=1, text="  \n ")) == "bad_message"
    house.accepted("anna", c.QuestionAsk(id=2, text="Why?"))
    assert house.refused("sam", c.QuestionAnswer(id=3, question=1, text=" ")) == "bad_message"


def test_a_private_question_is_seen_by_who_asked_and_those_who_may_see_private_ones(house: House) -> None:
    assert told(house, "anna", c.QuestionAsk(id=1, text="Why?", private=True)) == [["owner", "mod", "anna"]]
    assert seen_by(house) == ["owner", "mod", "anna"]
    assert house.refused("ben", c.QuestionUpvote(id=2, question=1)) == "no_such_entry"
    assert house.refused("sam", c.QuestionAnswer(id=3, question=1, text="So")) == "no_such_entry"
    assert told(house, "mod", c.QuestionAnswer(id=4, question=1, text="So")) == [["owner", "mod", "anna"]]
    house.accepted("owner", c.ConferenceSettings(id=5, speakers_see_private_questions=True))
    assert seen_by(house) == ["owner", "mod", "sam", "anna"]
    assert told(house, "sam", c.QuestionAnswer(id=6, question=1, text="No")) == [["owner", "mod", "sam", "anna"]]
    assert told(house, "anna", c.QuestionDismiss(id=7, question=1)) == [["owner", "mod", "sam", "anna"]]


def test_a_private_question_is_never_put_on_the_stage(house: House) -> None:
    house.accepted("anna", c.QuestionAsk(id=1, text="Why?", private=True))
    assert house.refused("owner", c.QuestionDisplay(id=2, question=1)) == "not_allowed"


def test_where_questions_are_approved_others_see_one_when_it_is(house: House) -> None:
    house.accepted("owner", c.ConferenceSettings(id=1, questions_approved=True))
    assert told(house, "anna", c.QuestionAsk(id=2, text="Why?")) == [["owner", "mod", "anna"]]
    assert seen_by(house) == ["owner", "mod", "anna"]
    assert house.refused("owner", c.QuestionDisplay(id=3, question=1)) == "not_allowed"
    assert house.refused("anna", c.QuestionApprove(id=4, question=1)) == "not_allowed"
    assert told(house, "mod", c.QuestionApprove(id=5, question=1)) == [EVERYBODY]
    assert house.accepted("mod", c.QuestionApprove(id=6, question=1)) == ()
    assert seen_by(house) == EVERYBODY
    assert told(house, "mod", c.QuestionAsk(id=7, text="And?")) == [EVERYBODY], "who approves needs no approval"


def test_speakers_who_moderate_the_chat_approve_and_dismiss(house: House) -> None:
    house.accepted("owner", c.ConferenceSettings(id=1, questions_approved=True))
    house.accepted("anna", c.QuestionAsk(id=2, text="Why?"))
    assert house.refused("sam", c.QuestionApprove(id=3, question=1)) == "not_allowed"
    house.accepted("owner", c.ConferenceSettings(id=4, speakers_moderate_chat=True))
    house.accepted("sam", c.QuestionApprove(id=5, question=1))
    house.accepted("sam", c.QuestionDismiss(id=6, question=1))


def test_a_person_votes_once_for_a_question_that_is_not_their_own(house: House) -> None:
    house.accepted("anna", c.QuestionAsk(id=1, text="Why?"))
    assert told(house, "ben", c.QuestionUpvote(id=2, question=1)) == [["ben"]]
    assert house.accepted("ben", c.QuestionUpvote(id=3, question=1)) == ()
    assert house.refused("anna", c.QuestionUpvote(id=4, question=1)) == "not_allowed"
    house.accepted("ben", c.ConferenceLeave(id=5))
    house.enter("ben")
    assert house.accepted("ben", c.QuestionUpvote(id=6, question=1)) == (), "also after coming back"
    (seen,), _ = page(house.state, house.state.people["ben"], 0, 50)
    assert (seen.votes, seen.voted) == (1, True)
    (seen,), _ = page(house.state, house.state.people["anna"], 0, 50)
    assert (seen.votes, seen.voted) == (1, False)


def test_the_newest_answer_stands(house: House) -> None:
    house.accepted("anna", c.QuestionAsk(id=1, text="Why?"))
    assert house.refused("ben", c.QuestionAnswer(id=2, question=1, text="So")) == "not_allowed"
    house.accepted("sam", c.QuestionAnswer(id=3, question=1, text="So"))
    house.accepted("mod", c.QuestionAnswer(id=4, question=1, text="Because"))
    answer = house.state.entries.questions["1"].question.answer
    assert answer is not None and (answer.person, answer.text) == ("mod", "Because")


def test_one_question_is_on_the_stage_and_who_comes_late_sees_it(house: House) -> None:
    for number, person in enumerate(("anna", "ben"), start=1):
        house.accepted(person, c.QuestionAsk(id=number, text=f"Question of {person}"))
    assert house.refused("anna", c.QuestionDisplay(id=3, question=1)) == "not_allowed"
    assert house.refused("anna", c.QuestionDisplay(id=3)) == "not_allowed"
    assert told(house, "sam", c.QuestionDisplay(id=4, question=1)) == [EVERYBODY]
    house.accepted("sam", c.QuestionDisplay(id=5, question=2))
    assert house.accepted("sam", c.QuestionDisplay(id=6, question=2)) == ()
    house.enter("late")
    displayed = snapshot(house.state, "late", 1).displayed
    assert displayed is not None and displayed.number == 2
    house.accepted("mod", c.QuestionDisplay(id=7))
    assert house.accepted("mod", c.QuestionDisplay(id=8)) == ()
    assert snapshot(house.state, "late", 1).displayed is None
    assert house.refused("sam", c.QuestionDisplay(id=9, question=7)) == "no_such_entry"


def test_a_dismissed_question_comes_down_from_the_stage(house: House) -> None:
    house.accepted("anna", c.QuestionAsk(id=1, text="Why?"))
    house.accepted("sam", c.QuestionDisplay(id=2, question=1))
    assert house.refused("ben", c.QuestionDismiss(id=3, question=1)) == "not_allowed"
    events = house.accepted("anna", c.QuestionDismiss(id=4, question=1))
    assert [type(event) for event in events] == [e.QuestionDisplayed, e.QuestionDismissed]
    assert house.state.entries.questions == {} and house.state.entries.displayed == 0
    house.accepted("ben", c.QuestionAsk(id=5, text="How?"))
    assert "2" in house.state.entries.questions, "a number is given once"


def test_guests_kept_from_writing_ask_and_answer_nothing(house: House) -> None:
    house.enter("guest", Role.SPEAKER, kind=PersonKind.GUEST)
    house.accepted("anna", c.QuestionAsk(id=1, text="Why?"))
    house.accepted("owner", c.ConferenceSettings(id=2, guests_may=GuestsMayChange(messages=False)))
    assert house.refused("guest", c.QuestionAsk(id=3, text="Why?")) == "not_allowed"
    assert house.refused("guest", c.QuestionAnswer(id=4, question=1, text="So")) == "not_allowed"
    house.accepted("guest", c.QuestionUpvote(id=5, question=1))


def test_questions_outlive_who_asked_and_the_end_and_the_stage_is_empty_then(house: House) -> None:
    house.accepted("anna", c.QuestionAsk(id=1, text="Why?"))
    house.accepted("sam", c.QuestionDisplay(id=2, question=1))
    house.accepted("anna", c.ConferenceLeave(id=3))
    house.accepted("owner", c.ConferenceEnd(id=4))
    assert house.refused("owner", c.QuestionAsk(id=5, text="Why?")) == "conference_ended"
    house.enter("owner", None)
    assert snapshot(house.state, "owner", 1).displayed is None
    house.accepted("owner", c.QuestionAnswer(id=6, question=1, text="Because"))


def test_one_person_leaves_room_for_the_questions_of_others(house: House) -> None:
    for number in range(MAX_OF_ONE):
        house.accepted("anna", c.QuestionAsk(id=number, text="Why?"))
    assert house.refused("anna", c.QuestionAsk(id=99, text="Why?")) == "too_many"
    house.accepted("ben", c.QuestionAsk(id=1, text="Why?"))
    house.accepted("sam", c.QuestionAnswer(id=2, question=1, text="So"))
    house.accepted("anna", c.QuestionAsk(id=99, text="Why?"))


def test_where_no_more_are_kept_the_oldest_answered_one_makes_room() -> None:
    house = House()
    house.enter("owner", None)
    for number in range(MAX_QUESTIONS):
        person = f"v{number // MAX_OF_ONE}"
        if number % MAX_OF_ONE == 0:
            house.enter(person)
        house.accepted(person, c.QuestionAsk(id=number, text="Why?"))
    assert house.refused("owner", c.QuestionAsk(id=1, text="Why?")) == "too_many"
    for number in (7, 8):
        house.accepted("owner", c.QuestionAnswer(id=2, question=number, text="So"))
    house.accepted("owner", c.QuestionDisplay(id=3, question=7))
    house.accepted("owner", c.QuestionAsk(id=4, text="And?"))
    kept = house.state.entries.questions
    assert len(kept) == MAX_QUESTIONS and "7" in kept and "8" not in kept, "what is on the stage stays"
