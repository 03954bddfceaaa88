"""Events of several sessions, and conferences that are planned, against a running server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Client, Guest, Server

Clients = Callable[..., Any]


def member(server: Server, login: str) -> Guest:
    """A new account, signed in."""
    code = server.podium("account", "add", login).stdout.strip().partition("#code=")[2]
    answer = server.api("POST", "/login", {"code": code})
    return Guest(answer["token"], answer["account"]["id"], login)


def event_of(server: Server, *sessions: str, title: str = "Congress") -> str:
    """A new event of the owner with these sessions."""
    token = server.login().token
    made = server.api("POST", "/events", {"title": title}, token)["event"]
    for conference in sessions:
        server.api("POST", f"/events/{made}/sessions", {"conference": conference}, token)
    return str(made)


def planned(server: Server, title: str) -> str:
    """A conference for later: of these an owner may have many."""
    body = {"title": title, "starts": int(time.time() * 1000) + 86_400_000}
    return str(server.api("POST", "/conferences", body, server.login().token)["conference"])


async def test_a_member_of_an_event_has_the_same_role_in_each_session_live(
    shared_server: Server, clients: Clients
) -> None:
    token, anna = shared_server.login().token, member(shared_server, "anna")
    first, second = planned(shared_server, "Morning"), planned(shared_server, "Noon")
    event = event_of(shared_server, first, second)
    inside: Client = await clients(shared_server, anna, first)
    path = f"/events/{event}/members/{anna.identity}"
    shown = shared_server.api("PUT", path, {"role": "moderator"}, token)
    assert (shown["sessions"], shown["members"]) == (
        [first, second],
        [{"identity": anna.identity, "name": "anna", "role": "moderator"}],
    )
    told = await inside.event("role.assigned", person=anna.identity)
    assert (told["role"], told["by"]) == ("moderator", shared_server.login().identity)
    # In the other session from the moment of joining, and in one that is added later.
    third = planned(shared_server, "Evening")
    shared_server.api("POST", f"/events/{event}/sessions", {"conference": third}, token)
    for conference in (second, third):
        await inside.send("conference.leave")
        await inside.join(conference)
        assert inside.person(anna.identity)["role"] == "moderator"
    shared_server.api("PUT", path, {"role": "viewer"}, token)
    assert (await inside.event("role.assigned", person=anna.identity))["role"] == "viewer"
    assert shared_server.api("DELETE", path, token=token)["members"] == []
    told = await inside.event("role.assigned", person=anna.identity)
    assert (told["role"], told["inherited"]) == ("speaker", True)


async def test_who_is_an_organizer_by_right_stays_one_in_the_session_that_is_theirs(
    shared_server: Server, clients: Clients
) -> None:
    ben = member(shared_server, "ben")
    his = shared_server.api("POST", "/conferences", {"title": "Ben's"}, ben.token)["conference"]
    other = planned(shared_server, "Not Ben's")
    event = event_of(shared_server, his, other)
    path = f"/events/{event}/members/{ben.identity}"
    shared_server.api("PUT", path, {"role": "viewer"}, shared_server.login().token)
    client: Client = await clients(shared_server, ben, his)
    assert client.person(ben.identity)["role"] == "organizer"
    await client.send("conference.leave")
    await client.join(other)
    assert client.person(ben.identity)["role"] == "viewer"


def test_only_its_owner_and_organizers_by_right_see_and_change_an_event(shared_server: Server) -> None:
    carla, dora = member(shared_server, "carla"), member(shared_server, "dora")
    hers = shared_server.api("POST", "/events", {"title": "Carla's"}, carla.token)["event"]
    mine = shared_server.api("POST", "/conferences", {"title": "Dora's"}, dora.token)["conference"]
    path = f"/api/v1/events/{hers}"
    for method, where, body in (
        ("GET", path, None),
        ("DELETE", path, None),
        ("POST", f"{path}/sessions", {"conference": mine}),
        ("PUT", f"{path}/members/{dora.identity}", {"role": "moderator"}),
        ("DELETE", f"{path}/members/{dora.identity}", None),
        ("DELETE", f"{path}/sessions/{mine}", None),
    ):
        response = shared_server.request(method, where, body, dora.token)
        assert (response.status, response.json["code"]) == (404, "not_found"), (method, where)
    assert shared_server.api("GET", "/events", token=dora.token)["events"] == []
    # A conference is made a session by who owns both.
    refused = shared_server.request("POST", f"{path}/sessions", {"conference": mine}, carla.token)
    assert (refused.status, refused.json["code"]) == (403, "not_allowed")
    assert hers in {
        each["event"] for each in shared_server.api("GET", "/events", token=shared_server.login().token)["events"]
    }
    assert shared_server.api("DELETE", f"/events/{hers}", token=carla.token) == {"removed": True}
    assert shared_server.request("GET", path, token=carla.token).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/sessions", {"conference": "abc-defg-hij"}, (404, "no_such_conference")),
        ("POST", "/sessions", {"conference": "NO"}, (400, "bad_message")),
        ("PUT", "/members/u_nobody", {"role": "viewer"}, (404, "no_such_person")),
        ("PUT", "/members/nobody", {"role": "viewer"}, (404, "no_such_person")),
        ("PUT", "/members/a%20b", {"role": "viewer"}, (404, "no_such_person")),
        ("PUT", "/members/anna@conf.example.org", {"role": "emperor"}, (400, "bad_message")),
        ("DELETE", "/members/u_nobody", None, (404, "no_such_person")),
        ("DELETE", "/sessions/abc-defg-hij", None, (404, "not_found")),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    shared_server: Server, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    event = event_of(shared_server, title="Untouched")
    before = shared_server.api("GET", f"/events/{event}", token=shared_server.login().token)
    response = shared_server.request(method, f"/api/v1/events/{event}{path}", body, shared_server.login().token)
    assert (response.status, response.json["code"]) == expected
    assert shared_server.api("GET", f"/events/{event}", token=shared_server.login().token) == before


def test_somebody_with_an_account_is_made_a_member_by_login(shared_server: Server) -> None:
    fay = member(shared_server, "fay")
    path = f"/events/{event_of(shared_server)}/members/Fay"
    shown = shared_server.api("PUT", path, {"role": "speaker"}, shared_server.login().token)
    assert shown["members"] == [{"identity": fay.identity, "name": "fay", "role": "speaker"}]


def test_a_conference_is_a_session_of_one_event(shared_server: Server) -> None:
    conference = planned(shared_server, "Once")
    event_of(shared_server, conference)
    second = event_of(shared_server)
    response = shared_server.request(
        "POST", f"/api/v1/events/{second}/sessions", {"conference": conference}, shared_server.login().token
    )
    assert (response.status, response.json["code"]) == (409, "too_many")


def test_an_event_and_its_members_outlive_a_restart_and_their_accounts(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    eva = member(server, "eva")
    event = server.api("POST", "/events", {"title": "Eva's"}, eva.token)["event"]
    server.api("PUT", f"/events/{event}/members/anna@conf.example.org", {"role": "speaker"}, eva.token)
    server.restart()
    shown = server.api("GET", f"/events/{event}", token=eva.token)
    assert shown["members"] == [{"identity": "anna@conf.example.org", "name": "", "role": "speaker"}]
    assert server.podium("account", "remove", "eva", "--yes").returncode == 0
    owner = server.login()
    assert server.api("GET", f"/events/{event}", token=owner.token)["owner"] == owner.identity


# --- sessions of others ----------------------------------------------------------------------


def operated(server: Server, login: str) -> tuple[Guest, str]:
    """Somebody in an operators' group of their own, and the path of their place in it."""
    guest, owner = member(server, login), server.login()
    server.api("POST", "/groups", {"name": f"of-{login}", "operator": True}, owner.token)
    place = f"/groups/of-{login}/members/{guest.identity}"
    server.api("PUT", place, None, owner.token)
    return guest, place


