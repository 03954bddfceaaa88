"""What moderation does to the sessions of those it is about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.names import Role
from tests.server.session_support import House


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
