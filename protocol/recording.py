"""What everybody may know of the recording of a conference."""

from __future__ import annotations

import enum

from protocol.names import Part


class Recording(Part, frozen=True, kw_only=True):
    """A recording that runs: its number in the conference, from 1, since when (ms since 1970), and who started it."""

    number: int
    since: int
    by: str


class RecordingEnd(enum.StrEnum):
    """Why a recording ended: it was stopped; it has reached the largest size, or the disk's reserve; the disk does not
    keep up with it; it cannot be written."""

    STOPPED = "stopped"
    TOO_LARGE = "too_large"
    DISK_FULL = "disk_full"
    TOO_SLOW = "too_slow"
    FAILED = "failed"
