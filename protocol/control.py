"""What a signaling node and a media worker say to each other.

A worker knows no roles and no policy. `Routes` says what it must do for a room; everything not in it is closed.
Routes are level-triggered: each carries the room's position (epoch, version), a worker ignores one not above its
own, and a difference whose `base` is not the worker's version is answered with `RoutesWanted`.

The link is a byte stream of frames: a length (4 bytes, big endian), then one msgpack message. A worker has one link to
the process that started it, and perhaps one to each node that has people in its rooms (protocol/proof.py says how
those begin). What it says of a peer goes to the node that last spoke for the peer, what it says of a room to all that
have told it routes for the room.
"""

from __future__ import annotations

import enum

from protocol.names import Message, Part, Source
from protocol.statistics import Statistics
from protocol.statistics import TrackReport as TrackReport
from protocol.statistics import TransportState as TransportState

# A complete plan of 2,000 peers is about 100 KB; 8 MiB leaves room without trusting the other side's length blindly.
MAX_CONTROL_FRAME = 8 * 1024 * 1024
# Of this module: a node and a worker of different versions do not talk to each other.
CONTROL_VERSION = 2


class TrackRoute(Part, frozen=True, kw_only=True):
    """One published track: whose, whether it is forwarded at all, and to the members of which groups. `pinned`: a
    microphone that is forwarded however many others are louder."""

    track: str
    peer: str
    source: Source
    open: bool
    to: tuple[str, ...] = ()
    pinned: bool = False


# --- server → worker --------------------------------------------------------------------


class NodeHello(Message, frozen=True, kw_only=True, tag="node_hello"):
    """The first message of a node that has connected to a worker. `nonce`: 32 random bytes in hex. Answered by
    `WorkerProof`."""

    node: str
    nonce: str
    version: int


class NodeProof(Message, frozen=True, kw_only=True, tag="node_proof"):
    """The node knows the secret as well; `WorkerWelcome` follows."""

    proof: str


class WorkerWelcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """The worker is accepted; `heartbeat_s` is how often it must be heard, `kept_s` how long it keeps the media of a
    room that no node has."""

    heartbeat_s: float
    kept_s: float = 60.0


class Routes(Message, frozen=True, kw_only=True, tag="routes"):
    """What the worker must do for a room.

    `base` None: this is all there is. Otherwise: the difference to version `base`. `peers` maps a peer
    (a participant's identity) to its group; a peer may have transports while it is listed. `gone_*` leave.
    """

    room: str
    epoch: int
    version: int
    base: int | None = None
    peers: dict[str, str] = {}
    tracks: tuple[TrackRoute, ...] = ()
    gone_peers: tuple[str, ...] = ()
    gone_tracks: tuple[str, ...] = ()


class RelayLink(Part, frozen=True, kw_only=True):
    """One end of a link between two workers that have the same room. `link`: its name; `secret`: 32 random bytes in
    hexadecimal, both ends' keys follow from them; `far`: the addresses and ports at which the other end may be.

    A name is used once: who has closed a link does not open it again, since its keys have been used, and says so
    (`RelayRefused`); then the link needs another name.
    """

    link: str
    secret: str
    far: tuple[tuple[str, int], ...]


class RoomRelays(Message, frozen=True, kw_only=True, tag="room_relays"):
    """The links of a room at this worker, all of them: `source` is the worker that its tracks come from, `None` where
    publishers are connected; `feeds` are those that get them from here. Level-triggered like `Routes`, with a
    number of its own, upon which all nodes agree: the links of a room may change while the room does not."""

    room: str
    revision: int
    source: RelayLink | None = None
    feeds: tuple[RelayLink, ...] = ()


class RoomClosed(Message, frozen=True, kw_only=True, tag="room_closed"):
    """The room is over, or placed elsewhere: close everything of it, as soon as no other node has it here."""

    room: str


class RoomRecorder(Message, frozen=True, kw_only=True, tag="room_recorder"):
    """To a worker: its room's tracks go over this link to a recorder too, or to none any more. Apart from `RoomRelays`,
    since it is the affair of one node, the one that records: `recording` is the number of that recording in its room,
    and `revision` grows with every change during it; what is not above the newest pair is void."""

    room: str
    recording: int
    revision: int
    feed: RelayLink | None = None


class RecordRoom(Message, frozen=True, kw_only=True, tag="record_room"):
    """To a recorder (media/record/): write what this room sends to a group of peers into files of this folder, which
    exists; `segment` goes into their names, and is another one for each recorder that goes on with a recording. It ends
    by itself with `most_bytes` in this segment, when the disk has less than `free_bytes` left, or when something has
    waited for it for `patience_s`. Answered by `RecordingReport`s."""

    room: str
    recording: str
    group: str
    folder: str
    segment: int
    most_bytes: int
    free_bytes: int
    patience_s: float = 20.0


class RecordEnd(Message, frozen=True, kw_only=True, tag="record_end"):
    """Finish the files of this room's recording. Answered by a last `RecordingReport`."""

    room: str


