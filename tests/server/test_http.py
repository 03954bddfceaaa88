"""The HTTP side of a real server: pages, API, refusals, limits, health."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from protocol.errors import Code
from server.http import deadline, health
from server.http.address import Proxies
from server.http.api import API
from server.http.endpoint import MAX_BODY, Caller
from server.ratelimit import RateLimit
from tests.harness import Guest, Server

# --- pages and static files ----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/c/abc-defg-hij", "/console/abc-defg-hij"])
def test_a_page_is_html_and_everything_it_asks_for_is_there(shared_server: Server, path: str) -> None:
    page = shared_server.request("GET", path)
    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    wanted = re.findall(rb'(?:src|href)="(/static/[^"#]+)', page.body)
    assert wanted
    for name in wanted:
        assert shared_server.request("GET", name.decode()).status == 200, name


@pytest.mark.parametrize("path", ["/", "/c/abc-defg-hij", "/console/abc-defg-hij"])
def test_no_page_needs_what_its_policy_forbids(shared_server: Server, path: str) -> None:
    html = shared_server.request("GET", path).body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", html)
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)


@pytest.mark.parametrize("path", ["/", "/static/js/podium.js", "/healthz", "/api/v1/me", "/nothing", "/openapi.json"])
def test_every_response_has_the_security_headers(shared_server: Server, path: str) -> None:
    headers = shared_server.request("GET", path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in headers["permissions-policy"]
    assert "server" not in headers


def test_modules_have_the_type_that_browsers_demand(shared_server: Server) -> None:
    kinds = {"js/podium.js": "text/javascript", "css/base.css": "text/css", "favicon.svg": "image/svg+xml"}
    for name, kind in kinds.items():
        assert shared_server.request("GET", f"/static/{name}").headers["content-type"] == f"{kind}; charset=utf-8"


def test_a_file_that_is_known_is_not_sent_again(shared_server: Server) -> None:
    first = shared_server.request("GET", "/static/js/podium.js")
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = shared_server.request("GET", "/static/js/podium.js", headers={"If-None-Match": known})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert shared_server.request("GET", "/static/js/podium.js", headers={"If-None-Match": '"old"'}).status == 200


def test_a_browser_that_goes_astray_is_shown_a_page(shared_server: Server) -> None:
    response = shared_server.request("GET", "/nowhere", headers={"Accept": "text/html,*/*"})
    assert (response.status, response.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"<h1" in response.body


@pytest.mark.parametrize(
    "path",
    [
        "/static/../config.py",
        "/static/%2e%2e/config.py",
        "/static/..%2fconfig.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/js",
        "/static/",
        "/static/js/podium.js%00.txt",
        "/static/.hidden",
        "/static/nothing.js",
        "/nothing",
        "/c/",
        "/api/v1/nothing",
    ],
)
def test_what_is_not_there_is_a_plain_404(shared_server: Server, path: str) -> None:
    response = shared_server.request("GET", path)
    assert response.status == 404
    assert response.json["code"] == "not_found" and response.json["retry"] is False


def test_a_method_that_a_path_does_not_take_is_refused(shared_server: Server) -> None:
    response = shared_server.request("DELETE", "/api/v1/login")
    assert (response.status, response.json["code"]) == (405, "unsupported")


# --- the documents -------------------------------------------------------------------------


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [value["$ref"]] if "$ref" in value else [ref for item in value.values() for ref in references(item)]
    return [ref for item in value for ref in references(item)] if isinstance(value, list) else []


def test_the_openapi_document_describes_every_endpoint_and_nothing_else(shared_server: Server) -> None:
    document = shared_server.request("GET", "/openapi.json").json
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(endpoint.method, endpoint.path) for endpoint in API}
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference
    log_in = document["paths"]["/api/v1/login"]["post"]
    assert {"200", "400", "401", "413", "429", "503"} <= set(log_in["responses"])
    assert "security" not in log_in and document["paths"]["/api/v1/me"]["get"]["security"] == [{"token": []}]


def test_the_asyncapi_document_is_served(shared_server: Server) -> None:
    assert shared_server.request("GET", "/asyncapi.json").json["asyncapi"].startswith("3.")


# --- logging in ----------------------------------------------------------------------------


def test_the_owner_comes_in_by_the_printed_link_once(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    code = server.code
    owner = server.api("POST", "/login", {"code": code})
    assert owner["account"]["server_role"] == "owner" and owner["expires"] > time.time()
    assert server.api("GET", "/me", token=owner["token"]) == owner["account"]
    again = server.request("POST", "/api/v1/login", {"code": code})
    assert (again.status, again.json["code"]) == (401, "bad_token")


def test_a_password_is_set_used_and_changed(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    token = server.login().token
    assert server.api("GET", "/me", token=token)["has_password"] is False
    server.api("PUT", "/me/password", {"password": "correct horse"}, token)
    assert server.api("GET", "/me", token=token)["has_password"] is True
    assert server.api("POST", "/login", {"name": "owner", "password": "correct horse"})["account"]["login"] == "owner"

    for wrong in ({"password": "battery staple"}, {"password": "battery staple", "old": "wrong horse"}):
        refused = server.request("PUT", "/api/v1/me/password", wrong, token)
        assert (refused.status, refused.json["code"]) == (403, "not_allowed")
    time.sleep(1.1)  # tokens count in seconds
    changed = server.api("PUT", "/me/password", {"password": "battery staple", "old": "correct horse"}, token)
    assert server.request("GET", "/api/v1/me", token=token).status == 401
    assert server.api("GET", "/me", token=changed["token"])["login"] == "owner"
    assert server.request("POST", "/api/v1/login", {"name": "owner", "password": "correct horse"}).status == 401


def test_a_wrong_password_and_an_unknown_login_look_the_same(shared_server: Server) -> None:
    answers = [
        shared_server.request("POST", "/api/v1/login", {"name": name, "password": "wrong horse"})
        for name in ("owner", "nobody")
    ]
    assert [answer.status for answer in answers] == [401, 401]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJub25lIn0.e30.", "x" * 5000])
@pytest.mark.parametrize("endpoint", [e for e in API if e.caller is not Caller.ANYBODY], ids=lambda e: e.name)
def test_without_a_good_token_nothing_is_done(shared_server: Server, endpoint: Any, token: str) -> None:
    path = endpoint.path.replace("{conference}", shared_server.conference)
    response = shared_server.request(endpoint.method, path, {}, headers={"Authorization": f"Bearer {token}"})
    assert (response.status, response.json["code"]) == (401, "bad_token")


def test_a_removed_account_is_out_at_once(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    assert server.podium("account", "add", "anna").returncode == 0
    token = server.podium("token", "issue", "anna").stdout.strip()
    assert server.api("GET", "/me", token=token)["login"] == "anna"
    assert server.podium("account", "remove", "anna", "--yes").returncode == 0
    assert server.request("GET", "/api/v1/me", token=token).status == 401


# --- guests --------------------------------------------------------------------------------


def test_a_guest_comes_in_by_the_printed_link_and_stays_the_same_person(shared_server: Server) -> None:
    invite = shared_server.printed["Guests"].partition("#invite=")[2]
    first = shared_server.api("POST", "/guests", {"invite": invite, "name": " Ben "})
    assert first["identity"].startswith("g_") and first["name"] == "Ben"
    assert first["conference"] == shared_server.conference
    again = shared_server.api("POST", "/guests", {"invite": invite, "name": "Benjamin", "token": first["token"]})
    assert (again["identity"], again["name"]) == (first["identity"], "Benjamin")
    other = shared_server.api("POST", "/guests", {"invite": invite, "name": "Ben"})
    assert other["identity"] != first["identity"]


def test_a_moderators_link_is_one_person_however_often_it_is_opened(shared_server: Server) -> None:
    link = shared_server.invite("moderator")
    first = shared_server.api("POST", "/guests", {"invite": link, "name": "Ben"})
    # As after clearing the browser's storage, and as with a token of somebody else.
    viewer = shared_server.guest("Carla")
    for more in ({}, {"token": viewer.token}):
        again = shared_server.api("POST", "/guests", {"invite": link, "name": "Somebody", **more})
        assert again["identity"] == first["identity"] != viewer.identity
    other = shared_server.api("POST", "/guests", {"invite": shared_server.invite("moderator"), "name": "Ben"})
    assert other["identity"] != first["identity"]


async def test_a_moderator_who_was_demoted_is_not_one_again_by_the_same_link(
    shared_server: Server, clients: Callable[..., Any]
) -> None:
    conference = shared_server.create("Demoted")
    link = shared_server.invite("moderator", conference)
    owner = await clients(shared_server, shared_server.login(), conference)

    async def enter() -> Any:
        entered = shared_server.api("POST", "/guests", {"invite": link, "name": "Ben"})
        return await clients(shared_server, Guest(entered["token"], entered["identity"], "Ben"), conference)

    ben = await enter()
    assert (await ben.send("can", target=ben.identity))["type"] == "ok"
    await owner.send("role.assign", target=ben.identity, role="viewer")
    await ben.send("conference.leave")
    again = await enter()
    assert again.person(ben.identity)["role"] == "viewer"


def test_a_guest_token_of_another_conference_makes_nobody_the_same_person(shared_server: Server) -> None:
    here = shared_server.guest("Ben")
    there = shared_server.create("Elsewhere")
    invite = shared_server.invite("viewer", there)
    answer = shared_server.api("POST", "/guests", {"invite": invite, "name": "Ben", "token": here.token})
    assert answer["identity"] != here.identity


@pytest.mark.parametrize(
    "change",
    [
        {"invite": "x"},
        {"invite": "eyJhbGciOiJub25lIn0.e30."},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 65},
        {"name": 7},
        {"role": "organizer"},
        {"identity": "g_0000000000000000"},
    ],
)
def test_a_bad_entry_makes_no_guest(shared_server: Server, change: dict[str, Any]) -> None:
    body = {"invite": shared_server.invite(), "name": "Ben", **change}
    response = shared_server.request("POST", "/api/v1/guests", body)
    assert response.status in (400, 401) and "token" not in response.json


def test_a_guest_has_no_account_to_do_things_with(shared_server: Server) -> None:
    guest = shared_server.guest("Ben", "moderator")
    for method, path, body in (
        ("GET", "/api/v1/me", None),
        ("GET", "/api/v1/conferences", None),
        ("POST", "/api/v1/conferences", {"title": "Mine"}),
        ("PUT", "/api/v1/me/password", {"password": "long enough"}),
    ):
        response = shared_server.request(method, path, body, guest.token)
        assert (response.status, response.json["code"]) == (403, "not_allowed"), path


# --- conferences ---------------------------------------------------------------------------


def test_a_created_conference_is_listed_seen_and_entered(shared_server: Server) -> None:
    token = shared_server.login().token
    made = shared_server.api("POST", "/conferences", {"title": " Weekly "}, token)
    assert made["title"] == "Weekly" and made["returned"] is False
    listed = shared_server.api("GET", "/conferences", token=token)["conferences"]
    mine = next(each for each in listed if each["conference"] == made["conference"])
    assert mine == {
        "conference": made["conference"],
        "title": "Weekly",
        "owner": shared_server.login().identity,
        "mine": True,
        "running": True,
        "people": 0,
    }
    seen = shared_server.api("GET", f"/conferences/{made['conference']}")
    assert seen == {"conference": made["conference"], "title": "Weekly", "running": True}


def test_a_title_is_one_line_of_what_can_be_read(shared_server: Server) -> None:
    token = shared_server.login().token
    made = shared_server.api("POST", "/conferences", {"title": "a\u202eb\0c\n d"}, token)
    assert made["title"] == "a b c d"
    for nothing in (" ", "\u200b", "\u200d"):
        refused = shared_server.request("POST", "/api/v1/conferences", {"title": nothing}, token)
        assert (refused.status, refused.json["details"]) == (400, {"path": "$.title"})


@pytest.mark.parametrize("far", [4_102_444_800_001, 253_402_300_799_999])
def test_nothing_is_planned_for_a_time_that_no_calendar_can_show(shared_server: Server, far: int) -> None:
    token = shared_server.login().token
    refused = shared_server.request("POST", "/api/v1/conferences", {"title": "Far", "starts": far}, token)
    assert (refused.status, refused.json["details"]) == (400, {"path": "$.starts"})
    made = shared_server.api("POST", "/conferences", {"title": "Near", "starts": 4_000_000_000_000}, token)
    path = f"/api/v1/conferences/{made['conference']}"
    assert shared_server.request("PATCH", path, {"ends": far}, token).status == 400


async def test_an_owner_who_left_one_running_is_returned_to_it(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    token = server.login().token
    left = server.create("Left running")
    await clients(server, server.guest("Ben", "viewer", left), left)
    answer = server.api("POST", "/conferences", {"title": "Another"}, token)
    assert answer == {"conference": left, "title": "Left running", "returned": True}
    assert server.api("POST", f"/conferences/{left}/end", token=token)["running"] is False
    assert server.api("POST", "/conferences", {"title": "Another"}, token)["returned"] is False


def test_a_member_sees_their_own_conferences_and_the_owner_all(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    server.podium("account", "add", "anna")
    anna = server.podium("token", "issue", "anna").stdout.strip()
    made = server.api("POST", "/conferences", {"title": "Anna's"}, anna)["conference"]
    hers = [each["conference"] for each in server.api("GET", "/conferences", token=anna)["conferences"]]
    everybodys = [
        each["conference"] for each in server.api("GET", "/conferences", token=server.login().token)["conferences"]
    ]
    assert hers == [made]
    assert set(everybodys) == {made, server.conference}


def test_an_unknown_conference_is_a_404(shared_server: Server) -> None:
    token = shared_server.login().token
    for method, path, body in (
        ("GET", "/api/v1/conferences/abc-defg-hij", None),
        ("POST", "/api/v1/conferences/abc-defg-hij/invitations", {"role": "viewer"}),
        ("POST", "/api/v1/conferences/abc-defg-hij/end", None),
        ("GET", "/api/v1/conferences/%F0%9F%98%80", None),
    ):
        response = shared_server.request(method, path, body, token)
        assert (response.status, response.json["code"]) == (404, "no_such_conference"), path


async def test_who_may_invite_and_end_is_decided_by_role(shared_server: Server, clients: Callable[..., Any]) -> None:
    conference, elsewhere = shared_server.create("Roles"), shared_server.create("Elsewhere")
    path = f"/api/v1/conferences/{conference}/invitations"
    people = {role: shared_server.guest(role, role, conference) for role in ("viewer", "speaker", "moderator")}
    for role, guest in people.items():
        # Before they came they are nobody there, whatever their link says.
        assert shared_server.request("POST", path, {"role": "viewer"}, guest.token).status == 403, role
        await clients(shared_server, guest, conference)
    for role, status in {"viewer": 403, "speaker": 403, "moderator": 200}.items():
        assert shared_server.request("POST", path, {"role": "viewer"}, people[role].token).status == status, role
    for role in ("viewer", "speaker"):
        response = shared_server.request("POST", f"/api/v1/conferences/{conference}/end", token=people[role].token)
        assert (response.status, response.json["code"]) == (403, "not_allowed")
    for what in ("invitations", "end"):
        body = {"role": "viewer"} if what == "invitations" else None
        response = shared_server.request(
            "POST", f"/api/v1/conferences/{elsewhere}/{what}", body, people["moderator"].token
        )
        assert response.status == 403
    assert shared_server.api("POST", f"/conferences/{conference}/end", token=people["moderator"].token)


async def test_a_moderator_who_was_removed_moderates_nothing_more(
    shared_server: Server, clients: Callable[..., Any]
) -> None:
    conference = shared_server.create("Removed")
    owner = await clients(shared_server, shared_server.login(), conference)
    guest = shared_server.guest("Ben", "viewer", conference)
    await clients(shared_server, guest, conference)
    await owner.send("role.assign", target=guest.identity, role="moderator")
    path = f"/api/v1/conferences/{conference}"
    assert shared_server.request("GET", f"{path}/media", token=guest.token).status == 200
    await owner.send("participant.remove", target=guest.identity)
    for method, what, body in (
        ("GET", "media", None),
        ("POST", "invitations", {"role": "viewer"}),
        ("POST", "end", None),
    ):
        response = shared_server.request(method, f"{path}/{what}", body, guest.token)
        assert (response.status, response.json["code"]) == (403, "not_allowed"), what


@pytest.mark.parametrize("role", ["organizer", "guest_speaker", "", "VIEWER", None, 1])
def test_a_link_cannot_give_every_role(shared_server: Server, role: Any) -> None:
    path = f"/api/v1/conferences/{shared_server.conference}/invitations"
    response = shared_server.request("POST", path, {"role": role}, shared_server.login().token)
    assert (response.status, response.json["code"]) == (400, "bad_message")


def test_accounts_and_conferences_are_found_again_after_a_restart(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    owner, conference, made = server.login(), server.conference, server.create("Kept")
    server.restart()
    assert server.conference == conference
    assert server.api("GET", "/me", token=owner.token)["id"] == owner.identity
    listed = server.api("GET", "/conferences", token=owner.token)["conferences"]
    assert {each["conference"] for each in listed} == {conference, made}
    assert server.api("POST", "/login", {"code": server.code})["account"]["id"] == owner.identity


# --- bad input -----------------------------------------------------------------------------

BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"code": "\xff"}',
    "a list": b"[]",
    "a text": b'"code"',
    "null": b"null",
    "deep": b"[" * 5000 + b"]" * 5000,
    "unknown field": b'{"code": "x", "admin": true}',
    "wrong type": b'{"code": 7}',
    "empty": b"{}",
    "half": b'{"name": "owner"}',
    "both": b'{"name": "owner", "password": "x", "code": "y"}',
    "too long a field": json.dumps({"code": "x" * 1000}).encode(),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_makes_no_sense_is_refused_with_a_sentence(shared_server: Server, body: bytes) -> None:
    response = shared_server.request("POST", "/api/v1/login", body)
    assert (response.status, response.json["code"]) == (400, "bad_message")
    assert response.json["message"].endswith(".") and "Traceback" not in response.json["message"]


def test_the_refusal_names_the_place(shared_server: Server) -> None:
    response = shared_server.request("POST", "/api/v1/login", {"code": 7})
    assert response.json["details"] == {"path": "$.code"}


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_body_that_is_too_large_is_refused(shared_server: Server, declared: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared_server.port, timeout=10)
    chunks = [b" " * 1024] * (MAX_BODY // 1024 + 1)
    connection.request(
        "POST",
        "/api/v1/login",
        b"".join(chunks) if declared else iter(chunks),
        encode_chunked=not declared,
        headers={} if declared else {"Transfer-Encoding": "chunked"},
    )
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (413, "too_large")
    connection.close()


def raw(server: Server, sent: bytes, timeout_s: float = 10.0) -> bytes:
    """What the server says to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s) as connection:
        connection.sendall(sent)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
        return said


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x00" * 200,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000,
    ],
    ids=["a TLS hello", "half a line", "a version of the future", "zeros", "a bad length", "large headers"],
)
def test_what_is_no_request_is_refused_and_closed(shared_server: Server, sent: bytes) -> None:
    said = raw(shared_server, sent)
    assert said.startswith(b"HTTP/1.1 400") and b"Traceback" not in said
    assert shared_server.request("GET", "/healthz").status == 200


