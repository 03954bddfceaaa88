"""Files of a conference: handouts to be downloaded, and slides that are shown on the stage page by page."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from protocol.names import Part

# 2,000 pages are more than the largest decks; the server's options set a lower limit.
PageNumber = Annotated[int, Meta(ge=1, le=2000)]


class FileKind(enum.StrEnum):
    """What a file is for: a handout is downloaded, slides are shown."""

    HANDOUT = "handout"
    SLIDES = "slides"


class File(Part, frozen=True, kw_only=True):
    """A file that somebody has uploaded. `number` counts the conference's files from 1, `time` is ms since 1970.

    `label`: the name it was given, without what could mislead or hurt; `size`: bytes that are kept of it; `pages` of
    slides. `key` is the server's own name for it, another one for each file there has ever been.
    """

    number: int
    kind: FileKind
    person: str
    name: str
    time: int
    label: str
    size: int
    key: str
    pages: int = 0


class Slides(Part, frozen=True, kw_only=True):
    """Slides on the stage: which, at what page (from 1), and who has put them there."""

    file: File
    page: int
    person: str
