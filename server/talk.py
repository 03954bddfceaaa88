"""Chat and reactions: what is said to everybody and is not in the room's log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from protocol import commands as c
from protocol.errors import Code
from protocol.signals import ChatShown
from server.room.access import may_write
from server.room.refusal import Refusal
from server.room.rules import permits

if TYPE_CHECKING:
    from server.session import Session


async def write(session: Session, message: c.ChatSend) -> None:
    """A chat message: kept, then shown to everybody, then answered."""
    room = session.room
    if room is None or _forbidden(session, message, "chat.send"):
        return
    if not may_write(room.replica.room, room.replica.room.people[session.person]):
        session.refuse(message, Refusal(Code.NOT_ALLOWED, "guests may not write here"))
        return
    text = message.text.strip()
    if not text:
        session.refuse(message, Refusal(Code.BAD_MESSAGE, "nothing but spaces", {"path": "$.text"}))
        return
    wait_s = room.chat_limit.take(session.person)
    if wait_s > 0:
        session.refuse(message, Refusal(Code.RATE_LIMITED, details={"after_ms": str(round(wait_s * 1000))}))
        return
    name = room.replica.room.people[session.person].name
    command = f"{session.person} {session.client} {message.id}"
    shown, new = await room.chat.write(session.person, name, text, command, time.time_ns() // 1_000_000)
    if new:
        room.replica.members.signal(ChatShown(message=shown))
    session.accept(message)


async def history(session: Session, message: c.ChatHistory) -> None:
    """A page of the chat."""
    if session.room is not None:
        session.accept(message, await session.room.chat.page(message.before, message.limit))


async def react(session: Session, message: c.ReactionSend) -> None:
    """A reaction: shown with others of the same moment."""
    room = session.room
    if room is None or _forbidden(session, message, "reaction.send"):
        return
    room.reactions.add(session.person, message.emoji)
    session.accept(message)


def _forbidden(session: Session, message: c.Command, action: str) -> bool:
    present = session.room.replica.room.people.get(session.person) if session.room is not None else None
    if present is not None and permits(present.role, action):
        return False
    session.refuse(message, Refusal(Code.NOT_ALLOWED, action))
    return True
