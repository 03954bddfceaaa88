"""What follows from the chat on this node: what is written is shown, what is deleted is taken out.

On whichever node a message was written, it is shown once and in order: its number says what comes next. Hearing of one
is quick and forgetful (server/roomlog/feed.py); where a number is missing, it is looked what is kept.

To tell somebody something costs some 10 µs, most of it the kernel's, whether it is one message or ten. So what is
written in quick succession is told in one piece: among a few people at once, among thousands some times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocol import events as e
from protocol.answers import ChatMessage
from protocol.engagement import Channel
from protocol.signals import ChatChanged, ChatShown
from server import log
from server.chatlog import Chat
from server.conference.coalesce import Coalesced
from server.conference.replica import RoomReplica
from server.frames import Encoded
from server.room.chatroom import erased, reads
from server.room.state import Room
from server.storage.store import StoreUnavailable

# Messages that are asked for at once.
PORTION = 100
# At 10 µs for each reader, a tenth of a core at most, however much is written; nobody waits for longer.
TOLD_PER_PERSON_S = 0.0001
TOLD_EVERY_S = 0.5

_log = log.get("podium.chat")


class Conversation:
    """Shows the messages of a room to those who are here and may read them. `told`: the last that was there before."""

    def __init__(self, chat: Chat, replica: RoomReplica, told: dict[Channel, int]) -> None:
        self._chat = chat
        self._replica = replica
        self._told = dict(told)
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._gathered: list[ChatShown | ChatChanged] = []
        self._coalesced = Coalesced(0.0, self._say)
        # Told what everybody is told, as it is shown; they return at once.
        self.heard: list[Callable[[ChatMessage], None]] = []
        # Told that something of it has another text.
        self.changed: list[Callable[[ChatMessage], None]] = []

    def told(self, channel: Channel) -> int:
        """The number of the last message that was shown."""
        return self._told.get(channel, 0)

    def hear(self, message: ChatMessage) -> None:
        """A message was written, here or elsewhere."""
        told = self._told.get(message.channel)
        if told is None or message.number == told + 1:
            self._show(message)
        elif message.number > told:
            self.look()

    def look(self) -> None:
        """There may be messages that were not heard of."""
        self._again = True
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking(), name="chat")

    async def stop(self) -> None:
        """Show nothing more than what was written until now."""
        self._coalesced.stop()
        self._say()
        self._again = False
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _keep_looking(self) -> None:
        try:
            while self._again:
                self._again = False
                for channel, last in (await self._chat.numbers()).items():
                    await self._catch_up(channel, last)
        except StoreUnavailable as error:
            # The feed says to look again when Redis is back.
            _log.info("the chat cannot be read", conference=self._replica.room.conference, reason=str(error))
        finally:
            self._looking = None

    async def _catch_up(self, channel: Channel, last: int) -> None:
        while (told := self.told(channel)) < last:
            found = await self._chat.after(channel, told, PORTION)
            for message in found:
                if message.number > self.told(channel):
                    self._show(message)
            if len(found) < PORTION:
                # Those in between are deleted.
                self._told[channel] = max(self.told(channel), last)

    def _show(self, message: ChatMessage) -> None:
        self._told[message.channel] = message.number
        if not self._gone(message):
            self._tell(ChatShown(message=message))
            if message.channel is Channel.EVERYONE:
                for heard in self.heard:
                    heard(message)

    def change(self, message: ChatMessage) -> None:
        """A message has another text, or is gone: then without one."""
        self._tell(ChatChanged(message=message))
        if message.channel is Channel.EVERYONE:
            for changed in self.changed:
                changed(message)

    def _gone(self, message: ChatMessage) -> bool:
        return erased(message.channel, message.number) in self._replica.room.entries.erased

    def _tell(self, signal: ChatShown | ChatChanged) -> None:
        message = signal.message
        if message.channel is Channel.EVERYONE:
            self._gathered.append(signal)
            self._coalesced.interval_s = min(len(self._replica.members) * TOLD_PER_PERSON_S, TOLD_EVERY_S)
            self._coalesced.ask()
            return
        room, members = self._replica.room, self._replica.members
        private = message.channel is Channel.PRIVATE
        encoded = Encoded(signal)
        for person in {message.person, message.to} if private else members.persons():
            reader = room.people.get(person)
            if reader is not None and reads(room, reader, message):
                for member in members.of(person):
                    member.send(encoded.frame(member.encoding))

    def _say(self) -> None:
        # Deleted in the meantime, of which everybody was told at once.
        said = [signal for signal in self._gathered if not self._gone(signal.message)]
        self._gathered.clear()
        self._replica.members.signal_row(said)


class Erasures:
    """Takes out of the chat what the room has deleted; an observer of its replica. What a server did not get to before
    it died, or for a full disk, is done when the room is opened again: its state remembers."""

    def __init__(self, chat: Chat, room: Room) -> None:
        self._chat = chat
        self._room = room
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Finish what the state remembers."""
        if self._room.entries.erased:
            named = (name.partition("/") for name in self._room.entries.erased)
            self._erase([(Channel(channel), int(number)) for channel, _, number in named])

    async def stop(self) -> None:
        """Wait for what is under way, which the store bounds."""
        await asyncio.gather(*self._tasks)

    def changed(self, before: Room, after: Room, event: e.RoomEvent) -> None:
        """See `Observer`."""
        if isinstance(event, e.ChatDeleted):
            self._erase([(event.channel, event.number)])

    def committed(self, after: Room) -> None:
        """See `Observer`."""

    def _erase(self, messages: list[tuple[Channel, int]]) -> None:
        async def erase() -> None:
            try:
                await self._chat.erase(messages)
            except StoreUnavailable as error:
                _log.warning("a deleted message is still kept", conference=self._room.conference, reason=str(error))

        task = asyncio.create_task(erase(), name="erase")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
