"""`podium worker`: media workers without a node, for the nodes of one Redis."""

from __future__ import annotations

import asyncio
import sys

from server import VERSION, log
from server.cli.options import with_settings
from server.cli.output import WRONG, Failed, line
from server.cli.serve import loop_factory
from server.config import Settings
from server.listen import StartError
from server.redis import address
from server.storage.store import StoreUnavailable
from server.workers.worker import Worker

EXAMPLE = (
    "Example: PODIUM_WORKER_SECRET=… podium worker --redis rediss://redis.example.org --public-ip 203.0.113.7 "
    "--listen 10.0.0.7:7900 --region frankfurt"
)


@with_settings(
    *("redis", "worker_listen", "worker_address", "public_ip", "region", "workers"),
    *("worker_capacity", "viewers_per_worker", "packets_per_worker"),
    *("host", "udp_port", "udp_host", "media_tcp", "worker_limits", "drain_s", "log_level", "log_format"),
    prefix="worker_",
)
def worker(settings: Settings) -> None:
    """Run media workers for the nodes of a system: they register in Redis, and nodes link to them by TLS and a secret
    (PODIUM_WORKER_SECRET), which has to be the same everywhere. See docs/workers.md."""
    from server.workers import station

    for name in ("redis", "worker_secret"):
        if not getattr(settings, name):
            raise Failed(f"{name} is missing: workers without a node need redis and worker_secret", WRONG)
    if settings.workers == 0:
        raise Failed("workers is 0: there is nothing to do", WRONG)
    log.configure(settings.log_level, settings.log_format)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(station.serve(settings, lambda workers: _announce(settings, workers)))
    except (StartError, StoreUnavailable) as error:
        raise Failed(str(error)) from None


def _announce(settings: Settings, workers: list[Worker]) -> None:
    line(f"Podium {VERSION}")
    line("Media: UDP " + ", ".join(str(one.udp_port) for one in workers))
    line("Links: TCP " + ", ".join(str(one.control_port) for one in workers))
    line(f"Redis: {address.parse(settings.redis)}")
    sys.stdout.flush()
