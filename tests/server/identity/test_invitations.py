"""Guest links that are listed, used up and revoked; and a blocked identity, which is dead on every door."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Client, Guest, Refused, Server

Clients = Callable[..., Any]


def enter(server: Server, invite: str, name: str = "Ben", **more: Any) -> Guest:
    answer = server.api("POST", "/guests", {"invite": invite, "name": name, **more})
    return Guest(answer["token"], answer["identity"], name)


def turned_away(server: Server, invite: str, **more: Any) -> tuple[int, str]:
    response = server.request("POST", "/api/v1/guests", {"invite": invite, "name": "Ben", **more})
    return response.status, response.json["code"]


def link(server: Server, conference: str, **fields: Any) -> dict[str, Any]:
    path = f"/conferences/{conference}/invitations"
    return dict(server.api("POST", path, {"role": "viewer", **fields}, server.login().token))


def revoke(server: Server, conference: str, id: str, **fields: Any) -> Any:
    return server.api("POST", f"/conferences/{conference}/invitations/{id}/revoke", fields, server.login().token)


async def hello(clients: Clients, server: Server, guest: Guest) -> str | None:
    """What a connection is refused with; None when it is welcome."""
    try:
        await clients(server, guest)
    except Refused as error:
        return error.code
    return None


def test_links_are_listed_with_what_became_of_them_and_without_what_opens_the_door(shared_server: Server) -> None:
    conference, owner = shared_server.create("Listed"), shared_server.login()
    made = link(shared_server, conference, role="speaker", label=" For the choir ", max_uses=5)
    enter(shared_server, made["token"])
    answer = shared_server.request("GET", f"/api/v1/conferences/{conference}/invitations", token=owner.token)
    (shown,) = answer.json["invitations"]
    assert shown | {"created": 0} == {
        "id": made["id"],
        "role": "speaker",
        "label": "For the choir",
        "made_by": owner.identity,
        "made_by_name": "Owner",
        "created": 0,
        "expires": made["expires"],
        "uses": 1,
        "max_uses": 5,
        "revoked": None,
    }
    assert made["token"].encode() not in answer.body and made["token"].split(".")[2].encode() not in answer.body


def test_a_link_for_some_lets_in_no_more_and_those_again(shared_server: Server) -> None:
    invite = link(shared_server, shared_server.create("For two"), max_uses=2)["token"]
    first, _ = enter(shared_server, invite), enter(shared_server, invite)
    assert turned_away(shared_server, invite) == (401, "bad_token")
    assert enter(shared_server, invite, token=first.token).identity == first.identity


@pytest.mark.parametrize("change", [{"max_uses": 0}, {"days": 0}, {"label": "x" * 101}, {"uses": 1}])
def test_a_link_that_makes_no_sense_is_not_made(shared_server: Server, change: dict[str, Any]) -> None:
    path = f"/api/v1/conferences/{shared_server.conference}/invitations"
    response = shared_server.request("POST", path, {"role": "viewer", **change}, shared_server.login().token)
    assert (response.status, response.json["code"]) == (400, "bad_message")


def test_only_who_invites_lists_and_revokes(shared_server: Server) -> None:
    conference = shared_server.create("Not theirs")
    made = link(shared_server, conference)
    guest = enter(shared_server, made["token"])
    path = f"/api/v1/conferences/{conference}/invitations"
    for method, where, body in (("GET", path, None), ("POST", f"{path}/{made['id']}/revoke", {})):
        response = shared_server.request(method, where, body, guest.token)
        assert (response.status, response.json["code"]) == (403, "not_allowed")
    assert enter(shared_server, made["token"])
    other = shared_server.create("Another")
    response = shared_server.request(
        "POST", f"/api/v1/conferences/{other}/invitations/{made['id']}/revoke", {}, shared_server.login().token
    )
    assert (response.status, response.json["code"]) == (404, "not_found")


async def test_a_revoked_link_lets_nobody_in_and_its_tokens_are_dead_on_every_door(
    shared_server: Server, clients: Clients
) -> None:
    conference = shared_server.create("Revoked")
    made, other = link(shared_server, conference, role="moderator"), link(shared_server, conference)
    inside, carla = enter(shared_server, made["token"]), enter(shared_server, other["token"], "Carla")
    connected: Client = await clients(shared_server, inside, conference)
    broken: Client = await clients(shared_server, carla, conference)
    path = f"/conferences/{conference}/invitations"
    assert shared_server.api("GET", path, token=inside.token)["invitations"]

    assert revoke(shared_server, conference, made["id"])["revoked"] > 0
    # Who is inside stays, as nobody said otherwise; every other door is shut.
    assert (await connected.send("can"))["type"] == "ok"
    assert turned_away(shared_server, made["token"]) == (401, "link_revoked")
    assert turned_away(shared_server, made["token"], token=inside.token) == (401, "link_revoked")
    response = shared_server.request("GET", f"/api/v1{path}", token=inside.token)
    assert (response.status, response.json["code"]) == (401, "link_revoked")
    assert await hello(clients, shared_server, inside) == "link_revoked"
    await connected.drop()
    with pytest.raises(Refused) as caught:
        await connected.hello(inside.token, resume=True)
    assert caught.value.code == "link_revoked"

    # The other link is another matter.
    await broken.drop()
    assert (await broken.hello(carla.token, resume=True))["resumed"] is True


async def test_a_revocation_that_says_so_puts_those_out_who_came_by_the_link(
    shared_server: Server, clients: Clients
) -> None:
    conference = shared_server.create("Put out")
    made, other = link(shared_server, conference), link(shared_server, conference)
    owner = await clients(shared_server, shared_server.login(), conference)
    ben = enter(shared_server, made["token"])
    inside: Client = await clients(shared_server, ben, conference)
    waiting: Client = await clients(shared_server, enter(shared_server, made["token"], "Dora"))
    stays: Client = await clients(shared_server, enter(shared_server, other["token"], "Carla"), conference)
    revoke(shared_server, conference, made["id"])
    revoke(shared_server, conference, made["id"], end_sessions=True)
    for client in (inside, waiting):
        assert (await client.signal("closing"))["code"] == "link_revoked"
    left = await owner.event("participant.left", person=ben.identity)
    assert left["reason"] == "no_access"
    assert (await stays.send("can"))["type"] == "ok"


async def test_a_connection_that_said_hello_before_the_link_was_revoked_does_not_join_after(
    shared_server: Server, clients: Clients
) -> None:
    conference = shared_server.create("Too late")
    made = link(shared_server, conference)
    client: Client = await clients(shared_server, enter(shared_server, made["token"]))
    revoke(shared_server, conference, made["id"])
    with pytest.raises(Refused) as caught:
        await client.join(conference)
    assert caught.value.code == "link_revoked"


async def test_a_blocked_guest_is_dead_on_every_door(shared_server: Server, clients: Clients) -> None:
    conference = shared_server.create("Blocked")
    owner = await clients(shared_server, shared_server.login(), conference)
    made, personal = link(shared_server, conference), link(shared_server, conference, role="moderator")
    ben, mod = enter(shared_server, made["token"]), enter(shared_server, personal["token"], "Mo")
    resumed: Client = await clients(shared_server, ben, conference)
    path = f"/api/v1/conferences/{conference}/invitations"
    moderator: Client = await clients(shared_server, mod, conference)
    for guest in (ben, mod):
        await owner.send("participant.block", target=guest.identity)
        for method, where, body in (
            ("GET", path, None),
            ("POST", path, {"role": "viewer"}),
            ("POST", f"{path}/{made['id']}/revoke", {}),
            ("GET", f"/api/v1/conferences/{conference}/media", None),
            ("POST", f"/api/v1/conferences/{conference}/end", None),
        ):
            response = shared_server.request(method, where, body, guest.token)
            assert (response.status, response.json["code"]) == (403, "blocked"), where
        client = await clients(shared_server, guest)
        with pytest.raises(Refused) as caught:
            await client.join(conference)
        assert caught.value.code == "blocked"
    assert moderator.closed.is_set() or (await moderator.signal("closing"))["code"] == "blocked"
    await resumed.drop()
    with pytest.raises(Refused) as caught:
        await resumed.hello(ben.token, resume=True)
    assert caught.value.code == "blocked"
    assert turned_away(shared_server, made["token"], token=ben.token) == (403, "blocked")
    # Also by another link of the conference, and a moderator's link is its holder's.
    assert turned_away(shared_server, link(shared_server, conference)["token"], token=ben.token) == (403, "blocked")
    assert turned_away(shared_server, personal["token"]) == (403, "blocked")
    await owner.send("participant.unblock", target=mod.identity)
    assert enter(shared_server, personal["token"]).identity == mod.identity


def test_the_printed_link_is_the_same_one_until_it_is_revoked(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    links = [server.printed["Guests"].partition("#invite=")[2]]
    first = enter(server, links[0])
    server.restart()
    links.append(server.printed["Guests"].partition("#invite=")[2])
    listed = json.loads(server.podium("conference", "links", server.conference, "--json").stdout)
    assert [(each["uses"], each["revoked"]) for each in listed] == [(1, None)]
    assert enter(server, links[1], token=first.token).identity == first.identity
    done = server.podium("conference", "revoke", server.conference, listed[0]["id"])
    assert done.returncode == 0 and "revoked" in done.stdout
    assert "revoked" in server.podium("conference", "links", server.conference).stdout
    for invite in links:
        assert turned_away(server, invite) == (401, "link_revoked")
    server.restart()
    assert enter(server, server.printed["Guests"].partition("#invite=")[2])
    assert turned_away(server, links[0]) == (401, "link_revoked")
    unknown = server.podium("conference", "revoke", server.conference, "nothing")
    assert unknown.returncode == 1 and "has no guest link" in unknown.stderr


def test_a_link_of_the_command_line_can_be_for_few_and_named(shared_server: Server) -> None:
    conference = shared_server.create("By command")
    made = shared_server.podium(
        "conference", "link", conference, "--uses", "1", "--label", "Choir", "--role", "speaker"
    )
    invite = made.stdout.strip().partition("#invite=")[2]
    enter(shared_server, invite)
    assert turned_away(shared_server, invite) == (401, "bad_token")
    (shown,) = json.loads(shared_server.podium("conference", "links", conference, "--json").stdout)
    assert (shown["label"], shown["role"], shown["uses"], shown["max_uses"]) == ("Choir", "speaker", 1, 1)
