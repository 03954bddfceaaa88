"""What the HTTP side works with, gathered once when the server is put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from protocol.control import RoomReport
from protocol.files import File
from protocol.names import Role
from protocol.statistics import Statistics
from server.attendance.book import Book
from server.chatlog import Chats
from server.config import Settings
from server.directory.conferences import Conferences
from server.directory.events import Events
from server.files.uploads import Files
from server.http.address import Proxies
from server.http.limits import Limits
from server.identity.access import Identified
from server.identity.accounts import Accounts
from server.identity.groups import Groups
from server.identity.guestlinks import GuestLinks
from server.identity.identities import Identities
from server.identity.tokens import Tokens
from server.mail.postman import Postman
from server.metrics import Metrics
from server.nodes import Nodes
from server.recording.library import Library
from server.recording.tickets import Tickets
from server.room import inner
from server.room.refusal import Refusal
from server.room.state import Room
from server.roomlog import RoomLog
from server.storage.store import Store
from server.webhooks.dispatcher import Dispatcher
from server.workspace.acting import Workspace


class Summary(Protocol):
    """A running or ended conference in a few words."""

    title: str
    running: bool
    people: int
    owner: str
    recorded: bool


class Position(Protocol):
    """Where a conference's state is."""

    epoch: int
    version: int
    hash: str


class RoomsSeen(Protocol):
    """The part of `server.conference.rooms.Rooms` that the API needs."""

    log: RoomLog
    library: Library
    chats: Chats
    nodes: Nodes
    attendance: Book

    async def create(self, conference_id: str, title: str, owner_identity: str) -> None: ...

    async def end(self, conference_id: str, by: str) -> None: ...

    async def end_as(self, conference_id: str, person: str) -> Refusal | None: ...

    async def remove(self, conference_id: str, by: str) -> None: ...

    async def note(
        self, conference_id: str, by: str, name: str, command: str, target: str = "", **details: Any
    ) -> None: ...

    async def summary(self, conference_id: str) -> Summary | None: ...

    async def state(self, conference_id: str) -> Room | None: ...

    async def position(self, conference_id: str) -> Position | None: ...

    async def grants(self, conference_id: str, identity: str, action: str) -> bool: ...

    async def shut_out(self, conference_id: str, identity: str, by_right: bool) -> bool: ...

    async def appoint(
        self, conference_id: str, by: str, roles: Sequence[tuple[str, Role | None]]
    ) -> Refusal | None: ...

    async def add_file(self, conference_id: str, by: str, command: inner.AddFile) -> File | Refusal: ...

    def track_report(self, conference_id: str) -> RoomReport | None: ...

    async def statistics(self, conference_id: str, person: str) -> Statistics | Refusal: ...


class SessionsSeen(Protocol):
    """The part of `server.sessions.session.Gateway` that the API needs."""

    draining: bool

    async def check(self, about: Callable[[Identified], bool] | None = None) -> None: ...


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
    workspace: Workspace
    identities: Identities
    groups: Groups
    guest_links: GuestLinks
    events: Events
    rooms: RoomsSeen
    files: Files
    sessions: SessionsSeen
    workers: WorkersSeen
    webhooks: Dispatcher
    mail: Postman | None
    metrics: Metrics
    limits: Limits
    proxies: Proxies
    recording_tickets: Tickets = field(default_factory=Tickets)
    # See `Once`.
    abandoned_keys: dict[bytes, int] = field(default_factory=dict)

    def address_of(self, request: HTTPConnection) -> str:
        """The client's address, as far as the proxies in between are trusted."""
        peer = request.client.host if request.client is not None else ""
        return self.proxies.client(peer, request.headers.get("x-forwarded-for", ""))
