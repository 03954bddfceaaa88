"""All media workers of this node: which room is on which, and what follows when one dies.

A worker is heard each second. One that is silent, or whose link stays away, is killed: a dead worker is a simpler
thing than a half-dead one. Its rooms go to the others at once, or wait for it to be back; either way their people
are told to open new connections, and the state of the rooms has not moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import ipaddress
import secrets
import socket
import tempfile
from pathlib import Path

from protocol import control
from protocol.codec import BadMessage
from server import log
from server.addresses import interface_addresses
from server.config import Settings
from server.metrics import Metrics
from server.workers.link import WorkerLink
from server.workers.process import WorkerProcess
from server.workers.roommedia import RoomMedia

HEARTBEAT_S = 1.0
# Silence after which a worker is replaced: reliability.md wants everybody back within 10 s, the aim is 3.
SILENCE_S = 3.0
# A worker imports its libraries first, on a busy machine for seconds.
START_S = 20.0
HELLO_S = 5.0
# A worker that has seen so many heartbeats without what it was told is told everything again.
BEHIND = 2

_log = log.get("podium.workers")


class Worker:
    """One worker: its process, its link while there is one, and the rooms on it."""

    def __init__(self, name: str, process: WorkerProcess) -> None:
        self.name = name
        self.process = process
        self.link: WorkerLink | None = None
        self.udp_port = 0
        self.rooms: dict[str, RoomMedia] = {}
        self.heard = 0.0
        self.transports = 0
        self.positions: dict[str, tuple[int, int]] = {}
        self.behind: dict[str, int] = {}

    @property
    def load(self) -> int:
        """How much is on it; a room counts even before anybody's transport is there."""
        return self.transports + 10 * len(self.rooms)

    def send(self, message: control.ServerMessage) -> None:
        """Send a message; without a link it is lost, and repaired when the link is back."""
        if self.link is not None:
            self.link.send(message)


