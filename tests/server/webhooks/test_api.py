"""Webhooks of a running server: made over HTTP and by command, delivered through kill -9, refused to everybody else."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from server.webhooks.post import signature
from tests.harness import ROOT, Guest, Server, until
from tests.server.identity.test_apikeys import Key
from tests.server.webhooks.receiver import Receiver, status
from tests.server.workspace.support import join

Servers = Callable[..., Server]

PIN = "471108"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = await Receiver().start()
    yield one
    await one.stop()


def genuine_of_the_documentation() -> Callable[..., bool]:
    """The function that docs/webhooks.md gives to receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.S)
    found: dict[str, Any] = {}
    exec(code, found)
    function: Callable[..., bool] = found["genuine"]
    return function


async def make(server: Server, url: str, **more: Any) -> tuple[str, str]:
    """A new webhook of the owner: its id and its secret."""
    token = server.login().token
    made = await asyncio.to_thread(server.api, "POST", "/webhooks", {"url": url, **more}, token)
    return made["webhook"]["id"], made["secret"]


async def state(server: Server, id: str) -> dict[str, Any]:
    shown: dict[str, Any] = await asyncio.to_thread(server.api, "GET", f"/webhooks/{id}", None, server.login().token)
    return shown


async def test_from_a_command_to_a_receiver_through_a_crash_of_the_server(
    podium_server: Servers, clients: Any, receiver: Receiver
) -> None:
    server = podium_server("--webhook-private")
    id, secret = await make(server, receiver.url)
    conference = server.create("Hooked")
    owner = await clients(server, server.login(), conference)
    await owner.send("conference.set_pin", pin=PIN)
    await owner.send("stage.request")
    await until(lambda: "stage.taken" in [event["type"] for event in receiver.events(conference)])
    kinds = [event["type"] for event in receiver.events(conference)]
    assert kinds[:2] == ["conference.created", "participant.joined"] and "conference.pin_changed" in kinds
    # A contiguous beginning: nothing of a new conference is missing.
    versions = receiver.versions(conference)
    assert versions == sorted(set(versions)) and versions[0] == 1

    genuine = genuine_of_the_documentation()
    for one in receiver.taken:
        signed = one.headers["podium-signature"]
        assert genuine(secret, signed, one.raw)
        assert not genuine(secret + "x", signed, one.raw)
        assert not genuine(secret, signed, one.raw + b" ")
        assert not genuine(secret, signature(secret, one.raw, int(time.time()) - 1000), one.raw)
    assert not any(genuine(secret, wrong, b"") for wrong in ("", "t=,v1=", "v1=x", "t=x,v1=y", "t=1"))
    # Neither the PIN nor what people have to come in with has left.
    everything = b"".join(one.raw for one in receiver.requests)
    for word in (PIN, secret, server.login().token, owner.client, owner.resume_token or "?"):
        assert word.encode() not in everything
    assert (await state(server, id))["state"] == "active"

    # The receiver is away, the server is killed, and nothing is lost.
    receiver.answer = lambda _: status(503)
    await owner.send("stage.leave")
    await until(lambda: receiver.requests[-1] is not receiver.taken[-1])
    for _ in range(100):
        shown = await state(server, id)
        if shown["state"] == "failing":
            break
        await asyncio.sleep(0.05)
    (failing,) = shown["failing"]
    assert (failing["conference"], failing["error"]) == (conference, "answered with 503")
    assert shown["since"] == failing["since"]
    metrics = await asyncio.to_thread(server.metrics)
    assert metrics['podium_webhook_deliveries_total{outcome="failed"}'] >= 1
    assert metrics['podium_webhooks{state="active"}'] == 1
    await asyncio.to_thread(server.kill9)
    receiver.answer = lambda _: status(200)
    await asyncio.to_thread(server.start)
    await until(lambda: "stage.left" in [event["type"] for event in receiver.events(conference)], 20)
    told = receiver.versions(conference)
    assert sorted(set(told)) == list(range(1, max(told) + 1))
    assert told == sorted(told)

    # Told again on request, over HTTP and by command.
    for replayed in (
        lambda: server.api(
            "POST", f"/webhooks/{id}/replay", {"conference": conference, "version": 0}, server.login().token
        ),
        lambda: server.podium("webhook", "replay", id, conference, "--version", "1"),
    ):
        before = len(receiver.taken)
        await asyncio.to_thread(replayed)
        await until(lambda before=before: "stage.left" in json.dumps([one.body for one in receiver.taken[before:]]))
    assert receiver.taken[-1].body["webhook"] == id


