"""What a signaling node and a media worker say to each other.

A worker knows no roles and no policy. `Routes` says what it must do for a room; everything not in it is closed.
Routes are level-triggered: each carries the room's position (epoch, version), a worker ignores one not above its
own, and a difference whose `base` is not the worker's version is answered with `RoutesWanted`.

The link is a byte stream of frames: a length (4 bytes, big endian), then one msgpack message.
"""

from __future__ import annotations

import enum

from protocol.names import Message, Part, Source

# A complete plan of 2,000 peers is about 100 KB; 8 MiB leaves room without trusting the other side's length blindly.
MAX_CONTROL_FRAME = 8 * 1024 * 1024


class TrackRoute(Part, frozen=True, kw_only=True):
    """One published track: whose, whether it is forwarded at all, and to the members of which groups."""

    track: str
    peer: str
    source: Source
    open: bool
    to: tuple[str, ...] = ()


# --- server → worker --------------------------------------------------------------------


class WorkerWelcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """The worker is accepted; `heartbeat_s` is how often it must be heard."""

    heartbeat_s: float


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


class RoomClosed(Message, frozen=True, kw_only=True, tag="room_closed"):
    """The room is over, or placed elsewhere: close everything of it."""

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


class SubscribeAnswer(Message, frozen=True, kw_only=True, tag="subscribe_answer"):
    """A client's answer to a `SubscribeOffer`; one that is not to the newest revision is ignored."""

    room: str
    peer: str
    generation: int
    revision: int
    sdp: str


class PeerClose(Message, frozen=True, kw_only=True, tag="peer_close"):
    """The peer's client is gone for good: free its transports now."""

    room: str
    peer: str


class Shutdown(Message, frozen=True, kw_only=True, tag="shutdown"):
    """End this worker: send DTLS close to everybody, then exit."""


ServerMessage = (
    WorkerWelcome | Routes | RoomClosed | PublishOffer | SubscribeOpen | SubscribeAnswer | PeerClose | Shutdown
)

# --- worker → server --------------------------------------------------------------------


class WorkerHello(Message, frozen=True, kw_only=True, tag="hello"):
    """The first message of a worker. `addresses`: what it advertises as ICE candidates; `udp_port`: its one port."""

    worker: str
    secret: str
    pid: int
    udp_port: int
    addresses: tuple[str, ...]


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


class TransportState(enum.StrEnum):
    """The life of a transport."""

    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"
    FAILED = "failed"


class TransportChanged(Message, frozen=True, kw_only=True, tag="transport_changed"):
    """A transport changed its state; `lost`: nothing heard for 5 s, `closed`: freed."""

    room: str
    peer: str
    direction: Direction
    state: TransportState


class RoutesApplied(Message, frozen=True, kw_only=True, tag="routes_applied"):
    """The worker's routes are now at this position: from here on nothing closed by it is forwarded."""

    room: str
    epoch: int
    version: int


class RoutesWanted(Message, frozen=True, kw_only=True, tag="routes_wanted"):
    """The worker has no routes, or not the base of a difference: send everything."""

    room: str


class Level(Part, frozen=True, kw_only=True):
    """A peer's smoothed loudness, 0 to 100."""

    peer: str
    level: int


class Speakers(Message, frozen=True, kw_only=True, tag="speakers"):
    """Who speaks, loudest first; sent when it changes, at most five times a second."""

    room: str
    speakers: tuple[Level, ...]


class TrackReport(Part, frozen=True, kw_only=True):
    """Counters of a track since it began: packets and bytes in, packets out, packets dropped because it was closed."""

    track: str
    received: int
    received_bytes: int
    lost: int
    forwarded: int
    dropped: int


class PeerReport(Part, frozen=True, kw_only=True):
    """One peer's connection in the last interval. `loss_up`, `loss_down` in percent, -1 when unknown."""

    peer: str
    publish: TransportState | None = None
    subscribe: TransportState | None = None
    rtt_ms: int = -1
    loss_up: float = -1.0
    loss_down: float = -1.0
    up_bytes: int = 0
    down_bytes: int = 0


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """Sent each second. `positions`: room → (epoch, version); `lag_ms`: the loop's worst lag; counters since start."""

    positions: dict[str, tuple[int, int]]
    transports: int
    packets_in: int
    packets_out: int
    dropped: dict[str, int]
    lag_ms: float
    cpu_s: float


class RoomReport(Message, frozen=True, kw_only=True, tag="room_report"):
    """Counters of one room's tracks and peers, each two seconds, while there are any."""

    room: str
    tracks: tuple[TrackReport, ...] = ()
    peers: tuple[PeerReport, ...] = ()


WorkerMessage = (
    WorkerHello
    | PublishAnswer
    | Failed
    | SubscribeOffer
    | TransportChanged
    | RoutesApplied
    | RoutesWanted
    | Speakers
    | Heartbeat
    | RoomReport
)
