"""What is printed from the server's own tables: `python -m server.documents` writes it.

The clients' lists of what the HTTP API can do are among it, so no endpoint is unknown to either of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from protocol.documents import write
from server.http.api import API
from server.room.documents import permissions

_MADE = "Made by `python -m server.documents`; do not edit."
_WHAT = "What the HTTP API can do, by name: method, path below `/api/v1`, and whether it is done once"


def _below(path: str) -> str:
    return path.removeprefix("/api/v1")


def for_python() -> str:
    """The endpoints as a module of the Python client."""
    rows = (
        f'    # {one.summary}\n    "{one.name}": Operation("{one.method}", "{_below(one.path)}", {bool(one.once)}),\n'
        for one in API
    )
    head = f'"""{_WHAT}.\n\n{_MADE}\n"""\n\nfrom typing import NamedTuple\n\n\n'
    kind = (
        'class Operation(NamedTuple):\n    """`once`: it takes an Idempotency-Key."""\n\n'
        "    method: str\n    path: str\n    once: bool\n\n\n"
    )
    return f"{head}{kind}# fmt: off\nOPERATIONS: dict[str, Operation] = {{\n{''.join(rows)}}}\n"


def for_javascript() -> str:
    """The endpoints as a module of the JavaScript client."""
    rows = (
        f"  /** {one.summary} */\n  {one.name}: {json.dumps((one.method, _below(one.path), one.once))},\n"
        for one in API
    )
    return f"/** {_WHAT}. {_MADE} */\nexport const OPERATIONS = /** @type {{const}} */ ({{\n{''.join(rows)}}});\n"


# Path in the tree → what it holds.
DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/permissions.md": permissions,
    "protocol/client/operations.py": for_python,
    "server/web/js/lib/operations.js": for_javascript,
}


if __name__ == "__main__":
    for path in write(Path(__file__).resolve().parent.parent, DOCUMENTS):
        sys.stdout.write(f"written: {path}\n")
