"""A newer node writes what the others do not understand: during an upgrade of one node after the other."""

from __future__ import annotations

import msgpack
from msgspec.structs import replace

from server.conference.replica import RoomReplica
from server.metrics import Metrics
from server.redis.connection import Script
from server.room.digest import state_hash
from server.room.packed import pack_room
from server.roomlog.redis import channel
from tests.harness import until
from tests.server.nodes.conftest import Start
from tests.server.nodes.support import Node
from tests.server.nodes.test_nodes import owner_at, settled, state, two, visit
from tests.server.session_support import room_of

APPEND = Script.of("server.roomlog", "append")
UNKNOWN = {"type": "hologram.shown", "person": "u_a"}


async def append_unknown(node: Node, conference: str) -> None:
    """A commit as a newer node would append and publish it."""
    replica = (await room_of(node, conference)).replica
    before = replica.room.version
    event = {**UNKNOWN, "version": before + 1, "after": before}
    commit = {"version": before + 1, "after": before, "time": 1, "node": "newer", "events": [event]}
    names = ("head", "commits", "snapshot", "commands", "audit", "lines")
    keys = [f"{channel(conference)}:{name}" for name in names]
    arguments: list[str | bytes | int] = [replica.epoch, before, before + 1, msgpack.packb(commit)]
    arguments += [channel(conference), 100, 100, 100, 100, "1 newer", 0]
    assert await node.connections[0].run(APPEND, keys, arguments) == [b"appended"]


async def test_what_only_a_newer_node_understands_makes_the_room_read_only_on_the_others(start: Start) -> None:
    one, other, conference = await two(start)
    owner, guest = await owner_at(one, conference), await visit(other, conference, "g_1")
    await one.say(owner.connection, "chat.send", text="before")
    await settled(owner.connection, "participant.joined")
    known = [state_hash(await state(node, conference)) for node in (one, other)]
    await append_unknown(one, conference)
    rooms = [await room_of(node, conference) for node in (one, other)]
    await until(lambda: all(room.replica.read_only for room in rooms))
    # Nobody is sent away, everybody reads what there is, and nothing is decided on a state that is not the whole one.
    for node, visitor in ((one, owner), (other, guest)):
        assert visitor.connection.finished is None
        page = await node.say(visitor.connection, "chat.history")
        assert [message["text"] for message in page["result"]["messages"]] == ["before"]
        refused = await node.say(visitor.connection, "stage.request")
        assert refused["code"] == "unsupported"
    assert [state_hash(room.replica.room) for room in rooms] == known
    commits = await one.connections[0].ask("XREVRANGE", f"{channel(conference)}:commits", "+", "-", "COUNT", 1)
    assert msgpack.unpackb(commits[0][1][b"c"])["node"] == "newer"
    # Another conference does not suffer.
    second = await other.conference("Another")
    assert (await visit(other, second, "g_2")).connection.finished is None


async def test_a_newer_nodes_snapshot_makes_the_room_whole_again_where_it_is_opened(start: Start) -> None:
    one, other, conference = await two(start)
    owner = await owner_at(one, conference)
    await append_unknown(one, conference)
    room = await room_of(one, conference)
    await until(lambda: room.replica.read_only)
    # A node that opens it meanwhile reads as far as it understands.
    loaded = await other.rooms.log.load(conference)
    assert loaded is not None and not loaded.readable
    late = RoomReplica.restore(loaded, log=other.rooms.log, metrics=Metrics(), node="n", clock=lambda: 1)
    assert late.read_only and owner.connection.finished is None
    # What the newer node has led to is a state that all understand.
    now = pack_room(replace(room.replica.room, version=room.replica.room.version + 1))
    await one.rooms.log.save_snapshot(conference, room.replica.epoch, room.replica.room.version + 1, now)
    guest = await visit(other, conference, "g_1")
    assert (await other.say(guest.connection, "stage.request"))["type"] == "ok"
