"""What one client may see of a room, as a whole: the snapshot a client starts from."""

from __future__ import annotations

from protocol.names import Mode, MuteSource, Part, PersonKind, Role, Source
from protocol.settings import Settings


class Person(Part, frozen=True, kw_only=True):
    """Somebody in the conference as others see them."""

    id: str
    name: str
    kind: PersonKind
    role: Role
    by_right: bool = False
    away: bool = False
    on_stage: bool = False
    invited: bool = False
    # Sources the person sends now, muted or not.
    tracks: tuple[Source, ...] = ()
    muted: tuple[MuteSource, ...] = ()
    locked: tuple[MuteSource, ...] = ()


class Blocked(Part, frozen=True, kw_only=True):
    """An identity that cannot come in: who blocked it, when (ms since 1970), and why."""

    id: str
    name: str
    by: str
    time: int
    note: str = ""


class Snapshot(Part, frozen=True, kw_only=True):
    """A conference at one version, as far as its reader may see it.

    `people` holds everybody in a small conference; in a crowded one, and for all but moderators where the settings
    hide the list (`crowded` says so in both), the reader, the stage, and
    for moderators those who asked or are invited: the others by `people.list`. `count` counts everybody
    present. `stage` and `queue` are identities, in order of taking and asking. `asking`
    are those who ask for a turn to speak, `remarks` whose turn it is and until when (ms since 1970). Moderators are
    told who is `blocked`.
    `teacher` is who was named for a `video_lecture`, empty for the owner; there the tracks of students are told only to
    those who see them.
    """

    conference: str
    title: str
    epoch: int
    version: int
    you: str
    owner: str
    stage_places: int
    count: int
    crowded: bool = False
    people: tuple[Person, ...] = ()
    stage: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    remarks: dict[str, int] = {}
    blocked: tuple[Blocked, ...] = ()
    settings: Settings = Settings()
    mode: Mode = Mode.ROLE_BASED
    teacher: str = ""
