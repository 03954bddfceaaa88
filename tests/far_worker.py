"""`podium worker` as a program of its own, for servers that have Redis and a secret in common with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.harness import ROOT

SECRET = {"PODIUM_WORKER_SECRET": "what the programs of a test have in common"}


class FarWorker:
    """One program with one worker process; `start` returns when it has said where it is."""

    def __init__(self, redis_url: str, *flags: str) -> None:
        self._redis_url = redis_url
        self._flags = flags
        self.process: subprocess.Popen[str]

    def start(self) -> FarWorker:
        """Start it."""
        flags = ("--host", "127.0.0.1", "--udp-port", "0", "--workers", "1", "--listen", "127.0.0.1:0")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "worker", "--redis", self._redis_url, *flags, *self._flags],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**inherited, **SECRET},
        )
        assert self.process.stdout is not None
        assert any(line.startswith("Redis: ") for line in self.process.stdout), "it did not start"
        return self

    def kill(self) -> None:
        """SIGKILL the program, and by the kernel's doing its worker: as a machine without power."""
        self.process.kill()

    def stop(self) -> None:
        """End it, unless it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(20) in (0, -signal.SIGKILL)
        assert self.process.stdout is not None
        self.process.stdout.close()
