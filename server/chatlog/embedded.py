"""The chat in the server's own SQLite file, for one node."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator

from protocol.answers import ChatMessage, ChatPage
from protocol.engagement import Channel
from server.chatlog.base import KEPT, wanted
from server.storage.store import Store, StoreUnavailable

# Messages of one conference that may wait for the disk.
MAX_WAITING = 64


class EmbeddedChat:
    """`Chat` on a `Store`."""

    def __init__(self, store: Store, conference: str) -> None:
        self._store = store
        self._conference = conference
        self._waiting = 0

    async def write(
        self,
        person: str,
        name: str,
        text: str,
        command: str,
        now: int,
        channel: Channel = Channel.EVERYONE,
        above: int = 0,
        *,
        to: str = "",
        reply_to: int = 0,
        mentions: tuple[str, ...] = (),
    ) -> ChatMessage | None:
        """See `Chat.write`."""
        if self._waiting >= MAX_WAITING:
            raise StoreUnavailable("too many messages are waiting for the disk")

        def insert(connection: sqlite3.Connection) -> ChatMessage | None:
            if connection.execute(
                "SELECT 1 FROM chat WHERE conference = ? AND command = ?", (self._conference, command)
            ).fetchone():
                return None
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM chat WHERE conference = ? AND channel = ?", of
            ).fetchone()[0]
            number = max(last, above) + 1
            message = ChatMessage(
                number=number,
                time=now,
                person=person,
                name=name,
                text=text,
                channel=channel,
                to=to,
                reply_to=reply_to,
                mentions=mentions,
            )
            connection.execute(
                "INSERT INTO chat VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*of, number, now, person, name, text, command, to, reply_to, " ".join(mentions), 0),
            )
            connection.execute(
                "DELETE FROM chat WHERE conference = ? AND channel = ? AND number <= ?", (*of, number - KEPT)
            )
            return message

        of = (self._conference, channel.value)

        self._waiting += 1
        try:
            return await self._store.run(insert)
        finally:
            self._waiting -= 1

    async def page(
        self,
        before: int | None,
        limit: int,
        channel: Channel = Channel.EVERYONE,
        *,
        reader: str = "",
        holding: str = "",
    ) -> ChatPage:
        """See `Chat.page`."""

        def read(connection: sqlite3.Connection) -> list[ChatMessage]:
            rows: Iterator[_Row] = connection.execute(
                f"{_KEPT} AND number < ? ORDER BY number DESC",
                (self._conference, channel.value, before if before is not None else 2**53),
            )
            found = (message for message in map(_message, rows) if wanted(message, reader, holding))
            return list(itertools.islice(found, limit + 1))

        found = await self._store.run(read)
        return ChatPage(messages=tuple(reversed(found[:limit])), more=len(found) > limit)

    async def find(self, channel: Channel, number: int) -> ChatMessage | None:
        """See `Chat.find`."""

        def read(connection: sqlite3.Connection) -> ChatMessage | None:
            key = (self._conference, channel.value, number)
            row = connection.execute(f"{_KEPT} AND number = ?", key).fetchone()
            return None if row is None else _message(row)

        return await self._store.run(read)

    async def edit(self, channel: Channel, number: int, text: str, now: int) -> ChatMessage | None:
        """See `Chat.edit`."""

        def change(connection: sqlite3.Connection) -> ChatMessage | None:
            key = (self._conference, channel.value, number)
            connection.execute(
                "UPDATE chat SET text = ?, edited = ?"
                " WHERE conference = ? AND channel = ? AND number = ? AND text != ''",
                (text, now, *key),
            )
            row = connection.execute(f"{_KEPT} AND number = ?", key).fetchone()
            return None if row is None else _message(row)

        return await self._store.run(change)

    async def erase(self, messages: Iterable[tuple[Channel, int]]) -> None:
        """See `Chat.erase`."""
        keys = [(self._conference, channel.value, number) for channel, number in messages]

        def delete(connection: sqlite3.Connection) -> None:
            # The row stays without its text: its number is not given to the next message, nor its command obeyed again.
            connection.executemany(
                "UPDATE chat SET text = '' WHERE conference = ? AND channel = ? AND number = ? AND text != ''", keys
            )

        await self._store.run(delete)

    async def numbers(self) -> dict[Channel, int]:
        """See `Chat.numbers`: nobody else writes."""
        return {}

    async def after(self, channel: Channel, number: int, limit: int) -> tuple[ChatMessage, ...]:
        """See `Chat.after`."""

        def read(connection: sqlite3.Connection) -> tuple[ChatMessage, ...]:
            key = (self._conference, channel.value, number, limit)
            return tuple(map(_message, connection.execute(f"{_KEPT} AND number > ? ORDER BY number LIMIT ?", key)))

        return await self._store.run(read)

    async def forget(self) -> None:
        """See `Chat.forget`."""
        await self._store.run(
            lambda connection: connection.execute("DELETE FROM chat WHERE conference = ?", (self._conference,))
        )


_SELECT = "SELECT number, time, person, name, text, channel, recipient, reply_to, mentions, edited FROM chat"
_KEPT = f"{_SELECT} WHERE conference = ? AND channel = ? AND text != ''"


_Row = tuple[int, int, str, str, str, str, str, int, str, int]


def _message(row: _Row) -> ChatMessage:
    number, time, person, name, text, channel, to, reply_to, mentions, edited = row
    return ChatMessage(
        number=number,
        time=time,
        person=person,
        name=name,
        text=text,
        channel=Channel(channel),
        to=to,
        reply_to=reply_to,
        mentions=tuple(mentions.split()),
        edited=edited,
    )
