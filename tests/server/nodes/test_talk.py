"""Chat and reactions over two nodes: the same messages in the same order, each once, wherever they were written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protocol.engagement import Channel
from protocol.names import Role
from server.chatlog import redis as chatlog
from tests.harness import until
from tests.redis_server import RedisServer
from tests.server.nodes.conftest import Start
from tests.server.nodes.support import Node
from tests.server.nodes.test_nodes import owner_at, settled, two, visit
from tests.server.session_support import FakeConnection, room_of


def shown(connection: FakeConnection) -> list[tuple[int, str]]:
    return [(one["message"]["number"], one["message"]["text"]) for one in connection.of("chat.message")]


async def history(node: Node, connection: FakeConnection, **fields: Any) -> list[tuple[int, str]]:
    answer = await node.say(connection, "chat.history", **fields)
    return [(one["number"], one["text"]) for one in answer["result"].get("messages", [])]


async def test_messages_of_two_nodes_are_shown_on_both_in_one_order(start: Start) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    for number in range(4):
        answers = await asyncio.gather(
            one.say(owner.connection, "chat.send", text=f"one {number}"),
            other.say(guest.connection, "chat.send", text=f"other {number}"),
        )
        assert [answer["type"] for answer in answers] == ["ok", "ok"]
    await until(lambda: len(shown(owner.connection)) == len(shown(guest.connection)) == 8)
    assert shown(owner.connection) == shown(guest.connection)
    assert [number for number, _ in shown(owner.connection)] == list(range(1, 9))
    assert await history(one, owner.connection) == await history(other, guest.connection) == shown(owner.connection)
    assert await history(other, guest.connection, before=3) == shown(owner.connection)[:2]
    assert await history(other, guest.connection, before=0) == []


async def test_a_message_that_is_sent_again_by_another_node_is_one_message(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    assert (await one.say(owner.connection, "chat.send", id=77, text="once"))["type"] == "ok"
    page = await owner_at(other, conference, "client-own1", take_over=True)
    assert (await other.say(page.connection, "chat.send", id=77, text="once"))["type"] == "ok"
    await other.say(page.connection, "chat.send", text="twice")
    await settled(page.connection, "chat.message")
    assert shown(page.connection) == [(2, "twice")]
    assert await history(other, page.connection) == [(1, "once"), (2, "twice")]


async def test_what_is_deleted_on_one_node_is_gone_on_both_and_its_number_with_it(start: Start) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await other.say(guest.connection, "chat.send", text="out with it")
    await settled(owner.connection, "chat.message")
    assert (await one.say(owner.connection, "chat.delete", number=1))["type"] == "ok"
    await settled(guest.connection, "chat.deleted")
    assert await history(one, owner.connection) == await history(other, guest.connection) == []
    await until(lambda: not any(room.erasures._tasks for node in (one, other) for room in node.rooms._open.values()))
    stream = f"podium:{{{conference}}}:chat:everyone"
    assert await one.connections[0].ask("XLEN", stream) == 0
    await one.say(owner.connection, "chat.send", text="next")
    await until(lambda: shown(guest.connection)[-1:] == [(2, "next")])


async def test_the_moderators_channel_is_read_by_moderators_of_all_nodes_and_nobody_else(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    moderator, guest = (
        await visit(other, conference, "g_1", Role.MODERATOR),
        await visit(other, conference, "g_2", Role.VIEWER),
    )
    await one.say(owner.connection, "chat.send", text="secret", channel="moderators")
    await one.say(owner.connection, "chat.send", text="public")
    await until(lambda: shown(moderator.connection) == [(1, "secret"), (1, "public")])
    await settled(guest.connection, "chat.message")
    assert shown(guest.connection) == [(1, "public")]
    assert (await other.say(guest.connection, "chat.history", channel="moderators"))["code"] == "not_allowed"


async def test_what_was_written_while_a_node_did_not_listen_is_shown_when_it_listens_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await one.say(owner.connection, "chat.send", text="first")
    await settled(guest.connection, "chat.message")
    deaf = other.feed._take
    monkeypatch.setattr(other.feed, "_take", lambda message: None)
    for text in ("second", "third", "fourth"):
        await one.say(owner.connection, "chat.send", text=text)
    await one.say(owner.connection, "chat.delete", number=3)
    await asyncio.sleep(0.1)
    assert len(shown(guest.connection)) == 1
    monkeypatch.setattr(other.feed, "_take", deaf)
    # The next number tells that some are missing.
    await one.say(owner.connection, "chat.send", text="fifth")
    await until(lambda: shown(guest.connection)[-1] == (5, "fifth"))
    assert [number for number, _ in shown(guest.connection)] == [1, 2, 4, 5]
    # And a connection that begins to listen again looks by itself.
    monkeypatch.setattr(other.feed, "_take", lambda message: None)
    await one.say(owner.connection, "chat.send", text="sixth")
    monkeypatch.setattr(other.feed, "_take", deaf)
    await one.connections[0].ask("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: shown(guest.connection)[-1] == (6, "sixth"))


async def test_after_redis_has_lost_the_chat_new_messages_are_shown_as_before(start: Start) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    for text in ("first", "second"):
        await one.say(owner.connection, "chat.send", text=text)
    await until(lambda: len(shown(guest.connection)) == 2)
    await one.connections[0].ask("FLUSHALL")
    # Given back by whoever notices first; until then there is no room to write in.
    await until(lambda: bool(guest.connection.of("resync")))
    assert (await other.say(guest.connection, "chat.send", text="third"))["type"] == "ok"
    await until(lambda: shown(owner.connection)[-1][1] == "third")
    assert [text for _, text in await history(one, owner.connection)] == ["third"]


async def test_who_comes_by_a_node_that_never_knew_the_lost_chat_is_read_by_those_who_do(start: Start) -> None:
    one, other = await start("one"), await start("other")
    conference = await one.conference()
    owner = await owner_at(one, conference)
    for text in ("first", "second"):
        await one.say(owner.connection, "chat.send", text=text)
    await one.say(owner.connection, "chat.delete", number=1)
    await one.connections[0].ask("FLUSHALL")
    await until(lambda: bool(owner.connection.of("resync")))
    # Its numbers are above all that were ever given, of which this node has heard of none.
    guest = await visit(other, conference, "g_1")
    for text in ("third", "fourth"):
        assert (await other.say(guest.connection, "chat.send", text=text))["type"] == "ok"
    await until(lambda: [text for _, text in shown(owner.connection)] == ["first", "second", "third", "fourth"])
    assert [text for _, text in await history(one, owner.connection)] == ["third", "fourth"]


async def test_each_channel_keeps_so_many_and_no_more(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chatlog, "KEPT", 3)
    monkeypatch.setattr(chatlog, "MAX_COMMANDS", 5)
    one = await start("one")
    conference = await one.conference()
    chat = (await room_of(one, conference)).chat
    for number in range(8):
        await chat.write("u_a", "Anna", f"text {number}", f"u_a client {number}", 1)
        await chat.write("u_a", "Anna", "secret", f"u_a client m{number}", 1, Channel.MODERATORS)
    page = await chat.page(None, 100)
    assert [(one.number, one.text) for one in page.messages] == [(6, "text 5"), (7, "text 6"), (8, "text 7")]
    assert len((await chat.page(None, 100, Channel.MODERATORS)).messages) == 3
    assert (await chat.page(None, 2)).more and not page.more
    assert await one.connections[0].ask("ZCARD", f"podium:{{{conference}}}:chat:commands") == 5
    await one.rooms.remove(conference, one.owner.id)
    assert await one.connections[0].ask("KEYS", f"podium:{{{conference}}}:chat*") == []


async def test_reactions_are_shown_on_both_nodes_each_once(start: Start, redis: RedisServer) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await other.say(guest.connection, "reaction.send", emoji="👍")
    await settled(owner.connection, "reaction")
    assert owner.connection.of("reaction")[0] == {"type": "reaction", "counts": {"👍": 1}, "person": "g_1"}
    for _ in range(5):
        await other.say(guest.connection, "reaction.send", emoji="👏")
        await one.say(owner.connection, "reaction.send", emoji="👏")

    def counted(connection: FakeConnection, emoji: str) -> int:
        return sum(one["counts"].get(emoji, 0) for one in connection.of("reaction"))

    await until(lambda: counted(owner.connection, "👏") == counted(guest.connection, "👏") == 10)
    await asyncio.sleep(0.6)
    assert counted(owner.connection, "👏") == counted(guest.connection, "👏") == 10
    assert counted(owner.connection, "👍") == counted(guest.connection, "👍") == 1
    # Coalesced on each node, whoever sent them.
    assert len(owner.connection.of("reaction")) < 8


async def test_nonsense_on_a_rooms_channel_harms_nobody(start: Start) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    for nonsense in (b"", b"chat", b"chat x y", b"chat 1 \xff", b"reactions n1 \xff", b"unknown 1", b"\xff\xff"):
        await one.connections[0].ask("PUBLISH", f"podium:{{{conference}}}", nonsense)
    await one.say(owner.connection, "chat.send", text="still here")
    await until(lambda: shown(guest.connection) == [(1, "still here")])


async def test_private_messages_changes_and_searches_over_two_nodes(start: Start, redis: RedisServer) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    eve = await visit(other, conference, "g_2")

    async def found(node: Any, connection: FakeConnection, kind: str, **fields: Any) -> list[str]:
        answer = await node.say(connection, kind, channel="private", **fields)
        return [message["text"] for message in answer["result"]["messages"]]

    for number in range(3):
        await one.say(owner.connection, "chat.send", text=f"secret {number}", to="g_1")
    await until(lambda: len(shown(guest.connection)) == 3)
    assert await found(other, guest.connection, "chat.history") == ["secret 0", "secret 1", "secret 2"]
    assert await found(other, guest.connection, "chat.search", text="SECRET 1") == ["secret 1"]
    await one.say(owner.connection, "chat.edit", number=1, text="hidden 0", channel="private")
    await one.say(owner.connection, "chat.delete", number=2, channel="private")
    await until(lambda: len(guest.connection.of("chat.changed")) == 2)
    assert [(m["message"]["number"], m["message"]["text"]) for m in guest.connection.of("chat.changed")] == [
        (1, "hidden 0"),
        (2, ""),
    ]
    assert len(owner.connection.of("chat.changed")) == 2, "once on the node where it was done"
    assert await found(other, guest.connection, "chat.history") == ["hidden 0", "secret 2"]
    assert await found(other, guest.connection, "chat.history", limit=1) == ["secret 2"]
    # Deleted it is gone from what Redis keeps of changes, too.
    await one.say(owner.connection, "chat.delete", number=1, channel="private")
    assert await one.connections[0].ask("HLEN", f"podium:{{{conference}}}:chat:edits:private") == 0
    assert (await one.say(owner.connection, "chat.edit", number=1, text="x", channel="private"))["code"] == (
        "no_such_entry"
    )
    assert await found(other, eve.connection, "chat.history") == []
    assert await found(other, eve.connection, "chat.search", text="secret") == []
    assert not eve.connection.of("chat.message") and not eve.connection.of("chat.changed")
