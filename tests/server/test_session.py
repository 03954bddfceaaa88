"""What a session may say and when; and that whatever is malformed is refused and changes nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import msgpack
import pytest

from protocol import commands as c
from protocol.codec import MAX_FRAME, Encoding
from protocol.errors import Code
from protocol.names import Role, Source
from protocol.statistics import Statistics
from server.conference.openroom import OpenRoom
from server.conference.replica import Order
from server.room.digest import state_hash
from server.sessions import orders, session
from server.sessions.session import HANDLERS
from server.sessions.states import ALLOWED, State, misplaced
from server.workers import MediaRefused
from tests.harness import until
from tests.server.session_support import FakeConnection, House

SETTINGS: dict[str, Any] = {
    "members": "viewer",
    "outsiders": "no_access",
    "public": True,
    "guests_may": {"messages": False},
    "capacity": 10,
    "list_hidden": True,
    "force_unmute": True,
    "lobby": "guests",
    "backstage": True,
    "speakers_moderate_chat": True,
    "private_chat": "moderators",
    "slow_mode_s": 30,
    "speakers_see_private_questions": True,
    "questions_approved": True,
    "remark_s": 30,
}
# One good message of each type; the fields that it needs and those it may have.
GOOD: dict[str, dict[str, Any]] = {
    "hello": {
        "token": "x",
        "client": "client-0001",
        "resume": {"conference": "a-b", "epoch": 1, "version": 2, "token": "t"},
    },
    "can": {"target": "u_a"},
    "explain": {"command": "stage.mute", "about": "u_a", "target": "u_a"},
    "people.list": {"after": "u_a", "limit": 10},
    "conference.join": {"conference": "a-b", "name": "Anna", "take_over": False, "console": False, "pin": "1234"},
    "conference.start": {},
    "conference.set_pin": {"pin": "1234"},
    "lobby.admit": {"target": "u_a"},
    "lobby.admit_all": {},
    "lobby.refuse": {"target": "u_a", "reason": "who are you?"},
    "role.clear": {"target": "u_a"},
    "conference.leave": {},
    "conference.end": {},
    "conference.settings": {"title": "Another", "stage_places": 3, **SETTINGS},
    "conference.set_mode": {"mode": "video_lecture", "teacher": "u_a"},
    "stage.request": {},
    "stage.withdraw": {},
    "stage.grant": {"target": "u_a"},
    "stage.refuse": {"target": "u_a"},
    "stage.invite": {"target": "u_a"},
    "stage.accept": {},
    "stage.decline": {},
    "stage.leave": {},
    "stage.take_down": {"target": "u_a"},
    "stage.reorder": {"target": "u_a", "position": 0},
    "remark.request": {},
    "remark.withdraw": {},
    "remark.grant": {"target": "u_a"},
    "remark.refuse": {"target": "u_a"},
    "remark.end": {"target": "u_a"},
    "media.mute": {"source": "audio", "target": "u_a"},
    "media.unmute": {"source": "audio", "target": "u_a"},
    "media.lock": {"source": "audio", "target": "u_a"},
    "media.mute_all": {"source": "audio", "lock": True},
    "media.unmute_all": {"source": "audio"},
    "media.ask_unmute": {"source": "audio", "target": "u_a"},
    "share.stop": {"target": "u_a"},
    "participant.remove": {"target": "u_a", "reason": "noise"},
    "participant.block": {"target": "u_a", "reason": "noise"},
    "participant.unblock": {"target": "u_a"},
    "role.assign": {"target": "u_a", "role": "speaker"},
    "conference.layout": {"kind": "sidebar", "spotlight": "u_a"},
    "layout.place": {"tile": {"x": 0, "y": 0, "width": 50, "height": 50}, "target": "u_a"},
    "devices.report": {"devices": [{"id": "front", "kind": "videoinput", "label": "Front", "chosen": True}]},
    "devices.select": {"target": "u_a", "device": "front", "kind": "videoinput"},
    "media.publish": {"sdp": "v=0", "tracks": {"0": "audio"}, "restart": False},
    "media.subscribe": {},
    "media.stats": {"target": "u_a"},
    "media.restart": {},
    "media.relays": {},
    "media.answer": {"generation": 1, "revision": 1, "sdp": "v=0"},
    "media.prefer": {"heights": {"u_a/video": 360}},
    "chat.send": {"text": "hello", "channel": "moderators", "to": "u_b", "reply_to": 3, "mentions": ["u_b"]},
    "chat.search": {"text": "he", "before": 5, "limit": 10, "channel": "moderators"},
    "chat.edit": {"number": 3, "text": "hello", "channel": "moderators"},
    "chat.history": {"before": 5, "limit": 10, "channel": "moderators"},
    "chat.delete": {"number": 3, "channel": "moderators"},
    "chat.close": {},
    "chat.open": {},
    "recording.start": {},
    "recording.stop": {},
    "question.ask": {"text": "Why?", "private": True},
    "question.upvote": {"question": 1},
    "question.approve": {"question": 1},
    "question.answer": {"question": 1, "text": "Because."},
    "question.display": {"question": 1},
    "question.dismiss": {"question": 1},
    "question.list": {"after": 5, "limit": 10},
    "poll.create": {"question": "?", "options": ["a", "b"], "multiple": True, "anonymous": True, "live": False},
    "poll.launch": {"poll": 1},
    "poll.answer": {"poll": 1, "chosen": [0]},
    "poll.close": {"poll": 1},
    "poll.remove": {"poll": 1},
    "poll.list": {"after": 5, "limit": 10},
    "poll.answers": {"poll": 1, "after": "u_a", "limit": 10},
    "link.publish": {"url": "https://example.org", "title": "Slides"},
    "link.promote": {"link": 1},
    "link.remove": {"link": 1},
    "link.list": {"after": 5, "limit": 10},
    "file.remove": {"file": 1},
    "slides.open": {"file": 1, "page": 2},
    "slides.page": {"file": 1, "page": 2},
    "slides.close": {"file": 1},
    "reaction.send": {"emoji": "👍"},
}
OPTIONAL = {
    ("hello", "resume"),
    ("can", "target"),
    ("explain", "about"),
    ("explain", "target"),
    ("people.list", "after"),
    ("people.list", "limit"),
    ("conference.join", "name"),
    ("conference.join", "take_over"),
    ("conference.join", "console"),
    ("conference.join", "pin"),
    ("conference.settings", "title"),
    ("conference.settings", "stage_places"),
    ("media.mute", "target"),
    ("media.unmute", "target"),
    ("media.stats", "target"),
    *(("conference.settings", name) for name in SETTINGS),
    ("conference.set_mode", "teacher"),
    ("media.mute_all", "lock"),
    ("remark.end", "target"),
    ("participant.remove", "reason"),
    ("lobby.refuse", "reason"),
    ("participant.block", "reason"),
    ("media.publish", "restart"),
    *(("chat.send", field) for field in ("to", "reply_to", "mentions")),
    *(("chat.search", field) for field in ("before", "limit")),
    ("chat.history", "before"),
    ("chat.history", "limit"),
    ("conference.layout", "spotlight"),
    ("layout.place", "tile"),
    ("layout.place", "target"),
    *((type_, "channel") for type_ in ("chat.send", "chat.history", "chat.search", "chat.edit", "chat.delete")),
    *((type_, "after") for type_ in ("question.list", "poll.list", "link.list", "poll.answers", "file.list")),
    *((type_, "limit") for type_ in ("question.list", "poll.list", "link.list", "poll.answers", "file.list")),
    ("slides.open", "page"),
    ("question.ask", "private"),
    ("question.display", "question"),
    ("poll.create", "multiple"),
    ("poll.create", "anonymous"),
    ("poll.create", "live"),
    ("link.promote", "link"),
}
WRONG: dict[type, list[Any]] = {
    str: ["", "x" * 70_000, 7, True, ["x"], {"x": "x"}, 1.5],
    int: [-1, 2**53, 10**30, "1", True, 1.5, [1], {}],
    bool: [0, "true", [], {}],
    list: ["x", 7, {}, ["front"], [{"id": "front"}], [{"id": "f", "kind": "videoinput"}] * 33],
    dict: [[], "x", 7, {"0": "trumpet"}, {"a b": "audio"}, {str(i): "audio" for i in range(9)}],
}
WRONG_IDS: tuple[Any, ...] = (-1, "1", 1.5, True, None, 2**53, [], {})
# Text whose bounds allow more than the general list assumes.
FITS: dict[tuple[str, str], list[Any]] = {
    ("participant.remove", "reason"): [""],
    ("lobby.refuse", "reason"): [""],
    ("conference.join", "pin"): [""],
    ("conference.set_pin", "pin"): [""],
    ("participant.block", "reason"): [""],
    ("media.answer", "sdp"): [],
    ("stage.reorder", "position"): [],
    ("chat.send", "mentions"): [["front"]],
}


def malformed() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every message, wrong in every way: what is wrong, and the message."""
    for type_, fields in GOOD.items():
        good = {"type": type_, "id": 1, **fields}
        yield f"{type_} with an unknown field", {**good, "actor": "u_owner"}
        for number in WRONG_IDS:
            yield f"{type_} with id {number!r}", {**good, "id": number}
        yield f"{type_} without id", {key: value for key, value in good.items() if key != "id"}
        for name, value in fields.items():
            if (type_, name) not in OPTIONAL:
                yield f"{type_} without {name}", {key: other for key, other in good.items() if key != name}
                yield f"{type_} with {name} null", {**good, name: None}
            for wrong in WRONG[type(value)]:
                if wrong not in FITS.get((type_, name), []):
                    yield f"{type_} with {name} {str(wrong)[:20]!r}", {**good, name: wrong}
    for unknown in ("", "nonsense", "Hello", "stage.taken", "ok", "Enter", "Drop", None, 7, ["hello"]):
        yield f"type {unknown!r}", {"type": unknown, "id": 1}
    yield "no type", {"id": 1}


