"""A real relay: coturn, started as docker-compose.yml starts it and with the configuration that goes with it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import textwrap
from pathlib import Path

from tests.harness import ROOT, until

SECRET = "a secret of these tests, long enough"


def free_port() -> int:
    """A UDP port of 127.0.0.1 that nobody has just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Coturn:
    """The relay at 127.0.0.1, for peers at `worker` alone. Its files are in `folder`."""

    def __init__(self, folder: Path, worker: str, secret: str = SECRET) -> None:
        self.port = free_port()
        self.log = ""
        self._folder = folder
        self._worker = worker
        self._secret = secret
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]

    @property
    def url(self) -> str:
        """As the server is told it."""
        return f"turn:127.0.0.1:{self.port}?transport=udp"

    async def __aenter__(self) -> Coturn:
        await self.start()
        await until(self._is_up, 20.0)
        return self

    async def start(self) -> None:
        """Start the process; it may refuse."""
        if shutil.which("turnserver") is None:
            raise AssertionError("coturn is missing; install it, on Debian with: apt-get install coturn")
        folder = self._folder
        folder.mkdir(exist_ok=True)
        configuration = (ROOT / "deploy" / "coturn" / "turnserver.conf").read_text()
        changed = configuration.replace("listening-port=3478", f"listening-port={self.port}\nlistening-ip=127.0.0.1")
        assert changed != configuration
        # Here the peers are on the same machine, which it refuses before it looks at any list.
        changed += f"relay-ip=127.0.0.1\nallow-loopback-peers\nuserdb={folder}/turndb\npidfile={folder}/pid\n"
        (folder / "given.conf").write_text(changed)
        script = _script()
        script = script.replace("/etc/coturn/turnserver.conf", f"{folder}/given.conf")
        script = script.replace("/tmp/turnserver.conf", f"{folder}/used.conf")
        self._process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", script),
            env={**os.environ, "PODIUM_TURN_SECRET": self._secret, "PODIUM_PUBLIC_IP": self._worker},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.log += line.decode(errors="replace")

    def _is_up(self) -> bool:
        assert self._process.returncode is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    async def ended(self) -> int:
        """Its exit code, when it has ended by itself."""
        async with asyncio.timeout(10):
            await self._reading
            return await self._process.wait()

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await self.ended()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _script() -> str:
    """The service's command in docker-compose.yml."""
    text = (ROOT / "docker-compose.yml").read_text()
    found = re.search(r"entrypoint: \[/bin/sh, -c\]\n +command:\n +- \|\n((?: {8}.*\n)+)", text)
    assert found is not None
    return textwrap.dedent(found[1]).replace("$$", "$")
