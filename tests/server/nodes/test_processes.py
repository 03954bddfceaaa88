"""Two real servers on one Redis: one is killed, or both are replaced one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from server.app import PRINTED
from server.nodes.redis import LEASE_S
from server.sessions.session import COMMANDS_PER_SECOND
from tests.harness import Client, Guest, Server, until
from tests.redis_server import RedisServer
from tests.server.workspace.support import join as member

GRACE_S = 4.0
Pair = tuple[Server, Server, list[Guest]]


@pytest.fixture
def pair(tmp_path: Path, podium_server: Callable[..., Server]) -> Iterator[Callable[..., Pair]]:
    """Two servers on one Redis, and guests who came by links of the first one."""
    redis = RedisServer(tmp_path / "r").start()

    def start(*flags: str, guests: tuple[tuple[str, str], ...]) -> Pair:
        first = podium_server("--redis", redis.url, *flags, name="first")
        first.login()
        invited = [first.guest(name, role) for name, role in guests]
        return first, podium_server("--redis", redis.url, *flags, name="second"), invited

    yield start
    redis.stop()


async def back(client: Client, server: Server, token: str) -> dict[str, Any]:
    """Come back by a server, as soon as it lets one in."""
    client.server = server
    async with asyncio.timeout(20):
        while True:
            try:
                return await client.hello(token, resume=True)
            except (OSError, ConnectionError):
                await asyncio.sleep(0.1)


def told(client: Client, *kinds: str) -> list[dict[str, Any]]:
    """The events and signals of these kinds that wait, which stay waiting."""
    waiting = [*client.events._queue, *client.signals._queue]  # type: ignore[attr-defined]
    return [message for message in waiting if message["type"] in kinds]


async def test_people_of_a_killed_node_go_on_by_another_and_who_does_not_is_kept_for_the_grace_period(
    pair: Callable[..., Pair], clients: Any
) -> None:
    guests = (("Sara", "speaker"), ("Gone", "speaker"), ("Witness", "moderator"), ("Late", "viewer"))
    first, second, (sara, gone, watching, late) = pair("--grace-s", str(GRACE_S), guests=guests)
    conference, owner = first.conference, first.login()
    people = [owner, sara, gone]
    chair, speaker, absent = [await clients(first, person, conference) for person in people]
    witness = await clients(second, watching, conference)
    for seated in (speaker, absent):
        await seated.send("stage.request")
    await chair.send("role.assign", target=speaker.identity, role="moderator")
    await speaker.send("media.mute", source="video")
    await chair.send("media.lock", target=absent.identity, source="audio")
    await chair.send("chat.send", text="before")
    last = await chair.send("conference.settings", title="Before")
    await until(lambda: all(one.position == last["version"] for one in (chair, speaker, absent, witness)))
    # What is written in the chat does not come by the record, but beside it.
    await until(lambda: told(witness, "chat.message"), 30)

    assert first.kill9() == -9
    killed = time.monotonic()
    await asyncio.gather(*(one.closed.wait() for one in (chair, speaker, absent)))
    # Each client checks every event against its position (tests/harness.py): a gap fails here.
    welcomes = await asyncio.gather(back(chair, second, owner.token), back(speaker, second, sara.token))
    resumed_s = time.monotonic() - killed
    assert all(welcome["resumed"] for welcome in welcomes)
    assert not told(chair, "resync") and not told(speaker, "resync")
    later = await chair.send("conference.settings", title="After")
    await speaker.send("media.unmute", source="video")

    await witness.event("participant.away", person=absent.identity)
    noticed_s = time.monotonic() - killed
    fresh = await clients(second, late, conference)
    assert (fresh.snapshot["title"], fresh.snapshot["stage"]) == ("After", [speaker.identity, absent.identity])
    assert fresh.person(speaker.identity)["role"] == "moderator" and not fresh.person(speaker.identity).get("away")
    assert fresh.person(absent.identity)["away"] and fresh.person(absent.identity)["locked"] == ["audio"]
    left = await witness.event("participant.left", timeout_s=GRACE_S + 10)
    gone_s = time.monotonic() - killed
    print(f"resumed {resumed_s:.2f} s, away {noticed_s:.2f} s, gone {gone_s:.2f} s after SIGKILL")  # noqa: T201
    assert (left["person"], left["reason"]) == (absent.identity, "expired")
    assert gone_s - noticed_s >= GRACE_S - 0.3
    # A lease of five seconds, a beat of one, and the machine's other guests.
    assert noticed_s < 12
    assert chair.position >= later["version"]

    # The killed one begins again, under another name, and is told alike.
    await asyncio.to_thread(first.start)
    visitor = await clients(first, gone, conference)
    await chair.event("participant.joined", person=visitor.identity)
    states = [server.api("GET", f"/conferences/{conference}/state", token=owner.token) for server in (first, second)]
    assert states[0] == states[1]
    assert (await visitor.send("chat.history"))["result"]["messages"][0]["text"] == "before"


async def test_who_loses_a_right_or_the_door_at_one_node_loses_it_at_the_other_within_three_seconds(
    pair: Callable[..., Pair], clients: Any
) -> None:
    first, second, (guest,) = pair(guests=(("Vera", "viewer"),))
    token, conference = first.login().token, first.conference
    operator, admin, gone = (member(first, role) for role in ("member", "admin", "member"))
    first.api("POST", "/groups", {"name": "desk", "operator": True}, token)
    first.api("PUT", f"/groups/desk/members/{operator.identity}", token=token)
    (link,) = (
        one["id"]
        for one in first.api("GET", f"/conferences/{conference}/invitations", token=token)["invitations"]
        if one["label"] != PRINTED
    )
    # The other node has heard of all of it once it knows what came last.
    await until(lambda: second.api("GET", "/groups/desk", token=token)["members"])
    helper, chief, leaving, viewer = [
        await clients(second, person, conference) for person in (operator, admin, gone, guest)
    ]
    for client in (helper, chief):
        assert client.person(client.identity)["by_right"]

    began = time.monotonic()
    first.api("DELETE", f"/groups/desk/members/{operator.identity}", token=token)
    first.api("PUT", f"/workspace/people/{admin.identity}", {"server_role": "member"}, token)
    first.api("DELETE", f"/workspace/people/{gone.identity}", token=token)
    first.api("POST", f"/conferences/{conference}/invitations/{link}/revoke", {"end_sessions": True}, token)
    for client in (helper, chief):
        told = await client.event("role.assigned", 3, person=client.identity)
        assert (told["role"], told["by_right"]) == ("speaker", False)
    for client, code in ((leaving, "bad_token"), (viewer, "link_revoked")):
        await asyncio.wait_for(client.closed.wait(), 3)
        assert client.closing["code"] == code
    assert time.monotonic() - began < 3
    assert not helper.closed.is_set() and not chief.closed.is_set()


async def test_a_rolling_restart_of_both_nodes_loses_no_command_that_was_accepted(
    pair: Callable[..., Pair], clients: Any
) -> None:
    first, second, (sara,) = pair("--grace-s", "30", guests=(("Sara", "moderator"),))
    conference, owner = first.conference, first.login()
    chair, helper = await clients(first, owner, conference), await clients(first, sara, conference)
    answered: dict[str, list[int]] = {owner.identity: [], sara.identity: []}
    over = asyncio.Event()

    async def work(client: Client, token: str) -> None:
        """Commands, one after the other; one whose answer was lost is given again, by the other node."""
        # Far from the ids that hello and join count up.
        for number in range(1_000_001, 2_000_000):
            if over.is_set():
                return
            while True:
                try:
                    kind = "media.mute" if number % 2 else "media.unmute"
                    answered[client.identity].append((await client.send(kind, id=number, source="audio"))["version"])
                    break
                except (ConnectionError, OSError, TimeoutError, ConnectionClosed):
                    await client.closed.wait()
                    elsewhere = second if client.server is first else first
                    welcome = await back(client, elsewhere, token)
                    assert welcome["resumed"]
            # More than this many in a second would be refused, once the first ones have used up what may come at once.
            await asyncio.sleep(1.25 / COMMANDS_PER_SECOND)

    async def goes_on() -> None:
        """Both have been answered ten times more."""
        before = {identity: len(versions) for identity, versions in answered.items()}
        await until(lambda: all(len(answered[identity]) > count + 10 for identity, count in before.items()), 60)

    # What fails one of them fails the test, there and then.
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work(chair, owner.token))
        tasks.create_task(work(helper, sara.token))
        for server in (first, second):
            await goes_on()
            # By now it has had a beat, and knows of the other one: who is alone does not wait until it is not ready.
            await asyncio.sleep(LEASE_S)
            await until(lambda server=server: server.request("GET", "/readyz").status == 200, 15)
            stopping = tasks.create_task(asyncio.to_thread(server.stop))
            # Not ready from the first moment on, and it goes on serving meanwhile.
            await until(lambda server=server: server.request("GET", "/readyz").json["draining"], 2)
            assert server.request("GET", "/readyz").status == 503
            assert await stopping == 0
            await asyncio.to_thread(server.start)
            await until(lambda server=server: server.request("GET", "/readyz").status == 200, 15)
        await goes_on()
        over.set()
    assert chair.closing and chair.closing["code"] == "going_away"
    assert 0 <= chair.closing.get("after_ms", 0) <= 8

    # Accepted is recorded, once: in the record there are as many lines as there were answers.
    lines = []
    page = {"next": 0}
    while page.get("next") is not None:
        path = f"/conferences/{conference}/audit?limit=500&after={page['next']}"
        page = first.api("GET", path, token=owner.token)
        lines += page["entries"]
    for identity, versions in answered.items():
        mutes = [line["version"] for line in lines if line["actor"] == identity and "mute" in line["command"]]
        assert len(mutes) == len(set(mutes)) == len(versions), identity
        # An answer names the end of the commit, in which somebody else's command may stand as well.
        assert all(line <= version for line, version in zip(mutes, versions, strict=True)), identity
    print({identity: len(versions) for identity, versions in answered.items()})  # noqa: T201
