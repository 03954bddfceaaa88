"""Two nodes and one Redis: who is where, what follows when a node dies, and coming back by another."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from protocol.names import Role
from server.nodes.base import Arrival
from server.nodes.redis import FILE_NAME
from server.redis.trouble import RedisUnavailable, Trouble
from server.room import stage
from server.room.state import Participant, Room
from server.roomlog import Commit
from tests.harness import until
from tests.redis_server import RedisServer
from tests.server.nodes.conftest import Start
from tests.server.nodes.support import Node
from tests.server.session_support import FakeConnection, Visit, room_of


async def two(start: Start, **settings: Any) -> tuple[Node, Node, str]:
    """Two nodes and a conference of the owner's."""
    one, two = await start("one", **settings), await start("two", **settings)
    return one, two, await one.conference()


async def visit(node: Node, conference: str, guest: str, role: Role = Role.SPEAKER, **fields: Any) -> Visit:
    return await Visit(node, conference, node.guest(guest, conference, role), f"client-{guest}").join(**fields)


async def owner_at(node: Node, conference: str, client: str = "client-own1", **fields: Any) -> Visit:
    return await Visit(node, conference, node.token(node.owner), client).join(**fields)


async def state(node: Node, conference: str) -> Room:
    return (await room_of(node, conference)).replica.room


def person(node: Node, conference: str, identity: str) -> Participant | None:
    """Somebody as the node's open room has them."""
    room = node.rooms._open.get(conference)
    return room.replica.room.people.get(identity) if room is not None else None


async def record(node: Node, conference: str) -> list[Commit]:
    return list(await node.rooms.log.commits_after(conference, 0))


async def settled(connection: FakeConnection, kind: str) -> None:
    await until(lambda: connection.of(kind))


async def test_people_of_two_nodes_are_in_one_conference(start: Start) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await settled(owner.connection, "participant.joined")
    await one.say(owner.connection, "stage.invite", target="g_1")
    await settled(guest.connection, "stage.invited")
    await other.say(guest.connection, "stage.accept")
    await settled(owner.connection, "stage.taken")
    assert owner.events() == ["participant.joined", "stage.invited", "stage.taken"]
    # Through which nodes they come the nodes know, and nobody else.
    links = {id: someone.links for id, someone in (await state(one, conference)).people.items()}
    assert links == {one.owner.id: {one.nodes.here: True}, "g_1": {other.nodes.here: True}}
    assert not [message for message in owner.connection.sent if "links" in str(message)]


async def test_a_dead_nodes_people_are_away_at_once_and_gone_after_the_grace_period(start: Start) -> None:
    one, other, conference = await two(start, grace_s=1.5)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await other.say(guest.connection, "stage.request")
    await one.say(owner.connection, "media.lock", target="g_1", source="audio")
    await other.die()
    began = time.monotonic()
    await settled(owner.connection, "participant.away")
    noticed = time.monotonic() - began
    seat = await state(one, conference)
    assert seat.stage == ("g_1",) and seat.mutes["g_1"]
    await settled(owner.connection, "participant.left")
    gone = time.monotonic() - began
    print(f"away after {noticed:.2f} s of a lease of 0.6 s, gone after {gone:.2f} s of a grace period of 1.5 s")  # noqa: T201
    assert gone - noticed >= 1.4
    assert owner.connection.of("participant.left")[0]["reason"] == "expired"
    assert (await state(one, conference)).stage == ()
    # Nothing was said twice.
    kinds = [message["type"] for message in owner.connection.events()]
    assert kinds.count("participant.away") == kinds.count("participant.left") == kinds.count("stage.left") == 1


