"""The workspace as a whole: its profile and logo, switching it off, its record and its end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import jwt
import pytest

from tests.harness import Guest, Server
from tests.server.workspace.support import PASSWORD, ask, database, digest, join, secret
from tests.server.workspace.test_picture import jpeg, png

# --- profile and logo ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "  "}, "$.name"),
        ({"name": "x" * 65}, "$.name"),
        ({"description": "x" * 1001}, "$.description"),
        ({"time_zone": "Mars/Olympus"}, "$.time_zone"),
        ({"time_zone": "../../etc/passwd"}, "$.time_zone"),
        ({"enabled": False}, "$"),
    ],
)
def test_a_profile_that_makes_no_sense_changes_nothing(
    shared_server: Server, change: dict[str, Any], path: str
) -> None:
    before = digest(shared_server)
    body = {"name": "Acme", "description": "", "time_zone": "UTC", **change}
    answer = ask(shared_server, "PUT", "", body, shared_server.login().token)
    assert (answer.status, answer.json["code"], answer.json["details"]["path"]) == (400, "bad_message", path)
    assert digest(shared_server) == before


def test_everybody_sees_the_company_page_and_who_is_signed_in_the_profile(shared_server: Server) -> None:
    owner = shared_server.login().token
    profile = {"name": "Acme", "description": "We meet.", "time_zone": "Asia/Tokyo"}
    shared_server.api("PUT", "/workspace", profile, owner)
    assert profile.items() <= shared_server.api("GET", "/workspace/company").items()
    assert ask(shared_server, "GET", "").status == 401
    guest = shared_server.guest("Gil")
    assert ask(shared_server, "GET", "", token=guest.token).json["code"] == "not_allowed"


def test_a_logo_is_served_as_what_it_is_and_kept_by_browsers(shared_server: Server) -> None:
    owner = shared_server.login().token
    first = ask(shared_server, "PUT", "/logo", jpeg(7, 7), owner).json["logo"]
    served = shared_server.request("GET", first)
    assert (served.status, served.body, served.headers["content-type"]) == (200, jpeg(7, 7), "image/jpeg")
    assert served.headers["x-content-type-options"] == "nosniff" and "immutable" in served.headers["cache-control"]
    second = ask(shared_server, "PUT", "/logo", png(8, 8), owner).json["logo"]
    assert second != first and shared_server.request("GET", first).status == 404
    assert shared_server.api("GET", "/workspace/company")["logo"] == second
    assert ask(shared_server, "DELETE", "/logo", token=owner).json["logo"] is None
    assert shared_server.request("GET", second).status == 404


@pytest.mark.parametrize(
    ("picture", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, "bad_message"),
        (b"", 400, "bad_message"),
        (png(5000, 5000), 400, "bad_message"),
        (png() + bytes(256 * 1024), 413, "too_large"),
    ],
)
def test_what_is_no_logo_is_refused(shared_server: Server, picture: bytes, status: int, code: str) -> None:
    before = digest(shared_server)
    answer = ask(shared_server, "PUT", "/logo", picture, shared_server.login().token)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert digest(shared_server) == before


# --- switching the company off -------------------------------------------------------------


async def test_switched_off_it_ends_everybodys_sessions_but_those_of_who_may_switch_it_on(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    owner, admin, member = server.login(), join(server, "admin"), join(server, "member")
    guest, conference = server.guest("Gil"), server.conference
    inside = {who.name: await clients(server, who, conference) for who in (owner, admin, member, guest)}
    idle = await clients(server, join(server, "member"))
    assert ask(server, "PUT", "/company", {"enabled": False}, admin.token).json["enabled"] is False
    for one in (inside[member.name], inside[guest.name], idle):
        await asyncio.wait_for(one.closed.wait(), 5)
        assert one.closing is not None and one.closing["code"] == "company_disabled"
    # They are not kept for the grace period, in which they would still be seen and heard.
    left = [await inside[owner.name].event("participant.left") for _ in range(2)]
    assert {event["person"] for event in left} == {member.identity, guest.identity}
    assert (await inside[admin.name].send("can", target=owner.identity))["type"] == "ok"


async def test_switched_off_nobody_else_comes_in_by_any_door(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    owner, admin, member = server.login(), join(server, "admin"), join(server, "member")
    guest, link = server.guest("Gil"), server.invite()
    invitation = server.api("POST", "/workspace/invitations", {"server_role": "member"}, owner.token)
    code = server.podium("account", "link", member.name).stdout.partition("code=")[2].split()[0].partition("&")[0]
    server.api("PUT", "/workspace/company", {"enabled": False}, owner.token)
    attempts = [
        ("GET", "/api/v1/me", None, member.token),
        ("GET", "/api/v1/workspace", None, member.token),
        ("POST", "/api/v1/login", {"name": member.name, "password": PASSWORD}, None),
        ("POST", "/api/v1/login", {"code": code}, None),
        ("POST", "/api/v1/guests", {"invite": link, "name": "Hal"}, None),
        ("POST", "/api/v1/workspace/invitations/open", {"invitation": secret(invitation)}, None),
        (
            "POST",
            "/api/v1/workspace/join",
            {"invitation": secret(invitation), "login": "new", "name": "New", "password": PASSWORD},
            None,
        ),
    ]
    for method, path, body, token in attempts:
        answer = server.request(method, path, body, token)
        assert (answer.status, answer.json["code"]) == (403, "company_disabled"), path
    # A wrong password is not told apart from an unknown login because of it.
    assert server.request("POST", "/api/v1/login", {"name": member.name, "password": "x"}).json["code"] == "bad_token"
    for who in (member, guest):
        with pytest.raises(AssertionError, match="company_disabled"):
            await clients(server, who, server.conference)
    assert server.api("POST", "/login", {"name": admin.name, "password": PASSWORD})["account"]["id"] == admin.identity
    assert server.api("GET", "/workspace/company")["enabled"] is False
    server.restart()
    assert server.request("GET", "/api/v1/me", token=member.token).status == 403
    # Switched on, everything is good that was: also the link that was tried meanwhile.
    server.api("PUT", "/workspace/company", {"enabled": True}, admin.token)
    for method, path, body, token in attempts:
        assert server.request(method, path, body, token).status == 200, path


# --- the end -------------------------------------------------------------------------------


async def test_a_deleted_workspace_has_its_owner_the_record_and_nothing_else(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    owner, member = server.login(), join(server, "member")
    theirs = server.api("POST", "/conferences", {"title": "Theirs"}, member.token)["conference"]
    inside = await clients(server, member, theirs)
    await inside.send("chat.send", text="Hello")
    guest = await clients(server, server.guest("Gil"), server.conference)
    attribute = server.api("POST", "/workspace/attributes", {"name": "Team", "kind": "text"}, owner.token)["id"]
    server.api("PUT", f"/workspace/people/{member.identity}", {"values": {attribute: "Sales"}}, owner.token)
    template = {"name": "Hello", "subject": "Hello", "body": "Hello {name}"}
    server.api("POST", "/workspace/templates", template, owner.token)
    server.api("POST", "/workspace/invitations", {"server_role": "member"}, owner.token)
    ask(server, "PUT", "/logo", png(), owner.token)
    assert ask(server, "POST", "/delete", {"confirm": "Podium"}, owner.token).json == {}
    for one in (inside, guest):
        await asyncio.wait_for(one.closed.wait(), 5)
    left = {"migrations", "keys", "sqlite_sequence", "workspace", "workspace_record", "accounts", "audit"}
    left.add("removed_conferences")  # their ids, so that a server that was away does not bring them back
    with closing(database(server)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        full = {table for table in tables if connection.execute(f"SELECT 1 FROM {table}").fetchone()}
        assert full == left
        assert connection.execute("SELECT id FROM accounts").fetchall() == [(owner.identity,)]
    assert server.request("GET", "/api/v1/me", token=member.token).status == 401
    assert server.request("GET", f"/api/v1/conferences/{theirs}").status == 404
    entries = server.api("GET", "/workspace/record", token=owner.token)["entries"]
    assert (entries[0]["action"], entries[0]["login"]) == ("workspace.delete", "owner")
    # It goes on as on the first day.
    server.restart()
    assert len(server.api("GET", "/conferences", token=owner.token)["conferences"]) == 1


def test_deleting_needs_the_name_and_the_password(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    token = server.login().token
    server.api("PUT", "/me/password", {"password": PASSWORD}, token)
    before = digest(server)
    for body, status in (
        ({"confirm": "podium", "password": PASSWORD}, 400),
        ({"confirm": "", "password": PASSWORD}, 400),
        ({"confirm": "Podium"}, 403),
        ({"confirm": "Podium", "password": "wrong horse"}, 403),
    ):
        assert ask(server, "POST", "/delete", body, token).status == status, body
    assert digest(server) == before


def test_without_a_password_only_who_has_just_signed_in_deletes(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    owner = server.login()
    old = server.podium("token", "issue", "owner", "--days", "1").stdout.strip()
    with closing(database(server)) as connection, connection:
        (key,) = connection.execute("SELECT value FROM keys WHERE name = 'token_secret'").fetchone()
        connection.execute("UPDATE accounts SET tokens_after = 0")
    claims = jwt.decode(old, key, algorithms=["HS256"], audience="podium")
    stale = jwt.encode({**claims, "iat": claims["iat"] - 301}, key, algorithm="HS256")
    assert server.api("GET", "/me", token=stale)["has_password"] is False
    refused = ask(server, "POST", "/delete", {"confirm": "Podium"}, stale)
    assert (refused.status, refused.json["code"]) == (403, "not_allowed") and "signed in" in refused.json["message"]
    # Nor does it get itself the password that would do.
    assert server.request("PUT", "/api/v1/me/password", {"password": "correct horse"}, stale).status == 403
    assert server.api("GET", "/me", token=stale)["has_password"] is False
    assert ask(server, "POST", "/delete", {"confirm": "Podium"}, owner.token).status == 200


# --- the record ----------------------------------------------------------------------------


def test_the_record_says_who_did_what_and_is_read_page_by_page(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--requests-per-second", "1000")
    owner, admin, member = server.login(), join(server, "admin"), join(server, "member")
    template = {"name": "Hello", "subject": "Hello", "body": "Hello"}
    made = server.api("POST", "/workspace/templates", template, admin.token)["id"]
    for number in range(105):
        body = {**template, "subject": f"Hello {number}"}
        server.api("PUT", f"/workspace/templates/{made}", body, owner.token if number % 2 else admin.token)
    page = server.api("GET", "/workspace/record", token=admin.token)
    second = server.api("GET", f"/workspace/record?after={page['next']}", token=admin.token)
    first = page["entries"]
    numbers = [entry["number"] for entry in first + second["entries"]]
    assert second["next"] is None
    assert len(first) == 100 and numbers == list(range(len(numbers), 0, -1))
    assert [(entry["login"], entry["action"]) for entry in first[:2]] == [
        (admin.name, "email_template.edit_own"),
        ("owner", "email_template.edit_any"),
    ]
    assert ask(server, "GET", "/record", token=member.token).json["code"] == "not_allowed"
    for after in ("x", "W10=", "WyJ4Il0=", "Wy0xXQ"):
        assert ask(server, "GET", f"/record?after={after}", token=owner.token).json["code"] == "bad_message"


def test_the_record_is_append_only_whoever_writes(shared_server: Server) -> None:
    shared_server.api("PUT", "/workspace/company", {"enabled": False}, shared_server.login().token)
    shared_server.api("PUT", "/workspace/company", {"enabled": True}, shared_server.login().token)
    with closing(database(shared_server)) as connection:
        for statement in ("UPDATE workspace_record SET login = 'nobody'", "DELETE FROM workspace_record"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
            connection.rollback()


def test_a_guest_may_nothing_of_all_this(shared_server: Server) -> None:
    guest: Guest = shared_server.guest("Gil", "moderator")
    for path in ("", "/can", "/people", "/me", "/attributes", "/templates", "/invitations", "/record"):
        answer = ask(shared_server, "GET", path, token=guest.token)
        assert (answer.status, answer.json["code"]) == (403, "not_allowed"), path