def audited(server: Server, conference: str) -> list[tuple[str, str, str]]:
    token = server.login().token
    entries = server.api("GET", f"/conferences/{conference}/audit?limit=500", token=token)["entries"]
    return [(one["actor"], one["command"], one.get("target", "")) for one in entries]


async def test_who_operates_no_more_gives_and_takes_no_role_by_an_event_made_before(
    shared_server: Server, clients: Clients
) -> None:
    oskar, place = operated(shared_server, "oskar.events")
    vera, walt = member(shared_server, "vera"), member(shared_server, "walt")
    hers = shared_server.api("POST", "/conferences", {"title": "Vera's"}, vera.token)["conference"]
    his = shared_server.api("POST", "/conferences", {"title": "Oskar's"}, oskar.token)["conference"]
    event = shared_server.api("POST", "/events", {"title": "Both"}, oskar.token)["event"]
    for conference in (his, hers):
        shared_server.api("POST", f"/events/{event}/sessions", {"conference": conference}, oskar.token)
    shared_server.api("PUT", f"/events/{event}/members/{walt.identity}", {"role": "moderator"}, oskar.token)
    shared_server.api("DELETE", place, None, shared_server.login().token)
    before = shared_server.api("GET", f"/events/{event}", token=oskar.token)
    for method, whom, body in (
        ("PUT", oskar, {"role": "organizer"}),
        ("PUT", walt, {"role": "viewer"}),
        ("DELETE", walt, None),
    ):
        path = f"/api/v1/events/{event}/members/{whom.identity}"
        refused = shared_server.request(method, path, body, oskar.token)
        assert (refused.status, refused.json["code"]) == (403, "not_allowed"), method
        assert "Vera's" in refused.json["message"] and refused.json["details"] == {"conference": hers}
    # Nothing has changed: in the event, in hers, nor in the one that is before hers and his.
    assert shared_server.api("GET", f"/events/{event}", token=oskar.token) == before
    inside: Client = await clients(shared_server, oskar, hers)
    assert inside.person(oskar.identity)["role"] == "speaker"
    for conference in (his, hers):
        visitor: Client = await clients(shared_server, walt, conference)
        assert visitor.person(walt.identity)["role"] == "moderator"
        await visitor.send("conference.leave")
    # What he does not organize he takes out, and has the rest to himself again.
    shared_server.api("DELETE", f"/events/{event}/sessions/{hers}", None, oskar.token)
    shown = shared_server.api("DELETE", f"/events/{event}/members/{walt.identity}", None, oskar.token)
    assert (shown["sessions"], shown["members"]) == ([his], [])
    again: Client = await clients(shared_server, walt, hers)
    assert again.person(walt.identity)["role"] == "moderator"


