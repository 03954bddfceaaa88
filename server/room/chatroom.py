"""The chat as far as the room decides it: who writes and reads where, deleting, closing. The messages themselves are a
stream beside the room (server/chatlog), which follows what is decided here."""

from __future__ import annotations

from protocol import commands as c
from protocol import events as e
from protocol.answers import ChatMessage
from protocol.engagement import Channel
from protocol.errors import Code
from protocol.names import Role
from protocol.settings import PrivateChat
from server.room import inner
from server.room.access import may_write
from server.room.refusal import Refusal
from server.room.rules import RANK, Relation, Rule, allows, check, grants
from server.room.state import Participant, Room, on_stage

Events = tuple[e.RoomEvent, ...]

# The rows of the rule table for writing to the moderators' channel, and to one person alone.
TO_MODERATORS = "chat.send:moderators"
TO_ONE = "chat.send:private"
_ROWS = {Channel.EVERYONE: "chat.send", Channel.MODERATORS: TO_MODERATORS, Channel.PRIVATE: TO_ONE}


def may_read(room: Room, person: Participant, channel: Channel) -> bool:
    """Whether this person reads the channel; of the private one what was written by them or to them, see `reads`."""
    return channel is not Channel.MODERATORS or grants(room, person, "chat.moderator_channel")


def reads(room: Room, person: Participant, message: ChatMessage) -> bool:
    """Whether this person reads the message."""
    if message.channel is Channel.PRIVATE:
        return person.id in (message.person, message.to)
    return may_read(room, person, message.channel)


def may_send(room: Room, person: Participant, channel: Channel) -> Rule | Refusal:
    """The rule that lets this person write to the channel now, or why not. A closed chat is open to those who moderate
    it; the moderators' channel is never closed. Whom one may write to alone says `may_address`."""
    rule = check(room, person, _ROWS[channel], None)
    if isinstance(rule, Refusal):
        return rule
    if not may_write(room, person):
        return Refusal(Code.NOT_ALLOWED, "guests may not write here")
    if channel is Channel.EVERYONE and room.entries.chat_closed and not grants(room, person, "chat.moderate"):
        return Refusal(Code.CHAT_CLOSED, "only who moderates the chat writes while it is closed")
    if channel is Channel.PRIVATE and room.settings.private_chat is PrivateChat.OFF:
        return Refusal(Code.NOT_ALLOWED, "the setting private_chat is off")
    return rule


def may_address(room: Room, person: Participant, to: str) -> Rule | Refusal:
    """The rule that lets this person write to one other alone, or why not. While the chat is closed, as where the
    setting says so, one of the two moderates it."""
    rule = may_send(room, person, Channel.PRIVATE)
    if isinstance(rule, Refusal):
        return rule
    other = room.people.get(to)
    if other is None or not _known(room, person, other):
        return Refusal(Code.NO_SUCH_PERSON, "nobody who is present, as far as one is told who is")
    if other.id == person.id:
        return Refusal(Code.NOT_ALLOWED, "nobody writes to themselves")
    if not (grants(room, person, "chat.moderate") or grants(room, other, "chat.moderate")):
        if room.settings.private_chat is PrivateChat.MODERATORS:
            return Refusal(Code.NOT_ALLOWED, "the setting private_chat leaves those who moderate the chat")
        if room.entries.chat_closed:
            return Refusal(Code.CHAT_CLOSED, "only to or from who moderates the chat while it is closed")
    return rule


def mentioned(room: Room, person: Participant, channel: Channel, to: str, named: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the named who will read what this person writes to the channel, each once."""

    def told(identity: str) -> bool:
        other = room.people.get(identity)
        if other is None or not _known(room, person, other):
            return False
        return identity == to if channel is Channel.PRIVATE else may_read(room, other, channel)

    return tuple(identity for identity in dict.fromkeys(named) if told(identity))


def _known(room: Room, person: Participant, other: Participant) -> bool:
    """Whether the one is told that the other is there: of a hidden list viewers know the stage and moderators."""
    if not room.settings.list_hidden or grants(room, person, "people.see_hidden"):
        return True
    return on_stage(room, other.id) or other.id in room.remarks or RANK[other.role] >= RANK[Role.MODERATOR]


def close(room: Room, actor: Participant, command: c.ChatClose, now: int) -> Events | Refusal:
    """Nobody else writes to everybody."""
    return () if room.entries.chat_closed else (e.ChatClosed(time=now, by=actor.id),)


def reopen(room: Room, actor: Participant, command: c.ChatOpen, now: int) -> Events | Refusal:
    """Everybody writes again."""
    return (e.ChatOpened(time=now, by=actor.id),) if room.entries.chat_closed else ()


def erased(channel: Channel, number: int) -> str:
    """A deleted message, as the state remembers it."""
    return f"{channel.value}/{number}"


def delete(room: Room, actor: Participant, command: inner.DeleteMessage, now: int) -> Events | Refusal:
    """One's own message, or any for those who moderate the chat, in the channels that one reads."""
    # A private message is taken away beside the room, whose log nobody reads it from (server/sessions/talk.py).
    if command.channel is Channel.PRIVATE or not may_read(room, actor, command.channel):
        return Refusal(Code.NOT_ALLOWED, "who does not read a channel deletes nothing in it")
    rule = allows(room, actor, "chat.delete", Relation.OWN if command.target == actor.id else Relation.OTHERS)
    if isinstance(rule, Refusal):
        return rule
    if erased(command.channel, command.number) in room.entries.erased:
        return ()
    return (
        e.ChatDeleted(time=now, by=actor.id, number=command.number, channel=command.channel, person=command.target),
    )
