"""How the commands speak: rich in a terminal, plain lines when somebody else's program reads them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

from protocol.text import JOINERS

# Exit statuses: 0 well, 1 it could not be done, 2 it was asked for wrongly (as typer has it for unknown flags).
CANNOT = 1
WRONG = 2

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


class Failed(Exception):
    """Ends the command with a sentence and a status."""

    def __init__(self, sentence: str, status: int = CANNOT) -> None:
        super().__init__(sentence)
        self.status = status


def fail(failed: Failed) -> NoReturn:
    """Say why, on stderr, and exit."""
    if err.is_terminal:
        err.print("[bold red]Error:[/] ", end="")
        err.print(str(failed), markup=False)
    else:
        sys.stderr.write(f"Error: {failed}\n")
    sys.exit(failed.status)


def warn(sentence: str) -> None:
    """Say on stderr what is not as it should be, and go on."""
    if err.is_terminal:
        err.print("[bold yellow]Warning:[/] ", end="")
        err.print(sentence, markup=False)
    else:
        sys.stderr.write(f"Warning: {sentence}\n")


def as_json(value: Any) -> None:
    """A value for programs."""
    line(json.dumps(value, indent=2, default=str))


def line(text: str) -> None:
    """A line that is never wrapped, coloured or interpreted: links must survive copying."""
    sys.stdout.write(text + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table in a terminal, tab-separated lines elsewhere. A cell is one, whatever people have called themselves."""
    if not out.is_terminal:
        for row in rows:
            line("\t".join(map(printed, row)))
        return
    shown = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        # As text: what is in brackets would be read as markup.
        shown.add_row(*(Text(printed(cell)) for cell in row))
    out.print(shown)


def printed(cell: str) -> str:
    """A text with everything that is not printed (line ends, tabs, what terminals obey) written out, as in `\\x1b`."""
    return "".join(
        letter if letter.isprintable() or letter in JOINERS else letter.encode("unicode_escape").decode()
        for letter in cell
    )
