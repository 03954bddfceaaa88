"""The floor a forwarding run is read against: a bare loop that protects a packet and sends it, and nothing else.

No reading, no numbers to rewrite, no reports, one destination: what is left when everything that makes a media worker
is taken away, with one system call per packet. It is measured in small samples while the run goes on, because what a
processor gives changes from second to second where others use it too.
"""

from __future__ import annotations

import socket
import statistics
import time

from media.load.filter import NOTHING, attach
from media.srtp import TRAILER, PacketBuffer, Profile, session

# About 1 ms: too short to disturb what is measured beside it.
_PACKETS = 300


class Floor:
    """The bare loop for packets of `size` bytes; `sample` runs it for a moment, `us` is the median so far."""

    def __init__(self, profile: Profile, size: int) -> None:
        self._size = size
        self._number = 0
        self._samples: list[float] = []
        self._buffer = PacketBuffer(size + TRAILER)
        self._outbound = session(profile, bytes(profile.key + profile.salt), inbound=False)
        self._sink, self._sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._sink.bind(("127.0.0.1", 0))
        attach(self._sink, NOTHING)

    def sample(self) -> None:
        """Take one more sample."""
        address = self._sink.getsockname()
        buffer, size = self._buffer, self._size
        protect, sendto, view = self._outbound.protect, self._sender.sendto, buffer.view
        begin = time.process_time()
        for number in range(self._number, self._number + _PACKETS):
            view[0], view[1], view[2], view[3] = 0x80, 96, number >> 8 & 0xFF, number & 0xFF
            length = protect(buffer, size)
            sendto(view[:length], address)
        self._samples.append((time.process_time() - begin) / _PACKETS)
        self._number += _PACKETS

    @property
    def us(self) -> float:
        """CPU µs per packet."""
        return 1e6 * statistics.median(self._samples)

    def close(self) -> None:
        """Free the sockets."""
        self._sink.close()
        self._sender.close()
