"""The worker processes of this machine: started, watched, and linked over a unix socket that nobody else can reach.

A worker is heard each second. One that is silent, or whose link stays away, is killed: a dead worker is a simpler
thing than a half-dead one. Where workers are shared, each also takes links from nodes, by a certificate made here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import ipaddress
import re
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Protocol

from protocol import control
from protocol.codec import BadMessage
from server import log
from server.addresses import interface_addresses
from server.config import Settings
from server.workers.certificate import make
from server.workers.link import WorkerLink
from server.workers.process import WorkerProcess
from server.workers.worker import HEARTBEAT_S, Worker

# Silence after which a worker is replaced: reliability.md wants everybody back within 10 s, the aim is 3.
SILENCE_S = 3.0
# A worker imports its libraries first, on a busy machine for seconds.
START_S = 20.0
HELLO_S = 5.0

_log = log.get("podium.workers")


class Watcher(Protocol):
    """Who is told of workers."""

    def up(self, worker: Worker) -> None:
        """Its link is there, for the first time or again."""

    def counted(self) -> None:
        """A link has come or gone."""

    def ended(self, worker: Worker) -> None:
        """The process is gone; the next one has another id."""

    def heard(self, worker: Worker, message: control.WorkerMessage) -> None:
        """A message of the worker's."""