async def test_also_in_a_conference_that_no_other_node_has_open(start: Start) -> None:
    one, other, _ = await two(start, grace_s=0.3)
    quiet = await other.conference("Nobody else")
    await visit(other, quiet, "g_1")
    assert quiet not in one.rooms.names()
    died = time.time_ns() // 1_000_000
    await other.die()
    await until(lambda: person(one, quiet, "g_1") is not None)
    await until(lambda: person(one, quiet, "g_1") is None)
    left = [line async for line in _events(one, quiet)]
    assert left[-2:] == ["ParticipantAway", "ParticipantLeft"]
    (drop,) = (await one.rooms.log.audit(quiet, after=0, limit=100, command="drop")).entries
    # By its last beat (conftest.py), and not by when it was missed.
    assert -1000 < drop.details["until"] - died < 300 < drop.time - died


async def test_a_conference_that_does_not_exist_leaves_nothing_to_look_after(start: Start) -> None:
    node = await start("one")
    real = await node.conference("It does")
    for name in ("zzz-zzzz-zza", "zzz-zzzz-zzb"):
        assert await node.rooms.open(name) is None
    kept = await node.connections[0].ask("SMEMBERS", f"podium:node:{node.nodes.here}:rooms")
    assert kept == {real.encode()}


async def _events(node: Node, conference: str) -> Any:
    for commit in await record(node, conference):
        for event in commit.events:
            yield type(event).__name__


async def test_an_invitation_in_a_conference_that_died_with_its_node_expires_on_another(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "INVITATION_MS", 1500)
    one, other, _ = await two(start, grace_s=30)
    quiet = await other.conference("Nobody else")
    owner, guest = await owner_at(other, quiet), await visit(other, quiet, "g_1", Role.VIEWER)
    await other.say(owner.connection, "stage.invite", target="g_1")
    await settled(guest.connection, "stage.invited")
    await other.die()
    await until(lambda: quiet in one.rooms.names() and not one.rooms._open[quiet].replica.room.invited)
    kinds = [kind async for kind in _events(one, quiet)]
    assert kinds.count("StageDeclined") == 1 and "ParticipantLeft" not in kinds


async def test_what_is_due_on_two_nodes_at_once_happens_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "INVITATION_MS", 400)
    one, other, conference = await two(start, grace_s=0.4)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1", Role.VIEWER)
    await one.say(owner.connection, "stage.invite", target="g_1")
    await settled(owner.connection, "stage.declined")
    await guest.drop()
    await settled(owner.connection, "participant.left")
    await asyncio.sleep(0.5)
    kinds = [kind async for kind in _events(one, conference)]
    assert kinds[-4:] == ["StageInvited", "StageDeclined", "ParticipantAway", "ParticipantLeft"]


async def test_a_node_that_was_stopped_for_too_long_begins_anew_and_revives_nobody(start: Start) -> None:
    one, other, conference = await two(start, grace_s=20)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    former = other.nodes.here
    other.freeze()
    await settled(owner.connection, "participant.away")
    other.thaw()
    await until(lambda: other.nodes.here != former and guest.connection.finished)
    assert guest.connection.finished == "going_away"
    await until(lambda: other.nodes.ready)
    away = person(one, conference, "g_1")
    assert away is not None and away.away
    # By this very node, or any other.
    assert (await guest.come_back())["type"] == "ok"
    await settled(owner.connection, "participant.returned")
    back = person(one, conference, "g_1")
    assert back is not None and back.links == {other.nodes.here: True}


async def test_an_outage_and_a_loss_of_redis_take_nobody_for_dead(start: Start, redis: RedisServer) -> None:
    one, other, conference = await two(start, grace_s=0.2)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    names = one.nodes.here, other.nodes.here
    redis.freeze()
    await asyncio.sleep(1.5)
    redis.thaw()
    await asyncio.sleep(0.5)
    await one.connections[0].ask("FLUSHALL")
    await until(lambda: one.nodes.living and other.nodes.living)
    await asyncio.sleep(1.5)
    assert (one.nodes.here, other.nodes.here) == names
    assert owner.connection.finished is guest.connection.finished is None
    assert "participant.away" not in [message["type"] for message in owner.connection.events()]


