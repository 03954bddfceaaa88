"""Token buckets that all nodes share, for what must not be had as many times as there are nodes: guesses at a secret.

A bucket is one number, the moment at which it would be full again (the generic cell rate algorithm); who takes a token
moves it on by the time that a token needs. An empty Redis is full buckets, and a full bucket is no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from server.ratelimit import Count
from server.redis.connection import Connection, Script

_BUCKET = Script.of("server.redis", "bucket")


class SharedBuckets:
    """The buckets in one Redis. Raises `RedisUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def wait_s(self, counts: Sequence[Count], *, take: bool) -> float:
        """Seconds until each of these has a token; 0 when all have, in which case one of each is taken if wanted."""
        # One slot for all of them in a Redis Cluster, as one script looks at several; hashed, as a key stands in logs.
        keys = [f"podium:{{buckets}}:{count.name}:{_hashed(count.key)}" for count in counts]
        numbers = [number for count in counts for number in (round(60_000 / count.a_minute), round(count.a_minute))]
        return int(await self._connection.run(_BUCKET, keys, [int(take), *numbers])) / 1000


def _hashed(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