async def test_who_was_made_an_organizer_of_a_session_gives_roles_in_it_present_or_not_until_they_are_blocked(
    shared_server: Server, clients: Clients
) -> None:
    olga, place = operated(shared_server, "olga.events")
    conference = shared_server.create("Organized by Olga")
    event = shared_server.api("POST", "/events", {"title": "Olga's"}, olga.token)["event"]
    shared_server.api("POST", f"/events/{event}/sessions", {"conference": conference}, olga.token)
    shared_server.api("DELETE", place, None, shared_server.login().token)
    owner: Client = await clients(shared_server, shared_server.login(), conference)
    path = f"/api/v1/events/{event}/members/{member(shared_server, 'xena').identity}"

    def status() -> int:
        return shared_server.request("PUT", path, {"role": "viewer"}, olga.token).status

    # A moderator is less than the role of an event may be.
    await owner.send("role.assign", target=olga.identity, role="moderator")
    assert status() == 403
    await owner.send("role.assign", target=olga.identity, role="organizer")
    assert status() == 200
    await owner.send("participant.block", target=olga.identity)
    assert status() == 403
    # It is still her event.
    assert shared_server.api("DELETE", f"/events/{event}/sessions/{conference}", None, olga.token) == {"removed": True}


def test_the_owner_of_a_conference_takes_it_out_of_an_event_of_somebody_else(shared_server: Server) -> None:
    yann, zoe, owner = member(shared_server, "yann"), member(shared_server, "zoe"), shared_server.login()
    his = shared_server.api("POST", "/conferences", {"title": "Yann's"}, yann.token)["conference"]
    event = event_of(shared_server, his)

    def listed() -> Any:
        (only,) = shared_server.api("GET", "/conferences", token=yann.token)["conferences"]
        return only.get("event")

    # He sees that it is in one, though not who is in it.
    assert listed() == event
    assert shared_server.request("GET", f"/api/v1/events/{event}", token=yann.token).status == 404
    path = f"/events/{event}/sessions/{his}"
    for token, where in ((zoe.token, path), (yann.token, f"/events/{event_of(shared_server)}/sessions/{his}")):
        refused = shared_server.request("DELETE", f"/api/v1{where}", token=token)
        assert (refused.status, refused.json["code"]) == (404, "not_found")
    assert listed() == event
    assert shared_server.api("DELETE", path, None, yann.token) == {"removed": True}
    assert listed() is None
    assert shared_server.api("GET", f"/events/{event}", token=owner.token)["sessions"] == []
    assert shared_server.request("DELETE", f"/api/v1{path}", token=yann.token).status == 404
    record = audited(shared_server, his)
    assert (owner.identity, "event.join", event) in record and (yann.identity, "event.leave", event) in record
    # Free again for another one.
    event_of(shared_server, his)


