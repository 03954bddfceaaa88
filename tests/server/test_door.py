"""Waiting at the door: what a waiting connection is told, which is nothing, and how the wait ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol.codec import Encoding
from protocol.names import Role
from server.identity.groups import Groups
from server.ratelimit import OwnBuckets
from tests.harness import until
from tests.server.session_support import FakeConnection, House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def with_lobby(house: House, **settings: Any) -> tuple[str, FakeConnection]:
    """A conference with settings and its owner in it."""
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    assert (await house.say(owner, "conference.settings", **settings))["type"] == "ok"
    return conference, owner


async def held(house: House, token: str, conference: str, client: str = "client-0001", **fields: Any) -> FakeConnection:
    """A connection that waits at the door."""
    connection = await house.hello(token, client)
    answer = await house.say(connection, "conference.join", conference=conference, **fields)
    assert answer["result"]["type"] == "held", answer
    return connection


def lobby(house: House, conference: str) -> list[str]:
    return list(house.rooms._open[conference].replica.room.lobby)


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_who_waits_is_told_nothing_until_they_are_let_in(house: House, encoding: Encoding) -> None:
    conference, owner = await with_lobby(house, lobby="guests")
    guest = await house.hello(house.guest("g_1", conference), encoding=encoding)
    answer = await house.say(guest, "conference.join", conference=conference)
    assert answer == {"type": "ok", "id": answer["id"], "result": {"type": "held", "reason": "lobby"}}
    told = len(guest.sent)
    member = await house.joined(house.token(await house.member("anna")), conference)
    await house.say(member, "stage.request")
    await house.say(member, "chat.send", text="secret")
    await house.say(member, "reaction.send", emoji="👏")
    await house.say(owner, "conference.settings", title="Something secret", force_unmute=True)
    await house.say(owner, "conference.set_mode", mode="all_on_screen")
    await asyncio.sleep(0.4)  # reactions are said together, a quarter of a second later
    assert guest.session is not None
    guest.session.refresh()
    assert len(guest.sent) == told
    assert [event["who"]["id"] for event in owner.of("lobby.entered")] == ["g_1"]
    assert not member.of("lobby.entered")

    assert (await house.say(owner, "lobby.admit", target="g_1"))["type"] == "ok"
    (admitted,) = guest.sent[told:]
    assert admitted["type"] == "admitted" and admitted["snapshot"]["title"] == "Something secret"
    assert admitted["snapshot"]["you"] == "g_1" and "lobby" not in admitted["snapshot"]
    joined = member.of("participant.joined")[-1]
    assert joined["person"] == "g_1" and joined["version"] <= admitted["snapshot"]["version"]
    await house.say(member, "chat.send", text="hello")
    assert guest.of("chat.message")[-1]["message"]["text"] == "hello"
    assert (await house.say(guest, "chat.send", text="hello too"))["type"] == "ok"


async def test_who_was_let_in_resumes_like_anybody_and_a_reload_does_not_wait(house: House) -> None:
    conference, owner = await with_lobby(house, lobby="guests")
    guest = await held(house, house.guest("g_1", conference), conference)
    await house.say(owner, "lobby.admit", target="g_1")
    (admitted,) = guest.of("admitted")
    assert guest.session is not None
    guest.session.disconnected()
    snapshot = admitted["snapshot"]
    resume = {
        "conference": conference,
        "epoch": snapshot["epoch"],
        "version": snapshot["version"],
        "token": admitted["resume"],
    }
    back = house.connect()
    answer = await house.say(back, "hello", token=house.guest("g_1", conference), client="client-0001", resume=resume)
    assert answer["result"]["resumed"]
    assert (await house.say(back, "conference.leave"))["type"] == "ok"
    answer = await house.say(back, "conference.join", conference=conference)
    assert answer["result"]["type"] == "joined"


async def test_who_waits_may_only_go_away(house: House) -> None:
    conference, _ = await with_lobby(house, lobby="guests")
    guest = await held(house, house.guest("g_1", conference), conference)
    messages: dict[str, dict[str, Any]] = {
        "can": {},
        "people.list": {},
        "chat.send": {"text": "let me in"},
        "chat.history": {},
        "stage.request": {},
        "media.subscribe": {},
        "lobby.admit": {"target": "g_1"},
        "conference.end": {},
    }
    for type_, fields in messages.items():
        answer = await house.say(guest, type_, **fields)
        assert answer["code"] == "not_yet" and "version" not in answer, type_
    assert (await house.say(guest, "conference.join", conference=conference))["code"] == "already"
    answer = await house.say(guest, "conference.leave")
    assert answer == {"type": "ok", "id": answer["id"]}
    assert lobby(house, conference) == [] and guest.finished is None
    answer = await house.say(guest, "conference.join", conference=conference)
    assert answer["result"]["type"] == "held"


async def test_a_broken_connection_leaves_the_lobby_and_a_second_one_of_the_person_keeps_it(house: House) -> None:
    conference, owner = await with_lobby(house, lobby="guests")
    guest = await held(house, house.guest("g_1", conference), conference)
    console = await held(house, house.guest("g_1", conference), conference, "client-0002", console=True)
    assert guest.session is not None and console.session is not None
    guest.session.disconnected()
    await house.say(owner, "can")
    assert lobby(house, conference) == ["g_1"]
    console.session.disconnected()
    await until(lambda: not lobby(house, conference))
    await until(lambda: owner.of("lobby.left"))
    assert "refused" not in owner.of("lobby.left")[-1]
    assert house.rooms.where("g_1") is None


async def test_refused_and_blocked_ones_are_closed_and_told_why(house: House) -> None:
    conference, owner = await with_lobby(house, lobby="guests")
    first = await held(house, house.guest("g_1", conference), conference)
    second = await held(house, house.guest("g_2", conference), conference)
    assert (await house.say(owner, "lobby.refuse", target="g_1", reason="Who are you?"))["type"] == "ok"
    assert first.finished == "not_admitted"
    assert (await house.say(owner, "participant.block", target="g_2"))["type"] == "ok"
    assert second.finished == "blocked"
    again = await held(house, house.guest("g_1", conference), conference)
    assert (await house.say(owner, "conference.settings", public=False))["type"] == "ok"
    assert again.finished == "no_access"
    assert (await house.say(owner, "conference.settings", public=True))["type"] == "ok"
    last = await held(house, house.guest("g_1", conference), conference)
    assert (await house.say(owner, "conference.end"))["type"] == "ok"
    assert last.finished == "conference_ended"


async def test_a_second_page_takes_the_wait_over_when_it_says_so(house: House) -> None:
    conference, owner = await with_lobby(house, lobby="guests")
    first = await held(house, house.guest("g_1", conference), conference)
    second = await house.hello(house.guest("g_1", conference), "client-0002")
    answer = await house.say(second, "conference.join", conference=conference)
    assert answer["code"] == "already_in_conference" and answer["details"]["conference"] == conference
    answer = await house.say(second, "conference.join", conference=conference, take_over=True)
    assert answer["result"]["type"] == "held" and first.finished == "taken_over"
    await house.say(owner, "can")
    assert lobby(house, conference) == ["g_1"]
    await house.say(owner, "lobby.admit_all")
    assert len(second.of("admitted")) == 1 and not first.of("admitted")


async def test_who_waits_is_in_that_conference_for_the_rule_of_one(house: House) -> None:
    conference, owner = await with_lobby(house, lobby="everyone")
    anna = await house.member("anna")
    page = await held(house, house.token(anna), conference)
    elsewhere = await house.conference("Another")
    other = await house.hello(house.token(anna), "client-0002")
    answer = await house.say(other, "conference.join", conference=elsewhere)
    assert answer["code"] == "already_in_conference" and answer["details"]["conference"] == conference
    answer = await house.say(other, "conference.join", conference=elsewhere, take_over=True)
    assert answer["result"]["type"] == "joined" and page.finished == "taken_over"
    assert lobby(house, conference) == [] and house.rooms.where(anna.id) == elsewhere
    assert owner.of("lobby.left")[-1]["person"] == anna.id
    back = await house.hello(house.token(anna), "client-0003")
    answer = await house.say(back, "conference.join", conference=conference, take_over=True)
    assert answer["result"]["type"] == "held" and other.finished == "taken_over"


async def test_console_and_page_that_wait_are_let_in_together(house: House) -> None:
    conference, owner = await with_lobby(house, lobby="everyone")
    anna = await house.member("anna")
    page = await held(house, house.token(anna), conference)
    console = await held(house, house.token(anna), conference, "client-0002", console=True)
    await house.say(owner, "role.assign", target=anna.id, role="moderator")
    for connection in (page, console):
        (admitted,) = connection.of("admitted")
        assert [person["role"] for person in admitted["snapshot"]["people"] if person["id"] == anna.id] == ["moderator"]
    assert (await house.say(console, "conference.settings", title="x"))["code"] == "not_allowed"
    assert (await house.say(console, "lobby.admit_all"))["type"] == "ok"


async def test_who_gets_the_right_of_an_organizer_while_they_wait_is_let_in(house: House) -> None:
    conference, _ = await with_lobby(house, lobby="everyone")
    anna = await house.member("anna")
    page = await held(house, house.token(anna), conference)
    await house.gateway.check()
    assert page.of("admitted") == []
    groups = Groups(house.store)
    await groups.add("helpers", operator=True)
    await groups.add_member("helpers", anna)
    await house.gateway.check()
    await until(lambda: page.of("admitted"))
    (shown,) = [one for one in page.of("admitted")[0]["snapshot"]["people"] if one["id"] == anna.id]
    assert (shown["role"], shown["by_right"]) == ("organizer", True)


async def test_at_the_start_all_who_waited_for_it_come_in_with_one_commit(house: House) -> None:
    conference, owner = await with_lobby(house, backstage=True)
    speaker = await house.joined(house.guest("g_s", conference, Role.SPEAKER), conference)
    assert (await house.say(speaker, "stage.request"))["type"] == "ok"
    viewers = [await held(house, house.guest(f"g_{n}", conference), conference) for n in range(3)]
    before = [len(viewer.sent) for viewer in viewers]
    await house.say(speaker, "chat.send", text="Shall we?")
    assert [len(viewer.sent) for viewer in viewers] == before
    started = await house.say(owner, "conference.start")
    for viewer in viewers:
        (admitted,) = viewer.of("admitted")
        snapshot = admitted["snapshot"]
        assert snapshot["version"] == started["version"] and snapshot["started"] and snapshot["stage"] == ["g_s"]
        assert {person["id"] for person in snapshot["people"]} >= {"g_0", "g_1", "g_2"}
    types = [event["type"] for event in speaker.events()[-4:]]
    assert types == ["conference.started"] + ["participant.joined"] * 3


async def test_switched_on_backstage_closes_viewers_who_then_wait_for_it(house: House) -> None:
    conference, owner = await with_lobby(house, backstage=False)
    viewer = await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "conference.settings", backstage=True)
    assert viewer.finished == "waiting"
    again = await held(house, house.guest("g_1", conference), conference)
    await house.say(owner, "conference.start")
    assert again.of("admitted")


async def test_after_a_restart_nobody_waits_and_who_was_let_in_still_is(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    conference, owner = await with_lobby(house, lobby="guests", backstage=True)
    await house.say(owner, "conference.set_pin", pin="2468")
    guest = await held(house, house.guest("g_1", conference, Role.SPEAKER), conference, pin="2468")
    await held(house, house.guest("g_2", conference), conference, pin="2468")
    await house.say(owner, "lobby.admit", target="g_1")
    await house.say(guest, "conference.leave")
    await house.rooms.stop()  # before the connections, as a crash would have it: the log has somebody at the door
    assert lobby_of(await house.rooms.log.load(conference)) == ["g_2"]
    await house.close()

    house = await House(tmp_path, secret=house.secret).open()
    await until(lambda: not lobby(house, conference))
    again = await house.hello(house.guest("g_2", conference))
    answer = await house.say(again, "conference.join", conference=conference)
    assert answer["code"] == "wrong_pin" and answer["details"]["wanted"] == "pin"
    answer = await house.say(again, "conference.join", conference=conference, pin="2468")
    assert answer["result"] == {"type": "held", "reason": "lobby"}
    back = await house.hello(house.guest("g_1", conference, Role.SPEAKER))
    answer = await house.say(back, "conference.join", conference=conference, pin="2468")
    assert answer["result"]["type"] == "joined"
    await house.close()


def lobby_of(loaded: Any) -> list[str]:
    waiting: list[str] = []
    for commit in loaded.commits:
        for event in commit.events:
            kind = type(event).__name__
            if kind == "LobbyEntered":
                waiting.append(event.who.id)
            elif kind in ("LobbyLeft", "ParticipantJoined") and event.person in waiting:
                waiting.remove(event.person)
    return waiting


# --- guessing the PIN ---------------------------------------------------------------------------


@pytest.fixture
def clock() -> list[float]:
    """The clock of the limits, in seconds; it stands still unless moved."""
    return [1000.0]


async def guess(house: House, conference: str, person: str, pin: str, address: str) -> dict[str, Any]:
    connection = house.connect()
    connection.address = address
    await house.say(connection, "hello", token=house.guest(person, conference), client="client-0001")
    answer = await house.say(connection, "conference.join", conference=conference, pin=pin)
    assert connection.session is not None
    if answer["type"] == "ok":
        await house.say(connection, "conference.leave")
    connection.session.disconnected()
    return answer


async def test_guessing_is_limited_by_identity_and_by_address(clock: list[float], tmp_path: Path) -> None:
    house = await House(tmp_path, buckets=OwnBuckets(lambda: clock[0])).open()
    conference, owner = await with_lobby(house)
    await house.say(owner, "conference.set_pin", pin="2468")
    for number in range(5):
        assert (await guess(house, conference, f"g_{number}", "1111", "192.0.2.7"))["code"] == "wrong_pin"
    answer = await guess(house, conference, "g_new", "2468", "192.0.2.7")
    assert answer["code"] == "rate_limited" and answer["retry"] and answer["details"]["after_ms"] == 12_000
    assert (await guess(house, conference, "g_new", "2468", "192.0.2.8"))["type"] == "ok"
    for number in range(5):
        assert (await guess(house, conference, "g_walks", "1111", f"198.51.100.{number}"))["code"] == "wrong_pin"
    assert (await guess(house, conference, "g_walks", "2468", "198.51.100.9"))["code"] == "rate_limited"
    clock[0] += 12.1
    assert (await guess(house, conference, "g_walks", "2468", "198.51.100.9"))["type"] == "ok"
    assert (await guess(house, conference, "g_new", "2468", "192.0.2.7"))["type"] == "ok"
    await house.close()


async def test_guessing_is_limited_for_the_conference_and_organizers_come_in(
    clock: list[float], tmp_path: Path
) -> None:
    house = await House(tmp_path, buckets=OwnBuckets(lambda: clock[0])).open()
    conference, owner = await with_lobby(house)
    await house.say(owner, "conference.set_pin", pin="2468")
    for number in range(30):
        answer = await guess(house, conference, f"g_{number}", f"{number:04}", f"192.0.2.{number}")
        assert answer["code"] == "wrong_pin"
    assert (await guess(house, conference, "g_new", "2468", "192.0.2.99"))["code"] == "rate_limited"
    await house.say(owner, "conference.leave")
    assert (await house.say(owner, "conference.join", conference=conference))["type"] == "ok"
    await house.say(owner, "role.assign", target="g_asked", role="speaker")
    assert (await guess(house, conference, "g_asked", "", "192.0.2.99"))["type"] == "ok"
    other = await house.conference()
    assert (await guess(house, other, "g_else", "0000", "192.0.2.98"))["type"] == "ok"
    await house.close()
