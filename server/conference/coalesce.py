"""Signals that are said at most so often: reactions, how many people are there, how they vote.

The first is said at once; what comes within the interval is gathered and said at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocol import events as e
from protocol.engagement import PollState
from protocol.signals import PeopleCount, PollCounts, QuestionVotes, ReactionShown
from server.conference.members import Members
from server.frames import Encoded
from server.room import polls, questions
from server.room.state import Room
from server.room.view import thinned

# Reactions are shown at most this often for each room, and at most so many kinds at once.
REACTIONS_EVERY_S = 0.25
MAX_EMOJI = 16
# A count costs some 10 µs for each reader: with so much time for each, 2 % of a core at most while people come and go.
COUNT_EVERY_S = 1.0
COUNT_PER_PERSON_S = 0.0005
TALLIES_EVERY_S = 1.0


class Coalesced:
    """Calls `say` at most once per `interval_s`, and always after the last `ask`."""

    def __init__(self, interval_s: float, say: Callable[[], None]) -> None:
        self.interval_s = interval_s
        self._say = say
        self._timer: asyncio.TimerHandle | None = None
        self._asked = False

    def ask(self) -> None:
        """There is something to say."""
        if self._timer is not None:
            self._asked = True
            return
        self._say()
        self._timer = asyncio.get_running_loop().call_later(self.interval_s, self._due)

    def stop(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> None:
        self._timer = None
        if self._asked:
            self._asked = False
            self.ask()


class Reactions:
    """The reactions of one room. `say`: tells the other nodes which of them came by this one."""

    def __init__(self, members: Members, say: Callable[[ReactionShown], None]) -> None:
        self._members = members
        self._say_on = say
        self._here = _Gathered()
        self._all = _Gathered()
        self._coalesced = Coalesced(REACTIONS_EVERY_S, self._say)

    def add(self, person: str, emoji: str) -> None:
        """Somebody reacts."""
        self._here.add({emoji: 1}, person)
        self.hear(ReactionShown(counts={emoji: 1}, person=person))

    def hear(self, shown: ReactionShown) -> None:
        """Somebody has reacted on another node."""
        self._all.add(shown.counts, shown.person)
        self._coalesced.ask()

    def stop(self) -> None:
        """Say nothing more."""
        self._coalesced.stop()

    def _say(self) -> None:
        if (shown := self._all.taken()) is not None:
            self._members.signal(shown)
        if (here := self._here.taken()) is not None:
            self._say_on(here)


class _Gathered:
    """Reactions that nobody was told of yet."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._person: str | None = None

    def add(self, counts: dict[str, int], person: str | None) -> None:
        for emoji, count in counts.items():
            if emoji in self._counts or len(self._counts) < MAX_EMOJI:
                self._counts[emoji] = self._counts.get(emoji, 0) + count
        self._person = person

    def taken(self) -> ReactionShown | None:
        counts, self._counts = self._counts, {}
        single = self._person if sum(counts.values()) == 1 else None
        return ReactionShown(counts=counts, person=single) if counts else None


class Counts:
    """How many are present, for those in a crowd who are not told each coming and going; an observer."""

    def __init__(self, members: Members, room: Room) -> None:
        self._members = members
        self._room = room
        self._coalesced = Coalesced(COUNT_EVERY_S, self._say)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        self._room = after
        if thinned(after) and len(before.people) != len(after.people):
            self._coalesced.ask()

    def committed(self, after: Room) -> None:
        """See `Observer`."""

    def stop(self) -> None:
        """Say nothing more."""
        self._coalesced.stop()

    def _say(self) -> None:
        people = len(self._room.people)
        self._coalesced.interval_s = max(COUNT_EVERY_S, people * COUNT_PER_PERSON_S)
        self._members.signal_to_crowd(PeopleCount(count=people))


class Tallies:
    """How questions are voted for and polls are answered, for those who see it; an observer. A thousand answers to one
    poll are a thousand events, each of which only its own sender is told, and some signals to everybody."""

    def __init__(self, members: Members, room: Room) -> None:
        self._members = members
        self._room = room
        self._questions: set[int] = set()
        self._polls: set[int] = set()
        self._coalesced = Coalesced(TALLIES_EVERY_S, self._say)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        self._room = after
        if isinstance(event, e.QuestionUpvoted):
            self._questions.add(event.question)
            self._coalesced.ask()
        elif isinstance(event, e.PollAnswered):
            self._polls.add(event.poll)
            self._coalesced.ask()

    def committed(self, after: Room) -> None:
        """See `Observer`."""
        self._room = after

    def stop(self) -> None:
        """Say nothing more."""
        self._coalesced.stop()

    def _say(self) -> None:
        self._say_votes()
        self._say_counts()

    def _say_votes(self) -> None:
        numbers, self._questions = self._questions, set()
        found = [asked for number in numbers if (asked := self._room.entries.questions.get(str(number)))]
        public = {str(one.question.number): len(one.voters) for one in found if questions.is_public(one.question)}
        if public:
            self._members.signal(QuestionVotes(votes=public))
        for asked in found:
            if not questions.is_public(asked.question):
                question = asked.question
                votes = Encoded(QuestionVotes(votes={str(question.number): len(asked.voters)}))
                for member in self._members:
                    reader = self._room.people.get(member.person)
                    if reader is not None and questions.sees(self._room, reader, question):
                        member.send(votes.frame(member.encoding))

    def _say_counts(self) -> None:
        numbers, self._polls = self._polls, set()
        for number in numbers:
            posed = self._room.entries.polls.get(str(number))
            # A closed one was told with its results.
            if posed is None or posed.poll.state is not PollState.OPEN:
                continue
            counts = Encoded(PollCounts(poll=number, answers=len(posed.answers), counts=posed.counts))
            for member in self._members:
                reader = self._room.people.get(member.person)
                if reader is not None and polls.sees_counts(reader, posed.poll):
                    member.send(counts.frame(member.encoding))
