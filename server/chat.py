"""The chat of a conference: a stream of its own beside the room's events, with a bound of its own.

A message is in the store before anybody sees it. The same command of the same client makes one message, however
often it arrives.
"""

from __future__ import annotations

import sqlite3

from protocol.answers import ChatMessage, ChatPage
from server.store import Store, StoreUnavailable

# Messages kept for each conference; the oldest go.
KEPT = 1000
# Messages of one conference that may wait for the disk.
MAX_WAITING = 64


class Chat:
    """The messages of one conference."""

    def __init__(self, store: Store, conference: str) -> None:
        self._store = store
        self._conference = conference
        self._waiting = 0

    async def write(self, person: str, name: str, text: str, command: str, now: int) -> tuple[ChatMessage, bool]:
        """Keep a message; with it, whether it is new. `command`: which client's command it is; `now` in ms.

        Raises `StoreUnavailable`.
        """
        if self._waiting >= MAX_WAITING:
            raise StoreUnavailable("too many messages are waiting for the disk")

        def insert(connection: sqlite3.Connection) -> tuple[ChatMessage, bool]:
            known = connection.execute(
                f"{_SELECT} WHERE conference = ? AND command = ?", (self._conference, command)
            ).fetchone()
            if known is not None:
                return _message(known), False
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM chat WHERE conference = ?", (self._conference,)
            ).fetchone()[0]
            message = ChatMessage(number=last + 1, time=now, person=person, name=name, text=text)
            connection.execute(
                "INSERT INTO chat VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._conference, message.number, now, person, name, text, command),
            )
            connection.execute(
                "DELETE FROM chat WHERE conference = ? AND number <= ?", (self._conference, message.number - KEPT)
            )
            return message, True

        self._waiting += 1
        try:
            return await self._store.run(insert)
        finally:
            self._waiting -= 1

    async def page(self, before: int | None, limit: int) -> ChatPage:
        """The last `limit` messages before a number, oldest first. Raises `StoreUnavailable`."""

        def read(connection: sqlite3.Connection) -> list[ChatMessage]:
            rows = connection.execute(
                f"{_SELECT} WHERE conference = ? AND number < ? ORDER BY number DESC LIMIT ?",
                (self._conference, before if before is not None else 2**53, limit + 1),
            )
            return [_message(row) for row in rows]

        found = await self._store.run(read)
        return ChatPage(messages=tuple(reversed(found[:limit])), more=len(found) > limit)


_SELECT = "SELECT number, time, person, name, text FROM chat"


def _message(row: tuple[int, int, str, str, str]) -> ChatMessage:
    return ChatMessage(number=row[0], time=row[1], person=row[2], name=row[3], text=row[4])
