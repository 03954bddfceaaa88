"""`python -m media`: one media worker. The server starts it; see `--help`."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import sys
from collections.abc import Callable

import structlog

from media.control import control_address
from media.worker import Worker, WorkerConfig

SECRET = "PODIUM_WORKER_SECRET"


def read_arguments(arguments: list[str]) -> WorkerConfig:
    """The configuration; a wrong one ends the process with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m media",
        description=f"A media worker. The secret it shows to the server is taken from the environment ({SECRET}).",
        epilog="example: python -m media --control unix:/run/podium/worker.sock --udp-port 7882 "
        "--address 203.0.113.5 --worker w1",
    )
    parser.add_argument("--control", required=True, help="where the server listens: unix:/path or tcp:host:port")
    parser.add_argument("--udp-host", default="0.0.0.0", help="address the UDP socket is bound to")
    parser.add_argument("--udp-port", type=int, default=0, help="the UDP port; 0 takes a free one")
    parser.add_argument(
        "--address", action="append", required=True, help="an IP address clients reach this worker at (repeatable)"
    )
    parser.add_argument("--worker", required=True, help="the worker's name")
    given = parser.parse_args(arguments)
    try:
        control = control_address(given.control)
        addresses = tuple(str(ipaddress.ip_address(address)) for address in given.address)
        ipaddress.ip_address(given.udp_host)
    except ValueError as error:
        parser.error(str(error))
    if not 0 <= given.udp_port <= 65535:
        parser.error("--udp-port must be 0 to 65535.")
    secret = os.environ.pop(SECRET, "")
    if not secret:
        parser.error(f"the environment variable {SECRET} is not set.")
    return WorkerConfig(
        name=given.worker,
        control=control,
        secret=secret,
        udp_host=given.udp_host,
        udp_port=given.udp_port,
        addresses=addresses,
    )


def main() -> int:
    """Run a worker. Exit code: 0 after an orderly end, 1 when the server stayed away, 2 for a bad command line."""
    config = read_arguments(sys.argv[1:])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the local variables: among them are keys and passwords.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(worker=config.name)
    try:
        worker = Worker(config)
    except OSError as error:
        structlog.get_logger("media").error(
            "the UDP port cannot be used", host=config.udp_host, port=config.udp_port, reason=error.strerror
        )
        return 1
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(worker.run())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    sys.exit(main())
