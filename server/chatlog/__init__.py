"""The chat of a conference as it is kept: a stream of its own beside the room's events, with a bound of its own.

`base.py` is the interface; `embedded.py` keeps it in the server's own database file, `redis.py` where several nodes
share it.
"""

from server.chatlog.base import KEPT, Chat, Chats
from server.chatlog.embedded import EmbeddedChat

__all__ = ["KEPT", "Chat", "Chats", "EmbeddedChat"]
