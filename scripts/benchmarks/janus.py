"""What the same costs Janus (https://janus.conf.meetecho.com/), on the same machine, with the same clients.

Janus comes from the system's packages (Debian: `apt-get install janus`); nothing of it is needed for Podium. It runs
with the settings that are cheapest for it: no other plugin, no HTTP, nothing logged, one event loop for all
connections, where its default is a thread for each. Its ICE is a full agent's, so clients name their address and answer
its checks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from media.load.connection import Crowd
from media.load.meter import Meter
from media.load.publisher import Publisher
from media.load.viewer import Viewer
from scripts.benchmarks.forward import SHAPES, Scenario, Shape, Srtp, measured, watchers
from scripts.benchmarks.report import AsJson, Result, show

# Seconds: of a handshake, whose first flight Janus drops, and of an answer.
_PATIENCE = 20.0
_KEEP_ALIVE = 20.0
_SETTINGS = {
    "janus.jcfg": """
general: {{ debug_level = 1; session_timeout = 0; event_loops = {loops} }}
media: {{ rtp_port_range = "20000-60000" }}
nat: {{ ice_lite = true; ice_enforce_list = "{host}" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
""",
    "janus.transport.websockets.jcfg": 'general: {{ ws = true; ws_port = {port}; ws_ip = "127.0.0.1"; wss = false }}\n',
    "janus.plugin.videoroom.jcfg": "general: {{ }}\n",
}
# What is not started beside the one that forwards.
_PLUGINS = "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"
_TRANSPORTS = "http mqtt nanomsg pfunix rabbitmq"
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", re.IGNORECASE | re.MULTILINE)


class Refused(Exception):
    """Janus said that something is an error."""


class Signaling:
    """Janus's own protocol, over one WebSocket: requests by transaction, and the events that answer them."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._session = 0

    async def __aenter__(self) -> Signaling:
        self._tasks = [asyncio.create_task(self._read())]
        self._session = (await self._ask("create"))["data"]["id"]
        self._tasks.append(asyncio.create_task(self._stay()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def attach(self) -> int:
        """A new handle: one connection's."""
        handle: int = (await self._ask("attach", plugin="janus.plugin.videoroom"))["data"]["id"]
        return handle

    async def say(self, handle: int, request: str, jsep: tuple[str, str] | None = None, **body: Any) -> dict[str, Any]:
        """A request to the room, with a description (kind, SDP) where there is one; what it says to that."""
        described = {"jsep": {"type": jsep[0], "sdp": jsep[1]}} if jsep is not None else {}
        answer = await self._ask("message", handle_id=handle, body={"request": request, **body}, **described)
        data = answer.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise Refused(data["error"])
        return {**data, "sdp": answer.get("jsep", {}).get("sdp", "")}

    async def _ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        transaction = secrets.token_hex(8)
        waiting = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        session = {"session_id": self._session} if self._session else {}
        await self._connection.send(json.dumps({"janus": kind, "transaction": transaction, **session, **fields}))
        try:
            answer: dict[str, Any] = await asyncio.wait_for(waiting, _PATIENCE)
        finally:
            self._waiting.pop(transaction, None)
        if answer["janus"] == "error":
            raise Refused(answer["error"]["reason"])
        return answer

    async def _read(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            waiting = self._waiting.get(message.get("transaction", ""))
            # An acknowledgement says that the answer comes later.
            if waiting is not None and not waiting.done() and message["janus"] != "ack":
                waiting.set_result(message)

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_ALIVE)
            await self._connection.send(
                json.dumps({"janus": "keepalive", "session_id": self._session, "transaction": secrets.token_hex(8)})
            )


class JanusRoom:
    """One room of Janus, its publishers and viewers. See `Served`."""

    def __init__(self, pid: int, host: str, signaling: Signaling, crowd: Crowd, meter: Meter) -> None:
        self.pid = pid
        self.publishers: list[Publisher] = []
        self.viewers: list[Viewer] = []
        self._host = host
        self._signaling = signaling
        self._crowd = crowd
        self._meter = meter
        self._room = 1 + secrets.randbelow(10**9)

    async def connect(self, shape: Shape, viewers: int) -> None:
        """Bring up the publishers, then the viewers, one after another."""
        say = self._signaling.say
        await say(await self._signaling.attach(), "create", room=self._room, publishers=100, bitrate=0)
        feeds: dict[str, int] = {}
        for number, patterns in enumerate(shape.publishers):
            publisher = Publisher(self._crowd, f"publisher-{number}", patterns, self._meter)
            self.publishers.append(publisher)
            publisher.connection.name_itself(self._host)
            handle = await self._signaling.attach()
            feeds[publisher.peer] = (await say(handle, "join", ptype="publisher", room=self._room))["id"]
            answer = (await say(handle, "configure", ("offer", publisher.offer()[0])))["sdp"]
            publisher.answered(answer, _address(answer))
            await asyncio.wait_for(publisher.connection.connected, _PATIENCE)
        await asyncio.sleep(1.0)  # until the room has taken notice of the last one
        names = [f"viewer-{number}" for number in range(viewers)] if shape.viewers else list(feeds)
        for viewer in watchers(self._crowd, self._meter, names):
            self.viewers.append(viewer)
            viewer.connection.name_itself(self._host)
            handle = await self._signaling.attach()
            others = [{"feed": feed} for peer, feed in feeds.items() if peer != viewer.peer]
            offer = (await say(handle, "join", ptype="subscriber", room=self._room, streams=others))["sdp"]
            await say(handle, "start", ("answer", viewer.offered(offer, _address(offer))))
            await asyncio.wait_for(viewer.connection.connected, _PATIENCE)

    def expected(self, viewer: Viewer) -> int:
        """All that the others sent: Janus leaves nobody's sound out."""
        return sum(track.counted for each in self.publishers if each.peer != viewer.peer for track in each.tracks)


def _address(sdp: str) -> tuple[str, int]:
    found = _CANDIDATE.search(sdp)
    if found is None:
        raise Refused("its description has no candidate")
    return found[1], int(found[2])


def _own_address() -> str:
    """One of this machine that is not loopback's, which libnice leaves out. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        host: str = probe.getsockname()[0]
        return host


@contextlib.asynccontextmanager
async def _running(program: str, host: str, loops: int) -> AsyncIterator[tuple[int, int]]:
    """A Janus of our own; its process and the port of its WebSocket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    values: dict[str, object] = {"loops": loops, "host": host, "port": port}
    for what, names in (("plugins", _PLUGINS), ("transports", _TRANSPORTS)):
        values[what] = ",".join(f"libjanus_{each}.so" for each in names.split())
    with tempfile.TemporaryDirectory() as folder:
        for name, text in _SETTINGS.items():
            (Path(folder) / name).write_text(text.format_map(values))
        process = await asyncio.create_subprocess_exec(
            *(program, "-F", folder, "-C", str(Path(folder) / "janus.jcfg")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _listens(port, process)
            yield process.pid, port
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_PATIENCE):
        while process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)
    raise Refused("it has ended at once")


async def run(program: str, scenario: Scenario, viewers: int | None, srtp: Srtp, seconds: float, loops: int) -> Result:
    """One measurement, as `forward.run`. Joins take longer here: some 30 ms of CPU each, and a second."""
    host = _own_address()
    async with (
        _running(program, host, loops) as (pid, port),
        connect(f"ws://127.0.0.1:{port}", subprotocols=[Subprotocol("janus-protocol")], max_size=None) as connection,
        Signaling(connection) as signaling,
    ):
        crowd, meter = Crowd(srtp.profile), Meter()
        room = JanusRoom(pid, host, signaling, crowd, meter)
        return {**await measured(room, crowd, meter, scenario, viewers, srtp, seconds), "loops": loops}


def command(
    scenario: Annotated[Scenario, typer.Option(help="What is sent to whom.")] = Scenario.VIDEO200,
    viewers: Annotated[int, typer.Option(min=1, max=1000, help="How many viewers; not for meeting.")] = 100,
    srtp: Annotated[Srtp, typer.Option(help="cm: AES-CM with SHA-1, gcm: AES-GCM.")] = Srtp.CM,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to measure.")] = 10.0,
    loops: Annotated[int, typer.Option(min=0, max=64, help="Its event loops; 0: a thread for each connection.")] = 1,
    as_json: AsJson = False,
) -> None:
    """The same as forward for Janus, from the system's packages: CPU time for each RTP packet it delivers."""
    program = shutil.which("janus")
    if program is None:
        raise typer.BadParameter("There is no janus here; on Debian: apt-get install janus")
    try:
        result = asyncio.run(run(program, scenario, viewers, srtp, seconds, loops))
    except (Refused, TimeoutError, OSError) as error:
        typer.echo(f"Error: Janus could not be measured: {error or 'it did not answer in time'}", err=True)
        raise typer.Exit(1) from None
    show(f"forward {scenario.value}: CPU of Janus", result, as_json, {"cpu_us_per_packet": SHAPES[scenario].to_reach})