# --- planned conferences -------------------------------------------------------------------


def test_a_planned_conference_shows_when_and_can_be_moved(shared_server: Server) -> None:
    token = shared_server.login().token
    starts, ends = 1_900_000_000_000, 1_900_003_600_000
    body = {"title": "Planned", "starts": starts, "ends": ends}
    made = shared_server.api("POST", "/conferences", body, token)["conference"]
    path = f"/conferences/{made}"
    assert shared_server.api("GET", path) == {
        "conference": made,
        "title": "Planned",
        "running": True,
        "starts": starts,
        "ends": ends,
    }
    listed = shared_server.api("GET", "/conferences", token=token)["conferences"]
    assert [(each["starts"], each["ends"]) for each in listed if each["conference"] == made] == [(starts, ends)]
    moved = shared_server.api("PATCH", path, {"starts": starts + 1}, token)
    assert (moved["starts"], moved["ends"]) == (starts + 1, ends)
    moved = shared_server.api("PATCH", path, {"starts": None, "ends": None}, token)
    assert "starts" not in moved and "ends" not in moved


@pytest.mark.parametrize(
    "change", [{"starts": 5, "ends": 5}, {"ends": 5}, {"starts": -1}, {"starts": "soon"}, {"at": 1}]
)
def test_a_plan_that_makes_no_sense_is_refused(shared_server: Server, change: dict[str, Any]) -> None:
    token = shared_server.login().token
    path = f"/conferences/{planned(shared_server, 'Sensible')}"
    before = shared_server.api("GET", path)
    for method, where, body in (
        ("PATCH", path, {"starts": None, **change}),
        ("POST", "/conferences", {"title": "x", **change}),
    ):
        response = shared_server.request(method, f"/api/v1{where}", body, token)
        assert (response.status, response.json["code"]) == (400, "bad_message")
    assert shared_server.api("GET", path) == before


def test_only_organizers_plan(shared_server: Server) -> None:
    conference = planned(shared_server, "Theirs")
    for token in (shared_server.guest("Ben", "moderator", conference).token, member(shared_server, "fred").token):
        response = shared_server.request("PATCH", f"/api/v1/conferences/{conference}", {"starts": 1}, token)
        assert (response.status, response.json["code"]) == (403, "not_allowed")


async def test_who_plans_for_later_is_not_returned_to_what_is_running(
    podium_server: Callable[..., Server], clients: Clients
) -> None:
    server = podium_server()
    await clients(server, server.guest("Ben"), server.conference)
    token = server.login().token
    later = int(time.time() * 1000) + 86_400_000
    assert server.api("POST", "/conferences", {"title": "Later", "starts": later}, token)["returned"] is False
    # Planned for a time that has come is for now.
    assert server.api("POST", "/conferences", {"title": "Now", "starts": 1}, token)["returned"] is True
    assert server.api("POST", "/conferences", {"title": "Now"}, token)["returned"] is True


def test_an_owner_who_became_a_security_admin_reads_an_event_and_changes_nothing(shared_server: Server) -> None:
    sam, owner = member(shared_server, "sam.secure"), shared_server.login()
    event = shared_server.api("POST", "/events", {"title": "Mine"}, sam.token)["event"]
    hers = shared_server.api("POST", "/conferences", {"title": "Sam's"}, sam.token)["conference"]
    shared_server.api("POST", f"/events/{event}/sessions", {"conference": hers}, sam.token)
    shared_server.api("PUT", f"/workspace/people/{sam.identity}", {"server_role": "security_admin"}, owner.token)
    shared_server.api("GET", f"/events/{event}", token=sam.token)
    for method, path, body in (
        ("PUT", f"/members/{owner.identity}", {"role": "viewer"}),
        ("DELETE", f"/members/{owner.identity}", None),
        ("POST", "/sessions", {"conference": shared_server.conference}),
        ("DELETE", f"/sessions/{hers}", None),
        ("DELETE", "", None),
    ):
        answer = shared_server.request(method, f"/api/v1/events/{event}{path}", body, sam.token)
        assert answer.json["code"] == "not_allowed", (method, path)
