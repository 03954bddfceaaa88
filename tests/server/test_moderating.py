"""What moderation does to the sessions of those it is about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol.names import Role
from tests.server.session_support import FakeConnection, House
from tests.server.test_resume import started


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def test_who_is_blocked_is_closed_and_told_why_and_every_token_of_theirs_is_dead(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    joined = guest.of("ok")[-1]["result"]
    assert (await house.say(owner, "participant.block", target="g_1", reason="noise"))["type"] == "ok"
    assert guest.finished == "blocked"
    left = guest.events()[-1]
    assert (left["type"], left["reason"], left["note"]) == ("participant.left", "blocked", "noise")

    back = house.connect()
    resume = {
        "conference": conference,
        "epoch": joined["snapshot"]["epoch"],
        "version": joined["snapshot"]["version"],
        "token": joined["resume"],
    }
    answer = await house.say(back, "hello", token=house.guest("g_1", conference), client="client-0001", resume=resume)
    assert answer["code"] == "blocked"
    # The same identity with another token, and a better one.
    again = await house.hello(house.guest("g_1", conference, Role.MODERATOR), "client-0002")
    assert (await house.say(again, "conference.join", conference=conference))["code"] == "blocked"

    assert (await house.say(owner, "participant.unblock", target="g_1"))["type"] == "ok"
    assert (await house.say(again, "conference.join", conference=conference))["type"] == "ok"


async def test_a_member_who_is_blocked_while_away_cannot_resume(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    anna = await house.member("anna")
    page = await house.joined(house.token(anna), conference)
    joined = page.of("ok")[-1]["result"]
    assert page.session is not None
    page.session.disconnected()
    assert (await house.say(owner, "participant.block", target=anna.id))["type"] == "ok"
    resume = {
        "conference": conference,
        "epoch": joined["snapshot"]["epoch"],
        "version": joined["snapshot"]["version"],
        "token": joined["resume"],
    }
    answer = await house.say(house.connect(), "hello", token=house.token(anna), client="client-0001", resume=resume)
    assert answer["code"] == "blocked"


async def test_guests_kept_from_writing_are_refused_and_members_are_not(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference, Role.MODERATOR), conference)
    member = await house.joined(house.token(await house.member("anna")), conference)
    assert (await house.say(owner, "conference.settings", guests_may={"messages": False}))["type"] == "ok"
    assert (await house.say(guest, "chat.send", text="hello"))["code"] == "not_allowed"
    assert (await house.say(member, "chat.send", text="hello"))["type"] == "ok"
    assert [shown["message"]["person"] for shown in owner.of("chat.message")] == [member.session.person]  # type: ignore[union-attr]


async def test_outsiders_shut_out_are_closed_and_told_why(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert (await house.say(owner, "conference.settings", outsiders="no_access"))["type"] == "ok"
    assert guest.finished == "no_access"
    again = await house.hello(house.guest("g_1", conference), "client-0002")
    assert (await house.say(again, "conference.join", conference=conference))["code"] == "no_access"


async def test_devices_are_told_to_moderators_alone_and_switched_by_them(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    anna = await house.joined(house.guest("g_1", conference), conference)
    ben = await house.joined(house.guest("g_2", conference), conference)
    cameras: list[dict[str, Any]] = [
        {"id": name, "kind": "videoinput", "label": f"{name} camera"} for name in ("front", "back")
    ]
    cameras[0]["chosen"] = True
    assert (await house.say(anna, "devices.report", devices=cameras))["type"] == "ok"
    assert "devices.select" in (await house.say(owner, "can", target="g_1"))["result"]["commands"]
    select: dict[str, Any] = {"target": "g_1", "device": "back", "kind": "videoinput"}
    assert (await house.say(ben, "devices.select", **select))["code"] == "not_allowed"
    assert (await house.say(owner, "devices.select", **select))["type"] == "ok"
    assert [event["device"] for event in anna.of("devices.selected")] == ["back"]
    assert owner.of("devices.reported")[0]["devices"] == cameras
    late = await house.joined(house.token(house.owner), conference, "client-0002", console=True)
    assert late.of("ok")[-1]["result"]["snapshot"]["devices"] == {"g_1": cameras}
    assert (await house.say(late, "people.list"))["result"]["devices"] == {"g_1": cameras}
    assert "devices" not in (await house.say(ben, "people.list"))["result"]
    assert not any("camera" in json.dumps(message) or "devices" in message["type"] for message in ben.sent)


async def test_reports_of_devices_that_come_too_fast_are_refused_with_a_wait(house: House) -> None:
    conference = await house.conference()
    guest = await house.joined(house.guest("g_1", conference), conference)
    answers = [await house.say(guest, "devices.report", devices=[]) for _ in range(8)]
    assert [answer["type"] for answer in answers[:5]] == ["ok"] * 5
    assert answers[-1]["code"] == "rate_limited" and answers[-1]["details"]["after_ms"] > 0


async def test_who_comes_late_finds_the_layout(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "stage.request")
    tile = {"x": 10, "y": 10, "width": 50, "height": 50}
    assert (await house.say(owner, "conference.layout", kind="sidebar", spotlight=house.owner.id))["type"] == "ok"
    assert (await house.say(owner, "layout.place", tile=tile))["type"] == "ok"
    layout = {"kind": "sidebar", "spotlight": house.owner.id, "tiles": {house.owner.id: tile}}
    assert guest.of("conference.layout_changed")[-1]["layout"] == layout
    late = await house.joined(house.guest("g_2", conference), conference)
    assert late.of("ok")[-1]["result"]["snapshot"]["layout"] == layout


async def test_a_hidden_list_is_replaced_by_a_snapshot_and_not_paged_through(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.joined(house.guest("g_2", conference), conference)
    assert (await house.say(owner, "conference.settings", list_hidden=True))["type"] == "ok"
    (resync,) = guest.of("resync")
    assert [person["id"] for person in resync["snapshot"]["people"]] == [house.owner.id, "g_1"]
    await house.joined(house.guest("g_3", conference), conference)
    assert "participant.joined" not in [event["type"] for event in guest.events()[-1:]]
    assert (await house.say(guest, "people.list"))["code"] == "not_allowed"
    assert len((await house.say(owner, "people.list"))["result"]["people"]) == 4


async def test_a_change_of_mode_brings_everybody_a_snapshot_and_then_what_follows(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert (await house.say(owner, "conference.set_mode", mode="all_on_screen"))["type"] == "ok"
    (resync,) = guest.of("resync")
    assert resync["snapshot"]["mode"] == "all_on_screen"
    taken = [event["person"] for event in guest.events() if event["type"] == "stage.taken"]
    assert taken == [house.owner.id, "g_1"]


async def test_who_was_away_during_a_change_of_mode_comes_back_to_a_snapshot(house: House) -> None:
    _, owner, guest = await started(house)
    await guest.drop()
    assert (await house.say(owner.connection, "conference.set_mode", mode="all_on_screen"))["type"] == "ok"
    assert (await guest.come_back())["type"] == "ok"
    (resync,) = guest.connection.of("resync")
    assert resync["snapshot"]["mode"] == "all_on_screen" and "g_1" in resync["snapshot"]["stage"]


async def test_who_changes_the_mode_ends_with_the_picture_that_a_snapshot_shows(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "conference.set_mode", mode="all_on_screen")
    last = max(i for i, message in enumerate(owner.sent) if message["type"] == "resync")
    stage = list(owner.sent[last]["snapshot"].get("stage", ()))
    stage += [message["person"] for message in owner.sent[last:] if message["type"] == "stage.taken"]
    room = await house.rooms.open(conference)
    assert room is not None and tuple(stage) == room.replica.room.stage


async def until(connection: FakeConnection, type: str) -> dict[str, Any]:
    """The first event of this type, within a few seconds."""
    async with asyncio.timeout(5):
        while True:
            if found := connection.of(type):
                return found[0]
            await asyncio.sleep(0.01)


async def test_a_turn_to_speak_ends_by_itself_at_the_moment_it_was_given(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "conference.settings", remark_s=1)
    await house.say(guest, "remark.request")
    assert (await house.say(owner, "remark.grant", target="g_1"))["type"] == "ok"
    granted = await until(guest, "remark.granted")
    ended = await until(guest, "remark.ended")
    assert ended["reason"] == "time"
    assert 0 <= ended["time"] - granted["until"] < 500


async def test_a_turn_that_ran_out_while_the_server_was_down_is_over_when_it_is_back(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "conference.settings", remark_s=1)
    await house.say(guest, "remark.request")
    await house.say(owner, "remark.grant", target="g_1")
    for session in list(house.gateway.sessions):
        session.state = type(session.state).CLOSED
        session.room = None
    await house.close()
    await asyncio.sleep(1.1)
    again = await House(tmp_path, house.secret).open()
    room = await again.rooms.open(conference)
    assert room is not None
    # Decided in order, and the question of what is due was asked when the room was opened, 5 ms later at most.
    await asyncio.sleep(0.2)
    assert room.replica.room.remarks == {}
    assert "g_1" in room.replica.room.people
    await again.close()


async def test_why_somebody_was_removed_is_told_to_them_and_to_moderators_alone(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    moderator = await house.joined(house.guest("g_m", conference, Role.MODERATOR), conference)
    removed = await house.joined(house.guest("g_1", conference), conference)
    other = await house.joined(house.guest("g_2", conference), conference)
    gone = await house.joined(house.guest("g_3", conference), conference)
    ticket = gone.of("ok")[-1]["result"]
    assert gone.session is not None
    gone.session.disconnected()

    await house.say(owner, "participant.remove", target="g_1", reason="noise")
    for page, note in ((owner, "noise"), (moderator, "noise"), (removed, "noise"), (other, "")):
        left = next(event for event in page.events() if event["type"] == "participant.left")
        assert (left["person"], left.get("note", "")) == ("g_1", note)
        assert left["after"] == left["version"] - 1

    # Nor does who comes back later read it in what they missed.
    snapshot = ticket["snapshot"]
    resume = {"conference": conference, "epoch": snapshot["epoch"], "version": snapshot["version"]}
    back = house.connect()
    token = house.guest("g_3", conference)
    await house.say(back, "hello", token=token, client="client-0001", resume=resume | {"token": ticket["resume"]})
    left = next(event for event in back.events() if event["type"] == "participant.left")
    assert left.get("note", "") == ""
