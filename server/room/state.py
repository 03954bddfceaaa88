"""The state of one conference, frozen: every change makes a new one.

What is kept for each person stands in tables, which share what did not change (table.py); what is small in plain dicts,
which are copied on change and never changed in place.
"""

from __future__ import annotations

import msgspec

from protocol.devices import Device
from protocol.layout import Layout
from protocol.names import MUTED_BY, STAGE_PLACES, Mode, MuteSource, PersonKind, Role, Source
from protocol.recording import Recording
from protocol.settings import Settings
from protocol.view import Blocked, Waiting
from server.room.entries import Entries
from server.room.table import EMPTY, Table


class Participant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody present, or away within the grace period. `since` is the room's version at which they joined; `inherits`
    is what the server or the link makes them without an assignment, where general access has chosen nothing.

    `links`: the nodes through which they are connected, and whether their main connection is there; none while they
    are away. `moved` is the version at which their main connection became the present one."""

    id: str
    name: str
    kind: PersonKind
    role: Role
    since: int
    by_right: bool = False
    inherits: Role | None = None
    away: bool = False
    tracks: tuple[Source, ...] = ()
    links: dict[str, bool] = {}
    moved: int = 0


class Mute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A silenced source: by whom, and whether the person is kept from undoing it."""

    by: str
    locked: bool = False


class Knock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody at the door, who is in nothing else of the room; `inherits` and `links` as in `Participant`."""

    who: Waiting
    inherits: Role | None = None
    links: dict[str, bool] = {}


class Room(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conference at one version.

    `people` stands in order of joining, `stage` in order of taking a place, `queue` in the order in which requests
    will be met, `asking` for a turn to speak. `expires` (invitations) and `remarks` (turns that run) hold when they
    end, in ms since 1970. `teacher` is who was named to teach, empty for the owner. `layout` holds tiles of people on
    the stage only. `assigned`, `blocked` and `mutes` are kept by identity and outlive the person's presence; `devices`
    are those of people present. `lobby` are those at the door, in order of coming, and `admitted` those who were let in
    from there, until the conference ends; false of those whose role here is no key: they were given a lower one, or
    were sent out. `started`: `conference.start` was given.
    `recording` runs, written by the node `recorder`; `recorded` is the last number that was given to one.
    """

    conference: str
    title: str
    owner: str
    version: int = 0
    stage_places: int = STAGE_PLACES
    settings: Settings = Settings()
    mode: Mode = Mode.ROLE_BASED
    teacher: str = ""
    layout: Layout = Layout()
    ended: bool = False
    crowded: bool = False
    people: Table[Participant] = EMPTY
    stage: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()
    expires: dict[str, int] = {}
    asking: tuple[str, ...] = ()
    remarks: dict[str, int] = {}
    assigned: Table[Role] = EMPTY
    blocked: dict[str, Blocked] = {}
    mutes: Table[dict[MuteSource, Mute]] = EMPTY
    devices: Table[tuple[Device, ...]] = EMPTY
    started: bool = False
    pin: str = ""
    lobby: Table[Knock] = EMPTY
    admitted: Table[bool] = EMPTY
    entries: Entries = Entries()
    recording: Recording | None = None
    recorder: str = ""
    recorded: int = 0


# Identities that one conference keeps an assignment for, and that it keeps out: a state stays small, and nobody
# fills the log with names.
MAX_ASSIGNED = 10_000
MAX_BLOCKED = 1_000
# Identities whose mutes are kept for a return; beyond that those of who went first are forgotten.
MAX_MUTED = 10_000
# Devices kept of all people together. A browser has about six: enough for a full conference of 700, and at 300 bytes
# each what the largest reports can make of the state stays near a megabyte.
MAX_DEVICES = 4_000
# Those who wait at the door at one time, and those of whom it is remembered that they were let in; beyond that the
# first of them are forgotten, and would wait again.
MAX_WAITING = 2_000
MAX_ADMITTED = 10_000

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
