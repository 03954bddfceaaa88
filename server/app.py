"""The server put together: what is built in which order, and taken down in the reverse one.

Starting: data folder locked, store opened, ports bound (everything that is likely to fail, with a sentence each),
then workers, rooms, and last the connections. Stopping: connections are told to come back and are closed, the rooms
write what they hold, the workers end, the store is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import uvicorn
from starlette.applications import Starlette

from protocol.names import Role
from server import links, listen, log, tls
from server.accounts import Accounts
from server.conferences import Conference, Conferences
from server.config import Settings
from server.http.address import Proxies
from server.http.app import application
from server.http.deadline import DeadlineProtocol
from server.http.services import Services, rate_limits
from server.keys import open_tokens
from server.metrics import LoopWatch, Metrics
from server.rooms import Rooms
from server.session import Gateway
from server.store import FILE_NAME, Store
from server.websocket import bound_to
from server.workers import Workers

FIRST_TITLE = "Welcome"
KEEP_ALIVE_S = 15
# For the handshake, as for the headers that follow it, and for the good-bye.
TLS_S = 5.0
# A part that does not stop within this is left behind; the process ends anyway.
STOP_S = 10.0

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

        store = Store.open(settings.data / FILE_NAME)
        self._later("store", _closer(store))
        accounts = Accounts(store)
        self._later("accounts", _closer(accounts))
        tokens = await open_tokens(store, settings)
        conferences = Conferences(store)

        metrics = Metrics()
        watch = LoopWatch(metrics)
        watch.start()
        self._later("loop watch", watch.stop)
        workers = Workers(settings, metrics)
        self._later("workers", workers.stop)
        await workers.start()
        rooms = Rooms(store, workers, metrics, settings)
        self._later("rooms", rooms.stop)
        await rooms.start()

        services = Services(
            settings=settings,
            store=store,
            accounts=accounts,
            tokens=tokens,
            conferences=conferences,
            rooms=rooms,
            workers=workers,
            metrics=metrics,
            limits=rate_limits(settings),
            proxies=Proxies(settings.trusted_proxies),
        )
        gateway = Gateway(rooms, tokens, accounts, metrics, settings)
        checking = asyncio.create_task(gateway.keep_checking(), name="account check")
        self._later("account check", _ender(checking))
        await self._listen(application(services), gateway, sockets, certificate)

        owner, first_start = await accounts.ensure_owner()
        conference = await self._first_conference(store, conferences, rooms, owner.id)
        port = sockets[0].getsockname()[1]
        url = links.base_url(settings, port)
        code = await accounts.new_code(owner.id)
        cert = str(certificate.cert.resolve()) if certificate is not None else None
        listen.note(lock, listen.Running(url=url, local=links.local_url(settings, port), cert=cert))
        return Started(
            url=url,
            host=settings.host,
            port=port,
            udp_ports=tuple(workers.ports),
            owner_link=url + links.code_path(code, conference.id),
            guest_link=url + links.guest_path(conference.id, tokens.invitation(conference.id, Role.VIEWER)),
            first_start=first_start,
            certificate=certificate,
        )

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

    async def _stop_listening(self) -> None:
        assert self._server is not None and self._serving is not None
        self._server.should_exit = True
        await self._serving

    async def _first_conference(self, store: Store, conferences: Conferences, rooms: Rooms, owner: str) -> Conference:
        """The conference that the printed links lead to; created at the first start."""

        def kept(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT value FROM keys WHERE name = 'first_conference'").fetchone()
            return str(row[0], "ascii") if row is not None else None

        id = await store.run(kept)
        found = await conferences.find(id) if id is not None else None
        if found is not None:
            return found
        made = await conferences.create(FIRST_TITLE, owner)
        await store.run(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO keys VALUES ('first_conference', ?)", (made.id.encode(),)
            )
        )
        await rooms.create(made.id, made.title, owner)
        return made


def _ender(task: asyncio.Task[None]) -> Callable[[], Awaitable[None]]:
    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return end


def _closer(*things: IO[bytes] | socket.socket | Store | Accounts) -> Callable[[], Awaitable[None]]:
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