class Workers:
    """The workers of this node."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._secret = secrets.token_hex(32)
        self._workers: dict[str, Worker] = {}
        self._rooms: dict[str, RoomMedia] = {}
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._all_up = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether a room can be placed now."""
        return any(worker.link is not None for worker in self._workers.values())

    @property
    def ports(self) -> tuple[int, ...]:
        """The UDP ports of the workers that are up."""
        return tuple(worker.udp_port for worker in self._workers.values() if worker.link is not None)

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that run."""
        return tuple(worker.process.pid for worker in self._workers.values() if worker.process.pid is not None)

    # --- beginning and end --------------------------------------------------------------

    async def start(self) -> None:
        """Start the workers; returns when they are up, or have not come up in time (then they are started again)."""
        # The directory is ours alone (0700), and with it the socket.
        self._directory = tempfile.TemporaryDirectory(prefix="podium-")
        path = Path(self._directory.name) / "workers.sock"
        self._server = await asyncio.start_unix_server(self._accept, path)
        now = asyncio.get_running_loop().time()
        host = _ip(self._settings.media_host)
        addresses = _advertised(host, self._settings.public_ip)
        for number in range(self._settings.worker_count):
            name = f"w{number + 1}"
            port = self._settings.udp_port + number if self._settings.udp_port else 0
            arguments = ["--control", f"unix:{path}", "--udp-host", host, "--udp-port", str(port), "--worker", name]
            for address in addresses:
                arguments += ["--address", address]
            process = WorkerProcess(name, arguments, self._secret, functools.partial(self._ended, name))
            self._workers[name] = Worker(name, process)
            self._workers[name].heard = now + START_S
            process.start()
        self._watching = asyncio.create_task(self._watch(), name="worker watch")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_up.wait(), START_S)

    async def stop(self) -> None:
        """End the workers."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        for worker in self._workers.values():
            worker.send(control.Shutdown())
        await asyncio.gather(*(worker.process.stop() for worker in self._workers.values()))
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        if self._directory is not None:
            self._directory.cleanup()

    # --- rooms --------------------------------------------------------------------------

    def place(self, media: RoomMedia) -> None:
        """Put a room on the least loaded worker; without any it waits for one."""
        self._rooms[media.room] = media
        up = [worker for worker in self._workers.values() if worker.link is not None]
        if not up:
            media.waits()
            return
        worker = min(up, key=lambda worker: worker.load)
        worker.rooms[media.room] = media
        media.placed(worker)

    def remove(self, media: RoomMedia) -> None:
        """The room needs no media any more."""
        if self._rooms.get(media.room) is media:
            del self._rooms[media.room]
        worker = media.worker
        if worker is not None:
            worker.rooms.pop(media.room, None)
            worker.behind.pop(media.room, None)
            worker.send(control.RoomClosed(room=media.room))
            media.removed()

    def _displace_all(self, worker: Worker) -> None:
        rooms, worker.rooms = list(worker.rooms.values()), {}
        worker.behind.clear()
        worker.positions = {}
        worker.transports = 0
        for media in rooms:
            media.displaced()
        for media in rooms:
            self.place(media)

    # --- the life of a worker -----------------------------------------------------------

    def _ended(self, name: str) -> None:
        """The process is gone; it will be started again."""
        worker = self._workers[name]
        self._metrics.worker_restarts.inc()
        worker.heard = asyncio.get_running_loop().time() + START_S
        if worker.link is not None:
            worker.link.close()
            worker.link = None
        self._count()
        self._displace_all(worker)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT_S / 2)
            for worker in self._workers.values():
                if loop.time() - worker.heard > SILENCE_S and worker.process.pid is not None:
                    _log.warning("a media worker is silent and is replaced", worker=worker.name)
                    worker.heard = loop.time() + START_S
                    worker.process.kill()

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
                self._heard(worker, message)
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
        worker = self._workers.get(hello.worker)
        if worker is None or not hmac.compare_digest(hello.secret.encode(), self._secret.encode()):
            return None
        return worker if worker.process.pid == hello.pid else None

    def _up(self, worker: Worker, link: WorkerLink, hello: control.WorkerHello) -> None:
        if worker.link is not None:
            worker.link.close()
        worker.link = link
        worker.udp_port = hello.udp_port
        worker.heard = asyncio.get_running_loop().time()
        link.send(control.WorkerWelcome(heartbeat_s=HEARTBEAT_S))
        self._count()
        for media in worker.rooms.values():
            media.linked()
        for media in list(self._rooms.values()):
            if media.worker is None:
                self.place(media)

    def _count(self) -> None:
        up = sum(worker.link is not None for worker in self._workers.values())
        self._metrics.workers.set(up)
        if up == len(self._workers):
            self._all_up.set()

    # --- what a worker says -------------------------------------------------------------

    def _heard(self, worker: Worker, message: control.WorkerMessage) -> None:
        worker.heard = asyncio.get_running_loop().time()
        if isinstance(message, control.Heartbeat):
            self._beat(worker, message)
            return
        media = worker.rooms.get(getattr(message, "room", ""))
        if media is None:
            # Said before the room was taken from it.
            return
        if isinstance(message, control.SubscribeOffer):
            media.offered(message)
        elif isinstance(message, control.Speakers):
            media.speaking(message)
        elif isinstance(message, control.RoomReport):
            media.reported(message)
        elif isinstance(message, control.RoutesWanted):
            media.push_all()

    def _beat(self, worker: Worker, beat: control.Heartbeat) -> None:
        worker.transports = beat.transports
        worker.positions = beat.positions
        metrics, name = self._metrics, worker.name
        metrics.worker_transports.labels(name).set(beat.transports)
        metrics.worker_packets_in.labels(name).set(beat.packets_in)
        metrics.worker_packets_out.labels(name).set(beat.packets_out)
        metrics.worker_lag_seconds.labels(name).set(beat.lag_ms / 1000)
        metrics.worker_cpu_seconds.labels(name).set(beat.cpu_s)
        for reason, count in beat.dropped.items():
            metrics.worker_packets_dropped.labels(name, reason).set(count)
        for room in beat.positions.keys() - worker.rooms.keys():
            # It was told so when the room went, and the link was down.
            worker.send(control.RoomClosed(room=room))
        for room, media in worker.rooms.items():
            if not media.behind(beat.positions.get(room)):
                worker.behind.pop(room, None)
                continue
            worker.behind[room] = worker.behind.get(room, 0) + 1
            if worker.behind[room] >= BEHIND:
                worker.behind.pop(room)
                media.push_all()


def _ip(host: str) -> str:
    """The host as an IP address, which is what the worker binds."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return socket.gethostbyname(host)


def _advertised(host: str, public_ip: str) -> list[str]:
    """The addresses that browsers are told to send media to, the likeliest first."""
    bound = ipaddress.ip_address(host)
    own = [str(bound)] if not bound.is_unspecified else list(interface_addresses())
    if bound.version == 4:
        own = [address for address in own if ipaddress.ip_address(address).version == 4]
    found = [public_ip] if public_ip else []
    found += [address for address in own if address != public_ip]
    return found or ["127.0.0.1"]
