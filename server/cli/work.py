"""The store for a command: opened, used, closed, with errors as sentences."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from server import links
from server.cli.output import Failed
from server.config import Settings
from server.directory.conferences import Conference, Conferences
from server.identity.accounts import Account, AccountError, Accounts
from server.identity.groups import Groups
from server.identity.guestlinks import GuestLinks
from server.identity.identities import Identities
from server.identity.tokens import Tokens
from server.listen import running
from server.redis import address
from server.roomlog import EmbeddedLog, RoomLog
from server.storage.keys import open_tokens
from server.storage.store import FILE_NAME, Store, StoreUnavailable
from server.webhooks.positions import Positions, RedisPositions, StorePositions
from server.workspace.acting import Refused

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a command works with."""

    settings: Settings
    store: Store
    accounts: Accounts
    conferences: Conferences
    tokens: Tokens
    identities: Identities
    guest_links: GuestLinks
    groups: Groups
    roomlog: RoomLog
    positions: Positions

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
        async with stored(settings) as (store, roomlog, positions):
            with contextlib.closing(Accounts(store)) as accounts:
                # A fresh folder is a first start as well: everything else needs somebody to belong to.
                await accounts.ensure_owner()
                tokens = await open_tokens(store, settings)
                desk = Desk(
                    settings=settings,
                    store=store,
                    accounts=accounts,
                    conferences=Conferences(store),
                    tokens=tokens,
                    identities=Identities(store, tokens, settings),
                    guest_links=GuestLinks(store, tokens),
                    groups=Groups(store),
                    roomlog=roomlog,
                    positions=positions,
                )
                return await work(desk)

    try:
        return asyncio.run(run())
    except (AccountError, Refused, StoreUnavailable) as error:
        raise Failed(str(error)) from None


@contextlib.asynccontextmanager
async def stored(settings: Settings) -> AsyncIterator[tuple[Store, RoomLog, Positions]]:
    """The database, the conferences' record and where webhooks are in it, as the server of these settings has them."""
    path = settings.data / FILE_NAME
    if not settings.redis:
        with contextlib.closing(Store.open(path)) as own:
            yield own, EmbeddedLog(own), StorePositions(own)
        return
    # Here, so that all others do not wait for what only these commands need.
    from server.redis.connection import Connection
    from server.roomlog.redis import RedisLog
    from server.storage.replicated import ReplicatedStore

    redis = Connection(address.parse(settings.redis))
    try:
        with contextlib.closing(await ReplicatedStore.join(path, redis)) as replica:
            yield replica, RedisLog(redis), RedisPositions(redis)
    finally:
        await redis.close()


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
