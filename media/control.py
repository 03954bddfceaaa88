"""The link to the process that started this worker, kept up by the worker.

Media does not need it: when it breaks, everything goes on as it was and the worker connects again. After
`GIVE_UP_AFTER` without it this worker has been replaced, or nobody watches over it any more: it ends.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from media.link import Link
from protocol.codec import BadMessage
from protocol.control import ServerMessage, Shutdown, WorkerHello, WorkerWelcome

GIVE_UP_AFTER = 10.0
RETRY_AFTER = 0.2
WELCOME_WITHIN = 5.0
CONNECT_WITHIN = 2.0

log = structlog.get_logger("media.control")


class Party(Protocol):
    """Who is told of links and what they say: `Links`."""

    def joined(self, link: Link, welcome: WorkerWelcome) -> None: ...

    def left(self, link: Link) -> None: ...

    def received(self, link: Link, message: ServerMessage) -> None: ...


def control_path(text: str) -> str:
    """Read `unix:/path`. Raises `ValueError` with a sentence."""
    kind, _, path = text.partition(":")
    if kind != "unix" or not path:
        raise ValueError(f"{text!r} is not unix:/path.")
    return path


class ControlLink:
    """The worker's end of the link to its parent, who listens at `path`."""

    def __init__(self, path: str, hello: WorkerHello, party: Party) -> None:
        self._path = path
        self._hello = hello
        self._party = party

    async def run(self) -> bool:
        """Keep the link up. Returns True after `Shutdown`, False when the link stayed lost."""
        loop = asyncio.get_running_loop()
        lost_at = loop.time()
        while loop.time() - lost_at < GIVE_UP_AFTER:
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    link = Link(*await asyncio.open_unix_connection(self._path), name="home", home=True)
            except (OSError, TimeoutError):
                await asyncio.sleep(RETRY_AFTER)
                continue
            welcomed = False
            try:
                welcome = await self._introduce(link)
                welcomed = True
                self._party.joined(link, welcome)
                if await serve(link, self._party):
                    return True
            except (OSError, TimeoutError, asyncio.IncompleteReadError, BadMessage) as error:
                log.warning("the control link broke", reason=f"{type(error).__name__}: {error}")
            finally:
                if welcomed:
                    lost_at = loop.time()
                    self._party.left(link)
                link.close()
            await asyncio.sleep(RETRY_AFTER)
        return False

    async def _introduce(self, link: Link) -> WorkerWelcome:
        link.send(self._hello)
        async with asyncio.timeout(WELCOME_WITHIN):
            message = await link.read()
        if not isinstance(message, WorkerWelcome):
            raise BadMessage("the first message is not a welcome")
        log.info("accepted by the server")
        return message


async def serve(link: Link, party: Party) -> bool:
    """Hand on what a link says. Returns True after `Shutdown`; raises as `Link.read` when it breaks."""
    while True:
        message = await link.read()
        party.received(link, message)
        if isinstance(message, Shutdown):
            return True
