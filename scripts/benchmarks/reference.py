"""The reference of every run: a bare loop of one hash and one loopback send, for a packet of 1,100 bytes.

It stands for what nobody who hashes or encrypts and sends one datagram at a time can avoid on this machine at this
moment; other figures of the same run are read as multiples of it. The socket at the other end drops everything in a
filter, as the load clients do, so that the sender pays for the kernel's receive path and nobody for reading.
"""

from __future__ import annotations

import hashlib
import socket
import statistics
import time
from typing import NamedTuple

from media.load.filter import NOTHING, attach
from scripts.benchmarks.report import AsJson, Result, show

SIZE = 1100
_ROUNDS = 5
_PACKETS = 20_000


class Reference(NamedTuple):
    """CPU µs of this process per packet."""

    hash_us: float
    send_us: float

    @property
    def total_us(self) -> float:
        """Both together."""
        return self.hash_us + self.send_us


def measure() -> Reference:
    """Take the median of a few rounds; about half a second."""
    packet = bytes(SIZE)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        sink.bind(("127.0.0.1", 0))
        attach(sink, NOTHING)
        address = sink.getsockname()
        hashes, sends = [], []
        for _ in range(_ROUNDS):
            digest = hashlib.blake2b
            begin = time.process_time()
            for _ in range(_PACKETS // _ROUNDS):
                digest(packet)
            middle = time.process_time()
            sendto = sender.sendto
            for _ in range(_PACKETS // _ROUNDS):
                sendto(packet, address)
            end = time.process_time()
            hashes.append((middle - begin) / (_PACKETS // _ROUNDS))
            sends.append((end - middle) / (_PACKETS // _ROUNDS))
    return Reference(statistics.median(hashes) * 1e6, statistics.median(sends) * 1e6)


def command(as_json: AsJson = False) -> None:
    """The bare loop alone: how fast this machine is just now."""
    found = measure()
    result: Result = {"reference_us": found.total_us, "hash_us": found.hash_us, "send_us": found.send_us}
    show("reference: CPU µs per packet", result, as_json)
