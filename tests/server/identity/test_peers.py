"""Federated users: their server's word is taken, for what it may say and for a day at most."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.conftest import SHARED_FLAGS
from tests.harness import Client, Guest, Refused, Server
from tests.server.identity.provider import Provider

Clients = Callable[..., Any]
PEER, HERE = "conf.example.org", "meet.example.org"
KEYS: dict[str, Any] = {"EdDSA": ed25519.Ed25519PrivateKey.generate(), "ES256": ec.generate_private_key(ec.SECP256R1())}


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def sign(key: Any = KEYS["EdDSA"], algorithm: str = "EdDSA", **claims: Any) -> str:
    now = int(time.time())
    usual = {"iss": PEER, "aud": HERE, "sub": "anna", "name": "Anna", "iat": now, "exp": now + 60}
    found = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(found, key, algorithm)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows a peer."""
    folder = tmp_path_factory.mktemp("peers")
    server = Server(folder / "data", *SHARED_FLAGS, "--federation-name", HERE).start()
    add(server, folder, PEER, pem(KEYS["EdDSA"]))
    yield server
    server.stop()


def add(server: Server, folder: Path, name: str, key: str) -> Any:
    file = folder / "key.pem"
    file.write_text(key)
    return server.podium("peer", "add", name, str(file))


async def join(clients: Clients, server: Server, token: str, conference: str, **fields: Any) -> dict[str, Any]:
    """Somebody as they are seen inside; raises `Refused`."""
    client: Client = await clients(server, Guest(token, "", ""), conference, take_over=True, **fields)
    return client.person(client.identity)


async def refusal(clients: Clients, server: Server, token: str, conference: str) -> str:
    with pytest.raises(Refused) as caught:
        await join(clients, server, token, conference)
    return caught.value.code


async def test_a_federated_user_comes_under_both_names_as_an_outsider(server: Server, clients: Clients) -> None:
    conference = server.create("Federated")
    person = await join(clients, server, sign(), conference)
    assert (person["id"], person["kind"], person["role"]) == (f"anna@{PEER}", "federated", "viewer")
    owner = await clients(server, server.login(), conference)
    # General access of outsiders is theirs, what guests are kept from is not.
    await owner.send("conference.settings", outsiders="speaker", guests_may={"messages": False})
    assert (await join(clients, server, sign(sub="ben", name="Ben"), conference))["role"] == "speaker"
    client = await clients(server, Guest(sign(sub="carla", name="Carla"), "", ""), conference)
    assert (await client.send("chat.send", text="From afar"))["type"] == "ok"
    await owner.send("conference.settings", outsiders="no_access")
    assert await refusal(clients, server, sign(sub="dora"), conference) == "no_access"


async def test_a_private_conference_lets_those_in_who_were_added_by_hand(server: Server, clients: Clients) -> None:
    conference = server.create("Private")
    owner = await clients(server, server.login(), conference)
    await owner.send("conference.settings", public=False)
    assert await refusal(clients, server, sign(), conference) == "no_access"
    await owner.send("role.assign", target=f"anna@{PEER}", role="moderator")
    # In force from the moment of joining.
    assert (await join(clients, server, sign(), conference))["role"] == "moderator"


async def test_a_link_of_a_federated_moderator_is_good_until_they_are_none_or_their_server_is_no_peer(
    podium_server: Callable[..., Server], clients: Clients, tmp_path: Path
) -> None:
    server = podium_server("--federation-name", HERE)
    add(server, tmp_path, PEER, pem(KEYS["EdDSA"]))
    owner = await clients(server, server.login(), server.conference)
    await owner.send("role.assign", target=f"anna@{PEER}", role="moderator")
    anna = await clients(server, Guest(sign(), "", ""), server.conference)
    path = f"/conferences/{server.conference}/invitations"
    entry = {"invite": server.api("POST", path, {"role": "viewer"}, sign())["token"], "name": "Ben"}
    await anna.send("conference.leave")

    def status() -> int:
        return server.request("POST", "/api/v1/guests", entry).status

    assert status() == 200
    await owner.send("role.clear", target=f"anna@{PEER}")
    assert status() == 401
    await owner.send("role.assign", target=f"anna@{PEER}", role="moderator")
    assert status() == 200
    assert server.podium("peer", "remove", PEER).returncode == 0
    assert status() == 401


async def test_a_federated_user_is_never_an_operator_and_creates_nothing(server: Server, clients: Clients) -> None:
    server.podium("group", "add", "ops", "--operator")
    token = sign(sub="eve", groups=["ops"], role="organizer", server_role="owner", kind="user", by_right=True)
    person = await join(clients, server, token, server.conference)
    assert (person["role"], person.get("by_right", False), person["kind"]) == ("viewer", False, "federated")
    done = server.podium("group", "member", "add", "ops", f"eve@{PEER}")
    assert done.returncode == 1 and "There is no account" in done.stderr
    path = f"/api/v1/groups/ops/members/eve@{PEER}"
    assert server.request("PUT", path, token=server.login().token).status == 404
    for method, where in (("POST", "/conferences"), ("GET", "/me"), ("POST", "/groups")):
        response = server.request(method, f"/api/v1{where}", {"title": "x"}, token)
        assert (response.status, response.json["code"]) == (403, "not_allowed"), where


