"""A server killed in mid-conference comes back with everything it has answered, and its people come back to it; with
the record in the data folder and in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness import Client, Refused, Server, until
from tests.redis_server import RedisServer

Servers = Callable[..., Server]


@pytest.fixture(params=["embedded", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, podium_server: Servers) -> Iterator[Servers]:
    """Servers whose conferences are kept in one way or the other."""
    if request.param == "embedded":
        yield podium_server
        return
    redis = RedisServer(tmp_path / "r").start()
    yield lambda *flags: podium_server(*flags, "--redis", redis.url)
    redis.stop()


async def back(client: Client, token: str) -> dict[str, Any]:
    """Come back with the resume token, as soon as the server is there."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await client.hello(token, resume=True)
            except (OSError, ConnectionError):
                await asyncio.sleep(0.1)


async def test_after_sigkill_roles_seats_and_mutes_are_there_and_clients_resume_without_a_gap(
    kept: Servers, clients: Any
) -> None:
    server = kept("--grace-s", "60")
    people = [server.login(), server.guest("Sara", "speaker"), server.guest("Vera"), server.guest("Gone")]
    owner, speaker, viewer, gone = [await clients(server, person, server.conference) for person in people]
    console = Client(server)
    await console.hello(people[0].token)
    await console.join(server.conference, console=True)
    await owner.send("stage.request")
    await speaker.send("stage.request")
    await owner.send("role.assign", target=viewer.identity, role="moderator")
    await owner.send("media.lock", target=speaker.identity, source="audio")
    await speaker.send("media.mute", source="video")
    await owner.send("stage.invite", target=gone.identity)
    await owner.send("chat.send", text="before")
    last = await owner.send("conference.settings", title="Before the crash")
    await until(lambda: all(one.position == last["version"] for one in (owner, speaker, viewer, gone, console)))

    assert server.kill9() == -9
    await asyncio.gather(*(one.closed.wait() for one in (owner, speaker, viewer, gone, console)))
    began = time.monotonic()
    await asyncio.to_thread(server.start)
    resumed = (owner, speaker, viewer, console)
    welcomes = await asyncio.gather(
        *(back(one, person.token) for one, person in zip(resumed, [*people[:3], people[0]], strict=True))
    )
    took = time.monotonic() - began
    # The client itself checks each event against its position (tests/harness.py): a gap fails here.
    assert all(welcome["resumed"] for welcome in welcomes)
    assert all(not [s for s in _signals(one) if s["type"] == "resync"] for one in resumed)
    await owner.event("participant.returned", person=viewer.identity)
    assert took < 20

    later = await owner.send("conference.settings", title="After the crash")
    await until(lambda: all(one.position == later["version"] for one in resumed))
    fresh = await clients(server, server.guest("Late"), server.conference)
    snapshot = fresh.snapshot
    assert (snapshot["title"], snapshot["stage"]) == ("After the crash", [owner.identity, speaker.identity])
    assert fresh.person(viewer.identity)["role"] == "moderator"
    assert fresh.person(speaker.identity)["locked"] == ["audio"]
    assert set(fresh.person(speaker.identity)["muted"]) == {"audio", "video"}
    assert fresh.person(gone.identity)["away"] and fresh.person(gone.identity)["invited"]
    assert not fresh.person(owner.identity).get("away")
    # The lock holds, and the moderator of before commands.
    try:
        await speaker.send("media.unmute", source="audio")
        raise AssertionError("the lock was lost")
    except Refused as refused:
        assert refused.code == "locked"
    await viewer.send("media.unmute", target=speaker.identity, source="audio")
    page = (await fresh.send("chat.history"))["result"]
    assert [message["text"] for message in page["messages"]] == ["before"]
    # New connections for everybody but the console: what the killed server knew of their transports is gone.
    await viewer.signal("media.reset")
    await owner.send("media.subscribe")
    await owner.signal("media.offer")
    await console.drop()


def _signals(client: Client) -> list[dict[str, Any]]:
    """The signals that wait, which stay waiting."""
    return list(client.signals._queue)  # type: ignore[attr-defined]


async def test_every_commit_that_was_answered_survives_a_kill_at_any_moment(kept: Servers, clients: Any) -> None:
    server = kept("--grace-s", "60")
    for round in range(2):
        owner = await clients(server, server.login(), server.conference, take_over=True)
        answered: list[int] = []

        async def write(client: Client = owner, answered: list[int] = answered, round: int = round) -> None:
            try:
                for number in range(10_000):
                    title = f"round {round} number {number}"
                    answer = await client.send("conference.settings", title=title, timeout_s=5)
                    answered.append(answer["version"])
                    await asyncio.sleep(0.05)
            except (ConnectionError, OSError, TimeoutError, ConnectionClosed):
                pass

        writing = asyncio.create_task(write())
        await until(lambda answered=answered: len(answered) >= 5)
        server.kill9()
        await writing
        await asyncio.to_thread(server.start)
        fresh = await clients(server, server.guest("Witness"), server.conference)
        assert fresh.snapshot["version"] >= answered[-1]
        title, last = fresh.snapshot["title"], len(answered) - 1
        # Answered is there; what was written and not yet answered may be there, and nothing else.
        assert title in (f"round {round} number {last}", f"round {round} number {last + 1}")


async def test_a_command_repeated_after_the_crash_counts_once(kept: Servers, clients: Any) -> None:
    server = kept("--grace-s", "60")
    person = server.login()
    owner = await clients(server, person, server.conference)
    await owner.send("stage.request", id=500)
    await owner.send("stage.leave", id=501)
    server.kill9()
    await owner.closed.wait()
    await asyncio.to_thread(server.start)
    await back(owner, person.token)
    # The client does not know whether its request was heard before the crash, and asks again.
    assert (await owner.send("stage.request", id=500))["type"] == "ok"
    fresh = await clients(server, server.guest("Witness"), server.conference)
    assert "stage" not in fresh.snapshot


async def test_who_does_not_come_back_after_the_crash_is_gone_after_the_grace_period(
    kept: Servers, clients: Any
) -> None:
    server = kept("--grace-s", "8")
    owner = await clients(server, server.login(), server.conference)
    guest = await clients(server, server.guest("Vera"), server.conference)
    await owner.send("stage.request")
    server.kill9()
    await asyncio.gather(owner.closed.wait(), guest.closed.wait())
    await asyncio.to_thread(server.start)
    witness = await clients(server, server.guest("Witness"), server.conference)
    # They are waited for longer than a busy machine takes to start, so that it is seen how they go.
    missing = {owner.identity, guest.identity}
    assert missing <= {person["id"] for person in witness.snapshot["people"]}
    await until(lambda: missing <= {e["person"] for e in _left(witness)}, 20)


def _left(client: Client) -> list[dict[str, Any]]:
    return [event for event in client.events._queue if event["type"] == "participant.left"]  # type: ignore[attr-defined]


async def test_workers_do_not_outlive_a_killed_server(podium_server: Servers) -> None:
    server = podium_server("--workers", "2")
    workers = psutil.Process(server.pid).children(recursive=True)
    assert len(workers) == 2
    server.kill9()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