class PublishOffer(Message, frozen=True, kw_only=True, tag="publish_offer"):
    """A client's offer for its publish connection; `bindings`: m-line (mid) → track. Answered by `PublishAnswer`
    or `Failed`. `restart`: the client's connection is new, the former transport is void."""

    request: int
    room: str
    peer: str
    sdp: str
    bindings: dict[str, str]
    restart: bool = False


class SubscribeOpen(Message, frozen=True, kw_only=True, tag="subscribe_open"):
    """Make a new subscribe transport of `generation` for the peer; the former is void. A `SubscribeOffer` follows."""

    room: str
    peer: str
    generation: int


class SubscribeRestart(Message, frozen=True, kw_only=True, tag="subscribe_restart"):
    """The peer's network is another one: offer its subscribe transport of `generation` with new ICE credentials."""

    room: str
    peer: str
    generation: int


class SubscribeAnswer(Message, frozen=True, kw_only=True, tag="subscribe_answer"):
    """A client's answer to a `SubscribeOffer`; one that is not to the newest revision is ignored."""

    room: str
    peer: str
    generation: int
    revision: int
    sdp: str


class Prefer(Message, frozen=True, kw_only=True, tag="prefer"):
    """How high a peer draws each video track's picture, in device pixels; 0: it does not show it. Replaces what was
    said before; a track that is not named is wanted as high as it comes, and one that does not exist is nobody's."""

    room: str
    peer: str
    heights: dict[str, int]


class PeerAdopt(Message, frozen=True, kw_only=True, tag="peer_adopt"):
    """What is said of the peer goes to this link from now on. Answered by `PeerState`, and by what may have been lost:
    the offer that waits for an answer, what is paused, which layers are wanted."""

    room: str
    peer: str


class PeerClose(Message, frozen=True, kw_only=True, tag="peer_close"):
    """The peer's client is gone for good: free its transports now."""

    room: str
    peer: str


class StatsWanted(Message, frozen=True, kw_only=True, tag="stats_wanted"):
    """Measure one peer's connections and tracks now. Answered by `Stats` or `Failed`."""

    request: int
    room: str
    peer: str


class Drain(Message, frozen=True, kw_only=True, tag="drain"):
    """This worker is to end: tell the nodes, so that they take their rooms elsewhere. From the process that started
    it."""


class Shutdown(Message, frozen=True, kw_only=True, tag="shutdown"):
    """End this worker: send DTLS close to everybody, then exit. From the process that started it."""


ServerMessage = (
    NodeHello
    | NodeProof
    | WorkerWelcome
    | Routes
    | RoomRelays
    | RoomRecorder
    | RoomClosed
    | RecordRoom
    | RecordEnd
    | PublishOffer
    | SubscribeOpen
    | SubscribeRestart
    | SubscribeAnswer
    | Prefer
    | PeerAdopt
    | PeerClose
    | StatsWanted
    | Drain
    | Shutdown
)

# --- worker → server --------------------------------------------------------------------


class WorkerHello(Message, frozen=True, kw_only=True, tag="hello"):
    """The first message of a worker to the process that started it. `addresses`: what it advertises as ICE
    candidates; `udp_port`: its one port; `control_port`: where it takes links from nodes, 0 when it does not."""

    worker: str
    secret: str
    pid: int
    udp_port: int
    addresses: tuple[str, ...]
    control_port: int = 0


class WorkerProof(Message, frozen=True, kw_only=True, tag="worker_proof"):
    """The worker knows the secret; `nonce`: 32 random bytes of its own, in hex. Answered by `NodeProof`."""

    worker: str
    nonce: str
    proof: str


class PeerState(Message, frozen=True, kw_only=True, tag="peer_state"):
    """What a peer that was adopted has: a publish connection, and a subscribe connection of a generation."""

    room: str
    peer: str
    publish: bool
    generation: int | None = None


class PeerMoved(Message, frozen=True, kw_only=True, tag="peer_moved"):
    """Another node speaks for the peer now: forget what was known of its connections."""

    room: str
    peer: str


class PublishAnswer(Message, frozen=True, kw_only=True, tag="publish_answer"):
    """The answer to a `PublishOffer`."""

    request: int
    sdp: str


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """A request that could not be done: `code` is one of `protocol.errors.Code`."""

    request: int
    code: str
    message: str


class SubscribeOffer(Message, frozen=True, kw_only=True, tag="subscribe_offer"):
    """The worker's offer for a peer's subscribe connection; `tracks`: m-line (mid) → track, for active m-lines."""

    room: str
    peer: str
    generation: int
    revision: int
    sdp: str
    tracks: dict[str, str]


