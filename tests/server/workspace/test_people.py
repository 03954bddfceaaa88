"""People and invitations: who is changed by whom, and how somebody comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from server.identity.accounts import Account, Accounts, ServerRole
from server.storage.store import Store
from server.workspace import invitations, people
from server.workspace.acting import Refused, Workspace
from tests.harness import Refused as Answered
from tests.harness import Server
from tests.server.workspace.support import PASSWORD, ask, digest, join, secret

# --- changing people -----------------------------------------------------------------------


def test_the_owner_is_touched_by_nobody_else(shared_server: Server) -> None:
    owner, admin = shared_server.login(), join(shared_server, "admin")
    before = digest(shared_server)
    for body in ({"name": "Nobody"}, {"login": "nobody"}, {"server_role": "member"}):
        answer = ask(shared_server, "PUT", f"/people/{owner.identity}", body, admin.token)
        assert (answer.status, answer.json["code"]) == (403, "protected"), body
    answer = ask(shared_server, "DELETE", f"/people/{owner.identity}", token=owner.token)
    assert answer.json["code"] == "bad_message"
    assert digest(shared_server) == before


@pytest.mark.parametrize(
    ("by", "target", "role", "code"),
    [
        ("admin", "member", "owner", "protected"),
        ("owner", "member", "owner", "protected"),
        ("owner", "owner", "admin", "protected"),
        ("admin", "admin itself", "member", "not_allowed"),
        ("member", "member itself", "admin", "not_allowed"),
        ("member", "member", "admin", "not_allowed"),
    ],
)
def test_a_role_that_one_cannot_give_is_not_given(
    shared_server: Server, by: str, target: str, role: str, code: str
) -> None:
    giver = shared_server.login() if by == "owner" else join(shared_server, by)
    changed = join(shared_server, target) if target == "member" else giver
    before = digest(shared_server)
    answer = ask(shared_server, "PUT", f"/people/{changed.identity}", {"server_role": role}, giver.token)
    assert (answer.status, answer.json["code"]) == (403, code)
    assert digest(shared_server) == before


@pytest.mark.parametrize(
    ("role", "gives"),
    [
        ("owner", ["admin", "security_admin", "member"]),
        ("admin", ["admin", "security_admin", "member"]),
        ("security_admin", []),
        ("member", ["member"]),
    ],
)
def test_whoever_asks_is_told_which_roles_they_may_give(shared_server: Server, role: str, gives: list[str]) -> None:
    owner = shared_server.login()
    token = owner.token if role == "owner" else join(shared_server, role).token
    assert shared_server.api("GET", "/workspace/can", token=token)["gives"] == gives
    for given in ("owner", "admin", "security_admin", "member"):
        answer = ask(shared_server, "POST", "/invitations", {"server_role": given}, token)
        assert (answer.status == 200) is (given in gives), given


def test_an_admin_makes_a_member_an_admin_and_takes_it_back(shared_server: Server) -> None:
    admin, member = join(shared_server, "admin"), join(shared_server, "member")
    for role in ("admin", "member"):
        body = {"server_role": role}
        changed = shared_server.api("PUT", f"/workspace/people/{member.identity}", body, admin.token)
        assert changed["server_role"] == role
        assert shared_server.api("GET", "/me", token=member.token)["server_role"] == role


async def test_another_server_role_is_in_force_at_once_for_whoever_is_in_a_conference(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    owner, admin, member, operator = (
        server.login(),
        join(server, "admin"),
        join(server, "member"),
        join(server, "member"),
    )
    server.api("POST", "/groups", {"name": "desk", "operator": True}, owner.token)
    server.api("PUT", f"/groups/desk/members/{operator.identity}", token=owner.token)
    for person, given, role, may in (
        (admin, "member", "speaker", False),
        (member, "admin", "organizer", True),
        (operator, "security_admin", "speaker", False),
    ):
        inside = await clients(server, person, server.conference)
        assert (inside.person(person.identity)["role"] == "organizer") is not may
        server.api("PUT", f"/workspace/people/{person.identity}", {"server_role": given}, owner.token)
        told = await inside.event("role.assigned", 1, person=person.identity)
        assert (told["role"], told["by_right"]) == (role, may)
        if may:
            await inside.send("conference.settings", title="Mine now")
        else:
            with pytest.raises(Answered) as refused:
                await inside.send("participant.block", target=owner.identity)
            assert refused.value.code == "not_allowed"
        assert not inside.closed.is_set()
    path = f"/conferences/{server.conference}/audit?limit=100"
    lines = server.api("GET", path, token=owner.token)["entries"]
    # Nobody left; and no change of a right was anybody's own doing.
    assert [line["command"] for line in lines if line["actor"] == admin.identity] == ["enter"]
    rights = [(line["actor"], line["target"]) for line in lines if line["command"] == "right"]
    assert rights == [("", person.identity) for person in (admin, member, operator)]


async def test_the_sessions_of_a_removed_account_end_at_once(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    owner, member = server.login(), join(server, "member")
    watching = await clients(server, owner, server.conference)
    inside = await clients(server, member, server.conference)
    server.api("DELETE", f"/workspace/people/{member.identity}", token=owner.token)
    await asyncio.wait_for(inside.closed.wait(), 5)
    assert inside.closing is not None and inside.closing["code"] == "bad_token"
    await watching.event("participant.left", person=member.identity)


async def test_who_inherits_a_conference_of_a_removed_account_is_touched_by_nobody_in_it(
    podium_server: Callable[..., Server], clients: Callable[..., Any]
) -> None:
    server = podium_server()
    owner, member, admin = server.login(), join(server, "member"), join(server, "admin")
    made = server.api("POST", "/conferences", {"title": "Inherited"}, member.token)["conference"]
    inside = await clients(server, member, made)
    chief, watching = await clients(server, owner, made), await clients(server, admin, made)
    assert watching.snapshot["owner"] == member.identity
    server.api("DELETE", f"/workspace/people/{member.identity}", token=owner.token)
    await asyncio.wait_for(inside.closed.wait(), 5)
    assert (await watching.event("conference.owner_changed", 1))["owner"] == owner.identity
    with pytest.raises(Answered) as refused:
        await watching.send("participant.block", target=owner.identity)
    assert refused.value.code == "protected"
    assert not chief.closed.is_set()
    again = await clients(server, join(server, "member"), made)
    assert again.snapshot["owner"] == owner.identity


def test_of_oneself_everybody_changes_name_and_values_but_no_more(shared_server: Server) -> None:
    member, owner = join(shared_server, "member"), shared_server.login()
    body = {"name": "Birthday", "kind": "date"}
    attribute = shared_server.api("POST", "/workspace/attributes", body, owner.token)["id"]
    path, values = f"/people/{member.identity}", {attribute: "2001-02-28"}
    changed = ask(shared_server, "PUT", path, {"name": " Mia ", "values": values}, member.token).json
    assert (changed["name"], changed["values"]) == ("Mia", values)
    assert shared_server.api("GET", "/workspace/me", token=member.token) == changed
    assert changed["may"] == ["profile.edit", "profile.delete"]
    before = digest(shared_server)
    for body in ({"login": "other"}, {"server_role": "admin"}, {"name": "Mo", "login": "other"}):
        assert ask(shared_server, "PUT", path, body, member.token).json["code"] == "not_allowed", body
    other = join(shared_server, "member")
    assert digest(shared_server) != before
    assert ask(shared_server, "PUT", f"/people/{other.identity}", {"name": "X"}, member.token).status == 403


def test_a_login_is_had_by_one_person(shared_server: Server) -> None:
    owner, first, second = shared_server.login(), join(shared_server, "member"), join(shared_server, "member")
    before = digest(shared_server)
    for login in (first.name, first.name.upper(), "-x", "a b"):
        answer = ask(shared_server, "PUT", f"/people/{second.identity}", {"login": login}, owner.token)
        assert (answer.status, answer.json["code"]) == (400, "bad_message"), login
    assert ask(shared_server, "PUT", "/people/u_nobody", {"name": "X"}, owner.token).status == 404
    assert digest(shared_server) == before


def test_people_are_found_by_words_of_name_and_login(shared_server: Server) -> None:
    owner = shared_server.login().token
    somebody = join(shared_server, "member", name="100%_Zoë")
    for words in ("zoë", "%_", somebody.name.upper()):
        found = ask(shared_server, "GET", f"/people?search={quote(words)}", token=owner)
        assert [each["id"] for each in found.json["people"]] == [somebody.identity], words
    assert ask(shared_server, "GET", "/people?search=nobody-here", token=owner).json["total"] == 0


def test_the_owner_leaves_by_naming_an_admin(podium_server: Callable[..., Server]) -> None:
    server = podium_server()
    owner, admin, member = server.login(), join(server, "admin"), join(server, "member")
    before = digest(server)
    assert ask(server, "POST", "/leave", {}, owner.token).json["code"] == "protected"
    for successor, code in ((member.identity, "bad_message"), ("u_x", "not_found")):
        assert ask(server, "POST", "/leave", {"successor": successor}, owner.token).json["code"] == code
    assert digest(server) == before
    assert ask(server, "POST", "/leave", {"successor": admin.identity}, owner.token).status == 200
    assert server.api("GET", "/me", token=admin.token)["server_role"] == "owner"
    assert server.api("GET", "/conferences", token=admin.token)["conferences"][0]["mine"] is True
    assert server.request("GET", "/api/v1/me", token=owner.token).status == 401


def test_leaving_needs_the_password(shared_server: Server) -> None:
    member = join(shared_server, "member")
    for body in ({}, {"password": "wrong horse"}):
        assert ask(shared_server, "POST", "/leave", body, member.token).json["code"] == "not_allowed"
    assert ask(shared_server, "POST", "/leave", {"password": PASSWORD}, member.token).status == 200
    assert shared_server.request("GET", "/api/v1/me", token=member.token).status == 401


# --- invitations ---------------------------------------------------------------------------


def test_an_invitation_works_once_also_when_ten_accept_it_at_the_same_time(shared_server: Server) -> None:
    owner = shared_server.login().token
    made = shared_server.api("POST", "/workspace/invitations", {"server_role": "member"}, owner)

    def accept(number: int) -> int:
        body = {"invitation": secret(made), "login": f"racer{number}", "name": "Racer", "password": PASSWORD}
        return ask(shared_server, "POST", "/join", body).status

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(accept, range(10))) == [200] + [401] * 9
    assert ask(shared_server, "GET", "/people?search=racer", token=owner).json["total"] == 1


def test_an_account_that_cannot_be_made_leaves_the_invitation_good(shared_server: Server) -> None:
    owner = shared_server.login().token
    made = shared_server.api("POST", "/workspace/invitations", {"server_role": "member"}, owner)
    before = digest(shared_server)
    good = {"invitation": secret(made), "login": "ada", "name": "Ada", "password": PASSWORD}
    for change in ({"login": "owner"}, {"login": "-"}, {"name": " "}, {"password": "short"}, {"server_role": "admin"}):
        assert ask(shared_server, "POST", "/join", {**good, **change}).json["code"] == "bad_message", change
    assert ask(shared_server, "POST", "/join", {**good, "invitation": "x" * 22}).json["code"] == "bad_token"
    assert digest(shared_server) == before
    assert ask(shared_server, "POST", "/join", good).json["account"]["server_role"] == "member"


def test_pending_invitations_are_seen_and_revoked_by_who_made_them_and_by_admins(shared_server: Server) -> None:
    owner, member, other = shared_server.login(), join(shared_server, "member"), join(shared_server, "member")
    body = {"server_role": "member", "email": "ben@example.org", "days": 1}
    made = shared_server.api("POST", "/workspace/invitations", body, member.token)
    id = made["invitation"]["id"]
    assert made["invitation"]["expires"] - made["invitation"]["created"] == 86_400_000

    def seen(by: Any) -> bool:
        return id in {
            each["id"] for each in shared_server.api("GET", "/workspace/invitations", token=by.token)["invitations"]
        }

    assert seen(owner) and seen(member) and not seen(other)
    assert ask(shared_server, "DELETE", f"/invitations/{id}", token=other.token).status == 404
    assert ask(shared_server, "DELETE", f"/invitations/{id}", token=owner.token).status == 200
    assert not seen(member)
    body = {"invitation": secret(made), "login": "late", "name": "Late", "password": PASSWORD}
    assert ask(shared_server, "POST", "/join", body).json["code"] == "bad_token"


@pytest.mark.parametrize(
    "change",
    [{"email": "no address"}, {"email": "a@b\nBcc: c@d"}, {"days": 0}, {"days": 31}, {"server_role": "operator"}],
)
def test_an_invitation_that_makes_no_sense_is_none(shared_server: Server, change: dict[str, Any]) -> None:
    before = digest(shared_server)
    answer = ask(
        shared_server, "POST", "/invitations", {"server_role": "member", **change}, shared_server.login().token
    )
    assert (answer.status, answer.json["code"]) == (400, "bad_message")
    assert digest(shared_server) == before


# --- with a clock --------------------------------------------------------------------------


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Company:
    """A workspace without a server around it."""

    def __init__(self, store: Store) -> None:
        self.clock = Clock()
        self.accounts = Accounts(store, self.clock)
        self.workspace = Workspace(store, self.clock)

    async def add(self, login: str, role: ServerRole = ServerRole.MEMBER) -> Account:
        return await self.accounts.add(login, login.capitalize(), role)

    async def invite(self, by: Account, role: ServerRole = ServerRole.MEMBER, days: int = 7) -> str:
        _, secret = await self.workspace.act(by.id, lambda acting: invitations.invite(acting, "", role, days))
        return secret

    async def is_good(self, secret: str) -> bool:
        try:
            await self.workspace.look(lambda connection: invitations.opened(connection, secret, self.workspace.now()))
        except Refused:
            return False
        return True


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    store = Store.open(tmp_path / "podium.db")
    made = Company(store)
    await made.accounts.ensure_owner()
    yield made
    made.accounts.close()
    store.close()


async def test_an_invitation_expires(company: Company) -> None:
    secret = await company.invite(await company.add("anna"), days=2)
    company.clock.now += 2 * 86_400 - 1
    assert await company.is_good(secret)
    company.clock.now += 1
    assert not await company.is_good(secret)


async def test_the_invitation_of_a_demoted_or_removed_admin_makes_nobody_an_admin(company: Company) -> None:
    owner, _ = await company.accounts.ensure_owner()
    anna = await company.add("anna", ServerRole.ADMIN)
    admins, members = await company.invite(anna, ServerRole.ADMIN), await company.invite(anna)
    await company.workspace.act(
        owner.id, lambda acting: people.edit(acting, anna.id, None, None, ServerRole.MEMBER, {})
    )
    assert not await company.is_good(admins) and await company.is_good(members)
    await company.accounts.remove(anna.id)
    assert not await company.is_good(members)


async def test_so_many_invitations_are_pending_and_no_more(company: Company) -> None:
    anna, ben = await company.add("anna"), await company.add("ben")
    for _ in range(invitations.MAX_PENDING_EACH):
        await company.invite(anna)
    with pytest.raises(Refused, match="50 invitations"):
        await company.invite(anna)
    await company.invite(ben)
    company.clock.now += 7 * 86_400
    await company.invite(anna)


async def test_who_was_demoted_while_their_request_came_in_is_decided_on_as_what_they_are(company: Company) -> None:
    owner, _ = await company.accounts.ensure_owner()
    anna, ben = await company.add("anna", ServerRole.ADMIN), await company.add("ben")
    demote = company.workspace.act(
        owner.id, lambda acting: people.edit(acting, anna.id, None, None, ServerRole.MEMBER, {})
    )
    late = company.workspace.act(anna.id, lambda acting: people.edit(acting, ben.id, "Bean", None, None, {}))
    outcomes = await asyncio.gather(demote, late, return_exceptions=True)
    assert isinstance(outcomes[1], Refused) and outcomes[1].details["rule"] == "member.edit: owner, admin"
    assert await company.accounts.find(ben.id) == ben
