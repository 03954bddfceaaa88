"""Who may log in, with what, and for how long."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.config import Settings
from server.directory.conferences import Conferences
from server.identity.accounts import HASHING_WAITING, AccountError, Accounts, ServerRole, TooBusy
from server.identity.identities import Identities
from server.identity.tokens import BadToken, Tokens
from server.storage.store import Store

COLUMNS = "id, login, name, server_role, created, tokens_after"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "podium.db")


@pytest.fixture
async def accounts(store: Store, clock: Clock) -> AsyncIterator[Accounts]:
    accounts = Accounts(store, clock)
    yield accounts
    accounts.close()
    store.close()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(b"x" * 32, clock=clock)


@pytest.fixture
def identities(store: Store, tokens: Tokens, clock: Clock) -> Identities:
    return Identities(store, tokens, Settings(), clock)


async def test_the_right_password_gives_the_account_and_a_wrong_one_nothing(accounts: Accounts) -> None:
    anna = await accounts.add("anna", "Anna", password="correct horse")
    assert await accounts.check_password("anna", "correct horse") == anna
    assert await accounts.check_password(" ANNA ", "correct horse") == anna
    assert await accounts.check_password("anna", "correct horse ") is None
    assert await accounts.check_password("nobody", "correct horse") is None


async def test_an_account_without_password_is_not_entered_by_any_password(accounts: Accounts) -> None:
    await accounts.add("anna", "Anna")
    assert await accounts.check_password("anna", "") is None
    assert await accounts.check_password("anna", "None") is None


async def test_passwords_and_codes_are_not_in_the_file(accounts: Accounts, store: Store) -> None:
    anna = await accounts.add("anna", "Anna", password="correct horse")
    code = await accounts.new_code(anna.id)
    kept = b"".join(path.read_bytes() for path in store.path.parent.iterdir())
    assert b"correct horse" not in kept and code.encode() not in kept
    assert b"$argon2id$" in kept


async def test_a_code_is_good_once(accounts: Accounts) -> None:
    anna = await accounts.add("anna", "Anna")
    code = await accounts.new_code(anna.id)
    assert await accounts.redeem(code) == anna
    assert await accounts.redeem(code) is None


async def test_of_many_who_redeem_a_code_at_once_one_has_it(accounts: Accounts) -> None:
    code = await accounts.new_code((await accounts.add("anna", "Anna")).id)
    found = await asyncio.gather(*(accounts.redeem(code) for _ in range(20)))
    assert sum(account is not None for account in found) == 1


async def test_a_code_expires(accounts: Accounts, clock: Clock) -> None:
    code = await accounts.new_code((await accounts.add("anna", "Anna")).id, lifetime_s=60)
    clock.now += 60
    assert await accounts.redeem(code) is None


async def test_no_code_and_a_wrong_code_are_nobody(accounts: Accounts) -> None:
    assert await accounts.redeem("") is None
    assert await accounts.redeem("x" * 22) is None


async def test_logins_are_unique_whatever_their_case(accounts: Accounts) -> None:
    await accounts.add("anna", "Anna")
    with pytest.raises(AccountError, match="already"):
        await accounts.add("Anna", "Another")


@pytest.mark.parametrize("login", ["", "-anna", "an na", "a" * 65, "анна", "a/b", "a\nb"])
async def test_a_login_that_is_none_is_refused(accounts: Accounts, login: str) -> None:
    with pytest.raises(AccountError, match="login"):
        await accounts.add(login, "Anna")


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
async def test_a_password_out_of_bounds_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccountError, match="password"):
        await accounts.add("anna", "Anna", password=password)
    assert await accounts.by_login("anna") is None


async def test_the_owner_is_made_once_and_found_again(accounts: Accounts) -> None:
    owner, created = await accounts.ensure_owner()
    assert created and owner.server_role is ServerRole.OWNER
    assert await accounts.ensure_owner() == (owner, False)


async def test_there_is_exactly_one_owner(accounts: Accounts, store: Store) -> None:
    await accounts.ensure_owner()
    with pytest.raises(AccountError, match="exactly one owner"):
        await accounts.add("second", "Second", ServerRole.OWNER)
    # The store itself holds it, whoever writes.
    with pytest.raises(sqlite3.IntegrityError):
        await store.run(
            lambda connection: connection.execute(
                f"INSERT INTO accounts ({COLUMNS}) VALUES ('u_x', 'x', 'X', 'owner', 0, 0)"
            )
        )


async def test_the_owner_cannot_be_removed(accounts: Accounts) -> None:
    owner, _ = await accounts.ensure_owner()
    with pytest.raises(AccountError, match="owner"):
        await accounts.remove(owner.id)


async def test_the_token_of_a_removed_account_is_dead_at_once(
    accounts: Accounts, identities: Identities, tokens: Tokens
) -> None:
    await accounts.ensure_owner()
    anna = await accounts.add("anna", "Anna")
    token = tokens.account(anna.id, anna.name)
    assert (await identities.identify(token)).account == anna
    await accounts.remove(anna.id)
    with pytest.raises(BadToken, match="gone"):
        await identities.identify(token)


async def test_conferences_of_a_removed_account_pass_to_the_owner(accounts: Accounts, store: Store) -> None:
    owner, _ = await accounts.ensure_owner()
    anna = await accounts.add("anna", "Anna")
    conference = await Conferences(store).create("Hers", anna.id)
    await accounts.remove(anna.id)
    found = await Conferences(store).find(conference.id)
    assert found is not None and found.owner == owner.id


async def test_a_changed_password_ends_tokens_and_codes_of_before(
    accounts: Accounts, identities: Identities, tokens: Tokens, clock: Clock
) -> None:
    anna = await accounts.add("anna", "Anna", password="correct horse")
    before = tokens.account(anna.id, anna.name)
    code = await accounts.new_code(anna.id)
    clock.now += 5
    await accounts.set_password(anna.id, "battery staple")
    with pytest.raises(BadToken, match="password"):
        await identities.identify(before)
    assert await accounts.redeem(code) is None
    assert await accounts.check_password("anna", "correct horse") is None
    after = tokens.account(anna.id, anna.name)
    assert (await identities.identify(after)).account == anna


async def test_a_first_password_ends_nothing(
    accounts: Accounts, identities: Identities, tokens: Tokens, clock: Clock
) -> None:
    anna = await accounts.add("anna", "Anna")
    before = tokens.account(anna.id, anna.name)
    clock.now += 5
    await accounts.set_password(anna.id, "battery staple")
    assert (await identities.identify(before)).account == anna


async def test_a_first_password_that_revokes_ends_tokens_of_before(
    accounts: Accounts, identities: Identities, tokens: Tokens, clock: Clock
) -> None:
    anna = await accounts.add("anna", "Anna")
    before = tokens.account(anna.id, anna.name)
    clock.now += 5
    await accounts.set_password(anna.id, "battery staple", revoke=True)
    with pytest.raises(BadToken):
        await identities.identify(before)


async def test_a_flood_of_passwords_is_refused_instead_of_queued(accounts: Accounts) -> None:
    await accounts.add("anna", "Anna", password="correct horse")
    attempts = [accounts.check_password("anna", "wrong horse") for _ in range(HASHING_WAITING * 2)]
    found = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, TooBusy) for result in found) == HASHING_WAITING
    assert await accounts.check_password("anna", "correct horse") is not None
