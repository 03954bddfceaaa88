"""The server put together: what is built in which order, and taken down in the reverse one.

Starting: data folder locked, store opened, ports bound (everything that is likely to fail, with a sentence each),
then workers, rooms, and last the connections. Stopping: the server says that it is not ready, and a balancer sends
nobody more; connections are told to come back and are closed, the rooms write what they hold, the workers end, the
store is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import resource
import secrets
import signal
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import uvicorn
from starlette.applications import Starlette

from protocol.garbage import keep_collecting
from protocol.names import Role
from server import links, listen, log, tls
from server.attendance.kept import RedisKept
from server.chatlog import EmbeddedChat
from server.chatlog.redis import RedisChat
from server.conference.rooms import Rooms
from server.config import Settings
from server.directory import conferences as directory
from server.directory.conferences import Conference, Conferences
from server.directory.events import Events
from server.files.depot import Depot
from server.files.keeper import Keeper
from server.files.renderer import Renderer
from server.files.uploads import Files
from server.http.address import Proxies
from server.http.app import application
from server.http.deadline import DeadlineProtocol
from server.http.limits import Limits
from server.http.services import Services
from server.identity.accounts import Accounts
from server.identity.groups import Groups
from server.identity.guestlinks import GuestLinks
from server.identity.identities import Identities
from server.identity.tokens import Tokens
from server.mail.postman import Postman
from server.metrics import LoopWatch, Metrics
from server.nodes import Alone
from server.nodes.redis import RedisNodes
from server.ratelimit import OwnBuckets
from server.records import audit
from server.redis import address
from server.redis.buckets import SharedBuckets
from server.redis.connection import Connection
from server.redis.leases import Leases
from server.roomlog import EmbeddedLog, RoomLog
from server.roomlog.feed import Feed
from server.roomlog.redis import RedisLog
from server.sessions.session import Gateway
from server.sessions.websocket import bound_to
from server.storage.keys import open_tokens
from server.storage.replicated import ReplicatedStore
from server.storage.store import FILE_NAME, Store
from server.webhooks.dispatcher import Dispatcher
from server.webhooks.positions import Positions, RedisPositions, StorePositions
from server.webhooks.post import Poster
from server.webhooks.turns import LeasedTurns, OwnTurns, Turns
from server.workers import Workers
from server.workspace.acting import Workspace

FIRST_TITLE = "Welcome"
# The label of the guest link that is printed at each start: it is the same one until it is revoked.
PRINTED = "Printed at the start"
KEEP_ALIVE_S = 15
# Where Redis keeps the mark of the folder of files, by which servers know that they share it (server/files/depot.py).
SHARED_MARK = "podium:files"
# For the handshake, as for the headers that follow it, and for the good-bye.
TLS_S = 5.0
# A part that does not stop within this is left behind; the process ends anyway.
STOP_S = 10.0
# A node that has others beside it says for so long that it is not ready, and goes on, before it sends people away:
# until the balancer knows (it asks every 2 s, deploy/kubernetes/nodes.yaml), they would come back to it.
UNREADY_S = 2.5

_log = log.get("server")


@dataclass(frozen=True, kw_only=True)
class Started:
    """What whoever started the server needs to know."""

    url: str
    host: str
    port: int
    udp_ports: tuple[int, ...]
    owner_link: str
    guest_link: str
    first_start: bool
    certificate: tls.Certificate | None


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handlers (stopping has an order, which is ours), and with TLS time-outs."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        config, loop = self.config, asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            return DeadlineProtocol(config=config, server_state=self.server_state, app_state={}, _loop=loop)

        times: dict[str, Any] = {"ssl_handshake_timeout": TLS_S, "ssl_shutdown_timeout": TLS_S} if config.ssl else {}
        self.servers = [
            await loop.create_server(protocol, sock=each, ssl=config.ssl, backlog=config.backlog, **times)
            for each in sockets or []
        ]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Application:
    """One server. `start`, then `stop`; both once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._undo: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None
        self._hurried = asyncio.Event()

    async def start(self) -> Started:
        """Start everything. Raises `StartError`, `ConfigError` or `StoreUnavailable`, with nothing left running."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> Started:
        settings = self.settings
        lock = listen.lock(settings.data)
        self._later("data folder", _closer(lock))
        certificate = tls.certificate(settings)
        sockets = listen.tcp(settings.host, settings.port)
        self._later("sockets", _closer(*sockets))
        listen.check_udp(settings.media_host, settings.udp_port, settings.worker_count)

        redis = await self._redis()
        store = await self._store(redis)
        accounts = Accounts(store)
        self._later("accounts", _closer(accounts))
        tokens = await open_tokens(store, settings)
        conferences = Conferences(store)

        metrics = Metrics()
        watch = LoopWatch(metrics)
        watch.start()
        self._later("loop watch", watch.stop)
        workers = Workers(settings, metrics, redis)
        self._later("workers", workers.stop)
        await workers.start()
        url = links.base_url(settings, sockets[0].getsockname()[1])
        roomlog, feed, nodes = await self._room_log(store, redis, url)
        chats = functools.partial(RedisChat, redis) if redis is not None else functools.partial(EmbeddedChat, store)
        depot = await self._depot(redis)
        keeper = Keeper(depot) if depot is not None else None
        attendance = RedisKept(redis) if redis is not None else None
        rooms = Rooms(store, workers, metrics, settings, roomlog, feed, nodes, chats, keeper, attendance)
        self._later("rooms", rooms.stop)
        await rooms.start()
        await nodes.watch(rooms)
        sweeping = asyncio.create_task(audit.keep_swept(rooms.log, settings.audit_days), name="audit sweep")
        self._later("audit sweep", _ender(sweeping))

        if keeper is not None:
            self._later("files", keeper.stop)
            tidying = asyncio.create_task(keeper.keep_swept(rooms, settings.file_days), name="files sweep")
            self._later("files sweep", _ender(tidying))

        webhooks = self._webhooks(store, redis, rooms.log, metrics)
        rooms.followers.append(webhooks.committed)

        identities = Identities(store, tokens, settings)
        guest_links = GuestLinks(store, tokens)
        shared = SharedBuckets(redis) if redis is not None else None
        gateway = Gateway(rooms, identities, metrics, settings, shared or OwnBuckets())
        store.followers.append(gateway.heard)
        services = Services(
            settings=settings,
            store=store,
            accounts=accounts,
            tokens=tokens,
            conferences=conferences,
            workspace=Workspace(store),
            identities=identities,
            groups=Groups(store),
            guest_links=guest_links,
            events=Events(store),
            rooms=rooms,
            files=Files(depot, Renderer(settings.slides_s, settings.slides_pages)),
            sessions=gateway,
            workers=workers,
            webhooks=webhooks,
            mail=self._mail(store, tokens, url, metrics, alone=redis is None),
            metrics=metrics,
            limits=Limits(settings, shared),
            proxies=Proxies(settings.trusted_proxies),
        )
        checking = asyncio.create_task(gateway.keep_checking(), name="account check")
        self._later("account check", _ender(checking))
        await self._listen(application(services), gateway, sockets, certificate)
        collecting = asyncio.create_task(keep_collecting(lambda: gateway.ended + rooms.closed), name="collector")
        self._later("collector", _ender(collecting))
        self._later("drain", functools.partial(self._drain, gateway, nodes))

        owner, first_start = await accounts.ensure_owner()
        conference = await self._first_conference(store, conferences, rooms, owner.id)
        port = sockets[0].getsockname()[1]
        code = await accounts.new_code(owner.id)
        invite = await guest_links.again(PRINTED, conference.id, Role.VIEWER)
        cert = str(certificate.cert.resolve()) if certificate is not None else None
        listen.note(lock, listen.Running(url=url, local=links.local_url(settings, port), cert=cert))
        return Started(
            url=url,
            host=settings.host,
            port=port,
            udp_ports=tuple(workers.ports),
            owner_link=url + links.code_path(code, conference.id),
            guest_link=url + links.guest_path(conference.id, invite),
            first_start=first_start,
            certificate=certificate,
        )

    async def _redis(self) -> Connection | None:
        """The connection to Redis, where the nodes keep what they share."""
        if not self.settings.redis:
            return None
        connection = Connection(address.parse(self.settings.redis))
        self._later("redis", connection.close)
        await connection.ready()
        policy = await connection.policy()
        if policy not in ("", "noeviction"):
            _log.warning("Redis may throw conferences away: set maxmemory-policy to noeviction", policy=policy)
        return connection

    async def _store(self, redis: Connection | None) -> Store:
        """The database: this server's own, or its replica of what all share."""
        path = self.settings.data / FILE_NAME
        store = Store.open(path) if redis is None else await ReplicatedStore.join(path, redis)
        self._later("store", _closer(store))
        return store

    async def _depot(self, redis: Connection | None) -> Depot | None:
        """The folder of files; with several servers, of which none knows the others' disks, one that is shared."""
        settings = self.settings
        if redis is not None and settings.files is None:
            _log.warning("no files are taken: several servers need a folder that all of them share (option files)")
            return None
        depot = Depot(settings.files_folder)
        mark = await depot.open()
        if redis is not None:
            await redis.ask("SET", SHARED_MARK, mark, "NX", repeatable=True)
            others = await redis.ask("GET", SHARED_MARK)
            if others not in (mark.encode(), None):
                raise listen.StartError(
                    f"--files: {depot.folder} is not the folder that the other servers on this Redis share; "
                    f"if they have moved to it, delete the key {SHARED_MARK} there."
                )
        return depot

    async def _room_log(
        self, store: Store, connection: Connection | None, url: str
    ) -> tuple[RoomLog, Feed | None, RedisNodes | Alone]:
        """Where the conferences' record is, what others write into it, and who they are."""
        if connection is None:
            alone = Alone(self.settings.data)
            self._later("nodes", alone.stop)
            await alone.start()
            return EmbeddedLog(store), None, alone
        feed = Feed(connection)
        feed.start()
        self._later("feed", feed.stop)
        if isinstance(store, ReplicatedStore):
            store.follow(feed)
            self._later("directory", store.stop)
        # A connection of its own: a heartbeat must not wait behind a thousand people who come at once.
        heart = Connection(connection.address)
        self._later("heart", heart.close)
        nodes = RedisNodes(heart, self.settings.data, url)
        self._later("nodes", nodes.stop)
        await nodes.start()
        return RedisLog(connection), feed, nodes

    def _webhooks(self, store: Store, redis: Connection | None, roomlog: RoomLog, metrics: Metrics) -> Dispatcher:
        """Who tells other programs what happens."""
        positions: Positions = StorePositions(store) if redis is None else RedisPositions(redis)
        turns: Turns = OwnTurns() if redis is None else LeasedTurns(Leases(redis), secrets.token_hex(6))
        poster = Poster(self.settings.webhook_private)
        self._later("webhooks' way out", _closer(poster))
        webhooks = Dispatcher(store, roomlog, positions, turns, poster, metrics, self.settings.webhook_days)
        webhooks.start()
        self._later("webhooks", webhooks.stop)
        return webhooks

    def _mail(self, store: Store, tokens: Tokens, url: str, metrics: Metrics, *, alone: bool) -> Postman | None:
        """Who sends e-mail, where there is a mail server."""
        if not self.settings.smtp_host:
            return None
        postman = Postman(store, tokens, self.settings, url, metrics, alone=alone)
        postman.start()
        self._later("mail", postman.stop)
        return postman

    async def stop(self) -> None:
        """Stop everything that was started, in the reverse order; each part has a time-out."""
        while self._undo:
            name, undo = self._undo.pop()
            try:
                async with asyncio.timeout(STOP_S + self.settings.drain_s):
                    await undo()
            except Exception:
                _log.exception("a part did not stop", part=name)

    def hurry(self) -> None:
        """Do not wait for connections any longer."""
        self._hurried.set()
        if self._server is not None:
            self._server.force_exit = True

    async def ended(self) -> None:
        """Returns when the connections' server has ended by itself, which it should not; raises what ended it."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    def _later(self, name: str, undo: Callable[[], Awaitable[None]]) -> None:
        self._undo.append((name, undo))

    async def _listen(
        self, app: Starlette, gateway: Gateway, sockets: list[socket.socket], certificate: tls.Certificate | None
    ) -> None:
        config = uvicorn.Config(
            app,
            http=DeadlineProtocol,
            ws=bound_to(gateway),  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=listen.BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(self.settings.drain_s)),
            ssl_certfile=certificate.cert if certificate is not None else None,
            ssl_keyfile=certificate.key if certificate is not None else None,
        )
        server = self._server = _Uvicorn(config)
        self._serving = asyncio.create_task(server.serve(sockets), name="connections")
        self._later("connections", self._stop_listening)
        while not server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.01)

    async def _drain(self, gateway: Gateway, nodes: RedisNodes | Alone) -> None:
        gateway.draining = True
        if await nodes.accompanied():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNREADY_S):
                    await self._hurried.wait()

    async def _stop_listening(self) -> None:
        assert self._server is not None and self._serving is not None
        self._server.should_exit = True
        await self._serving

    async def _first_conference(self, store: Store, conferences: Conferences, rooms: Rooms, owner: str) -> Conference:
        """The conference that the printed links lead to; created at the first start."""

        made = conferences.drafted(FIRST_TITLE, owner)

        # In one transaction: of several servers that start at once one makes it.
        def first(connection: sqlite3.Connection) -> Conference:
            row = connection.execute("SELECT value FROM keys WHERE name = 'first_conference'").fetchone()
            found = directory.find(connection, str(row[0], "ascii")) if row is not None else None
            if found is not None:
                return found
            directory.insert(connection, made)
            connection.execute("INSERT OR REPLACE INTO keys VALUES ('first_conference', ?)", (made.id.encode(),))
            return made

        found = await store.run(first)
        if found == made:
            await rooms.create(made.id, made.title, owner)
        return found


def _ender(task: asyncio.Task[None]) -> Callable[[], Awaitable[None]]:
    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return end


def _closer(*things: IO[bytes] | socket.socket | Store | Accounts | Poster) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        for thing in things:
            thing.close()

    return close


def _raise_descriptor_limit() -> None:
    """As many open connections as the system allows: the usual soft limit, 1,024, is for programs with few files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(settings: Settings, announce: Callable[[Started], None]) -> None:
    """Start, announce, serve until SIGTERM or SIGINT, stop. A second signal does not wait for connections.

    Raises as `Application.start`.
    """
    _raise_descriptor_limit()
    application = Application(settings)
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            application.hurry()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    started = await application.start()
    announce(started)
    _log.info("started", url=started.url, port=started.port, udp_ports=started.udp_ports)
    waits: list[asyncio.Task[Any]] = [
        asyncio.create_task(stopping.wait(), name="stop signal"),
        asyncio.create_task(application.ended(), name="connections' end"),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        _log.info("stopping")
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await application.stop()
        _log.info("stopped")
