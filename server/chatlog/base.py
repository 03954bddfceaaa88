"""What a conference's chat can be asked. A message is kept before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from protocol.answers import ChatMessage, ChatPage
from protocol.engagement import Channel

# Messages kept for each channel of a conference; the oldest go.
KEPT = 1000


class Chat(Protocol):
    """The messages of one conference. Every method raises `StoreUnavailable`."""

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
        """Keep a message; None when it is kept already. `command`: which client's command it is; `now` in ms. Its
        number is greater than `above`, also where what was kept is lost."""

    async def page(
        self,
        before: int | None,
        limit: int,
        channel: Channel = Channel.EVERYONE,
        *,
        reader: str = "",
        holding: str = "",
    ) -> ChatPage:
        """The last `limit` messages of a channel before a number, oldest first: those that hold a text, in whatever
        letters. Of the private channel those that the reader has written or was sent, and none without a reader."""

    async def find(self, channel: Channel, number: int) -> ChatMessage | None:
        """A message that is kept."""

    async def edit(self, channel: Channel, number: int, text: str, now: int) -> ChatMessage | None:
        """Give a message another text; None when it is not kept any more."""

    async def erase(self, messages: Iterable[tuple[Channel, int]]) -> None:
        """Delete messages; those that are gone already are passed over. No number is given a second time."""

    async def numbers(self) -> dict[Channel, int]:
        """The last number given in each channel that others may write to as well."""

    async def after(self, channel: Channel, number: int, limit: int) -> tuple[ChatMessage, ...]:
        """The first `limit` messages after a number, oldest first."""

    async def forget(self) -> None:
        """Let go of everything."""


def wanted(message: ChatMessage, reader: str, holding: str) -> bool:
    """Whether a message is one of those that `Chat.page` was asked for."""
    if message.channel is Channel.PRIVATE and (not reader or reader not in (message.person, message.to)):
        return False
    return holding.casefold() in message.text.casefold()


Chats = Callable[[str], Chat]
"""The chat of a conference, by its id."""
