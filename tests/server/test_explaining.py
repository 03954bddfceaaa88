"""Explanations over the WebSocket, over HTTP and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Client, Refused, Server

Scene = tuple[Server, str, Client, Client, Client]


@pytest.fixture
async def scene(shared_server: Server, clients: Any) -> Scene:
    """A conference with its owner, a moderator and a viewer, who are guests."""
    conference = shared_server.create("Explained")
    owner = await clients(shared_server, shared_server.login(), conference)
    mo = await clients(shared_server, shared_server.guest("Mo", "moderator", conference), conference)
    vera = await clients(shared_server, shared_server.guest("Vera", "viewer", conference), conference)
    return shared_server, conference, owner, mo, vera


async def explained(client: Client, command: str, **fields: Any) -> dict[str, Any]:
    result: dict[str, Any] = (await client.send("explain", command=command, **fields))["result"]
    assert result["type"] == "explanation"
    return result


async def test_one_is_told_about_oneself_and_who_moderates_about_everybody(scene: Scene) -> None:
    _, _, owner, mo, vera = scene
    own = await explained(vera, "media.mute:audio", target=mo.identity)
    assert own["allowed"] is False and own["code"] == "not_allowed"
    assert (own["role"], own["role_rule"]) == ("viewer", "outsiders")
    assert own["rule"] == "media.mute towards other needs stage.mute"
    assert own["message"] == (
        "Vera is a viewer, because the conference has chosen nothing for outsiders, and leaves it to their link."
        " media.mute towards other needs stage.mute, which viewers have not."
    )
    assert own == await explained(mo, "media.mute:audio", about=vera.identity, target=mo.identity)
    other = await explained(mo, "participant.remove", about=mo.identity, target=owner.identity)
    assert other["code"] == "protected"
    with pytest.raises(Refused) as refused:
        await vera.send("explain", command="take_part", about=mo.identity)
    assert refused.value.code == "not_allowed"
    with pytest.raises(Refused) as refused:
        await vera.send("explain", command="media.sing")
    assert refused.value.code == "bad_message"
    assert "media.sing" in refused.value.answer["details"]["reason"]


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "media.mute": (":video", {"source": "video"}),
    "role.assign": (":speaker", {"role": "speaker"}),
}


async def test_what_is_explained_is_what_is_answered(scene: Scene) -> None:
    _, _, owner, mo, vera = scene
    for client, target in ((owner, vera), (mo, vera), (mo, owner), (vera, mo)):
        for command in ("media.mute", "stage.invite", "role.assign"):
            variant, fields = VARIANTS.get(command, ("", {}))
            said = await explained(client, command + variant, target=target.identity)
            try:
                await client.send(command, target=target.identity, **fields)
                answered = None
            except Refused as refused:
                answered = refused.code
            assert said.get("code") == answered and said["allowed"] is (answered is None), said


async def test_over_http_about_people_who_are_not_there_too(scene: Scene) -> None:
    server, conference, owner, mo, vera = scene
    link = server.podium("account", "add", "absent").stdout.strip()
    absent = server.api("POST", "/login", {"code": link.rpartition("code=")[2]})
    path = f"/conferences/{conference}/explain"
    token = server.login().token
    found = server.api("GET", f"{path}?about={absent['account']['id']}&action=stage.mute", token=token)
    assert (found["allowed"], found["absent"], found["role"], found["role_rule"]) == (False, True, "speaker", "members")
    assert found["message"].startswith("absent is not in the conference; on coming they would be a speaker")
    # Oneself, without being there, and without saying who.
    assert server.api("GET", f"{path}?action=stage.request", token=absent["token"])["allowed"] is True
    await owner.send("conference.settings", members="no_access")
    shut = server.api("GET", f"{path}?action=stage.request", token=absent["token"])
    assert (shut["allowed"], shut["code"], shut["role_rule"]) == (False, "no_access", "no_access")
    aimed = server.api("GET", f"{path}?about={mo.identity}&action=media.lock:audio&target={vera.identity}", token=token)
    assert aimed["allowed"] is True and aimed["role"] == "moderator"


async def test_over_http_nobody_asks_about_others_who_does_not_moderate(scene: Scene) -> None:
    server, conference, owner, _, _ = scene
    viewer = server.guest("Vic", conference=conference)
    elsewhere = server.guest("Eve")
    path = f"/api/v1/conferences/{conference}/explain"
    assert server.request("GET", path, token=viewer.token).json["role"] == "viewer"
    about_others = server.request("GET", f"{path}?about={owner.identity}", token=viewer.token)
    assert (about_others.status, about_others.json["code"]) == (403, "not_allowed")
    assert server.request("GET", path, token=elsewhere.token).json["code"] == "no_access"
    wrong = server.request("GET", f"{path}?action=media.lock:audio", token=server.login().token)
    assert (wrong.status, wrong.json["code"]) == (400, "bad_message") and "name a target" in wrong.json["message"]
    assert server.request("GET", path).status == 401


async def test_on_the_command_line_by_login_also_while_no_server_runs(
    podium_server: Callable[..., Server], clients: Any
) -> None:
    server = podium_server()
    owner = await clients(server, server.login(), server.conference)
    server.podium("account", "add", "anna")
    (anna,) = [one for one in json.loads(server.podium("account", "list", "--json").stdout) if one["login"] == "anna"]
    await owner.send("role.assign", target=anna["id"], role="moderator")
    for _ in range(2):
        done = server.podium("explain", "anna", server.conference, "media.mute:audio", "owner")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Yes. anna is not in the conference; on coming they would be a moderator")
        refused = server.podium("explain", anna["id"], server.conference, "participant.remove", "owner", "--json")
        assert json.loads(refused.stdout)["code"] == "protected"
        if server.process is not None and server.process.poll() is None:
            await owner.drop()
            server.stop()
    nobody = server.podium("explain", "nobody", server.conference, "stage.mute")
    assert nobody.returncode == 1 and "Nobody called 'nobody' is known here" in nobody.stderr
    wrong = server.podium("explain", "anna", server.conference, "stage.sing")
    assert wrong.returncode == 2 and "There is no command and no action 'stage.sing'" in wrong.stderr
    # One that nobody has opened yet.
    made = server.podium("conference", "create", "Later", "--owner", "anna").stdout.strip().rpartition("/")[2]
    assert server.podium("explain", "anna", made, "conference.end").stdout.startswith("Yes. anna is not in")
    assert server.podium("explain", "owner", made, "conference.end").stdout.startswith("Yes. Owner is not in")
