"""The store for a command: opened, used, closed, with errors as sentences."""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from server import links
from server.accounts import Account, AccountError, Accounts
from server.cli.output import Failed
from server.conferences import Conference, Conferences
from server.config import Settings
from server.keys import open_tokens
from server.listen import running
from server.store import FILE_NAME, Store, StoreUnavailable
from server.tokens import Tokens

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a command works with."""

    settings: Settings
    store: Store
    accounts: Accounts
    conferences: Conferences
    tokens: Tokens

    async def account(self, login: str) -> Account:
        """The account with this login, or with this identity."""
        found = await self.accounts.by_login(login) or await self.accounts.find(login)
        if found is None:
            raise Failed(f"There is no account {login!r}; see podium account list.")
        return found

    async def conference(self, id: str) -> Conference:
        """The conference with this id."""
        found = await self.conferences.find(id)
        if found is None:
            raise Failed(f"There is no conference {id!r}; see podium conference list.")
        return found


def at_desk(settings: Settings, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Run `work` with the store of the settings; the server may be running meanwhile."""

    async def run() -> T:
        store = Store.open(settings.data / FILE_NAME)
        accounts = Accounts(store)
        try:
            # A fresh folder is a first start as well: everything else needs somebody to belong to.
            await accounts.ensure_owner()
            tokens = await open_tokens(store, settings)
            conferences = Conferences(store)
            desk = Desk(settings=settings, store=store, accounts=accounts, conferences=conferences, tokens=tokens)
            return await work(desk)
        finally:
            accounts.close()
            store.close()

    try:
        return asyncio.run(run())
    except (AccountError, StoreUnavailable) as error:
        raise Failed(str(error)) from None


def base_url(settings: Settings) -> str:
    """The server's address for printed links: the running server's, else as far as the settings tell."""
    found = running(settings.data)
    return found.url if found is not None else links.base_url(settings, settings.port)


def call(settings: Settings, method: str, path: str, token: str) -> Any:
    """A request to the running server's API; its JSON. Raises `Failed`, also when no server runs."""
    found = running(settings.data)
    if found is None:
        raise Failed(f"No server runs with the data folder {settings.data}.")
    parts = urlsplit(found.local)
    context = None
    if found.cert is not None:
        # Exactly the certificate that this server serves with; its names are those of the world outside.
        context = ssl.create_default_context(cafile=found.cert)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    connection = (
        http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=10, context=context)
        if context is not None
        else http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    )
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        answer = msgspec.json.decode(response.read())
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        raise Failed(f"The server does not answer: {error}.") from None
    finally:
        connection.close()
    if response.status != 200:
        raise Failed(str(answer.get("message", response.status)))
    return answer
