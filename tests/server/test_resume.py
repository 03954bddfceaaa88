"""Coming back: nothing missed, nothing twice, and a resume token is good once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocol import commands as c
from protocol.names import PersonKind, Role, Source
from server.conference import history
from server.conference.replica import Order
from server.conference.resume import LIFETIME_MS, ResumeTokens, Ticket
from server.room import apply
from server.room.state import Participant
from tests.harness import until
from tests.server.session_support import House, Visit, room_of

NOW = 1_700_000_000_000


# --- the tokens alone -------------------------------------------------------------------


def ticket(**changes: Any) -> Ticket:
    made = Ticket(conference="a-b", person="u_a", client="client-1", console=False, number=NOW, version=10)
    return replace(made, **changes)


def present(since: int, moved: int = 0) -> Participant:
    return Participant(id="u_a", name="A", kind=PersonKind.USER, role=Role.VIEWER, since=since, moved=moved)


def test_a_ticket_holds_as_long_as_the_presence_and_the_page_are_those_it_was_given_to() -> None:
    main, console = ticket(), ticket(console=True)
    assert main.holds(present(since=10)) and console.holds(present(since=10))
    # They left and came back.
    assert not main.holds(present(since=11)) and not console.holds(present(since=11))
    # Another page, or the same one that was back already: a console is beside it.
    assert not main.holds(present(since=5, moved=11)) and console.holds(present(since=5, moved=11))
    assert main.holds(present(since=5, moved=10))


def test_every_token_has_a_number_of_its_own() -> None:
    tokens = ResumeTokens(b"s" * 32)
    found = [tokens.check(tokens.issue(ticket()), "a-b", "u_a", "client-1", NOW) for _ in range(5)]
    assert len({one.number for one in found if one is not None}) == 5


def test_a_token_is_good_for_its_owner_alone_for_a_day_and_only_unchanged() -> None:
    tokens = ResumeTokens(b"s" * 32)
    token = tokens.issue(ticket())
    for conference, person, client in (
        ("a-c", "u_a", "client-1"),
        ("a-b", "u_b", "client-1"),
        ("a-b", "u_a", "client-2"),
    ):
        assert tokens.check(token, conference, person, client, NOW) is None
    raw = bytearray(base64.urlsafe_b64decode(token))
    for place in range(len(raw)):
        raw[place] ^= 1
        changed = base64.urlsafe_b64encode(raw).decode()
        assert tokens.check(changed, "a-b", "u_a", "client-1", NOW) is None
        raw[place] ^= 1
    for nonsense in ("", "x", "é", "AAAA", token[:-4], token + "AAAA", "=" * 50):
        assert tokens.check(nonsense, "a-b", "u_a", "client-1", NOW) is None
    assert ResumeTokens(b"t" * 32).check(token, "a-b", "u_a", "client-1", NOW) is None
    # Another node has the same secret, and was told nothing else.
    assert ResumeTokens(b"s" * 32).check(token, "a-b", "u_a", "client-1", NOW + LIFETIME_MS) is not None
    assert tokens.check(token, "a-b", "u_a", "client-1", NOW + LIFETIME_MS + 1) is None


# --- sessions ---------------------------------------------------------------------------


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def started(house: House) -> tuple[str, Visit, Visit]:
    """A conference with the owner and a guest."""
    conference = await house.conference()
    owner = await Visit(house, conference, house.token(house.owner), "client-own1").join()
    guest = await Visit(house, conference, house.guest("g_1", conference), "client-gst1").join()
    owner.events()
    return conference, owner, guest


async def test_what_happened_meanwhile_is_told_and_then_what_follows(house: House) -> None:
    _, owner, guest = await started(house)
    await guest.drop()
    for _ in range(3):
        await house.say(owner.connection, "stage.request")
        await house.say(owner.connection, "stage.leave")
    answer = await guest.come_back()
    assert answer["result"]["resumed"] is True
    await house.say(owner.connection, "conference.settings", title="Later")
    assert guest.events() == [
        "participant.away",
        *["stage.taken", "stage.left"] * 3,
        "participant.returned",
        "conference.settings_changed",
    ]
    assert owner.events()[0] == "participant.away"


async def test_seat_role_and_mutes_are_kept(house: House) -> None:
    conference, owner, guest = await started(house)
    await house.say(owner.connection, "role.assign", target="g_1", role="speaker")
    await house.say(guest.connection, "stage.request")
    await house.say(owner.connection, "media.lock", target="g_1", source="audio")
    await guest.drop()
    await guest.come_back()
    room = (await room_of(house, conference)).replica.room
    assert (room.stage, room.people["g_1"].role, room.people["g_1"].away) == (("g_1",), Role.SPEAKER, False)
    assert (await house.say(guest.connection, "media.unmute", source="audio"))["code"] == "locked"


async def test_a_resume_token_is_good_once(house: House) -> None:
    _, _, guest = await started(house)
    await guest.drop()
    used = guest.resume
    assert (await guest.come_back())["type"] == "ok"
    await guest.drop()
    refused = await guest.come_back(token=used)
    assert (refused["code"], refused.get("retry", False)) == ("bad_resume", False)
    # The connection may go on without: hello and join.
    again = await house.say(guest.connection, "hello", token=guest.token, client=guest.client)
    assert again["type"] == "ok"
    assert (await house.say(guest.connection, "conference.join", conference=guest.conference))["type"] == "ok"


async def test_of_two_sockets_with_one_token_one_comes_back(house: House) -> None:
    conference, _, guest = await started(house)
    await guest.drop()
    twin = Visit(house, guest.conference, guest.token, guest.client)
    twin.epoch, twin.position, twin.resume = guest.epoch, guest.position, guest.resume
    answers = await asyncio.gather(guest.come_back(), twin.come_back())
    assert sorted(answer["type"] for answer in answers) == ["ok", "refused"]
    assert next(answer["code"] for answer in answers if answer["type"] == "refused") == "bad_resume"
    assert len((await room_of(house, conference)).replica.members.of("g_1")) == 1


async def test_tokens_of_others_and_changed_ones_are_refused(house: House) -> None:
    conference, owner, guest = await started(house)
    other = await house.conference("another")
    await guest.drop()
    for changes in ({"token": owner.resume}, {"token": "x"}, {"conference": other}, {"conference": "no-such-one"}):
        assert (await guest.come_back(**changes))["code"] == "bad_resume"
    assert (await room_of(house, conference)).replica.room.people["g_1"].away
    assert (await guest.come_back())["type"] == "ok"


async def test_a_token_for_another_conference_brings_nobody_back(house: House) -> None:
    conference, _, guest = await started(house)
    other = await house.conference("another")
    await guest.drop()
    guest.token = house.guest("g_1", other)
    assert (await guest.come_back())["code"] == "bad_resume"
    assert (await room_of(house, conference)).replica.room.people["g_1"].away


async def test_a_resume_replaces_a_half_open_connection_and_nobody_is_told(house: House) -> None:
    conference, owner, guest = await started(house)
    old = guest.connection
    assert (await guest.come_back())["type"] == "ok"
    assert old.finished == "taken_over"
    assert owner.events() == []
    assert not (await room_of(house, conference)).replica.room.people["g_1"].away


async def test_a_position_too_long_ago_gets_a_snapshot(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 5)
    _, owner, guest = await started(house)
    await guest.drop()
    for number in range(8):
        await house.say(owner.connection, "conference.settings", title=f"title {number}")
    await guest.come_back()
    (resync,) = guest.connection.of("resync")
    assert resync["snapshot"]["title"] == "title 7"
    guest.position = resync["snapshot"]["version"]
    await house.say(owner.connection, "stage.request")
    assert guest.events() == ["stage.taken"]


@pytest.mark.parametrize("changes", [{"epoch": 5}, {"version": 2**40}])
async def test_a_position_from_another_epoch_or_the_future_gets_a_snapshot(
    house: House, changes: dict[str, int]
) -> None:
    _, _, guest = await started(house)
    await guest.drop()
    assert (await guest.come_back(**changes))["type"] == "ok"
    assert len(guest.connection.of("resync")) == 1
    assert guest.connection.events() == []


async def test_who_was_removed_meanwhile_cannot_resume(house: House) -> None:
    _, owner, guest = await started(house)
    await guest.drop()
    await house.say(owner.connection, "participant.remove", target="g_1")
    assert (await guest.come_back())["code"] == "bad_resume"


async def test_who_stays_away_too_long_is_gone_and_cannot_resume(tmp_path: Path) -> None:
    house = await House(tmp_path).open(grace_s=0.05)
    conference, owner, guest = await started(house)
    await guest.drop()
    await until(lambda: "participant.left" in owner.events(), 5)
    assert "g_1" not in (await room_of(house, conference)).replica.room.people
    assert (await guest.come_back())["code"] == "bad_resume"
    await house.close()


async def test_who_comes_back_within_the_grace_period_does_not_expire(tmp_path: Path) -> None:
    house = await House(tmp_path).open(grace_s=0.15)
    conference, _, guest = await started(house)
    for _ in range(3):
        await guest.drop()
        await asyncio.sleep(0.08)
        assert (await guest.come_back())["type"] == "ok"
        await asyncio.sleep(0.1)
    assert "g_1" in (await room_of(house, conference)).replica.room.people
    await house.close()


async def test_after_a_take_over_the_former_pages_token_is_void(house: House) -> None:
    _, _, guest = await started(house)
    second = await house.hello(guest.token, "client-gst2")
    await house.say(second, "conference.join", conference=guest.conference, take_over=True)
    assert (await guest.come_back())["code"] == "bad_resume"
    assert second.finished is None


async def test_a_page_that_came_back_in_time_is_told_that_another_ended_its_tracks(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    conference, owner, _ = await started(house)
    await house.say(owner.connection, "stage.request")
    room = await room_of(house, conference)
    publish = c.MediaPublish(id=0, sdp="-", tracks={"0": Source.AUDIO})
    assert await room.replica.ask(house.owner.id, publish) is None
    await owner.drop()
    room.media._publishing[house.owner.id] = {}
    # Decided in one batch, the resume first.
    page = await house.hello(owner.token, "client-own2")
    orders: list[Order] = []
    submit = room.replica.submit
    monkeypatch.setattr(room.replica, "submit", orders.append)
    joining = asyncio.create_task(house.say(page, "conference.join", conference=conference))
    resuming = asyncio.create_task(owner.come_back())
    await until(lambda: len(orders) == 2, 5)
    monkeypatch.setattr(room.replica, "submit", submit)
    for order in sorted(orders, key=lambda order: not order.once):
        submit(order)
    assert (await resuming)["type"] == "ok"
    assert (await joining)["code"] == "already_in_conference"
    assert room.replica.room.people[house.owner.id].tracks == ()
    assert [message["type"] for message in owner.connection.of("media.reset")] == ["media.reset"]


async def test_a_console_comes_back_as_a_console(house: House) -> None:
    conference, owner, _ = await started(house)
    console = await Visit(house, conference, house.token(house.owner), "client-con1").join(console=True)
    await console.drop()
    assert (await console.come_back())["type"] == "ok"
    assert owner.connection.finished is None
    assert (await house.say(console.connection, "media.subscribe"))["code"] == "unsupported"


async def test_a_console_that_was_away_for_longer_than_used_tokens_are_remembered_joins_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 5)
    conference, owner, guest = await started(house)
    console = await Visit(house, conference, house.token(house.owner), "client-con1").join(console=True)
    await console.drop()
    await guest.drop()
    for number in range(8):
        await house.say(owner.connection, "conference.settings", title=f"title {number}")
    assert (await console.come_back())["code"] == "bad_resume"
    # A main connection's token is judged by the state, which forgets nothing.
    assert (await guest.come_back())["type"] == "ok"


async def test_a_crowds_viewer_resumes_without_the_comings_and_goings_of_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "CROWDED_FROM", 10)
    monkeypatch.setattr(apply, "CROWDED_UNTIL", 5)
    conference, owner, guest = await started(house)
    room = await room_of(house, conference)
    for number in range(12):
        await house.joined(house.guest(f"g_x{number}", conference), conference, f"client-{number:04}")
    guest.position = max(message["snapshot"]["version"] for message in guest.connection.of("resync"))
    await guest.drop()
    for number in range(200, 210):
        await house.joined(house.guest(f"g_x{number}", conference), conference, f"client-{number:04}")
    await house.say(owner.connection, "stage.request")
    assert (await guest.come_back())["type"] == "ok"
    assert guest.connection.of("resync") == []
    assert guest.events() == ["participant.away", "stage.taken", "participant.returned"]
    await room.replica.ask(house.owner.id, c.ConferenceSettings(id=0, title="another"))
    assert guest.events() == ["conference.settings_changed"]


async def test_after_a_restart_clients_resume_without_a_gap_and_used_tokens_stay_used(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    conference, owner, guest = await started(house)
    await guest.drop()
    used = guest.resume
    await guest.come_back()
    await house.say(owner.connection, "stage.request")
    for visit in (owner, guest):
        visit.events()
    # As after SIGKILL: nobody says good-bye, the file is what there is.
    for session in list(house.gateway.sessions):
        session.state = type(session.state).CLOSED
        session.room = None
    await house.close()
    again = await House(tmp_path, house.secret).open()
    for visit in (owner, guest):
        visit.house = again
    assert (await guest.come_back(token=used))["code"] == "bad_resume"
    assert (await guest.come_back())["type"] == "ok"
    assert (await owner.come_back())["type"] == "ok"
    assert guest.events() == [*["participant.away"] * 2, *["participant.returned"] * 2]
    assert owner.events() == [*["participant.away"] * 2, *["participant.returned"] * 2]
    room = (await room_of(again, conference)).replica.room
    assert room.stage == (again.owner.id,)
    assert not any(person.away for person in room.people.values())
    await again.close()
