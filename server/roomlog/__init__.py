"""The room log: what has happened in each room, kept so that every node and every restart computes the same state.

`base.py` is the interface and its words; `embedded.py` keeps it in the server's own database file.
"""

from server.roomlog.base import Appended, CommandKey, Commit, Conflict, Loaded, RoomLog
from server.roomlog.embedded import EmbeddedLog

__all__ = ["Appended", "CommandKey", "Commit", "Conflict", "EmbeddedLog", "Loaded", "RoomLog"]
