"""Groups, the operator right that only a group holds, and the security admin, against a running server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.identity.groups import Groups
from tests.harness import Client, Guest, Refused, Server, until
from tests.server.session_support import House

Clients = Callable[..., Any]


def member(server: Server, login: str, role: str = "member") -> Guest:
    """A new account, signed in."""
    code = server.podium("account", "add", login, "--role", role).stdout.strip().partition("#code=")[2]
    answer = server.api("POST", "/login", {"code": code})
    return Guest(answer["token"], answer["account"]["id"], login)


def group(server: Server, name: str, **fields: Any) -> dict[str, Any]:
    return dict(server.api("POST", "/groups", {"name": name, **fields}, server.login().token))


def refused(server: Server, method: str, path: str, token: str, body: Any = None) -> tuple[int, str]:
    response = server.request(method, f"/api/v1{path}", body, token)
    return response.status, response.json["code"]


def test_a_group_is_made_filled_and_removed(shared_server: Server) -> None:
    token, anna = shared_server.login().token, member(shared_server, "anna")
    assert group(shared_server, "Teachers") == {"name": "teachers", "operator": False, "count": 0}
    for named in (anna.identity, "anna"):
        detail = shared_server.api("PUT", f"/groups/teachers/members/{named}", token=token)
    assert detail["members"] == [{"id": anna.identity, "login": "anna", "name": "anna"}]
    listed = shared_server.api("GET", "/groups", token=token)["groups"]
    assert {"name": "teachers", "operator": False, "count": 1} in listed
    assert shared_server.api("DELETE", "/groups/teachers/members/anna", token=token)["members"] == []
    assert refused(shared_server, "DELETE", "/groups/teachers/members/anna", token) == (404, "not_found")
    shared_server.api("DELETE", "/groups/teachers", token=token)
    assert refused(shared_server, "GET", "/groups/teachers", token) == (404, "not_found")


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "x" * 65, "ä", 7])
def test_a_name_that_is_none_makes_no_group(shared_server: Server, name: Any) -> None:
    token = shared_server.login().token
    assert refused(shared_server, "POST", "/groups", token, {"name": name}) == (400, "bad_message")


def test_a_group_is_made_once(shared_server: Server) -> None:
    group(shared_server, "twice")
    again = shared_server.request("POST", "/api/v1/groups", {"name": "twice"}, shared_server.login().token)
    assert again.status == 400 and "already" in again.json["message"]


@pytest.mark.parametrize("role", ["member", "security_admin"])
def test_only_the_owner_and_admins_see_to_groups(shared_server: Server, role: str) -> None:
    ben = member(shared_server, f"ben-{role}".replace("_", "-"), role)
    group(shared_server, f"not-his-{role}".replace("_", "-"))
    name = f"not-his-{role}".replace("_", "-")
    for method, path, body in (
        ("GET", "/groups", None),
        ("POST", "/groups", {"name": "mine", "operator": True}),
        ("GET", f"/groups/{name}", None),
        ("PATCH", f"/groups/{name}", {"operator": True}),
        ("DELETE", f"/groups/{name}", None),
        ("PUT", f"/groups/{name}/members/{ben.identity}", None),
    ):
        assert refused(shared_server, method, path, ben.token, body) == (403, "not_allowed"), path
    assert shared_server.api("GET", f"/groups/{name}", token=shared_server.login().token)["members"] == []


async def test_an_operator_is_organizer_by_right_everywhere_also_where_listed_as_viewer(
    shared_server: Server, clients: Clients
) -> None:
    conference, helper = shared_server.create("Operated"), member(shared_server, "helper")
    owner = await clients(shared_server, shared_server.login(), conference)
    await owner.send("role.assign", target=helper.identity, role="viewer")
    group(shared_server, "helpdesk", operator=True)
    token = shared_server.login().token
    shared_server.api("PUT", f"/groups/helpdesk/members/{helper.identity}", token=token)
    client = await clients(shared_server, helper, conference)
    me = client.person(helper.identity)
    assert (me["role"], me["by_right"]) == ("organizer", True)
    with pytest.raises(Refused) as caught:
        await owner.send("role.assign", target=helper.identity, role="viewer")
    assert caught.value.code == "protected"
    # The conferences of others are listed for them too.
    listed = shared_server.api("GET", "/conferences", token=helper.token)["conferences"]
    assert conference in {each["conference"] for each in listed}

    # Taken from the group while inside: the assignment that was beneath is what they are, at once.
    shared_server.api("DELETE", f"/groups/helpdesk/members/{helper.identity}", token=token)
    event = await client.event("role.assigned", person=helper.identity)
    assert (event["role"], event["by_right"]) == ("viewer", False)
    with pytest.raises(Refused) as caught:
        await client.send("conference.settings", title="Mine")
    assert caught.value.code == "not_allowed"
    assert refused(shared_server, "POST", f"/conferences/{conference}/end", helper.token) == (403, "not_allowed")

    # And back: the assignment is still beneath it.
    shared_server.api("PUT", f"/groups/helpdesk/members/{helper.identity}", token=token)
    assert (await client.event("role.assigned", person=helper.identity))["role"] == "organizer"
    shared_server.api("PATCH", "/groups/helpdesk", {"operator": False}, token)
    assert (await client.event("role.assigned", person=helper.identity))["role"] == "viewer"


async def test_a_right_that_ended_on_the_command_line_is_seen_by_a_join_right_after(
    shared_server: Server, clients: Clients
) -> None:
    conference, rita = shared_server.create("Rita's help"), member(shared_server, "rita")
    assert shared_server.podium("group", "add", "night-shift", "--operator").returncode == 0
    assert shared_server.podium("group", "member", "add", "night-shift", "rita").returncode == 0
    client: Client = await clients(shared_server, rita)
    assert (await client.join(conference))["you"] == rita.identity
    assert client.person(rita.identity)["by_right"] is True
    await client.send("conference.leave")
    assert shared_server.podium("group", "member", "remove", "night-shift", "rita").returncode == 0
    # The same connection, which said hello as an operator.
    await client.join(conference)
    assert (client.person(rita.identity)["role"], client.person(rita.identity).get("by_right")) == ("speaker", None)


async def test_a_right_that_ended_while_the_connection_was_broken_does_not_come_back_with_it(
    shared_server: Server, clients: Clients
) -> None:
    conference, otto = shared_server.create("Otto's help"), member(shared_server, "otto")
    token = shared_server.login().token
    group(shared_server, "day-shift", operator=True)
    shared_server.api("PUT", "/groups/day-shift/members/otto", token=token)
    watching = await clients(shared_server, shared_server.login(), conference)
    client: Client = await clients(shared_server, otto, conference)
    await client.drop()
    await watching.event("participant.away", person=otto.identity)
    shared_server.api("DELETE", "/groups/day-shift", token=token)
    await client.hello(otto.token, resume=True)
    event = await watching.event("role.assigned", person=otto.identity)
    assert (event["role"], event["by_right"]) == ("speaker", False)


async def test_the_check_that_runs_by_itself_gives_and_takes_the_right(tmp_path: Path) -> None:
    house = await House(tmp_path).open()
    try:
        conference, eva = await house.conference(), await house.member("eva")
        client = await house.joined(house.token(eva), conference)
        groups = Groups(house.store)
        await groups.add("helpers", operator=True)
        for change, role in ((groups.add_member("helpers", eva), "organizer"), (groups.remove("helpers"), "speaker")):
            await change
            await house.gateway.check()
            await until(lambda role=role: [e["role"] for e in client.of("role.assigned")][-1:] == [role])
    finally:
        await house.close()


def test_groups_are_listed_on_the_command_line(shared_server: Server) -> None:
    member(shared_server, "ida")
    assert shared_server.podium("group", "add", "printed", "--operator").returncode == 0
    assert shared_server.podium("group", "member", "add", "printed", "ida").returncode == 0
    assert shared_server.podium("group", "operator", "printed", "--off").returncode == 0
    found = json.loads(shared_server.podium("group", "list", "--json").stdout)
    assert {"name": "printed", "operator": False, "members": ["ida"]} in found
    for arguments, sentence in (
        (("group", "add", "printed"), "already"),
        (("group", "remove", "nothing"), "There is no group"),
        (("group", "member", "add", "nothing", "ida"), "There is no group"),
        (("group", "member", "add", "printed", "nobody"), "There is no account"),
    ):
        done = shared_server.podium(*arguments)
        assert done.returncode == 1 and sentence in done.stderr, arguments
    assert shared_server.podium("group", "remove", "printed").returncode == 0


async def test_a_security_admin_reads_and_changes_nothing(shared_server: Server, clients: Clients) -> None:
    conference, sam = shared_server.create("Watched"), member(shared_server, "sam", "security_admin")
    group(shared_server, "all-operators", operator=True)
    shared_server.api("PUT", "/groups/all-operators/members/sam", token=shared_server.login().token)
    assert refused(shared_server, "POST", "/conferences", sam.token, {"title": "Mine"}) == (403, "not_allowed")
    assert refused(shared_server, "POST", "/events", sam.token, {"title": "Mine"}) == (403, "not_allowed")
    path = f"/conferences/{conference}"
    assert refused(shared_server, "PATCH", path, sam.token, {"starts": 1}) == (403, "not_allowed")
    assert refused(shared_server, "POST", f"{path}/end", sam.token) == (403, "not_allowed")
    assert refused(shared_server, "POST", f"{path}/invitations", sam.token, {"role": "viewer"}) == (403, "not_allowed")
    # What they read: every conference's reports.
    assert shared_server.request("GET", f"/api/v1{path}/audit", token=sam.token).status == 200
    listed = shared_server.api("GET", "/conferences", token=sam.token)["conferences"]
    assert conference in {each["conference"] for each in listed}
    # Inside they are a member like any other, in whatever group.
    client = await clients(shared_server, sam, conference)
    me = client.person(sam.identity)
    assert (me["role"], me.get("by_right", False)) == ("speaker", False)


async def test_a_server_role_that_is_taken_is_taken_inside_as_well(shared_server: Server, clients: Clients) -> None:
    conference, adam = shared_server.create("Adam's"), member(shared_server, "adam", "admin")
    client: Client = await clients(shared_server, adam, conference)
    assert client.person(adam.identity)["by_right"] is True
    assert shared_server.podium("account", "remove", "adam", "--yes").returncode == 0
    # Any change of a group makes the server look at all accounts.
    group(shared_server, "look", operator=False)
    shared_server.api("PATCH", "/groups/look", {"operator": False}, shared_server.login().token)
    closing = await client.signal("closing")
    assert closing["code"] == "bad_token"
    watching = await clients(shared_server, shared_server.login(), conference)
    await until(lambda: adam.identity not in {person["id"] for person in watching.snapshot["people"]})
