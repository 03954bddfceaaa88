"""A moment as the commands print it."""

from __future__ import annotations

import datetime


def moment(ms: int) -> str:
    """ms since 1970, to the minute."""
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
