"""A guest link is as good as the right of whoever made it, and outlives nobody's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.harness import Client, Guest, Server

Clients = Callable[..., Any]
REFUSED = (401, "bad_token", "Whoever made this guest link may not invite here any more; ask for a new one.")


def member(server: Server, login: str, role: str = "member") -> Guest:
    """A new account, signed in."""
    code = server.podium("account", "add", login, "--role", role).stdout.strip().partition("#code=")[2]
    answer = server.api("POST", "/login", {"code": code})
    return Guest(answer["token"], answer["account"]["id"], login)


def link(server: Server, conference: str, maker: Guest, role: str = "moderator") -> str:
    """The token of a link that somebody makes."""
    return str(server.api("POST", f"/conferences/{conference}/invitations", {"role": role}, maker.token)["token"])


def enter(server: Server, invite: str, **more: Any) -> Guest:
    answer = server.api("POST", "/guests", {"invite": invite, "name": "Ben", **more})
    return Guest(answer["token"], answer["identity"], "Ben")


def turned_away(server: Server, invite: str, **more: Any) -> tuple[int, str, str]:
    response = server.request("POST", "/api/v1/guests", {"invite": invite, "name": "Ben", **more})
    return response.status, response.json["code"], response.json["message"]


async def moderating(server: Server, clients: Clients, login: str) -> tuple[str, Client, Guest, Client]:
    """A conference, its owner inside, and a member who was made a moderator of it."""
    conference = server.create(f"With {login}")
    owner: Client = await clients(server, server.login(), conference)
    guest = member(server, login)
    inside: Client = await clients(server, guest, conference)
    await owner.send("role.assign", target=guest.identity, role="moderator")
    return conference, owner, guest, inside


@pytest.mark.parametrize("role", ["moderator", "viewer"])
async def test_a_demoted_moderators_links_let_nobody_in_until_they_are_one_again(
    shared_server: Server, clients: Clients, role: str
) -> None:
    conference, owner, mia, _ = await moderating(shared_server, clients, f"mia.{role}")
    invite = link(shared_server, conference, mia, role)
    await owner.send("role.assign", target=mia.identity, role="viewer")
    assert turned_away(shared_server, invite) == REFUSED
    # Whoever comes with a token of their own from elsewhere comes by this link all the same.
    assert turned_away(shared_server, invite, token=shared_server.guest("Carla").token) == REFUSED
    await owner.send("role.assign", target=mia.identity, role="moderator")
    assert enter(shared_server, invite)
    await owner.send("role.clear", target=mia.identity)
    assert turned_away(shared_server, invite) == REFUSED


async def test_a_blocked_moderators_link_lets_nobody_in_whether_or_not_they_were_demoted(
    shared_server: Server, clients: Clients
) -> None:
    conference, owner, max_, _ = await moderating(shared_server, clients, "max")
    invite = link(shared_server, conference, max_)
    await owner.send("participant.block", target=max_.identity)
    assert turned_away(shared_server, invite) == REFUSED
    await owner.send("participant.unblock", target=max_.identity)
    assert enter(shared_server, invite)


async def test_a_moderator_who_only_left_has_invited_whom_they_invited(shared_server: Server, clients: Clients) -> None:
    conference, owner, moritz, inside = await moderating(shared_server, clients, "moritz")
    invite = link(shared_server, conference, moritz, "speaker")
    await inside.send("conference.leave")
    await owner.event("participant.left", person=moritz.identity)
    assert enter(shared_server, invite)


async def test_who_came_by_a_link_is_a_person_of_their_own_whatever_becomes_of_its_maker(
    shared_server: Server, clients: Clients
) -> None:
    conference, owner, mara, _ = await moderating(shared_server, clients, "mara")
    invite = link(shared_server, conference, mara, "viewer")
    ben = enter(shared_server, invite)
    await owner.send("participant.block", target=mara.identity)
    assert enter(shared_server, invite, token=ben.token).identity == ben.identity
    inside: Client = await clients(shared_server, ben, conference)
    assert inside.person(ben.identity)["role"] == "viewer"


def test_who_operates_no_more_invites_nobody_into_conferences_of_others(shared_server: Server) -> None:
    owner, oskar = shared_server.login(), member(shared_server, "oskar")
    conference = shared_server.create("Operated")
    shared_server.api("POST", "/groups", {"name": "night-shift", "operator": True}, owner.token)
    path = f"/groups/night-shift/members/{oskar.identity}"
    shared_server.api("PUT", path, None, owner.token)
    invite = link(shared_server, conference, oskar)
    # From outside, too: an operator need not be in the conference.
    viewers = link(shared_server, conference, oskar, "viewer")
    assert enter(shared_server, viewers)
    shared_server.api("DELETE", path, None, owner.token)
    assert turned_away(shared_server, invite) == turned_away(shared_server, viewers) == REFUSED


@pytest.mark.parametrize("end", ["demoted", "removed"])
def test_what_an_admin_made_ends_with_their_right_and_with_their_account(shared_server: Server, end: str) -> None:
    owner, ada = shared_server.login(), member(shared_server, f"ada.{end}", "admin")
    conference = shared_server.create("Administered")
    invite = link(shared_server, conference, ada)
    path = f"/workspace/people/{ada.identity}"
    if end == "demoted":
        shared_server.api("PUT", path, {"server_role": "member"}, owner.token)
    else:
        shared_server.api("DELETE", path, None, owner.token)
    assert turned_away(shared_server, invite) == REFUSED


def test_the_owner_of_a_conference_needs_no_more_than_that(shared_server: Server) -> None:
    ole = member(shared_server, "ole")
    conference = shared_server.api("POST", "/conferences", {"title": "Ole's"}, ole.token)["conference"]
    invite = link(shared_server, conference, ole)
    assert enter(shared_server, invite)


def test_whom_somebody_invited_into_their_own_conference_the_next_owner_has_invited(shared_server: Server) -> None:
    owner, olga = shared_server.login(), member(shared_server, "olga")
    conference = shared_server.api("POST", "/conferences", {"title": "Olga's"}, olga.token)["conference"]
    speakers, moderators = (link(shared_server, conference, olga, role) for role in ("speaker", "moderator"))
    elsewhere = link(shared_server, conference, owner, "viewer")
    shared_server.api("DELETE", f"/workspace/people/{olga.identity}", None, owner.token)
    assert enter(shared_server, speakers) and enter(shared_server, elsewhere)
    assert turned_away(shared_server, moderators) == REFUSED
    shown = shared_server.api("GET", f"/conferences/{conference}/invitations", None, owner.token)["invitations"]
    assert {each["role"]: each["made_by"] for each in shown} == {
        "speaker": owner.identity,
        "moderator": olga.identity,
        "viewer": owner.identity,
    }


async def test_a_guest_who_moderates_by_a_link_invites_until_it_is_withdrawn_or_they_are_demoted_or_blocked(
    shared_server: Server, clients: Clients
) -> None:
    conference = shared_server.create("Guests invite")
    owner: Client = await clients(shared_server, shared_server.login(), conference)
    path = f"/conferences/{conference}/invitations"

    async def invited() -> tuple[str, Guest, str]:
        made = shared_server.api("POST", path, {"role": "moderator"}, shared_server.login().token)
        guest = enter(shared_server, made["token"])
        inside: Client = await clients(shared_server, guest, conference)
        theirs = link(shared_server, conference, guest)
        await inside.send("conference.leave")
        assert enter(shared_server, link(shared_server, conference, shared_server.login()))
        return made["id"], guest, theirs

    _, demoted, of_demoted = await invited()
    _, blocked, of_blocked = await invited()
    withdrawn, _, of_withdrawn = await invited()
    _, _, good = await invited()
    await owner.send("role.assign", target=demoted.identity, role="viewer")
    await owner.send("participant.block", target=blocked.identity)
    shared_server.api("POST", f"{path}/{withdrawn}/revoke", {}, shared_server.login().token)
    for invite in (of_demoted, of_blocked, of_withdrawn):
        assert turned_away(shared_server, invite) == REFUSED
    assert enter(shared_server, good)


async def test_a_guest_who_was_made_a_moderator_by_hand_and_is_none_any_more_has_invited_nobody(
    shared_server: Server, clients: Clients
) -> None:
    conference = shared_server.create("By hand")
    owner: Client = await clients(shared_server, shared_server.login(), conference)
    guest = shared_server.guest("Carla", "viewer", conference)
    inside: Client = await clients(shared_server, guest, conference)
    await owner.send("role.assign", target=guest.identity, role="moderator")
    invite = link(shared_server, conference, guest)
    await inside.send("conference.leave")
    assert enter(shared_server, link(shared_server, conference, shared_server.login(), "viewer"))
    await owner.send("role.clear", target=guest.identity)
    assert turned_away(shared_server, invite) == REFUSED


async def test_who_is_vouched_for_by_a_key_has_invited_as_long_as_the_key_is_there(
    podium_server: Callable[..., Server], clients: Clients
) -> None:
    server = podium_server()
    added = server.podium("key", "add", "portal", "--names-groups").stdout.splitlines()
    key, secret = (each.partition(": ")[2] for each in added)
    server.api("POST", "/groups", {"name": "teachers", "operator": True}, server.login().token)

    def signed(subject: str, **claims: Any) -> Guest:
        said = {"iss": key, "sub": subject, "name": subject, "exp": int(time.time()) + 600, **claims}
        return Guest(jwt.encode(said, secret, algorithm="HS256"), f"{subject}@{key}", subject)

    # Never there, and the settings make guests viewers: what they are only their token says.
    teacher = signed("tina", groups=["teachers"])
    owner: Client = await clients(server, server.login(), server.conference)
    await owner.send("conference.settings", outsiders="viewer")
    invites = [link(server, server.conference, teacher, "viewer")]
    await owner.send("conference.settings", outsiders="default")
    tom = signed("tom", role="moderator")
    inside: Client = await clients(server, tom, server.conference)
    invites.append(link(server, server.conference, tom))
    await inside.send("conference.leave")
    await owner.send("conference.settings", outsiders="viewer")
    assert enter(server, invites[0])
    await owner.send("participant.block", target=tom.identity)
    assert enter(server, invites[0]) and turned_away(server, invites[1]) == REFUSED
    await owner.send("participant.unblock", target=tom.identity)
    assert enter(server, invites[1])
    assert server.podium("key", "remove", key).returncode == 0
    assert [turned_away(server, invite) for invite in invites] == [REFUSED, REFUSED]


def test_the_servers_own_links_outlive_its_owner_and_none_is_made_by_its_name(
    podium_server: Callable[..., Server],
) -> None:
    server = podium_server()
    owner, heir = server.login(), member(server, "heir", "admin")
    # Somebody calls theirs as the server calls its own.
    path = f"/conferences/{server.conference}/invitations"
    body = {"role": "viewer", "label": "Printed at the start"}
    posed = server.api("POST", path, body, owner.token)
    by_command = server.podium("conference", "link", server.conference).stdout.strip().partition("#invite=")[2]
    server.restart()
    printed = server.printed["Guests"].partition("#invite=")[2]
    shown = {each["made_by"] for each in server.api("GET", path, None, owner.token)["invitations"]}
    assert shown == {"", owner.identity}
    server.api("POST", "/workspace/leave", {"successor": heir.identity}, owner.token)
    assert enter(server, printed) and enter(server, by_command)
    # Theirs is the next owner's, as the conference is.
    assert enter(server, posed["token"])
    shown = {each["made_by"] for each in server.api("GET", path, None, heir.token)["invitations"]}
    assert shown == {"", heir.identity}
