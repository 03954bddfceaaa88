"""One delivery as an HTTP request: signed, bounded in time and in what is read, not redirected.

Each request has a connection of its own: deliveries are gathered (courier.py), so there are few, and nothing of a
receiver's behaviour lasts beyond one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ssl
import time

import httptools

from server import VERSION
from server.webhooks.address import BadAddress, Resolver, Target, parse

# For all of it: the name, the connection, the request, the answer.
TIMEOUT_S = 10.0
# Only the status counts; a receiver that goes on talking is not listened to.
MAX_ANSWER = 64 * 1024


class Undelivered(Exception):
    """The receiver did not take it; the sentence says why."""


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of `Podium-Signature`; `at` in seconds since 1970."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class _Answer:
    """What httptools tells of the answer."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.complete = False

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_message_complete(self) -> None:
        # 100 Continue and the like come before the answer.
        self.complete = self.status >= 200


class Poster:
    """The way out. `private`: also to addresses of one's own network."""

    def __init__(self, private: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._private = private
        self._timeout_s = timeout_s
        self._resolver = Resolver()
        # The system's authorities; a file with others is named by SSL_CERT_FILE.
        self._tls = ssl.create_default_context()

    def close(self) -> None:
        """Send nothing more."""
        self._resolver.close()

    async def check(self, target: Target) -> None:
        """Whether something may be sent there, as far as can be told now. Raises `BadAddress`."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._resolver.resolve(target, self._private)

    async def post(self, url: str, secret: str, webhook: str, id: str, body: bytes) -> None:
        """Deliver. Returns when the receiver has answered with 2xx. Raises `Undelivered`."""
        answer = _Answer()
        try:
            target = parse(url)
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._connect(target)
                try:
                    writer.write(_head(target, secret, webhook, id, body) + body)
                    await writer.drain()
                    await _read(reader, answer)
                finally:
                    # Not `close`: nobody waits for a receiver's good-bye.
                    writer.transport.abort()
        except TimeoutError:
            if answer.status < 200:
                raise Undelivered(f"no answer within {self._timeout_s:g} s") from None
        except BadAddress as error:
            raise Undelivered(str(error)) from None
        except (OSError, ValueError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if answer.status < 200:
                raise Undelivered(f"{type(error).__name__}: {error}"[:200]) from None
        if answer.status < 200:
            raise Undelivered("the connection was closed without an answer")
        if answer.status >= 300:
            followed = "; redirects are not followed" if answer.status < 400 else ""
            raise Undelivered(f"answered with {answer.status}{followed}")

    async def _connect(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failed: OSError | None = None
        for address in await self._resolver.resolve(target, self._private):
            try:
                if target.tls:
                    return await asyncio.open_connection(
                        str(address), target.port, ssl=self._tls, server_hostname=target.host
                    )
                return await asyncio.open_connection(str(address), target.port)
            except OSError as error:
                failed = error
        raise failed or OSError("no address")


def _head(target: Target, secret: str, webhook: str, id: str, body: bytes) -> bytes:
    lines = (
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: Podium/{VERSION}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Podium-Webhook: {webhook}",
        f"Podium-Delivery: {id}",
        f"Podium-Signature: {signature(secret, body, int(time.time()))}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


async def _read(reader: asyncio.StreamReader, answer: _Answer) -> None:
    size = 0
    while not answer.complete and size <= MAX_ANSWER:
        data = await reader.read(8192)
        if not data:
            return
        size += len(data)
        answer.parser.feed_data(data)
