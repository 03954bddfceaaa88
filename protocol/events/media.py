"""What is sent, and what is silent."""

from __future__ import annotations

from protocol.events.base import Event
from protocol.names import MuteSource, Source


class MediaMuted(Event, frozen=True, kw_only=True, tag="media.muted"):
    """A source of somebody is silent at the media plane; `locked`: they cannot undo it."""

    person: str
    source: MuteSource
    locked: bool = False


class MediaUnmuted(Event, frozen=True, kw_only=True, tag="media.unmuted"):
    """A source of somebody may be heard or seen again."""

    person: str
    source: MuteSource


class MediaUnmuteAsked(Event, frozen=True, kw_only=True, tag="media.unmute_asked"):
    """Somebody is asked to unmute; `forced`: their client switches the device on. They and moderators are told."""

    person: str
    source: MuteSource
    forced: bool = False


class TrackPublished(Event, frozen=True, kw_only=True, tag="track.published"):
    """Somebody sends this source: from the stage, as a student of a lecture, or in a turn to speak."""

    person: str
    source: Source


class TrackUnpublished(Event, frozen=True, kw_only=True, tag="track.unpublished"):
    """Somebody does not send this source any more."""

    person: str
    source: Source


MediaEvent = MediaMuted | MediaUnmuted | MediaUnmuteAsked | TrackPublished | TrackUnpublished
