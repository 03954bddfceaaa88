"""`python -m media`: one media worker. `podium serve` and `podium worker` start it; see `--help`."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from media.control import control_path
from media.limits import names, read
from media.worker import Worker, WorkerConfig

SECRET = "PODIUM_WORKER_SECRET"


def read_arguments(arguments: list[str]) -> WorkerConfig:
    """The configuration; a wrong one ends the process with a sentence and code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m media",
        description="A media worker. The secret that it shows to its parent, and that nodes who connect must know, is "
        f"taken from the environment ({SECRET}).",
        epilog="example: python -m media --control unix:/run/podium/worker.sock --udp-port 7882 "
        "--address 203.0.113.5 --worker w1",
    )
    parser.add_argument("--control", required=True, help="where the process that starts it listens: unix:/path")
    parser.add_argument("--listen", default="", help="HOST:PORT to take links from nodes at (TCP, TLS); 0 is any port")
    parser.add_argument("--certificate", type=Path, help="PEM file with the certificate and key for these links")
    parser.add_argument("--udp-host", default="0.0.0.0", help="address the UDP socket is bound to")
    parser.add_argument("--udp-port", type=int, default=0, help="the port; 0 takes a free one")
    parser.add_argument("--no-tcp", action="store_true", help="do not listen by TCP under the same number")
    parser.add_argument(
        "--address", action="append", required=True, help="an IP address clients reach this worker at (repeatable)"
    )
    parser.add_argument("--worker", required=True, help="the worker's name")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what one peer may take (repeatable): "
        + ", ".join(f"{name}={value}" for name, (value, _) in names().items()),
    )
    given = parser.parse_args(arguments)
    try:
        control = control_path(given.control)
        listen = _address(given.listen) if given.listen else None
        addresses = tuple(_advertised(address) for address in given.address)
        ipaddress.ip_address(given.udp_host)
        limits = read(given.limit)
    except ValueError as error:
        parser.error(str(error))
    if not 0 <= given.udp_port <= 65535:
        parser.error("--udp-port must be 0 to 65535.")
    if (listen is None) is not (given.certificate is None):
        parser.error("--listen and --certificate belong together.")
    secret = os.environ.pop(SECRET, "")
    if not secret:
        parser.error(f"the environment variable {SECRET} is not set.")
    return WorkerConfig(
        name=given.worker,
        control=control,
        secret=secret,
        listen=listen,
        certificate=given.certificate,
        udp_host=given.udp_host,
        udp_port=given.udp_port,
        tcp=not given.no_tcp,
        addresses=addresses,
        limits=limits,
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    ipaddress.ip_address(host)
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT.")
    return host, int(port)


def _advertised(text: str) -> str:
    address = ipaddress.ip_address(text)
    if address.is_link_local:  # it needs a zone, which is a name of this machine's alone
        raise ValueError(f"{text} is a link-local address: nobody elsewhere reaches it.")
    return str(address)


def main(kind: type[Worker] = Worker) -> int:
    """Run a worker of this kind. Exit code: 0 after an orderly end, 1 when the server stayed away, 2 for a bad command
    line."""
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
        worker = kind(config)
    except OSError as error:
        structlog.get_logger("media").error(
            "a port cannot be used", udp_port=config.udp_port, listen=config.listen, reason=str(error)
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
