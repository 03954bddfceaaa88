"""One worker process: started, and started again when it ends.

The process ends with the server, also when the server is killed: the kernel tells it so. Otherwise it would hold its
UDP port against the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

import protocol
from server import log

# Pauses between starts of a worker that does not stay up; one that has lived a while starts again at once.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
STAYED_UP_S = 10.0
# How long a worker may take to say good-bye to its clients.
STOP_S = 3.0
MAX_LINE = 64 * 1024

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)

_log = log.get("podium.workers")


def _end_with_parent() -> None:
    # Between fork and exec: one system call and nothing else.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class WorkerProcess:
    """Keeps one worker running, with these `arguments` at the next start. `ended` is called each time the process is
    gone."""

    def __init__(
        self, name: str, arguments: list[str], secret: str, ended: Callable[[], None], module: str = "media"
    ) -> None:
        self.name = name
        self.starts = 0
        self.arguments = arguments
        self._secret = secret
        self._ended = ended
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The running process."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Begin to keep a worker running."""
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self) -> None:
        """End the worker for good: kindly, then not."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def kill(self) -> None:
        """End the process at once; another is started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            began = loop.time()
            try:
                await self._run()
            except OSError as error:
                _log.error("a media worker cannot be started", worker=self.name, reason=str(error))
            except Exception:
                # Whatever it was, the next start may do better; without this task there would be none.
                _log.exception("a media worker could not be kept running", worker=self.name)
            try:
                self._ended()
            except Exception:
                _log.exception("the end of a media worker could not be dealt with", worker=self.name)
            pause_s = FIRST_PAUSE_S if loop.time() - began > STAYED_UP_S else min(pause_s * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _run(self) -> None:
        self.starts += 1
        root = str(Path(protocol.__file__).parent.parent)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")}
        environment["PODIUM_WORKER_SECRET"] = self._secret
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            *self.arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
            preexec_fn=_end_with_parent,
            # Ctrl+C in a terminal goes to its whole process group; stopping the workers is the server's work.
            start_new_session=True,
        )
        _log.info("media worker started", worker=self.name, pid=process.pid)
        assert process.stderr is not None
        await _pass_on(process.stderr, self.name)
        status = await process.wait()
        _log.warning("media worker ended", worker=self.name, pid=process.pid, status=status)


async def _pass_on(lines: asyncio.StreamReader, worker: str) -> None:
    """The worker's log lines (JSON) into ours, until it ends."""
    while True:
        try:
            line = await lines.readline()
        except ValueError:
            continue  # longer than MAX_LINE: the reader has dropped it
        if not line:
            return
        try:
            fields = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError:
            _log.warning("media worker says", worker=worker, text=line.decode(errors="replace").rstrip())
            continue
        level = str(fields.pop("level", "info"))
        event = str(fields.pop("event", ""))
        fields.pop("timestamp", None)
        fields.pop("logger", None)
        said = {"error": _log.error, "warning": _log.warning, "debug": _log.debug}.get(level, _log.info)
        said("media worker says", worker=worker, text=event, fields=fields)
