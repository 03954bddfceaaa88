"""A file as a response that somebody takes."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

# A download that takes nothing for so long is given up.
STALLED_S = 30.0


class SentFile(FileResponse):
    """Whole or by ranges, for as long as its receiver takes something."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def within(message: Message) -> None:
            async with asyncio.timeout(STALLED_S):
                await send(message)

        # The server closes a connection whose response was not finished.
        with contextlib.suppress(TimeoutError):
            await super().__call__(scope, receive, within)