async def test_a_webhook_is_listed_changed_and_removed(podium_server: Servers, receiver: Receiver) -> None:
    server = podium_server("--webhook-private")
    token = server.login().token
    id, secret = await make(server, receiver.url, events=["stage.*", "conference.ended"], conference=server.conference)
    assert secret.startswith("whsec_") and len(secret) > 40
    listed = server.request("GET", "/api/v1/webhooks", token=token)
    assert secret not in listed.body.decode()
    (shown,) = listed.json["webhooks"]
    assert (shown["id"], shown["url"], shown["state"], shown["since"]) == (id, receiver.url, "active", None)
    assert (shown["events"], shown["conference"]) == (["stage.*", "conference.ended"], server.conference)
    assert shown["made_by"] == server.login().identity and "stage.taken" in listed.json["kinds"]

    changed = server.api("PATCH", f"/webhooks/{id}", {"paused": True, "events": ["*"]}, token)
    assert changed["webhook"]["state"] == "paused" and changed["webhook"]["events"] == ["*"]
    assert "secret" not in changed
    renewed = server.api("PATCH", f"/webhooks/{id}", {"new_secret": True, "paused": False}, token)
    assert renewed["secret"] != secret and renewed["webhook"]["state"] == "active"

    server.api("DELETE", f"/webhooks/{id}", token=token)
    assert server.api("GET", "/webhooks", token=token)["webhooks"] == []
    for method, path, body in (
        ("GET", f"/webhooks/{id}", None),
        ("PATCH", f"/webhooks/{id}", {"paused": True}),
        ("DELETE", f"/webhooks/{id}", None),
        ("POST", f"/webhooks/{id}/replay", {"conference": server.conference, "version": 0}),
    ):
        assert server.request(method, f"/api/v1{path}", body, token).status == 404, (method, path)
    # All of it is in the workspace's record, without the secret part of the address.
    record = server.api("GET", "/workspace/record", token=token)["entries"]
    done = [(entry["action"], entry["target"]) for entry in reversed(record)]
    host = f"127.0.0.1:{receiver.port}"
    deeds = [("create", host), ("change", id), ("change", id), ("remove", id)]
    assert [entry for entry in done if entry[0].startswith("webhook.")] == [
        (f"webhook.{deed}", target) for deed, target in deeds
    ]


def test_by_command(podium_server: Servers) -> None:
    server = podium_server()
    made = server.podium("webhook", "add", "https://93.184.216.34/hook", "--events", "stage.*, conference.ended")
    id = re.fullmatch(r"id: (w_\w+)\nsecret: whsec_\S+\n", made.stdout)
    assert id is not None, made
    listed = json.loads(server.podium("webhook", "list", "--json").stdout)
    assert [(one["id"], one["events"], one["state"]) for one in listed] == [
        (id[1], ["stage.*", "conference.ended"], "active")
    ]
    assert "whsec_" not in server.podium("webhook", "list").stdout
    assert server.podium("webhook", "resume", id[1]).returncode == 0
    for wrong in (
        ("add", "http://93.184.216.34/"),
        ("add", "https://10.0.0.1/"),
        ("add", "https://example.org/", "--events", "nothing"),
        ("add", "https://example.org/", "--conference", "nowhere"),
        ("remove", "w_0"),
        ("resume", "w_0"),
        ("replay", id[1], "nowhere"),
        ("replay", id[1], server.conference, "--version", "100000"),
    ):
        answer = server.podium("webhook", *wrong)
        assert answer.returncode in (1, 2) and answer.stderr.startswith("Error: "), (wrong, answer)
        assert "Traceback" not in answer.stderr
    assert server.podium("webhook", "remove", id[1]).returncode == 0
    assert json.loads(server.podium("webhook", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    "body",
    [
        *({"url": url} for url in ("http://93.184.216.34/", "https://127.0.0.1/", "https://localhost/", "ftp://x/")),
        *({"url": url} for url in ("https://169.254.169.254/latest", "https://[::1]/", "https://10.0.0.1:6379/", "")),
        *({"url": url} for url in ("https://u:p@93.184.216.34/", "https://93.184.216.34/\r\nX-A: b", "x" * 3000)),
        *({"url": "https://93.184.216.34/", "events": events} for events in ([], ["nothing"], ["x" * 65], "*", [1])),
        {"url": "https://93.184.216.34/", "conference": "nowhere"},
        {"url": "https://93.184.216.34/", "secret": "mine"},
        {},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_what_makes_no_webhook(shared_server: Server, body: dict[str, Any]) -> None:
    token = shared_server.login().token
    answer = shared_server.request("POST", "/api/v1/webhooks", body, token)
    assert (answer.status, answer.json["code"]) in ((400, "bad_message"), (404, "no_such_conference")), answer.body
    assert answer.json["message"]
    assert shared_server.api("GET", "/webhooks", token=token)["webhooks"] == []


CALLS = (
    ("GET", "/webhooks", None),
    ("POST", "/webhooks", {"url": "https://93.184.216.34/"}),
    ("GET", "/webhooks/w_0", None),
    ("PATCH", "/webhooks/w_0", {"paused": True}),
    ("DELETE", "/webhooks/w_0", None),
    ("POST", "/webhooks/w_0/replay", {"conference": "a", "version": 0}),
)


def statuses(server: Server, token: str | None) -> list[int]:
    return [server.request(method, f"/api/v1{path}", body, token).status for method, path, body in CALLS]


def test_they_are_for_admins_and_programs_that_speak_for_operators(podium_server: Servers) -> None:
    server = podium_server()
    owner = server.login()
    server.api("POST", "/groups", {"name": "ops", "operator": True}, owner.token)
    plain, trusted = Key(server), Key(server, "--names-groups")
    nobody: list[Guest | str | None] = [
        None,
        server.guest("A guest", role="moderator").token,
        join(server, "member").token,
        join(server, "security_admin").token,
        plain.sign(groups=["ops"]),
        trusted.sign(),
        trusted.sign(groups=["ops"], conference=server.conference),
    ]
    for token in nobody:
        expected = 401 if token is None else 403
        assert statuses(server, token if isinstance(token, str) else None) == [expected] * len(CALLS)
    for token in (join(server, "admin").token, trusted.sign(groups=["ops"])):
        assert statuses(server, token) == [200, 200, 404, 404, 404, 404]
    made_by = [one["made_by"] for one in server.api("GET", "/webhooks", token=owner.token)["webhooks"]]
    assert made_by[1] == f"anna@{trusted.id}"
    entries = server.api("GET", "/workspace/record", token=owner.token)["entries"]
    assert next(entry["login"] for entry in entries if entry["action"] == "webhook.create") == "Anna"