async def test_who_comes_back_by_another_node_finds_seat_and_mutes_and_missed_nothing(start: Start) -> None:
    one, other, conference = await two(start, grace_s=20)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await other.say(guest.connection, "stage.request")
    await one.say(owner.connection, "media.lock", target="g_1", source="audio")
    await settled(guest.connection, "media.muted")
    guest.events()
    await other.die()
    await one.say(owner.connection, "conference.settings", title="Meanwhile")
    guest.house = one
    # Sooner than anybody has noticed the death: the newest connection counts.
    assert (await guest.come_back())["result"]["resumed"] is True
    assert guest.events() == ["conference.settings_changed"]
    await until(lambda: other.nodes.here in one.nodes._gone)
    await asyncio.sleep(0.2)
    present = person(one, conference, "g_1")
    assert present is not None and present.links == {one.nodes.here: True} and not present.away
    assert (await state(one, conference)).stage == ("g_1",)
    assert (await one.say(guest.connection, "media.unmute", source="audio"))["code"] == "locked"


async def test_a_resume_token_is_good_once_whichever_nodes_it_is_shown_to(start: Start) -> None:
    one, other, conference = await two(start, grace_s=20)
    guest = await visit(one, conference, "g_1")
    first, used = guest.connection, guest.resume
    guest.house = other
    assert (await guest.come_back())["type"] == "ok"
    # The connection that it was of is told, on the other node.
    await until(lambda: first.finished == "taken_over")
    fresh = guest.resume
    for node in (one, other):
        guest.house = node
        assert (await guest.come_back(token=used))["code"] == "bad_resume"
    # Both at once: one of them.
    twins = []
    for node in (one, other):
        twin = Visit(node, conference, guest.token, guest.client)
        twin.epoch, twin.position, twin.resume = guest.epoch, guest.position, fresh
        twins.append(twin)
    answers = await asyncio.gather(*(twin.come_back() for twin in twins))
    assert sorted(answer["type"] for answer in answers) == ["ok", "refused"]


async def test_of_two_main_connections_on_two_nodes_the_newest_wins_when_it_says_so(start: Start) -> None:
    one, other, conference = await two(start)
    first = await owner_at(one, conference)
    page = await other.hello(other.token(other.owner), "client-own2")
    refused = await other.say(page, "conference.join", conference=conference)
    assert (refused["code"], refused["details"]["conference"]) == ("already_in_conference", conference)
    assert first.connection.finished is None
    assert (await other.say(page, "conference.join", conference=conference, take_over=True))["type"] == "ok"
    await until(lambda: first.connection.finished == "taken_over")
    assert (await first.come_back())["code"] == "bad_resume"
    assert page.finished is None
    await until(lambda: (found := person(one, conference, one.owner.id)) and found.links == {other.nodes.here: True})


async def test_of_two_pages_that_join_on_two_nodes_at_once_one_is_in(start: Start) -> None:
    one, other, conference = await two(start)
    for number in range(5):
        pages = [await node.hello(node.token(node.owner), f"client-{number}{n}") for n, node in enumerate((one, other))]
        answers = await asyncio.gather(
            *(
                node.say(page, "conference.join", conference=conference)
                for node, page in zip((one, other), pages, strict=True)
            )
        )
        assert sorted(answer["type"] for answer in answers) == ["ok", "refused"]
        assert next(a["code"] for a in answers if a["type"] == "refused") == "already_in_conference"
        inside = pages[[answer["type"] for answer in answers].index("ok")]
        assert inside.session is not None
        inside.session.disconnected()
        await until(lambda: (found := person(one, conference, one.owner.id)) and found.away)
        await until(lambda: (found := person(other, conference, one.owner.id)) and found.away)


