"""The state of one conference, frozen: every change makes a new one.

A room is small (kilobytes); a dict of a thousand people is copied in 4 µs, so plain dicts are shared and
copied on change, and never changed in place.
"""

from __future__ import annotations

import msgspec

from protocol.names import MUTED_BY, STAGE_PLACES, Mode, MuteSource, PersonKind, Role, Source
from protocol.settings import Settings
from protocol.view import Blocked


class Participant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody present, or away within the grace period. `since` is the room's version at which they joined."""

    id: str
    name: str
    kind: PersonKind
    role: Role
    since: int
    by_right: bool = False
    away: bool = False
    tracks: tuple[Source, ...] = ()


class Mute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A silenced source: by whom, and whether the person is kept from undoing it."""

    by: str
    locked: bool = False


class Room(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conference at one version.

    `people` stands in order of joining, `stage` in order of taking a place, `queue` in the order in which requests
    will be met, `asking` for a turn to speak. `expires` (invitations) and `remarks` (turns that run) hold when they
    end, in ms since 1970. `teacher` is who was named to teach, empty for the owner. `assigned`, `blocked` and `mutes`
    are kept by identity and outlive the person's presence.
    """

    conference: str
    title: str
    owner: str
    version: int = 0
    stage_places: int = STAGE_PLACES
    settings: Settings = Settings()
    mode: Mode = Mode.ROLE_BASED
    teacher: str = ""
    ended: bool = False
    crowded: bool = False
    people: dict[str, Participant] = {}
    stage: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()
    expires: dict[str, int] = {}
    asking: tuple[str, ...] = ()
    remarks: dict[str, int] = {}
    assigned: dict[str, Role] = {}
    blocked: dict[str, Blocked] = {}
    mutes: dict[str, dict[MuteSource, Mute]] = {}


# Identities that one conference keeps an assignment for, and that it keeps out: a state stays small, and nobody
# fills the log with names.
MAX_ASSIGNED = 10_000
MAX_BLOCKED = 1_000

# Above this many people viewers are told a count instead of each coming and going; below the second number they are
# told everything again. The gap keeps a room at the edge from being re-sent at every join.
CROWDED_FROM = 150
CROWDED_UNTIL = 100


def on_stage(room: Room, person: str) -> bool:
    """Whether the person has a place on the stage."""
    return person in room.stage


def place_is_free(room: Room) -> bool:
    """Whether one more may go on the stage: the setting may lower the design's cap, nothing raises it."""
    return len(room.stage) < min(room.stage_places, STAGE_PLACES)


def mute_of(room: Room, person: str, source: MuteSource) -> Mute | None:
    """The person's mute of a source, if there is one."""
    mutes = room.mutes.get(person)
    return mutes.get(source) if mutes else None


def silenced(room: Room, person: str, source: Source) -> bool:
    """Whether mutes keep this source of the person from everybody.

    A microphone that somebody else muted must not come back as the sound of a screen: which sound it is nobody here
    can tell, so that sound is closed as well. One's own mute leaves the film one shows its sound.
    """
    mutes = room.mutes.get(person, {})
    if MUTED_BY[source] in mutes:
        return True
    microphone = mutes.get(MuteSource.AUDIO)
    return source is Source.SCREEN_AUDIO and microphone is not None and microphone.by != person
