"""Questions, polls, links and the chat by anybody in any order, against a small model of the rules that was written
independently of the tables; a machine beside test_machine.py, because what is rare among everything is common here."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol import commands as c
from protocol.codec import decode, pack
from protocol.engagement import Channel, PollState
from protocol.events import RoomEvent
from protocol.names import Role
from server.room import inner, links, polls, questions
from server.room.apply import apply
from server.room.digest import state_hash
from server.room.entries import MAX_OF_ONE, MAX_OPEN
from server.room.packed import pack_room, read_room
from server.room.refusal import Refusal
from server.room.state import Room

from .house import House

PEOPLE = ["owner", "mod", "sam", "vera", "ben"]
people = st.sampled_from(PEOPLE)
# Which of the entries there are; modulo their number, so that there is always one when there is any.
which = st.integers(0, 3)


@dataclass
class Asked:
    """A question of the model."""

    by: str
    private: bool
    approved: bool
    answered: bool = False
    voters: set[str] = field(default_factory=set)


@dataclass
class Posed:
    """A poll of the model: who chose which of its two options."""

    by: str
    anonymous: bool
    state: PollState = PollState.PREPARED
    answers: dict[str, int] = field(default_factory=dict)


class AnyEntries(RuleBasedStateMachine):
    """Five people of every rank."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.questions: dict[int, Asked] = {}
        self.polls: dict[int, Posed] = {}
        self.links: dict[int, str] = {}
        self.asked = self.posed = self.linked = 0
        self.displayed = self.promoted = 0
        self.granted, self.held, self.closed = False, False, False
        roles = [None, Role.MODERATOR, Role.SPEAKER, Role.VIEWER, Role.VIEWER]
        for person, role in zip(PEOPLE, roles, strict=True):
            self.house.enter(person, role)

    # --- the model -------------------------------------------------------------------------

    def role(self, person: str) -> Role | None:
        present = self.house.state.people.get(person)
        return present.role if present else None

    def here(self, person: str) -> bool:
        return self.role(person) is not None

    def speaks(self, person: str) -> bool:
        return self.role(person) not in (None, Role.VIEWER)

    def staff(self, person: str) -> bool:
        return self.role(person) in (Role.ORGANIZER, Role.MODERATOR)

    def moderates(self, person: str) -> bool:
        return self.staff(person) or (self.granted and self.speaks(person))

    def sees(self, person: str, number: int) -> bool:
        question = self.questions[number]
        if not self.here(person):
            return False
        everybody = question.approved and not question.private
        return everybody or person == question.by or self.moderates(person)

    def give(self, actor: str, command: object) -> bool:
        return not isinstance(self.house.give(actor, command), Refusal)  # type: ignore[arg-type]

    def pick(self, numbers: dict[int, object], position: int) -> int | None:
        return sorted(numbers)[position % len(numbers)] if numbers else None

    # --- people and settings -----------------------------------------------------------------

    @rule(person=people, leaves=st.booleans())
    def comes_or_goes(self, person: str, leaves: bool) -> None:
        if leaves:
            self.give(person, c.ConferenceLeave(id=1))
        else:
            self.house.enter(person, Role.VIEWER)

    @rule(person=st.sampled_from(PEOPLE[1:]), role=st.sampled_from([Role.MODERATOR, Role.SPEAKER, Role.VIEWER]))
    def is_given_a_role(self, person: str, role: Role) -> None:
        self.give("owner", c.RoleAssign(id=1, target=person, role=role))

    @rule(granted=st.booleans(), held=st.booleans())
    def the_owner_chooses(self, granted: bool, held: bool) -> None:
        command = c.ConferenceSettings(
            id=1, speakers_moderate_chat=granted, speakers_see_private_questions=granted, questions_approved=held
        )
        if self.give("owner", command):
            self.granted, self.held = granted, held

    @rule(actor=people)
    def ends_and_begins_again(self, actor: str) -> None:
        if self.give(actor, c.ConferenceEnd(id=1)):
            self.displayed = self.promoted = 0
            assert self.house.refused("owner", c.QuestionAsk(id=1, text="Why?")) == "conference_ended"
            for person in PEOPLE:
                self.house.enter(person, Role.VIEWER)

    # --- questions -------------------------------------------------------------------------

    @rule(person=people, private=st.booleans())
    def asks(self, person: str, private: bool) -> None:
        waiting = sum(q.by == person and not q.answered for q in self.questions.values())
        may = self.here(person) and waiting < MAX_OF_ONE
        assert self.give(person, c.QuestionAsk(id=1, text="Why?", private=private)) is may
        if may:
            self.asked += 1
            self.questions[self.asked] = Asked(person, private, private or not self.held or self.moderates(person))

    @rule(actors=st.lists(people, min_size=1, max_size=5), position=which)
    def some_vote(self, actors: list[str], position: int) -> None:
        number = self.pick({**self.questions}, position)
        for actor in actors if number is not None else []:
            assert number is not None
            may = self.sees(actor, number) and self.questions[number].by != actor
            assert self.give(actor, c.QuestionUpvote(id=1, question=number)) is may
            if may:
                self.questions[number].voters.add(actor)

    @rule(actor=people, position=which, text=st.booleans())
    def approves_or_answers(self, actor: str, position: int, text: bool) -> None:
        number = self.pick({**self.questions}, position)
        if number is None:
            return
        if text:
            may = self.sees(actor, number) and self.speaks(actor)
            assert self.give(actor, c.QuestionAnswer(id=1, question=number, text="So")) is may
            self.questions[number].answered |= may
        else:
            may = self.sees(actor, number) and self.moderates(actor)
            assert self.give(actor, c.QuestionApprove(id=1, question=number)) is may
            self.questions[number].approved |= may

    @rule(actor=people, position=which)
    def dismisses(self, actor: str, position: int) -> None:
        number = self.pick({**self.questions}, position)
        if number is None:
            return
        may = self.sees(actor, number) and (self.moderates(actor) or self.questions[number].by == actor)
        assert self.give(actor, c.QuestionDismiss(id=1, question=number)) is may
        if may:
            del self.questions[number]
            self.displayed = 0 if self.displayed == number else self.displayed

    @rule(actor=people, position=st.none() | which)
    def displays(self, actor: str, position: int | None) -> None:
        number = None if position is None else self.pick({**self.questions}, position)
        may = self.speaks(actor)
        if number is not None:
            may = may and self.questions[number].approved and not self.questions[number].private
        assert self.give(actor, c.QuestionDisplay(id=1, question=number)) is may
        if may:
            self.displayed = number or 0

    # --- polls -----------------------------------------------------------------------------

    @rule(maker=people, anonymous=st.booleans())
    def prepares_a_poll(self, maker: str, anonymous: bool) -> None:
        may = self.speaks(maker) and sum(one.by == maker for one in self.polls.values()) < MAX_OF_ONE
        command = c.PollCreate(id=1, question="Which?", options=("this", "that"), anonymous=anonymous)
        assert self.give(maker, command) is may
        if may:
            self.posed += 1
            self.polls[self.posed] = Posed(maker, anonymous)

    @rule(actor=people, position=which)
    def launches(self, actor: str, position: int) -> None:
        number = self.pick({**self.polls}, position)
        if number is None:
            return
        poll = self.polls[number]
        free = sum(one.state is PollState.OPEN for one in self.polls.values()) < MAX_OPEN
        may = self.speaks(actor) and poll.state is PollState.PREPARED and free
        assert self.give(actor, c.PollLaunch(id=1, poll=number)) is may
        poll.state = PollState.OPEN if may else poll.state

    @rule(answers=st.lists(st.tuples(people, st.integers(0, 2)), min_size=1, max_size=6), position=which)
    def some_answer(self, answers: list[tuple[str, int]], position: int) -> None:
        number = self.pick({**self.polls}, position)
        for person, option in answers if number is not None else []:
            assert number is not None
            poll = self.polls[number]
            may = self.here(person) and poll.state is PollState.OPEN and person not in poll.answers and option < 2
            assert self.give(person, c.PollAnswer(id=1, poll=number, chosen=(option,))) is may
            if may:
                poll.answers[person] = option

    @rule(actor=people, position=which, removes=st.booleans())
    def closes_or_removes(self, actor: str, position: int, removes: bool) -> None:
        number = self.pick({**self.polls}, position)
        if number is None:
            return
        poll = self.polls[number]
        if removes:
            may = self.speaks(actor) and (poll.by == actor or self.moderates(actor))
            assert self.give(actor, c.PollRemove(id=1, poll=number)) is may
            if may:
                del self.polls[number]
        else:
            may = self.speaks(actor) and poll.state is PollState.OPEN
            assert self.give(actor, c.PollClose(id=1, poll=number)) is may
            poll.state = PollState.CLOSED if may else poll.state

    # --- links and the chat ------------------------------------------------------------------

    @rule(actor=people)
    def publishes_a_link(self, actor: str) -> None:
        may = self.speaks(actor) and sum(by == actor for by in self.links.values()) < MAX_OF_ONE
        assert self.give(actor, c.LinkPublish(id=1, url="https://example.org", title="Slides")) is may
        if may:
            self.linked += 1
            self.links[self.linked] = actor

    @rule(actor=people, position=st.none() | which)
    def promotes_a_link(self, actor: str, position: int | None) -> None:
        number = None if position is None else self.pick({**self.links}, position)
        assert self.give(actor, c.LinkPromote(id=1, link=number)) is self.speaks(actor)
        if self.speaks(actor):
            self.promoted = number or 0

    @rule(actor=people, position=which)
    def removes_a_link(self, actor: str, position: int) -> None:
        number = self.pick({**self.links}, position)
        if number is None:
            return
        may = self.speaks(actor) and (self.links[number] == actor or self.moderates(actor))
        assert self.give(actor, c.LinkRemove(id=1, link=number)) is may
        if may:
            del self.links[number]
            self.promoted = 0 if self.promoted == number else self.promoted

    @rule(actor=people, closes=st.booleans())
    def closes_or_opens_the_chat(self, actor: str, closes: bool) -> None:
        may = self.moderates(actor)
        assert self.give(actor, c.ChatClose(id=1) if closes else c.ChatOpen(id=1)) is may
        self.closed = closes if may else self.closed

    @rule(actor=people, author=people, moderators=st.booleans())
    def deletes_a_message(self, actor: str, author: str, moderators: bool) -> None:
        channel = Channel.MODERATORS if moderators else Channel.EVERYONE
        reads = self.speaks(actor) if moderators else self.here(actor)
        may = reads and (actor == author or self.moderates(actor))
        assert self.give(actor, inner.DeleteMessage(channel=channel, number=1, target=author)) is may

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def one_question_and_one_link_are_on_the_stage_and_everybody_may_see_them(self) -> None:
        entries = self.house.state.entries
        assert (entries.displayed, entries.promoted) == (self.displayed, self.promoted)
        assert self.displayed == 0 or (
            self.questions[self.displayed].approved and not self.questions[self.displayed].private
        )
        assert self.promoted == 0 or self.promoted in self.links
        assert entries.chat_closed is self.closed

    @invariant()
    def votes_and_answers_are_counted_once(self) -> None:
        entries = self.house.state.entries
        assert {int(number) for number in entries.questions} == self.questions.keys()
        for number, asked in entries.questions.items():
            assert sorted(asked.voters) == sorted(self.questions[int(number)].voters)
        assert {int(number) for number in entries.polls} == self.polls.keys()
        for number, posed in entries.polls.items():
            model = self.polls[int(number)]
            given = [*model.answers.values()]
            assert posed.poll.state is model.state
            assert posed.counts == (given.count(0), given.count(1))
            assert posed.answers == {p: () if model.anonymous else (option,) for p, option in model.answers.items()}

    @invariant()
    def everybody_finds_what_they_may_see_and_nothing_else(self) -> None:
        room = self.house.state
        for person in room.people.values():
            listed = {question.number for question in questions.page(room, person, 0, 1000)[0]}
            assert listed == {number for number in self.questions if self.sees(person.id, number)}
            for poll in polls.page(room, person, 0, 1000)[0]:
                model = self.polls[poll.number]
                assert model.state is not PollState.PREPARED or self.speaks(person.id) or model.by == person.id
                assert polls.sees_choices(person, poll) is (
                    not model.anonymous and (model.by == person.id or self.staff(person.id))
                )
        assert [link.number for link in links.page(room, 0, 1000)[0]] == [*self.links]

    def teardown(self) -> None:
        """The log alone, through its encoding, gives the same state."""
        room: Room | None = None
        for event in self.house.log:
            room = apply(room, decode(pack(event), RoomEvent))  # type: ignore[arg-type]
        assert room is not None and state_hash(room) == state_hash(self.house.state)
        assert read_room(pack_room(room)) == room


AnyEntries.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestAnyEntries = AnyEntries.TestCase