async def test_a_console_on_another_node_keeps_the_person_there(start: Start) -> None:
    one, other, conference = await two(start)
    page = await owner_at(one, conference)
    console = await owner_at(other, conference, "client-con1", console=True)
    assert (await state(other, conference)).people[one.owner.id].links == {
        one.nodes.here: True,
        other.nodes.here: False,
    }
    assert page.connection.finished is None
    await page.drop()
    await until(lambda: person(other, conference, one.owner.id).links == {other.nodes.here: False})  # type: ignore[union-attr]
    assert console.connection.of("participant.away") == []
    # The place of the main connection is free.
    assert (await owner_at(other, conference, "client-own3")).connection.finished is None
    await console.drop()
    assert not (await state(other, conference)).people[one.owner.id].away


async def test_one_conference_at_a_time_over_nodes(start: Start) -> None:
    one, other, first = await two(start)
    second = await one.conference("Another")
    page = await owner_at(one, first)
    late = await other.hello(other.token(other.owner), "client-own2")
    refused = await other.say(late, "conference.join", conference=second)
    assert (refused["code"], refused["details"]["conference"]) == ("already_in_conference", first)
    assert page.connection.finished is None
    assert (await other.say(late, "conference.join", conference=second, take_over=True))["type"] == "ok"
    await until(lambda: page.connection.finished == "taken_over")
    assert one.owner.id not in (await state(one, first)).people
    # Whoever has left is free to go where they like.
    await other.say(late, "conference.leave")
    assert (await owner_at(one, first, "client-own3")).connection.finished is None


async def test_of_two_arrivals_in_two_conferences_at_once_one_counts(start: Start) -> None:
    one, other, first = await two(start)
    second = await other.conference("Another")
    nodes, conferences = (one, other), (first, second)
    for number in range(6):
        pages = [await node.hello(node.token(node.owner), f"client-{number}{n}") for n, node in enumerate(nodes)]
        answers = await asyncio.gather(
            *(
                node.say(page, "conference.join", conference=conference, take_over=bool(number % 2))
                for node, page, conference in zip(nodes, pages, conferences, strict=True)
            )
        )
        inside = [c for c in conferences if one.owner.id in (await anew(one, c)).people]
        assert len(inside) == 1, (answers, inside)
        for page in pages:
            assert page.session is not None
            page.session.disconnected()


async def anew(node: Node, conference: str) -> Room:
    """The conference as the log has it now."""
    room = await room_of(node, conference)
    await room.replica.ask_anew("nobody", lambda _: ())
    return room.replica.room


async def test_an_arrival_that_took_too_long_is_undone_when_another_came_in_between(start: Start) -> None:
    one, other, first = await two(start)
    second = await other.conference("Another")
    slow = await one.hello(one.token(one.owner), "client-slow")
    arrived = one.nodes.arrived
    waiting = asyncio.Event()

    async def later(arrival: Arrival, there: tuple[str, ...]) -> bool:
        # As a process that is stopped here: its arrival's time passes.
        key = f"podium:person:{{{one.owner.id}}}"
        await one.connections[0].ask("HSET", key, "ends", 0)
        await waiting.wait()
        return await arrived(arrival, there)

    one.nodes.arrived = later  # type: ignore[method-assign]
    joining = asyncio.create_task(one.say(slow, "conference.join", conference=first))
    await until(lambda: person(one, first, one.owner.id))
    fast = await other.hello(other.token(other.owner), "client-fast")
    assert (await other.say(fast, "conference.join", conference=second, take_over=True))["type"] == "ok"
    waiting.set()
    await joining
    await until(lambda: slow.finished == "taken_over")
    assert one.owner.id not in (await anew(one, first)).people
    assert fast.finished is None


