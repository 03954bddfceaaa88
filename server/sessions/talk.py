"""Chat and reactions: what is said beside the room's log. Who may, the room's core says (server/room/chatroom.py)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocol import commands as c
from protocol.answers import ChatMessage
from protocol.engagement import Channel
from protocol.errors import Code
from server.conference.replica import Order
from server.room import inner
from server.room.chatroom import erased, may_address, may_read, may_send, mentioned, reads
from server.room.refusal import Refusal
from server.room.rules import Relation, allows, check, grants
from server.room.state import Participant
from server.sessions.orders import joined

if TYPE_CHECKING:
    from server.conference.openroom import OpenRoom
    from server.sessions.session import Session

_NOTHING = Refusal(Code.BAD_MESSAGE, "nothing but spaces", {"path": "$.text"})
_MISSING = Refusal(Code.NO_SUCH_ENTRY, "the chat has no such message")


async def write(session: Session, message: c.ChatSend) -> None:
    """A chat message: kept, then shown to those who read it, then answered."""
    room, person = joined(session), _present(session)
    text = message.text.strip()
    channel, to = (Channel.PRIVATE, message.to) if message.to is not None else (message.channel, "")
    rule = may_address(room.replica.room, person, to) if to else may_send(room.replica.room, person, channel)
    if isinstance(rule, Refusal):
        session.refuse(message, rule)
        return
    if channel is Channel.PRIVATE and not to:
        session.refuse(message, Refusal(Code.BAD_MESSAGE, "a private message is for somebody", {"path": "$.to"}))
        return
    if not text:
        session.refuse(message, _NOTHING)
        return
    command = f"{session.person} {session.client} {message.id}"
    if (refusal := _too_soon(room, person, channel, command)) is not None:
        session.refuse(message, refusal)
        return
    reply_to = message.reply_to or 0
    if reply_to:
        former = await _found(room, person, channel, reply_to)
        if former is None or (to and {former.person, former.to} != {session.person, to}):
            session.refuse(message, _MISSING)
            return
    now = time.time_ns() // 1_000_000
    mentions = mentioned(room.replica.room, person, channel, to, message.mentions)
    above = room.conversation.told(channel)
    new = await room.chat.write(
        *(session.person, person.name, text, command, now, channel, above), to=to, reply_to=reply_to, mentions=mentions
    )
    if new is not None:
        room.conversation.hear(new)
    session.accept(message)


async def history(session: Session, message: c.ChatHistory) -> None:
    """A page of the chat."""
    await _page(session, message, "")


async def search(session: Session, message: c.ChatSearch) -> None:
    """What of the chat holds a text."""
    limited = joined(session).limits.take(session.person, c.ChatSearch)
    if limited is not None:
        session.refuse(message, limited)
        return
    await _page(session, message, message.text)


async def edit(session: Session, message: c.ChatEdit) -> None:
    """Another text for one's own message, while one may write."""
    room, person = joined(session), _present(session)
    rule = may_send(room.replica.room, person, message.channel)
    refusal = rule if isinstance(rule, Refusal) else room.limits.take(session.person, c.ChatEdit)
    text = message.text.strip()
    if refusal is not None or not text:
        session.refuse(message, refusal or _NOTHING)
        return
    found = await _found(room, person, message.channel, message.number)
    if found is None:
        session.refuse(message, _MISSING)
        return
    towards = Relation.OWN if found.person == session.person else Relation.OTHERS
    allowed = allows(room.replica.room, person, "chat.edit", towards)
    if not isinstance(allowed, Refusal) and message.channel is Channel.PRIVATE:
        # What is said anew is said to somebody: to whom one may not write, nothing is said by changing what was.
        allowed = may_address(room.replica.room, person, found.to)
    if isinstance(allowed, Refusal):
        session.refuse(message, allowed)
        return
    if text != found.text:
        changed = await room.chat.edit(message.channel, message.number, text, time.time_ns() // 1_000_000)
        if changed is None:
            session.refuse(message, _MISSING)
            return
        room.change_message(changed)
    session.accept(message)


async def delete(session: Session, message: c.ChatDelete) -> None:
    """Whose message it is the chat knows; whether it may be deleted the room decides."""
    room, person = joined(session), _present(session)
    if not may_read(room.replica.room, person, message.channel):
        session.refuse(message, Refusal(Code.NOT_ALLOWED, action="chat.moderator_channel"))
        return
    found = await room.chat.find(message.channel, message.number)
    if found is None or not reads(room.replica.room, person, found):
        session.refuse(message, _MISSING)
        return
    if message.channel is Channel.PRIVATE:
        await _retract(session, message, person, found)
        return
    command = inner.DeleteMessage(channel=message.channel, number=message.number, target=found.person)

    def settle(refusal: Refusal | None) -> None:
        session.settle(message, refusal)

    key = (session.person, session.client, message.id)
    room.replica.submit(
        Order(actor=session.person, commands=lambda _: (command,), key=key, settle=settle, bounded=True)
    )


async def _retract(session: Session, message: c.ChatDelete, person: Participant, found: ChatMessage) -> None:
    """A private message is taken back by who wrote it, and by nobody else. It goes at once and leaves nothing in the
    room's log, of which others are told: not even that there was one."""
    room = joined(session)
    rule = allows(room.replica.room, person, "chat.delete", Relation.OWN)
    if found.person != session.person:
        rule = Refusal(Code.NOT_ALLOWED, "a private message is taken back by who wrote it")
    if isinstance(rule, Refusal):
        session.refuse(message, rule)
        return
    await room.chat.erase([(found.channel, found.number)])
    room.change_message(replace(found, text="", mentions=()))
    session.accept(message)


async def _page(session: Session, message: c.ChatHistory | c.ChatSearch, holding: str) -> None:
    room = joined(session)
    if not may_read(room.replica.room, _present(session), message.channel):
        session.refuse(message, Refusal(Code.NOT_ALLOWED, action="chat.moderator_channel"))
        return
    page = await room.chat.page(message.before, message.limit, message.channel, reader=session.person, holding=holding)
    # Decided a moment ago, and not out of the store yet.
    gone = room.replica.room.entries.erased
    kept = tuple(one for one in page.messages if erased(one.channel, one.number) not in gone)
    session.accept(message, replace(page, messages=kept))


async def _found(room: OpenRoom, person: Participant, channel: Channel, number: int) -> ChatMessage | None:
    """A message that is kept and that this person reads."""
    found = await room.chat.find(channel, number)
    state = room.replica.room
    if found is None or erased(channel, number) in state.entries.erased:
        return None
    return found if reads(state, person, found) else None


def _too_soon(room: OpenRoom, person: Participant, channel: Channel, command: str) -> Refusal | None:
    state = room.replica.room
    limited = room.limits.take(person.id, c.ChatSend)
    if limited is not None or channel is not Channel.EVERYONE or grants(state, person, "chat.moderate"):
        return limited
    every_s = state.settings.slow_mode_s
    refusal = room.slow_mode.too_soon(person.id, every_s, command) or room.limits.take_together(c.ChatSend)
    if refusal is None and every_s:
        room.slow_mode.count(person.id, command)
    return refusal


async def react(session: Session, message: c.ReactionSend) -> None:
    """A reaction: shown with others of the same moment."""
    room = joined(session)
    rule = check(room.replica.room, _present(session), "reaction.send", None)
    if isinstance(rule, Refusal):
        session.refuse(message, rule)
        return
    room.reactions.add(session.person, message.emoji)
    session.accept(message)


def _present(session: Session) -> Participant:
    """Who speaks: whoever has joined is in the room's state, and leaves the room when they are not any more."""
    return joined(session).replica.room.people[session.person]