NOT_MESSAGES: dict[Encoding, list[Any]] = {
    Encoding.JSON: [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"hello"',
        "{}",
        '{"type":"stage.request","id":1',
        '{"type":"stage.request","id":1}x',
        '{"type":"stage.request","id":1,"id":2}',
        '{"type":"media.answer","id":1,"generation":NaN,"revision":1,"sdp":"v"}',
        '{"type":"media.answer","id":1,"generation":Infinity,"revision":1,"sdp":"v"}',
        '{"type":"media.answer","id":1,"generation":1e999,"revision":1,"sdp":"v"}',
        '{"type":"can","id":1,"target":' + "[" * 5000 + "]" * 5000 + "}",
        "[" * 60_000,
        '{"type":"chat.send","id":1,"text":"\ud800"}',
        "x" * (MAX_FRAME + 1),
        b"binary on the text subprotocol",
        msgpack.packb({"type": "stage.request", "id": 1}),
    ],
    Encoding.MSGPACK: [
        b"",
        b"\xc1",
        b"\xff" * 100,
        b"\x81",
        msgpack.packb([]),
        msgpack.packb(None),
        msgpack.packb({}),
        msgpack.packb({"type": "stage.request", "id": 1})[:-1],
        msgpack.packb({"type": "stage.request", "id": 1}) + b"\x00",
        b"\x83\xa4type\xadstage.request\xa2id\x01\xa2id\x02",
        b"\x82\xa4type\xadstage.request\xa2id\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        msgpack.packb({"type": "stage.request", "id": 1, 7: 8}),
        msgpack.packb({"type": "stage.request", "id": msgpack.ExtType(5, b"x")}),
        msgpack.packb({"type": b"stage.request", "id": 1}),
        b"\x91" * 3000 + b"\x90",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xa2\xff\xfe",
        "text on the binary subprotocol",
        json.dumps({"type": "stage.request", "id": 1}),
    ],
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await House(tmp_path).open()
    yield house
    await house.close()


async def hash_of(house: House, conference: str) -> str:
    room = await house.rooms.open(conference)
    assert room is not None
    return state_hash(room.replica.room)


def test_there_is_a_good_message_of_every_type() -> None:
    types = {message.__struct_config__.tag for message in get_args(c.ClientMessage)}
    assert set(GOOD) == types
    assert {type_.__struct_config__.tag for type_ in HANDLERS} == types
    assert {type_ for allowed in ALLOWED.values() for type_ in allowed} == set(HANDLERS)


def test_every_message_in_every_state_is_allowed_or_has_a_reason() -> None:
    for state in State:
        for message in get_args(c.ClientMessage):
            reason = misplaced(state, message)
            assert (reason is None) is (message in ALLOWED[state])
    assert not ALLOWED[State.CLOSED]


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_every_message_malformed_in_each_way_is_refused_and_changes_nothing(
    house: House, encoding: Encoding
) -> None:
    conference = await house.conference()
    connection = await house.joined(house.token(house.owner), conference, encoding=encoding)
    assert connection.session is not None
    before = await hash_of(house, conference)
    cases = [*malformed(), *((f"{raw!r:.40}", raw) for raw in NOT_MESSAGES[encoding])]
    for what, message in cases:
        connection.sent.clear()
        connection.session._bad = 0
        try:
            await house.raw(connection, message)
        except OverflowError:
            assert encoding is Encoding.MSGPACK  # msgpack has no integer of this size to send
            continue
        assert [answer["type"] for answer in connection.sent] == ["refused"], what
        refused = connection.sent[0]
        assert refused["code"] == "bad_message", what
        assert refused["details"]["reason"] and refused["details"]["path"], what
        given = message.get("id") if isinstance(message, dict) else None
        readable = isinstance(given, int) and not isinstance(given, bool) and given >= 0
        if isinstance(message, dict) and readable:
            assert refused.get("id") in (given, None), what
    assert await hash_of(house, conference) == before
    assert connection.session.state is State.JOINED


async def test_good_messages_are_none_of_the_malformed_ones(house: House) -> None:
    """The list of wrong values would show nothing if the right ones were refused as well."""
    for type_, fields in GOOD.items():
        connection = house.connect()
        await house.raw(connection, {"type": type_, "id": 1, **fields})
        (answer,) = connection.sent
        assert answer["code"] == ("bad_token" if type_ == "hello" else "not_yet"), type_


async def test_the_path_of_what_is_wrong_is_named(house: House) -> None:
    connection = house.connect()
    await house.raw(
        connection,
        {
            "type": "hello",
            "id": 9,
            "token": "x",
            "client": "client-0001",
            "resume": {"conference": "a", "epoch": -1, "version": 1, "token": "t"},
        },
    )
    (refused,) = connection.sent
    assert (refused["id"], refused["details"]["path"]) == (9, "$.resume.epoch")


async def test_the_third_malformed_message_closes(house: House) -> None:
    connection = house.connect()
    for _ in range(2):
        await house.raw(connection, "{")
    assert connection.finished is None
    await house.raw(connection, "{")
    assert connection.finished == "bad_message"
    assert len(connection.of("refused")) == 3


async def test_before_hello_everything_is_refused_and_after_it_only_joining_is_possible(house: House) -> None:
    for type_, fields in GOOD.items():
        if type_ != "hello":
            answer = await house.say(house.connect(), type_, **fields)
            assert answer["code"] == "not_yet", type_
        if type_ not in ("hello", "conference.join"):
            welcomed = await house.hello(house.token(house.owner))
            answer = await house.say(welcomed, type_, **fields)
            assert answer["code"] == "not_yet", type_


async def test_a_second_hello_and_a_second_join_are_refused(house: House) -> None:
    conference = await house.conference()
    connection = await house.joined(house.token(house.owner), conference)
    again = await house.say(connection, "hello", token=house.token(house.owner), client="client-0001")
    assert again["code"] == "already"
    join = await house.say(connection, "conference.join", conference=conference)
    assert join["code"] == "already"
    welcomed = await house.hello(house.token(house.owner), "client-0002")
    assert (await house.say(welcomed, "hello", token="x", client="client-0002"))["code"] == "already"


async def test_tokens_that_are_not_good_do_not_let_in(house: House) -> None:
    conference = await house.conference()
    for token in ("x", "a.b.c", house.token(house.owner)[:-2] + "xx", house.tokens.invitation(conference, Role.VIEWER)):
        answer = await house.say(house.connect(), "hello", token=token, client="client-0001")
        assert answer["code"] == "bad_token"
    gone = await house.member("gone")
    token = house.token(gone)
    await house.accounts.remove(gone.id)
    assert (await house.say(house.connect(), "hello", token=token, client="client-0001"))["code"] == "bad_token"


async def test_a_connection_that_closes_during_hello_stays_closed(house: House) -> None:
    connection = house.connect()
    assert connection.session is not None
    message = {"type": "hello", "id": 1, "token": house.token(house.owner), "client": "client-0001"}
    saying = asyncio.create_task(house.raw(connection, message))
    await asyncio.sleep(0)
    connection.finish(Code.GOING_AWAY)
    await saying
    assert connection.session.state is State.CLOSED and connection.sent == []


async def test_the_sessions_of_a_removed_account_end(house: House) -> None:
    conference = await house.conference()
    anna, ben = await house.member("anna"), await house.member("ben")
    connections = [await house.joined(house.token(who), conference, f"client-{who.login}") for who in (anna, ben)]
    guest = await house.joined(house.guest("g_1", conference), conference, "client-gst1")
    await house.accounts.remove(anna.id)
    await house.gateway.check()
    assert [one.finished for one in (*connections, guest)] == [Code.BAD_TOKEN, None, None]


async def test_what_other_servers_have_written_is_looked_at_soon_and_a_storm_of_it_once_in_a_while(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PAUSE_S", 0.5)
    checks: list[float] = []
    check = house.gateway.check

    async def counted() -> None:
        checks.append(time.monotonic())
        await check()

    monkeypatch.setattr(house.gateway, "check", counted)
    anna = await house.member("anna")
    connection = await house.joined(house.token(anna), await house.conference())
    checking = asyncio.create_task(house.gateway.keep_checking())
    try:
        house.gateway.heard(frozenset(("guest_links.uses", "accounts.name", "conferences")))
        await asyncio.sleep(0.1)
        assert checks == []
        await house.accounts.remove(anna.id)
        for _ in range(20):
            house.gateway.heard(frozenset(("keys", "accounts")))
            await asyncio.sleep(0.01)
        assert connection.finished is Code.BAD_TOKEN
        # Those after the first are looked at together, later.
        assert len(checks) == 1
        await until(lambda: len(checks) == 2)
        assert checks[1] - checks[0] >= 0.5
        # And what nobody knows is looked at as well.
        house.gateway.heard(None)
        await until(lambda: len(checks) == 3)
    finally:
        checking.cancel()
        await asyncio.wait((checking,))


async def test_after_a_refused_hello_one_may_try_again(house: House) -> None:
    connection = house.connect()
    assert (await house.say(connection, "hello", token="x", client="client-0001"))["code"] == "bad_token"
    answer = await house.say(connection, "hello", token=house.token(house.owner), client="client-0001")
    assert answer["result"]["identity"] == house.owner.id


async def test_who_is_who_after_joining(house: House) -> None:
    conference = await house.conference()
    member = await house.member("anna")
    owner = await house.joined(house.token(house.owner), conference)
    anna = await house.joined(house.token(member), conference, name="  Anna B. ")
    guest = await house.joined(house.guest("g_1", conference, Role.VIEWER), conference)
    snapshot = guest.of("ok")[1]["result"]["snapshot"]
    people = {person["id"]: person for person in snapshot["people"]}
    assert people[house.owner.id]["role"] == "organizer" and people[house.owner.id]["by_right"]
    assert (people[member.id]["role"], people[member.id]["name"]) == ("speaker", "Anna B.")
    assert (people["g_1"]["role"], people["g_1"]["kind"]) == ("viewer", "guest")
    assert snapshot["you"] == "g_1"
    assert [event["person"] for event in owner.events()] == [member.id, "g_1"]
    assert anna.events()[-1]["person"] == "g_1"


async def test_a_guest_enters_only_the_conference_of_the_link(house: House) -> None:
    first, second = await house.conference("one"), await house.conference("two")
    connection = await house.hello(house.guest("g_1", first))
    assert (await house.say(connection, "conference.join", conference=second))["code"] == "no_access"
    assert (await house.say(connection, "conference.join", conference="no-such-one"))["code"] == "no_such_conference"
    assert (await house.say(connection, "conference.join", conference=first))["type"] == "ok"


async def test_a_second_presence_is_refused_or_takes_over(house: House) -> None:
    conference = await house.conference()
    token = house.token(house.owner)
    first = await house.joined(token, conference, "client-0001")
    second = await house.hello(token, "client-0002")
    refused = await house.say(second, "conference.join", conference=conference)
    assert (refused["code"], refused["details"]["conference"]) == ("already_in_conference", conference)
    assert first.finished is None
    version = (await house.say(second, "conference.join", conference=conference, take_over=True))["version"]
    assert first.finished == "taken_over"
    # The person was there all along: that they are here by another connection is put down, and nobody is told.
    assert first.events() == [] and version == 3


async def test_one_is_in_one_conference_at_a_time(house: House) -> None:
    one, two = await house.conference("one"), await house.conference("two")
    token = house.token(house.owner)
    first = await house.joined(token, one, "client-0001")
    second = await house.hello(token, "client-0002")
    refused = await house.say(second, "conference.join", conference=two)
    assert (refused["code"], refused["details"]["conference"]) == ("already_in_conference", one)
    console = await house.say(second, "conference.join", conference=two, console=True)
    assert console["code"] == "already_in_conference"
    assert (await house.say(second, "conference.join", conference=two, take_over=True))["type"] == "ok"
    assert first.finished == "taken_over"
    room = await house.rooms.open(one)
    assert room is not None and not room.replica.room.people
    assert house.rooms.where(house.owner.id) == two


async def test_who_lost_the_connection_elsewhere_may_join_here_at_once(house: House) -> None:
    one, two = await house.conference("one"), await house.conference("two")
    first = await house.joined(house.token(house.owner), one)
    assert first.session is not None
    first.session.disconnected()
    await house.joined(house.token(house.owner), two, "client-0002")
    assert house.rooms.where(house.owner.id) == two


async def test_a_door_that_lets_nobody_in_ends_no_presence_elsewhere(house: House) -> None:
    one, two = await house.conference("one"), await house.conference("two")
    owner = await house.joined(house.token(house.owner), two)
    await house.say(owner, "conference.set_pin", pin="2468")
    anna = await house.member("anna")
    page = await house.joined(house.token(anna), one, "client-0001")
    other = await house.hello(house.token(anna), "client-0002")
    for _ in ("connected there", "the network there is gone"):
        answer = await house.say(other, "conference.join", conference=two, pin="1111", take_over=True)
        assert answer["code"] == "wrong_pin" and house.rooms.where(anna.id) == one
        assert page.session is not None and page.finished is None
        page.session.disconnected()
    await house.say(owner, "participant.block", target=anna.id)
    answer = await house.say(other, "conference.join", conference=two, pin="2468", take_over=True)
    assert answer["code"] == "blocked" and house.rooms.where(anna.id) == one
    await house.say(owner, "participant.unblock", target=anna.id)
    answer = await house.say(other, "conference.join", conference=two, pin="2468")
    assert answer["type"] == "ok" and house.rooms.where(anna.id) == two


async def test_a_console_stands_beside_the_main_connection_and_has_no_media(house: House) -> None:
    conference = await house.conference()
    token = house.token(house.owner)
    main = await house.joined(token, conference, "client-0001")
    console = await house.joined(token, conference, "client-0002", console=True)
    assert main.finished is None
    await house.say(console, "stage.request")
    assert main.events()[-1]["type"] == console.events()[-1]["type"] == "stage.taken"
    for type_ in (
        "media.publish",
        "media.subscribe",
        "media.restart",
        "media.answer",
        "media.relays",
        "media.prefer",
    ):
        assert (await house.say(console, type_, **GOOD[type_]))["code"] == "unsupported"
    assert main.session is not None and console.session is not None
    # Present while any connection is.
    main.session.disconnected()
    await house.say(console, "can")
    assert "participant.away" not in [event["type"] for event in console.events()]


async def test_without_a_worker_media_is_refused_and_the_tracks_are_as_before(house: House) -> None:
    conference = await house.conference()
    connection = await house.joined(house.token(house.owner), conference)
    await house.say(connection, "stage.request")
    refused = await house.say(connection, "media.publish", sdp="v=0", tracks={"0": "audio"})
    assert (refused["code"], refused["retry"]) == ("media_unavailable", True)
    room = await house.rooms.open(conference)
    assert room is not None and room.replica.room.people[house.owner.id].tracks == ()
    for type_ in ("media.subscribe", "media.restart"):
        assert (await house.say(connection, type_))["code"] == "media_unavailable"


async def test_statistics_of_oneself_are_for_everybody_and_of_others_for_moderators(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    viewer = await house.joined(house.guest("g_vera", conference), conference, "client-0002")
    console = await house.joined(house.token(house.owner), conference, "client-0003", console=True)
    room = await house.rooms.open(conference)
    assert room is not None
    asked: list[str] = []

    async def measured(person: str) -> Statistics:
        asked.append(person)
        return Statistics(person=person, at=1)

    assert (await house.say(viewer, "media.stats"))["code"] == "media_unavailable"
    room.media.statistics = measured  # type: ignore[method-assign]
    own = await house.say(viewer, "media.stats")
    assert own["result"] == {"type": "statistics", "person": "g_vera", "at": 1}
    refused = await house.say(viewer, "media.stats", target=house.owner.id)
    assert refused["code"] == "not_allowed" and asked == ["g_vera"]
    # The console has no media of its own, and shows everybody's.
    for connection in (owner, console):
        answer = await house.say(connection, "media.stats", target="g_vera")
        assert answer["result"]["person"] == "g_vera"
    assert (await house.say(console, "media.stats", target="g_gone"))["code"] == "no_such_person"
    can = await house.say(viewer, "can", target=house.owner.id)
    assert "media.stats" not in can["result"]["commands"]
    can = await house.say(owner, "can", target="g_vera")
    assert can["result"]["rules"]["media.stats"] == "media.stats towards other needs media.inspect"


async def test_nobody_has_the_worker_measure_all_the_time_and_waiting_holds_nothing_up(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    room = await house.rooms.open(conference)
    assert room is not None
    never: asyncio.Future[Statistics] = asyncio.get_running_loop().create_future()
    room.media.statistics = lambda person: never  # type: ignore[method-assign, assignment, return-value]
    for number in range(900, 910):
        await house.raw(owner, {"type": "media.stats", "id": number})
    limited = [message for message in owner.sent if message.get("code") == "rate_limited"]
    assert 3 <= len(limited) <= 4 and limited[0]["details"]["after_ms"] > 0
    assert (await house.say(owner, "can"))["type"] == "ok"
    never.set_exception(MediaRefused(Code.MEDIA_UNAVAILABLE))
    refused = await owner.answer(900)
    assert (refused["code"], refused["retry"]) == ("media_unavailable", True)


async def publishing(house: House) -> tuple[FakeConnection, OpenRoom, list[asyncio.Future[str]]]:
    """The owner on the stage, the room, and the worker's answers to come, one for each offer."""
    conference = await house.conference()
    connection = await house.joined(house.token(house.owner), conference)
    await house.say(connection, "stage.request")
    room = await house.rooms.open(conference)
    assert room is not None
    offered: list[asyncio.Future[str]] = []

    def publish(person: str, message: c.MediaPublish) -> asyncio.Future[str]:
        offered.append(asyncio.get_running_loop().create_future())
        return offered[-1]

    room.media.publish = publish  # type: ignore[method-assign, assignment]
    return connection, room, offered


@pytest.mark.parametrize("second", [{"0": "audio"}, {"0": "audio", "1": "video"}])
async def test_a_late_refusal_does_not_undo_the_offer_after_it(house: House, second: dict[str, str]) -> None:
    connection, room, offered = await publishing(house)
    await house.raw(connection, {"type": "media.publish", "id": 901, "sdp": "bad", "tracks": {"0": "audio"}})
    await house.raw(connection, {"type": "media.publish", "id": 902, "sdp": "good", "tracks": second})
    await until(lambda: len(offered) == 2, 5)
    offered[0].set_exception(MediaRefused(Code.BAD_OFFER))
    assert (await connection.answer(901))["code"] == "bad_offer"
    offered[1].set_result("v=0")
    assert (await connection.answer(902))["type"] == "ok"
    assert set(room.replica.room.people[house.owner.id].tracks) == set(second.values())
    assert not room._offers


async def test_when_two_offers_are_refused_the_tracks_are_as_before_the_first(house: House) -> None:
    connection, room, offered = await publishing(house)
    for number in (901, 902):
        await house.raw(connection, {"type": "media.publish", "id": number, "sdp": "bad", "tracks": {"0": "audio"}})
    await until(lambda: len(offered) == 2, 5)
    for number, answer in zip((901, 902), offered, strict=True):
        answer.set_exception(MediaRefused(Code.BAD_OFFER))
        assert (await connection.answer(number))["code"] == "bad_offer"
    assert room.replica.room.people[house.owner.id].tracks == ()


async def test_an_offer_that_waited_while_another_page_took_over_is_not_obeyed(house: House) -> None:
    connection, room, offered = await publishing(house)
    page = await house.hello(house.token(house.owner), "client-0002")
    join = {"type": "conference.join", "id": 903, "conference": room.conference, "take_over": True}
    joining = asyncio.create_task(house.raw(page, join))
    await until(lambda: connection.finished is not None, 5)
    await joining
    assert connection.session is not None
    connection.session.room = room  # as it was when its offer was read
    await orders.publish(connection.session, c.MediaPublish(id=904, sdp="v=0", tracks={"0": Source.AUDIO}))
    connection.session.room = None
    assert (await connection.answer(904))["code"] == "going_away"
    assert room.replica.room.people[house.owner.id].tracks == () and not offered


async def test_an_offer_decided_together_with_a_take_over_leaves_no_tracks(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, room, offered = await publishing(house)
    page = await house.hello(house.token(house.owner), "client-0002")
    held: list[Order] = []
    submit = room.replica.submit
    monkeypatch.setattr(room.replica, "submit", held.append)
    join = {"type": "conference.join", "id": 903, "conference": room.conference, "take_over": True}
    joining = asyncio.create_task(house.raw(page, join))
    await until(lambda: len(held) == 1, 5)
    await house.raw(connection, {"type": "media.publish", "id": 904, "sdp": "v=0", "tracks": {"0": "audio"}})
    monkeypatch.setattr(room.replica, "submit", submit)
    for order in held:
        submit(order)
    await joining
    assert (await connection.answer(904))["code"] == "going_away"
    assert room.replica.room.people[house.owner.id].tracks == () and not offered


async def test_leaving_ends_the_presence_and_the_connection_may_join_again(house: House) -> None:
    conference = await house.conference()
    connection = await house.joined(house.token(house.owner), conference)
    answer = await house.say(connection, "conference.leave")
    assert answer["version"] == 3
    assert connection.finished is None
    assert (await house.say(connection, "can"))["code"] == "not_yet"
    assert (await house.say(connection, "conference.join", conference=conference))["type"] == "ok"


async def test_who_is_removed_is_closed_and_told_why(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    await house.say(owner, "participant.remove", target="g_1", reason="noise")
    left = guest.events()[-1]
    assert (left["type"], left["reason"], left["note"]) == ("participant.left", "removed", "noise")
    assert guest.finished == "removed"


async def test_ending_answers_first_and_closes_everybody(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert (await house.say(owner, "conference.end"))["type"] == "ok"
    assert owner.finished == guest.finished == "conference_ended"
    back = await house.hello(house.guest("g_1", conference))
    assert (await house.say(back, "conference.join", conference=conference))["code"] == "conference_ended"
    await house.joined(house.token(house.owner), conference, "client-0002")
    assert (await house.say(back, "conference.join", conference=conference))["type"] == "ok"


async def test_can_answers_as_the_rules_do_and_tells_moderators_the_rule(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    for_owner = (await house.say(owner, "can", target="g_1"))["result"]
    assert "participant.remove" in for_owner["commands"] and for_owner["rules"]["participant.remove"]
    for_guest = (await house.say(guest, "can"))["result"]
    assert "conference.end" not in for_guest["commands"] and "rules" not in for_guest


async def test_the_list_of_people_comes_in_pages(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    for number in range(4):
        await house.joined(house.guest(f"g_{number}", conference), conference)
    first = (await house.say(owner, "people.list", limit=3))["result"]
    second = (await house.say(owner, "people.list", after=first["people"][-1]["id"], limit=3))["result"]
    seen = [person["id"] for person in first["people"] + second["people"]]
    assert seen == [house.owner.id, "g_0", "g_1", "g_2", "g_3"]
    assert first["more"] and "more" not in second


async def test_chat_is_shown_to_all_kept_and_counted_once(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    guest = await house.joined(house.guest("g_1", conference), conference)
    assert (await house.say(guest, "chat.send", id=50, text=" hello "))["type"] == "ok"
    assert (await house.say(guest, "chat.send", id=50, text=" hello "))["type"] == "ok"
    (shown,) = owner.of("chat.message")
    assert (shown["message"]["number"], shown["message"]["text"], shown["message"]["person"]) == (1, "hello", "g_1")
    for number in range(3):
        await house.say(owner, "chat.send", text=f"message {number}")
    page = (await house.say(guest, "chat.history", limit=2))["result"]
    assert [message["text"] for message in page["messages"]] == ["message 1", "message 2"] and page["more"]
    earlier = (await house.say(guest, "chat.history", before=page["messages"][0]["number"]))["result"]
    assert [message["number"] for message in earlier["messages"]] == [1, 2] and "more" not in earlier
    assert (await house.say(guest, "chat.send", text="   "))["code"] == "bad_message"


async def test_too_much_chat_is_refused_with_the_time_to_wait(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    answers = [await house.say(owner, "chat.send", text=f"{number}") for number in range(12)]
    refused = [answer for answer in answers if answer["type"] == "refused"]
    assert refused and all(answer["code"] == "rate_limited" and answer["retry"] for answer in refused)
    assert refused[0]["details"]["after_ms"] > 0


async def test_reactions_of_a_moment_are_shown_together(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    for _ in range(10):
        await house.say(owner, "reaction.send", emoji="👍")
    first = owner.of("reaction")
    assert len(first) == 1 and first[0] == {"type": "reaction", "counts": {"👍": 1}, "person": house.owner.id}
    room = await house.rooms.open(conference)
    assert room is not None
    room.reactions._coalesced._due()
    assert owner.of("reaction")[1] == {"type": "reaction", "counts": {"👍": 9}}


async def test_too_many_commands_are_refused_not_dropped(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference)
    # On a slow machine the allowance grows while it is spent.
    for _ in range(2_000):
        last = await house.say(owner, "can")
        if last["type"] != "ok":
            break
    assert last["type"] == "refused"
    assert (last["code"], last["retry"]) == ("rate_limited", True) and last["details"]["after_ms"] > 0
    assert owner.finished is None


async def test_a_connection_that_closes_while_it_joins_leaves_nobody_behind(tmp_path: Path) -> None:
    house = await House(tmp_path).open(grace_s=0)
    conference = await house.conference()
    connection = await house.hello(house.token(house.owner))
    assert connection.session is not None
    room = await house.rooms.open(conference)
    assert room is not None
    submit = room.replica.submit

    def closing(order: Any) -> None:
        room.replica.submit = submit  # type: ignore[method-assign]
        connection.session.disconnected()  # type: ignore[union-attr]
        submit(order)

    room.replica.submit = closing  # type: ignore[method-assign]
    await house.raw(connection, {"type": "conference.join", "id": 2, "conference": conference})
    for _ in range(100):
        await room.replica.ask(house.owner.id, c.StageRequest(id=1))
        if not room.replica.room.people:
            break
    else:
        raise AssertionError("the person is still there")
    await house.close()


async def test_origins_of_other_sites_may_not_connect(house: House) -> None:
    gateway = house.gateway
    assert gateway.allows_origin("https://meet.example.org", "meet.example.org")
    assert gateway.allows_origin("http://127.0.0.1:8080", "127.0.0.1:8080")
    for origin in (
        "https://evil.example",
        "null",
        "https://meet.example.org.evil.example",
        "http://meet.example.org:81",
    ):
        assert not gateway.allows_origin(origin, "meet.example.org")
    assert not gateway.allows_origin("https://meet.example.org", "meet.example.org", count=2)


async def test_names_and_titles_are_one_line_that_can_be_seen(house: House) -> None:
    conference = await house.conference()
    owner = await house.joined(house.token(house.owner), conference, name="An\u202ena\x1b[2J\n")
    (shown,) = owner.of("ok")[-1]["result"]["snapshot"]["people"]
    assert shown["name"] == "An na [2J"
    assert (await house.say(owner, "conference.settings", title="\u200b\u202e"))["code"] == "bad_message"
    await house.say(owner, "conference.settings", title=" A\tname\u0000 ")
    assert owner.of("conference.settings_changed")[-1]["title"] == "A name"
