"""The conferences of a node: made, opened when needed, closed when empty, and who is where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.names import Role
from server.access import MEMBERS_ARE, identify
from server.accounts import ServerRole
from server.chat import KEPT, Chat
from server.conferences import Conferences
from server.room import apply
from server.room.digest import state_hash
from server.tokens import BadToken
from tests.harness import until
from tests.server.session_support import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def test_a_conference_that_nobody_made_is_not_there(house: House) -> None:
    assert await house.rooms.open("no-such-one") is None
    assert await house.rooms.summary("no-such-one") is None
    assert await house.rooms.role_of("no-such-one", house.owner.id) is None
    await house.rooms.end("no-such-one", by=house.owner.id)


async def test_making_a_conference_twice_leaves_the_first(house: House) -> None:
    await house.rooms.create("one-and-only", "First", house.owner.id)
    await house.rooms.create("one-and-only", "Second", "u_somebody")
    summary = await house.rooms.summary("one-and-only")
    assert summary is not None
    assert (summary.title, summary.owner, summary.running, summary.people) == ("First", house.owner.id, True, 0)


async def test_several_who_open_a_room_at_once_get_the_same_one(house: House) -> None:
    conference = await house.conference()
    await house.rooms._sweep()
    assert house.rooms._open == {}
    rooms = await asyncio.gather(*(house.rooms.open(conference) for _ in range(20)))
    assert len({id(room) for room in rooms}) == 1 and rooms[0] is not None


async def test_a_conference_whose_room_was_never_written_is_made_when_somebody_comes(house: House) -> None:
    made = await Conferences(house.store).create("Half made", house.owner.id)
    rooms = await asyncio.gather(
        *(house.rooms.open(made.id) for _ in range(5)), house.rooms.create(made.id, "Other", house.owner.id)
    )
    opened = {id(room) for room in rooms[:5]}
    assert len(opened) == 1 and opened == {id(house.rooms._open[made.id])}
    assert house.rooms._open[made.id].replica.room.title in ("Half made", "Other")
    await house.rooms._sweep()
    assert not house.rooms._locks


async def test_empty_rooms_are_closed_and_opened_again_as_they_were(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.rooms._sweep()
    room = house.rooms._open[conference]
    await house.say(owner, "conference.settings", title="Kept")
    await house.say(owner, "conference.leave")
    before = state_hash(room.replica.room)
    await house.rooms._sweep()
    assert conference not in house.rooms._open
    again = await house.rooms.open(conference)
    assert again is not None and again is not room
    assert state_hash(again.replica.room) == before


async def test_a_room_that_cannot_be_closed_does_not_keep_the_others_open(house: House) -> None:
    first, second = await house.conference("one"), await house.conference("two")

    async def fail() -> None:
        raise RuntimeError("a mistake")

    stop = house.rooms._open[first].stop
    house.rooms._open[first].stop = fail  # type: ignore[method-assign]
    await house.rooms._sweep()
    assert second not in house.rooms._open
    await stop()


async def test_the_directory_learns_the_title_that_the_settings_give(house: House) -> None:
    conference = await house.conference("Before")
    owner = await house.joined(house.token(house.owner), conference)
    await house.say(owner, "conference.settings", title="After")
    await asyncio.gather(*house.rooms._tasks)
    found = await Conferences(house.store).find(conference)
    assert found is not None and found.title == "After"


async def test_the_role_of_somebody_is_the_one_they_have_there_and_the_owner_keeps_theirs(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert await house.rooms.role_of(conference, "g_1") is Role.VIEWER
    await house.say(owner, "role.assign", target="g_1", role="moderator")
    assert await house.rooms.role_of(conference, "g_1") is Role.MODERATOR
    await house.say(guest, "conference.leave")
    await house.say(owner, "conference.leave")
    assert await house.rooms.role_of(conference, "g_1") is None
    assert await house.rooms.role_of(conference, house.owner.id) is Role.ORGANIZER
    assert await house.rooms.role_of(conference, "g_unknown") is None


async def test_ending_from_the_command_line_closes_everybody(house: House) -> None:
    conference = await house.conference()
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.rooms.end(conference, by=house.owner.id)
    assert guest.finished == "conference_ended"
    summary = await house.rooms.summary(conference)
    assert summary is not None and not summary.running
    assert house.rooms.where("g_1") is None
    await house.rooms.end(conference, by=house.owner.id)


async def test_the_end_is_recorded_and_told_as_whoevers_it_is(house: House) -> None:
    conference = await house.conference()
    viewer = await house.joined(house.guest("g_1", conference), conference)
    await house.rooms.end(conference, by="g_moderator")
    assert viewer.of("conference.ended")[0]["by"] == "g_moderator"


async def test_after_a_start_those_who_were_present_are_away_and_expire(tmp_path: Path) -> None:
    first = await House(tmp_path).open()
    conference = await first.conference()
    await first.joined(first.token(first.owner), conference)
    for session in list(first.gateway.sessions):
        session.room = None  # as after SIGKILL: nobody says good-bye
    await first.close()
    again = await House(tmp_path, first.secret).open(grace_s=0.3)
    room = again.rooms._open[conference]
    assert again.rooms.where(first.owner.id) == conference
    await until(lambda: room.replica.room.people[first.owner.id].away, 5)
    await until(lambda: not room.replica.room.people, 5)
    assert again.rooms.where(first.owner.id) is None
    await again.close()


async def test_what_role_somebody_brings(house: House) -> None:
    async def role(token: str, conference: str = "a-b") -> tuple[bool, Role | None] | None:
        enter = (await identify(token, house.tokens, house.accounts)).enters(conference, None)
        return (enter.by_right, enter.inherits) if enter is not None else None

    member = await house.member("member")
    admin = await house.accounts.add("admin", "Admin", ServerRole.ADMIN)
    assert await role(house.token(house.owner)) == (True, MEMBERS_ARE)
    assert await role(house.token(admin)) == (True, MEMBERS_ARE)
    assert await role(house.token(member)) == (False, MEMBERS_ARE)
    assert await role(house.guest("g_1", "a-b", Role.SPEAKER)) == (False, Role.SPEAKER)
    assert await role(house.guest("g_1", "a-b", Role.VIEWER), "another") is None
    await house.accounts.remove(member.id)
    with pytest.raises(BadToken):
        await role(house.token(member))


async def test_the_chat_keeps_the_last_thousand(house: House) -> None:
    def fill(connection: object) -> None:
        connection.executemany(  # type: ignore[attr-defined]
            "INSERT INTO chat VALUES ('a-b', ?, 1, 'u_a', 'Anna', 'text', ?)",
            ((number, f"command {number}") for number in range(1, KEPT + 1)),
        )

    await house.store.run(fill)
    chat = Chat(house.store, "a-b")
    shown, new = await chat.write("u_a", "Anna", "one more", "command x", 2)
    assert (shown.number, new) == (KEPT + 1, True)
    first = await chat.page(3, 10)
    assert [message.number for message in first.messages] == [2]
    assert (await Chat(house.store, "another").page(None, 10)).messages == ()


async def test_a_crowd_is_told_its_number_at_most_once_a_second(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "CROWDED_FROM", 10)
    monkeypatch.setattr(apply, "CROWDED_UNTIL", 5)
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    viewer = await house.joined(house.guest("g_1", conference), conference, "client-view")
    for number in range(30):
        await house.joined(house.guest(f"g_x{number}", conference), conference, f"client-{number:04}")
    room = await house.rooms.open(conference)
    assert room is not None and room.replica.room.crowded
    await until(lambda: viewer.of("people.count") and viewer.of("people.count")[-1]["count"] == 32, 5)
    assert owner.of("people.count") == []
    assert len(viewer.of("people.count")) <= 4
