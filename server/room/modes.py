"""How a conference is held: who may have a place on the stage in each mode, who takes one on joining, who sends what.

    role_based     a place by right of the role, by a grant or an invitation; off the stage one sends a
                   microphone while a turn to speak runs (remark.py), and otherwise nothing
    all_on_screen  everybody takes a place on joining
    video_lecture  the teacher, moderators and organizers take a place on joining, and nobody else has one. Students
                   send camera and microphone *without a place*: their tracks are in the room like any other, and the
                   plan brings them to the teacher and those who moderate, to no other student (plan.py)

The teacher is the owner unless an organizer has named another, who need not moderate.
"""

from __future__ import annotations

from protocol.names import Mode, Role, Source
from server.room.rules import RANK, permits
from server.room.state import Participant, Room, on_stage

NOTHING: frozenset[Source] = frozenset()
EVERYTHING = frozenset(Source)
# A screen share belongs to a speaker on the stage.
IN_A_REMARK = frozenset((Source.AUDIO,))
OF_A_STUDENT = frozenset((Source.AUDIO, Source.VIDEO))


def teacher(room: Room) -> str:
    """Who teaches when there is a lecture."""
    return room.teacher or room.owner


def leads(room: Room, person: Participant) -> bool:
    """Whether the person is the teacher, or moderates: in a lecture those who see and hear the students."""
    return RANK[person.role] >= RANK[Role.MODERATOR] or person.id == teacher(room)


def may_have_place(room: Room, person: Participant) -> bool:
    """Whether the mode lets the person onto the stage at all, by whatever way."""
    return room.mode is not Mode.VIDEO_LECTURE or leads(room, person)


def takes_place_by_themselves(room: Room, person: Participant) -> bool:
    """Whether a free place is theirs for the asking."""
    if room.mode is Mode.ROLE_BASED:
        return permits(person.role, "stage.go")
    return may_have_place(room, person)


def seated_on_joining(room: Room, person: Participant) -> bool:
    """Whether the mode puts the person on the stage as soon as they are there."""
    return room.mode is not Mode.ROLE_BASED and may_have_place(room, person)


def sources_of(room: Room, person: str) -> frozenset[Source]:
    """What somebody present may send now."""
    if on_stage(room, person):
        return EVERYTHING
    if person in room.remarks:
        return IN_A_REMARK
    return OF_A_STUDENT if room.mode is Mode.VIDEO_LECTURE else NOTHING
