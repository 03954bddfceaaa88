"""Files and slides. A file itself comes and goes over HTTP (`uploadFile`, `listFiles`, `downloadFile`,
`slidesPage`)."""

from __future__ import annotations

from protocol.commands.base import Command
from protocol.files import PageNumber
from protocol.names import Count


class FileRemove(Command, frozen=True, kw_only=True, tag="file.remove"):
    """Take a file away (one's own too); slides that are shown come down."""

    file: Count


class SlidesOpen(Command, frozen=True, kw_only=True, tag="slides.open"):
    """Put slides on the stage, in place of those that are there. One's own from one's place on the stage; those of
    others, and from anywhere, by whoever controls others' files."""

    file: Count
    page: PageNumber = 1


class SlidesPage(Command, frozen=True, kw_only=True, tag="slides.page"):
    """Turn the slides on the stage to a page. `file` says which slides are meant: when others were put there meanwhile,
    nothing is turned."""

    file: Count
    page: PageNumber


class SlidesClose(Command, frozen=True, kw_only=True, tag="slides.close"):
    """Take these slides down from the stage."""

    file: Count


FileCommand = FileRemove | SlidesOpen | SlidesPage | SlidesClose