class Direction(enum.StrEnum):
    """Which of a peer's two transports."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


class TransportChanged(Message, frozen=True, kw_only=True, tag="transport_changed"):
    """A transport changed its state; `lost`: nothing heard for 5 s, `closed`: freed."""

    room: str
    peer: str
    direction: Direction
    state: TransportState


class RoutesApplied(Message, frozen=True, kw_only=True, tag="routes_applied"):
    """The worker's routes are now at this position: from here on nothing closed by it is forwarded.

    `closed`: each track that was closed, or goes to fewer groups now → how old its last forwarded packet was at that
    moment, in ms; -1 when it never had one. `relays`: the revision of the room's links here; a node that knows of an
    earlier one does not know all workers of the room.
    """

    room: str
    epoch: int
    version: int
    closed: dict[str, float] = {}
    relays: int = 0


class RoutesKnown(Message, frozen=True, kw_only=True, tag="routes_known"):
    """The answer to routes that are not above the worker's own, which are at this position. `relays` as in
    `RoutesApplied`."""

    room: str
    epoch: int
    version: int
    relays: int = 0


class RelayChanged(Message, frozen=True, kw_only=True, tag="relay_changed"):
    """A link between this worker and another one can be used, or can not: nothing authentic was heard on it."""

    room: str
    link: str
    connected: bool


class RelayRefused(Message, frozen=True, kw_only=True, tag="relay_refused"):
    """A link of this name was closed here before: its keys are used up, and it needs another name."""

    room: str
    link: str


class RoutesWanted(Message, frozen=True, kw_only=True, tag="routes_wanted"):
    """The worker has no routes, or not the base of a difference: send everything."""

    room: str


class Paused(Message, frozen=True, kw_only=True, tag="paused"):
    """The tracks that a peer would see if its link took more; sent when they change."""

    room: str
    peer: str
    tracks: tuple[str, ...] = ()


class LayersWanted(Message, frozen=True, kw_only=True, tag="layers_wanted"):
    """Which layers of a video track its publisher is to send, by their names; the others are seen by nobody. What is
    sent in one layer has one without a name; layers within one stream (SVC) are `s0`, `s1` and `s2`, lowest first.
    Said when it changes, and again for each description of the publisher: until it is said the publisher sends all."""

    room: str
    peer: str
    track: str
    rids: tuple[str, ...]


class Level(Part, frozen=True, kw_only=True):
    """A peer's smoothed loudness, 0 to 100."""

    peer: str
    level: int


class Speakers(Message, frozen=True, kw_only=True, tag="speakers"):
    """Who speaks, loudest first; sent when it changes, at most five times a second."""

    room: str
    speakers: tuple[Level, ...]


class PeerReport(Part, frozen=True, kw_only=True):
    """One peer's connection in the last interval. `loss_up`, `loss_down` in percent, -1 when unknown; `score_up`,
    `score_down`: the worst of what they send and of what they receive, 0 when unknown (protocol/statistics.py)."""

    peer: str
    publish: TransportState | None = None
    subscribe: TransportState | None = None
    rtt_ms: int = -1
    loss_up: float = -1.0
    loss_down: float = -1.0
    up_bytes: int = 0
    down_bytes: int = 0
    score_up: float = 0.0
    score_down: float = 0.0


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """Sent each second. `positions`: room → (epoch, version), and `relays`: room → the revision of its links to other
    workers, of the rooms that this link has told routes for; `rooms`: how many there are in all; `lag_ms`: the loop's
    worst lag; counters since start. `draining`: take your rooms elsewhere.

    `elsewhere`: how many view here for whom this link does not speak, and `others`: room → how many of them, of the
    rooms that this link has told; `nodes`: how many links have rooms here, this one in any case."""

    positions: dict[str, tuple[int, int]]
    rooms: int = 0
    draining: bool = False
    transports: int
    packets_in: int
    packets_out: int
    dropped: dict[str, int]
    lag_ms: float
    cpu_s: float
    relays: dict[str, int] = {}
    elsewhere: int = 0
    others: dict[str, int] = {}
    nodes: int = 1


class Stats(Message, frozen=True, kw_only=True, tag="stats"):
    """The answer to a `StatsWanted`."""

    request: int
    statistics: Statistics


class RoomReport(Message, frozen=True, kw_only=True, tag="room_report"):
    """Counters of one room's tracks and peers, each two seconds, while there are any."""

    room: str
    tracks: tuple[TrackReport, ...] = ()
    peers: tuple[PeerReport, ...] = ()


class RecordingState(enum.StrEnum):
    """How a recording is; all but the first are its end."""

    RUNNING = "running"
    ENDED = "ended"
    TOO_LARGE = "too_large"
    DISK_FULL = "disk_full"
    TOO_SLOW = "too_slow"
    FAILED = "failed"


class RecordingReport(Message, frozen=True, kw_only=True, tag="recording_report"):
    """A recorder's word on a recording, each second and at its end: how many files there are in this segment, and
    how many bytes in them. `dropped`: frames that the disk was too slow for."""

    room: str
    recording: str
    segment: int
    state: RecordingState
    files: int
    bytes: int
    dropped: int = 0


WorkerMessage = (
    WorkerHello
    | WorkerProof
    | PeerState
    | PeerMoved
    | PublishAnswer
    | Failed
    | SubscribeOffer
    | TransportChanged
    | RoutesApplied
    | RoutesKnown
    | RoutesWanted
    | RelayChanged
    | RelayRefused
    | Paused
    | LayersWanted
    | Speakers
    | Heartbeat
    | Stats
    | RoomReport
    | RecordingReport
)
