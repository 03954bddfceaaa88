"""A running server with people of every role, and what its store holds in one number."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from contextlib import closing
from typing import Any

from tests.harness import Guest, Response, Server

PASSWORD = "correct horse"
_numbers = itertools.count(1)


def database(server: Server) -> sqlite3.Connection:
    """The server's file, opened beside it."""
    return sqlite3.connect(server.data / "podium.db", timeout=10)


def digest(server: Server) -> str:
    """A hash over every row of every table: equal before and after means that nothing has changed."""
    server.login()  # which uses up a code, the first time
    found = hashlib.sha256()
    with closing(database(server)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            for row in sorted(map(repr, connection.execute(f"SELECT * FROM {table}"))):
                found.update(f"{table}{row}".encode())
    return found.hexdigest()


def join(server: Server, role: str, by: str | None = None, name: str | None = None) -> Guest:
    """Somebody new with this role, invited (by the owner), with the password `PASSWORD`."""
    made = server.api("POST", "/workspace/invitations", {"server_role": role}, by or server.login().token)
    login = f"{role.replace('_', '-')}{next(_numbers)}"
    body = {"invitation": secret(made), "login": login, "name": name or login.capitalize(), "password": PASSWORD}
    answer = server.api("POST", "/workspace/join", body)
    return Guest(answer["token"], answer["account"]["id"], answer["account"]["login"])


def secret(made: dict[str, Any]) -> str:
    """The secret of an invitation that was just made."""
    return str(made["path"]).partition("#invitation=")[2]


def ask(server: Server, method: str, path: str, body: Any = None, token: str | None = None) -> Response:
    """A request below /api/v1/workspace, whatever its answer."""
    return server.request(method, f"/api/v1/workspace{path}", body, token)
