"""What the server measures, for Prometheus at `/metrics`.

One object with one registry for each server, so that two in one process (a test) do not mix. Labels have few values
by construction: types of messages, codes, worker numbers; never identities, conferences or addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
import traceback

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from protocol.signals import QualityGrade
from server import VERSION, log

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# performance.md: a commit within 5 ms at p99, no loop stall above 200 ms.
APPEND_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# The borders of the grades (workers/quality.py) are among them.
SCORE_BUCKETS = (1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.3, 4.6, 5.0)
RTT_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
LOSS_BUCKETS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# A receiver has ten seconds.
WEBHOOK_BUCKETS = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
WATCH_INTERVAL_S = 0.25
# Longer than any pause of the garbage collector or a busy machine, shorter than a client's patience.
BLOCKED_S = 2.0
# A stall that people notice (performance.md wants none above 200 ms), and how often that is written down at most.
LATE_S = 0.25
LATE_AGAIN_S = 10.0
STACK_SHOWN = 12

_log = log.get("podium.watch")


class Metrics:
    """Every metric of the server, with its registry."""

    def __init__(self) -> None:
        r = self.registry = CollectorRegistry()
        ProcessCollector(registry=r)
        PlatformCollector(registry=r)
        GCCollector(registry=r)
        self.info = Gauge("podium_info", "Version of the server.", ["version"], registry=r)
        self.info.labels(VERSION).set(1)

        self.connections = Gauge("podium_connections", "WebSocket connections now.", registry=r)
        self.connections_closed = Counter(
            "podium_connections_closed", "WebSocket connections closed by the server, by code.", ["code"], registry=r
        )
        self.sessions = Gauge("podium_sessions", "Sessions in a conference now.", registry=r)
        self.resumes = Counter("podium_resumes", "Attempts to resume a session, by outcome.", ["outcome"], registry=r)
        self.rooms = Gauge("podium_rooms", "Conferences running now.", registry=r)
        self.participants = Gauge("podium_participants", "People in conferences now.", registry=r)
        self.commands = Counter(
            "podium_commands",
            "Messages of clients, by type and outcome (ok or a code).",
            ["type", "outcome"],
            registry=r,
        )
        self.append_seconds = Histogram(
            "podium_append_seconds", "Time to append a commit to the room log.", buckets=APPEND_BUCKETS, registry=r
        )
        self.command_seconds = Histogram(
            "podium_command_seconds", "Time from a command to its answer.", buckets=APPEND_BUCKETS, registry=r
        )
        self.silence_seconds = Histogram(
            "podium_silence_seconds",
            "Time from a command that closed tracks to the last packet of them, at most.",
            buckets=APPEND_BUCKETS,
            registry=r,
        )
        self.events_sent = Counter("podium_events_sent", "Events sent to clients.", registry=r)

        self.workers = Gauge("podium_workers", "Media workers ready now.", registry=r)
        self.worker_restarts = Counter("podium_worker_restarts", "Media workers started again.", registry=r)
        self.worker_transports = Gauge("podium_worker_transports", "Media transports now.", ["worker"], registry=r)
        self.worker_packets_in = Gauge(
            "podium_worker_packets_in", "RTP packets received since the worker began.", ["worker"], registry=r
        )
        self.worker_packets_out = Gauge(
            "podium_worker_packets_out", "RTP packets sent since the worker began.", ["worker"], registry=r
        )
        self.worker_packets_dropped = Gauge(
            "podium_worker_packets_dropped",
            "Packets dropped since the worker began, by reason.",
            ["worker", "reason"],
            registry=r,
        )
        self.worker_lag_seconds = Gauge(
            "podium_worker_lag_seconds", "Worst event-loop lag in the last interval.", ["worker"], registry=r
        )
        self.worker_lag_worst_seconds = Histogram(
            "podium_worker_lag_worst_seconds",
            "Worst event-loop lag of each interval between two heartbeats.",
            ["worker"],
            buckets=LAG_BUCKETS,
            registry=r,
        )
        self.worker_cpu_seconds = Gauge(
            "podium_worker_cpu_seconds", "CPU time of the worker since it began.", ["worker"], registry=r
        )

        self.qualities = Gauge(
            "podium_connection_quality", "People with a media connection now, by its grade.", ["grade"], registry=r
        )
        for grade in QualityGrade:
            self.qualities.labels(grade.value).set(0)
        self.media_score = Histogram(
            "podium_media_score",
            "Score of people's connections, 1 to 5, each two seconds: what they send (up) and receive (down).",
            ["direction"],
            buckets=SCORE_BUCKETS,
            registry=r,
        )
        self.track_score = Histogram(
            "podium_media_track_score",
            "Score of what is sent, 1 to 5, each two seconds, by source.",
            ["source"],
            buckets=SCORE_BUCKETS,
            registry=r,
        )
        self.media_loss_ratio = Histogram(
            "podium_media_loss_ratio",
            "Share of packets lost between people and the worker, each two seconds.",
            ["direction"],
            buckets=LOSS_BUCKETS,
            registry=r,
        )
        self.media_rtt_seconds = Histogram(
            "podium_media_rtt_seconds",
            "Round trip between people and the worker, each two seconds.",
            buckets=RTT_BUCKETS,
            registry=r,
        )

        self.webhooks = Gauge("podium_webhooks", "Webhooks, by state (active or paused).", ["state"], registry=r)
        self.webhook_deliveries = Counter(
            "podium_webhook_deliveries",
            "Requests to webhooks, by outcome (delivered or failed).",
            ["outcome"],
            registry=r,
        )
        self.webhook_events = Counter("podium_webhook_events", "Events that webhooks have taken.", registry=r)
        self.webhook_gaps = Counter(
            "podium_webhook_gaps", "Notices of events that could not be told any more.", registry=r
        )
        self.webhook_seconds = Histogram(
            "podium_webhook_seconds", "Time for a request to a webhook.", buckets=WEBHOOK_BUCKETS, registry=r
        )
        self.webhook_lag_seconds = Gauge(
            "podium_webhook_lag_seconds", "Age of the oldest event that a webhook was to take and has not.", registry=r
        )

        self.mails = Counter(
            "podium_mails",
            "E-mails handed to the mail server, by outcome (sent, again or failed).",
            ["outcome"],
            registry=r,
        )

        self.http_requests = Counter(
            "podium_http_requests", "HTTP requests, by route and status.", ["route", "status"], registry=r
        )
        self.rate_limited = Counter(
            "podium_rate_limited", "Requests refused by a rate limit, by limit.", ["limit"], registry=r
        )
        self.loop_lag_seconds = Histogram(
            "podium_loop_lag_seconds", "Lag of the event loop.", buckets=LAG_BUCKETS, registry=r
        )
        self.loop_blocked = Counter("podium_loop_blocked", "Times the event loop was blocked for long.", registry=r)
        self.loop_lag_worst = Gauge(
            "podium_loop_lag_worst_seconds", "Worst lag of the event loop in the last minute.", registry=r
        )

    def render(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)


class LoopWatch:
    """Measures how late the event loop is: a blocked loop delays everybody.

    The lag is measured by a task. A thread looks at the task, and while the loop is blocked for long it writes down
    what the loop's thread is doing: afterwards nobody could tell.
    """

    def __init__(self, metrics: Metrics, interval_s: float = WATCH_INTERVAL_S, blocked_s: float = BLOCKED_S) -> None:
        self._metrics = metrics
        self._interval_s = interval_s
        self._blocked_s = blocked_s
        self._task: asyncio.Task[None] | None = None
        self._worst: list[tuple[float, float]] = []
        self._said_at = -LATE_AGAIN_S
        self._beat = time.monotonic()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to measure, in a task of the running loop."""
        self._beat = time.monotonic()
        self._task = asyncio.create_task(self._watch(), name="loop watch")
        loop_thread = threading.get_ident()
        self._thread = threading.Thread(target=self._guard, args=(loop_thread,), name="loop guard", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the task and the thread."""
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _guard(self, loop_thread: int) -> None:
        reported = 0.0
        while not self._stopped.wait(self._interval_s):
            beat = self._beat
            blocked_s = time.monotonic() - beat
            if blocked_s > self._blocked_s and beat != reported:
                reported = beat
                self._metrics.loop_blocked.inc()
                frame = sys._current_frames().get(loop_thread)
                stack = "".join(traceback.format_stack(frame)[-STACK_SHOWN:]) if frame is not None else ""
                _log.error("the event loop is blocked", seconds=round(blocked_s, 1), stack=stack)

    async def _watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(self._interval_s)
            now = self._beat = time.monotonic()
            lag = max(0.0, now - before - self._interval_s)
            self._metrics.loop_lag_seconds.observe(lag)
            if lag > LATE_S and now - self._said_at > LATE_AGAIN_S:
                self._said_at = now
                _log.warning("the event loop was held up", seconds=round(lag, 2))
            # Only values that may still become the worst are kept: a falling series, the worst first.
            self._worst = [(at, value) for at, value in self._worst if value > lag and now - at < 60] + [(now, lag)]
            self._metrics.loop_lag_worst.set(self._worst[0][1])
