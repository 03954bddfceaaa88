"""Every cell of workspace_permissions.csv, done over HTTP against a running server.

What is allowed has its effect. What is not is refused with `not_allowed` and the row that decides, and every table of
the store is afterwards what it was before.
"""

from __future__ import annotations

import csv
import itertools
import pathlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from server.identity.accounts import ServerRole
from tests.harness import Guest, Response, Server
from tests.server.workspace.support import PASSWORD, ask, database, digest, join
from tests.server.workspace.test_picture import png

SPECIFIED = {
    row["action"]: row
    for row in csv.DictReader((pathlib.Path(__file__).parents[2] / "data/workspace_permissions.csv").open())
}
# A role that the table of the specification has no column for sees the profile, and that is all.
BESIDE = [role.value for role in ServerRole if role.value not in SPECIFIED["plan.manage"]]
CELLS = [
    (action, role, row[role] == "yes" if role in row else action == "workspace.profile.view")
    for action, row in SPECIFIED.items()
    for role in ("owner", "admin", "member", *BESIDE)
]
# These leave no server behind that another test could use.
LAST = {("workspace.delete", "owner"), ("profile.delete", "owner")}
NOTHING_BEHIND = {
    action for action in SPECIFIED if action.split(".")[0] in ("plan", "billing", "invoice", "marketplace")
}

_numbers = itertools.count(1)


@dataclass
class Scene:
    """A server, the one who does something there, and the owner who prepares it."""

    server: Server
    who: Guest
    owner: Guest

    def get(self, path: str) -> Any:
        return self.server.api("GET", f"/workspace{path}", token=self.owner.token)

    def post(self, path: str, body: Any) -> Any:
        return self.server.api("POST", f"/workspace{path}", body, self.owner.token)

    def new(self, what: str) -> str:
        """A name that nothing has yet."""
        return f"{what} {next(_numbers)}"

    def made_by(self, table: str, creator: str, path: str, body: Any) -> str:
        """Something of a creator; its id."""
        made = str(self.post(path, body)["id"])
        with closing(database(self.server)) as connection, connection:
            connection.execute(f"UPDATE {table} SET creator = ? WHERE id = ?", (creator, made))
        return made


@dataclass
class Doing:
    """One request, and whether what it is for has come about."""

    method: str
    path: str
    effect: Callable[[Response], bool]
    body: Any = None
    changes: bool = True


DOINGS: dict[str, Callable[[Scene], Doing]] = {}


def doing(action: str) -> Callable[[Callable[[Scene], Doing]], Callable[[Scene], Doing]]:
    def keep(prepare: Callable[[Scene], Doing]) -> Callable[[Scene], Doing]:
        DOINGS[action] = prepare
        return prepare

    return keep


@doing("workspace.profile.view")
def view(scene: Scene) -> Doing:
    return Doing("GET", "", lambda answer: answer.json == scene.get(""), changes=False)


@doing("workspace.profile.edit")
def edit(scene: Scene) -> Doing:
    body = {"name": scene.new("Acme"), "description": "We meet.", "time_zone": "Europe/Vienna"}
    return Doing("PUT", "", lambda _: body.items() <= scene.get("").items(), body)


@doing("workspace.logo.edit")
def logo(scene: Scene) -> Doing:
    picture = png(next(_numbers), 1)

    def effect(answer: Response) -> bool:
        return scene.server.request("GET", answer.json["logo"]).body == picture

    return Doing("PUT", "/logo", effect, picture)


@doing("workspace.delete")
def delete(scene: Scene) -> Doing:
    join(scene.server, "member")
    join(scene.server, "admin")

    def effect(_: Response) -> bool:
        conferences = scene.server.api("GET", "/conferences", token=scene.owner.token)["conferences"]
        people = scene.get("/people")["people"]
        return conferences == [] and [person["id"] for person in people] == [scene.owner.identity]

    return Doing("POST", "/delete", effect, {"confirm": scene.get("")["name"], "password": PASSWORD})


def invitation(role: str) -> Callable[[Scene], Doing]:
    def prepare(scene: Scene) -> Doing:
        def effect(answer: Response) -> bool:
            made = answer.json["invitation"]
            opened = scene.post("/invitations/open", {"invitation": answer.json["path"].partition("=")[2]})
            return opened["server_role"] == role and made in scene.get("/invitations")["invitations"]

        return Doing("POST", "/invitations", effect, {"server_role": role, "email": "ben@example.org"})

    return prepare


DOINGS["member.invite"] = invitation("member")
DOINGS["admin.invite"] = invitation("admin")


@doing("member.edit")
def edit_member(scene: Scene) -> Doing:
    somebody = join(scene.server, "member")
    login = f"renamed{next(_numbers)}"

    def effect(_: Response) -> bool:
        (found,) = scene.get(f"/people?search={login}")["people"]
        return (found["id"], found["name"]) == (somebody.identity, "Renamed")

    return Doing("PUT", f"/people/{somebody.identity}", effect, {"name": "Renamed", "login": login})


@doing("member.delete")
def delete_member(scene: Scene) -> Doing:
    somebody = join(scene.server, "member")

    def effect(_: Response) -> bool:
        return scene.server.request("GET", "/api/v1/me", token=somebody.token).status == 401

    return Doing("DELETE", f"/people/{somebody.identity}", effect)


@doing("profile.delete")
def delete_profile(scene: Scene) -> Doing:
    body = {"password": PASSWORD}
    if scene.who is scene.owner:
        body["successor"] = join(scene.server, "admin").identity

    def effect(_: Response) -> bool:
        return scene.server.request("GET", "/api/v1/me", token=scene.who.token).status == 401

    return Doing("POST", "/leave", effect, body)


