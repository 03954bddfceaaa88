"""The negotiation of media."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.names import Count, Identity, Mid, PictureHeight, Sdp, Source, TrackName


class MediaPublish(Command, frozen=True, kw_only=True, tag="media.publish"):
    """Offer one's tracks: from the stage, as a student of a lecture camera and microphone, in a turn to speak the
    microphone. The SDP offer of the publish connection, and which m-line carries which source.

    `tracks` is the complete set; a source that is missing is unpublished. `restart` says that the
    connection is a new one, not a renegotiation.
    """

    sdp: Sdp
    tracks: Annotated[dict[Mid, Source], Meta(max_length=4)]
    restart: bool = False


class MediaSubscribe(Command, frozen=True, kw_only=True, tag="media.subscribe"):
    """Ask for a new subscribe connection; the server's `media.offer` follows, now and at every change."""


class MediaRestart(Command, frozen=True, kw_only=True, tag="media.restart"):
    """The network is another one: ask for an ICE restart of the subscribe connection. A `media.offer` of the same
    generation with other credentials follows. The publish connection is restarted by the next `media.publish`."""


class MediaAnswer(Command, frozen=True, kw_only=True, tag="media.answer"):
    """The SDP answer to a `media.offer`, with its generation and revision."""

    generation: Count
    revision: Count
    sdp: Sdp


class MediaRelays(Command, frozen=True, kw_only=True, tag="media.relays"):
    """Ask for the TURN servers of this place, to be used for both connections; asked again, the credentials are new."""


class MediaPrefer(Command, frozen=True, kw_only=True, tag="media.prefer"):
    """What one looks at, so that no more is sent than can be seen: how high each video track's picture is drawn, in
    device pixels; 0: it is not shown, and nothing of it is sent.

    `heights` replaces what was said before. A track that is not named has no preference: as much as the network takes.
    """

    heights: Annotated[dict[TrackName, PictureHeight], Meta(max_length=80)]


class MediaStats(Command, frozen=True, kw_only=True, tag="media.stats"):
    """Ask for the statistics of one's own connections and tracks; those of `target` whoever moderates may ask for."""

    target: Identity | None = None


MediaCommand = MediaPublish | MediaSubscribe | MediaRestart | MediaAnswer | MediaRelays | MediaPrefer | MediaStats
