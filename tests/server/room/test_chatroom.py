"""What the room decides of the chat: who writes and reads where, what is deleted, when it is closed."""

from __future__ import annotations

import pytest

from protocol import commands as c
from protocol.engagement import Channel
from protocol.names import PersonKind, Role
from protocol.settings import GuestsMayChange
from server.room import inner
from server.room.chatroom import may_read, may_send
from server.room.decide import allowed
from server.room.entries import MAX_ERASED
from server.room.refusal import Refusal
from server.room.view import audience, sees, snapshot

from .house import House

EVERYONE, MODERATORS = Channel.EVERYONE, Channel.MODERATORS


@pytest.fixture
def house() -> House:
    house = House()
    house.enter("owner", None)
    house.enter("mod", Role.MODERATOR)
    house.enter("sam", Role.SPEAKER)
    house.enter("anna")
    house.enter("guest", kind=PersonKind.GUEST)
    return house


def write(house: House, channel: Channel = EVERYONE) -> list[str]:
    """Who may write there now."""
    people = house.state.people.values()
    found = [person.id for person in people if not isinstance(may_send(house.state, person, channel), Refusal)]
    name = "chat.send" if channel is EVERYONE else "chat.send:moderators"
    assert found == [person.id for person in people if name in allowed(house.state, person.id, None)]
    return found


def delete(author: str, channel: Channel = EVERYONE, number: int = 1) -> inner.DeleteMessage:
    return inner.DeleteMessage(channel=channel, number=number, target=author)


def test_everybody_writes_to_everybody_and_those_above_viewers_to_the_moderators_channel(house: House) -> None:
    assert write(house) == ["owner", "mod", "sam", "anna", "guest"]
    assert write(house, MODERATORS) == ["owner", "mod", "sam"]
    assert [p.id for p in house.state.people.values() if may_read(house.state, p, MODERATORS)] == [
        "owner",
        "mod",
        "sam",
    ]


def test_in_a_closed_chat_those_write_who_moderate_it_and_the_moderators_channel_stays(house: House) -> None:
    assert house.refused("sam", c.ChatClose(id=1)) == "not_allowed"
    house.accepted("mod", c.ChatClose(id=2))
    assert house.accepted("mod", c.ChatClose(id=3)) == ()
    assert write(house) == ["owner", "mod"] and write(house, MODERATORS) == ["owner", "mod", "sam"]
    refusal = may_send(house.state, house.state.people["anna"], EVERYONE)
    assert isinstance(refusal, Refusal) and refusal.code == "chat_closed"
    assert snapshot(house.state, "anna", 1).chat_closed
    house.accepted("owner", c.ConferenceSettings(id=4, speakers_moderate_chat=True))
    assert write(house) == ["owner", "mod", "sam"]
    house.accepted("sam", c.ChatOpen(id=5))
    assert house.accepted("sam", c.ChatOpen(id=6)) == ()
    assert "anna" in write(house)


def test_guests_kept_from_writing_write_nowhere(house: House) -> None:
    house.accepted("owner", c.RoleAssign(id=1, target="guest", role=Role.MODERATOR))
    house.accepted("owner", c.ConferenceSettings(id=2, guests_may=GuestsMayChange(messages=False)))
    assert "guest" not in write(house) and "guest" not in write(house, MODERATORS)


def test_ones_own_message_is_deleted_and_others_by_those_who_moderate_the_chat(house: House) -> None:
    assert house.refused("anna", delete("guest")) == "not_allowed"
    assert house.refused("sam", delete("anna")) == "not_allowed"
    before = house.state
    (event,) = house.accepted("anna", delete("anna"))
    assert audience(before, house.state, event).everyone
    assert house.accepted("anna", delete("anna")) == ()
    house.accepted("mod", delete("owner", number=2))
    house.accepted("mod", delete("somebody who left", number=3))
    house.accepted("owner", c.ConferenceSettings(id=1, speakers_moderate_chat=True))
    house.accepted("sam", delete("anna", number=4))
    assert house.refused("stranger", delete("stranger", number=5)) == "not_yet"


def test_a_deletion_in_the_moderators_channel_is_told_to_its_readers(house: House) -> None:
    assert house.refused("anna", delete("anna", MODERATORS)) == "not_allowed"
    before = house.state
    (event,) = house.accepted("mod", delete("sam", MODERATORS))
    told = audience(before, house.state, event)
    assert [person for person in house.state.people if sees(house.state, person, told)] == ["owner", "mod", "sam"]
    assert house.accepted("mod", delete("anna", EVERYONE)) != (), "the numbers of the channels are their own"


def test_the_last_deletions_are_remembered_and_no_more(house: House) -> None:
    for number in range(MAX_ERASED + 5):
        house.accepted("mod", delete("anna", number=number))
    erased = house.state.entries.erased
    assert len(erased) == MAX_ERASED and erased[-1] == f"everyone/{MAX_ERASED + 4}"
