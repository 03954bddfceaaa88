"""How a result is shown: one flat object of keys, printed as a table beside its targets, or as JSON.

The object always names the machine, because figures of two machines cannot be set side by side without it.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

Value = int | float | str | bool | None | dict[str, float]
Result = dict[str, Value]


def machine() -> Result:
    """What the figures were measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in _cpu_info() if line.startswith("model name")), platform.machine()
    )
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu_info() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def progress(text: str) -> None:
    """Say on stderr what is going on, where somebody watches."""
    if sys.stderr.isatty():
        Console(stderr=True).print(f"[dim]{text}[/dim]")


def show(
    title: str, result: Result, as_json: bool, targets: dict[str, str] | None = None, heading: str = "measured"
) -> None:
    """Print the result with the machine it was measured on. `targets`: key → what to reach, shown beside it."""
    result = {**result, **machine()}
    if as_json:
        typer.echo(json.dumps(result))
        return
    targets = targets or {}
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column(heading, justify="right")
    if targets:
        table.add_column("to reach", justify="right")
    for key, value in result.items():
        table.add_row(key, _text(value), *([targets.get(key, "")] if targets else []))
    Console().print(table)


def _text(value: Value) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{name} {_text(each)}" for name, each in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)
