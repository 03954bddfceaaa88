"""The last packets of one layer, for retransmission.

One block of memory per cache, cut into equal slots, the slot being the sequence number's low bits: storing copies the
packet once and allocates nothing that stays. The operating system gives the pages only as they are touched, so a
quiet layer costs little. A list of `bytes` was rejected: it hands every packet to the allocator and back.
"""

from __future__ import annotations

# An RTP packet never exceeds the path's MTU; browsers stay below 1,200 bytes of payload.
SLOT = 1500
# 512 packets are 0.5 s at 1,000 packets/s and 2.5 s at 200/s: as long as a receiver still waits for a packet.
CAPACITY = 512


class PacketCache:
    """A ring of the last `capacity` packets (a power of two, at most 32768) of one SSRC, by sequence number."""

    __slots__ = ("_lengths", "_mask", "_seqs", "_slot", "_slots")

    def __init__(self, capacity: int = CAPACITY, slot: int = SLOT) -> None:
        if capacity & (capacity - 1) or not 1 <= capacity <= 32768:
            raise ValueError("the capacity is a power of two up to 32768")
        self._mask = capacity - 1
        self._slot = slot
        memory = memoryview(bytearray(capacity * slot))
        self._slots = [memory[at : at + slot] for at in range(0, capacity * slot, slot)]
        self._seqs = [-1] * capacity
        self._lengths = [0] * capacity

    def store(self, seq: int, buf: memoryview, length: int) -> bool:
        """Keep a copy of `buf[:length]` as packet `seq`. False when it is too large for a slot: it is not kept.

        A late packet does not displace a newer one of the same slot. `buf` is a memoryview, because slicing
        one copies nothing; bytes are taken too, at the price of a second copy.
        """
        index = seq & self._mask
        held = self._seqs[index]
        # Bit 15 of the difference says that `held` is the older; a slot never used holds -1.
        if ((held - seq) & 0x8000 == 0 and held not in (seq, -1)) or length > self._slot:
            return False
        self._slots[index][:length] = buf[:length]
        self._seqs[index] = seq
        self._lengths[index] = length
        return True

    def get(self, seq: int) -> memoryview | None:
        """Packet `seq`, or `None` when it never came or has been overwritten. The view is valid until the next
        `store`: copy what must last."""
        index = seq & self._mask
        if self._seqs[index] != seq:
            return None
        return self._slots[index][: self._lengths[index]]

    def clear(self) -> None:
        """Forget everything: the stream has begun anew."""
        self._seqs = [-1] * (self._mask + 1)
