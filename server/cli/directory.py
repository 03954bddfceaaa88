"""`podium directory`: what several servers share in Redis, and what this data folder has to do with it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import TypeVar

import typer

from server import listen
from server.cli.options import with_settings
from server.cli.output import Failed, line
from server.config import Settings
from server.listen import StartError
from server.storage import position
from server.storage.store import BUSY_S, FILE_NAME, transaction

T = TypeVar("T")

app = typer.Typer(help="What several servers share in Redis.", no_args_is_help=True)


@app.command(epilog="Example: podium directory show")
@with_settings("data")
def show(settings: Settings) -> None:
    """Say whether the data folder is a server's own or a replica, and how far it has come."""
    found = _with_file(settings, position.read)
    if found is None:
        line("The data folder is this server's own.")
    else:
        line(f"The data folder is a replica of the directory {found.directory}, at {found.epoch}/{found.version}.")


@app.command(epilog="Example: podium directory leave")
@with_settings("data")
def leave(settings: Settings) -> None:
    """Make a replica this server's own: it keeps what it has, shares nothing any more, and cannot come back."""

    def work(connection: sqlite3.Connection) -> bool:
        was = position.read(connection) is not None
        if was:
            position.write(connection, None)
        return was

    try:
        with contextlib.closing(listen.lock(settings.data)):
            was = _with_file(settings, lambda connection: transaction(connection, work))
    except StartError as error:
        raise Failed(str(error)) from None
    line("The data folder is this server's own now." if was else "The data folder was this server's own already.")


def _with_file(settings: Settings, work: Callable[[sqlite3.Connection], T]) -> T:
    path = settings.data / FILE_NAME
    if not path.exists():
        raise Failed(f"There is no {path}.")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)) as connection:
        try:
            return work(connection)
        except sqlite3.Error as error:
            raise Failed(f"{path}: {error}.") from None