@pytest.mark.parametrize(
    "change",
    [
        {"aud": None},
        {"aud": "another.example.org"},
        {"aud": [HERE]},
        {"aud": [HERE, "another.example.org"]},
        {"iss": "unknown.example.org"},
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 3 * 86_400},
        {"iat": None},
        {"sub": None},
        {"sub": "anna@elsewhere"},
        {"sub": "x" * 33},
        {"sub": ""},
        {"name": None},
        {"key": KEYS["ES256"], "algorithm": "ES256"},
        {"key": ed25519.Ed25519PrivateKey.generate()},
        {"key": "x" * 32, "algorithm": "HS256"},
        {"key": pem(KEYS["EdDSA"]).replace("PUBLIC KEY", "X"), "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
    ],
    ids=" ".join,
)
async def test_it_is_refused_with(server: Server, clients: Clients, change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        await clients(server, Guest(sign(**change), "", ""))
    assert caught.value.code == "bad_token"


async def test_keys_of_both_kinds_from_a_file_or_an_address(server: Server, clients: Clients, tmp_path: Path) -> None:
    assert add(server, tmp_path, "es.example.org", pem(KEYS["ES256"])).returncode == 0
    token = sign(KEYS["ES256"], "ES256", iss="es.example.org")
    assert (await join(clients, server, token, server.conference))["id"] == "anna@es.example.org"
    provider = Provider()
    try:
        assert server.podium("peer", "add", "published.example.org", f"{provider.issuer}/jwks").returncode == 0
        token = provider.sign("EdDSA", iss="published.example.org", aud=HERE, sub="bob")
        assert (await join(clients, server, token, server.conference))["id"] == "bob@published.example.org"
        # What the provider of single sign-on may, a peer may not: RSA.
        with pytest.raises(Refused):
            await clients(server, Guest(provider.sign("RS256", iss="published.example.org", aud=HERE), "", ""))
    finally:
        provider.stop()


async def test_of_a_removed_peer_nobody_comes_or_stays(server: Server, clients: Clients, tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    add(server, tmp_path, "brief.example.org", pem(key))
    token = sign(key, iss="brief.example.org")
    client: Client = await clients(server, Guest(token, "", ""))
    assert server.podium("peer", "remove", "brief.example.org").returncode == 0
    with pytest.raises(Refused) as caught:
        await client.join(server.conference)
    assert caught.value.code == "bad_token"
    with pytest.raises(Refused):
        await clients(server, Guest(token, "", ""))


async def test_a_blocked_federated_user_is_refused_here_and_nowhere_else(server: Server, clients: Clients) -> None:
    other, conference = server.create("Elsewhere"), server.create("Blocks")
    owner = await clients(server, server.login(), conference)
    await owner.send("participant.block", target=f"fred@{PEER}")
    token = sign(sub="fred", name="Fred")
    assert await refusal(clients, server, token, conference) == "blocked"
    assert server.request("GET", f"/api/v1/conferences/{conference}/media", token=token).json["code"] == "blocked"
    assert (await join(clients, server, token, other))["name"] == "Fred"


def test_without_a_name_of_its_own_a_server_takes_nobody_of_its_peers(
    shared_server: Server, tmp_path: Path, clients: Clients
) -> None:
    add(shared_server, tmp_path, PEER, pem(KEYS["EdDSA"]))
    for audience in (HERE, "", "127.0.0.1"):
        assert shared_server.request("GET", "/api/v1/me", token=sign(aud=audience)).status == 401


@pytest.mark.parametrize(
    ("name", "key", "sentence"),
    [
        ("Conf", pem(KEYS["ES256"]), "A peer's name has"),
        ("key-00000000", pem(KEYS["ES256"]), "A peer's name has"),
        ("a.b", "nonsense", "not a public key"),
        ("a.b", pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)), "Ed25519 or P-256"),
        ("a.b", pem(ec.generate_private_key(ec.SECP384R1())), "Ed25519 or P-256"),
        ("a.b", "x" * 3000, "at most"),
    ],
    ids=["capital", "a key's", "nonsense", "rsa", "p384", "long"],
)
def test_a_peer_that_cannot_be_believed_is_not_added(
    shared_server: Server, tmp_path: Path, name: str, key: str, sentence: str
) -> None:
    done = add(shared_server, tmp_path, name, key)
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr


def test_peers_are_listed_and_a_missing_file_is_said(server: Server) -> None:
    found = json.loads(server.podium("peer", "list", "--json").stdout)
    assert {"name": PEER, "key": pem(KEYS["EdDSA"]).strip()} in found
    assert "cannot be read" in server.podium("peer", "add", "a.b", "nothing.pem").stderr
    assert "over HTTPS" in server.podium("peer", "add", "a.b", "http://a.b/keys").stderr
