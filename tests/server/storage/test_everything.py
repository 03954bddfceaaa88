"""All that the server writes is the same on another: each of its ways to write, done once on replicas."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from protocol.errors import Code
from protocol.names import Role
from server.config import Settings
from server.directory.conferences import Conferences, note_removed
from server.directory.events import Events
from server.http.failure import Failure
from server.http.once import Once
from server.identity.accounts import Account, Accounts, ServerRole
from server.identity.apikeys import ApiKeys
from server.identity.groups import Groups
from server.identity.guestlinks import GuestLink, GuestLinks
from server.identity.peers import Peers
from server.identity.provider import Subject
from server.identity.sso import SingleSignOn
from server.mail import agenda, attendees, outbox, registration, taking
from server.mail.attendees import Registration, State
from server.mail.outbox import HOUR_MS
from server.mail.taking import Taken
from server.storage.keys import open_tokens
from server.webhooks import subscriptions
from server.workspace import attributes, invitations, people, profile, removal, templates
from server.workspace.acting import Acting, Workspace
from server.workspace.attributes import Kind
from tests.redis_server import RedisServer
from tests.server.storage.replicas import Node, nodes, until_same
from tests.server.workspace.test_picture import png

T = TypeVar("T")


async def identities(one: Node, two: Node) -> None:
    """Accounts, groups, keys, peers, single sign-on; by turns on two servers."""
    first, second = Accounts(one.store), Accounts(two.store)
    owner, _ = await first.ensure_owner()
    anna = await first.add("anna", "Anna", ServerRole.ADMIN, "correct horse")
    await first.new_code(anna.id)
    await first.set_password(anna.id, "battery staple")
    await until_same(one, two)
    assert (await second.check_password("anna", "battery staple")) == anna
    assert await second.redeem(await second.new_code(owner.id)) == owner
    await Groups(two.store).add("staff")
    await Groups(two.store).set_operator("staff", True)
    await Groups(two.store).add_member("staff", anna)
    await Groups(two.store).add("podium")
    await until_same(one, two)
    await Groups(one.store).remove_member("staff", anna.id)
    key = await ApiKeys(one.store).add("A program", True)
    await ApiKeys(one.store).remove((await ApiKeys(one.store).add("Another")).id)
    await Peers(two.store).add("peer.example", "https://peer.example/keys")
    await until_same(one, two)
    assert await ApiKeys(two.store).find(key.id) == key
    who = Subject(
        issuer="https://issuer",
        subject="s1",
        name="Sam",
        email="sam@example.org",
        login="sam",
        groups=frozenset(("podium",)),
        issued=0,
    )
    sam = await SingleSignOn(one.store).account(who)
    await until_same(one, two)
    # The same person at the other server.
    assert await SingleSignOn(two.store).account(who) == sam
    await second.remove(sam)
    await SingleSignOn(two.store).forget("s1")
    first.close()
    second.close()


async def conferences(one: Node, two: Node, owner: Account) -> None:
    """Conferences, links, events."""
    made = await Conferences(one.store).create("Weekly", owner.id)
    await Conferences(one.store).rename(made.id, "Daily")
    await Conferences(one.store).plan(made.id, 1, 2)
    await one.store.run(lambda c: note_removed(c, "abc-defg-hij", 1))
    tokens = await open_tokens(one.store, Settings())
    await until_same(one, two)
    links, others = GuestLinks(one.store, tokens), GuestLinks(two.store, await open_tokens(two.store, Settings()))
    link, token = await links.make(made.id, Role.SPEAKER, owner.id, max_uses=1)
    await until_same(one, two)
    assert (await others.look(token)).id == link.id
    await others.use(link.id)
    await others.revoke(made.id, link.id, True)
    await others.again("Printed", made.id, Role.VIEWER)
    await until_same(one, two)
    await links.again("Printed", made.id, Role.VIEWER)
    event = await Events(one.store).create("Two days", owner.id)
    await Events(one.store).add_session(event.id, made.id)
    await Events(one.store).set_member(event.id, owner.id, Role.MODERATOR)
    await until_same(one, two)
    await Events(two.store).remove_member(event.id, owner.id)
    await Events(two.store).remove_session(event.id, made.id)
    await until_same(one, two)
    await Events(one.store).add_session(event.id, made.id)
    await Events(two.store).remove((await Events(two.store).create("None", owner.id)).id)


async def webhooks(one: Node, two: Node, owner: Account) -> None:
    """Subscriptions; how far each is, is kept in Redis beside the record."""
    made = [
        await one.store.run(lambda one: subscriptions.add(one, 1, "https://example.org/hook", ("*",), None, owner.id))
        for _ in range(2)
    ]
    await until_same(one, two)
    kept, gone = (webhook.id for webhook in made)
    await two.store.run(lambda two: subscriptions.change(two, 2, kept, events=("participant.joined",), paused=True))
    await two.store.run(lambda two: subscriptions.change(two, 3, kept, paused=False))
    await two.store.run(lambda two: subscriptions.touch(two, kept))
    await two.store.run(lambda two: subscriptions.pause(two, 4, kept, "it does not answer"))
    await two.store.run(lambda two: subscriptions.remove(two, gone))


async def mail(one: Node, two: Node, owner: Account) -> None:
    """Who is outside, what they were told, and what waits to be told; every way in which that is written."""
    made = await Conferences(one.store).create("Congress", owner.id, 10 * HOUR_MS, 11 * HOUR_MS)
    links = GuestLinks(one.store, await open_tokens(one.store, Settings()))

    def draft(role: Role) -> GuestLink:
        return links.drafted(made.id, role, owner.id)[0]

    first, second, third = draft(Role.SPEAKER), draft(Role.VIEWER), draft(Role.VIEWER)
    await one.store.run(lambda c: attendees.set_registration(c, made.id, Registration.SPEAKERS))
    anna = await one.store.run(lambda c: attendees.expect(c, first, "anna@example.org", "Anna", 1, note="Hello"))
    await until_same(one, two)
    await two.store.run(lambda c: registration.register(c, second, "ben@example.org", "Ben", 2))
    await two.store.run(lambda c: registration.register(c, draft(Role.SPEAKER), "cleo@example.org", "Cleo", 2))
    # The same address again, with another role: another link.
    await two.store.run(lambda c: attendees.expect(c, third, "anna@example.org", "", 3))
    taken = await two.store.run(lambda c: taking.take(c, 4, 2))
    assert len(taken) == 2
    # What one has taken, the other does not.
    rest = await one.store.run(lambda c: taking.take(c, 4, 10))
    assert {each.told.mail.id for each in rest}.isdisjoint(each.told.mail.id for each in taken)
    ids = [each.told.mail.id for each in (*taken, *rest)]
    await one.store.run(lambda c: outbox.sent(c, ids[0], 5))
    await two.store.run(lambda c: outbox.failed(c, ids[1], 5, "550 no"))
    await two.store.run(lambda c: outbox.again(c, ids[2], 6, "451 later"))
    await one.store.run(lambda c: outbox.resume(c, 6))
    await one.store.run(lambda c: outbox.give_back(c, [each.told.mail.id for each in outbox_claim(c)], 7))
    await Conferences(two.store).plan(made.id, 12 * HOUR_MS, None)
    await two.store.run(lambda c: agenda.settle(c, 12 * HOUR_MS - 1000, (1440, 15), 90))
    await one.store.run(lambda c: attendees.settle(c, anna, State.WITHDRAWN, owner.id, 8))
    await one.store.run(lambda c: outbox.drop(c, ids[2]))
    await until_same(one, two)


def outbox_claim(connection: sqlite3.Connection) -> list[Taken]:
    """What is due now, taken."""
    return taking.take(connection, 7, 10)


async def workspace(one: Node, owner: Account) -> None:
    """The workspace; also its end."""

    async def act(work: Callable[[Acting], T]) -> T:
        return await Workspace(one.store).act(owner.id, work)

    await act(lambda acting: profile.edit(acting, "Company", "What we do", "UTC"))
    await act(lambda acting: profile.set_logo(acting, png()))
    color = await act(lambda acting: attributes.create(acting, "Color", Kind.CHOICE, ["red", "blue"]))
    await act(lambda acting: attributes.edit(acting, color.id, "Colour", ["red", "blue", "green"]))
    await act(lambda acting: people.edit(acting, owner.id, "Olga", None, None, {color.id: "red"}))
    template = await act(lambda acting: templates.create(acting, "Hello", "Hello", "Text"))
    await act(lambda acting: templates.edit(acting, template.id, "Hello", "Hello again", "Text"))
    await act(lambda acting: templates.create(acting, "Other", "Hello", "Text"))
    await act(lambda acting: templates.delete(acting, template.id))
    invited, secret = await act(lambda acting: invitations.invite(acting, "a@example.org", ServerRole.MEMBER, 1))
    await act(lambda acting: invitations.invite(acting, "b@example.org", ServerRole.ADMIN, 1))

    def accept(connection: sqlite3.Connection, account: Account) -> None:
        invitations.accept(connection, secret, account, invited.created)

    accounts = Accounts(one.store)
    await accounts.add("new", "New", also=accept)
    accounts.close()
    await act(lambda acting: profile.switch(acting, False))
    await act(lambda acting: profile.switch(acting, True))


async def requests(one: Node, two: Node, owner: Account) -> None:
    """What was asked for with a key, at either server: it is done once."""

    async def work() -> list[str]:
        return ["done"]

    async def refuse() -> None:
        raise Failure(Code.NOT_FOUND)

    assert (await Once(one.store, {}, owner.id, "key", b"make it").done(work))[1] is False
    await until_same(one, two)
    assert await Once(two.store, {}, owner.id, "key", b"make it").done(refuse) == (b'["done"]', True)
    with pytest.raises(Failure):
        await Once(two.store, {}, owner.id, "other", b"make it").done(refuse)


async def test_all_that_is_written_is_the_same_everywhere(tmp_path: Path, redis: RedisServer) -> None:
    async with nodes(tmp_path, redis.url) as (one, two):
        await identities(one, two)
        accounts = Accounts(one.store)
        owner, _ = await accounts.ensure_owner()
        accounts.close()
        await conferences(one, two, owner)
        await webhooks(one, two, owner)
        await mail(one, two, owner)
        await requests(one, two, owner)
        await workspace(two, owner)
        found = await until_same(one, two)
        # What was gone through left something in every table, or took it away on purpose.
        empty = {table for table, rows in found.items() if not rows and not table.startswith("sqlite_")}
        assert empty == {"sso_subjects", "group_members", "event_members", "login_codes", "webhook_positions"}
        await Workspace(one.store).act(owner.id, lambda acting: removal.delete(acting, "Company"))
        left = await until_same(one, two)
        assert [row[1] for row in left["accounts"]] == ["owner"] and not left["workspace_logo"]
        assert len(left["workspace_record"]) >= len(found["workspace_record"]) >= 10
