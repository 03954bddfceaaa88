"""The chat and reactions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.commands.base import Command
from protocol.engagement import Channel
from protocol.names import ChatText, Count, Emoji, Identity


class ChatSend(Command, frozen=True, kw_only=True, tag="chat.send"):
    """Write to everybody, to the moderators' channel, or with `to` to one person (channel `private`). `reply_to` is a
    message of the same channel; of `mentions` those are kept who are present and read the channel."""

    text: ChatText
    channel: Channel = Channel.EVERYONE
    to: Identity | None = None
    reply_to: Count | None = None
    mentions: Annotated[tuple[Identity, ...], Meta(max_length=10)] = ()


class ChatHistory(Command, frozen=True, kw_only=True, tag="chat.history"):
    """The last messages before `before` (a message's number), newest last."""

    before: Count | None = None
    channel: Channel = Channel.EVERYONE
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class ChatSearch(Command, frozen=True, kw_only=True, tag="chat.search"):
    """The last messages before `before` that hold a text, newest last, of those that the chat keeps; small and capital
    letters are the same."""

    text: Annotated[str, Meta(min_length=2, max_length=100)]
    before: Count | None = None
    channel: Channel = Channel.EVERYONE
    limit: Annotated[int, Meta(ge=1, le=50)] = 20


class ChatEdit(Command, frozen=True, kw_only=True, tag="chat.edit"):
    """Change the text of one's own message; those who see it are told that it was changed."""

    number: Count
    text: ChatText
    channel: Channel = Channel.EVERYONE


class ChatDelete(Command, frozen=True, kw_only=True, tag="chat.delete"):
    """Take a message out of the chat (one's own too)."""

    number: Count
    channel: Channel = Channel.EVERYONE


class ChatClose(Command, frozen=True, kw_only=True, tag="chat.close"):
    """Let only those write to everybody who moderate the chat."""


class ChatOpen(Command, frozen=True, kw_only=True, tag="chat.open"):
    """Let everybody write again."""


class ReactionSend(Command, frozen=True, kw_only=True, tag="reaction.send"):
    """Show an emoji to everybody for a moment."""

    emoji: Emoji


TalkCommand = ChatSend | ChatHistory | ChatSearch | ChatEdit | ChatDelete | ReactionSend
# Those that the room core decides as they come.
ChatCommand = ChatClose | ChatOpen
