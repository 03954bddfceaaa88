"""What is written in the chat is told at once among a few, and in pieces among many; nothing is lost or told twice."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from protocol import commands as c
from protocol.answers import ChatMessage
from protocol.engagement import Channel
from protocol.errors import Code
from server.conference.chat import TOLD_PER_PERSON_S, Conversation
from server.conference.limits import TOGETHER, Limits, SlowMode
from server.conference.members import Members
from server.room import inner

from .room.house import House
from .test_members import Counting


def conversation(people: int) -> tuple[House, Conversation, dict[str, Counting]]:
    """The chat of a room with so many viewers besides its owner."""
    house = House()
    house.enter("owner", None)
    for number in range(people):
        house.enter(f"v{number}")
    members, ears = Members(1, house.state.version), {}
    for person in house.state.people:
        ears[person] = Counting(person)
        members.attach(ears[person], house.state.version, house.state)
    replica = SimpleNamespace(members=members, room=house.state)
    shown = dict.fromkeys(Channel, 0)
    return house, Conversation(cast(Any, None), cast(Any, replica), shown), ears


def written(number: int, channel: Channel = Channel.EVERYONE, to: str = "") -> ChatMessage:
    return ChatMessage(number=number, time=number, person="v0", name="V", text=f"{number}", channel=channel, to=to)


def numbers(ear: Counting) -> list[int]:
    return [message["message"]["number"] for message in ear.heard if message["type"] == "chat.message"]


async def test_among_many_a_flood_of_messages_is_a_few_pieces_in_order() -> None:
    _, chat, ears = conversation(300)
    for number in range(1, 41):
        chat.hear(written(number))
    # The first at once, whoever wrote it waits for nothing.
    assert numbers(ears["v7"]) == [1]
    await asyncio.sleep(301 * TOLD_PER_PERSON_S + 0.05)
    assert numbers(ears["v7"]) == list(range(1, 41)) == numbers(ears["owner"])
    assert ears["v7"].pieces == 2
    await chat.stop()


async def test_what_is_deleted_before_it_was_told_is_not_told() -> None:
    house, chat, ears = conversation(300)
    for number in range(1, 4):
        chat.hear(written(number))
    house.accepted("owner", inner.DeleteMessage(channel=Channel.EVERYONE, number=2, target="v0"))
    cast(Any, chat)._replica.room = house.state
    await chat.stop()
    assert numbers(ears["v1"]) == [1, 3]


async def test_a_private_message_is_told_to_two() -> None:
    _, chat, ears = conversation(20)
    chat.hear(written(1, Channel.PRIVATE, to="v3"))
    assert [person for person, ear in ears.items() if ear.heard] == ["v0", "v3"]
    await chat.stop()


def test_all_together_may_write_so_much_and_no_more() -> None:
    limits = Limits()
    rate, burst = TOGETHER[c.ChatSend]
    taken = [limits.take_together(c.ChatSend) for _ in range(int(burst) + 20)]
    refused = [refusal for refusal in taken if refusal is not None]
    assert 15 <= len(refused) <= 20 and refused[0].code is Code.RATE_LIMITED
    assert 0 < int(refused[0].details["after_ms"]) <= 1000 / rate + 1
    assert limits.take_together(c.ReactionSend) is None


def test_slow_mode_counts_what_is_written_and_not_what_was_refused() -> None:
    now = 0.0
    slow = SlowMode(lambda: now)
    assert slow.too_soon("anna", 10, "1") is None
    slow.count("anna", "1")
    now = 4.0
    refusal = slow.too_soon("anna", 10, "2")
    assert refusal is not None and refusal.details["after_ms"] == "6000"
    assert slow.too_soon("anna", 10, "1") is None, "the same message again, whose answer was lost"
    assert slow.too_soon("ben", 10, "1") is None
    now = 10.0
    assert slow.too_soon("anna", 10, "3") is None
