"""Programs that vouch for their users with a key of their own, against a running server."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.harness import Client, Guest, Refused, Server

Clients = Callable[..., Any]


class Key:
    """A key of the server, made on its command line."""

    def __init__(self, server: Server, *flags: str) -> None:
        # Long enough for every algorithm that is tried with it.
        self.secret = secrets.token_hex(32)
        made = server.podium("key", "add", "portal", "--secret", *flags, input=self.secret + "\n")
        self.id = made.stdout.strip().removeprefix("iss: ")

    def sign(self, secret: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
        usual = {"iss": self.id, "sub": "anna", "name": "Anna", "exp": int(time.time()) + 60}
        found = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(found, self.secret if secret is None else secret, algorithm)


@pytest.fixture(scope="module")
def key(shared_server: Server) -> Key:
    return Key(shared_server)


async def join(clients: Clients, server: Server, token: str, conference: str) -> dict[str, Any]:
    """Somebody as they are seen inside; raises `Refused`."""
    client: Client = await clients(server, Guest(token, "", ""), conference, take_over=True)
    return client.person(client.identity)


async def test_a_program_vouches_for_its_users(shared_server: Server, key: Key, clients: Clients) -> None:
    conference = shared_server.create("Portal")
    person = await join(clients, shared_server, key.sign(role="speaker", conference=conference), conference)
    assert (person["id"], person["name"]) == (f"anna@{key.id}", "Anna")
    assert (person["kind"], person["role"]) == ("guest", "speaker")
    viewer = await join(clients, shared_server, key.sign(sub="ben", name="Ben", aud="podium"), conference)
    assert viewer["role"] == "viewer"


async def test_a_conference_in_the_token_is_the_only_one(shared_server: Server, key: Key, clients: Clients) -> None:
    with pytest.raises(Refused) as caught:
        await join(clients, shared_server, key.sign(conference="abc-defg-hij"), shared_server.conference)
    assert caught.value.code == "no_access"


async def test_an_assignment_of_their_own_can_be_made_before_they_come(
    shared_server: Server, key: Key, clients: Clients
) -> None:
    conference = shared_server.create("Appointed")
    owner = await clients(shared_server, shared_server.login(), conference)
    await owner.send("role.assign", target=f"carla@{key.id}", role="moderator")
    assert (await join(clients, shared_server, key.sign(sub="carla"), conference))["role"] == "moderator"


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": "u_1@x"},
        {"sub": "a b"},
        {"sub": "x" * 52},
        {"name": None},
        {"name": ""},
        {"name": "x" * 65},
        {"aud": "somebody-else"},
        {"aud": ["podium", "somebody-else"]},
        {"role": "organizer"},
        {"role": "emperor"},
        {"conference": "NO"},
        {"secret": "x" * 32},
        {"algorithm": "HS384"},
        {"algorithm": "HS512"},
        {"algorithm": "none", "secret": ""},
        {"iss": "key-00000000"},
        {"iss": "podium"},
        {"iss": "portal"},
    ],
    ids=" ".join,
)
async def test_it_is_refused_with(shared_server: Server, key: Key, clients: Clients, change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        await clients(shared_server, Guest(key.sign(**change), "", ""))
    assert caught.value.code == "bad_token"


def test_such_a_guest_creates_nothing_and_has_no_account(shared_server: Server, key: Key) -> None:
    token = key.sign(role="moderator")
    for method, path in (("POST", "/conferences"), ("GET", "/me"), ("POST", "/events")):
        response = shared_server.request(method, f"/api/v1{path}", {"title": "Mine"}, token)
        assert (response.status, response.json["code"]) == (403, "not_allowed"), path


async def test_groups_count_only_for_a_key_that_may_name_them(
    shared_server: Server, key: Key, clients: Clients
) -> None:
    shared_server.podium("group", "add", "masters", "--operator")
    trusted, conference = Key(shared_server, "--names-groups"), shared_server.create("Masters")
    for whose, by_right in ((key, False), (trusted, True)):
        token = whose.sign(groups=["masters", "unknown"])
        person = await join(clients, shared_server, token, conference)
        assert bool(person.get("by_right", False)) is by_right
    with pytest.raises(Refused):
        await join(clients, shared_server, trusted.sign(groups=["masters"] * 101), conference)
    with pytest.raises(Refused):
        await join(clients, shared_server, trusted.sign(groups="masters"), conference)


async def test_a_right_that_a_named_group_gets_or_loses_is_in_force_at_once(
    shared_server: Server, clients: Clients
) -> None:
    token, conference = shared_server.login().token, shared_server.create("Named")
    signed = Key(shared_server, "--names-groups").sign(groups=["coaches"])
    client: Client = await clients(shared_server, Guest(signed, "", ""), conference)
    assert client.person(client.identity)["role"] == "viewer"
    for method, path, body, role in (
        ("POST", "/groups", {"name": "coaches", "operator": True}, "organizer"),
        ("PATCH", "/groups/coaches", {"operator": False}, "viewer"),
        ("PATCH", "/groups/coaches", {"operator": True}, "organizer"),
        ("DELETE", "/groups/coaches", None, "viewer"),
    ):
        shared_server.api(method, path, body, token)
        told = await client.event("role.assigned", 1, person=client.identity)
        assert (told["role"], told["by_right"]) == (role, role == "organizer")


async def test_a_blocked_user_of_a_key_stays_out_and_of_a_removed_key_all_do(
    shared_server: Server, clients: Clients
) -> None:
    mine, conference = Key(shared_server), shared_server.create("Removed key")
    owner = await clients(shared_server, shared_server.login(), conference)
    await join(clients, shared_server, mine.sign(), conference)
    await owner.send("participant.block", target=f"anna@{mine.id}")
    with pytest.raises(Refused) as caught:
        await join(clients, shared_server, mine.sign(), conference)
    assert caught.value.code == "blocked"
    open_: Client = await clients(shared_server, Guest(mine.sign(sub="ben", name="Ben"), "", ""))
    assert shared_server.podium("key", "remove", mine.id).returncode == 0
    with pytest.raises(Refused) as caught:
        await open_.join(conference)
    assert caught.value.code == "bad_token"
    with pytest.raises(Refused):
        await clients(shared_server, Guest(mine.sign(sub="ben"), "", ""))


def test_keys_are_listed_without_their_secrets_and_weak_ones_are_refused(shared_server: Server, key: Key) -> None:
    done = shared_server.podium("key", "list", "--json")
    assert {"id": key.id, "label": "portal", "names_groups": False} in json.loads(done.stdout)
    assert key.secret not in done.stdout and key.secret not in shared_server.podium("key", "list").stdout
    weak = shared_server.podium("key", "add", "weak", "--secret", input="hunter2\n")
    assert weak.returncode == 1 and "32 to 256 bytes" in weak.stderr and "hunter2" not in weak.stderr
    made = shared_server.podium("key", "add", "made").stdout
    assert len(made.splitlines()[1].removeprefix("secret: ")) >= 43
    assert "There is no key" in shared_server.podium("key", "remove", "key-00000000").stderr


def test_an_operators_token_for_one_conference_commands_no_other(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    owner = server.login()
    server.api("POST", "/groups", {"name": "ops", "operator": True}, owner.token)
    mine, other = server.create("Mine"), server.create("Other")
    token = Key(server, "--names-groups").sign(conference=mine, groups=["ops"])
    assert server.request("GET", f"/api/v1/conferences/{mine}/audit", token=token).status == 200
    for method, path in (("GET", "audit"), ("GET", "state"), ("GET", "invitations"), ("POST", "end")):
        answer = server.request(method, f"/api/v1/conferences/{other}/{path}", token=token)
        assert answer.json["code"] == "not_allowed", path
    assert server.api("GET", f"/conferences/{other}")["running"]
