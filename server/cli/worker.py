"""`podium worker`: one media worker by itself, as the server starts them."""

from __future__ import annotations

import os
import sys

import typer

EXAMPLE = (
    "Example: PODIUM_WORKER_SECRET=… podium worker --control tcp:127.0.0.1:9000 --udp-port 40000 "
    "--address 203.0.113.7 --worker w1"
)
# The worker's flags are its own; they are handed on as they are, `--help` too.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def worker(context: typer.Context) -> None:
    """Run one media worker; the server starts its own, this is for trying one out. Flags: see `--help`."""
    os.execv(sys.executable, [sys.executable, "-m", "media", *context.args])
