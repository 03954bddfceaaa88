"""Which writes of other servers make a server look at those who are connected to it, on one real Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from protocol.names import Role
from server.config import Settings
from server.directory.conferences import Conferences
from server.identity.accounts import Accounts, ServerRole
from server.identity.apikeys import ApiKeys
from server.identity.groups import Groups
from server.identity.guestlinks import GuestLinks
from server.identity.identities import concerns
from server.identity.peers import Peers
from server.storage.keys import open_tokens
from server.storage.recorder import Touched
from server.workspace import people, profile
from server.workspace.acting import Acting, Workspace
from tests.redis_server import RedisServer
from tests.server.storage.replicas import Node, nodes, until_same

Step = Callable[[], Awaitable[Any]]


async def found_of(step: Step, one: Node, two: Node) -> bool:
    """Whether what was done on a server concerns those who are connected to the other."""
    told: list[Touched] = []
    await until_same(one, two)
    two.store.followers[:] = [told.append]
    await step()
    await until_same(one, two)
    assert told
    return any(concerns(touched) for touched in told)


async def test_what_takes_or_gives_a_right_concerns_those_who_are_connected_and_nothing_else_does(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        accounts, groups, keys = Accounts(one.store), Groups(one.store), ApiKeys(one.store)
        peers, links = Peers(one.store), GuestLinks(one.store, await open_tokens(one.store, Settings()))
        owner, _ = await accounts.ensure_owner()
        anna = await accounts.add("anna", "Anna", password="correct horse")
        made = await Conferences(one.store).create("Weekly", owner.id)
        link, _ = await links.make(made.id, Role.VIEWER, owner.id)
        key, workspace = await keys.add("A program"), Workspace(one.store)

        def act(work: Callable[[Acting], Any]) -> Step:
            return lambda: workspace.act(owner.id, work)

        def edit(name: str | None, role: ServerRole | None) -> Step:
            return act(lambda acting: people.edit(acting, anna.id, name, None, role, {}))

        indifferent: dict[str, Step] = {
            "a name": edit("Anna B.", None),
            "a code": lambda: accounts.new_code(anna.id),
            "a conference": lambda: Conferences(one.store).rename(made.id, "Daily"),
            "another link": lambda: links.make(made.id, Role.VIEWER, owner.id),
            "a guest": lambda: links.use(link.id),
            "the company's name": act(lambda acting: profile.edit(acting, "Company", "", "UTC")),
        }
        concerning: dict[str, Step] = {
            "a role": edit(None, ServerRole.ADMIN),
            "a group": lambda: groups.add("desk", operator=True),
            "in a group": lambda: groups.add_member("desk", anna),
            "no operators": lambda: groups.set_operator("desk", False),
            "out of a group": lambda: groups.remove_member("desk", anna.id),
            "no group": lambda: groups.remove("desk"),
            "a link": lambda: links.revoke(made.id, link.id, True),
            "no key": lambda: keys.remove(key.id),
            "another key": lambda: peers.add("peer.example", "https://peer.example/keys"),
            "no peer": lambda: peers.remove("peer.example"),
            "switched off": act(lambda acting: profile.switch(acting, False)),
            "a password": lambda: accounts.set_password(anna.id, "battery staple"),
            "no account": lambda: accounts.remove(anna.id),
        }
        for name, step in indifferent.items():
            assert not await found_of(step, one, two), name
        for name, step in concerning.items():
            assert await found_of(step, one, two), name
        accounts.close()
