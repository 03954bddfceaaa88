"""The last packets of one layer, for retransmission.

A ring by the sequence number's low bits. It holds the very objects that ingest has made to be forwarded, so storing
copies nothing. One block of memory cut into slots was rejected: a packet had to be copied into it, and out of it again
for whoever forwards it, which cost more than the allocator does.
"""

from __future__ import annotations

from typing import Generic, TypeVar

# 512 packets are 0.5 s at 1,000 packets/s and 2.5 s at 200/s: as long as a receiver still waits for a packet.
CAPACITY = 512

Kept = TypeVar("Kept")


class PacketCache(Generic[Kept]):
    """A ring of the last `capacity` packets (a power of two, at most 32768) of one SSRC, by sequence number."""

    __slots__ = ("_mask", "_packets", "_seqs")

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity & (capacity - 1) or not 1 <= capacity <= 32768:
            raise ValueError("the capacity is a power of two up to 32768")
        self._mask = capacity - 1
        self._seqs = [-1] * capacity
        self._packets: list[Kept | None] = [None] * capacity

    def store(self, seq: int, packet: Kept) -> bool:
        """Keep packet `seq`. False when it is not kept: a late packet does not displace a newer one."""
        index = seq & self._mask
        held = self._seqs[index]
        # Bit 15 of the difference says that `held` is the older; a place never used holds -1.
        if (held - seq) & 0x8000 == 0 and held not in (seq, -1):
            return False
        self._packets[index] = packet
        self._seqs[index] = seq
        return True

    def get(self, seq: int) -> Kept | None:
        """Packet `seq`, or `None` when it never came or has been overwritten."""
        index = seq & self._mask
        return self._packets[index] if self._seqs[index] == seq else None

    def clear(self) -> None:
        """Forget everything: the stream has begun anew."""
        self._seqs = [-1] * (self._mask + 1)
        self._packets = [None] * (self._mask + 1)
