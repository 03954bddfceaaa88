"""The server's HTTP API: any request, lists to their end, and what most programs begin with.

Every endpoint is in `/openapi.json`, and by its name there in `ask`. What makes something goes with an Idempotency-Key,
so it is sent again when the connection broke before the answer, and is done once.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from protocol.client.operations import OPERATIONS
from protocol.names import Role

_BASE = "/api/v1"
_TIMEOUT_S = 15.0
# The answer to a file comes when its slides are made: 0.2 s for each of 300 pages, and much more on a slow machine.
_UPLOAD_S = 400.0
_FILE = "application/octet-stream"
# How often a request that came too soon is repeated, each time after what the server says.
_PATIENCE = 60
# How often a request that got no answer is sent again where that is harmless.
_TRIES = 3
_AGAIN_S = 0.5


class ApiError(Exception):
    """A request failed; the text is a sentence. `status` is 0 when there was no answer; `code`: the server's."""

    def __init__(self, sentence: str, status: int = 0, code: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.details = details or {}


class Api:
    """Requests over kept connections, `parallel` at a time."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None, parallel: int = 4) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._context = context if parts.scheme == "https" else None
        self._secure = parts.scheme == "https"
        self._idle: list[http.client.HTTPConnection] = []
        self._turn = asyncio.Semaphore(parallel)

    async def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, *, key: str | None = None
    ) -> Any:
        """A request to `/api/v1`; its JSON, or the bytes of anything else. Waits and repeats where the server says that
        it came too soon.

        `body`: JSON, or the bytes of a file. `key`: the Idempotency-Key of a request that makes something. Raises
        `ApiError`.
        """
        raw = isinstance(body, bytes)
        headers = {"Content-Type": _FILE if raw else "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        data = body if body is None or raw else json.dumps(body).encode()
        tries = _TRIES if method == "GET" or key is not None else 1
        async with self._turn:
            for _ in range(_PATIENCE):
                try:
                    status, answer = await asyncio.to_thread(self._request, method, _BASE + path, data, headers)
                except ApiError:
                    tries -= 1
                    if tries == 0:
                        raise
                    await asyncio.sleep(_AGAIN_S)
                    continue
                if 200 <= status < 300:
                    return answer
                after_ms = answer.get("details", {}).get("after_ms", 0)
                if status != 429 or not after_ms:
                    break
                await asyncio.sleep(after_ms / 1000)
        said = answer.get("message") or answer.get("error") or "no reason given"
        sentence = f"The server refused {method} {path} ({status}): {said}"
        raise ApiError(sentence, status, answer.get("code", ""), answer.get("details"))

    async def ask(self, operation: str, body: Any = None, token: str | None = None, **fields: str | int) -> Any:
        """One of `OPERATIONS`, as the OpenAPI document names them: `fields` are those of its path, others go behind the
        `?`. What is done once is given a key. Raises `ApiError`, and `KeyError` for one that there is not."""
        method, path, once = OPERATIONS[operation]
        there = {name: value for name, value in fields.items() if f"{{{name}}}" in path}
        filled = path.format_map({name: quote(str(value), safe="") for name, value in there.items()})
        asked = urlencode({name: value for name, value in fields.items() if name not in there})
        key = secrets.token_urlsafe(16) if once else None
        return await self.call(method, f"{filled}?{asked}" if asked else filled, body, token, key=key)

    async def make(self, path: str, body: Any, token: str) -> Any:
        """A POST that makes something: with a key of its own, so that it is done once. Raises `ApiError`."""
        return await self.call("POST", path, body, token, key=secrets.token_urlsafe(16))

    async def entries(self, path: str, field: str, token: str, **asked: str | int) -> AsyncIterator[Any]:
        """Everything in a list that comes in pages; `field`: where the entries are. Raises `ApiError`."""
        after: str | None = ""
        while after is not None:
            query = urlencode({**asked, **({"after": after} if after else {})})
            page = await self.call("GET", f"{path}?{query}" if query else path, token=token)
            for entry in page[field]:
                yield entry
            after = page["next"]

    def close(self) -> None:
        """Close the connections."""
        for connection in self._idle:
            connection.close()

    def _request(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        # A kept connection may have been closed by the server meanwhile; a fresh one has not. What was not answered in
        # time may have been heard: that is not sent again here.
        while True:
            kept = bool(self._idle)
            connection = self._idle.pop() if kept else self._connection()
            self._be_patient(connection, _UPLOAD_S if headers["Content-Type"] == _FILE else _TIMEOUT_S)
            try:
                try:
                    connection.request(method, path, data, headers)
                    response = connection.getresponse()
                except (BrokenPipeError, ConnectionResetError):  # also http.client's RemoteDisconnected
                    if not kept:
                        raise
                    connection.close()
                    continue
                read = response.read()
                break
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise ApiError(f"The server at {self._host} does not answer: {error}.") from None
        self._idle.append(connection)
        kind = response.headers.get_content_type()
        if response.status < 300 and kind != "application/json":
            return response.status, read
        try:
            answer = json.loads(read)
        except ValueError:
            answer = {}
        # A list is an answer too; a refusal that something in front of the server made may be anything.
        return response.status, answer if response.status < 300 or isinstance(answer, dict) else {}

    def _be_patient(self, connection: http.client.HTTPConnection, seconds: float) -> None:
        connection.timeout = seconds
        if connection.sock is not None:
            connection.sock.settimeout(seconds)

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=_TIMEOUT_S, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)

    # --- what most programs begin with ---------------------------------------------------

    async def log_in(self, code: str) -> str:
        """The token of the account that a one-time code belongs to."""
        return str((await self.call("POST", "/login", {"code": code}))["token"])

    async def create(self, title: str, token: str) -> str:
        """A new conference. Raises `ApiError` also when the account has one that is running."""
        made = await self.make("/conferences", {"title": title}, token)
        if made["returned"]:
            raise ApiError(f"The account has a conference with people in it ({made['conference']}): end it first.")
        return str(made["conference"])

    async def end(self, conference: str, token: str) -> None:
        """End a conference for everybody."""
        await self.call("POST", f"/conferences/{conference}/end", token=token)

    async def invite(self, conference: str, role: Role, token: str, label: str = "", days: int = 1) -> str:
        """A guest link of a role; its token."""
        body = {"role": role.value, "label": label, "days": days}
        return str((await self.make(f"/conferences/{conference}/invitations", body, token))["token"])

    async def enter(self, invite: str, name: str) -> tuple[str, str, str]:
        """Come in by a guest link: token, identity and conference."""
        made = await self.call("POST", "/guests", {"invite": invite, "name": name})
        return str(made["token"]), str(made["identity"]), str(made["conference"])


def invitation(link: str) -> tuple[str, str]:
    """The server's address and the token of a guest link as it is copied. Raises `ValueError` for anything else."""
    parts = urlsplit(link)
    token = parse_qs(parts.fragment).get("invite", [""])[0]
    if parts.scheme not in ("http", "https") or not parts.netloc or not token:
        raise ValueError(f"{link.partition('#')[0]} is no guest link: it has the form https://host/c/ID#invite=….")
    return f"{parts.scheme}://{parts.netloc}", token


def tls(insecure: bool) -> ssl.SSLContext:
    """How the server's certificate is checked; `insecure`: not at all."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
