"""What the tests of the console share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.browser.hall import Hall
from tests.harness import Server


@pytest.fixture
async def hall(shared_server: Server, clients: Callable[..., Any]) -> AsyncIterator[Hall]:
    """A new conference, ended afterwards: its owner could make no other one while it runs."""
    found = Hall(shared_server, shared_server.create())
    yield found
    owner = await clients(shared_server, shared_server.login(), found.conference, console=True)
    await owner.send("conference.end")
