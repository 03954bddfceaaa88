"""A room's fingerprint: equal on every replica that applied the same events."""

from __future__ import annotations

import hashlib

import msgspec

from server.room.packed import plain
from server.room.state import Room

_encoder = msgspec.json.Encoder(order="deterministic", enc_hook=plain)


def state_hash(room: Room) -> str:
    """32 hexadecimal digits over the whole state. The order of `people` is in their `since`: sorting loses nothing."""
    return hashlib.blake2b(_encoder.encode(room), digest_size=16).hexdigest()