def test_headers_that_come_one_byte_at_a_time_are_cut_off(shared_server: Server) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=10) as connection:
        connection.settimeout(0.2)
        closed = False
        for byte in b"GET / HTTP/1.1\r\nX-Slow: " + b"y" * 1000:
            try:
                connection.sendall(bytes([byte]))
                if connection.recv(1) == b"":
                    closed = True
                    break
            except TimeoutError:
                continue
            except OSError:
                closed = True
                break
        assert closed
    assert deadline.HEADERS_WITHIN_S - 0.5 < time.monotonic() - began < deadline.HEADERS_WITHIN_S + 2


def test_a_silent_connection_is_cut_off(shared_server: Server) -> None:
    began = time.monotonic()
    assert raw(shared_server, b"") == b""
    assert time.monotonic() - began < deadline.HEADERS_WITHIN_S + 2


def closed_after_s(connection: socket.socket, limit_s: float) -> float:
    """How long until the server closes the connection; what it says before is let go."""
    began = time.monotonic()
    connection.settimeout(limit_s)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("method", [b"POST /api/v1/login", b"GET /healthz"])
def test_a_body_that_does_not_come_is_not_waited_for(shared_server: Server, method: bytes) -> None:
    with socket.create_connection(("127.0.0.1", shared_server.port)) as connection:
        connection.sendall(method + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert closed_after_s(connection, 30) < deadline.BODY_WITHIN_S + 5


def test_media_may_listen_elsewhere_than_the_pages(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--udp-host", "0.0.0.0")
    workers = psutil.Process(server.pid).children(recursive=True)
    bound = {each.laddr for worker in workers for each in worker.net_connections("udp")}
    assert {(each.ip, each.port) for each in bound} == {("0.0.0.0", server.udp_ports[0])}


def test_a_response_that_nobody_reads_is_given_up(shared_server: Server) -> None:
    with socket.socket() as connection:
        # A small window on our side, and more responses than the kernel holds for us.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", shared_server.port))
        connection.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(20_000):
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        ours = connection.getsockname()[1]
        assert holds(shared_server, ours)
        limit = time.monotonic() + 60
        while holds(shared_server, ours):
            assert time.monotonic() < limit
            time.sleep(0.5)


def holds(server: Server, port: int) -> bool:
    """Whether the server has a connection with this port of ours."""
    connections = psutil.Process(server.pid).net_connections("tcp")
    return any(each.raddr and each.raddr.port == port for each in connections)


def test_requests_on_one_connection_after_each_other_are_served(shared_server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared_server.port, timeout=10)
    for _ in range(5):
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        assert (response.status, response.read()[:9]) == (200, b'{"status"')
    connection.close()


# --- limits --------------------------------------------------------------------------------


def test_guessing_passwords_is_slowed_down(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--login-per-minute", "5")
    statuses = [
        server.request("POST", "/api/v1/login", {"name": "owner", "password": f"guess {number}"}).status
        for number in range(8)
    ]
    assert statuses == [401] * 5 + [429] * 3
    refused = server.request("POST", "/api/v1/login", {"name": "owner", "password": "guess"})
    assert refused.json["code"] == "rate_limited" and refused.json["retry"] is True
    assert 0 < refused.json["details"]["after_ms"] <= 12_000 and int(refused.headers["retry-after"]) >= 1
    # Others' paths are not in the way of it.
    assert server.request("GET", "/healthz").status == 200
    assert server.metrics()['podium_rate_limited_total{limit="login"}'] == 4


def test_guests_come_in_at_a_limited_rate(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--guests-per-minute", "3")
    invite = server.printed["Guests"].partition("#invite=")[2]
    statuses = [server.request("POST", "/api/v1/guests", {"invite": invite, "name": "x"}).status for _ in range(5)]
    assert statuses == [200] * 3 + [429] * 2


def test_only_trusted_proxies_say_whose_request_it_is(podium_server: Callable[..., Server]) -> None:
    def attempts(server: Server) -> list[int]:
        body = {"name": "owner", "password": "guess"}
        return [
            server.request("POST", "/api/v1/login", body, headers={"X-Forwarded-For": f"203.0.113.{number}"}).status
            for number in range(4)
        ]

    assert attempts(podium_server("--login-per-minute", "2")) == [401, 401, 429, 429]
    trusting = podium_server("--login-per-minute", "2", "--trusted-proxies", "127.0.0.0/8", name="trusting")
    assert attempts(trusting) == [401] * 4


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.1", "203.0.113.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.9, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("2001:db8::1", "", "2001:db8::/64"),
        ("::ffff:198.51.100.1", "", "198.51.100.1"),
        ("fe80::1%eth0", "", "fe80::/64"),
    ],
)
def test_the_last_address_that_no_proxy_of_ours_added_is_the_client(peer: str, forwarded: str, client: str) -> None:
    assert Proxies(["10.0.0.0/8"]).client(peer, forwarded) == client


def test_a_rate_limit_refills_and_its_table_is_bounded() -> None:
    now = 0.0
    limit = RateLimit(2.0, 3.0, max_keys=100, clock=lambda: now)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == pytest.approx(0.5)
    now = 0.5
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    for number in range(1000):
        limit.take(f"x{number}")
    assert len(limit) == 100


def test_other_origins_are_allowed_only_when_the_settings_name_them(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--allowed-origins", "https://www.example.org")
    for origin, allowed in (("https://www.example.org", True), ("https://evil.example", False), ("null", False)):
        response = server.request("GET", "/healthz", headers={"Origin": origin})
        assert (response.headers.get("access-control-allow-origin") == origin) is allowed
        preflight = server.request(
            "OPTIONS",
            "/api/v1/conferences",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert (preflight.status == 200) is allowed


def test_nobody_is_sent_to_the_host_that_a_request_names(shared_server: Server) -> None:
    for path in ("/api/v1/conferences/", "/healthz/", "/c/abc-defg-hij/"):
        answer = shared_server.request("GET", path, headers={"Host": "evil.example"})
        assert answer.status == 404 and "location" not in answer.headers


# --- health --------------------------------------------------------------------------------


def test_health_readiness_and_metrics(shared_server: Server) -> None:
    assert shared_server.request("GET", "/healthz").json["status"] == "ok"
    assert shared_server.request("GET", "/readyz").json == {
        "ready": True,
        "store": True,
        "room_log": True,
        "workers": True,
        "node": True,
        "draining": False,
    }
    metrics = shared_server.metrics()
    assert metrics["podium_workers"] == 1
    assert metrics["podium_loop_lag_seconds_count"] > 0
    assert shared_server.request("GET", "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_metrics_count_by_route_and_name_nobody(shared_server: Server) -> None:
    shared_server.api("GET", f"/conferences/{shared_server.conference}")
    metrics = shared_server.metrics()
    assert metrics['podium_http_requests_total{route="/api/v1/conferences/{conference}",status="200"}'] >= 1
    text = " ".join(metrics)
    assert shared_server.conference not in text and shared_server.login().identity not in text


def test_no_secret_is_in_the_servers_log(podium_server: Callable[..., Server]) -> None:
    server = podium_server("--log-level", "debug")
    code, invite, owner = server.code, server.printed["Guests"].partition("#invite=")[2], server.login()
    guest = server.guest("Ben")
    server.request("POST", "/api/v1/login", {"code": code})
    server.request("GET", f"/api/v1/me?token={owner.token}&code={code}", token=guest.token)
    server.request("GET", f"/static/{owner.token}")
    server.stop()
    assert "started" in server.log
    for secret in (code, invite, owner.token, guest.token, *owner.token.split("."), *invite.split(".")[1:]):
        assert secret not in server.log


def test_every_refusal_of_the_api_has_a_status(shared_server: Server) -> None:
    from server.http.failure import STATUS

    for endpoint in API:
        assert all(code in STATUS for code in endpoint.errors)
    assert Code.RATE_LIMITED in STATUS


async def test_readiness_asks_the_store_and_the_room_log_at_most_once_a_second() -> None:
    asked: list[str] = []

    class Asked:
        def __init__(self, name: str) -> None:
            self._name = name

        async def ready(self) -> None:
            asked.append(self._name)

    yes = SimpleNamespace(ready=True)
    rooms, sessions = SimpleNamespace(log=Asked("room log"), nodes=yes), SimpleNamespace(draining=False)
    services: Any = SimpleNamespace(store=Asked("store"), rooms=rooms, workers=yes, sessions=sessions)
    readyz = next(route for route in health.routes(services) if route.path == "/readyz")
    answers = await asyncio.gather(*(readyz.endpoint(None) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(asked) == ["room log", "store"]
    # What needs no question is said at once.
    sessions.draining = True
    assert (await readyz.endpoint(None)).status_code == 503
    sessions.draining, rooms.nodes = False, SimpleNamespace(ready=False)
    assert (await readyz.endpoint(None)).status_code == 503
