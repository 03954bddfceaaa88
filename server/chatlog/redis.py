"""The chat on Redis, for several nodes. All keys share the room's hash tag (server/roomlog/redis.py):

    podium:{ROOM}:chat:everyone     a stream of messages; the id of an entry is the message's number
    podium:{ROOM}:chat:moderators   the same for the moderators' channel
    podium:{ROOM}:chat:private      the same for messages to one person
    podium:{ROOM}:chat:edits:…      of each of these, messages whose text was changed, as they are now, by their number
    podium:{ROOM}:chat:numbers      the last number of each channel, and how many commands were obeyed
    podium:{ROOM}:chat:commands     the ids of the last commands

One script keeps a message, gives it its number and publishes it on the room's channel, so that all nodes show the
messages in the order in which they are kept. A chat does not outlive its room, and none begins without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from protocol import codec
from protocol.answers import ChatMessage, ChatPage
from protocol.engagement import Channel
from server.chatlog.base import KEPT, wanted
from server.redis.connection import Connection, Script
from server.redis.trouble import RedisUnavailable, Trouble
from server.roomlog.redis import channel as room_channel

# Commands whose repetition is known: those of all messages that are kept, and as many more.
MAX_COMMANDS = 4096
# The word before a message that is published.
WORD = "chat"

# Messages that are looked through at a time.
_PORTION = 100

_WRITE = Script.of("server.chatlog", "write")
_EDIT = Script.of("server.chatlog", "edit")


class RedisChat:
    """`Chat` on Redis."""

    def __init__(self, connection: Connection, conference: str) -> None:
        self._connection = connection
        self._room = room_channel(conference)

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
        message = ChatMessage(
            number=0,
            time=now,
            person=person,
            name=name,
            text=text,
            channel=channel,
            to=to,
            reply_to=reply_to,
            mentions=mentions,
        )
        keys = [f"{self._room}:head", self._key("numbers"), self._key(channel), self._key("commands")]
        arguments = (channel.value, command, codec.pack(message), above, KEPT, MAX_COMMANDS, self._room)
        outcome, *rest = await self._connection.run(_WRITE, keys, arguments, repeatable=True)
        if outcome == b"gone":
            raise RedisUnavailable(Trouble.TORN)
        return replace(message, number=int(rest[0])) if outcome == b"written" else None

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
        found: list[ChatMessage] = []
        portion = max(limit + 1, _PORTION) if holding or channel is Channel.PRIVATE else limit + 1
        while len(found) <= limit:
            # Nothing is before the first.
            last = "+" if before is None else f"({max(before, 1)}-0"
            read = await self._read(channel, "XREVRANGE", last, "-", portion)
            found += (message for message in read if wanted(message, reader, holding))
            if len(read) < portion:
                break
            before = read[-1].number
        return ChatPage(messages=tuple(reversed(found[:limit])), more=len(found) > limit)

    async def find(self, channel: Channel, number: int) -> ChatMessage | None:
        """See `Chat.find`."""
        found = await self._read(channel, "XRANGE", f"{number}-0", f"{number}-0", 1)
        return found[0] if found else None

    async def edit(self, channel: Channel, number: int, text: str, now: int) -> ChatMessage | None:
        """See `Chat.edit`."""
        message = await self.find(channel, number)
        if message is None:
            return None
        edited = replace(message, text=text, edited=now)
        keys = [f"{self._room}:head", self._key(channel), self._key(f"edits:{channel}")]
        outcome = await self._connection.run(_EDIT, keys, (number, codec.pack(edited), KEPT), repeatable=True)
        if outcome == b"gone":
            raise RedisUnavailable(Trouble.TORN)
        return edited if outcome == b"edited" else None

    async def erase(self, messages: Iterable[tuple[Channel, int]]) -> None:
        """See `Chat.erase`."""
        for channel, number in messages:
            await self._ask("XDEL", self._key(channel), f"{number}-0")
            await self._ask("HDEL", self._key(f"edits:{channel}"), number)

    async def numbers(self) -> dict[Channel, int]:
        """See `Chat.numbers`."""
        found = await self._ask("HMGET", self._key("numbers"), *(channel.value for channel in Channel))
        return {channel: int(number or 0) for channel, number in zip(Channel, found, strict=True)}

    async def after(self, channel: Channel, number: int, limit: int) -> tuple[ChatMessage, ...]:
        """See `Chat.after`."""
        return await self._read(channel, "XRANGE", f"({number}-0", "+", limit)

    async def forget(self) -> None:
        """See `Chat.forget`."""
        edits = (f"edits:{channel}" for channel in Channel)
        await self._ask("DEL", *map(self._key, (*Channel, *edits, "numbers", "commands")))

    async def _read(self, channel: Channel, command: str, first: str, last: str, count: int) -> tuple[ChatMessage, ...]:
        """A range of the messages, as they are now."""
        found = _messages(await self._ask(command, self._key(channel), first, last, "COUNT", count))
        if not found:
            return ()
        numbers = (message.number for message in found)
        edits = await self._ask("HMGET", self._key(f"edits:{channel}"), *numbers)
        return tuple(
            message if edit is None else codec.decode(edit, ChatMessage)
            for message, edit in zip(found, edits, strict=True)
        )

    def _key(self, name: str) -> str:
        return f"{self._room}:chat:{name}"

    async def _ask(self, *words: str | int) -> Any:
        return await self._connection.ask(*words, repeatable=True)


def published(data: bytes) -> ChatMessage:
    """A message as `write.lua` publishes it, behind the `WORD`. Raises `BadMessage`."""
    number, _, packed = data.partition(b" ")
    if not number.isdigit():
        raise codec.BadMessage("no number")
    return replace(codec.decode(packed, ChatMessage), number=int(number))


def _messages(entries: Any) -> tuple[ChatMessage, ...]:
    return tuple(
        replace(codec.decode(fields[b"m"], ChatMessage), number=int(id.partition(b"-")[0]))
        for id, fields in entries or ()
    )
