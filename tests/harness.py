"""Real servers and plain clients for the tests: processes, HTTP and WebSocket, nothing pretended."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).resolve().parent.parent
MSGPACK, JSON = "podium.v1.msgpack", "podium.v1.json"
# A start on a busy machine with two cores; a healthy one needs one to two seconds.
START_S = 60.0
# What asyncio and the interpreter say of exceptions that nobody looked at.
LOST = ("exception was never retrieved", "Exception in callback", "was never awaited", "Task was destroyed")


@dataclass
class Response:
    """An HTTP response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Guest:
    """Somebody with a token: a guest or an account."""

    token: str
    identity: str
    name: str


class Server:
    """A server in a process of its own, on free ports, with a data folder that outlives restarts."""

    def __init__(self, data: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.data = data
        self.flags = flags
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.printed: dict[str, str] = {}
        self.port = 0
        self._owner: Guest | None = None
        self._log = data.parent / f"{data.name}.log"

    # --- the process ---------------------------------------------------------------------

    def start(self) -> Server:
        """Start, and wait until it has printed its links."""
        # After a restart the same port, as a real one has: clients come back to it.
        command = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--data", str(self.data)]
        defaults = {"--port": str(self.port), "--udp-port": "0", "--workers": "1", "--log-format": "json"}
        for flag, value in defaults.items():
            if flag not in self.flags:
                command += [flag, value]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.flags],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**inherited, **self.environment},
            )
        self.printed = self._read_printed()
        self.port = urlsplit(self.printed["Pages"].split()[0]).port or 0
        return self

    def _read_printed(self) -> dict[str, str]:
        assert self.process is not None and self.process.stdout is not None
        watchdog = threading.Timer(START_S, self.process.kill)
        watchdog.start()
        printed: dict[str, str] = {}
        try:
            for raw in self.process.stdout:
                name, _, text = raw.decode().rstrip("\n").partition(": ")
                printed[name] = text
                if name == "Data":
                    return printed
        finally:
            watchdog.cancel()
        status = self.process.wait()
        raise AssertionError(f"the server did not start (status {status}):\n{self.log[-4000:]}")

    def stop(self, timeout_s: float = 20.0) -> int:
        """SIGTERM; the exit status. Once it has ended, nothing happens. Fails when the server lost an exception."""
        status = self._end(signal.SIGTERM, timeout_s)
        lost = [line for line in self.log.splitlines() if any(words in line for words in LOST)]
        assert not lost, "\n".join(lost)
        return status

    def kill9(self) -> int:
        """SIGKILL the server's process alone; its workers are left to themselves, as in a real crash."""
        return self._end(signal.SIGKILL, 10.0)

    def restart(self) -> Server:
        """Stop when it runs, and start with the same data on the same port."""
        self.stop()
        return self.start()

    def _end(self, number: signal.Signals, timeout_s: float) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop within {timeout_s} s:\n{self.log[-4000:]}") from None
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
        return status

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """What the server has logged so far, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def udp_ports(self) -> list[int]:
        return [int(port) for port in re.findall(r"\d+", self.printed["Media"])]

    # --- HTTP ----------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def request(
        self, method: str, path: str, body: Any = None, token: str | None = None, headers: dict[str, str] | None = None
    ) -> Response:
        """One HTTP request; `body` goes as JSON, or as it is when it is bytes."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, found, response.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """A request to `/api/v1` that must succeed; its JSON."""
        response = self.request(method, "/api/v1" + path, body, token)
        assert response.status == 200, (response.status, response.body)
        return response.json

    def metrics(self) -> dict[str, float]:
        """All samples at `/metrics`, by their name with labels."""
        text = self.request("GET", "/metrics").body.decode()
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    # --- people --------------------------------------------------------------------------

    @property
    def conference(self) -> str:
        """The conference that the printed links lead to."""
        return urlsplit(self.printed["Guests"]).path.removeprefix("/c/")

    @property
    def code(self) -> str:
        """The one-time code of the printed owner's link."""
        return parse_qs(urlsplit(self.printed["Owner"]).fragment)["code"][0]

    def login(self) -> Guest:
        """The owner; logs in by the printed link the first time."""
        if self._owner is None:
            answer = self.api("POST", "/login", {"code": self.code})
            self._owner = Guest(answer["token"], answer["account"]["id"], answer["account"]["name"])
        return self._owner

    def signed_in(self, token: str, identity: str) -> None:
        """The owner signed in elsewhere, by the link that works once."""
        self._owner = Guest(token, identity, "Owner")

    def invite(self, role: str = "viewer", conference: str | None = None) -> str:
        """An invitation by the owner; its token."""
        path = f"/conferences/{conference or self.conference}/invitations"
        return str(self.api("POST", path, {"role": role}, self.login().token)["token"])

    def guest(self, name: str, role: str = "viewer", conference: str | None = None) -> Guest:
        """A guest who came by a link."""
        answer = self.api("POST", "/guests", {"invite": self.invite(role, conference), "name": name})
        return Guest(answer["token"], answer["identity"], answer["name"])

    def create(self, title: str = "A conference") -> str:
        """A new conference of the owner; its id. One that people of a test before are still in is ended first."""
        token = self.login().token
        while True:
            made = self.api("POST", "/conferences", {"title": title}, token)
            if not made["returned"]:
                return str(made["conference"])
            self.api("POST", f"/conferences/{made['conference']}/end", token=token)

    def podium(self, *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        """The `podium` command on this server's data."""
        return podium(*arguments, "--data", str(self.data), input=input)


def podium(
    *arguments: str, input: str = "", environment: dict[str, str] | None = None, timeout_s: float = 30
) -> subprocess.CompletedProcess[str]:
    """Run the `podium` command to its end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")}
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        input=input,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**inherited, **(environment or {})},
    )


class Refused(AssertionError):
    """The server refused a command."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer)
        self.code: str = answer["code"]
        self.answer = answer


@dataclass
class Client:
    """A WebSocket client that checks what the protocol promises: answers match, events have no gap.

    `events` and `signals` are queues; `position` is the version of the last event or snapshot.
    """

    server: Server
    encoding: str = MSGPACK
    client: str = field(default_factory=lambda: secrets.token_hex(8))
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    signals: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    identity: str = ""
    epoch: int = 0
    position: int = 0
    resume_token: str | None = None
    conference: str = ""
    snapshot: dict[str, Any] = field(default_factory=dict)
    closing: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.unmatched: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed = asyncio.Event()

    # --- the connection ------------------------------------------------------------------

    async def connect(self, **options: Any) -> Client:
        self.closed.clear()
        self._socket = await connect(
            self.server.ws_url, subprotocols=[Subprotocol(self.encoding)], compression=None, proxy=None, **options
        )
        self._reader = asyncio.create_task(self._read(), name="test client")
        return self

    async def hello(self, token: str, *, resume: bool = False) -> dict[str, Any]:
        """Connect where needed, and say hello; the `welcome`."""
        if self._socket is None or self.closed.is_set():
            await self.connect()
        more: dict[str, Any] = {}
        if resume:
            more["resume"] = {
                "conference": self.conference,
                "epoch": self.epoch,
                "version": self.position,
                "token": self.resume_token,
            }
        welcome = (await self.send("hello", token=token, client=self.client, **more))["result"]
        self.identity = welcome["identity"]
        if welcome.get("resume"):
            self.resume_token = welcome["resume"]
        return dict(welcome)

    async def join(self, conference: str, **fields: Any) -> dict[str, Any]:
        """Join; the snapshot."""
        answer = await self.send("conference.join", conference=conference, **fields)
        self.conference = conference
        self.resume_token = answer["result"]["resume"]
        # `_take` has started from the snapshot: by now events may have followed it.
        return dict(answer["result"]["snapshot"])

    async def send(self, type: str, *, timeout_s: float = 10.0, id: int | None = None, **fields: Any) -> dict[str, Any]:
        """Send a message; the `ok`. Raises `Refused`."""
        number = next(self._ids) if id is None else id
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self.send_raw({"type": type, "id": number, **fields})
            async with asyncio.timeout(timeout_s):
                found: dict[str, Any] = await answer
        finally:
            self._answers.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # looked at, also where sending failed before it was waited for
        if found["type"] == "refused":
            raise Refused(found)
        return found

    async def send_raw(self, message: Any) -> None:
        """Send anything: a mapping in the client's encoding, bytes or text as they are."""
        assert self._socket is not None
        if isinstance(message, dict):
            message = json.dumps(message) if self.encoding == JSON else msgpack.packb(message)
        await self._socket.send(message)

    async def close(self) -> None:
        """Close in order."""
        if self._socket is not None:
            await self._socket.close()
        await self._ended()

    async def drop(self) -> None:
        """Break the connection, as a lost network does."""
        if self._socket is not None:
            self._socket.transport.abort()
        await self._ended()

    async def _ended(self) -> None:
        if self._reader is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drop()

    # --- what comes ----------------------------------------------------------------------

    async def event(self, type: str, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
        """The next event of this type with these fields; those before it are let go."""
        return await _next(self.events, type, fields, timeout_s)

    async def signal(self, type: str, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
        """The next signal of this type with these fields; those before it are let go."""
        return await _next(self.signals, type, fields, timeout_s)

    def person(self, identity: str) -> dict[str, Any]:
        """Somebody as the last snapshot shows them."""
        return next(person for person in self.snapshot["people"] if person["id"] == identity)

    def _start_from(self, snapshot: dict[str, Any]) -> None:
        self.snapshot = snapshot
        self.epoch, self.position = snapshot["epoch"], snapshot["version"]

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for raw in self._socket:
                message = json.loads(raw) if isinstance(raw, str) else msgpack.unpackb(raw)
                self._take(message)
        except Exception as error:  # a broken connection is an ordinary end; anything else fails the waiting test
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionError(repr(error)))
        finally:
            self.closed.set()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionError(f"closed: {self.closing}"))

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind in ("ok", "refused"):
            answer = self._answers.get(message.get("id", -1))
            if answer is not None and not answer.done():
                answer.set_result(message)
            else:
                self.unmatched.put_nowait(message)
            if kind == "ok" and (message.get("result") or {}).get("type") == "joined":
                # Before the next event is read: it may follow at once.
                self._start_from(message["result"]["snapshot"])
        elif "version" in message:
            if message["version"] <= self.position:
                return
            assert message.get("after", 0) <= self.position, f"a gap: at {self.position}, then {message}"
            self.position = message["version"]
            self.events.put_nowait(message)
        else:
            if kind in ("resync", "admitted"):
                self._start_from(message["snapshot"])
            elif kind == "closing":
                self.closing = message
            self.signals.put_nowait(message)


async def _next(
    queue: asyncio.Queue[dict[str, Any]], type: str, fields: dict[str, Any], timeout_s: float
) -> dict[str, Any]:
    seen = []
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                message = await queue.get()
                seen.append(message)
                if message["type"] == type and all(message.get(name) == value for name, value in fields.items()):
                    return message
    except TimeoutError:
        raise AssertionError(f"no {type} {fields} within {timeout_s} s, but {seen}") from None


async def until(condition: Any, timeout_s: float = 10.0, every_s: float = 0.05) -> Any:
    """Wait until `condition()` is true; what it returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{condition} was not true within {timeout_s} s"
        await asyncio.sleep(every_s)
