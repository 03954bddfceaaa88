"""A throw-away server: its own processes, a temporary folder, free ports, loopback only. It ends with us."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from media.load.processes import Cpu, cpu

_START_S = 40.0
_STOP_S = 20.0
# One address is everybody's: what protects a server from one visitor is out of the way.
_LIMITS = {
    "--guests-per-minute": "10000",
    "--conferences-per-minute": "10000",
    "--requests-per-second": "100000",
    "--connections-per-address": "100000",
    "--connects-per-second": "10000",
    "--max-connections": "100000",
}
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


class LocalError(Exception):
    """The server did not start; the text says why."""


def _end_with_parent() -> None:
    # Between fork and exec: one system call and nothing else.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class LocalServer:
    """Started by `start`, ended by `stop`. `url` is where it is, `code` logs its owner in once.

    It is told to end when the thread that started it does: start it in the main one.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.url = ""
        self.code = ""
        self._folder = tempfile.TemporaryDirectory(prefix="podium-loadtest-")
        self._log = Path(self._folder.name) / "server.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it can be used. Raises `LocalError`, with nothing left running."""
        command = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", "0", "--udp-port", "0"]
        command += ["--public-ip", "127.0.0.1", "--workers", str(self.workers), "--log-level", "warning"]
        command += [
            "--data",
            str(Path(self._folder.name) / "data"),
            *(part for limit in _LIMITS.items() for part in limit),
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
                # Ctrl-C at the terminal is ours to act upon: it must not take the server from under the crowd.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        printed = self._printed()
        if "Data" not in printed:
            said = self._log.read_text(errors="replace").strip().splitlines()
            self.stop()
            raise LocalError(f"The local server did not start: {said[-1] if said else 'it said nothing'}")
        self.url = printed["Pages"].split()[0]
        self.code = parse_qs(urlsplit(printed["Owner"]).fragment)["code"][0]

    def _printed(self) -> dict[str, str]:
        assert self._process is not None and self._process.stdout is not None
        watchdog = threading.Timer(_START_S, self._process.kill)
        watchdog.start()
        printed: dict[str, str] = {}
        try:
            for text in self._process.stdout:
                name, _, rest = text.rstrip("\n").partition(": ")
                printed[name] = rest
                if name == "Data":
                    break
        finally:
            watchdog.cancel()
        return printed

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of the server and of each of its workers, as far as they run."""
        assert self._process is not None
        found: dict[str, float] = {}
        for name, pid in (("server", self._process.pid), *self._children()):
            try:
                used: Cpu = cpu(pid)
            except OSError:
                continue
            found[name] = used.total
        return found

    def _children(self) -> list[tuple[str, int]]:
        assert self._process is not None
        pid = self._process.pid
        found = []
        try:
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                command = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
                name = re.search("--worker\0([^\0]+)", command)
                if name is not None:
                    found.append((name[1], int(child)))
        except OSError:  # one that has just ended
            pass
        return sorted(found)

    def stop(self) -> None:
        """End it, and remove what it wrote."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._folder.cleanup()
