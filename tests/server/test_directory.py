"""Two real servers on one Redis, each with its own data folder: accounts, conferences and links are those of both."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.harness import Guest, Server, podium, until
from tests.redis_server import RedisServer

Servers = Callable[..., Server]


def code_of(link: str) -> str:
    return parse_qs(urlsplit(link).fragment)["code"][0]


def login(server: Server, body: dict[str, str]) -> Guest | None:
    answer = server.request("POST", "/api/v1/login", body)
    if answer.status != 200:
        assert answer.status == 401, answer.body
        return None
    return Guest(answer.json["token"], answer.json["account"]["id"], answer.json["account"]["name"])


async def test_an_account_and_a_conference_made_on_one_server_are_the_others_too(
    podium_server: Servers, clients: Any, redis: RedisServer
) -> None:
    # All log-ins of the test come from one address.
    one = podium_server("--redis", redis.url, "--login-per-minute", "10000", name="one")
    two = podium_server("--redis", redis.url, "--login-per-minute", "10000", name="two")
    assert one.conference == two.conference
    # The owner of one is known at the other by the same token: the secret that signs it is shared, the account too.
    owner = one.login()
    assert two.api("GET", "/me", token=owner.token)["id"] == owner.identity

    # By the command line beside the first server, with a running one hearing of it: a password for the second.
    made = one.podium("account", "add", "anna", "--password", "--redis", redis.url, input="correct horse\n")
    assert made.returncode == 0, made.stderr
    await until(lambda: login(two, {"name": "anna", "password": "correct horse"}) is not None)
    # A one-time code works once, wherever.
    code = code_of(made.stdout.strip())
    assert [login(server, {"code": code}) is not None for server in (two, one, two)] == [True, False, False]

    # A conference and a link made by HTTP at the first are opened at the second, however soon.
    conference = one.create("On both")
    invite = one.invite("speaker", conference)
    found = two.api("POST", "/guests", {"invite": invite, "name": "Vera"})
    vera = Guest(found["token"], found["identity"], "Vera")
    client = await clients(two, vera, conference)
    assert client.snapshot["title"] == "On both"

    # What is taken back at one is taken back at the other.
    gone = two.podium("account", "remove", "anna", "--yes", "--redis", redis.url)
    assert gone.returncode == 0, gone.stderr
    await until(lambda: login(one, {"name": "anna", "password": "correct horse"}) is None)


async def test_a_server_that_was_killed_and_one_that_is_new_have_what_was_written_meanwhile(
    podium_server: Servers, redis: RedisServer
) -> None:
    one = podium_server("--redis", redis.url, name="one")
    two = podium_server("--redis", redis.url, name="two")
    owner = one.login()
    two.kill9()
    made = [one.create(f"Meanwhile {number}") for number in range(5)]
    await asyncio.to_thread(two.start)
    three = podium_server("--redis", redis.url, name="three")
    for server in (two, three):
        listed = server.api("GET", "/conferences", token=owner.token)["conferences"]
        assert {each["conference"] for each in listed} >= set(made)
    # And by the command line of a folder that no server has used.
    listed = json.loads(
        podium("conference", "list", "--json", "--data", str(one.data.parent / "four"), "--redis", redis.url).stdout
    )
    assert {each["id"] for each in listed} >= set(made)


async def test_a_replica_is_not_written_past_redis_until_it_leaves(podium_server: Servers, redis: RedisServer) -> None:
    one = podium_server("--redis", redis.url, name="one")
    refused = one.podium("account", "add", "anna")
    assert refused.returncode == 1 and "say --redis" in refused.stderr
    assert "is a replica of the directory" in one.podium("directory", "show").stdout
    # Not while it is used.
    assert one.podium("directory", "leave").returncode == 1
    one.stop()
    assert one.podium("directory", "leave").returncode == 0
    assert one.podium("directory", "show").stdout == "The data folder is this server's own.\n"
    assert one.podium("account", "add", "anna").returncode == 0
    # Then it is somebody else's, who would lose its own accounts by joining.
    refused = one.podium("account", "list", "--redis", redis.url)
    assert refused.returncode == 1 and "accounts of its own" in refused.stderr
    with closing(sqlite3.connect(one.data / "podium.db")) as left:
        assert [row[0] for row in left.execute("SELECT login FROM accounts ORDER BY login")] == ["anna", "owner"]
