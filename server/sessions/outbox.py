"""What waits for one connection, with a bound.

While the socket takes bytes, frames are written at once. When it does not, they wait here: answers are kept, events
and signals only up to a bound. Above it they are dropped, and when the socket takes bytes again one snapshot
replaces them. Whoever does not read for ten seconds, or lets even answers pile up, is closed and may come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

# protocol.md: at most 1 MiB is held for a connection. Half of it here; the socket's own buffer is far smaller.
MAX_BYTES = 512 * 1024
MAX_FRAMES = 1024


class Outbox:
    """The frames of one connection. `write` hands bytes to the socket; `stale`, what was dropped must be replaced by a
    snapshot now; `overflow`, not even that is possible."""

    __slots__ = ("_blocked", "_bytes", "_frames", "_overflow", "_stale", "_went_stale", "_write")

    def __init__(self, write: Callable[[bytes], None], stale: Callable[[], None], overflow: Callable[[], None]) -> None:
        self._write = write
        self._stale = stale
        self._overflow = overflow
        self._blocked = False
        self._went_stale = False
        self._frames: deque[tuple[bytes, bool]] = deque()
        self._bytes = 0

    def put(self, frame: bytes, *, keep: bool = False) -> None:
        """Send a frame now or later; `keep`: an answer, which nothing can replace."""
        if not self._blocked:
            self._write(frame)
            return
        if self._went_stale and not keep:
            return
        self._frames.append((frame, keep))
        self._bytes += len(frame)
        if self._full():
            self._drop()

    def block(self) -> None:
        """The socket takes no more for now."""
        self._blocked = True

    def unblock(self) -> None:
        """The socket takes bytes again."""
        self._blocked = False
        while self._frames and not self._blocked:
            frame, _ = self._frames.popleft()
            self._bytes -= len(frame)
            self._write(frame)
        if self._went_stale and not self._blocked:
            self._went_stale = False
            self._stale()

    def clear(self) -> None:
        """The connection is closed: nothing waits any more."""
        self._frames.clear()
        self._bytes = 0
        self._went_stale = False

    def _full(self) -> bool:
        return self._bytes > MAX_BYTES or len(self._frames) > MAX_FRAMES

    def _drop(self) -> None:
        self._went_stale = True
        self._frames = deque(item for item in self._frames if item[1])
        self._bytes = sum(len(frame) for frame, _ in self._frames)
        if self._full():
            self.clear()
            self._overflow()