async def test_a_console_that_took_too_long_leaves_the_main_connection_where_it_is(start: Start) -> None:
    one, other, conference = await two(start)
    token, owner = one.token(one.owner), one.owner.id
    console = await one.hello(token, "client-slow")
    arrived = one.nodes.arrived
    waiting, over = asyncio.Event(), asyncio.Event()

    async def later(arrival: Arrival, there: tuple[str, ...]) -> bool:
        await one.connections[0].ask("HSET", f"podium:person:{{{owner}}}", "ends", 0)
        await waiting.wait()
        counts = await arrived(arrival, there)
        assert not counts
        over.set()
        return counts

    one.nodes.arrived = later  # type: ignore[method-assign]
    joining = asyncio.create_task(one.say(console, "conference.join", conference=conference, console=True))
    await until(lambda: person(one, conference, owner))
    page = await owner_at(other, conference)
    waiting.set()
    await joining
    await over.wait()
    assert (await one.say(console, "stage.request"))["type"] == "ok"
    await settled(page.connection, "stage.taken")
    assert page.connection.finished is None and console.finished is None
    assert set((await anew(other, conference)).people[owner].links.values()) == {True, False}


async def test_who_waits_at_the_door_of_a_node_that_dies_waits_no_more(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    await one.say(owner.connection, "conference.settings", lobby="guests")
    page = await other.hello(other.guest("g_1", conference))
    assert (await other.say(page, "conference.join", conference=conference))["result"]["type"] == "held"
    await until(lambda: "g_1" in one.rooms._open[conference].replica.room.lobby)
    await other.die()
    await until(lambda: "g_1" not in one.rooms._open[conference].replica.room.lobby)


async def test_who_is_let_in_by_a_moderator_of_another_node_is_connected_through_their_own(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    await one.say(owner.connection, "conference.settings", lobby="guests")
    page = await other.hello(other.guest("g_1", conference))
    await other.say(page, "conference.join", conference=conference)
    await settled(owner.connection, "lobby.entered")
    await one.say(owner.connection, "lobby.admit", target="g_1")
    await settled(page, "admitted")
    assert (await state(one, conference)).people["g_1"].links == {other.nodes.here: True}
    assert (await other.say(page, "stage.request"))["type"] == "ok"


async def test_a_blocked_persons_connections_are_closed_on_every_node(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    pages = [await visit(one, conference, "g_1")]
    pages.append(await visit(other, conference, "g_1", console=True))
    await one.say(owner.connection, "participant.block", target="g_1")
    await until(lambda: all(page.connection.finished == "blocked" for page in pages))
    for page in pages:
        assert (await page.come_back())["code"] == "blocked"


async def test_a_node_that_stops_leaves_its_conferences_to_the_others_at_once(start: Start) -> None:
    one, other, _ = await two(start, grace_s=0.5)
    quiet = await other.conference("Nobody else")
    await visit(other, quiet, "g_1")
    await other.close()
    began = time.monotonic()
    await until(lambda: quiet in one.rooms.names())
    print(f"looked after {time.monotonic() - began:.2f} s later")  # noqa: T201
    await until(lambda: person(one, quiet, "g_1") is None)
    assert other.nodes.here not in await one.connections[0].ask("HKEYS", "podium:nodes")


async def test_whoever_stops_knows_of_a_node_that_began_a_moment_ago(start: Start) -> None:
    one = await start("one")
    assert not await one.nodes.accompanied()
    one.freeze()
    other = await start("other")
    assert not one.nodes.living and await one.nodes.accompanied()
    other.redis.freeze()
    assert await one.nodes.accompanied()
    other.redis.thaw()
    await other.die()
    await asyncio.sleep(1.0)
    assert not await one.nodes.accompanied()


async def test_a_node_that_was_forgotten_is_not_ready_before_all_of_it_is_known_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await start("one")
    conference = await one.conference()
    await owner_at(one, conference)
    ask, fails = one.nodes._connection.ask, True

    async def unreliable(*words: Any, **options: Any) -> Any:
        if words[0] == "SADD" and fails:
            raise RedisUnavailable(Trouble.AWAY)
        return await ask(*words, **options)

    monkeypatch.setattr(one.nodes._connection, "ask", unreliable)
    await one.connections[0].ask("FLUSHALL")
    await until(lambda: not one.nodes.ready)
    await asyncio.sleep(0.5)
    assert not one.nodes.ready
    fails = False
    await until(lambda: one.nodes.ready)
    assert await ask("SMEMBERS", f"podium:node:{one.nodes.here}:rooms") == {conference.encode()}


async def test_a_node_with_much_to_look_after_lives_on_meanwhile(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, third = await start("one"), await start("two"), await start("three")
    name = one.nodes.here

    async def slow(_conference: str) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(one.rooms, "care", slow)
    for room in range(5):
        await other.nodes.opening(f"c_{room}")
    # Not by one and its heart: as when it had this folder's former process to look after.
    one.freeze()
    await other.die()
    one.nodes._remember(other.nodes.here, 0)
    began = time.monotonic()
    await one.nodes.watch(one.rooms)
    assert time.monotonic() - began > 1.4
    assert one.nodes.ready and one.nodes.here == name
    assert not third.nodes.gone([name])


async def test_a_node_that_begins_anew_with_many_rooms_does_so_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await start("one"), await start("two")
    former = other.nodes.here
    restarts: list[str] = []

    async def slow() -> None:
        restarts.append(other.nodes.here)
        await asyncio.sleep(1.5)

    monkeypatch.setattr(other.rooms, "restart", slow)
    other.freeze()
    await until(lambda: one.nodes.gone([former]))
    other.thaw()
    await until(lambda: other.nodes.here != former)
    await asyncio.sleep(2.5)
    assert other.nodes.ready and restarts == [other.nodes.here]


async def test_a_node_that_begins_anew_without_redis_leaves_no_room_with_its_former_name(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await start("one"), await start("two", grace_s=20)
    visits = [await visit(other, await other.conference(f"Room {number}"), f"g_{number}") for number in range(3)]
    former = other.nodes.here
    acquire, opened, failed = other.nodes._leases.acquire, other.rooms._opened, list[str]()

    async def acquires(name: str, holder: str, *rest: Any) -> Any:
        if holder == former:
            return await acquire(name, holder, *rest)
        failed.append("acquire")
        monkeypatch.setattr(other.nodes._leases, "acquire", acquire)
        raise RedisUnavailable(Trouble.SILENT)

    async def opens(_conference: str) -> None:
        failed.append("open")
        monkeypatch.setattr(other.rooms, "_opened", opened)
        raise RedisUnavailable(Trouble.SILENT)

    monkeypatch.setattr(other.nodes._leases, "acquire", acquires)
    monkeypatch.setattr(other.rooms, "_opened", opens)
    other.freeze()
    await until(lambda: one.nodes.gone([former]))
    other.thaw()
    await until(lambda: all(guest.connection.finished == "going_away" for guest in visits))
    await until(lambda: other.nodes.here != former and other.nodes.ready)
    await until(lambda: {room.here for room in other.rooms._open.values()} == {other.nodes.here})
    assert failed == ["acquire", "open"]
    assert (other.path / FILE_NAME).read_text() == other.nodes.here


async def test_a_check_sends_nobody_away_whom_another_node_has(start: Start) -> None:
    one, other, conference = await two(start)
    owner, _ = await owner_at(one, conference), await visit(other, conference, "g_1")
    await settled(owner.connection, "participant.joined")
    await one.rooms.send_away(lambda _identity, _kind: True)
    assert set((await state(one, conference)).people) == {"g_1"}


async def test_whoever_guesses_a_pin_gets_no_further_by_going_from_node_to_node(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    await one.say(owner.connection, "conference.set_pin", pin="2468")
    codes = []
    for number in range(7):
        node = (one, other)[number % 2]
        connection = node.connect()
        connection.address = "192.0.2.7"
        await node.say(connection, "hello", token=node.guest(f"g_{number}", conference), client="client-0001")
        answer = await node.say(connection, "conference.join", conference=conference, pin="1111")
        codes.append(answer["code"])
    assert codes == ["wrong_pin"] * 5 + ["rate_limited"] * 2
