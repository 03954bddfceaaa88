"""What one client may see of a room, as a whole: the snapshot a client starts from."""

from __future__ import annotations

from protocol.devices import Device
from protocol.engagement import Link, Poll, Question
from protocol.files import Slides
from protocol.layout import Layout
from protocol.names import Mode, MuteSource, Part, PersonKind, Role, Source, WaitReason
from protocol.recording import Recording
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


class Waiting(Part, frozen=True, kw_only=True):
    """Somebody at the door, and since when (ms since 1970)."""

    id: str
    name: str
    kind: PersonKind
    reason: WaitReason
    since: int


class Snapshot(Part, frozen=True, kw_only=True):
    """A conference at one version, as far as its reader may see it.

    `people` holds everybody in a small conference; in a crowded one, and for all but moderators where the settings
    hide the list (`crowded` says so in both), the reader, the stage, and
    for moderators those who asked or are invited: the others by `people.list`. `count` counts everybody
    present. `stage` and `queue` are identities, in order of taking and asking. `asking`
    are those who ask for a turn to speak, `remarks` whose turn it is and until when (ms since 1970). Moderators are
    told who is `blocked`, and who waits in the `lobby`; organizers are told the `pin` at the door.
    `started`: the conference was begun by `conference.start`; it is held back, and viewers wait, while it is not and
    `backstage` of the settings says so.
    `teacher` is who was named for a `video_lecture`, empty for the owner; there the tracks of students are told only to
    those who see them. `layout` is how the stage is laid out for everybody. Moderators are told the `devices` of those
    in `people`, as far as their clients have reported them. `displayed` and `promoted` are the question and the link on
    the stage, `slides` what is shown there, `polls` those that are open; everything else of these comes by pages
    (`question.list`, …). `recording`: everything that is sent is recorded.
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
    layout: Layout = Layout()
    devices: dict[str, tuple[Device, ...]] = {}
    started: bool = False
    pin: str = ""
    lobby: tuple[Waiting, ...] = ()
    displayed: Question | None = None
    promoted: Link | None = None
    polls: tuple[Poll, ...] = ()
    chat_closed: bool = False
    slides: Slides | None = None
    recording: Recording | None = None