class OwnWorkers:
    """The workers of this machine. `shared`: they take links from nodes too; otherwise they are this process' alone.
    `recorder`: not workers, but the one process that records (media/record/), on any port that is free."""

    def __init__(self, settings: Settings, watcher: Watcher, *, shared: bool = False, recorder: bool = False) -> None:
        self._settings = settings
        self._watcher = watcher
        self._shared = shared
        self._recorder = recorder
        # What this process and its workers know each other by; links between workers are secret by it too.
        self.secret = settings.worker_secret or secrets.token_hex(32)
        self._by_name: dict[str, Worker] = {}
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._all_up = asyncio.Event()
        self.fingerprint = ""

    @property
    def all(self) -> list[Worker]:
        """The workers, whether they are up or not."""
        return list(self._by_name.values())

    def find(self, id: str) -> Worker | None:
        """The worker that has this id now."""
        return next((worker for worker in self._by_name.values() if worker.id == id), None)

    async def start(self) -> None:
        """Start the workers; returns when they are up, or have not come up in time (then they are started again)."""
        # The directory is ours alone (0700), and with it the socket.
        self._directory = tempfile.TemporaryDirectory(prefix="podium-")
        folder = Path(self._directory.name)
        self._server = await asyncio.start_unix_server(self._accept, folder / "workers.sock")
        if self._shared:
            self.fingerprint = make(folder / "worker.pem")
        now = asyncio.get_running_loop().time()
        names = ["recorder"] if self._recorder else [f"w{n + 1}" for n in range(self._settings.worker_count)]
        for name in names:
            module = "media.record" if self._recorder else "media"
            process = WorkerProcess(name, [], self.secret, functools.partial(self._ended, name), module)
            worker = self._by_name[name] = Worker(
                "", name, process, self._settings.viewers_per_worker, self._settings.packets_per_worker
            )
            self._rename(worker)
            worker.heard = now + START_S
            process.start()
        self._watching = asyncio.create_task(self._watch(), name="worker watch")
        if self._by_name:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_S):
                    await self._all_up.wait()

    async def empty(self) -> None:
        """Returns when no rooms are on any of them, as their last heartbeats say."""
        while True:
            if not any(worker.link is not None and worker.all_rooms for worker in self._by_name.values()):
                return
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End the workers."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        for worker in self._by_name.values():
            worker.send(control.Shutdown())
        await asyncio.gather(*(worker.process.stop() for worker in self._by_name.values() if worker.process))
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        if self._directory is not None:
            self._directory.cleanup()

    def _rename(self, worker: Worker) -> None:
        """The next process is another worker: what was placed on the former one is not on it."""
        assert worker.process is not None
        worker.id = f"{machine()}-{worker.name}.{secrets.token_hex(6)}" if self._shared else worker.name
        worker.process.arguments = self._arguments(worker)

    def _arguments(self, worker: Worker) -> list[str]:
        settings, number = self._settings, 0 if self._recorder else int(worker.name[1:]) - 1
        assert self._directory is not None
        folder = Path(self._directory.name)
        host = ip(settings.media_host)
        port = settings.udp_port + number if settings.udp_port and not self._recorder else 0
        found = ["--control", f"unix:{folder / 'workers.sock'}", "--worker", worker.id]
        found += ["--udp-host", host, "--udp-port", str(port)]
        if not settings.media_tcp or self._recorder:
            found.append("--no-tcp")
        for address in advertised(host, settings.public_ip):
            found += ["--address", address]
        for limit in settings.worker_limits:
            found += ["--limit", limit]
        if self._shared:
            listen, first = settings.worker_links
            bound = ip(listen)
            bound = f"[{bound}]" if ":" in bound else bound
            found += ["--listen", f"{bound}:{first + number if first else 0}"]
            found += ["--certificate", str(folder / "worker.pem")]
        return found

    # --- the life of a worker -----------------------------------------------------------

    def _ended(self, name: str) -> None:
        """The process is gone; it will be started again."""
        worker = self._by_name[name]
        worker.heard = asyncio.get_running_loop().time() + START_S
        if worker.link is not None:
            worker.link.close()
            worker.link = None
        self._count()
        self._watcher.ended(worker)
        self._rename(worker)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT_S / 2)
            for worker in self._by_name.values():
                process = worker.process
                if process is not None and loop.time() - worker.heard > SILENCE_S and process.pid is not None:
                    _log.warning("a media worker is silent and is replaced", worker=worker.name)
                    worker.heard = loop.time() + START_S
                    process.kill()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.create_task(self._serve(WorkerLink(reader, writer)), name="worker link")
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _serve(self, link: WorkerLink) -> None:
        worker: Worker | None = None
        try:
            async with asyncio.timeout(HELLO_S):
                hello = await link.read()
            worker = self._recognised(hello)
            if worker is None or not isinstance(hello, control.WorkerHello):
                _log.warning("an unknown worker was turned away")
                return
            self._up(worker, link, hello)
            async for message in link.messages():
                worker.heard = asyncio.get_running_loop().time()
                self._watcher.heard(worker, message)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, BadMessage) as error:
            _log.info("a worker's link ended", worker=worker.name if worker else "", reason=type(error).__name__)
        finally:
            link.close()
            if worker is not None and worker.link is link:
                # The worker may connect again; if it does not, it is silent and is replaced.
                worker.link = None
                self._count()

    def _recognised(self, hello: control.WorkerMessage) -> Worker | None:
        if not isinstance(hello, control.WorkerHello):
            return None
        worker = self.find(hello.worker)
        if worker is None or not hmac.compare_digest(hello.secret.encode(), self.secret.encode()):
            return None
        return worker if worker.process is not None and worker.process.pid == hello.pid else None

    def _up(self, worker: Worker, link: WorkerLink, hello: control.WorkerHello) -> None:
        if worker.link is not None:
            worker.link.close()
        worker.link = link
        worker.udp_port = hello.udp_port
        worker.control_port = hello.control_port
        worker.addresses = hello.addresses
        worker.heard = asyncio.get_running_loop().time()
        link.send(control.WorkerWelcome(heartbeat_s=HEARTBEAT_S, kept_s=self._settings.media_kept_s))
        self._count()
        self._watcher.up(worker)

    def _count(self) -> None:
        if all(worker.link is not None for worker in self._by_name.values()):
            self._all_up.set()
        self._watcher.counted()


def machine() -> str:
    """This machine's name, as it stands in the ids of its workers."""
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40] or "machine"


def ip(host: str) -> str:
    """The host as an IP address, which is what a worker binds."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        # A name with addresses of both versions is meant as IPv4: `::` is for both.
        found = sorted(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM), key=lambda each: each[0])
        return str(found[0][4][0])


def advertised(host: str, public_ip: str) -> list[str]:
    """The addresses that browsers are told to send media to, the likeliest first."""
    bound = ipaddress.ip_address(host)
    own = [str(bound)] if not bound.is_unspecified else list(interface_addresses())
    if bound.version == 4:
        own = [address for address in own if ipaddress.ip_address(address).version == 4]
    found = [public_ip] if public_ip else []
    found += [address for address in own if address != public_ip]
    return found or ["127.0.0.1"]
