"""Files and slides."""

from __future__ import annotations

from protocol.events.base import Event
from protocol.files import File, Slides


class FileAdded(Event, frozen=True, kw_only=True, tag="file.added"):
    """Somebody has uploaded a file."""

    file: File


class FileRemoved(Event, frozen=True, kw_only=True, tag="file.removed"):
    """A file is not there any more."""

    file: int


class SlidesOpened(Event, frozen=True, kw_only=True, tag="slides.opened"):
    """These slides are on the stage, in place of those that were there. They come down with `slides.closed`, and when
    who has put them there leaves the stage or the conference."""

    slides: Slides


class SlidesTurned(Event, frozen=True, kw_only=True, tag="slides.turned"):
    """The slides on the stage are at this page."""

    page: int


class SlidesClosed(Event, frozen=True, kw_only=True, tag="slides.closed"):
    """No slides are on the stage."""


FileEvent = FileAdded | FileRemoved | SlidesOpened | SlidesTurned | SlidesClosed
