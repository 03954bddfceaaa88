"""One endpoint of the API as a row: path, bodies, who may call, what limits. The dispatcher does the rest.

An endpoint's handler is given a decoded body and an authenticated caller, and returns a struct or raises `Failure`.
Everything that can go wrong before and after becomes a JSON refusal here, so no handler can leak a traceback.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.errors import Code
from server.http.failure import Failure, json_response
from server.http.incoming import Incoming
from server.http.once import HEADER, REPLAYED, Once
from server.http.services import Services
from server.identity.access import Identified
from server.identity.accounts import Account, AccountError, TooBusy
from server.identity.tokens import BadToken
from server.storage.store import StoreUnavailable
from server.workspace.acting import Refused

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
    """One request, as a handler sees it. `caller` and `account` are there as the endpoint's `caller` promises, `query`
    is a struct of the endpoint's `query`. `base` is the server's address as this client wrote it."""

    services: Services
    path: Mapping[str, str]
    query: Any = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    who: Identified | None = None
    streamed: Incoming | None = None

    @property
    def incoming(self) -> Incoming:
        """The body as it comes; for endpoints that stream."""
        if self.streamed is None:
            raise RuntimeError("an endpoint without a streamed body")
        return self.streamed

    @property
    def known_account(self) -> Account | None:
        """The account that calls, if it is one."""
        return self.who.account if self.who is not None else None

    @property
    def account(self) -> Account:
        """The account that calls; for endpoints whose caller is an account."""
        if self.known_account is None:
            raise Failure(Code.BAD_TOKEN, "This needs an account.")
        return self.known_account

    @property
    def caller(self) -> Identified:
        """Who calls; for endpoints with a caller."""
        if self.who is None:
            raise Failure(Code.BAD_TOKEN)
        return self.who

    @property
    def identity(self) -> str:
        """The identity that calls; for endpoints with a caller."""
        return self.caller.identity


Handler = Callable[[Call, Any], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A row of the API. `errors`: the codes it refuses with beside those that every endpoint has. A `body` of `bytes`
    is taken as it is; `max_body`: bytes. `streams`: the body is a file, which the handler takes as it comes. `query`: a
    struct of the parameters behind the `?`, each with a default. `downloads`: the media types that it may answer with
    beside JSON; a handler returns such an answer as a finished `Response`, also instead of JSON when `response` is
    `bytes`. `ranges`: parts of it may be asked for. `lines`: its JSON is a list of one of these instead. Without a
    `response` it sends one elsewhere. `unlike_others`: its `limit` is the only one.
    `once`: it makes something, so a request with an `Idempotency-Key` is done once (once.py)."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    response: type | None
    body: type | None = None
    max_body: int = MAX_BODY
    streams: bool = False
    query: type[msgspec.Struct] | None = None
    downloads: tuple[str, ...] = ()
    ranges: bool = False
    lines: tuple[type, ...] = ()
    caller: Caller = Caller.ANYBODY
    limit: str | None = None
    unlike_others: bool = False
    once: bool = False
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
            except Refused as refused:
                return Failure(refused.code, str(refused), details=dict(refused.details)).response()
            except AccountError as error:
                return Failure(Code.BAD_MESSAGE, str(error)).response()
            except BadToken as error:
                return Failure(error.code).response()
            except TooBusy:
                return Failure(Code.RATE_LIMITED, "The server is busy with other log-ins; wait a moment.").response()

        return Route(self.path, serve, methods=[self.method], name=self.name)

    async def _serve(self, services: Services, request: Request) -> Response:
        address = services.address_of(request)
        limits = (*(() if self.unlike_others else ("requests",)), *((self.limit,) if self.limit is not None else ()))
        for limit in limits:
            wait_s = await services.limits.wait_s(limit, address)
            if wait_s > 0:
                services.metrics.rate_limited.labels(limit).inc()
                raise Failure(
                    Code.RATE_LIMITED,
                    "Too many requests in a short time; wait a moment.",
                    details={"after_ms": round(wait_s * 1000)},
                    headers={"Retry-After": str(int(wait_s) + 1)},
                )
        who = await self._authenticate(services, request)
        body = None if self.body is None else _decode(await _read(request, self.max_body), self.body)
        call = Call(
            services=services,
            path=request.path_params,
            query=None if self.query is None else _query(request.query_params, self.query),
            cookies=request.cookies,
            base=str(request.base_url).rstrip("/"),
            who=who,
            streamed=Incoming(request) if self.streams else None,
        )
        if self.once and (key := request.headers.get(HEADER)) is not None:
            # The path is the request's: the same endpoint makes things in many conferences.
            what = msgspec.json.encode([self.name, request.url.path, body])
            once = Once(services.store, services.abandoned_keys, call.identity, key, what)
            done, earlier = await once.done(lambda: self.handler(call, body))
            return json_response(msgspec.Raw(done), self.status, {REPLAYED: "true"} if earlier else {})
        answer = await self.handler(call, body)
        return answer if isinstance(answer, Response) else json_response(answer, self.status)

    async def _authenticate(self, services: Services, request: Request) -> Identified | None:
        if self.caller is Caller.ANYBODY:
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Failure(Code.BAD_TOKEN, "This needs a token: send Authorization: Bearer ….")
        try:
            who = await services.identities.identify(token.strip())
        except BadToken as error:
            _log.info("a token was refused: %s", error)
            usual = error.code is Code.BAD_TOKEN
            sentence = "The token is not valid, or not any more; sign in again." if usual else None
            raise Failure(error.code, sentence) from None
        if self.caller is Caller.ACCOUNT and who.account is None:
            raise Failure(Code.NOT_ALLOWED, "This needs an account; guests cannot do it.")
        conference = request.path_params.get("conference")
        if conference is not None and await services.rooms.shut_out(conference, who.identity, who.by_right):
            raise Failure(Code.BLOCKED)
        return who


async def _read(request: Request, most: int) -> bytes:
    """The body, bounded in size and time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Failure(
                        Code.TOO_LARGE,
                        f"The body is larger than {most // 1024} KiB.",
                        headers={"Connection": "close"},
                    )
    except TimeoutError:
        raise Failure(
            Code.BAD_MESSAGE, "The body did not arrive in time.", headers={"Connection": "close"}, status=408
        ) from None
    except ClientDisconnect:
        raise Failure(Code.BAD_MESSAGE, "The connection broke.") from None
    return bytes(body)


def _query(parameters: Mapping[str, str], type_: type) -> Any:
    try:
        return msgspec.convert(dict(parameters), type_, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: msgspec.ValidationError) -> Failure:
    reason, _, path = str(error).rpartition(" - at `")
    details = {"path": path.rstrip("`")} if reason else {"path": "$"}
    return Failure(Code.BAD_MESSAGE, f"{reason or error}.", details=details)


def _decode(body: bytes, type_: type) -> Any:
    if type_ is bytes:
        return body
    try:
        return msgspec.json.decode(body, type=type_, strict=True)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Failure(Code.BAD_MESSAGE, "The body is not well-formed JSON.", details={"path": "$"}) from None
