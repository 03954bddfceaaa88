"""What the HTTP side works with, gathered once when the server is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import HTTPConnection

from protocol.control import RoomReport
from protocol.names import Role
from server.accounts import Accounts
from server.conferences import Conferences
from server.config import Settings
from server.http.address import Proxies
from server.metrics import Metrics
from server.ratelimit import RateLimit
from server.store import Store
from server.tokens import Tokens


class Summary(Protocol):
    """A running or ended conference in a few words."""

    title: str
    running: bool
    people: int
    owner: str


class RoomsSeen(Protocol):
    """The part of `server.rooms.Rooms` that the API needs."""

    async def create(self, conference_id: str, title: str, owner_identity: str) -> None: ...

    async def end(self, conference_id: str, by: str) -> None: ...

    async def summary(self, conference_id: str) -> Summary | None: ...

    async def role_of(self, conference_id: str, identity: str) -> Role | None: ...

    def track_report(self, conference_id: str) -> RoomReport | None: ...


class WorkersSeen(Protocol):
    """The part of `server.workers.Workers` that health needs."""

    @property
    def ready(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything an endpoint may use."""

    settings: Settings
    store: Store
    accounts: Accounts
    tokens: Tokens
    conferences: Conferences
    rooms: RoomsSeen
    workers: WorkersSeen
    metrics: Metrics
    limits: Mapping[str, RateLimit]
    proxies: Proxies

    def address_of(self, request: HTTPConnection) -> str:
        """The client's address, as far as the proxies in between are trusted."""
        peer = request.client.host if request.client is not None else ""
        return self.proxies.client(peer, request.headers.get("x-forwarded-for", ""))


def rate_limits(settings: Settings) -> dict[str, RateLimit]:
    """The API's limits, for each address; a minute's worth may come at once."""
    return {
        "requests": RateLimit(settings.requests_per_second, settings.requests_per_second * 4),
        "login": RateLimit(settings.login_per_minute / 60, settings.login_per_minute),
        "guests": RateLimit(settings.guests_per_minute / 60, settings.guests_per_minute),
        "conferences": RateLimit(settings.conferences_per_minute / 60, settings.conferences_per_minute),
    }
