"""A body that is too large for the memory: handed on as it comes, bounded in size and in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import ClientDisconnect, Request

from protocol.errors import Code
from server.http.failure import Failure

# Beside what the size takes: a network that pauses.
BASE_S = 30.0
# The slowest upload that is waited for: 128 kbit/s.
LEAST_BYTES_PER_S = 16 * 1024
# Where the connection keeps what says how long a body may take (server/http/deadline.py).
EXPECT = "expect_body"


class Incoming:
    """The body of one request. `length`: bytes, as the request says."""

    def __init__(self, request: Request) -> None:
        self._request = request
        declared = request.headers.get("content-length", "")
        if not (declared.isascii() and declared.isdigit()):
            raise Failure(Code.BAD_MESSAGE, "Say how long the body is.", headers={"Connection": "close"}, status=411)
        self.length = int(declared)

    async def chunks(self) -> AsyncIterator[bytes]:
        """What comes, as it comes. Raises `Failure` when it does not come in time, or not to its end."""
        within = BASE_S + self.length / LEAST_BYTES_PER_S
        expect: Any = self._request.scope.get("state", {}).get(EXPECT)
        if expect is not None:
            # A little later than here, so that there is an answer.
            expect(within + 2.0)
        try:
            async with asyncio.timeout(within):
                async for chunk in self._request.stream():
                    if chunk:
                        yield chunk
        except TimeoutError:
            raise Failure(
                Code.BAD_MESSAGE, "The body did not arrive in time.", headers={"Connection": "close"}, status=408
            ) from None
        except ClientDisconnect:
            raise Failure(Code.BAD_MESSAGE, "The connection broke.") from None