@doing("attribute.create")
def create_attribute(scene: Scene) -> Doing:
    body = {"name": scene.new("Team"), "kind": "text"}

    def effect(answer: Response) -> bool:
        return answer.json["id"] in {each["id"] for each in scene.get("/attributes")["attributes"]}

    return Doing("POST", "/attributes", effect, body)


def attribute_of(creator: Callable[[Scene], str]) -> Callable[[Scene], Doing]:
    def prepare(scene: Scene) -> Doing:
        body = {"name": scene.new("Team"), "kind": "text"}
        id = scene.made_by("attributes", creator(scene), "/attributes", body)
        name = scene.new("Group")

        def effect(_: Response) -> bool:
            names: dict[str, str] = {each["id"]: each["name"] for each in scene.get("/attributes")["attributes"]}
            return names[id] == name

        return Doing("PUT", f"/attributes/{id}", effect, {"name": name})

    return prepare


DOINGS["attribute.edit_own"] = attribute_of(lambda scene: scene.who.identity)
DOINGS["attribute.edit_any"] = attribute_of(lambda scene: "u_somebody_else")


@doing("attribute.delete_any")
def delete_attribute(scene: Scene) -> Doing:
    body = {"name": scene.new("Team"), "kind": "text"}
    id = scene.made_by("attributes", "u_somebody_else", "/attributes", body)

    def effect(_: Response) -> bool:
        return id not in {each["id"] for each in scene.get("/attributes")["attributes"]}

    return Doing("DELETE", f"/attributes/{id}", effect)


def template(scene: Scene) -> dict[str, str]:
    return {"name": scene.new("Welcome"), "subject": "Hello {name}", "body": "Here is {link}."}


@doing("email_template.create")
def create_template(scene: Scene) -> Doing:
    def effect(answer: Response) -> bool:
        return answer.json["id"] in {each["id"] for each in scene.get("/templates")["templates"]}

    return Doing("POST", "/templates", effect, template(scene))


def template_of(creator: Callable[[Scene], str]) -> Callable[[Scene], Doing]:
    def prepare(scene: Scene) -> Doing:
        id = scene.made_by("email_templates", creator(scene), "/templates", template(scene))
        body = {**template(scene), "subject": scene.new("Good morning {name}")}

        def effect(_: Response) -> bool:
            subjects: dict[str, str] = {each["id"]: each["subject"] for each in scene.get("/templates")["templates"]}
            return subjects[id] == body["subject"]

        return Doing("PUT", f"/templates/{id}", effect, body)

    return prepare


DOINGS["email_template.edit_own"] = template_of(lambda scene: scene.who.identity)
DOINGS["email_template.edit_any"] = template_of(lambda scene: "u_somebody_else")


@doing("email_template.delete_any")
def delete_template(scene: Scene) -> Doing:
    id = scene.made_by("email_templates", "u_somebody_else", "/templates", template(scene))

    def effect(_: Response) -> bool:
        return id not in {each["id"] for each in scene.get("/templates")["templates"]}

    return Doing("DELETE", f"/templates/{id}", effect)


@doing("people.open")
def open_people(scene: Scene) -> Doing:
    def effect(answer: Response) -> bool:
        return scene.owner.identity in {person["id"] for person in answer.json["people"]}

    return Doing("GET", "/people", effect, changes=False)


@doing("company.disable")
def disable(scene: Scene) -> Doing:
    somebody = join(scene.server, "member")

    def effect(_: Response) -> bool:
        shut = scene.server.request("GET", "/api/v1/me", token=somebody.token)
        scene.server.api("PUT", "/workspace/company", {"enabled": True}, scene.owner.token)
        opened = scene.server.request("GET", "/api/v1/me", token=somebody.token)
        return (shut.status, shut.json["code"], opened.status) == (403, "company_disabled", 200)

    return Doing("PUT", "/company", effect, {"enabled": False})


@pytest.fixture
def server_for(shared_server: Server, podium_server: Callable[..., Server]) -> Iterator[Callable[[str, str], Server]]:
    yield lambda action, role: podium_server() if (action, role) in LAST else shared_server


@pytest.mark.parametrize(("action", "role", "allowed"), CELLS, ids=[f"{action}-{role}" for action, role, _ in CELLS])
def test_every_cell(server_for: Callable[[str, str], Server], action: str, role: str, allowed: bool) -> None:
    server = server_for(action, role)
    owner = server.login()
    if not server.api("GET", "/me", token=owner.token)["has_password"]:
        server.api("PUT", "/me/password", {"password": PASSWORD}, owner.token)
    scene = Scene(server, owner if role == "owner" else join(server, role), owner)
    rights = ask(server, "GET", "/can", token=scene.who.token).json
    assert rights["server_role"] == role
    (ruling,) = [each for each in rights["actions"] if each["action"] == action]
    assert ruling["allowed"] is allowed and ruling["rule"].startswith(f"{action}: ")
    if action in NOTHING_BEHIND:
        return
    one = DOINGS[action](scene)
    before = digest(server)
    answer = ask(server, one.method, one.path, one.body, scene.who.token)
    if allowed:
        assert answer.status == 200, answer.body
        assert (digest(server) != before) is one.changes
        assert one.effect(answer)
    else:
        assert (answer.status, answer.json["code"]) == (403, "not_allowed")
        rows = {each["rule"] for each in rights["actions"] if not each["allowed"]}
        assert answer.json["message"].endswith(".") and answer.json["details"]["rule"] in rows
        assert digest(server) == before


def test_nothing_is_left_out() -> None:
    assert set(DOINGS) | NOTHING_BEHIND == set(SPECIFIED)
