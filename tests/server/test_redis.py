"""A server whose conferences are kept in Redis, while Redis is away, frozen or comes back empty."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness import ROOT, Client, Refused, Server, until
from tests.redis_server import RedisServer, free_port

Servers = Callable[..., Server]


def ready(server: Server) -> tuple[int, bool]:
    answer = server.request("GET", "/readyz")
    return answer.status, answer.json["room_log"]


async def until_ready(server: Server) -> None:
    await until(lambda: ready(server) == (200, True), 20, 0.2)


async def refused(client: Client, type: str, **fields: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await client.send(type, **fields)
    return error.value


async def test_while_redis_is_away_commands_are_refused_and_the_rest_goes_on(
    podium_server: Servers, clients: Any, redis: RedisServer
) -> None:
    server = podium_server("--redis", redis.url)
    owner = await clients(server, server.login(), server.conference)
    await until_ready(server)
    redis.kill9()
    await until(lambda: ready(server) == (503, False))
    told = await refused(owner, "conference.settings", title="Nowhere")
    assert (told.code, told.answer["retry"]) == ("store_unavailable", True)
    # Where nothing was sent nothing is uncertain.
    assert "details" not in told.answer
    assert server.request("GET", "/healthz").status == 200
    assert (await refused(owner, "chat.send", text="Nobody reads it")).code == "store_unavailable"
    # Reading, and who is there, goes on.
    assert (await owner.send("can"))["type"] == "ok"
    assert owner.snapshot["title"] != "Nowhere"
    redis.start()
    await until_ready(server)
    await owner.send("conference.settings", title="Back")
    await owner.event("conference.settings_changed", title="Back")
    await owner.send("chat.send", text="still here")
    (said,) = (await owner.send("chat.history"))["result"]["messages"]
    assert said["text"] == "still here"


async def test_a_command_of_which_nobody_knows_is_answered_when_it_is_repeated_and_counts_once(
    podium_server: Servers, clients: Any, redis: RedisServer
) -> None:
    server = podium_server("--redis", redis.strict_url)
    await until_ready(server)
    owner = await clients(server, server.login(), server.conference)
    guest = await clients(server, server.guest("Vera"), server.conference)
    redis.freeze()
    began = time.monotonic()
    told = await refused(owner, "stage.request", id=900)
    assert time.monotonic() - began < 8
    assert told.code == "store_unavailable" and "may have been done" in told.answer["details"]["rule"]
    await until(lambda: ready(server) == (503, False))
    redis.thaw()
    # Redis goes on with what it had in its hands: the seat is taken, and everybody learns of it though nobody asks.
    await guest.event("stage.taken", 20, person=owner.identity)
    await until_ready(server)
    before = owner.position
    assert (await owner.send("stage.request", id=900))["type"] == "ok"
    assert owner.position == before


async def test_a_server_that_comes_back_empty_is_given_the_conference_again(
    podium_server: Servers, clients: Any, redis: RedisServer
) -> None:
    server = podium_server("--redis", redis.url, "--grace-s", "60")
    owner = await clients(server, server.login(), server.conference)
    guest = await clients(server, server.guest("Vera"), server.conference)
    blocked = await clients(server, server.guest("Boris"), server.conference)
    await owner.send("role.assign", target=guest.identity, role="moderator")
    await owner.send("participant.block", target=blocked.identity)
    former = owner.epoch
    redis.kill9()
    for file in sorted(redis.folder.rglob("appendonly*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    redis.start()
    # Nobody asks for anything: the node notices by itself, within seconds, and everybody gets a snapshot.
    for client in (owner, guest):
        anew = (await client.signal("resync", 20))["snapshot"]
        assert anew["epoch"] > former
        assert {person["id"]: person["role"] for person in anew["people"]}[guest.identity] == "moderator"
        assert [one["id"] for one in anew["blocked"]] == [blocked.identity]
    await owner.send("conference.settings", title="Afterwards")
    await guest.event("conference.settings_changed", title="Afterwards")
    # Also for another start, which has nothing but Redis.
    await asyncio.to_thread(server.restart)
    again = await clients(server, server.login(), server.conference)
    assert (again.snapshot["title"], again.epoch) == ("Afterwards", anew["epoch"])
    assert [one["id"] for one in again.snapshot["blocked"]] == [blocked.identity]


async def test_an_emptied_server_is_noticed_without_a_broken_connection(
    podium_server: Servers, clients: Any, redis: RedisServer
) -> None:
    server = podium_server("--redis", redis.url)
    owner = await clients(server, server.login(), server.conference)
    former = owner.epoch
    # The mark by which it is noticed is set within the first second.
    await asyncio.sleep(2)
    process = await asyncio.create_subprocess_exec(
        "redis-cli", "-s", str(redis.socket), "FLUSHALL", stdout=asyncio.subprocess.DEVNULL
    )
    await process.wait()
    anew = (await owner.signal("resync", 20))["snapshot"]
    assert anew["epoch"] > former
    await owner.send("stage.request")


def test_a_server_without_its_redis_does_not_start_and_says_why(tmp_path: Path) -> None:
    found = start(tmp_path, f"redis://:s3cret@127.0.0.1:{free_port()}")
    assert found.returncode != 0
    assert "Redis cannot be reached" in found.stderr
    assert "s3cret" not in found.stderr + found.stdout and "Traceback" not in found.stderr


def test_a_wrong_password_is_named_and_not_shown(tmp_path: Path) -> None:
    port = free_port()
    redis = RedisServer(tmp_path / "r", "--requirepass", "right", port=port).start()
    try:
        found = start(tmp_path, f"redis://:s3cret@127.0.0.1:{port}")
        assert found.returncode != 0 and "does not let us in" in found.stderr
        assert "s3cret" not in found.stderr + found.stdout
    finally:
        redis.stop()


def start(folder: Path, redis: str) -> subprocess.CompletedProcess[str]:
    """A start that fails."""
    command = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", "0", "--udp-port", "0"]
    return subprocess.run(
        [*command, "--workers", "1", "--data", str(folder / "data"), "--redis", redis],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_record_is_read_from_redis_though_the_server_does_not_run(
    podium_server: Servers, clients: Any, redis: RedisServer
) -> None:
    server = podium_server("--redis", redis.url)
    person = server.login()
    owner = await clients(server, person, server.conference)
    await owner.send("stage.request")
    await owner.send("conference.settings", title="Written down")
    server.stop()
    lines = json.loads(podium(server, "conference", "audit", server.conference, "--json", "--redis", redis.url).stdout)
    assert [line["command"] for line in lines][-3:] == ["stage.request", "conference.settings", "drop"]
    explained = podium(server, "explain", person.identity, server.conference, "stage.leave", "--redis", redis.url)
    assert explained.stdout.startswith("Yes")
    # Without being told where it is nobody answers for it: nothing of it is in the data folder.
    told = server.podium("conference", "audit", server.conference, "--json")
    assert told.returncode == 1 and "say --redis" in told.stderr


def podium(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the command line, on a server's data folder."""
    command = [sys.executable, "-m", "server", *words, "--data", str(server.data)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)


async def test_passwords_are_guessed_at_two_servers_no_faster_than_at_one(
    podium_server: Servers, redis: RedisServer
) -> None:
    flags = ("--redis", redis.url, "--login-per-minute", "6")
    servers = [podium_server(*flags, name=name) for name in ("one", "two")]
    for server in servers:
        await until_ready(server)

    def guess(server: Server) -> int:
        return server.request("POST", "/api/v1/login", {"name": "owner", "password": "guess"}).status

    answers = [await asyncio.to_thread(guess, servers[number % 2]) for number in range(8)]
    assert answers == [401] * 6 + [429] * 2
    # What it knows itself is enough to log in while Redis is away, and its own limit for guessing stands.
    redis.kill9()
    answers = [await asyncio.to_thread(guess, servers[0]) for _ in range(4)]
    assert answers == [401] * 2 + [429] * 2
