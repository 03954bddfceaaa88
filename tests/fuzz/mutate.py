"""Seeded mutations of valid inputs: the same seed gives the same bytes on every machine."""

from __future__ import annotations

import random

# Bytes at which lengths, counts and signs turn over.
_EDGES = (0x00, 0x01, 0x0F, 0x10, 0x1F, 0x20, 0x3F, 0x40, 0x7F, 0x80, 0x90, 0xA0, 0xBE, 0xC0, 0xDE, 0xF0, 0xFE, 0xFF)


def mutated(seeds: list[bytes], source: random.Random) -> bytes:
    """One of the seeds with one to four changes, or, one time in ten, random bytes."""
    if source.random() < 0.1:
        return source.randbytes(source.randrange(200))
    data = bytearray(source.choice(seeds))
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(data) + 1)
        end = min(len(data), at + source.randint(1, 16))
        match source.randrange(8):
            case 0:
                del data[at:]
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = source.randbytes(source.randint(1, 8))
            case 3:
                data[at:at] = data[at:end] * source.randint(1, 30)
            case 4:
                other = source.choice(seeds)
                data[at:] = other[source.randrange(len(other)) :]
            case 5 if at < len(data):
                data[at] ^= 1 << source.randrange(8)
            case 6 if at < len(data):
                data[at] = (data[at] + source.choice((-1, 1))) & 0xFF
            case _ if at < len(data):
                data[at] = source.choice(_EDGES)
    return bytes(data)
