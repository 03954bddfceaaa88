"""The part of a room's state that people fill: questions, polls, links, files, and what of the chat is the room's.

Entries are numbered from 1 in the order of making and kept by their number, as text: maps on the wire have text as
keys. They outlive the presence of who made them, and the end of the conference.
"""

from __future__ import annotations

import msgspec

from protocol.engagement import Link, Poll, Question
from protocol.files import File, Slides


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question and who has voted for it."""

    question: Question
    voters: tuple[str, ...] = ()


class Posed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A poll, how often each option was chosen, and who has answered what; of an anonymous poll only who has."""

    poll: Poll
    counts: tuple[int, ...]
    answers: dict[str, tuple[int, ...]] = {}


class Entries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`asked`, `posed`, `linked` and `filed` are the last numbers given; `displayed` and `promoted` the number of what
    is on the stage, 0 for nothing, `slides` those that are shown there. `erased` are the messages of the chat
    (`channel/number`) that were deleted last: a server that died before the chat followed finishes it when it opens the
    room."""

    questions: dict[str, Asked] = {}
    asked: int = 0
    displayed: int = 0
    polls: dict[str, Posed] = {}
    posed: int = 0
    links: dict[str, Link] = {}
    linked: int = 0
    promoted: int = 0
    files: dict[str, File] = {}
    filed: int = 0
    slides: Slides | None = None
    chat_closed: bool = False
    erased: tuple[str, ...] = ()


# What one conference keeps at most. Texts of the greatest length would make a state of two megabytes, honest ones a
# tenth of it.
MAX_QUESTIONS = 500
MAX_POLLS = 50
MAX_LINKS = 100
MAX_FILES = 100
# Unanswered questions, polls, links and files of one person: nobody uses up what is there for all.
MAX_OF_ONE = 20
# Polls open at once; they are in everybody's snapshot.
MAX_OPEN = 4
# Votes for questions, and answers to polls, over all of them.
MAX_VOTES = 50_000
# Deletions remembered. The chat follows within milliseconds.
MAX_ERASED = 256
