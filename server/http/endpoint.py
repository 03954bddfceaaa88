"""One endpoint of the API as a row: path, bodies, who may call, what limits. The dispatcher does the rest.

An endpoint's handler is given a decoded body and an authenticated caller, and returns a struct or raises `Failure`.
Everything that can go wrong before and after becomes a JSON refusal here, so no handler can leak a traceback.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.errors import Code
from protocol.names import PersonKind
from server.accounts import Account, TooBusy
from server.http.failure import Failure, json_response
from server.http.services import Services
from server.store import StoreUnavailable
from server.tokens import BadToken, Claims

# The largest body is an invitation and a guest token of 4 KiB each.
MAX_BODY = 16 * 1024
# Less than the connection's own deadline (deadline.py), so that there is an answer.
BODY_TIMEOUT_S = 6.0

_log = logging.getLogger("server.http")


class Caller(enum.Enum):
    """Who may call an endpoint."""

    ANYBODY = "anybody"
    ACCOUNT = "an account"
    PERSON = "an account or a guest"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, as a handler sees it. `claims` and `account` are there as the endpoint's `caller` promises."""

    services: Services
    path: dict[str, str]
    claims: Claims | None = None
    known_account: Account | None = None

    @property
    def account(self) -> Account:
        """The account that calls; for endpoints whose caller is an account."""
        if self.known_account is None:
            raise Failure(Code.BAD_TOKEN, "This needs an account.")
        return self.known_account

    @property
    def identity(self) -> str:
        """The identity that calls; for endpoints with a caller."""
        if self.claims is None:
            raise Failure(Code.BAD_TOKEN)
        return self.claims.identity


Handler = Callable[[Call, Any], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A row of the API. `errors`: the codes it refuses with beside those that every endpoint has."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    response: type
    body: type | None = None
    caller: Caller = Caller.ANYBODY
    limit: str | None = None
    errors: tuple[Code, ...] = ()
    status: int = field(default=200)

    def route(self, services: Services) -> Route:
        """The endpoint as a route of the application."""

        async def serve(request: Request) -> Response:
            try:
                return await self._serve(services, request)
            except Failure as failure:
                return failure.response()
            except StoreUnavailable as error:
                _log.warning("the store refused: %s", error)
                return Failure(Code.STORE_UNAVAILABLE).response()
            except TooBusy:
                return Failure(Code.RATE_LIMITED, "The server is busy with other log-ins; wait a moment.").response()

        return Route(self.path, serve, methods=[self.method], name=self.name)

    async def _serve(self, services: Services, request: Request) -> Response:
        address = services.address_of(request)
        limits = ("requests",) if self.limit is None else ("requests", self.limit)
        for limit in limits:
            wait_s = services.limits[limit].take(address)
            if wait_s > 0:
                services.metrics.rate_limited.labels(limit).inc()
                raise Failure(
                    Code.RATE_LIMITED,
                    "Too many requests in a short time; wait a moment.",
                    details={"after_ms": round(wait_s * 1000)},
                    headers={"Retry-After": str(int(wait_s) + 1)},
                )
        claims, account = await self._authenticate(services, request)
        body = None if self.body is None else _decode(await _read(request), self.body)
        call = Call(services=services, path=request.path_params, claims=claims, known_account=account)
        return json_response(await self.handler(call, body), self.status)

    async def _authenticate(self, services: Services, request: Request) -> tuple[Claims | None, Account | None]:
        if self.caller is Caller.ANYBODY:
            return None, None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Failure(Code.BAD_TOKEN, "This needs a token: send Authorization: Bearer ….")
        try:
            claims = services.tokens.verify(token.strip())
            if claims.kind is PersonKind.USER:
                return claims, await services.accounts.authenticate(claims)
        except BadToken as error:
            _log.info("a token was refused: %s", error)
            raise Failure(Code.BAD_TOKEN, "The token is not valid, or not any more; sign in again.") from None
        if self.caller is Caller.ACCOUNT:
            raise Failure(Code.NOT_ALLOWED, "This needs an account; guests cannot do it.")
        return claims, None


async def _read(request: Request) -> bytes:
    """The body, bounded in size and time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Failure(
                        Code.TOO_LARGE,
                        f"The body is larger than {MAX_BODY // 1024} KiB.",
                        headers={"Connection": "close"},
                    )
    except TimeoutError:
        raise Failure(
            Code.BAD_MESSAGE, "The body did not arrive in time.", headers={"Connection": "close"}, status=408
        ) from None
    except ClientDisconnect:
        raise Failure(Code.BAD_MESSAGE, "The connection broke.") from None
    return bytes(body)


def _decode(body: bytes, type_: type) -> Any:
    try:
        return msgspec.json.decode(body, type=type_, strict=True)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).rpartition(" - at `")
        details = {"path": path.rstrip("`")} if reason else {"path": "$"}
        raise Failure(Code.BAD_MESSAGE, f"{reason or error}.", details=details) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure(Code.BAD_MESSAGE, "The body is not well-formed JSON.", details={"path": "$"}) from None
