"""The room log: what has happened in each room, kept so that every node and every restart computes the same state.

`base.py` is the interface and its words; `embedded.py` keeps it in the server's own database file, `redis.py` where
several nodes share it.
"""

from server.roomlog.base import (
    Accepted,
    Appended,
    AuditEntry,
    AuditPage,
    CommandKey,
    Commit,
    Conflict,
    Loaded,
    Lost,
    RoomLog,
)
from server.roomlog.embedded import EmbeddedLog

__all__ = [
    "Accepted",
    "Appended",
    "AuditEntry",
    "AuditPage",
    "CommandKey",
    "Commit",
    "Conflict",
    "EmbeddedLog",
    "Loaded",
    "Lost",
    "RoomLog",
]
