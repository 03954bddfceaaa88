"""What is measured of a connection and its tracks: reported by the workers, and told on demand to those who may know.

Scores are estimated mean opinion scores, 1.0 (useless) to 5.0; 0 where nothing could be measured (media/score.py has
the formulas). Counters count since the track, or the connection, began.
"""

from __future__ import annotations

import enum

from protocol.names import Identity, Message, Part


class TransportState(enum.StrEnum):
    """The life of a transport."""

    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"
    FAILED = "failed"


class LayerReport(Part, frozen=True, kw_only=True):
    """One encoding of a track, the lowest first: its name (`rid`, empty where there is one only), its rate in the last
    second, and its picture. `live`: something came within the last second. Width, height and rate of frames are 0
    where they are not known, as for sound."""

    rid: str = ""
    live: bool = False
    kbps: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0


class TrackReport(Part, frozen=True, kw_only=True):
    """A track as the worker receives it from its publisher.

    `received`, `received_bytes`: what came; `lost`: what did not, also not when it was asked for again; `repaired`:
    what came only then; `forwarded`: packets to all `viewers` together; `dropped`: packets that came while the track
    was closed; `keyframes_asked`: how often its publisher was asked for a key frame. Of the last interval: `loss` in
    percent, after repair; `jitter_ms`; `still_ms`: how long the picture stood still; `score`.
    """

    track: str
    received: int
    received_bytes: int
    lost: int
    forwarded: int
    dropped: int
    open: bool = True
    codec: str = ""
    repaired: int = 0
    keyframes_asked: int = 0
    viewers: int = 0
    loss: float = 0.0
    jitter_ms: float = 0.0
    still_ms: int = 0
    score: float = 0.0
    layers: tuple[LayerReport, ...] = ()


class ReceivedTrack(Part, frozen=True, kw_only=True):
    """A track as one viewer gets it from the worker.

    `rid`: which of its layers they get; `wanted`: which they are to get, the same unless a switch waits for a key
    frame; `flowing`: it is sent to them now. `repeated`: packets sent again because they asked for them;
    `keyframes_asked`: how often they asked for a key frame. As they report it themselves, -1 before they have: `loss`
    in percent before repair, `jitter_ms`.
    """

    track: str
    flowing: bool
    packets: int
    bytes: int
    rid: str = ""
    wanted: str = ""
    repeated: int = 0
    keyframes_asked: int = 0
    loss: float = -1.0
    jitter_ms: float = -1.0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    score: float = 0.0


class PathReport(Part, frozen=True, kw_only=True):
    """One of a person's two connections. `silent_ms`: how long nothing was heard from them; `rtt_ms`, `loss` (percent,
    of the last second): -1 where not known; `kbps_limit`: what the path is estimated to carry, 0 where it is not."""

    state: TransportState | None
    network: str = "udp"
    bytes: int = 0
    rtt_ms: int = -1
    loss: float = -1.0
    silent_ms: int = 0
    kbps_limit: int = 0
    score: float = 0.0


class Statistics(Message, frozen=True, kw_only=True, tag="statistics"):
    """Answer to `media.stats`: what somebody sends and receives at this moment, as the media worker measures it.

    `at`: the worker's clock in ms, for rates between two answers. Without a connection `up` or `down` is absent.
    """

    person: Identity
    at: int
    up: PathReport | None = None
    down: PathReport | None = None
    sent: tuple[TrackReport, ...] = ()
    received: tuple[ReceivedTrack, ...] = ()
