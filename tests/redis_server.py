"""Real Redis servers for the tests: processes in folders of their own, stopped, frozen and killed by their pid."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_S = 10.0


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class RedisServer:
    """A redis-server on a unix socket, with an append-only file in `folder` that outlives restarts.

    `port` is 0 unless it was asked for; the flags are those of redis.conf, as `--maxmemory 8mb`.
    """

    def __init__(self, folder: Path, *flags: str, port: int = 0) -> None:
        self.folder = folder
        self.flags = flags
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        # The path of a unix socket has room for some hundred bytes.
        self.socket = folder / "r.sock"

    @property
    def url(self) -> str:
        """For tests that are not about time: on a busy machine a second is little for three processes."""
        return f"{self.strict_url}?timeout=10"

    @property
    def strict_url(self) -> str:
        """With the time-outs that everybody has."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> str:
        path = self.folder / "redis.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> RedisServer:
        """Start, and wait until it answers. Its absence fails: a test that was skipped has shown nothing."""
        program = shutil.which("redis-server")
        assert program is not None, "redis-server is missing; install it, on Debian with: apt-get install redis-server"
        common = (
            *("--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket)),
            *("--dir", str(self.folder), "--logfile", "redis.log", "--save", "", "--daemonize", "no"),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--no-appendfsync-on-rewrite", "yes"),
        )
        self.process = subprocess.Popen(
            [program, *common, *self.flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self.process.poll() is None, f"redis-server ended:\n{self.log[-2000:]}"
            assert time.monotonic() < deadline, f"redis-server did not start:\n{self.log[-2000:]}"
            time.sleep(0.01)
        return self

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
            one.settimeout(1.0)
            one.connect(str(self.socket))
            one.sendall(b"PING\r\n")
            answer = one.recv(64)
            return answer.startswith((b"+PONG", b"-NOAUTH"))
        return False

    def kill9(self) -> None:
        """SIGKILL; what it has not written to its file is lost."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and nothing when it has ended."""
        self.thaw()
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self._signal(number)
            self.process.wait(10)
            self.socket.unlink(missing_ok=True)
