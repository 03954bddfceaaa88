"""The time of day that sender reports carry: it never jumps.

The system's clock is read once; from then on it is carried forward by the monotonic clock, so that an administrator
who sets the clock moves neither a round trip nor the lip-sync of a running conference.
"""

from __future__ import annotations

import time

_OFFSET = time.time() - time.monotonic()


def unix_now() -> float:
    """Seconds since 1970, by the monotonic clock."""
    return _OFFSET + time.monotonic()
