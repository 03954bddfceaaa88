"""The conferences of a node: made, opened when needed, closed when empty, and who is where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol.names import Role
from server.chatlog import KEPT, EmbeddedChat
from server.conference.rooms import Rooms
from server.config import Settings
from server.directory.conferences import Conferences
from server.identity.access import MEMBERS_ARE
from server.identity.accounts import ServerRole
from server.identity.guestlinks import GuestLinks
from server.identity.tokens import BadToken
from server.mail import attendees
from server.metrics import Metrics
from server.room import apply, inner
from server.room.digest import state_hash
from server.roomlog import EmbeddedLog
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
    assert not await house.rooms.grants("no-such-one", house.owner.id, "take_part")
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


async def test_a_room_is_not_closed_under_somebody_who_comes_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    conference = await house.conference()
    # Between finding the room and asking it, and while the joining is written: at both moments nobody is in it yet.
    found = await house.rooms.open(conference)
    assert found is not None
    await house.rooms._sweep()
    assert house.rooms._open[conference] is found
    writing, go_on = asyncio.Event(), asyncio.Event()
    append = house.rooms.log.append

    async def slowly(*arguments: Any) -> Any:
        writing.set()
        await go_on.wait()
        return await append(*arguments)

    monkeypatch.setattr(house.rooms.log, "append", slowly)
    coming = asyncio.create_task(house.joined(house.token(house.owner), conference))
    await writing.wait()
    for _ in range(2):
        await house.rooms._sweep()
    go_on.set()
    await coming
    assert house.rooms._open[conference] is found and house.owner.id in found.replica.room.people


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


async def test_what_somebody_may_follows_their_role_there_and_the_owner_keeps_theirs(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert not await house.rooms.grants(conference, "g_1", "invite.link")
    await house.say(owner, "role.assign", target="g_1", role="moderator")
    assert await house.rooms.grants(conference, "g_1", "invite.link")
    await house.say(guest, "conference.leave")
    await house.say(owner, "conference.leave")
    assert not await house.rooms.grants(conference, "g_1", "take_part")
    assert await house.rooms.grants(conference, house.owner.id, "settings.access")
    assert not await house.rooms.grants(conference, "g_unknown", "take_part")


async def test_a_setting_gives_speakers_what_they_have_in_part(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.joined(house.guest("g_1", conference, Role.SPEAKER), conference)
    assert not await house.rooms.grants(conference, "g_1", "chat.moderate")
    await house.say(owner, "conference.settings", speakers_moderate_chat=True)
    assert await house.rooms.grants(conference, "g_1", "chat.moderate")


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


async def test_the_end_by_a_role_is_judged_when_its_turn_comes(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "role.assign", target="g_1", role="moderator")
    demotion = asyncio.create_task(house.say(owner, "role.assign", target="g_1", role="viewer"))
    await asyncio.sleep(0)
    assert await house.rooms.grants(conference, "g_1", "session.start_end"), "the demotion is still being written"
    refusal = await house.rooms.end_as(conference, "g_1")
    assert (await demotion)["type"] == "ok"
    assert refusal is not None and refusal.code == "not_allowed"
    await house.say(owner, "role.assign", target="g_1", role="moderator")
    assert await house.rooms.end_as(conference, "g_1") is None
    assert owner.of("conference.ended")[0]["by"] == "g_1"


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
        enter = (await house.identities.identify(token)).enters(conference, None)
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


COLUMNS = "(conference, channel, number, time, person, name, text, command)"


async def test_the_chat_keeps_the_last_thousand(house: House) -> None:
    def fill(connection: object) -> None:
        connection.executemany(  # type: ignore[attr-defined]
            f"INSERT INTO chat {COLUMNS} VALUES ('a-b', 'everyone', ?, 1, 'u_a', 'Anna', 'text', ?)",
            ((number, f"command {number}") for number in range(1, KEPT + 1)),
        )

    await house.store.run(fill)
    chat = EmbeddedChat(house.store, "a-b")
    shown = await chat.write("u_a", "Anna", "one more", "command x", 2)
    assert shown is not None and shown.number == KEPT + 1
    first = await chat.page(3, 10)
    assert [message.number for message in first.messages] == [2]
    assert (await EmbeddedChat(house.store, "another").page(None, 10)).messages == ()


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


async def owner_of(house: House, conference: str) -> str:
    room = await house.rooms.open(conference)
    assert room is not None
    return room.replica.room.owner


async def test_conferences_of_a_removed_account_pass_to_the_servers_owner_open_or_not(house: House) -> None:
    anna, ben = await house.member("anna"), await house.member("ben")
    closed, opened, others = [await house.conference(owner=one) for one in (anna, anna, ben)]
    await house.rooms._sweep()
    owner = await house.joined(house.token(house.owner), opened)
    await house.accounts.remove(anna.id)
    await house.gateway.check()
    (told,) = owner.of("conference.owner_changed")
    assert (told["owner"], "by" in told) == (house.owner.id, False)
    assert set(house.rooms._open) == {opened}
    owners = [await owner_of(house, conference) for conference in (closed, opened, others)]
    assert owners == [house.owner.id, house.owner.id, ben.id]
    # Once, and so that it is read from the record again.
    await house.rooms._sweep()
    await house.rooms._sweep()
    assert closed not in house.rooms._open
    assert await owner_of(house, closed) == house.owner.id
    lines = (await house.rooms.log.audit(closed)).entries
    assert [(line.command, line.actor, line.target) for line in lines] == [
        ("create", anna.id, ""),
        ("pass", "", house.owner.id),
    ]


async def test_a_directory_that_has_heard_less_than_the_room_gives_no_conference_back(house: House) -> None:
    anna, ben = await house.member("anna"), await house.member("ben")
    conference = await house.conference(owner=anna)
    room = await house.rooms.open(conference)
    assert room is not None
    # As another server does that has heard of the removal of an account.
    await room.replica.ask(ben.id, inner.Pass())
    await house.gateway.check()
    assert await owner_of(house, conference) == ben.id


async def test_a_conference_that_is_removed_leaves_no_recording_and_nobody_who_was_invited(house: House) -> None:
    made = await Conferences(house.store).create("Congress", house.owner.id)
    conference = made.id
    await house.rooms.create(conference, made.title, house.owner.id)
    folder, _ = house.rooms.library.make(conference, 1)
    (folder / "timeline.jsonl").write_text("{}")
    link = GuestLinks(house.store, house.tokens).drafted(conference, Role.VIEWER, house.owner.id)[0]
    await house.store.run(lambda connection: attendees.expect(connection, link, "anna@example.org", "Anna", 1))
    await house.rooms.remove(conference, house.owner.id)
    assert not folder.parent.exists()
    assert await house.store.run(lambda connection: attendees.count(connection, conference)) == 0


async def test_another_server_deletes_its_recordings_of_a_removed_conference_and_no_others(
    house: House, tmp_path: Path
) -> None:
    removed, stays = await house.conference(), await house.conference("Another")
    folders = {}
    other = Settings(host="127.0.0.1", data=tmp_path / "other")
    rooms = Rooms(house.store, house.workers, Metrics(), other, EmbeddedLog(house.store))
    for conference in (removed, stays, "abc-unkn-own"):
        folders[conference] = rooms.library.make(conference, 1)[0]
        (folders[conference] / "timeline.jsonl").write_text("{}")
    await rooms._sweep()
    assert all(folder.exists() for folder in folders.values())
    await house.rooms.remove(removed, house.owner.id)
    await rooms._sweep()
    assert [name for name, folder in folders.items() if folder.exists()] == [stays, "abc-unkn-own"]
    assert not folders[removed].parent.exists()
