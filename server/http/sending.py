"""A file as a response that somebody takes."""

from __future__ import annotations

import asyncio
import contextlib
import re

from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

# A download that takes nothing for so long is given up.
STALLED_S = 30.0
# RFC 9110, 14.1.2, with numbers that no file is too large for.
_RANGE = rb"(?:\d{1,18}-\d{0,18}|-\d{1,18})"
_RANGES = re.compile(rb"\s*bytes\s*=\s*" + _RANGE + rb"(?:\s*,\s*" + _RANGE + rb")*\s*", re.IGNORECASE)
_SPAN = re.compile(rb"(\d+)-(\d+)")


class SentFile(FileResponse):
    """Whole or by ranges, for as long as its receiver takes something."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def within(message: Message) -> None:
            async with asyncio.timeout(STALLED_S):
                await send(message)

        heeded = [header for header in scope["headers"] if _heeded(*header)]
        # The server closes a connection whose response was not finished.
        with contextlib.suppress(TimeoutError):
            await super().__call__({**scope, "headers": heeded}, receive, within)


def _heeded(name: bytes, value: bytes) -> bool:
    """Whether a header counts: ranges in another unit, or that cannot be read, are no error but ignored (RFC 9110,
    14.2)."""
    if name.lower() != b"range":
        return True
    return _RANGES.fullmatch(value) is not None and all(int(a) <= int(b) for a, b in _SPAN.findall(value))
