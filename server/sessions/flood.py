"""How much a connection may send, counted on raw bytes before they are parsed.

Parsing is what a flood costs: 256 KiB of empty pings are 40,000 frames, which would hold everybody's loop for most of
a second. So frames are counted by walking their headers, which costs a microsecond each and stops at the limit.
"""

from __future__ import annotations

from protocol.codec import MAX_FRAME
from server.ratelimit import Bucket

# So many seconds' worth may come at once: a page that loads joins, asks for history and negotiates two connections.
BURST_S = 4.0


class TooLarge(Exception):
    """A frame announces more than a message may have."""


class FrameMeter:
    """Counts the frames of a client's byte stream (RFC 6455, section 5.2), wherever it is cut into pieces."""

    __slots__ = ("_head", "_payload")

    def __init__(self) -> None:
        self._head = b""
        self._payload = 0

    @property
    def between(self) -> bool:
        """Whether the next byte begins a frame."""
        return not self._payload and not self._head

    def begun(self, data: bytes, limit: int) -> int:
        """How many frames begin in the next piece of the stream; counting stops above `limit`. Raises `TooLarge`."""
        count = 0
        position = 0
        if self._head:
            data = self._head + data
            self._head = b""
        size = len(data)
        while position < size and count <= limit:
            if self._payload:
                step = min(self._payload, size - position)
                self._payload -= step
                position += step
                continue
            header = self._header(data, position)
            if header == 0:
                self._head = data[position:]
                break
            position += header
            count += 1
        return count

    def _header(self, data: bytes, position: int) -> int:
        """The length of the header at `position`, or 0 when it is not all there; notes the payload's length."""
        if len(data) < position + 2:
            return 0
        short = data[position + 1] & 0x7F
        header = 2 if short < 126 else 4 if short == 126 else 10
        if data[position + 1] & 0x80:
            header += 4
        if len(data) < position + header:
            return 0
        if short == 126:
            short = int.from_bytes(data[position + 2 : position + 4], "big")
        elif short == 127:
            short = int.from_bytes(data[position + 2 : position + 10], "big")
        if short > MAX_FRAME:
            raise TooLarge
        self._payload = short
        return header


class FloodGuard:
    """The allowance of one connection in bytes and frames."""

    __slots__ = ("_bytes", "_frames", "_meter", "_most")

    def __init__(self, bytes_per_second: float, frames_per_second: float, now: float) -> None:
        self._bytes = Bucket(bytes_per_second, bytes_per_second * BURST_S, now)
        self._frames = Bucket(frames_per_second, frames_per_second * BURST_S, now)
        self._most = int(frames_per_second * BURST_S) + 1
        self._meter = FrameMeter()

    @property
    def between(self) -> bool:
        """Whether the next byte begins a frame."""
        return self._meter.between

    def allows(self, data: bytes, now: float) -> bool:
        """Whether the next piece of the stream may be parsed; `now` in seconds, monotonic. Raises `TooLarge`."""
        return self._bytes.take(now, len(data)) and self._frames.take(now, self._meter.begun(data, self._most))
