"""The worker process: one socket, one loop, one thread, and the link to the server.

Strictly single-threaded: one busy thread more, and the interpreter's lock turns 4 µs per packet into 8,000.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from media.control import ControlAddress, ControlLink
from media.demux import Demux
from media.dtls import DtlsContext
from media.room import Room
from media.router import Router
from media.srtp import IN_PLACE
from media.udp import Address, UdpPort
from protocol.control import (
    Heartbeat,
    PeerClose,
    PublishOffer,
    RoomClosed,
    Routes,
    ServerMessage,
    SubscribeAnswer,
    SubscribeOpen,
    WorkerHello,
    WorkerMessage,
)

TICK = 0.020
SPEAKERS_EVERY = 0.2
REPORT_EVERY = 2.0
# An error of our own in the packet path would otherwise write a log line per packet.
MAX_ERRORS_LOGGED = 20

log = structlog.get_logger("media.worker")


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """What the command line and the environment say."""

    name: str
    control: ControlAddress
    secret: str
    udp_host: str
    udp_port: int
    addresses: tuple[str, ...]


class Worker:
    """Ties socket, router and link together. `run` returns the exit code."""

    def __init__(self, config: WorkerConfig) -> None:
        self.dropped: Counter[str] = Counter()
        self._demux = Demux(self.dropped)
        self._port = UdpPort(config.udp_host, config.udp_port, self._datagram, self._drained, self.dropped)
        hello = WorkerHello(
            worker=config.name,
            secret=config.secret,
            pid=os.getpid(),
            udp_port=self._port.port,
            addresses=config.addresses,
        )
        self._link = ControlLink(config.control, hello, self._message, self._welcomed)
        self._router = Router(self._port, self._demux, DtlsContext(), config.addresses, self._link.send, self.dropped)
        self._config = config
        self._heartbeat_s = 1.0
        self._lag = 0.0
        self._errors = 0

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
        # What is made up to here stays: the collector need not look at it again, nor often.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self._port.start(loop)
        log.info("started", udp_port=self._port.port, addresses=list(self._config.addresses))
        link = asyncio.create_task(self._link.run())
        stopped = asyncio.create_task(stop.wait())
        clock = asyncio.create_task(self._clock())
        try:
            await asyncio.wait({link, stopped, clock}, return_when=asyncio.FIRST_COMPLETED)
            if clock.done():
                clock.result()
            if link.done() and not link.result():
                log.error("the control link stayed lost")
                return 1
            return 0
        finally:
            for task in (link, stopped, clock):
                task.cancel()
            await asyncio.gather(link, stopped, clock, return_exceptions=True)
            self._router.close()
            self._port.close()
            log.info("ended")

    async def _clock(self) -> None:
        """The worker's only timer."""
        next_heartbeat = next_speakers = next_report = 0.0
        planned = time.monotonic()
        while True:
            planned += TICK
            now = time.monotonic()
            if planned > now:
                await asyncio.sleep(planned - now)
                now = time.monotonic()
            self._lag = max(self._lag, now - planned)
            if now - planned > 1.0:
                planned = now  # after a long stall ticks are not made up for
            try:
                self._router.tick(now)
            except Exception:
                self._error("a tick raised")
            if now >= next_speakers:
                next_speakers = now + SPEAKERS_EVERY
                self._tell_speakers(now)
            if now >= next_report:
                next_report = now + REPORT_EVERY
                self._tell(lambda room: room.report())
            if now >= next_heartbeat:
                next_heartbeat = now + self._heartbeat_s
                self._link.send(self._heartbeat())

    def _tell_speakers(self, now: float) -> None:
        self._tell(lambda room: room.speakers(now))

    def _tell(self, what: Callable[[Room], WorkerMessage | None]) -> None:
        """Something about each room, to the server. A mistake of ours with one room must not end the clock."""
        for room in self._router.rooms.values():
            try:
                message = what(room)
                if message is not None:
                    self._link.send(message)
            except Exception:
                self._error("a room's report raised")

    def _heartbeat(self) -> Heartbeat:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        lag, self._lag = self._lag, 0.0
        return Heartbeat(
            positions={room.id: room.position for room in self._router.rooms.values()},
            transports=len(self._router.transports),
            packets_in=self._port.packets_in,
            packets_out=self._port.packets_out,
            dropped=dict(self.dropped),
            lag_ms=round(lag * 1000, 1),
            cpu_s=round(usage.ru_utime + usage.ru_stime, 3),
        )

    def _welcomed(self, heartbeat_s: float) -> None:
        self._heartbeat_s = min(60.0, max(0.1, heartbeat_s))
        log.info("accepted by the server")
        self._link.send(self._heartbeat())

    def _message(self, message: ServerMessage) -> None:
        match message:
            case Routes():
                self._router.routes(message)
            case PublishOffer():
                self._router.publish_offer(message)
            case SubscribeOpen():
                self._router.subscribe_open(message)
            case SubscribeAnswer():
                self._router.subscribe_answer(message)
            case PeerClose():
                self._router.peer_close(message)
            case RoomClosed():
                self._router.room_closed(message)

    def _datagram(self, length: int, address: Address) -> None:
        try:
            self._demux.datagram(self._port, length, address)
        except Exception:
            # Every parser answers bad input without raising. Should one not, one datagram is lost and not the worker.
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
