"""The worker process: one port, one loop, one thread, and the links to those who say what it must do.

Strictly single-threaded: one busy thread more, and the interpreter's lock turns 4 µs per packet into 8,000.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from media.control import ControlLink
from media.demux import Demux
from media.dtls import DtlsContext
from media.limits import Limits
from media.links import Links
from media.listen import Listener
from media.room import Room
from media.router import Router
from media.srtp import IN_PLACE
from media.tcp import TcpPort
from media.udp import Address, UdpPort
from protocol.control import (
    Drain,
    Heartbeat,
    PeerAdopt,
    PeerClose,
    Prefer,
    PublishOffer,
    RoomClosed,
    RoomRecorder,
    RoomRelays,
    Routes,
    ServerMessage,
    StatsWanted,
    SubscribeAnswer,
    SubscribeOpen,
    SubscribeRestart,
    WorkerHello,
    WorkerMessage,
)
from protocol.garbage import keep_collecting

TICK = 0.020
# So many ticks are one while nothing has to be looked at in between: to be woken costs more than the tick. Feedback to
# publishers may take 0.1 s at most.
TICKS_AT_ONCE = 5
SPEAKERS_EVERY = 0.2
REPORT_EVERY = 2.0
# A picture that stands still for so long is seen, a word that is held up is heard.
LAG_WARNING = 0.25
# With any port, one that is free for UDP may be taken for TCP.
ANY_PORT_TRIES = 20
# An error of our own in the packet path would otherwise write a log line per packet.
MAX_ERRORS_LOGGED = 20

log = structlog.get_logger("media.worker")


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """What the command line and the environment say."""

    name: str
    control: str
    secret: str
    listen: tuple[str, int] | None
    certificate: Path | None
    udp_host: str
    udp_port: int
    tcp: bool
    addresses: tuple[str, ...]
    limits: Limits


class Worker:
    """Ties socket, router and link together. `run` returns the exit code."""

    router: type[Router] = Router

    def __init__(self, config: WorkerConfig) -> None:
        self.dropped: Counter[str] = Counter()
        self._demux = Demux(self.dropped)
        self._port, self._tcp = self._listen(config)
        rooms: dict[str, Room] = {}
        self._links = Links(rooms, self._message)
        self._listener = None
        if config.listen is not None and config.certificate is not None:
            self._listener = Listener(config.listen, config.name, config.secret, config.certificate, self._links)
        hello = WorkerHello(
            worker=config.name,
            secret=config.secret,
            pid=os.getpid(),
            udp_port=self._port.port,
            addresses=config.addresses,
            control_port=self._listener.port if self._listener is not None else 0,
        )
        self._link = ControlLink(config.control, hello, self._links)
        self._router = self.router(
            self._port,
            self._demux,
            DtlsContext(),
            config.addresses,
            self._links.send,
            self.dropped,
            config.limits,
            rooms=rooms,
            tcp=self._tcp is not None,
        )
        self._config = config
        self._draining = False
        self._lag = 0.0
        self._errors = 0

    def _listen(self, config: WorkerConfig) -> tuple[UdpPort, TcpPort | None]:
        """The sockets, both with one number. Raises `OSError`. A number that is taken for TCP alone, perhaps by a
        connection of another program, costs networks without UDP their media and nobody else."""
        tries = ANY_PORT_TRIES
        while True:
            coalesce = config.limits.coalesce_us / 1e6
            udp = UdpPort(config.udp_host, config.udp_port, self._datagram, self._drained, self.dropped, coalesce)
            if not config.tcp:
                return udp, None
            try:
                return udp, TcpPort(
                    config.udp_host,
                    udp.port,
                    self._tcp_datagram,
                    self._drained,
                    self._demux.addresses.__contains__,
                    self._demux.gone,
                    self.dropped,
                )
            except OSError as error:
                tries -= 1
                if config.udp_port or not tries:
                    log.warning("the media port cannot be used for TCP", port=udp.port, reason=error.strerror)
                    return udp, None
                udp.close()

    async def run(self) -> int:
        """Work until the server says `Shutdown`, SIGTERM comes, or the link stays lost."""
        loop = asyncio.get_running_loop()
        for name, granted in self._port.clamped().items():
            log.warning("the kernel granted a smaller socket buffer than asked for", setting=name, bytes=granted)
        if not IN_PLACE:
            log.warning("SRTP works through copies: this release of pylibsrtp has another inside")
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._port.start(loop)
        if self._tcp is not None:
            self._tcp.start(loop)
        log.info("started", udp_port=self._port.port, addresses=list(self._config.addresses))
        link = asyncio.create_task(self._link.run())
        stopped = asyncio.create_task(stop.wait())
        clock = asyncio.create_task(self._clock())
        collecting = asyncio.create_task(keep_collecting(lambda: self._router.ended))
        tasks = [link, stopped, clock, collecting]
        if self._listener is not None:
            tasks.append(asyncio.create_task(self._listener.run()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in (clock, *tasks[3:]):
                if task.done():
                    task.result()
            if link.done() and not link.result():
                log.error("the control link stayed lost")
                return 1
            return 0
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._router.close()
            if self._tcp is not None:
                self._tcp.close()
            self._port.close()
            log.info("ended")

    async def _clock(self) -> None:
        """The worker's timer."""
        next_speakers = next_report = next_watch = 0.0
        planned = time.monotonic()
        while True:
            count = 1 if self._router.hurried else TICKS_AT_ONCE
            planned += TICK * count
            # Also when it is late: between two ticks what has come gets a turn.
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            now = time.monotonic()
            self._lag = max(self._lag, now - planned)
            if now - planned > 1.0:
                planned = now  # after a long stall ticks are not made up for
            try:
                self._router.tick(now, count)
            except Exception:
                self._error("a tick raised")
            began = planned - TICK / 2  # so that what is due in whole ticks is not a tick late
            if now >= next_watch:
                next_watch = began + 1.0
                if self._tcp is not None:
                    self._tcp.watch(now)
                for room in self._links.orphaned(now):
                    self._router.room_closed(RoomClosed(room=room))
            if now >= next_speakers:
                next_speakers = began + SPEAKERS_EVERY
                self._tell_speakers(now)
            if now >= next_report:
                next_report = began + REPORT_EVERY
                self._tell_reports(now)
            self._links.beat(now, self._heartbeat)

    def _tell_speakers(self, now: float) -> None:
        self._tell(lambda room: room.speakers(now))

    def _tell_reports(self, now: float) -> None:
        self._tell(lambda room: room.report(now))

    def _tell(self, what: Callable[[Room], WorkerMessage | None]) -> None:
        """Something about each room, to those who have it. A mistake of ours with one room must not end the clock."""
        for room in self._router.rooms.values():
            try:
                message = what(room)
                if message is not None:
                    self._links.send(message)
            except Exception:
                self._error("a room's report raised")

    def _heartbeat(self) -> Heartbeat:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lag, self._lag = self._lag, 0.0
        if lag > LAG_WARNING:
            log.warning("the loop was held up", seconds=round(lag, 2))
        return Heartbeat(
            positions={},
            rooms=len(self._router.rooms),
            draining=self._draining,
            transports=len(self._router.transports),
            packets_in=self._port.packets_in + (self._tcp.packets_in if self._tcp is not None else 0),
            packets_out=self._port.packets_out + (self._tcp.packets_out if self._tcp is not None else 0),
            dropped=dict(self.dropped),
            lag_ms=round(lag * 1000, 1),
            cpu_s=round(usage.ru_utime + usage.ru_stime, 3),
            relays=self._router.relay_table.revisions,
        )

    def _message(self, message: ServerMessage) -> None:
        match message:
            case Routes():
                self._router.routes(message)
            case RoomRelays():
                self._router.relays(message)
            case RoomRecorder():
                self._router.recorder(message)
            case PublishOffer():
                self._router.publish_offer(message)
            case SubscribeOpen():
                self._router.subscribe_open(message)
            case SubscribeRestart():
                self._router.subscribe_restart(message)
            case SubscribeAnswer():
                self._router.subscribe_answer(message)
            case Prefer():
                self._router.prefer(message)
            case PeerAdopt():
                self._router.peer_adopt(message)
            case PeerClose():
                self._router.peer_close(message)
            case StatsWanted():
                self._router.stats_wanted(message)
            case RoomClosed():
                self._router.room_closed(message)
                if self._draining:
                    self._links.hurry()  # whoever waits for the last one
            case Drain():
                self._draining = True
                self._links.hurry()

    def _datagram(self, length: int, address: Address) -> None:
        try:
            self._demux.datagram(self._port, length, address)
        except Exception:
            # Every parser answers bad input without raising. Should one not, one datagram is lost and not the worker.
            self._error("a datagram raised")

    def _tcp_datagram(self, length: int, address: Address) -> None:
        assert self._tcp is not None
        try:
            self._demux.datagram(self._tcp, length, address)
        except Exception:
            self._error("a datagram raised")

    def _drained(self) -> None:
        try:
            self._router.drained()
        except Exception:
            self._error("forwarding raised")

    def _error(self, what: str) -> None:
        self.dropped["error"] += 1
        self._errors += 1
        if self._errors <= MAX_ERRORS_LOGGED:
            log.exception(what)
