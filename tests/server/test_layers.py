"""The layers, read from the imports themselves: server → protocol ← media, and a core without side effects."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT

OURS = ("protocol", "server", "media")
MAY_IMPORT = {"protocol": {"protocol"}, "server": {"server", "protocol"}, "media": {"media", "protocol"}}
# What would make a decision depend on anything but its arguments.
IMPURE = {
    *("asyncio", "time", "datetime", "random", "secrets", "uuid", "logging", "structlog", "os", "socket", "threading"),
    *("subprocess", "sqlite3", "redis", "pathlib", "io", "concurrent", "contextvars", "selectors", "signal"),
}
# Parts of the media worker that are pure by design: packets and times are arguments.
PURE_MEDIA = ("rtp", "rtcp", "loss", "nack", "cache", "keyframe", "twcc", "loudness")
FILES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """The full names of all modules that a file imports, wherever in it."""
    return imported(path.read_text(), path.relative_to(ROOT).parent.parts)


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """The same for a source that stands in a package."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *((node.module or "").split(".") if node.module else ())))
            # `from server import log` imports a module, `from server.log import get` a name: both are kept.
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_look_at() -> None:
    names = {relative(path) for path in FILES}
    assert {"protocol/codec.py", "server/app.py", "server/room/decide.py", "media/rtp.py"} <= names


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_layer_imports_what_is_not_below_it(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    ours = {name.partition(".")[0] for name in imports(path)} & set(OURS)
    assert ours <= MAY_IMPORT[own], f"{relative(path)} imports {ours - MAY_IMPORT[own]}"


@pytest.mark.parametrize("path", sorted((ROOT / "server" / "room").rglob("*.py")), ids=relative)
def test_the_core_has_no_clock_socket_or_chance(path: Path) -> None:
    found = imports(path)
    tops = {name.partition(".")[0] for name in found}
    assert not tops & IMPURE, f"{relative(path)} imports {tops & IMPURE}"
    # Nor may it reach them through its own package: of the server it sees itself alone.
    beside = {name for name in found if name.split(".")[0] == "server" and not name.startswith("server.room")}
    assert beside <= {"server"}, f"{relative(path)} imports {beside}"
    third_party = tops - set(sys.stdlib_module_names) - set(OURS) - {"msgspec"}
    assert not third_party, f"{relative(path)} imports {third_party}"


@pytest.mark.parametrize("name", PURE_MEDIA)
def test_the_pure_parts_of_the_worker_are_pure(name: str) -> None:
    tops = {found.partition(".")[0] for found in imports(ROOT / "media" / f"{name}.py")}
    assert not tops & IMPURE


@pytest.mark.parametrize("path", sorted((ROOT / "server" / "http").rglob("*.py")), ids=relative)
def test_the_http_side_does_not_reach_into_sessions_or_workers(path: Path) -> None:
    reached = {"server.sessions.session", "server.sessions.websocket", "server.conference.replica", "server.workers"}
    assert not {name for name in imports(path) if any(name.startswith(each) for each in reached)}


def test_an_import_inside_a_function_or_relative_is_seen_too() -> None:
    source = "def f():\n    import asyncio.events\n    from . import sibling\n    from ..protocol import codec\n"
    assert imported(source, ("server", "room")) >= {"asyncio.events", "server.room.sibling", "server.protocol.codec"}
